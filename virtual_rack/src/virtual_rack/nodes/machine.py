# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine: metal, disk and power, whether or not the head node knows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from virtual_rack.rack_file import MachineSpec

# What the next boot can be told to use: nothing in particular, network, hard disk, and two without a system.
BOOT_DEVICES = ("none", "pxe", "default", "cdrom", "bios")


@dataclass(frozen=True)
class InstalledImage:
    """What is on a disk."""

    name: str
    uuid: str
    revision: int


@dataclass(frozen=True)
class Disk:
    """A disk: the fingerprint of its layout, and the system on it."""

    layout: str | None = None
    image: InstalledImage | None = None


@dataclass
class Machine:
    """A machine in motion. `life` counts power cycles: what was begun in an earlier life is void."""

    spec: MachineSpec
    power: bool = False
    boot_device: str = "none"
    disk: Disk = field(default_factory=Disk)
    running: InstalledImage | None = None
    device: str | None = None
    life: int = 0
    power_lost_s: float = -1.0
    reported_s: float = -1.0
    boots: int = 0
    installs: int = 0
    last_install_mode: str | None = None
    power_operations: int = 0

    def to_state(self) -> dict[str, Any]:
        """Give what outlives the program."""
        return {
            "power": self.power,
            "boot_device": self.boot_device,
            "disk": asdict(self.disk),
            "running": asdict(self.running) if self.running else None,
            "boots": self.boots,
            "installs": self.installs,
            "last_install_mode": self.last_install_mode,
            "power_operations": self.power_operations,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what an earlier program saved."""
        self.power = state["power"]
        self.boot_device = state.get("boot_device", "none")
        self.disk = Disk(state["disk"]["layout"], _image(state["disk"]["image"]))
        self.running = _image(state["running"])
        self.boots = state["boots"]
        self.installs = state["installs"]
        self.last_install_mode = state["last_install_mode"]
        self.power_operations = state["power_operations"]


def _image(state: dict[str, Any] | None) -> InstalledImage | None:
    return InstalledImage(**state) if state else None


class Machines:
    """All machines, found by what people and controllers know of them."""

    def __init__(self, specs: tuple[MachineSpec, ...]) -> None:
        self.all = [Machine(spec) for spec in specs]
        self._by_name = {machine.spec.name: machine for machine in self.all}
        self._by_bmc = {machine.spec.bmc.address: machine for machine in self.all}
        self._by_mac = {machine.spec.mac: machine for machine in self.all}

    def named(self, name: str) -> Machine | None:
        """Find by name."""
        return self._by_name.get(name)

    def behind_bmc(self, address: str) -> Machine | None:
        """Find by the address of its BMC."""
        return self._by_bmc.get(address)

    def with_mac(self, mac: str) -> Machine | None:
        """Find by MAC address."""
        return self._by_mac.get(mac.upper())
