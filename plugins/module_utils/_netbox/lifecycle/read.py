# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reads what planning needs, in a number of requests that does not grow with each event.

Every function raises the errors of `NetBox`; trying again is safe.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Union

from ..api.client import DEVICES, IP_ADDRESSES, NetBox, Raw
from ..api.errors import NetBoxConfigError
from ..api.interfaces import find_by_mac, find_by_name, is_bmc
from .find_device import DeviceIndex
from .reported_event import Host, ReportedEvent
from .state import Device, Interface, IpAddress, Snapshot, StateField
from .transitions import Event

VRFS = "ipam/vrfs/"
# All else is most of NetBox's work. Versions before 4.0 do not know of fields, and send them all.
_OF_DEVICES = "id,name,display,status,custom_fields,last_updated,primary_ip4,primary_ip6,oob_ip"
_OF_ADDRESSES = "id,address,role,last_updated,assigned_object_type,assigned_object_id,assigned_object"
# The global table: NetBox's word in filters for "none".
GLOBAL = "null"
VrfId = Union[int, str]


def read_vrf(netbox: NetBox, name: str | None) -> VrfId:
    """Find the id of a VRF, as filters take it. Raises NetBoxConfigError where there is none or several."""
    if not name:
        return GLOBAL
    known = [vrf["id"] for vrf in netbox.find(VRFS, name=name) if vrf["name"] == name]
    if len(known) != 1:
        raise NetBoxConfigError(f"NetBox has {len(known)} VRFs called {name}; vrf must name exactly one")
    return int(known[0])


def read_device_index(netbox: NetBox, events: Sequence[ReportedEvent], names: Collection[str]) -> DeviceIndex:
    """Read what is needed to find the devices these events are about."""
    raw_by_mac = find_by_mac(netbox, {each.mac for each in events if each.mac})
    by_label = _devices_by_label(netbox, {each.device for each in events if each.device})
    marked = {raw["id"] for group in raw_by_mac.values() for raw in group if is_bmc(raw, names)}
    by_mac = {mac: [Interface.from_api(raw) for raw in group] for mac, group in raw_by_mac.items()}
    # Ports by name: for devices named by a lease, and for those whose MAC address may be that of another port.
    unsure: set[int] = set()
    for each in events:
        if each.event is Event.DHCP_ACK:
            seen = by_mac.get(each.mac, ())
            if not any(interface.id in marked for interface in seen):
                unsure.update(by_label.get(each.device, ()))
                unsure.update(interface.device_id for interface in seen)
    ports = find_by_name(netbox, unsure, names) if unsure else {}
    return DeviceIndex(
        by_mac=by_mac,
        by_label=by_label,
        ports={device_id: [Interface.from_api(raw) for raw in group] for device_id, group in ports.items()},
        marked=marked,
        names=names,
    )


def _devices_by_label(netbox: NetBox, labels: Collection[str]) -> dict[str, set[int]]:
    """Find devices by what tasks call them: the name, or the id in digits where no device has that name."""
    found: dict[str, set[int]] = defaultdict(set)
    if not labels:
        return found
    for raw in netbox.find(DEVICES, name=sorted(labels), exclude="config_context"):
        if raw["name"] in labels:
            found[raw["name"]].add(raw["id"])
    ids = sorted(int(label) for label in labels if label.isdigit() and label not in found)
    for raw in netbox.find(DEVICES, id=ids, exclude="config_context"):
        found[str(raw["id"])].add(raw["id"])
    return found


def read_devices(netbox: NetBox, device_ids: Iterable[int], state_field: StateField) -> dict[int, Device]:
    """Read devices by id; one that is gone has no key."""
    found = netbox.find(DEVICES, id=sorted(set(device_ids)), fields=_OF_DEVICES, exclude="config_context")
    return {raw["id"]: Device.from_api(raw, state_field) for raw in found}


def read_addresses(
    netbox: NetBox, *, interface_ids: Collection[int] = (), hosts: Collection[Host] = (), vrf_id: VrfId
) -> dict[int, IpAddress]:
    """Read the addresses that these interfaces have, in any VRF, and all objects of these addresses in one VRF."""
    found: list[Raw] = netbox.find(IP_ADDRESSES, interface_id=sorted(set(interface_ids)), fields=_OF_ADDRESSES)
    found += netbox.find(
        IP_ADDRESSES, address=sorted({str(host) for host in hosts}), vrf_id=vrf_id, fields=_OF_ADDRESSES
    )
    return {raw["id"]: IpAddress.from_api(raw) for raw in found}


def read_snapshot(
    netbox: NetBox,
    device_ids: Iterable[int],
    *,
    interface_ids: Collection[int],
    hosts: Collection[Host],
    state_field: StateField,
    vrf_id: VrfId,
) -> Snapshot:
    """Read all that plans for these devices and addresses look at."""
    return Snapshot(
        devices=read_devices(netbox, device_ids, state_field),
        addresses=read_addresses(netbox, interface_ids=interface_ids, hosts=hosts, vrf_id=vrf_id),
    )
