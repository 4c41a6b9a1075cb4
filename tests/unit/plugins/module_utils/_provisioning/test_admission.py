# SPDX-License-Identifier: GPL-3.0-or-later
"""How many nodes are started when, and how long a run takes at least."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import Phase
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.slots import ProvisioningNode, Slots
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.admission import (
    ASSUMED,
    Admission,
    FailureLimit,
    Pipeline,
    count_admitted,
    left_s,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Durations, split_up
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.watch import (
    NodeWatch,
    PhaseChange,
    observe,
    start_watch,
    timeline_of,
)

from .timing import make_timeline

ALL, SLOTS, THREE = Admission.parse("all"), Admission.parse("slots"), Admission.parse("3")
TIMES = Durations(60, 300, 30)


def watch(phase: str, since_s: float = 0.0, *, started_s: float = 0.0, verdict: str = "") -> NodeWatch:
    return NodeWatch("n", started_s, phase=Phase(phase), phase_since_s=since_s, verdict=verdict)


@pytest.mark.parametrize(
    ("text", "kind", "limit"),
    [("all", "all", None), ("slots", "slots", None), ("1", "number", 1), ("64", "number", 64)],
)
def test_an_admission_is_a_word_or_a_number(text: str, kind: str, limit: int | None) -> None:
    admission = Admission.parse(text)

    assert (admission.kind, admission.limit, str(admission)) == (kind, limit, text)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "ten", "ALL", "²", "1 "])
def test_another_admission_is_an_error_that_says_what_may_be_given(text: str) -> None:
    with pytest.raises(BcmConfigError, match=f"must be all, slots or a number from 1 on, not '{text}'"):
        Admission.parse(text)


@pytest.mark.parametrize(
    ("text", "nodes", "most"),
    [("", 10, None), ("3", 10, 3), ("10%", 10, 1), ("10%", 11, 2), ("1%", 5, 1), ("100%", 7, 7), ("25%", 1000, 250)],
)
def test_failures_are_limited_to_a_number_or_a_share(text: str, nodes: int, most: int | None) -> None:
    limit = FailureLimit.parse(text, nodes)

    assert limit.most == most
    assert [limit.is_reached(failed) for failed in (0, (most or 99) - 1, most or 99)] == [
        False,
        False,
        most is not None,
    ]


@pytest.mark.parametrize("text", ["0", "0%", "%", "-1", "a", "1.5%", "10 %", "²"])
def test_another_limit_is_an_error_that_says_what_may_be_given(text: str) -> None:
    with pytest.raises(BcmConfigError, match="must be a number from 1 on or a percentage such as 10%, not"):
        FailureLimit.parse(text, 10)


# -- the bound ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "slots", "admission", "bound_s"),
    [
        (0, 10, ALL, 0),
        (1, 10, ALL, 60 + 300 + 30),
        (10, 10, ALL, 390),
        (11, 10, ALL, 60 + 2 * 300 + 30),
        (20, 10, SLOTS, 690),
        (1000, 100, ALL, 60 + 10 * 300 + 30),
        (9, 10, THREE, 3 * 390),
        (9, 1, THREE, 60 + 9 * 300 + 30),
        (5, 0, ALL, 60 + 5 * 300 + 30),
    ],
)
def test_the_bound_is_a_boot_the_turns_of_the_slots_and_a_start(
    nodes: int, slots: int, admission: Admission, bound_s: float
) -> None:
    assert Pipeline(slots, 1, TIMES).bound_s(nodes, admission) == bound_s


@given(st.integers(0, 2000), st.integers(1, 200), st.sampled_from([ALL, SLOTS, THREE]))
def test_more_nodes_or_fewer_slots_never_take_less(nodes: int, slots: int, admission: Admission) -> None:
    bound_s = Pipeline(slots, 1, TIMES).bound_s(nodes, admission)

    assert Pipeline(slots, 1, TIMES).bound_s(nodes + 1, admission) >= bound_s
    assert Pipeline(slots + 1, 1, TIMES).bound_s(nodes, admission) <= bound_s
    assert bound_s <= Pipeline(slots, 1, TIMES).bound_s(nodes, Admission.parse("1"))


def test_a_pipeline_counts_the_slots_of_those_that_serve_and_knows_earlier_runs() -> None:
    slots = Slots(
        tuple(ProvisioningNode(name, size, 3, drained=name == "c") for name, size in [("a", 10), ("b", 6), ("c", 4)])
    )
    earlier = make_timeline(("powered", 10), ("booting", 40), ("installing", 200), ("init", 20))

    fresh, known = Pipeline.of(slots, [None, None]), Pipeline.of(slots, [None, earlier])

    assert (fresh.slots, fresh.provisioning_nodes, fresh.durations, fresh.source) == (16, 2, ASSUMED, "assumed")
    assert (known.durations, known.source) == (Durations(50, 200, 20), "recorded")
    assert known.describe() == "16 slots of 2 provisioning nodes; boot 50 s, sync 200 s, init 20 s (recorded)"
    assert Pipeline(10, 1).describe().startswith("10 slots of 1 provisioning node; ")


def steps(*reached: tuple[str, float], verdict: str = "") -> NodeWatch:
    return NodeWatch("n", 0.0, verdict=verdict, steps=tuple(PhaseChange(Phase(phase), at_s) for phase, at_s in reached))


def test_what_a_run_has_seen_replaces_what_was_assumed_as_far_as_it_was_seen() -> None:
    booted = steps(("powered", 0), ("booting", 10), ("queued", 40), ("queued", 45))
    copied = steps(("powered", 0), ("queued", 50), ("installing", 70), ("installing", 90), ("init", 270))
    whole = steps(("powered", 0), ("installing", 60), ("init", 200), ("up", 225), verdict="up")
    failed = steps(("powered", 0), ("booting", 9), ("failed", 99), verdict="failed")
    pipeline = Pipeline(10, 1, TIMES)

    assert pipeline.observing([]) == pipeline.observing([booted, failed]) == pipeline
    assert pipeline.observing([booted, copied]).durations == Durations(45, 200, 30)
    assert pipeline.observing([booted, copied, whole, failed]).durations == Durations(50, 170, 25)
    assert pipeline.observing([whole]).source == "observed"


# -- what is started now -----------------------------------------------------------------------------------------------


def test_a_node_that_all_was_copied_to_has_given_its_slot_back() -> None:
    watch = start_watch("n", 0.0, "DOWN")
    for at_s, status, message in (
        (50, "INSTALLING", "waiting for FULL provisioning to start"),
        (60, "INSTALLING", "provisioning started, waiting for completion"),
        (160, "INSTALLING", "provisioning complete"),
        (165, "INSTALLING", "initializing SELinux"),
        (170, "INSTALLER_CALLING_INIT", ""),
        (200, "UP", ""),
    ):
        watch = observe(watch, DeviceStatus("u", status, message), at_s, Deadlines())

    assert Pipeline(10, 1).observing([watch]).durations == Durations(boot_s=50, sync_s=100, init_s=40)
    assert split_up([timeline_of(watch, 0.0)]) == [Durations(boot_s=50, sync_s=100, init_s=40)]


def test_all_are_started_at_once_where_the_queue_is_bcms() -> None:
    assert count_admitted(ALL, Pipeline(1, 1), 500, [], 0.0, 5) == 500


@given(
    st.integers(0, 50),
    st.lists(
        st.builds(
            watch, st.sampled_from(["powered", "queued", "installing", "init"]), verdict=st.sampled_from(["", "up"])
        )
    ),
)
def test_a_number_is_a_hard_ceiling_and_nothing_below_it_waits(waiting: int, watches: list[NodeWatch]) -> None:
    under_way = sum(1 for one in watches if not one.done)

    count = count_admitted(THREE, Pipeline(10, 1), waiting, watches, 0.0, 5)

    assert count == min(waiting, max(0, 3 - under_way))


def test_a_node_is_started_one_boot_before_the_slot_it_gets_falls_free() -> None:
    pipeline = Pipeline(1, 1, TIMES, "recorded", seen_spread_s=0)

    def started(copied_s: float) -> int:
        return count_admitted(SLOTS, pipeline, 5, [watch("installing", 0.0), watch("queued")], copied_s, 5)

    assert [started(copied_s) for copied_s in (0, 229, 231, 299)] == [0, 0, 1, 1]


@pytest.mark.parametrize("phase", ["restarting", "powered", "booting", "rebooting", "installer", "queued"])
def test_a_node_on_the_way_to_a_slot_counts_for_it(phase: str) -> None:
    pipeline = Pipeline(20, 1, TIMES, "recorded")

    assert count_admitted(SLOTS, pipeline, 100, [watch(phase)] * 12, 0.0, 5) == 10
    assert count_admitted(SLOTS, pipeline, 100, [watch("init")] * 12, 0.0, 5) == 22


def test_where_durations_differ_nodes_are_started_earlier() -> None:
    def started(spread_s: float) -> int:
        pipeline = Pipeline(1, 1, TIMES, "observed", spread_s)
        return count_admitted(SLOTS, pipeline, 5, [watch("installing", 0.0), watch("queued")], 200.0, 5)

    assert [started(spread_s) for spread_s in (0, 29, 31)] == [0, 0, 1]
    assert Pipeline(1, 1, TIMES).spread_s == 0.2 * 360


def test_the_spread_is_seen_once_enough_nodes_were() -> None:
    watches = [
        steps(("powered", 0), ("queued", 50 + number), ("installing", 100), ("init", 400 - 5 * number))
        for number in range(11)
    ]

    assert Pipeline(10, 1, TIMES).observing(watches[:9]).seen_spread_s is None
    seen = Pipeline(10, 1, TIMES).observing(watches)
    assert (seen.durations.boot_s, seen.durations.sync_s) == (55, 275)
    assert seen.spread_s == 20 + 4


def test_where_a_boot_takes_longer_than_a_turn_more_than_one_turn_is_under_way() -> None:
    pipeline = Pipeline(2, 1, Durations(300, 100, 30), "recorded", seen_spread_s=0)
    at_boot = [watch("powered", started_s=0.0), watch("powered", started_s=0.0), watch("powered", started_s=0.0)]

    assert count_admitted(SLOTS, pipeline, 10, at_boot, 0.0, 5) == 0
    assert count_admitted(SLOTS, pipeline, 10, at_boot, 100.0, 5) == 2


def test_a_node_that_never_boots_holds_no_place_for_long() -> None:
    pipeline = Pipeline(1, 1, TIMES, "recorded", seen_spread_s=0)

    hung = [count_admitted(SLOTS, pipeline, 5, [watch("powered")] * 2, now_s, 5) for now_s in (0, 139, 141)]

    assert hung == [0, 0, 2]


def test_without_any_known_duration_a_whole_turn_waits_in_the_queue() -> None:
    assert count_admitted(SLOTS, Pipeline(10, 1), 100, [], 0.0, 5) == 20
    assert count_admitted(SLOTS, Pipeline(10, 1, TIMES, "recorded"), 100, [], 0.0, 5) == 11
    assert count_admitted(SLOTS, Pipeline(0, 0), 100, [], 0.0, 5) >= 1


def test_the_last_nodes_are_started_however_few_they_are() -> None:
    pipeline = Pipeline(100, 1, TIMES, "recorded")

    assert count_admitted(SLOTS, pipeline, 1, [watch("queued")] * 109, 0.0, 5) == 1
    assert count_admitted(SLOTS, pipeline, 50, [watch("queued")] * 109, 0.0, 5) == 0


# -- what is left ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiting", "watches", "now_s", "expected_s"),
    [
        (0, [], 0, 0),
        (0, [watch("up", verdict="up")], 9, 0),
        (1, [], 0, 390),
        (2, [], 0, 390),
        (3, [], 0, 60 + 600 + 30),
        (0, [watch("powered")], 20, 370),
        (0, [watch("queued", 50)], 70, 330),
        (0, [watch("installing", 60)], 160, 230),
        (0, [watch("init", 300)], 310, 20),
        (1, [watch("installing", 60), watch("installing", 60)], 160, 200 + 300 + 30),
        (0, [watch("installing", 0)], 9999, 30),
    ],
)
def test_the_time_that_is_left(waiting: int, watches: list[NodeWatch], now_s: float, expected_s: float) -> None:
    assert left_s(Pipeline(2, 1, TIMES), waiting, watches, now_s) == expected_s


@given(st.integers(0, 500), st.integers(1, 50))
@settings(max_examples=50)
def test_before_the_start_the_time_left_is_the_bound(nodes: int, slots: int) -> None:
    pipeline = Pipeline(slots, 1, TIMES)

    assert math.isclose(left_s(pipeline, nodes, [], 0.0), pipeline.bound_s(nodes, ALL))
