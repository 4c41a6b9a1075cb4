# SPDX-License-Identifier: GPL-3.0-or-later
"""The bound of a run: what slots allow where nodes are alike, and where they are not."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.admission import Admission, Pipeline
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.bound import play_through
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run_figures import RunFigures
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import (
    Durations,
    Timeline,
    medians_of,
)

from .rack_in_time import RackInTime
from .timing import make_timeline

ALL = Admission.parse("all")
# Of the benchmark, in seconds.
SHORT = Durations(boot_s=10, sync_s=15, init_s=5)

seconds = st.integers(0, 1000).map(float)
nodes_of_any_kind = st.lists(st.builds(Durations, seconds, seconds, seconds), min_size=1, max_size=40)
slot_counts = st.integers(1, 12)


def closed_form(each: Durations, nodes: int, slots: int) -> float:
    return each.boot_s + math.ceil(nodes / slots) * each.sync_s + each.init_s


@given(st.builds(Durations, seconds, seconds, seconds), st.integers(1, 300), slot_counts)
def test_nodes_that_are_alike_take_a_boot_the_turns_of_the_slots_and_a_start(
    each: Durations, nodes: int, slots: int
) -> None:
    assert play_through([each] * nodes, slots) == closed_form(each, nodes, slots)


@given(nodes_of_any_kind, slot_counts)
def test_the_bound_is_never_below_what_any_order_of_the_slots_takes(nodes: list[Durations], slots: int) -> None:
    bound_s = play_through(nodes, slots)

    assert bound_s >= max(one.boot_s + one.sync_s + one.init_s for one in nodes)
    assert bound_s * slots >= sum(one.sync_s for one in nodes)


@given(nodes_of_any_kind, slot_counts, st.data())
def test_nodes_that_take_longer_never_end_sooner(nodes: list[Durations], slots: int, data: st.DataObject) -> None:
    slower = [
        replace(one, sync_s=one.sync_s + data.draw(seconds), init_s=one.init_s + data.draw(seconds)) for one in nodes
    ]

    assert play_through(slower, slots) >= play_through(nodes, slots)


@given(nodes_of_any_kind, slot_counts)
def test_the_bound_lies_between_that_of_the_shortest_and_that_of_the_longest(
    nodes: list[Durations], slots: int
) -> None:
    shortest, longest = (
        Durations(
            pick(one.boot_s for one in nodes), pick(one.sync_s for one in nodes), pick(one.init_s for one in nodes)
        )
        for pick in (min, max)
    )

    assert (
        closed_form(shortest, len(nodes), slots)
        <= play_through(nodes, slots)
        <= closed_form(longest, len(nodes), slots)
    )


@given(nodes_of_any_kind, slot_counts)
def test_one_under_way_at_a_time_takes_the_sum_and_as_many_as_there_are_no_limit(
    nodes: list[Durations], slots: int
) -> None:
    assert play_through(nodes, slots, 1) == sum(one.boot_s + one.sync_s + one.init_s for one in nodes)
    assert play_through(nodes, slots, len(nodes)) == play_through(nodes, slots)


def spread(nodes: int, jitter: float, seed: int) -> list[Durations]:
    draw = random.Random(seed).uniform
    low, high = 1 - jitter, 1 + jitter
    return [
        Durations(SHORT.boot_s * draw(low, high), SHORT.sync_s * draw(low, high), SHORT.init_s * draw(low, high))
        for _node in range(nodes)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_where_nodes_differ_the_last_slot_to_end_counts_which_medians_do_not_show(seed: int) -> None:
    nodes = spread(1000, 0.2, seed)
    median = medians_of(nodes)
    assert median is not None

    assert play_through(nodes, 100) > 1.03 * closed_form(median, 1000, 100)


def test_nodes_that_were_not_seen_count_with_the_medians() -> None:
    slow = Durations(boot_s=10, sync_s=40, init_s=5)
    pipeline = Pipeline(1, 1, SHORT, "observed", seen=(slow,))

    assert pipeline.bound_s(0, ALL) == 0
    assert pipeline.bound_s(1, ALL) == 55
    assert pipeline.bound_s(3, ALL) == 10 + 40 + 2 * 15 + 5


@pytest.mark.parametrize(("nodes", "slots"), [(1000, 100), (300, 40), (64, 8)])
@pytest.mark.parametrize("seed", [1, 2])
def test_all_at_once_comes_within_a_twentieth_of_the_bound_where_durations_differ_by_a_fifth(
    nodes: int, slots: int, seed: int
) -> None:
    rack = RackInTime(SHORT, slots, tick_s=1.0, jitter=0.2, start_s=0.0, seed=seed)

    outcome = rack.run(ALL, Pipeline(slots, 1), nodes)

    assert outcome.seen is not None
    assert len(outcome.seen.seen) == nodes
    assert 0.95 <= outcome.seen.bound_s(nodes, ALL) / outcome.achieved_s <= 1.02


INSTALLED = (("powered", 20.0), ("booting", 40.0), ("queued", 50.0))


def timelines(*syncs_s: float) -> list[Timeline]:
    return [make_timeline(*INSTALLED, ("installing", sync_s), ("init", 30.0)) for sync_s in syncs_s]


def test_the_figures_of_a_run_of_several_tasks_take_the_spread_into_account_too() -> None:
    figures = RunFigures(nodes=3, admission="all", slots=1, provisioning_nodes=1)

    seen = figures.measured(timelines(100.0, 100.0, 400.0))

    assert seen.durations == Durations(60.0, 100.0, 30.0)
    assert seen.bound_s == 60 + 600 + 30
