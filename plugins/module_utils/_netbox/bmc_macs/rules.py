# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is done for one row of a manifest, given what NetBox has. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..._values.names import shorten
from ..._values.word import Word
from .manifest import ManifestRow

# Only a few of many names help in a message.
_MOST_NAMES = 5


class RowOutcome(Word):
    """What became of a row. Only FAILED fails a run."""

    SET = "set"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    REPEATED = "repeated"
    FAILED = "failed"


@dataclass(frozen=True)
class DeviceRef:
    """A device of NetBox."""

    id: int
    name: str


@dataclass(frozen=True)
class BmcPort:
    """A BMC's interface: the MAC address NetBox shows for it, and all it has (from NetBox 4.2 on there may be more)."""

    id: int
    name: str
    mac: str = ""
    macs: tuple[str, ...] = ()
    version: str = ""  # when NetBox says it was changed last


@dataclass(frozen=True)
class MacOwner:
    """The interface that has a MAC address, `device` being a device or a virtual machine."""

    device: str
    interface: str
    port_id: int | None = None  # none where it is no interface of a device


@dataclass(frozen=True)
class RowDecision:
    """What to do for a row, and why; `key` has the parts of the journal entry's key."""

    outcome: RowOutcome
    message: str
    device: DeviceRef | None = None
    port: BmcPort | None = None
    key: tuple[str, ...] = ()


def decide_row(
    row: ManifestRow,
    *,
    devices: Sequence[DeviceRef],
    ports: Sequence[BmcPort],
    owners: Sequence[MacOwner],
    interface_names: Sequence[str],
) -> RowDecision:
    """Decide what to do for a row.

    `devices` have its serial number, `ports` are BMC interfaces of that one device, and `owners` have its MAC address.
    Never raises.
    """
    if len(devices) != 1:
        return RowDecision(RowOutcome.FAILED, _not_one_device(row, devices))
    device = devices[0]
    port = _port_for(row, ports)
    if port is None:
        return RowDecision(RowOutcome.FAILED, _not_one_port(device, ports, interface_names), device)
    others = [owner for owner in owners if owner.port_id != port.id]
    if others:
        holders = shorten([f"interface {each.interface} of {each.device}" for each in others], _MOST_NAMES)
        message = f"{row.mac} belongs to {holders} already: correct the one that is wrong"
        return RowDecision(RowOutcome.FAILED, message, device, port)
    if port.mac == row.mac:
        return RowDecision(RowOutcome.UNCHANGED, f"interface {port.name} has this MAC address already", device, port)
    if not port.mac and set(port.macs) <= {row.mac}:
        return RowDecision(
            RowOutcome.SET,
            f"interface {port.name} gets this MAC address",
            device,
            port,
            ("set", str(port.id), row.mac, port.version),
        )
    if row.mac in port.macs:
        message = f"interface {port.name} has this MAC address beside {port.mac or 'others'}"
        return RowDecision(RowOutcome.UNCHANGED, message, device, port)
    has = port.mac or shorten(port.macs, _MOST_NAMES)
    message = (
        f"interface {port.name} keeps the other MAC address it has, {has}: correct it by hand if the manifest is right"
    )
    return RowDecision(RowOutcome.SKIPPED, message, device, port, ("skipped", str(port.id), row.mac, has))


def _port_for(row: ManifestRow, ports: Sequence[BmcPort]) -> BmcPort | None:
    having = [port for port in ports if row.mac in (port.mac, *port.macs)]
    candidates = having or ports
    return candidates[0] if len(candidates) == 1 else None


def _not_one_device(row: ManifestRow, devices: Sequence[DeviceRef]) -> str:
    if not devices:
        return f"NetBox has no device with serial number {row.serial}"
    names = shorten([f"{device.name} ({device.id})" for device in devices], _MOST_NAMES)
    return f"{len(devices)} devices have serial number {row.serial}: {names}"


def _not_one_port(device: DeviceRef, ports: Sequence[BmcPort], interface_names: Sequence[str]) -> str:
    if not ports:
        return f"device {device.name} has no interface named {' or '.join(interface_names)}"
    names = shorten([port.name for port in ports], _MOST_NAMES)
    return f"device {device.name} has {len(ports)} BMC interfaces, {names}: say in interface_names which one it is"
