# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""01-init: the inventory."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..messages import COMPLETED, Measurement, StepResult
from ..parsers.dmidecode import Smbios, read_dmidecode
from . import hardware
from .context import Context, call


def take(context: Context) -> StepResult:
    """Take the inventory from the firmware's tables and from the kernel. Raises ParseError, ToolMissing."""
    smbios = read_dmidecode(call(["dmidecode"]).output)
    disks, nics, nodes = hardware.disks(context), hardware.nics(context), hardware.numa_nodes(context)
    modules_mib = sum(module.size_mib for module in smbios.modules)
    # Some firmware lists no modules (virtual machines, soldered memory): the kernel's figure is a little less.
    memory_mib = modules_mib or sum(node["memory_mib"] for node in nodes)
    inventory: dict[str, Any] = {
        "system": _system(smbios),
        "cpus": [_named(asdict(each), "socket") for each in smbios.processors],
        "modules": [_named(asdict(each), "slot") for each in smbios.modules],
        "memory_mib": memory_mib,
        "numa_nodes": [{"name": node["name"], "memory_mib": node["memory_mib"]} for node in nodes],
        "disks": disks,
        "nics": nics,
    }
    counts = {"cpu_sockets": len(smbios.processors), "disks": len(disks), "nics": len(nics)}
    measurements = [Measurement(name, count) for name, count in counts.items()]
    return StepResult(
        COMPLETED,
        work=sum(counts.values()),
        measurements=(*measurements, Measurement("memory_mib", memory_mib, "MiB")),
        inventory=inventory,
    )


def _system(smbios: Smbios) -> dict[str, str]:
    fields = ("manufacturer", "product", "serial", "uuid", "bios_version")
    return {field: getattr(smbios, field) for field in fields}


def _named(entry: dict[str, Any], key: str) -> dict[str, Any]:
    return {"name": entry.pop(key), **entry}
