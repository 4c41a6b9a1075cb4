# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Profiles: which controls a server must meet, inherited by device type, with waivers that expire. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .controls import BY_NAME, CONTROLS
from .errors import RedfishConfigError

BASELINE_NAME = "baseline"
# What the guides ask of every server; addresses, versions and names of a site are its own profile's.
BASELINE: Mapping[str, Any] = {
    "boot_mode": "uefi",
    "tpm": True,
    "secure_boot": True,
    "lockout": {"threshold": 5, "duration": 600},
    "password_length": 12,
    "factory_accounts_off": ["root", "Administrator", "ADMIN", "USERID", "admin"],
    "session_timeout": 900,
    "tls": "1.2",
    "snmp": "off",
    "telnet": False,
    "ssdp": False,
    "kvm": False,
    "virtual_media": False,
    "ssh": False,
    "host_interface": False,
    "http": False,
    "ipmi_over_lan": False,
    "lockdown": True,
}

_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_WAIVER = {"control", "reason", "expires"}
_PART = {"controls", "waivers"}
_WHOLE = _PART | {"name", "inherits", "device_types"}


@dataclass(frozen=True)
class Waiver:
    """Leave not to meet a control until a day, such as 2027-01-31, that day included."""

    control: str
    reason: str
    expires: str


@dataclass(frozen=True)
class Profile:
    """What one server must meet: values by the name of their control, in the table's order, and waivers."""

    name: str
    controls: Mapping[str, Any]
    waivers: Mapping[str, Waiver]


def profile_for(given: Mapping[str, Any], device_type: str = "") -> Profile:
    """Return the profile of one server: the baseline, what is given, and what is given for its device type.

    A control that is null is none of the profile's. Raises RedfishConfigError with all problems; none holds a value.
    """
    problems = list(profile_problems(given))
    if problems:
        raise RedfishConfigError(f"the profile can't be used: {'; '.join(problems[:10])}")
    parts = [given]
    parts += [part for name, part in (given.get("device_types") or {}).items() if name == device_type]
    values: dict[str, Any] = dict(BASELINE) if given.get("inherits", BASELINE_NAME) == BASELINE_NAME else {}
    waivers: dict[str, Waiver] = {}
    for part in parts:
        values.update(part.get("controls") or {})
        waivers.update({each["control"]: Waiver(**each) for each in _dated(part.get("waivers") or [])})
    if values.get("secure_boot") and values.get("boot_mode") == "legacy":
        raise RedfishConfigError("the profile can't be met: secure_boot needs boot_mode uefi")
    ordered = {each.name: values[each.name] for each in CONTROLS if values.get(each.name) is not None}
    return Profile(str(given.get("name") or BASELINE_NAME), ordered, waivers)


def profile_problems(given: Mapping[str, Any]) -> Iterator[str]:
    """Give what is wrong with a profile, one sentence each."""
    unknown = [key for key in given if key not in _WHOLE]
    if unknown:
        yield f"it takes {', '.join(sorted(_WHOLE))} and no others"
    if given.get("inherits", BASELINE_NAME) not in (BASELINE_NAME, None):
        yield f"inherits takes {BASELINE_NAME}, or null for none"
    if "name" in given and not isinstance(given["name"], str):
        yield "name must be a text"
    yield from _part_problems({key: value for key, value in given.items() if key in _PART}, "")
    types = given.get("device_types") or {}
    if not isinstance(types, Mapping):
        yield "device_types must be a dictionary of device types"
        return
    for part in types.values():
        if not isinstance(part, Mapping) or set(part) - _PART:
            yield "each of device_types takes controls and waivers and no others"
        else:
            yield from _part_problems(part, "device_types.*.")


def _part_problems(part: Mapping[str, Any], where: str) -> Iterator[str]:
    controls = part.get("controls") or {}
    if not isinstance(controls, Mapping):
        yield f"{where}controls must be a dictionary"
        controls = {}
    for name, value in controls.items():
        if name not in BY_NAME:
            yield f"{where}controls names one that there is not; there are {', '.join(BY_NAME)}"
        elif value is not None:
            yield from (f"{where}controls.{name}{rest}" for rest in BY_NAME[name].kind.problems(value))
    waivers = part.get("waivers") or []
    if not isinstance(waivers, list):
        yield f"{where}waivers must be a list"
        return
    for number, waiver in enumerate(waivers):
        yield from (f"{where}waivers[{number}] {rest}" for rest in _waiver_problems(waiver))


def _waiver_problems(waiver: Any) -> Iterator[str]:
    if not isinstance(waiver, Mapping) or set(waiver) != _WAIVER:
        yield "must have control, reason and expires, and nothing else"
        return
    if waiver["control"] not in BY_NAME:
        yield "names a control that there is not"
    if not isinstance(waiver["reason"], str) or not waiver["reason"].strip():
        yield "needs a reason"
    if not _DATE.fullmatch(str(waiver["expires"])):
        yield "expires on no day like 2027-01-31"


def _dated(waivers: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    # YAML makes a date of 2027-01-31; its text is the same again.
    return [{key: str(each[key]) for key in _WAIVER} for each in waivers]


def profile_schema() -> dict[str, Any]:
    """Return the JSON Schema of a profile (draft 2020-12)."""
    date = {"type": "string", "pattern": f"^{_DATE.pattern}$"}
    waiver = {
        "type": "object",
        "required": sorted(_WAIVER),
        "additionalProperties": False,
        "properties": {
            "control": {"enum": list(BY_NAME)},
            "reason": {"type": "string", "pattern": r"\S"},
            "expires": date,
        },
    }
    part = {
        "controls": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                each.name: {"title": each.title, "anyOf": [each.kind.schema, {"type": "null"}]} for each in CONTROLS
            },
        },
        "waivers": {"type": "array", "items": waiver},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Hardening profile",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string"},
            "inherits": {"enum": [BASELINE_NAME, None]},
            **part,
            "device_types": {
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": False, "properties": part},
            },
        },
    }
