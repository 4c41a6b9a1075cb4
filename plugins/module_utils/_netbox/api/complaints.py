# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What NetBox complains of, in the forms of its versions, by field and by object. Pure; never raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LONGEST = 500
_NOT_A_CHOICE = re.compile(r"Select a valid choice\. ([0-9]{1,18}) is not one of the available choices")
_WHOLE = ("detail", "non_field_errors", "__all__")


def complaints_in(said: Any) -> dict[str, str]:
    """Give the reasons of a refusal by field, "" for the whole; of many objects only those of the objects at fault."""
    merged: dict[str, str] = {}
    for each in _parts(said):
        if isinstance(each, dict):
            for name, text in each.items():
                merged.setdefault("" if name in _WHOLE else str(name), _flat(text))
        else:
            merged.setdefault("", _flat(each))
    return {name: text for name, text in merged.items() if text}


def culprits_of(said: Any) -> dict[tuple[str, int], Any]:
    """Give what NetBox says of each object at fault, by ("index", its place in the request) or ("id", its id).

    Until 4.6 creating many is answered with a list, in which those without fault are empty. From 4.7 on every bulk
    request is answered with `errors`, a list of those at fault.
    """
    if isinstance(said, list):
        # One for many does not say which.
        named = enumerate(said) if len(said) > 1 else ()
        return {("index", place): each for place, each in named if isinstance(each, dict) and each}
    return {
        (name, each[name]): each.get("errors")
        for each in _errors_in(said)
        for name in ("index", "id")
        if isinstance(each.get(name), int)
    }


def vanished_in(complaints: Mapping[str, str]) -> dict[str, str]:
    """Give the ids that filters named and NetBox does not have (any more), by filter; it names one at a time."""
    found = ((name, _NOT_A_CHOICE.search(text)) for name, text in complaints.items())
    return {name: match[1] for name, match in found if match}


def is_missing(said: Any) -> bool:
    """Return whether it says of one object that it does not exist, as bulk requests do from 4.7 on."""
    return isinstance(said, dict) and list(said) == ["id"] and "does not exist" in _flat(said["id"])


def _errors_in(said: Any) -> list[dict[str, Any]]:
    errors = said.get("errors") if isinstance(said, dict) else None
    return [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []


def _parts(said: Any) -> list[Any]:
    if isinstance(said, list):
        return said
    return [each.get("errors") for each in _errors_in(said)] or ([] if said is None else [said])


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_flat(each)}" for name, each in value.items())[:_LONGEST]
    if isinstance(value, list):
        return ", ".join(filter(None, map(_flat, value)))[:_LONGEST]
    return str(value)[:_LONGEST]
