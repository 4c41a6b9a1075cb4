# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which device an event is about, and for a lease the BMC's port. Pure: what was read → the device, or why none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

from ..api.interfaces import BMC_NAMES
from .reported_event import ReportedEvent
from .state import Interface
from .transitions import Event, EventOutcome


@dataclass(frozen=True)
class FoundDevice:
    """The device an event is about; `interface` is the BMC's port, None where the event has no address."""

    device_id: int
    interface: Interface | None = None


@dataclass(frozen=True)
class NoDevice:
    """Why no device was found; `outcome` is NOT_FOUND or CONFLICT. `devices` are names by id of those in conflict."""

    outcome: EventOutcome
    message: str
    devices: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DeviceIndex:
    """What was read to find devices: interfaces by MAC address, ids of devices by name or id, and BMC ports by device.

    `marked` are the ids of interfaces that are a BMC's by their name or by NetBox's "management only".
    """

    by_mac: Mapping[str, Sequence[Interface]] = field(default_factory=dict)
    by_label: Mapping[str, Collection[int]] = field(default_factory=dict)
    ports: Mapping[int, Sequence[Interface]] = field(default_factory=dict)
    marked: Collection[int] = ()
    names: Collection[str] = BMC_NAMES


Lookup = Union[FoundDevice, NoDevice]


def find_device(reported: ReportedEvent, index: DeviceIndex) -> Lookup:
    """Find the device an event is about, and for a lease the port of its BMC. Never raises."""
    device_id: int | None = None
    if reported.device:
        known = index.by_label.get(reported.device, ())
        if len(known) != 1:
            return _no_device(reported.device, known)
        (device_id,) = known
    seen = index.by_mac.get(reported.mac, ()) if reported.mac else ()
    owners = {each.device_id: each.device_name for each in seen}
    if len(owners) > 1:
        names = ", ".join(sorted(owners.values()))
        return _conflict(f"{reported.mac} is recorded on several devices: {names}", owners)
    if device_id is None and not owners:
        return _not_found(f"no interface in NetBox has the MAC address {reported.mac}")
    if device_id is None:
        (device_id,) = owners
    elif owners and device_id not in owners:
        whose = ", ".join(owners.values())
        message = f"{reported.mac} belongs to {whose} in NetBox, not to {reported.device}"
        return _conflict(message, {**owners, device_id: reported.device})
    if reported.event is not Event.DHCP_ACK:
        return FoundDevice(device_id)
    return _with_port(reported, device_id, seen, index)


def _no_device(label: str, known: Collection[int]) -> NoDevice:
    if not known:
        return _not_found(f"NetBox has no device {label}")
    return _conflict(f"NetBox has {len(known)} devices called {label}; give its id", dict.fromkeys(known, label))


def _with_port(reported: ReportedEvent, device_id: int, seen: Sequence[Interface], index: DeviceIndex) -> Lookup:
    """Find the BMC's port: the one with the MAC address, if it may be a BMC's, else the one with a BMC's name."""
    ports = index.ports.get(device_id, ())
    marked = [each for each in seen if each.id in index.marked]
    candidates = marked or ([] if ports else list(seen))
    if len(candidates) == 1:
        return FoundDevice(device_id, candidates[0])
    if len(candidates) > 1:
        device = {device_id: candidates[0].device_name}
        return _conflict(f"{reported.mac} is on several ports of {_names(candidates)}", device)
    if seen:
        whose = f"{seen[0].name} of {seen[0].device_name}"
        return _not_found(f"{reported.mac} is {whose}, whose BMC is on {_names(ports)}: not a BMC's lease")
    if len(ports) != 1:
        words = ", ".join(index.names)
        which = f"{len(ports)} interfaces" if ports else "no interface"
        message = f"{reported.label} has {which} called {words} in any case"
        return _conflict(message, {device_id: ports[0].device_name}) if ports else _not_found(message)
    (port,) = ports
    if reported.mac and port.macs and reported.mac not in port.macs:
        other = ", ".join(port.macs)
        message = f"{port.name} of {port.device_name} has {other} in NetBox, not {reported.mac}"
        return _conflict(message, {device_id: port.device_name})
    return FoundDevice(device_id, port)


def _not_found(message: str) -> NoDevice:
    return NoDevice(EventOutcome.NOT_FOUND, message)


def _conflict(message: str, devices: Mapping[int, str]) -> NoDevice:
    return NoDevice(EventOutcome.CONFLICT, message, devices)


def _names(interfaces: Sequence[Interface]) -> str:
    return ", ".join(sorted(each.name for each in interfaces))
