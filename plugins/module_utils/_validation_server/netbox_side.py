# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the worker reads from NetBox, for sets of servers: who may be validated, and what is recorded of each.

All functions raise NetBoxError; trying again is safe.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._netbox.api.client import DEVICES, INTERFACES, NetBox, Raw
from .._netbox.api.interfaces import BMC_NAMES, device_id_of, is_bmc, macs_of
from .._netbox.lifecycle.state import StateField
from .._netbox.lifecycle.transitions import State as Lifecycle
from .._validation.profile import Profile, ProfileError, allows_writing, choose_profile
from .._values.names import shorten
from .settings import Settings
from .state import Admission

RESULT_FIELD = "validation_result"
INVENTORY_ITEMS = "dcim/inventory-items/"
# Kinds of interfaces that are no ports. A group of links may be all that NetBox has of its members; what the others
# have for a MAC address, no port of a server needs to have.
_GROUP = "lag"
_NO_HARDWARE = ("virtual", "bridge", _GROUP)
_OF_DEVICES = "id,name,display,status,custom_fields,serial,device_type"
# What admission needs; what a port is connected to costs NetBox far more.
_OF_PORTS = "id,name,type,device,mgmt_only,mac_address,mac_addresses"
_OF_ITEMS = "id,name,serial,device"
_DETAILS_S = 60.0


@dataclass(frozen=True)
class Recorded:
    """What NetBox has of one server: its device, ports with their cables, and inventory items, as NetBox shows them."""

    device: Raw
    ports: list[Raw] = field(default_factory=list)
    items: list[Raw] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the server's name."""
        return str(self.device.get("name") or self.device.get("display") or self.device["id"])

    @property
    def device_type(self) -> str:
        """Return the slug of its device type, "" where NetBox does not show it."""
        shown = self.device.get("device_type")
        return str(shown.get("slug") or "") if isinstance(shown, dict) else ""

    @property
    def hardware(self) -> list[Raw]:
        """Return its ports but the BMC's, groups of links, and those that are no hardware."""
        return [each for each in self.ports if not is_bmc(each, BMC_NAMES) and _kind(each) not in _NO_HARDWARE]

    @property
    def group_macs(self) -> set[str]:
        """Return the MAC addresses that groups of links alone have: a member's that NetBox lacks, or made up."""
        groups = {mac for port in self.ports if _kind(port) == _GROUP for mac in macs_of(port)}
        return groups - {mac for port in self.hardware for mac in macs_of(port)}

    @property
    def macs(self) -> list[str]:
        """Return the MAC addresses that the server may have, those of groups too, each once."""
        return [*dict.fromkeys(mac for port in self.hardware for mac in macs_of(port)), *sorted(self.group_macs)]


@dataclass(frozen=True)
class Admitted:
    """Who may boot the image, and why others that are in the right state may not, by name."""

    admissions: list[Admission]
    refused: dict[str, str]


class Details:
    """Ports and inventory items of servers that wait, which are many and seldom change: read anew once a minute.

    Those of a server without a MAC address, which somebody may be adding, are read each time.
    """

    def __init__(self, netbox: NetBox, clock: Callable[[], float]) -> None:
        self._netbox = netbox
        self._clock = clock
        self._read_at = 0.0
        self._kept: dict[int, Recorded] = {}

    def of(self, devices: Mapping[int, Raw]) -> dict[int, Recorded]:
        """Give what is recorded of devices, by id. Raises NetBoxError."""
        if abs(self._clock() - self._read_at) >= _DETAILS_S:
            self._kept, self._read_at = {}, self._clock()
        kept = {each: self._kept[each] for each in devices if each in self._kept and self._kept[each].macs}
        wanted = {each: raw for each, raw in devices.items() if each not in kept}
        self._kept = {**kept, **read_recorded(self._netbox, wanted, _OF_PORTS, _OF_ITEMS)}
        return {each: replace(self._kept[each], device=raw) for each, raw in devices.items()}


