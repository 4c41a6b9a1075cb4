# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Time, as an argument."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now_s(self) -> float:
        """Seconds since some start; only differences mean something."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""

    def wall_s(self) -> int:
        """Unix time, for what people read."""


class SystemClock:
    def now_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def wall_s(self) -> int:
        return int(time.time())
