# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The options of devices and categories, and how they are read.

No option has a default that is sent to BCM: what is not given is left as it is.
"""

from __future__ import annotations

from typing import Any

from ..api.bulk import BulkCalls
from ..api.errors import BcmConfigError
from ..entities import category, device
from ..entities.fields import NAME, STATE, options_of
from ..entities.merge import SubObjects
from ..entities.schema import Schema

Spec = dict[str, Any]


def _entity(schema: Schema, **beside: Spec) -> Spec:
    """Return the options of all fields, name and state, and `beside`: options without a field of their own."""
    return {**options_of(schema.fields), schema.name_option: NAME, "state": STATE, **beside}


def _list_of(options: Spec, **more: Any) -> Spec:
    return {"type": "list", "elements": "dict", "options": options, **more}


# Lists in which a word alone is the name of an element.
TAKES_WORDS = frozenset(
    known.option
    for known in (*device.DEVICE.fields, *category.CATEGORY.fields)
    if isinstance(known.kind, SubObjects) and known.kind.takes_words
)

DEVICE = _entity(device.DEVICE)
CATEGORY = _entity(category.CATEGORY, clone_from={"type": "str"})

DEVICES: Spec = {"devices": _list_of(DEVICE, required=True)}
CATEGORIES: Spec = {"categories": _list_of(CATEGORY, required=True)}
# Those that the same run creates or changes, for modules that need to know what they will be.
DECLARED_CATEGORIES: Spec = {"categories": _list_of(CATEGORY, default=[])}

# Which nodes a category may decide for.
MEMBERS: Spec = {
    "members": {"type": "list", "elements": "str", "default": []},
    "allow_member_change": {"type": "bool", "default": False},
}
# What is done where others are at work, or where a node runs that is to be removed.
CLAIMS: Spec = {"allow_claimed": {"type": "bool", "default": False}, "claim_run": {"type": "str"}}
REMOVAL: Spec = {"allow_up": {"type": "bool", "default": False}}
# Taking claims, for as long as nothing renews them.
CLAIM: Spec = {
    "state": STATE,
    "devices": _list_of(DEVICE, default=[]),
    "categories": _list_of(CATEGORY, default=[]),
    "allow_member_change": {"type": "bool", "default": False},
    "owner": {"type": "str"},
    "claim_time": {"type": "float", "default": 300.0},
}
PARALLEL: Spec = {
    # A boolean that a play gives is taken as the word it is written with.
    "bulk_calls": {"type": "str", "choices": [word.value for word in BulkCalls], "default": BulkCalls.AUTO.value},
    "parallel_calls": {"type": "int", "default": 5},
}

_PURGE = "purge_"
_LISTS = [option.removeprefix(_PURGE) for option in {**DEVICE, **CATEGORY} if option.startswith(_PURGE)]


def wanted_of(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of one entity as they are merged: lists as {elements, purge}, the image as {name, revision}.

    An empty list that was given clears the list, as documented; a list that was not given stays None. Raises
    BcmConfigError for an option that needs another one.
    """
    wanted = dict(options)
    if wanted.get("software_image_revision") is not None and not wanted.get("software_image"):
        raise BcmConfigError("software_image_revision needs software_image: it is a revision of that image")
    for option in _LISTS:
        elements = wanted.get(option)
        if elements is None and wanted.get(f"{_PURGE}{option}"):
            raise BcmConfigError(f"{_PURGE}{option} needs {option}: what is not named in it is removed")
        if elements is not None:
            wanted[option] = {"elements": elements, "purge": wanted.get(f"{_PURGE}{option}") or not elements}
    if wanted.get("software_image") is not None:
        wanted["software_image"] = {
            "name": wanted["software_image"],
            "revision": wanted.pop("software_image_revision", None),
        }
    return wanted
