# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The audit of one BMC: it reads what the profile's controls need, each resource once, and decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import roles
from .decide import Finding, decide, plain
from .profile import Profile
from .reader import Reader
from .session import Redfish
from .values import MISSING, at
from .view import View


@dataclass(frozen=True)
class Identity:
    """Which server a BMC belongs to, and what it runs."""

    vendor: str = ""
    manufacturer: str = ""
    model: str = ""
    serial: str = ""
    power: str = ""
    bios_version: str = ""
    bmc_version: str = ""
    redfish_version: str = ""


@dataclass(frozen=True)
class Audit:
    """What was found of one server."""

    identity: Identity
    findings: tuple[Finding, ...] = ()


def audit(redfish: Redfish, profile: Profile, today: str, *, serial: str = "") -> Audit:
    """Read and judge one server, in as many turns as readings lead to further ones. Raises RedfishError."""
    reader = Reader(redfish, serial)
    return Audit(identify(reader), judge(reader, profile, today))


def judge(reader: Reader, profile: Profile, today: str) -> tuple[Finding, ...]:
    """Decide, and read what that lacks, until it lacks nothing. Raises RedfishError."""
    while True:
        view = reader.view
        findings = decide(view, profile, today)
        if not view.asked:
            return tuple(findings)
        for role in sorted(view.asked):
            reader.read(role)


def identify(reader: Reader) -> Identity:
    """Return whose BMC it is, as far as it says."""
    view = reader.view
    system, manager = _body(view, roles.SYSTEM), _body(view, roles.MANAGER)
    root = _body(view, roles.ROOT)

    def said(body: Any, name: str) -> str:
        value = at(body, name)
        return str(plain(value)) if isinstance(value, str) else ""

    return Identity(
        vendor=view.vendor,
        manufacturer=said(system, "Manufacturer"),
        model=said(system, "Model"),
        serial=said(system, "SerialNumber").strip(),
        power=said(system, "PowerState").upper() or "UNKNOWN",
        bios_version=said(system, "BiosVersion"),
        bmc_version=said(manager, "FirmwareVersion"),
        redfish_version=said(root, "RedfishVersion"),
    )


def _body(view: View, role: str) -> Any:
    try:
        resource = view.one(role)
    except LookupError:
        return MISSING
    return MISSING if resource is None else resource.body
