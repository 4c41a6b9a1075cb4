# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which BMC each server of a run has."""

from __future__ import annotations

from collections.abc import Mapping

from .._netbox.api.client import IP_ADDRESSES, NetBox
from .._netbox.api.errors import NetBoxConfigError
from .._netbox.api.interfaces import find_by_name
from .._values.names import shorten


def bmc_addresses(netbox: NetBox, device_ids: Mapping[int, str]) -> dict[str, str]:
    """Read the addresses of BMCs by their servers' names, of those whose BMC has exactly one. Raises NetBoxError."""
    ports = {
        port["id"]: device_ids[device_id]
        for device_id, group in find_by_name(netbox, device_ids).items()
        for port in group
    }
    found: dict[str, list[str]] = {}
    for raw in netbox.find(IP_ADDRESSES, interface_id=sorted(ports)):
        if raw.get("assigned_object_type") == "dcim.interface" and raw["assigned_object_id"] in ports:
            found.setdefault(ports[raw["assigned_object_id"]], []).append(raw["address"].partition("/")[0])
    return {name: hosts[0] for name, hosts in found.items() if len(hosts) == 1}


def refuse_shared(places: Mapping[str, tuple[str, int]]) -> None:
    """Raise NetBoxConfigError where two servers have one BMC: one would be powered twice.

    `places` are address and port of the BMCs by the servers' names.
    """
    names: dict[tuple[str, int], list[str]] = {}
    for name, place in places.items():
        names.setdefault(place, []).append(name)
    shared = [f"{shorten(each)} have one BMC, {place[0]}" for place, each in names.items() if len(each) > 1]
    if shared:
        raise NetBoxConfigError(f"nothing was powered: {'; '.join(shared[:3])}; each server has a BMC of its own")
