# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Machine checks and EDAC errors in the kernel's log (`dmesg`) and in what rasdaemon prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .output import MAX_RECORDS, bounded

MACHINE_CHECK, EDAC, FIRMWARE = "machine check", "EDAC", "firmware"
# The status register of a bank, Intel SDM volume 3 and AMD's manual alike: bit 61 is UC.
_UNCORRECTED = 1 << 61
_BANK = re.compile(r"\[Hardware Error\]: CPU (\d{1,6}): Machine Check.{0,40}? Bank (\d{1,3}): ([0-9a-f]{1,16})")
_ADDRESS = re.compile(r"\[Hardware Error\]:.{0,80}?ADDR ([0-9a-f]{1,16})")
_EDAC = re.compile(r"EDAC (MC\d{1,3}): (\d{1,9}) (CE|UE) (.{0,160})")
_GHES = re.compile(r"\{\d{1,9}\}\[Hardware Error\]: +event severity: (corrected|recoverable|fatal)")
_RASDAEMON_MCE = re.compile(r"mce_record:.{0,160}?bank=(\d{1,3}).{0,80}?status= ?(?:0x)?([0-9a-f]{1,16})")
_RASDAEMON_MC = re.compile(r"mc_event:.{0,80}?(\d{1,9}) (Corrected|Uncorrected|Fatal) errors?:(.{0,160})")


@dataclass(frozen=True)
class HardwareError:
    """One line's worth of errors; `component` is the bank, or the label of the DIMM, or the memory controller."""

    source: str
    component: str
    count: int
    corrected: bool
    text: str


def read_kernel_log(text: str) -> tuple[HardwareError, ...]:
    """Read dmesg; without errors it is empty, and only the caller knows whether there was a log. Raises ParseError."""
    return tuple(_first(_of_dmesg(bounded(text))))


def read_rasdaemon(text: str) -> tuple[HardwareError, ...]:
    """Read what `rasdaemon --foreground` printed. Raises ParseError."""
    return tuple(_first(_of_rasdaemon(bounded(text))))


def _first(errors: Iterator[HardwareError]) -> Iterator[HardwareError]:
    for number, error in enumerate(errors):
        if number >= MAX_RECORDS:
            return
        yield error


def _of_dmesg(text: str) -> Iterator[HardwareError]:
    lines = text.splitlines()
    for number, line in enumerate(lines):
        bank = _BANK.search(line)
        if bank:
            following = " ".join(lines[number + 1 : number + 3])
            address = _ADDRESS.search(following)
            where = f", address {address[1]}" if address else ""
            yield _bank(bank[2], bank[3], f"CPU {bank[1]} bank {bank[2]} status {bank[3]}{where}")
            continue
        edac = _EDAC.search(line)
        if edac:
            yield _edac(edac[1], int(edac[2]), edac[3] == "CE", edac[4].strip())
            continue
        ghes = _GHES.search(line)
        if ghes:
            yield HardwareError(FIRMWARE, "firmware", 1, ghes[1] == "corrected", f"the firmware reports: {ghes[1]}")


def _of_rasdaemon(text: str) -> Iterator[HardwareError]:
    for line in text.splitlines():
        record = _RASDAEMON_MCE.search(line)
        if record:
            yield _bank(record[1], record[2], f"bank {record[1]} status {record[2]}")
            continue
        event = _RASDAEMON_MC.search(line)
        if event:
            yield _edac("mc", int(event[1]), event[2] == "Corrected", event[3].strip())


def _bank(bank: str, status: str, text: str) -> HardwareError:
    return HardwareError(MACHINE_CHECK, f"bank{int(bank)}", 1, not int(status, 16) & _UNCORRECTED, text)


def _edac(controller: str, count: int, corrected: bool, text: str) -> HardwareError:
    label = re.search(r" on (\S{1,80})", f" {text}")
    component = label[1] if label else controller.lower()
    return HardwareError(EDAC, component, count, corrected, text)
