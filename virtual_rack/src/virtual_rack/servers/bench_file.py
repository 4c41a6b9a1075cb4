# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bench file says, as frozen dataclasses, and how it is read."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from virtual_rack.rack_file import Bmc
from virtual_rack.rack_reader import RackFileError, Section

FIRMWARES = ("bios", "uefi", "secure_boot")
# Whose network boot a server has: that of the card's iPXE, the firmware's own, or that of UEFI firmware by HTTP alone.
NETWORK_BOOTS = ("card", "firmware", "http")
DISKS = ("virtio", "nvme", "sata")
# By kind: the option that it has, if any.
FAULTS = {
    "memory_bits": "",
    "bad_sector": "",
    "slow_disk": "bytes_per_second",
    "smart_warning": "",
    "machine_check": "",
    "wrong_port": "port",
    "hang": "",
    "death": "",
}
# These happen when the server has written something to its console; memory forgets from then on.
AT_ONCE = ("machine_check", "hang", "death")
ON_CONSOLE = ("memory_bits", *AT_ONCE)


@dataclass(frozen=True)
class Disk:
    """A disk of a server, empty at first. `size` is in MiB."""

    kind: str
    serial: str
    size: int


@dataclass(frozen=True)
class ServerFault:
    """What is broken: `option` as FAULTS says; it happens `seconds` after the console has shown the text `after`."""

    kind: str
    option: str = ""
    after: str = ""
    seconds: int = 0


@dataclass(frozen=True)
class ServerSpec:
    """A server: what its SMBIOS says, what it has, where it is plugged in. `memory` is in MiB."""

    name: str
    serial: str
    mac: str
    port: str
    bmc: Bmc
    memory: int
    disks: tuple[Disk, ...]
    firmware: str
    network_boot: str
    faults: tuple[ServerFault, ...]

    def fault(self, kind: str) -> ServerFault | None:
        """Find a fault."""
        return next((fault for fault in self.faults if fault.kind == kind), None)


@dataclass(frozen=True)
class BenchSpec:
    """A bench: its network, whose first address is for a boot service, its switch, its servers.

    `next_server` is whether the DHCP server names that address as the one to boot from, as GRUB needs it.
    """

    namespace: str
    address: ipaddress.IPv4Interface
    switch: str
    lldp_interval_s: int
    ipmi_port: int
    next_server: bool
    servers: tuple[ServerSpec, ...]


def read_bench(path: Path) -> BenchSpec:
    """Read a bench file. Raises RackFileError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RackFileError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise RackFileError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    return bench_from(content, name=str(path))


def bench_from(content: Any, *, name: str = "bench") -> BenchSpec:
    """Make a bench out of parsed YAML. Raises RackFileError."""
    top = Section(content, f"{name}:")
    firmware = top.choice("firmware", FIRMWARES, FIRMWARES[0])
    address = top.take("address", str, "10.98.0.1/24")
    try:
        interface = ipaddress.IPv4Interface(address)
    except ValueError:
        raise top.fail("address", f"not an IPv4 address with a prefix: {address!r}") from None
    bench = BenchSpec(
        namespace=top.take("namespace", str, "bench"),
        address=interface,
        switch=top.take("switch", str, "leaf-1"),
        lldp_interval_s=top.take("lldp_interval_s", int, 2),
        ipmi_port=top.take("ipmi_port", int, 623),
        next_server=top.take("next_server", bool, False),
        servers=top.each("servers", lambda value, where: _server(Section(value, where), firmware)),
    )
    top.end()
    for what in ("name", "serial", "mac", "port"):
        values = [getattr(server, what) for server in bench.servers]
        if len(set(values)) < len(values):
            raise RackFileError(f"{name}: servers: two have the same {what}")
    return bench


def _server(section: Section, firmware: str) -> ServerSpec:
    bmc = section.section("bmc")
    server = ServerSpec(
        name=section.take("name", str),
        serial=section.take("serial", str),
        mac=section.take("mac", str).lower(),
        port=section.take("port", str),
        bmc=Bmc(bmc.address("address"), bmc.take("username", str, "admin"), bmc.take("password", str, "admin"), "ipmi"),
        memory=section.take("memory", int, 768),
        disks=section.each("disks", lambda value, where: _disk(Section(value, where))),
        firmware=section.choice("firmware", FIRMWARES, firmware),
        network_boot=section.choice("network_boot", NETWORK_BOOTS, NETWORK_BOOTS[0]),
        faults=section.each("faults", lambda value, where: _fault(Section(value, where))),
    )
    bmc.end()
    section.end()
    if server.network_boot == "http" and server.firmware == "bios":
        raise section.fail("network_boot", "http needs firmware uefi or secure_boot")
    if server.fault("smart_warning") and not any(disk.kind == "nvme" for disk in server.disks):
        raise section.fail("faults", "smart_warning needs a disk of kind nvme")
    if (server.fault("bad_sector") or server.fault("slow_disk")) and not server.disks:
        raise section.fail("faults", "a fault of a disk needs a disk")
    return server


def _disk(section: Section) -> Disk:
    disk = Disk(section.choice("kind", DISKS, DISKS[0]), section.take("serial", str), section.take("size", int, 64))
    section.end()
    return disk


def _fault(section: Section) -> ServerFault:
    kind = section.take("kind", str)
    if kind not in FAULTS:
        raise section.fail("kind", f"expected one of {', '.join(FAULTS)}, found {kind!r}")
    fault = ServerFault(kind)
    if FAULTS[kind]:
        fault = replace(fault, option=section.take(FAULTS[kind], str))
    if kind in ON_CONSOLE:
        fault = replace(fault, after=section.take("after", str), seconds=section.take("seconds", int, 0))
    section.end()
    return fault
