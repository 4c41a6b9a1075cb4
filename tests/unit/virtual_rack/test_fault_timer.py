# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio

from virtual_rack.clock import Clock, Pacer
from virtual_rack.fault_timer import FaultTimer
from virtual_rack.faults import Faults


class RealTime:
    """Real time that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_fault_ends_on_time_with_a_clock_that_shows_the_present() -> None:
    async def scene() -> list[float]:
        real, faults = RealTime(), Faults()
        pacer = Pacer(Clock(), speed=60, monotonic=real)
        timer = FaultTimer(faults, pacer=pacer)
        seen: list[float] = []
        ended = asyncio.Event()

        def look() -> None:
            if not faults.all():
                seen.append(pacer.clock.now_s)
                ended.set()

        faults.add({"kind": "never_boots", "seconds": 0.01})
        faults.listen(look)
        real.now_s += 10
        async with asyncio.timeout(10):
            await ended.wait()
        timer.stop()
        return seen

    assert asyncio.run(scene()) == [600.0]
