# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whom an event is about: the device, and for a lease the BMC's port. Pure: what was read → who it is, or why not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

from ..api.interfaces import BMC_NAMES
from .reported_event import Occurrence
from .state import Interface
from .transitions import Event

NOT_FOUND, CONFLICT = "not_found", "conflict"


@dataclass(frozen=True)
class Target:
    """Whom it is about; `interface` is None where the event has no address."""

    device_id: int
    interface: Interface | None = None


@dataclass(frozen=True)
class Nobody:
    """Why it is about nobody: `outcome` is not_found or conflict."""

    outcome: str
    message: str


@dataclass(frozen=True)
class Directory:
    """What was read to find them: interfaces by MAC address, devices by what tasks call them, and BMC ports by device.

    `marked` are the ids of interfaces that are a BMC's by their name or by NetBox's "management only".
    """

    by_mac: Mapping[str, Sequence[Interface]] = field(default_factory=dict)
    by_label: Mapping[str, Collection[int]] = field(default_factory=dict)
    ports: Mapping[int, Sequence[Interface]] = field(default_factory=dict)
    marked: Collection[int] = ()
    names: Collection[str] = BMC_NAMES


Found = Union[Target, Nobody]


def find_target(occurrence: Occurrence, directory: Directory) -> Found:
    """The device an event is about. Never raises."""
    device_id: int | None = None
    if occurrence.device:
        known = directory.by_label.get(occurrence.device, ())
        if len(known) != 1:
            return _no_device(occurrence.device, len(known))
        (device_id,) = known
    seen = directory.by_mac.get(occurrence.mac, ()) if occurrence.mac else ()
    owners = {each.device_id: each.device_name for each in seen}
    if len(owners) > 1:
        return Nobody(
            CONFLICT, f"{occurrence.mac} is recorded on several devices: {', '.join(sorted(owners.values()))}"
        )
    if device_id is None and not owners:
        return Nobody(NOT_FOUND, f"no interface in NetBox has the MAC address {occurrence.mac}")
    if device_id is None:
        (device_id,) = owners
    elif owners and device_id not in owners:
        whose = ", ".join(owners.values())
        return Nobody(CONFLICT, f"{occurrence.mac} belongs to {whose} in NetBox, not to {occurrence.device}")
    if occurrence.event is not Event.DHCP_ACK:
        return Target(device_id)
    return _with_port(occurrence, device_id, seen, directory)


def _no_device(label: str, count: int) -> Nobody:
    if count == 0:
        return Nobody(NOT_FOUND, f"NetBox has no device {label}")
    return Nobody(CONFLICT, f"NetBox has {count} devices called {label}; give its id")


def _with_port(occurrence: Occurrence, device_id: int, seen: Sequence[Interface], directory: Directory) -> Found:
    """The BMC's port: the one with the MAC address, if it may be a BMC's, else the one with a BMC's name."""
    ports = directory.ports.get(device_id, ())
    marked = [each for each in seen if each.id in directory.marked]
    candidates = marked or ([] if ports else list(seen))
    if len(candidates) == 1:
        return Target(device_id, candidates[0])
    if len(candidates) > 1:
        return Nobody(CONFLICT, f"{occurrence.mac} is on several ports of {_names(candidates)}")
    if seen:
        whose = f"{seen[0].name} of {seen[0].device_name}"
        return Nobody(NOT_FOUND, f"{occurrence.mac} is {whose}, whose BMC is on {_names(ports)}: not a BMC's lease")
    if len(ports) != 1:
        words = ", ".join(directory.names)
        which = f"{len(ports)} interfaces" if ports else "no interface"
        return Nobody(CONFLICT if ports else NOT_FOUND, f"{occurrence.label} has {which} called {words} in any case")
    (port,) = ports
    if occurrence.mac and port.macs and occurrence.mac not in port.macs:
        other = ", ".join(port.macs)
        return Nobody(CONFLICT, f"{port.name} of {port.device_name} has {other} in NetBox, not {occurrence.mac}")
    return Target(device_id, port)


def _names(interfaces: Sequence[Interface]) -> str:
    return ", ".join(sorted(each.name for each in interfaces))
