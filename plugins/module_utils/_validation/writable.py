# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a disk may be written. The one place that says yes, and the only one that makes a Permit.

Nothing else in this product destroys data. All of this must hold: the profile allows writing; the receiver lists the
disk by its serial number, which it does for servers that NetBox has as `discovered`; the disk carries no signature,
nor do its partitions, of which it has none; nothing uses it; and its first MiB is blank, for there are data without a
signature. Whatever could not be found out counts as no.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .profile import StepPolicy, allows_writing

# The first and last so many bytes are never written: a disk without signature stays one.
MARGIN_BYTES = 1024 * 1024


@dataclass(frozen=True)
class DiskState:
    """What was found out about a disk, right before; None is what could not be found out.

    `signatures` are those that wipefs names; `partitions`, `holders` (device mapper, RAID) and `uses` (mounts, swap)
    are names; `same_serial` is how many disks of the server have this serial number.
    """

    name: str
    serial: str
    size_bytes: int
    signatures: Sequence[str] | None
    partitions: Sequence[str] | None
    holders: Sequence[str] | None
    uses: Sequence[str] | None
    read_only: bool | None
    blank_start: bool | None
    same_serial: int = 1


@dataclass(frozen=True)
class Permit:
    """The leave to write to one disk, between two offsets in bytes. Made by `ask` alone."""

    disk: str
    start: int
    end: int


def ask(policy: StepPolicy, state: DiskState, writable_serials: Collection[str]) -> Permit | str:
    """Return the leave to write to a disk, or the reason why there is none."""
    if not allows_writing(policy):
        return "the profile allows no writing"
    if not state.serial.strip():
        return "it tells no serial number"
    if state.serial not in writable_serials:
        return "its serial number is not among the disks that may be written"
    if state.same_serial != 1:
        return "several disks have its serial number"
    return _contents(state) or Permit(state.name, MARGIN_BYTES, state.size_bytes - MARGIN_BYTES)


def _contents(state: DiskState) -> str:
    for found, words in (
        (state.signatures, "carries a signature"),
        (state.partitions, "has partitions"),
        (state.holders, "is used by a device"),
        (state.uses, "is in use"),
    ):
        if found is None:
            return f"it could not be found out whether it {words}"
        if found:
            return f"it {words}: {', '.join([*found][:5])}"
    if state.read_only is not False:
        return "it is read only"
    if state.blank_start is not True:
        return "its first MiB is not blank"
    return "" if state.size_bytes >= 4 * MARGIN_BYTES else "it is too small"