def read_admitted(netbox: NetBox, details: Details, profiles: Mapping[str, Profile], settings: Settings) -> Admitted:
    """Read which servers are `discovered`, and make the task of each."""
    state_field = StateField(settings.state_field)
    wanted = str(Lifecycle.DISCOVERED)
    name = f"cf_{state_field.custom_field}" if state_field.custom_field else "status"
    found = netbox.find(DEVICES, **{name: wanted}, fields=_OF_DEVICES, exclude="config_context")
    devices = {raw["id"]: raw for raw in found if state_field.of(raw) == wanted}
    missing = [raw for raw in devices.values() if RESULT_FIELD not in raw["custom_fields"]]
    if missing:
        text = f"devices have no custom field {RESULT_FIELD}: run netbox_bootstrap with validation: true"
        return Admitted([], {str(raw.get("name") or raw["id"]): text for raw in missing})
    admissions, refused = [], {}
    for each in details.of(devices).values():
        reason, profile = _choose(each, profiles)
        if profile is None:
            refused[each.name] = reason
            continue
        task = make_task(profile, each, settings)
        admissions += [
            Admission(mac, each.device["id"], each.name, str(each.device["serial"]).strip(), task) for mac in each.macs
        ]
    return Admitted(_of_one_device(admissions, refused), refused)


def read_recorded(
    netbox: NetBox, devices: Mapping[int, Raw], port_fields: str = "", item_fields: str = ""
) -> dict[int, Recorded]:
    """Read the ports and inventory items of devices, by id; without names of fields all of them."""
    ports: dict[int, list[Raw]] = defaultdict(list)
    of_ports, of_items = ({"fields": names} if names else {} for names in (port_fields, item_fields))
    for raw in netbox.find(INTERFACES, device_id=sorted(devices), **of_ports):
        ports[device_id_of(raw)].append(raw)
    items: dict[int, list[Raw]] = defaultdict(list)
    for raw in netbox.find(INVENTORY_ITEMS, device_id=sorted(devices), **of_items):
        items[int(raw["device"]["id"])].append(raw)
    return {each: Recorded(raw, ports[each], items[each]) for each, raw in devices.items()}


def read_devices_recorded(netbox: NetBox, device_ids: Iterable[int]) -> dict[int, Recorded]:
    """Read devices by id with what is recorded of them; one that is gone has no key."""
    found = netbox.find(DEVICES, id=sorted(set(device_ids)), fields=_OF_DEVICES, exclude="config_context")
    return read_recorded(netbox, {raw["id"]: raw for raw in found})


def read_switch_ports(netbox: NetBox, names: Collection[str]) -> list[Raw]:
    """Read all interfaces of switches by name, in any case."""
    switches = netbox.find(DEVICES, name__ie=sorted(names), fields="id,name,display", exclude="config_context")
    return netbox.find(INTERFACES, device_id=sorted(raw["id"] for raw in switches))


def make_task(profile: Profile, recorded: Recorded, settings: Settings) -> dict[str, Any]:
    """Make what an agent is told. Disks that may be written are those whose serial number NetBox has for the server."""
    writes = any(allows_writing(policy) for policy in profile.steps)
    serials = {str(item.get("serial") or "").strip() for item in recorded.items}
    return {
        # As much of it as the agent takes.
        "name": recorded.name[:100],
        "profile": profile.to_wire(),
        "heartbeat_seconds": settings.heartbeat_seconds,
        "deadline_seconds": profile.deadline_s,
        "expected": {
            "writable_disks": sorted(serials - {""}) if writes else [],
            "lldp_interval_seconds": settings.lldp_interval_seconds,
        },
    }


def _kind(port: Raw) -> str:
    shown = port.get("type")
    return str(shown.get("value") or "") if isinstance(shown, dict) else ""


def _choose(recorded: Recorded, profiles: Mapping[str, Profile]) -> tuple[str, Profile | None]:
    if not str(recorded.device.get("serial") or "").strip():
        return "NetBox has no serial number for it, so that nothing shows which server it is", None
    if not recorded.macs:
        return "NetBox has no MAC address of a port that it can boot from", None
    try:
        return "", choose_profile(profiles, recorded.device_type)
    except ProfileError as error:
        return str(error), None


def _of_one_device(admissions: Collection[Admission], refused: dict[str, str]) -> list[Admission]:
    """Leave out MAC addresses that several servers have."""
    owners: dict[str, dict[int, str]] = defaultdict(dict)
    for each in admissions:
        owners[each.mac][each.device] = each.name
    for mac, names in owners.items():
        if len(names) > 1:
            text = f"{mac} is recorded for several servers: {shorten(sorted(names.values()))}"
            refused.update(dict.fromkeys(names.values(), text))
    return [each for each in admissions if len(owners[each.mac]) == 1]
