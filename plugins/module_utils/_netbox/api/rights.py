# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What NetBox calls the rights of a token's user: one right for each action on each kind of object. Pure."""

from __future__ import annotations

from collections.abc import Iterable

_ACTIONS = {"GET": "view", "POST": "add", "PATCH": "change", "PUT": "change", "DELETE": "delete"}
_MODELS = {
    "dcim/devices": "dcim.{}_device",
    "dcim/interfaces": "dcim.{}_interface",
    "dcim/mac-addresses": "dcim.{}_macaddress",
    "virtualization/interfaces": "virtualization.{}_vminterface",
    "dcim/inventory-items": "dcim.{}_inventoryitem",
    "dcim/cables": "dcim.{}_cable",
    "ipam/ip-addresses": "ipam.{}_ipaddress",
    "ipam/vrfs": "ipam.{}_vrf",
    "extras/journal-entries": "extras.{}_journalentry",
    "extras/tags": "extras.{}_tag",
    "extras/custom-fields": "extras.{}_customfield",
    "extras/custom-field-choice-sets": "extras.{}_customfieldchoiceset",
}


def right_to(method: str, path: str) -> str:
    """Name the right that a request needs, as dcim.change_device; "" where that is not known."""
    model = _MODELS.get(path.strip("/0123456789").rstrip("/"), "")
    return model.format(_ACTIONS[method]) if model and method in _ACTIONS else ""


def missing_rights(missing: Iterable[str]) -> str:
    """Say in a sentence which rights are missing."""
    return (
        f"the token lacks rights in NetBox: {', '.join(sorted(missing))}; nothing was written. "
        "Its user needs a permission for each, and the token must be allowed to write"
    )
