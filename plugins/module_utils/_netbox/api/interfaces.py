# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""BMC interfaces in NetBox: found by MAC address or by name, and their MAC address in both of NetBox's forms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from ..._values.mac import canonical_mac
from .client import INTERFACES, MAC_ADDRESSES, Made, NetBox, Raw
from .errors import NetBoxApiError, NetBoxError

# Usual names of a BMC's port, in any case.
BMC_NAMES = ("bmc", "ilo", "idrac")
# What a token must be allowed to do to set MAC addresses; before NetBox 4.2 the first of it.
NEEDED_TO_SET = (("PATCH", INTERFACES), ("POST", MAC_ADDRESSES), ("PATCH", MAC_ADDRESSES))
_INTERFACE = "dcim.interface"
# All else is most of NetBox's work. Versions before 4.0 do not know of fields, and send them all.
_FIELDS = "id,name,display,device,mgmt_only,mac_address,mac_addresses,primary_mac_address,last_updated"


def macs_of(interface: Raw) -> tuple[str, ...]:
    """Give all MAC addresses of an interface, the primary one first; before NetBox 4.2 there is at most one."""
    primary = interface.get("mac_address")
    others = [each["mac_address"] for each in interface.get("mac_addresses") or []]
    return tuple(dict.fromkeys(canonical_mac(mac) for mac in [primary, *others] if mac))


def device_id_of(interface: Raw) -> int:
    """Give the id of the device an interface belongs to."""
    return int(interface["device"]["id"])


def is_bmc(interface: Raw, names: Collection[str] = BMC_NAMES) -> bool:
    """Return whether this is a BMC's port: by its name in any case, or marked "management only"."""
    return str(interface["name"]).strip().lower() in _lower(names) or bool(interface.get("mgmt_only"))


def find_by_mac(netbox: NetBox, macs: Iterable[str]) -> dict[str, list[Raw]]:
    """Find the interfaces, BMC or not, by MAC address (A0:36:9F:7C:05:00); an address without one has no key."""
    wanted = set(macs)
    found: dict[str, list[Raw]] = defaultdict(list)
    for interface in netbox.find(INTERFACES, mac_address=sorted(wanted), fields=_FIELDS):
        for mac in macs_of(interface):
            if mac in wanted:
                found[mac].append(interface)
    return dict(found)


def find_by_name(netbox: NetBox, device_ids: Iterable[int], names: Collection[str] = BMC_NAMES) -> dict[int, list[Raw]]:
    """Find the interfaces of each device that have one of these names in any case; a device without one has no key.

    The server selects, so that nodes with hundreds of ports cost no more than others.
    """
    found: dict[int, list[Raw]] = defaultdict(list)
    wanted = {"device_id": sorted(set(device_ids)), "name__ie": sorted(_lower(names))}
    for interface in netbox.find(INTERFACES, **wanted, fields=_FIELDS):
        found[device_id_of(interface)].append(interface)
    return dict(found)


def set_macs(netbox: NetBox, macs: Mapping[int, str]) -> dict[int, NetBoxError | None]:
    """Give interfaces, by id, a MAC address each; return by id the error of each, None where it has it now.

    From NetBox 4.2 on the field of the interface is read-only: a PATCH of it gets 200 and is ignored. There the MAC
    address becomes an object of the interface, and its primary one. What NetBox returns is checked. Raises NetBoxError
    where nothing is known of what was written; trying again is safe.
    """
    if not macs:
        return {}
    if not netbox.has_mac_objects:
        made = netbox.update_many(INTERFACES, {each: {"mac_address": mac} for each, mac in macs.items()})
    else:
        made = _set_objects(netbox, macs)
    return {each: _error_of(made[each], mac) for each, mac in macs.items()}


def _set_objects(netbox: NetBox, macs: Mapping[int, str]) -> dict[int, Made]:
    """Use one object per MAC address: an unused one, else a new one; then make it the primary one."""
    free: dict[str, Raw] = {}
    made: dict[int, Made] = {}
    ours: dict[int, int] = {}
    for raw in netbox.find(MAC_ADDRESSES, mac_address=sorted(set(macs.values()))):
        mac = canonical_mac(raw["mac_address"])
        if raw.get("assigned_object_id") is None:
            free.setdefault(mac, raw)
        elif raw["assigned_object_type"] == _INTERFACE and macs.get(raw["assigned_object_id"]) == mac:
            ours[raw["assigned_object_id"]] = raw["id"]
    left = {each: mac for each, mac in macs.items() if each not in ours}
    taken = {each: free.pop(mac)["id"] for each, mac in left.items() if mac in free}
    assigned = netbox.update_many(MAC_ADDRESSES, {taken[each]: _assigned_to(each) for each in taken})
    results: dict[int, Made] = {each: assigned[taken[each]] for each in taken}
    new = [each for each in left if each not in taken]
    bodies = [{"mac_address": macs[each], **_assigned_to(each)} for each in new]
    results.update(zip(new, netbox.create_many(MAC_ADDRESSES, bodies)))
    for each, result in results.items():
        if isinstance(result, NetBoxError):
            made[each] = result
        else:
            ours[each] = result["id"]
    primary = {each: {"primary_mac_address": ours[each]} for each in macs if each in ours}
    return {**made, **netbox.update_many(INTERFACES, primary)}


def _assigned_to(interface_id: int) -> Raw:
    return {"assigned_object_type": _INTERFACE, "assigned_object_id": interface_id}


def _error_of(made: Made, mac: str) -> NetBoxError | None:
    if isinstance(made, NetBoxError):
        return made
    if mac not in macs_of(made):
        return NetBoxApiError(
            f"NetBox answered success, but interface {made['name']} of {made['device']['name']} does not have {mac}",
            status=200,
        )
    return None


def _lower(names: Collection[str]) -> set[str]:
    return {name.strip().lower() for name in names}
