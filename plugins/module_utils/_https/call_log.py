# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A log with one line per exchange: enough to see where the time of a run goes, without contents and arguments."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_KEPT_LINES = 500


@dataclass(frozen=True)
class CallLine:
    """One attempt at one call, without its arguments; sizes are those of the bodies as they cross the wire.

    `outcome` is the status of the answer or the class of the error.
    """

    label: str
    method: str
    attempt: int
    milliseconds: int
    sent_bytes: int
    received_bytes: int
    outcome: str

    def __str__(self) -> str:
        again = f" (attempt {self.attempt})" if self.attempt > 1 else ""
        sizes = f"{self.sent_bytes} bytes sent, {self.received_bytes} received"
        return f"{self.label}{again}: {self.outcome}, {self.milliseconds} ms, {sizes}"


OnCall = Callable[[CallLine], None]


class CallLog:
    """The last lines of a run's calls; safe to share between threads."""

    def __init__(self, kept_lines: int = _KEPT_LINES) -> None:
        self._last: deque[str] = deque(maxlen=kept_lines)
        self._count = 0
        self._lock = threading.Lock()

    def add(self, line: CallLine) -> None:
        """Add one line; the oldest is dropped where there are too many."""
        with self._lock:
            self._count += 1
            self._last.append(str(line))

    @property
    def lines(self) -> list[str]:
        """Return the lines in the order in which the calls ended; where some were dropped, the first says how many."""
        with self._lock:
            left_out = self._count - len(self._last)
            return [*([f"({left_out} earlier lines are left out)"] if left_out else []), *self._last]
