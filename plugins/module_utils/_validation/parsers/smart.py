# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""`smartctl --json --all DEVICE` and `nvme smart-log --output-format=json DEVICE`: whether a disk says it is sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .output import ParseError, dig, number, objects, read_object, text_of

# Bits of nvme's critical_warning: NVM Express base specification, SMART / Health Information.
_NVME_WARNINGS = {
    0: "spare capacity is below its threshold",
    1: "temperature is beyond a threshold",
    2: "reliability is degraded by errors",
    3: "the media are read only",
    4: "the backup of the volatile memory has failed",
    5: "the persistent memory region is read only or unreliable",
}
# Attributes of ATA disks whose raw value counts sectors that could not be read or had to be moved.
_SECTORS = {197: "sectors wait to be moved", 198: "sectors could not be corrected"}
_REALLOCATED = 5
# Of smartctl's exit status, smartctl(8): SMART said that the disk fails.
_FAILING = 0b1000
# smartctl knows no way to ask this kind of disk, a virtual one for instance.
_OF_NO_TYPE = "unable to detect device type"
# What the kernel shows is a virtual disk of a controller: the disks behind it answer to their numbers there alone
# (smartmontools, os_linux.cpp, for 3ware, PERC and MegaRAID).
_BEHIND_RAID = "please try adding '-d "


@dataclass(frozen=True)
class Smart:
    """What a disk says of itself. `problems` make it unsound, `warnings` do not; numbers are None where not told.

    `absent` is why there is no SMART, where none is `present`.
    """

    present: bool
    healthy: bool
    absent: str = ""
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    temperature_c: float | None = None
    power_on_hours: float | None = None
    percentage_used: float | None = None


def read_smartctl(text: str) -> Smart:
    """Read smartctl's report. `present` is False where no SMART is to be had of the disk. Raises ParseError."""
    report = read_object(text)
    status = dig(report, "smartctl", "exit_status")
    if isinstance(status, bool) or not isinstance(status, int):
        raise ParseError("smartctl gave no exit status")
    passed = dig(report, "smart_status", "passed")
    if not isinstance(passed, bool):
        if _says(report, _BEHIND_RAID):
            return Smart(
                present=False, healthy=False, absent="it is behind a RAID controller, which does not pass SMART on"
            )
        if dig(report, "smart_support", "available") is False or _says(report, _OF_NO_TYPE):
            return Smart(present=False, healthy=False, absent="the disk offers no SMART")
        # A disk that can't be opened, or answers no more, has not said that it offers none.
        raise ParseError("smartctl gave no overall health, and not that the disk offers none")
    problems = [] if passed and not status & _FAILING else ["SMART says that the disk fails"]
    warnings: list[str] = []
    for attribute in objects(dig(report, "ata_smart_attributes", "table")):
        raw = number(dig(attribute, "raw", "value")) or 0
        kind = int(number(attribute.get("id")) or 0)
        if kind in _SECTORS and raw > 0:
            problems.append(f"{raw:.0f} {_SECTORS[kind]}")
        elif kind == _REALLOCATED and raw > 0:
            warnings.append(f"{raw:.0f} sectors were moved")
    log = report.get("nvme_smart_health_information_log")
    if isinstance(log, dict):
        problems += _nvme_problems(number(log.get("critical_warning")))
        warnings += _media_errors(log)
    grown = number(report.get("scsi_grown_defect_list"))
    if grown:
        warnings.append(f"{grown:.0f} grown defects")
    return Smart(
        present=True,
        healthy=not problems,
        problems=tuple(problems),
        warnings=tuple(warnings),
        temperature_c=number(dig(report, "temperature", "current")),
        power_on_hours=number(dig(report, "power_on_time", "hours")),
        percentage_used=number(dig(log, "percentage_used")),
    )


def _says(report: dict[str, Any], words: str) -> bool:
    said = objects(dig(report, "smartctl", "messages"))
    return any(words in text_of(each.get("string")).lower() for each in said)


def read_nvme(text: str) -> Smart:
    """Read the SMART log of an NVMe disk as nvme-cli prints it, version 1 and 2. Raises ParseError."""
    log = read_object(text)
    warning = log.get("critical_warning")
    if isinstance(warning, dict):  # nvme-cli 2 with --human-readable
        warning = warning.get("value")
    bits = number(warning)
    if bits is None:
        raise ParseError("nvme gave no critical_warning")
    problems = _nvme_problems(bits)
    kelvin = number(log.get("temperature"))
    used = number(log.get("percent_used"))
    return Smart(
        present=True,
        healthy=not problems,
        problems=tuple(problems),
        warnings=tuple(_media_errors(log)),
        temperature_c=None if kelvin is None else kelvin - 273,
        power_on_hours=number(log.get("power_on_hours")),
        percentage_used=used if used is not None else number(log.get("percentage_used")),
    )


def _nvme_problems(warning: float | None) -> list[str]:
    bits = int(warning or 0)
    if not 0 <= bits <= 0xFF:
        return [f"critical warning {bits} is no byte"]
    known = [words for bit, words in _NVME_WARNINGS.items() if bits >> bit & 1]
    return known or ([f"critical warning {bits:#x}"] if bits else [])


def _media_errors(log: dict[str, Any]) -> list[str]:
    errors = number(log.get("media_errors"))
    return [f"{errors:.0f} media errors"] if errors else []
