# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a disk holds nothing but zeros, where it is to be written and in samples of all the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..writable import MARGIN_BYTES

_FEWEST_SAMPLES, _MOST_SAMPLES = 16, 1024
_SAMPLE_BYTES = 64 * 1024
_ZEROS = bytes(1024 * 1024)


def is_blank(path: Path, end: int, readable: int, *, own: bool = False) -> bool | None:
    """Say whether a disk is blank: all of it up to an offset, even samples of the rest, and its last MiB.

    What is read whole takes about as long as one measurement, for no more is to be written than the disk reads in that
    time. So do the samples, for they are no more than `readable` bytes, which the disk read in one measurement: a disk
    that limps is to be found slow, and not to take all the time of the step. A thousand of them take a rotating disk
    some ten seconds. Where what is to be written is this run's `own` data, only the first and last MiB are looked at.
    None is what can't be read.
    """
    samples = 0 if own else max(_FEWEST_SAMPLES, min(readable // _SAMPLE_BYTES, _MOST_SAMPLES))
    try:
        disk = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        # Nothing is read ahead of what is asked for.
        os.posix_fadvise(disk, 0, 0, os.POSIX_FADV_RANDOM)
        size = os.lseek(disk, 0, os.SEEK_END)
        for offset, length in _pieces(size, MARGIN_BYTES if own else end, samples):
            read = os.pread(disk, length, offset)
            if len(read) != length:
                return None
            # Compared as a whole, which is a hundred times as fast as looking for a byte that is not zero.
            if read != _ZEROS[:length]:
                return False
    except OSError:
        return None
    finally:
        os.close(disk)
    return True


def _pieces(size: int, end: int, samples: int) -> Iterator[tuple[int, int]]:
    """Yield what is read: offsets and lengths."""
    for offset in range(0, end, len(_ZEROS)):
        yield offset, min(len(_ZEROS), end - offset)
    for number in range(samples if size > end else 0):
        offset = end + (size - end) * number // samples
        yield offset, min(_SAMPLE_BYTES, size - offset)
    yield max(0, size - MARGIN_BYTES), min(size, MARGIN_BYTES)
