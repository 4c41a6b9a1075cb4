# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""`fio --output-format=json`, one job a call."""

from __future__ import annotations

from dataclasses import dataclass

from .output import ParseError, dig, number, objects, read_object

_MIB = 1024 * 1024


@dataclass(frozen=True)
class FioJob:
    """What a job did in one direction; `longest_ms` is its slowest request, `error` the errno that stopped it, or 0."""

    mib: float
    mib_s: float
    iops: float
    seconds: float
    latency_p99_ms: float | None
    longest_ms: float | None
    error: int


def read_fio(text: str, direction: str) -> FioJob:
    """Read the one job of a run; `direction` is `read` or `write`. Raises ParseError."""
    jobs = objects(read_object(text).get("jobs"))
    if len(jobs) != 1:
        raise ParseError(f"fio reported {len(jobs)} jobs, not one")
    did = jobs[0].get(direction)
    error = number(jobs[0].get("error"))
    moved, rate = number(dig(did, "io_bytes")), number(dig(did, "bw_bytes"))
    iops, runtime = number(dig(did, "iops")), number(dig(did, "runtime"))
    if error is None or moved is None or iops is None or runtime is None:
        raise ParseError(f"fio's job lacks error, or {direction} with io_bytes, iops and runtime")
    if rate is None:  # before fio 3: in KiB
        kib = number(dig(did, "bw"))
        if kib is None:
            raise ParseError(f"fio's job lacks the bandwidth of {direction}")
        rate = kib * 1024
    if min(moved, rate, iops, runtime) < 0:
        raise ParseError("fio reported a negative figure")
    p99, longest = (_ms(did, *path) for path in (("percentile", "99.000000"), ("max",)))
    return FioJob(moved / _MIB, rate / _MIB, iops, runtime / 1000, p99, longest, int(error))


def _ms(did: object, *path: str) -> float | None:
    """Return one of the latencies, None where fio tells none."""
    told = number(dig(did, "clat_ns", *path))
    return None if told is None else told / 1_000_000
