# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated time: a heap of timers, and the pacer that ties it to real time.

Only durations are scaled. Dates (`date_s`) are the computer's own, because a head node and its clients
agree on the date in reality and clients compare the two.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True)
class Timer:
    """One thing that happens at a simulated time."""

    due_s: float
    order: int
    action: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Make the timer do nothing when it is due."""
        self.cancelled = True


class Clock:
    """Simulated seconds since the start. Moves only when told to."""

    def __init__(self, *, wall: Callable[[], float] = time.time) -> None:
        self.now_s = 0.0
        self.on_earlier: Callable[[], None] = lambda: None
        self._wall = wall
        self._timers: list[Timer] = []
        self._order = itertools.count()

    def date_s(self) -> float:
        """Give today's date in Unix seconds, as the head node writes it."""
        return self._wall()

    def call_later(self, delay_s: float, action: Callable[[], None]) -> Timer:
        """Run `action` after `delay_s` simulated seconds; equal times run in the order they were asked."""
        timer = Timer(self.now_s + max(0.0, delay_s), next(self._order), action)
        heapq.heappush(self._timers, timer)
        if self._timers[0] is timer:
            self.on_earlier()
        return timer

    def next_due_s(self) -> float | None:
        """Say when the next timer is due, None when there is none."""
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0].due_s if self._timers else None

    def advance(self, seconds: float) -> None:
        """Move on, running every timer on the way at its own time, also those that timers add."""
        end_s = self.now_s + seconds
        while (due_s := self.next_due_s()) is not None and due_s <= end_s:
            timer = heapq.heappop(self._timers)
            self.now_s = due_s
            timer.action()
        self.now_s = end_s


class Pacer:
    """Moves a clock with real time, `speed` times as fast; can be paused and stepped."""

    def __init__(self, clock: Clock, *, speed: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.speed = speed
        self.paused = False
        self._monotonic = monotonic
        self._last_s = monotonic()
        self._wake = asyncio.Event()
        clock.on_earlier = self._wake.set

    def catch_up(self) -> None:
        """Bring the clock to the present."""
        real_s = self._monotonic()
        elapsed_s, self._last_s = real_s - self._last_s, real_s
        if not self.paused:
            self.clock.advance(elapsed_s * self.speed)

    def set_paused(self, paused: bool) -> None:
        """Stop or continue; time spent in a pause never happens in the rack."""
        self.catch_up()
        self.paused = paused
        self._wake.set()

    def set_speed(self, speed: float) -> None:
        """Change the speed from now on."""
        self.catch_up()
        self.speed = speed
        self._wake.set()

    def step(self, seconds: float) -> None:
        """Jump ahead by simulated seconds, also in a pause."""
        self.catch_up()
        self.clock.advance(seconds)

    async def run(self) -> None:
        """Keep the clock moving until cancelled, sleeping between timers."""
        while True:
            self._wake.clear()
            self.catch_up()
            try:
                await asyncio.wait_for(self._wake.wait(), self._sleep_s())
            except TimeoutError:
                continue

    def _sleep_s(self) -> float | None:
        due_s = self.clock.next_due_s()
        if self.paused or due_s is None:
            return None
        # Never 0: a rack at very high speed must leave room for requests.
        return max(0.001, math.ceil((due_s - self.clock.now_s) / self.speed * 1000) / 1000)
