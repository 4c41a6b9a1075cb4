# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The clock as an argument: what waits is given one, so that tests need not wait."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A clock that can also wait."""

    def now_s(self) -> float:
        """Return seconds since an arbitrary start; only differences have a meaning."""

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""

    def wall_s(self) -> int:
        """Return Unix time in whole seconds, for what is stored or shown."""


class SystemClock:
    """The clock of this machine: its monotonic time for differences, Unix time for what is stored or shown."""

    def now_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def wall_s(self) -> int:
        return int(time.time())
