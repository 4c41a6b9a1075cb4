# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The steps that come with the image: which metrics they take, and which options a profile may give them.

The receiver judges by this table and by the profile, never by what the image says of its own steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SERVER, DISK, NUMA, NIC = "server", "disk", "numa", "nic"
EACH = (SERVER, DISK, NUMA, NIC)
BETTER = ("higher", "lower")


@dataclass(frozen=True)
class Metric:
    """A number that a step must take: once for the server, or once for `per` disk, NUMA node or network interface.

    `better` is "higher" or "lower" where runs of siblings are compared by it, else empty.
    """

    name: str
    unit: str = ""
    per: str = SERVER
    better: str = ""
    summary: str = ""


@dataclass(frozen=True)
class BuiltIn:
    """A step of the image. `metrics` it must take, `more` it takes where a profile asks, `options` by JSON Schema."""

    name: str
    summary: str
    metrics: tuple[Metric, ...]
    more: tuple[Metric, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


SEQ_READ, RAND_READ = "disk_seq_read_mib_s", "disk_rand_read_iops"
SEQ_WRITE, RAND_WRITE = "disk_seq_write_mib_s", "disk_rand_write_iops"
SMART_OK = "disk_smart_ok"
WRITE_NEVER, WRITE_WHEN_EMPTY = "never", "when_empty"
SMART_IF_PRESENT, SMART_REQUIRED = "if_present", "required"

INIT = BuiltIn(
    "01-init",
    "Takes the inventory; the receiver compares it with what NetBox says the server has.",
    metrics=(
        Metric("cpu_sockets", summary="processors"),
        Metric("memory_mib", "MiB", summary="memory that the firmware reports, else the kernel"),
        Metric("disks", summary="disks, without removable media"),
        Metric("nics", summary="Ethernet interfaces that are hardware"),
    ),
)
MEMORY = BuiltIn(
    "02-memory",
    "Runs memtester in slices bound to each NUMA node, and counts machine checks and EDAC errors meanwhile.",
    metrics=(
        Metric("memory_tested_mib", "MiB", NUMA, summary="memory that memtester went over"),
        Metric("memory_errors", "", NUMA, summary="failures that memtester printed"),
        Metric("memory_rate_mib_s", "MiB/s", NUMA, "higher", "memory tested per second, loops counted"),
        Metric("machine_checks_corrected", summary="corrected machine checks and EDAC errors during the step"),
        Metric("machine_checks_uncorrected", summary="uncorrected ones"),
    ),
    more=(
        Metric("stress_rate_mib_s", "MiB/s", SERVER, "higher", "rate at which stressapptest copied"),
        Metric("stress_errors", summary="errors and hardware incidents of stressapptest"),
    ),
    options={
        "fraction": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 0.95,
            "default": 0.25,
            "description": "which part of each node's free memory is tested",
        },
        "max_mib": {
            "type": "integer",
            "minimum": 1,
            "default": 4096,
            "description": "at most so many MiB of each node",
        },
        "slices": {
            "type": "integer",
            "minimum": 1,
            "maximum": 256,
            "default": 4,
            "description": "at most so many memtester at once on a node; no more than its processors, if it has any",
        },
        "loops": {"type": "integer", "minimum": 1, "default": 1, "description": "loops of memtester"},
        "stress_seconds": {
            "type": "integer",
            "minimum": 0,
            "default": 0,
            "description": "seconds of stressapptest after memtester; 0 leaves it out",
        },
    },
)
DISK_STEP = BuiltIn(
    "03-disk",
    "Reads SMART, then measures each disk with fio: 1 MiB in sequence, 4 KiB at random, read and, if it may, written.",
    metrics=(
        Metric(SMART_OK, "", DISK, summary="1 where SMART reports a sound disk, else 0"),
        Metric(SEQ_READ, "MiB/s", DISK, "higher", "1 MiB blocks read in sequence"),
        Metric(RAND_READ, "1/s", DISK, "higher", "4 KiB blocks read at random"),
        Metric(SEQ_WRITE, "MiB/s", DISK, "higher", "1 MiB blocks written in sequence, then verified"),
        Metric(RAND_WRITE, "1/s", DISK, "higher", "4 KiB blocks written at random, then verified"),
    ),
    options={
        "write": {
            "enum": [WRITE_NEVER, WRITE_WHEN_EMPTY],
            "default": WRITE_NEVER,
            "description": "whether disks are written that are empty and whose serial numbers NetBox has",
        },
        "smart": {
            "enum": [SMART_IF_PRESENT, SMART_REQUIRED],
            "default": SMART_IF_PRESENT,
            "description": "whether a disk that offers no SMART, or whose RAID controller passes none on, is an error",
        },
        "seconds": {
            "type": "number",
            "minimum": 1,
            "maximum": 3600,
            "default": 10,
            "description": "seconds of each of the four measurements",
        },
        "size_mib": {
            "type": "integer",
            "minimum": 1,
            "default": 1024,
            "description": "at most so many MiB of a disk are read or written by one measurement",
        },
        "at_once": {
            "type": "integer",
            "minimum": 1,
            "maximum": 64,
            "default": 1,
            "description": "how many disks are measured at the same time",
        },
    },
)
LLDP = BuiltIn(
    "04-lldp",
    "Listens for LLDP on each interface with a link; the receiver compares the neighbours with NetBox's cables.",
    metrics=(
        Metric("lldp_neighbours", summary="interfaces with a neighbour"),
        Metric("nics_with_link", summary="interfaces with a link"),
    ),
    options={
        "intervals": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 2,
            "default": 2,
            "description": "how many of the switch's LLDP intervals to wait at most",
        },
    },
)
REPORT = BuiltIn(
    "05-report",
    "Judges what the steps before it found, and writes it into its log as OCP Test & Validation 2.0 JSON lines.",
    metrics=(Metric("steps_reported", summary="steps with a result"),),
)
STEPS = {step.name: step for step in (INIT, MEMORY, DISK_STEP, LLDP, REPORT)}


def parse_metric(text: str) -> Metric:
    """Read `name`, `name/disk` or `name/disk:higher`, as headers and profiles declare metrics. Raises ValueError."""
    whole, _colon, better = text.partition(":")
    name, _slash, per = whole.partition("/")
    if (per or SERVER) not in EACH:
        raise ValueError(f"a metric is taken per {', '.join(EACH)}, not per {per}")
    if better not in ("", *BETTER):
        raise ValueError(f"a metric is better where it is {' or '.join(BETTER)}, not {better}")
    return known(name) or Metric(name, per=per or SERVER, better=better)


def known(name: str) -> Metric | None:
    """Return the metric of that name that a step of the image takes."""
    for step in STEPS.values():
        for metric in (*step.metrics, *step.more):
            if metric.name == name:
                return metric
    return None


def option(step: str, name: str, options: Mapping[str, Any]) -> Any:
    """Return an option of one of the image's steps, or its default."""
    return options.get(name, STEPS[step].options[name]["default"])
