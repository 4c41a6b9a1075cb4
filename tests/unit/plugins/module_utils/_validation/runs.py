# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of a healthy server with two disks, for tests to break."""

from __future__ import annotations

from typing import Any

import yaml

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.catalogue import RAND_WRITE, SEQ_WRITE
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import (
    COMPLETED,
    Measurement,
    NotApplicable,
    StepResult,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.profile import Profile, read_profiles
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.paths import PROFILES

DISKS = ("nvme0n1", "sda")


def shipped() -> dict[str, Any]:
    """Return the profiles that are shipped, as YAML gives them."""
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(PROFILES.glob("*.yml"))}


def profile(**steps: dict[str, Any] | None) -> Profile:
    """Return the shipped baseline with changes to its steps: `disk={"options": …}` is for 03-disk."""
    names = {"init": "01-init", "memory": "02-memory", "disk": "03-disk", "lldp": "04-lldp", "report": "05-report"}
    changed = {
        "name": "changed",
        "extends": "baseline",
        "steps": {names.get(name, name): step for name, step in steps.items()},
    }
    return read_profiles({**shipped(), "changed.yml": changed})["changed"]


def inventory() -> dict[str, Any]:
    """Return what 01-init reports of the server."""
    return {
        "system": {"manufacturer": "QEMU", "product": "Q35", "serial": "S1", "uuid": "u", "bios_version": "1"},
        "cpus": [{"name": "CPU 0", "model": "x", "cores": 8, "threads": 16}],
        "modules": [{"name": "DIMM 0", "size_mib": 65536, "speed_mts": 4800}],
        "memory_mib": 65536,
        "numa_nodes": [{"name": "numa0", "memory_mib": 65000}],
        "disks": [
            {"name": "nvme0n1", "model": "A", "serial": "D1", "size_bytes": 960_197_124_096, "rotational": False},
            {"name": "sda", "model": "B", "serial": "D2", "size_bytes": 4_000_787_030_016, "rotational": True},
        ],
        "nics": [{"name": "eno1", "mac": "A0:36:9F:7C:05:00", "driver": "ixgbe", "speed_mbps": 10000, "link": True}],
    }


def results() -> dict[str, StepResult]:
    """Return results of all five steps, of disks that were read only."""
    disk_metrics = (("disk_smart_ok", 1.0), ("disk_seq_read_mib_s", 500.0), ("disk_rand_read_iops", 9000.0))
    return {
        "01-init": done(
            *(Measurement(name, value) for name, value in (("cpu_sockets", 1), ("disks", 2), ("nics", 1))),
            Measurement("memory_mib", 65536, "MiB"),
            inventory=inventory(),
        ),
        "02-memory": done(
            Measurement("memory_tested_mib", 2048, "MiB", "numa0"),
            Measurement("memory_errors", 0, "", "numa0"),
            Measurement("memory_rate_mib_s", 300, "MiB/s", "numa0"),
            Measurement("machine_checks_corrected", 0),
            Measurement("machine_checks_uncorrected", 0),
        ),
        "03-disk": done(
            *(Measurement(name, value, "", disk) for disk in DISKS for name, value in disk_metrics),
            not_applicable=tuple(
                NotApplicable(metric, disk, "the profile allows no writing")
                for disk in DISKS
                for metric in (SEQ_WRITE, RAND_WRITE)
            ),
        ),
        "04-lldp": done(Measurement("lldp_neighbours", 1), Measurement("nics_with_link", 1)),
        "05-report": done(Measurement("steps_reported", 4)),
    }


def done(*measurements: Measurement, **fields: Any) -> StepResult:
    """Return the result of a step that ran well."""
    return StepResult(COMPLETED, **{"seconds": 10.0, "work": 1.0, "measurements": measurements, **fields})
