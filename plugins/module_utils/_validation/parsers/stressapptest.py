# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""`stressapptest -s SECONDS -M MIB`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .output import ParseError, bounded

_COMPLETED = re.compile(
    r"^Stats: Completed: ([\d.]{1,20})M in ([\d.]{1,20})s ([\d.]{1,20})MB/s, "
    r"with (\d{1,12}) hardware incidents, (\d{1,12}) errors",
    re.MULTILINE,
)
_STATUS = re.compile(r"^Status: (PASS|FAIL)", re.MULTILINE)


@dataclass(frozen=True)
class StressRun:
    """What it copied; `errors` are its errors and hardware incidents together."""

    mib: float
    seconds: float
    mib_s: float
    errors: int
    passed: bool


def read_stressapptest(text: str) -> StressRun:
    """Read the output of a run that came to its end. Raises ParseError."""
    completed = _COMPLETED.search(bounded(text))
    status = _STATUS.search(text)
    if completed is None or status is None:
        raise ParseError("stressapptest did not come to its end: the line Completed or Status is missing")
    try:
        mib, seconds, rate = (float(completed[group]) for group in (1, 2, 3))
    except ValueError:
        raise ParseError("stressapptest's figures are no numbers") from None
    return StressRun(mib, seconds, rate, int(completed[4]) + int(completed[5]), status[1] == "PASS")
