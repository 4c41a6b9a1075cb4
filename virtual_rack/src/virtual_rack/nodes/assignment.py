# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device is meant to run, and what changed since it booted. Pure."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.nodes.install_plan import FINALIZE, INITIALIZE


@dataclass(frozen=True)
class ImageChoice:
    """A software image, or one revision of it (-1: the image itself)."""

    uuid: str = ZERO_UUID
    revision: int = -1


@dataclass(frozen=True)
class Assignment:
    """What counts for restartRequired."""

    image: ImageChoice
    category: str
    disk_setup: str
    network: tuple[tuple[str, str, str, bool], ...]


def assignment_of(device: Entity, category: Entity | None) -> Assignment:
    """Work out what a device is meant to run."""
    return Assignment(
        image=effective_image(device, category),
        category=device.get("category", ZERO_UUID),
        disk_setup=fingerprint(disk_setup_of(device, category)),
        network=tuple((i["name"], i["ip"], i["network"], i["dhcp"]) for i in device["interfaces"]),
    )


def effective_image(device: Entity, category: Entity | None) -> ImageChoice:
    """Choose the node's own image, else its category's."""
    proxy = device.get("softwareImageProxy") or (category or {}).get("softwareImageProxy")
    if not proxy:
        return ImageChoice()
    return ImageChoice(proxy["parentSoftwareImage"], proxy["revisionID"])


def disk_setup_of(device: Entity, category: Entity | None) -> str:
    """Give the text of the node's own disk setup, else its category's."""
    return str(device.get("disksetup") or (category or {}).get("disksetup", ""))


def fingerprint(disk_setup: str) -> str:
    """Give a short word that differs where two disk setups do."""
    return f"{zlib.crc32(disk_setup.encode()):08x}"


def kernel_parameters_of(device: Entity, category: Entity | None, image: Entity | None) -> str:
    """Choose the node's own kernel parameters, else its category's, else its image's."""
    # ASSUMED: the three are not joined. /proc/cmdline of a node with two of them settles it.
    owners = (owner for owner in (device, category, image) if owner and owner.get("kernelParameters"))
    return next((str(owner["kernelParameters"]) for owner in owners), "")


@dataclass(frozen=True)
class Script:
    """A script of a category or a node, for one phase of the installer."""

    phase: str
    owner: str
    sha256: str


def scripts_of(device: Entity, category: Entity | None) -> tuple[Script, ...]:
    """Give the scripts of a node in their order: in each phase the category's, then its own."""
    owners = ((f"category {category['name']}", category),) if category else ()
    return tuple(
        Script(phase, name, hashlib.sha256(owner[phase].encode()).hexdigest())
        for phase in (INITIALIZE, FINALIZE)
        for name, owner in (*owners, (f"device {device['hostname']}", device))
        if owner.get(phase)
    )


def is_data_node(device: Entity, category: Entity | None) -> bool:
    """Say whether disks may be wiped only after somebody confirmed it: the node's or the category's word."""
    return bool(device.get("dataNode") or (category or {}).get("dataNode"))


def has_boot_interface(device: Entity) -> bool:
    """Say whether the head node can tell that the device is booting."""
    return any(i["name"] == "BOOTIF" or i["revision"] == "bootif" for i in device["interfaces"])


def boot_address(device: Entity) -> str:
    """Give the address that the node boots from, "" when it has none."""
    wanted = device.get("provisioningInterface")
    return next((i["ip"] for i in device["interfaces"] if i["uuid"] == wanted and i["ip"] != "0.0.0.0"), "")


# ASSUMED: the texts. restartRequiredReasons of a node whose image was changed while it was UP settles them.
_REASONS: Mapping[str, str] = {
    "image": "Software image changed",
    "category": "Category changed",
    "disk_setup": "Disk setup changed",
    "network": "Network settings changed",
}


def restart_reasons(booted: Assignment, now: Assignment) -> tuple[str, ...]:
    """Name what differs from the last boot."""
    return tuple(text for name, text in _REASONS.items() if _get(booted, name) != _get(now, name))


def _get(assignment: Assignment, name: str) -> Any:
    return getattr(assignment, name)
