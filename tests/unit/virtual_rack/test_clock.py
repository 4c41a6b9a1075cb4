# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from virtual_rack.clock import Clock, Pacer


@given(st.lists(st.floats(min_value=0, max_value=1000), max_size=30))
def test_timers_run_in_the_order_of_their_times_and_each_at_its_own_time(delays: list[float]) -> None:
    clock = Clock()
    seen: list[tuple[float, float]] = []
    for delay in delays:

        def note(due: float = delay) -> None:
            seen.append((due, clock.now_s))

        clock.call_later(delay, note)
    clock.advance(1000)
    assert [due for due, _ in seen] == sorted(delays)
    assert all(due == at for due, at in seen)


@given(st.lists(st.floats(min_value=0.01, max_value=100), min_size=1, max_size=10))
def test_many_small_steps_come_to_the_same_as_one_big_step(steps: list[float]) -> None:
    small, big = Clock(), Clock()
    counts = [0, 0]

    def tick(clock: Clock, which: int) -> None:
        counts[which] += 1
        clock.call_later(7.0, lambda: tick(clock, which))

    for which, clock in enumerate((small, big)):
        clock.call_later(7.0, lambda clock=clock, which=which: tick(clock, which))  # type: ignore[misc]
    for step in steps:
        small.advance(step)
    big.advance(small.now_s)
    assert counts[0] == counts[1]


def test_a_cancelled_timer_does_nothing_and_is_not_waited_for() -> None:
    clock = Clock()
    ran: list[str] = []
    clock.call_later(1, lambda: ran.append("cancelled")).cancel()
    clock.call_later(2, lambda: ran.append("kept"))
    assert clock.next_due_s() == 2
    clock.advance(5)
    assert ran == ["kept"]


class RealTime:
    """Real time that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_paused_clock_stands_still_and_the_pause_is_never_caught_up() -> None:
    async def scene() -> None:
        real, clock = RealTime(), Clock()
        pacer = Pacer(clock, speed=60, monotonic=real)
        real.now_s += 1
        pacer.catch_up()
        assert clock.now_s == 60
        pacer.set_paused(True)
        real.now_s += 10
        pacer.catch_up()
        assert clock.now_s == 60
        pacer.step(5)
        assert clock.now_s == 65
        pacer.set_paused(False)
        real.now_s += 1
        pacer.set_speed(2)
        assert clock.now_s == 125
        real.now_s += 1
        pacer.catch_up()
        assert clock.now_s == 127

    asyncio.run(scene())


def test_the_pacer_runs_a_timer_that_is_added_while_it_sleeps() -> None:
    async def scene() -> None:
        clock = Clock()
        pacer = Pacer(clock, speed=100_000)
        running = asyncio.create_task(pacer.run())
        await asyncio.sleep(0)
        done = asyncio.Event()
        clock.call_later(10, done.set)
        await asyncio.wait_for(done.wait(), 5)
        running.cancel()

    asyncio.run(scene())
