# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling admission keeps the slots busy: whole runs on paper."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.admission import Admission, Pipeline
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Durations

from .rack_in_time import Outcome, RackInTime

ALL, SLOTS = Admission.parse("all"), Admission.parse("slots")
LABORATORY = Durations(60, 300, 30)
# Servers that test their memory for as long as their image takes, or longer.
SERVERS = Durations(300, 300, 60)
SLOW_BOOT = Durations(300, 120, 60)
SMALL_IMAGE = Durations(60, 60, 30)


def assert_kept_busy(outcome: Outcome, rack: RackInTime, count: int) -> None:
    assert sum(1 for watch in outcome.watches.values() if watch.verdict == "up") == count
    assert outcome.idle_s <= 0.02 * rack.slots * outcome.achieved_s
    # One turn is copied to, others boot ahead of the turns to come, or start already; a tenth waits.
    times = rack.durations
    assert outcome.seen is not None
    ahead_s = times.boot_s + max(outcome.seen.spread_s, Pipeline(1, 1, times).spread_s) + rack.tick_s + rack.start_s + 5
    turns = 1 + math.ceil((ahead_s + times.init_s + rack.tick_s) / (times.sync_s * (1 - rack.jitter)))
    assert outcome.most_under_way <= rack.slots * turns + math.ceil(rack.slots / 10)


@pytest.mark.parametrize("times", [LABORATORY, SERVERS, SLOW_BOOT, SMALL_IMAGE], ids=repr)
@pytest.mark.parametrize(("count", "slots"), [(20, 2), (100, 10), (60, 20)])
def test_rolling_admission_is_nearly_as_quick_as_can_be(times: Durations, count: int, slots: int) -> None:
    rack = RackInTime(times, slots, jitter=0.0)

    outcome = rack.run(SLOTS, Pipeline(slots, 1, times, "recorded"), count)

    assert_kept_busy(outcome, rack, count)
    assert outcome.efficiency >= 0.95


@pytest.mark.parametrize("times", [LABORATORY, SLOW_BOOT], ids=repr)
def test_rolling_admission_finds_the_durations_out_by_itself(times: Durations) -> None:
    rack = RackInTime(times, 10, jitter=0.1)

    outcome = rack.run(SLOTS, Pipeline(10, 1), 100)

    assert outcome.efficiency >= 0.9
    assert outcome.seen is not None
    assert outcome.seen.source == "observed"
    assert outcome.seen.durations.sync_s == pytest.approx(times.sync_s, abs=0.1 * times.sync_s)


@given(
    st.builds(Durations, st.integers(20, 400), st.integers(60, 600), st.integers(5, 120)),
    st.integers(2, 8),
    st.floats(1, 5),
    st.floats(1, 10),
    st.floats(0, 0.2),
    st.integers(0, 10**6),
)
@settings(max_examples=25, deadline=None)
def test_slots_are_never_idle_while_nodes_wait_however_durations_differ(
    times: Durations, slots: int, turns: float, tick_s: float, jitter: float, seed: int
) -> None:
    rack = RackInTime(times, slots, tick_s=tick_s, jitter=jitter, seed=seed)
    count = round(slots * turns)

    outcome = rack.run(SLOTS, Pipeline(slots, 1, times, "recorded"), count)
    at_once = rack.run(ALL, Pipeline(slots, 1, times, "recorded"), count)

    assert_kept_busy(outcome, rack, count)
    # The same nodes in another order may end with a longer one.
    longest_s = 2 * rack.jitter * (times.boot_s + times.sync_s + times.init_s)
    assert outcome.achieved_s <= 1.03 * at_once.achieved_s + longest_s + 3 * tick_s + 3 * rack.start_s


@given(st.integers(1, 6), st.integers(1, 30))
@settings(max_examples=15, deadline=None)
def test_a_number_is_never_exceeded(most: int, count: int) -> None:
    outcome = RackInTime(LABORATORY, 4).run(Admission.parse(str(most)), Pipeline(4, 1, LABORATORY), count)

    assert outcome.most_under_way == min(most, count)
