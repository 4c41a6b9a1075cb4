# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What NetBox has of the servers that events are about, and what it would have after a plan. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..api.client import Raw
from ..api.errors import NetBoxConfigError
from ..api.interfaces import device_id_of, macs_of
from .reported_event import Host
from .transitions import Address

_INTERFACE = "dcim.interface"
_CUSTOM_FIELD = "custom_field:"


@dataclass(frozen=True)
class StateField:
    """Where the lifecycle's state lives: `status`, or the custom field `custom_field:NAME`.

    Raises NetBoxConfigError for another name.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name != "status" and not self.custom_field:
            raise NetBoxConfigError(f"state_field must be status or custom_field:NAME, not {self.name}")

    @property
    def custom_field(self) -> str:
        """Give the custom field's name; empty where the state is NetBox's own status."""
        return self.name[len(_CUSTOM_FIELD) :] if self.name.startswith(_CUSTOM_FIELD) else ""

    def of(self, device: Raw) -> str:
        """Read the state of a device, empty where it is not set.

        Raises NetBoxConfigError where devices have no such custom field, or one that holds something else.
        """
        if not self.custom_field:
            return str(device["status"]["value"])
        if self.custom_field not in device["custom_fields"]:
            raise NetBoxConfigError(
                f"devices have no custom field {self.custom_field}: run netbox_bootstrap with the same state_field"
            )
        value = device["custom_fields"][self.custom_field]
        if isinstance(value, dict):
            value = value.get("value", value)
        if value is not None and not isinstance(value, str):
            raise NetBoxConfigError(
                f"the custom field {self.custom_field} does not hold a state: state_field needs a "
                "field of type Selection, as netbox_bootstrap makes it"
            )
        return value or ""

    def change(self, state: str) -> Raw:
        """Give the fields of a PATCH that sets the state."""
        return {"custom_fields": {self.custom_field: str(state)}} if self.custom_field else {"status": str(state)}


@dataclass(frozen=True)
class Device:
    """A server; `state` is one of `State`, or another text where NetBox has one."""

    id: int
    name: str
    state: str
    last_updated: str = ""
    # Which of its addresses NetBox calls primary or out-of-band, by the device's field.
    designated: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_api(cls, raw: Raw, state_field: StateField) -> Device:
        """Read a device as NetBox returns it."""
        named = {name: raw.get(name) for name in ("primary_ip4", "primary_ip6", "oob_ip")}
        return cls(
            id=raw["id"],
            name=raw.get("name") or raw.get("display") or f"device {raw['id']}",
            state=state_field.of(raw),
            last_updated=str(raw.get("last_updated") or ""),
            designated={name: address["id"] for name, address in named.items() if address},
        )


@dataclass(frozen=True)
class Interface:
    """A port, of a BMC or not; `macs` as NetBox writes them, the primary one first."""

    id: int
    name: str
    device_id: int
    device_name: str
    macs: tuple[str, ...] = ()

    @classmethod
    def from_api(cls, raw: Raw) -> Interface:
        """Read an interface as NetBox returns it."""
        return cls(raw["id"], raw["name"], device_id_of(raw), str(raw["device"].get("name")), macs_of(raw))


@dataclass(frozen=True)
class IpAddress:
    """An address object; `id` is negative for one that is to be created, `interface_id` None where it is unassigned
    or belongs to something that is no device's interface, which `owner` names then."""

    id: int
    address: str
    interface_id: int | None = None
    owner: str = ""
    has_role: bool = False
    last_updated: str = ""

    @classmethod
    def from_api(cls, raw: Raw) -> IpAddress:
        """Read an address as NetBox returns it."""
        of_interface = raw.get("assigned_object_type") == _INTERFACE
        return cls(
            id=raw["id"],
            address=raw["address"],
            interface_id=raw["assigned_object_id"] if of_interface else None,
            owner=_owner_of(raw),
            has_role=bool(raw.get("role")),
            last_updated=str(raw.get("last_updated") or ""),
        )

    @property
    def host(self) -> Host:
        """Give the address without its prefix length."""
        return ipaddress.ip_interface(self.address).ip

    @property
    def is_free(self) -> bool:
        """Return whether it belongs to nothing."""
        return self.interface_id is None and not self.owner


