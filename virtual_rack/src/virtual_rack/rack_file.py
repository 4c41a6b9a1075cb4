# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rack file says, as frozen dataclasses. `rack_reader` makes them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

DURATIONS = ("post", "boot", "install_full", "install_sync", "init")


@dataclass(frozen=True)
class Times:
    """How long the parts of a boot take, in simulated seconds; `jitter` is by which part machines may differ."""

    post: float = 10.0
    boot: float = 30.0
    install_full: float = 300.0
    install_sync: float = 120.0
    init: float = 30.0
    jitter: float = 0.0

    def of_machine(self, name: str) -> Times:
        """Give one machine's own durations, the same in every run."""
        if not self.jitter:
            return self
        own = {part: getattr(self, part) * (1 + self.jitter * _lot(name, part)) for part in DURATIONS}
        return replace(self, **own)


def _lot(*words: str) -> float:
    """Draw a number from -1 to 1 that depends on nothing but the words."""
    drawn = int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:8], "big")
    return 2 * drawn / 2**64 - 1


ENGINES = ("direct", "ipmi")
# What an engine can be told: neither blanks nor its own quotes, and no longer than it keeps.
_IPMI_WORD = re.compile(r"^[!$-\[\]-~]+$")
MAX_IPMI_USERNAME, MAX_IPMI_PASSWORD = 15, 19


def ipmi_can_have(username: str, password: str) -> bool:
    """Say whether an account can be one of an IPMI engine's."""
    fits = len(username) <= MAX_IPMI_USERNAME and len(password) <= MAX_IPMI_PASSWORD
    return fits and all(_IPMI_WORD.match(text) for text in (username, password))


@dataclass(frozen=True)
class Redfish:
    """How a BMC speaks Redfish: like whose, with which BIOS values left pending, members a page (0: all)."""

    mode: str
    pending_bios: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    page_size: int = 0


@dataclass(frozen=True)
class Bmc:
    """The controller on a machine's board, and the account that it accepts.

    One with engine `ipmi` speaks IPMI 2.0 at its address; `direct` ones only the head node reaches.
    """

    address: str
    username: str
    password: str
    engine: str = ENGINES[0]
    redfish: Redfish | None = None


@dataclass(frozen=True)
class MachineSpec:
    """A machine as it is screwed into the rack."""

    name: str
    mac: str
    bmc: Bmc
    serial: str = ""
    part_number: str = ""
    power: bool = False
    times: Times = Times()
    management_ip: str = ""
    category: str = "default"


@dataclass(frozen=True)
class ImageSpec:
    """A software image that is on the head node's disk from the start."""

    name: str
    kernel_version: str = "6.8.0-51-generic"


@dataclass(frozen=True)
class NetworkSpec:
    """A network that the head node knows from the start."""

    name: str
    base_address: str
    netmask_bits: int
    management: bool = False
    bootable: bool = False
    domain_name: str = ""
    gateway: str = "0.0.0.0"


@dataclass(frozen=True)
class CategorySpec:
    """A category that the head node knows from the start."""

    name: str
    image: str
    network: str = ""
    bmc_username: str = ""
    bmc_password: str = ""


@dataclass(frozen=True)
class User:
    """Someone who may log in."""

    username: str
    password: str
    profile: str = "admin"


ADMIN_PROFILE = ("*",)
READONLY_PROFILE = (
    "*::get*",
    "*::validate*",
    "*::queryRemove*",
    "*::powerOperationHistory",
    "CMSession::*",
)


@dataclass(frozen=True)
class HeadNodeSpec:
    """The head node and the switches for what is not known about a real one."""

    hostname: str
    version: str
    update_mode: str
    bulk_calls: bool
    unauthenticated: str
    denied: str
    tls_names: str
    bond_members: str
    added_entity: str
    slots: int
    images: tuple[ImageSpec, ...]
    networks: tuple[NetworkSpec, ...]
    categories: tuple[CategorySpec, ...]
    users: tuple[User, ...]
    reported_version: str = ""
    licence_days: int = 365
    licensed_nodes: int = 10_000
    certificate_days: int = 3650
    devices: tuple[str, ...] = ()
    passive: str = ""
    profiles: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class RackSpec:
    """A whole rack file."""

    head_node: HeadNodeSpec
    machines: tuple[MachineSpec, ...]
    ipmi_port: int = 6230
    # ASSUMED: how long a head node waits for a BMC; real seconds, because the network is real. Powering a node whose
    # BMC is unplugged on a live head node settles it.
    ipmi_timeout_s: float = 10.0
    redfish_port: int = 8443
