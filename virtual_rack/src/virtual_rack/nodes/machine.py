# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine: metal, disk and power, whether or not the head node knows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from virtual_rack.nodes.assignment import Script
from virtual_rack.nodes.disk_setup import Partition
from virtual_rack.rack_file import MachineSpec

# What the next boot can be told to use: nothing in particular, network, hard disk, and two without a system.
BOOT_DEVICES = ("none", "pxe", "default", "cdrom", "bios")


class BmcFront(Protocol):
    """What another way to a BMC than IPMI says about IPMI: whether it is on, and who may log in."""

    @property
    def speaks_ipmi(self) -> bool:
        """Say whether IPMI over LAN is on."""
        ...

    def accepts(self, name: str, password: str) -> bool:
        """Say whether an account may power the machine."""
        ...

    def ipmi_users(self) -> tuple[tuple[str, str], ...]:
        """Give names and passwords of the accounts that IPMI can know."""
        ...


@dataclass(frozen=True)
class InstalledImage:
    """What is on a disk."""

    name: str
    uuid: str
    revision: int


@dataclass(frozen=True)
class Disk:
    """A disk: the fingerprint of a layout that is whole, what it is parted into, and the system on it."""

    layout: str | None = None
    image: InstalledImage | None = None
    partitions: tuple[Partition, ...] = ()
    kernel_parameters: str = ""


@dataclass(frozen=True)
class ScriptRun:
    """A script that ran: the number it had in its boot, and whether the image had been copied by then."""

    order: int
    phase: str
    owner: str
    sha256: str
    exit_status: int
    after_copy: bool


@dataclass
class Machine:
    """A machine in motion. `life` counts power cycles: what was begun in an earlier life is void."""

    spec: MachineSpec
    power: bool = False
    boot_device: str = "none"
    disk: Disk = field(default_factory=Disk)
    running: InstalledImage | None = None
    # What the kernel was started with, None without a kernel.
    kernel_parameters: str | None = None
    # Of the last boot, as is whether it has copied an image.
    scripts: tuple[ScriptRun, ...] = ()
    has_copied: bool = False
    device: str | None = None
    life: int = 0
    power_lost_s: float = -1.0
    reported_s: float = -1.0
    boots: int = 0
    installs: int = 0
    last_install_mode: str | None = None
    power_operations: int = 0
    front: BmcFront | None = None

    def note_script(self, script: Script, exit_status: int) -> None:
        """Remember that a script ended."""
        order = len(self.scripts) + 1
        run = ScriptRun(order, script.phase, script.owner, script.sha256, exit_status, self.has_copied)
        self.scripts = (*self.scripts, run)

    def to_state(self) -> dict[str, Any]:
        """Give what outlives the program."""
        return {
            "power": self.power,
            "boot_device": self.boot_device,
            "disk": asdict(self.disk),
            "running": asdict(self.running) if self.running else None,
            "kernel_parameters": self.kernel_parameters,
            "scripts": [asdict(run) for run in self.scripts],
            "boots": self.boots,
            "installs": self.installs,
            "last_install_mode": self.last_install_mode,
            "power_operations": self.power_operations,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what an earlier program saved."""
        self.power = state["power"]
        self.boot_device = state.get("boot_device", "none")
        self.disk = _disk(state["disk"])
        self.running = _image(state["running"])
        self.kernel_parameters = state.get("kernel_parameters")
        self.scripts = tuple(ScriptRun(**run) for run in state.get("scripts", []))
        self.boots = state["boots"]
        self.installs = state["installs"]
        self.last_install_mode = state["last_install_mode"]
        self.power_operations = state["power_operations"]


def _disk(state: dict[str, Any]) -> Disk:
    partitions = tuple(Partition(**partition) for partition in state.get("partitions", []))
    return Disk(state["layout"], _image(state["image"]), partitions, state.get("kernel_parameters", ""))


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
