# SPDX-License-Identifier: GPL-3.0-or-later
"""Time that passes only when somebody sleeps."""

from __future__ import annotations


class FakeClock:
    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now_s(self) -> float:
        return self.elapsed_s

    def sleep(self, seconds: float) -> None:
        self.elapsed_s += seconds

    def wall_s(self) -> int:
        return 1_700_000_000 + int(self.elapsed_s)
