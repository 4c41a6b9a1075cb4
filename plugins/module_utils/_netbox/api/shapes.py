# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The shapes of NetBox's objects: the keys that this collection reads, checked as they come."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from ..._values.shape import (
    Misfit,
    Shape,
    anything,
    entries,
    list_of,
    object_of,
    optional,
    text,
    whole,
    word,
)


def address(value: Any) -> Misfit | None:
    """Fit an IP address with or without a prefix length."""
    misfit = text(value)
    if misfit is not None:
        return misfit
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return Misfit("", "no IP address")
    return None


def _custom_field(value: Any) -> Misfit | None:
    misfit = _CUSTOM_FIELD(value)
    if misfit is not None:
        return misfit
    # NetBox 4.0 gave the key another name, 3.6 made the choices an object of their own.
    if value.get("object_types") is None and value.get("content_types") is None:
        return Misfit(".object_types", "nothing")
    if value["type"]["value"] == "select" and value.get("choice_set") is None and value.get("choices") is None:
        return Misfit(".choice_set", "nothing")
    return None


PAGE = object_of({"results": list_of(anything), "count": whole})
ID = object_of({"id": whole})
_NAMED = object_of({}, {"name": text, "display": text})
_OWNER = object_of({}, {"name": text, "display": text, "device": _NAMED, "virtual_machine": _NAMED})
_PARENT = object_of({"id": whole}, {"name": text})
_MACS = {"mac_address": text, "mac_addresses": list_of(object_of({"mac_address": text}))}
_ASSIGNED = {"assigned_object_type": optional(text), "assigned_object_id": optional(whole)}
_CUSTOM_FIELD = object_of(
    {"id": whole, "name": text, "type": object_of({"value": word})},
    {
        "object_types": list_of(text),
        "content_types": list_of(text),
        "choices": list_of(text),
        "choice_set": ID,
    },
)
_DEVICE = {"id": whole, "name": optional(text)}
_ADDRESSES = {"primary_ip4": ID, "primary_ip6": ID, "oob_ip": ID}

_BY_PATH: Mapping[str, Shape] = {
    "dcim/devices/": object_of(
        {**_DEVICE, "status": object_of({"value": word}), "custom_fields": entries},
        {**_ADDRESSES, "display": text, "serial": text},
    ),
    "dcim/interfaces/": object_of(
        {"id": whole, "name": text, "device": object_of({"id": whole}, {"name": text})}, _MACS
    ),
    "dcim/inventory-items/": object_of(
        {"id": whole, "device": object_of({"id": whole})}, {"name": text, "serial": text}
    ),
    "virtualization/interfaces/": object_of({"id": whole}, {**_MACS, "name": text, "virtual_machine": _NAMED}),
    "dcim/mac-addresses/": object_of({"id": whole, "mac_address": text, **_ASSIGNED}, {"assigned_object": _OWNER}),
    "ipam/ip-addresses/": object_of({"id": whole, "address": address, **_ASSIGNED}, {"assigned_object": _OWNER}),
    "extras/journal-entries/": object_of({"id": whole, "assigned_object_id": whole}, {"comments": text}),
    "extras/custom-fields/": _custom_field,
    "extras/custom-field-choice-sets/": object_of(
        {"id": whole, "name": text, "extra_choices": list_of(list_of(anything, length=2))}
    ),
    "extras/tags/": object_of({"id": whole, "name": text}),
    "ipam/vrfs/": object_of({"id": whole, "name": text}),
}
# Of devices where the query asks for fields without the state; NetBox before 4.0 sends all.
_FEW_FIELDS = object_of({**_DEVICE, "display": text, "serial": text})


def shape_of(path: str, *, few_fields: bool = False) -> Shape:
    """Return the shape of the objects at a path below /api/; any object with an id where it is not known."""
    if few_fields and path == "dcim/devices/":
        return _FEW_FIELDS
    return _BY_PATH.get(path, ID)
