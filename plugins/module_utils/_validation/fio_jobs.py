# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The command lines of fio. One that writes can't be built without a Permit."""

from __future__ import annotations

from dataclasses import dataclass

from .writable import MARGIN_BYTES, Permit

_MIB = 1024 * 1024
SEQ, RAND = "seq", "rand"
_BLOCK = {SEQ: "1M", RAND: "4k"}
_DEPTH = {SEQ: 16, RAND: 32}
_LEAST_WRITE = {SEQ: 16 * _MIB, RAND: 2 * _MIB}


@dataclass(frozen=True)
class Extent:
    """How long to read, and how many bytes of a disk at most."""

    seconds: float
    most_bytes: int


def read_command(disk: str, size_bytes: int, pattern: str, extent: Extent) -> list[str]:
    """Return the command that reads a disk (a device's path) for some seconds; fio itself refuses to write with it."""
    region = max(_MIB, min(extent.most_bytes, size_bytes) // _MIB * _MIB)
    return [
        *_common("read" if pattern == SEQ else "randread", disk, pattern),
        "--readonly",
        "--time_based",
        f"--runtime={max(1, round(extent.seconds))}",
        f"--size={region}",
    ]


def write_end(pattern: str, extent: Extent, bytes_per_s: float) -> int:
    """Return the offset on a disk up to which to write, the end of the disk aside: what it read in the same time."""
    wanted = max(_LEAST_WRITE[pattern], int(bytes_per_s * extent.seconds))
    return MARGIN_BYTES + max(_MIB, min(wanted, extent.most_bytes) // _MIB * _MIB)


def write_command(path: str, permit: Permit, pattern: str) -> list[str]:
    """Return the command that writes all that a permit allows, then reads back and verifies it.

    It is bounded by size, not by time: a time limit of fio's would cut the verification off without a word. The buffers
    are fio's own, which don't compress: zeros would be blank at once, and measure how fast a disk writes nothing.
    """
    mode = "write" if pattern == SEQ else "randwrite"
    return [
        *_common(mode, path, pattern),
        *_within(permit),
        "--verify=crc32c",
        "--do_verify=1",
        "--verify_fatal=1",
    ]


def clear_command(path: str, permit: Permit) -> list[str]:
    """Return the command that makes what was written by a permit blank again."""
    return [*_common("write", path, SEQ), *_within(permit), "--zero_buffers", "--end_fsync=1"]


def _within(permit: Permit) -> list[str]:
    return [
        f"--offset={permit.start}",
        f"--size={(permit.end - permit.start) // _MIB * _MIB}",
        "--allow_mounted_write=0",
        "--allow_file_create=0",  # a device that has vanished does not become a file
    ]


def _common(mode: str, path: str, pattern: str) -> list[str]:
    return [
        "fio",
        f"--name={pattern}",
        f"--filename={path}",
        f"--rw={mode}",
        f"--bs={_BLOCK[pattern]}",
        f"--iodepth={_DEPTH[pattern]}",
        "--ioengine=libaio",
        "--direct=1",
        "--output-format=json",
    ]
