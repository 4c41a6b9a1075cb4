# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a disk may be written. The one place that says yes, and the only one that makes a Permit.

Nothing else in this product destroys data. All of this must hold: the profile allows writing; the receiver lists the
disk by its serial number, which it does for servers that NetBox has as `discovered`; the disk carries no signature,
nor do its partitions, of which it has none; nothing uses it; and it is blank, for there are data without a signature:
its first MiB, all that is to be written, samples of the rest, and its last MiB are zeros. Whatever could not be found
out counts as no.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .profile import StepPolicy, allows_writing

# The first and last so many bytes are never written: a disk without signature stays one.
MARGIN_BYTES = 1024 * 1024
_CONTENTS = {
    "signatures": "carries a signature",
    "partitions": "has partitions",
    "holders": "is used by a device",
    "uses": "is in use",
}
_NOT_BLANK = "it is not blank"
# How reasons begin that say that a disk holds something. Only these excuse a disk that was to be written: all others
# say that it is at fault, or that something kept it from being tested.
HOLDS_SOMETHING = (*(f"it {words}: " for words in _CONTENTS.values()), _NOT_BLANK)


@dataclass(frozen=True)
class DiskState:
    """What was found out about a disk, right before; None is what could not be found out.

    `signatures` are those that wipefs names; `partitions`, `holders` (device mapper, RAID) and `uses` (mounts, swap)
    are names; `blank` is whether all up to the offset `looked_to`, and samples after it, are zeros or what this run
    itself wrote; `same_serial` is how many disks of the server have this serial number; `trouble` is why the signatures
    could not be found out.
    """

    name: str
    serial: str
    size_bytes: int
    signatures: Sequence[str] | None
    partitions: Sequence[str] | None
    holders: Sequence[str] | None
    uses: Sequence[str] | None
    read_only: bool | None
    blank: bool | None
    looked_to: int
    same_serial: int = 1
    trouble: str = ""


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
    end = min(state.looked_to, state.size_bytes - MARGIN_BYTES)
    return _contents(state) or Permit(state.name, MARGIN_BYTES, end)


def _contents(state: DiskState) -> str:
    for name, words in _CONTENTS.items():
        found = getattr(state, name)
        if found is None:
            trouble = f": {state.trouble}" if name == "signatures" and state.trouble else ""
            return f"it could not be found out whether it {words}{trouble}"
        if found:
            return f"it {words}: {', '.join([*found][:5])}"
    if state.read_only is not False:
        return "it is read only"
    if state.size_bytes < 4 * MARGIN_BYTES:
        return "it is too small"
    if state.blank is None or state.looked_to < 2 * MARGIN_BYTES:
        return "it could not be found out whether it is blank"
    return "" if state.blank else _NOT_BLANK