@dataclass
class Snapshot:
    """Devices and addresses by id. Plans are applied to it one after the other, so that each sees those before."""

    devices: dict[int, Device] = field(default_factory=dict)
    addresses: dict[int, IpAddress] = field(default_factory=dict)

    def copy(self) -> Snapshot:
        """Copy it; its devices and addresses can't be changed, only replaced."""
        return Snapshot(dict(self.devices), dict(self.addresses))

    def with_host(self, host: Host) -> list[IpAddress]:
        """Give all objects of an address, whatever their prefix length."""
        return sorted((each for each in self.addresses.values() if each.host == host), key=lambda each: each.id)

    def on_interface(self, interface_id: int) -> list[IpAddress]:
        """Give the addresses of an interface."""
        return [each for each in self.addresses.values() if each.interface_id == interface_id]

    def stale_on(self, interface: Interface, host: Host) -> list[IpAddress]:
        """Give the addresses of the interface that a new lease replaces: those of its family without a role."""
        return [
            each
            for each in self.on_interface(interface.id)
            if each.host != host and each.host.version == host.version and not each.has_role
        ]

    def owner_of(self, host: Host, interface: Interface) -> IpAddress | None:
        """Give the object of an address that something else has, None if the interface has it itself."""
        known = self.with_host(host)
        if any(each.interface_id == interface.id for each in known):
            return None
        return next((each for each in known if not each.is_free), None)

    def relation(self, host: Host, interface: Interface) -> Address:
        """Give what guards of the transition table ask: how the address relates to the interface."""
        if any(each.host == host for each in self.on_interface(interface.id)):
            return Address.SAME
        if self.owner_of(host, interface) is not None:
            return Address.TAKEN
        return Address.OTHER if self.stale_on(interface, host) else Address.NONE

    def assign(self, host: Host, cidr: str, interface: Interface, owner: str) -> None:
        """Give an interface an address: an unassigned object if there is one, else a new one with a negative id."""
        free = next((each for each in self.with_host(host) if each.is_free), None)
        known = free or IpAddress(min([0, *self.addresses]) - 1, cidr)
        self.addresses[known.id] = replace(known, interface_id=interface.id, owner=owner)

    def release(self, addresses: Collection[IpAddress]) -> None:
        """Take addresses off their interfaces; the objects stay."""
        for each in addresses:
            self.addresses[each.id] = replace(each, interface_id=None, owner="")

    def redesignate(self, interface: Interface, old: Collection[IpAddress], host: Host) -> list[str]:
        """Let the device's primary or out-of-band address follow a new lease; returns the fields that changed.

        NetBox does not release an address that a device is known by.
        """
        device = self.devices[interface.device_id]
        gone = {each.id for each in old}
        moved = [name for name, address_id in device.designated.items() if address_id in gone]
        if moved:
            new = next(each.id for each in self.on_interface(interface.id) if each.host == host)
            designated = {**device.designated, **dict.fromkeys(moved, new)}
            self.devices[device.id] = replace(device, designated=designated)
        return moved

    def set_state(self, device_id: int, state: str) -> None:
        """Move a device to a state."""
        self.devices[device_id] = replace(self.devices[device_id], state=state)


@dataclass(frozen=True)
class Reassignment:
    """What happens to one address object between two snapshots."""

    before: IpAddress | None
    after: IpAddress


def reassignments(before: Snapshot, after: Snapshot) -> Iterator[Reassignment]:
    """Give the address objects that belong to another interface, those that are to be created included."""
    for each in after.addresses.values():
        old = before.addresses.get(each.id)
        if old is None or old.interface_id != each.interface_id:
            yield Reassignment(old, each)


def _owner_of(raw: Raw) -> str:
    """Name the owner of an address, for people; empty where it has none."""
    if not raw.get("assigned_object_type") or not raw.get("assigned_object_id"):
        return ""
    whose = raw.get("assigned_object") or {}
    name = whose.get("name") or whose.get("display") or f"{raw['assigned_object_type']} {raw['assigned_object_id']}"
    parent = whose.get("device") or whose.get("virtual_machine") or {}
    return f"{name} of {parent.get('name') or parent.get('display')}" if parent else str(name)
