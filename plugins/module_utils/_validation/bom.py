# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The bill of material: what a server says it is made of, beside what NetBox expects.

An inventory, as 01-init reports it: `system` {manufacturer, product, serial, uuid, bios_version}, `memory_mib`, and
lists of objects with a `name` each: `cpus` {model, cores, threads}, `modules` {size_mib, manufacturer, part, serial,
speed_mts}, `numa_nodes` {memory_mib}, `disks` {model, serial, size_bytes, rotational, transport}, `nics` {mac, driver,
speed_mbps, link}. It comes from a machine: any of it may be missing or of another type.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .judging import FAIL, PASS, WARN, Check, entries

_GB = 1_000_000_000
# A disk is called by its size in round GB; what it has is a few per cent off.
_DISK_TOLERANCE = 0.08
# Where the firmware lists no modules, the kernel tells what it was left of them.
_MEMORY_TOLERANCE = 0.03


@dataclass(frozen=True)
class ExpectedDisk:
    """A disk that NetBox knows: by serial number, or only by size in GB (1,000,000,000 bytes); None is any size."""

    serial: str = ""
    size_gb: float | None = None


@dataclass(frozen=True)
class Expected:
    """What NetBox says a server has; None is not said, and then nothing is compared.

    `macs` are in upper case with colons. `disks` are all of them: one more or one fewer is a difference.
    """

    serial: str | None = None
    cpu_sockets: int | None = None
    memory_mib: int | None = None
    macs: Sequence[str] | None = None
    disks: Sequence[ExpectedDisk] | None = None


def compare_bom(expected: Expected, inventory: Mapping[str, Any]) -> list[Check]:
    """Compare the two, for the verdict over 01-init: a thing that is missing fails, one more than expected warns."""
    checks: list[Check] = []
    if expected.serial is not None:
        checks.append(_serial(expected.serial, _part(inventory, "system").get("serial")))
    if expected.cpu_sockets is not None:
        seen = len(entries(inventory, "cpus"))
        text = f"it has {seen} processors, NetBox says {expected.cpu_sockets}"
        checks.append(Check(PASS if seen == expected.cpu_sockets else FAIL, text, component="cpus"))
    if expected.memory_mib is not None:
        checks.append(_memory(expected.memory_mib, inventory.get("memory_mib")))
    if expected.macs is not None:
        checks += _macs(
            expected.macs, {str(nic.get("mac", "")).upper(): nic["name"] for nic in entries(inventory, "nics")}
        )
    if expected.disks is not None:
        checks += _disks(expected.disks, entries(inventory, "disks"))
    return checks


def bom_digest(inventory: Mapping[str, Any]) -> str:
    """Return what siblings have in common: product, processors, modules, sizes and models of disks, drivers of NICs.

    Serial numbers, MAC addresses, names and the firmware's version are left out.
    """
    material = {
        "product": _part(inventory, "system").get("product"),
        "cpus": _sorted(inventory, "cpus", "model", "cores", "threads"),
        "modules": _sorted(inventory, "modules", "size_mib", "speed_mts"),
        "disks": _sorted(inventory, "disks", "model", "size_bytes", "rotational"),
        "nics": _sorted(inventory, "nics", "driver"),
    }
    return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()


def _part(inventory: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = inventory.get(key)
    return found if isinstance(found, Mapping) else {}


def _sorted(inventory: Mapping[str, Any], key: str, *fields: str) -> list[str]:
    return sorted(json.dumps([entry.get(name) for name in fields]) for entry in entries(inventory, key))


def _serial(expected: str, seen: object) -> Check:
    if isinstance(seen, str) and seen.strip().upper() == expected.strip().upper():
        return Check(PASS, f"its serial number is {expected}", component="system")
    told = f"its serial number is {seen}" if seen else "it tells no serial number"
    return Check(FAIL, f"{told}, NetBox says {expected}", component="system")


def _memory(expected: int, seen: object) -> Check:
    if isinstance(seen, bool) or not isinstance(seen, (int, float)):
        return Check(FAIL, f"it tells no memory, NetBox says {expected:,} MiB", component="memory")
    text = f"it has {seen:,.0f} MiB of memory, NetBox says {expected:,} MiB"
    if seen < expected * (1 - _MEMORY_TOLERANCE):
        return Check(FAIL, text, component="memory")
    more = seen > expected * (1 + _MEMORY_TOLERANCE)
    return Check(WARN if more else PASS, text, component="memory")


def _macs(expected: Sequence[str], seen: Mapping[str, str]) -> Iterator[Check]:
    wanted = {mac.upper() for mac in expected}
    for mac in sorted(wanted - {*seen}):
        yield Check(FAIL, f"no interface has the MAC address {mac} that NetBox has", component="nics")
    for mac in sorted({*seen} - wanted):
        yield Check(WARN, f"its MAC address {mac or '(none)'} is not in NetBox", component=seen[mac])
    if wanted & {*seen}:
        found = len(wanted & {*seen})
        yield Check(PASS, f"{found} of {len(wanted)} MAC addresses that NetBox has are there", component="nics")


def _disks(expected: Sequence[ExpectedDisk], seen: Sequence[Mapping[str, Any]]) -> Iterator[Check]:
    left = list(seen)
    # Those with a serial number first: a disk known by size alone must not take theirs.
    for disk in sorted(expected, key=lambda each: (not each.serial, -(each.size_gb or 0))):
        found = next((each for each in left if _fits(disk, each)), None)
        words = f"serial number {disk.serial}" if disk.serial else f"{disk.size_gb or 0:,.0f} GB"
        if found is None:
            yield Check(FAIL, f"the disk with {words} that NetBox has is missing", component="disks")
            continue
        left.remove(found)
        if not _has_size(disk, found):
            text = f"it has {_gb(found):,.0f} GB, NetBox says {disk.size_gb:,.0f} GB"
            yield Check(FAIL, text, component=found["name"])
        else:
            yield Check(PASS, f"it is the disk with {words} that NetBox has", component=found["name"])
    for each in left:
        yield Check(WARN, f"the disk with {_gb(each):,.0f} GB is not in NetBox", component=each["name"])


def _fits(disk: ExpectedDisk, seen: Mapping[str, Any]) -> bool:
    return seen.get("serial") == disk.serial if disk.serial else _has_size(disk, seen)


def _has_size(disk: ExpectedDisk, seen: Mapping[str, Any]) -> bool:
    return disk.size_gb is None or abs(_gb(seen) - disk.size_gb) <= disk.size_gb * _DISK_TOLERANCE


def _gb(seen: Mapping[str, Any]) -> float:
    size = seen.get("size_bytes")
    return size / _GB if isinstance(size, (int, float)) and not isinstance(size, bool) else 0.0
