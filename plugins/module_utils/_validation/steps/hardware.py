# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Disks, network interfaces and NUMA nodes, as the kernel lists them below /sys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .context import Context

_SECTOR_BYTES = 512  # /sys/block/*/size counts these, whatever the disk's own are
_NO_DISKS = re.compile(r"(loop|ram|zram|sr|fd|md|dm-|nbd|mtdblock)[0-9]*")
_MEMORY = re.compile(r"^(?:Node \d+ )?(MemTotal|MemFree): +(\d+) kB$", re.MULTILINE)


def disks(context: Context) -> list[dict[str, Any]]:
    """Return the disks that stay: neither removable nor made of others; `size_bytes` is 0 where it can't be told."""
    found: list[dict[str, Any]] = []
    for path in sorted((context.root / "sys/block").glob("*")):
        name = path.name
        if _NO_DISKS.match(name) or re.fullmatch(r"nvme\d+c\d+n\d+", name):
            continue
        read = _reader(context, path)
        if read("removable") == "1":
            continue
        # A dead drive answers with no capacity. It is kept: nothing can be measured of it, and that is to be seen.
        size = read("size")
        found.append(
            {
                "name": name,
                "model": read("device/model"),
                "serial": _serial(read, name, context),
                "size_bytes": int(size) * _SECTOR_BYTES if size.isdigit() else 0,
                "rotational": read("queue/rotational") == "1",
                "transport": "nvme" if name.startswith("nvme") else "virtio" if name.startswith("vd") else "scsi",
            }
        )
    return found


def nics(context: Context) -> list[dict[str, Any]]:
    """Return the Ethernet interfaces that are hardware; `link` is whether there is a carrier."""
    found: list[dict[str, Any]] = []
    for path in sorted((context.root / "sys/class/net").glob("*")):
        read = _reader(context, path)
        if not (path / "device").exists() or read("type") != "1":
            continue
        speed = read("speed")
        driver = path / "device/driver"
        found.append(
            {
                "name": path.name,
                "mac": read("address").upper(),
                "driver": driver.resolve().name if driver.exists() else "",
                "speed_mbps": int(speed) if speed.isdigit() else None,
                "link": read("carrier") == "1",
            }
        )
    return found


def numa_nodes(context: Context) -> list[dict[str, Any]]:
    """Return the NUMA nodes with memory: name, number, memory_mib, free_mib, cpus; without sysfs' help it is one.

    `cpus` is 0 for one of memory alone, as CXL and HBM are.
    """
    found: list[dict[str, Any]] = []
    for path in sorted((context.root / "sys/devices/system/node").glob("node[0-9]*")):
        read = _reader(context, path)
        sizes = dict(_MEMORY.findall(read("meminfo")))
        if int(sizes.get("MemTotal", 0)) > 0:
            found.append(_node(int(path.name[4:]), sizes, _count(read("cpulist"))))
    if not found:
        sizes = dict(_MEMORY.findall(context.read("proc/meminfo")))
        if sizes:
            found.append(_node(0, sizes, _count(context.read("sys/devices/system/cpu/online"))))
    return found


def block_facts(context: Context, name: str) -> dict[str, list[str] | bool | None]:
    """Return what /sys and /proc tell of a disk's use, None for what they don't: see `writable.DiskState`."""
    path = context.root / "sys/block" / name
    if not path.is_dir():
        return {"partitions": None, "holders": None, "uses": None, "read_only": None}
    partitions = sorted(each.name for each in path.glob(f"{name}*") if (each / "partition").exists())
    names = {name, *partitions}
    holders = sorted(
        each.name for part in (path, *(path / inner for inner in partitions)) for each in part.glob("holders/*")
    )
    mounts, swaps = context.read("proc/self/mounts"), context.read("proc/swaps")
    lines = f"{mounts}\n{swaps}".splitlines()
    uses = sorted({line.split()[0] for line in lines if line.startswith("/dev/") and line.split()[0][5:] in names})
    read_only = {"0": False, "1": True}.get(_reader(context, path)("ro"))
    return {"partitions": partitions, "holders": holders, "uses": uses if mounts else None, "read_only": read_only}


def _reader(context: Context, path: Path) -> Any:
    return lambda inner: context.read(str((path / inner).relative_to(context.root)))


def _serial(read: Any, name: str, context: Context) -> str:
    for inner in ("serial", "device/serial"):
        if read(inner):
            return str(read(inner))
    # The unit serial number page of SCSI: four bytes of header, then text.
    page = context.root / "sys/block" / name / "device/vpd_pg80"
    try:
        return page.read_bytes()[4:].decode("ascii", "replace").strip("\0 ")
    except OSError:
        return ""


def _node(number: int, sizes: dict[str, str], cpus: int) -> dict[str, Any]:
    return {
        "name": f"numa{number}",
        "number": number,
        "memory_mib": int(sizes.get("MemTotal", 0)) // 1024,
        "free_mib": int(sizes.get("MemFree", 0)) // 1024,
        "cpus": cpus,
    }


def _count(cpus: str) -> int:
    """Count the processors of a list as 0-3,8."""
    total = 0
    for part in cpus.split(","):
        first, _dash, last = part.partition("-")
        if first.isdigit():
            total += (int(last) if last.isdigit() else int(first)) - int(first) + 1
    return total
