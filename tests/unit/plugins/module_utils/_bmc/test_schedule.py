# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.schedule import REFUSALS_TO_STOP, Limits, Schedule

SHARED = "shared"


def make_schedule(count: int, **limits: float) -> Schedule:
    given_limits = Limits(**limits)  # type: ignore[arg-type]
    return Schedule.of({f"bmc{number}": SHARED for number in range(1, count + 1)}, given_limits)


def start_due(schedule: Schedule, now_s: float = 0.0) -> list[str]:
    due = schedule.due(now_s)
    for name in due:
        schedule.start(name, now_s)
    return due


def release(schedule: Schedule) -> None:
    """Let the first BMC accept, so that there is no canary any more."""
    (first,) = start_due(schedule)
    schedule.trust(first)
    schedule.finish(first)


# -- the canary --


def test_one_of_all_that_share_credentials_goes_first() -> None:
    schedule = make_schedule(5)

    assert start_due(schedule) == ["bmc1"]
    assert start_due(schedule) == []


def test_one_that_accepts_releases_the_rest_while_it_still_runs() -> None:
    schedule = make_schedule(5)
    start_due(schedule)

    schedule.trust("bmc1")

    assert start_due(schedule) == ["bmc2", "bmc3", "bmc4", "bmc5"]


def test_one_that_refuses_sends_one_more() -> None:
    schedule = make_schedule(5)
    start_due(schedule)

    schedule.refuse("bmc1")

    assert start_due(schedule) == ["bmc2"]
    assert schedule.drop_condemned() == []


def test_one_refusing_and_one_accepting_releases_the_rest() -> None:
    schedule = make_schedule(5)
    start_due(schedule)
    schedule.refuse("bmc1")
    start_due(schedule)

    schedule.trust("bmc2")

    assert start_due(schedule) == ["bmc3", "bmc4", "bmc5"]
    assert schedule.drop_condemned() == []


def test_two_refusals_end_it_for_all_others() -> None:
    schedule = make_schedule(5)
    for name in ("bmc1", "bmc2"):
        assert start_due(schedule) == [name]
        schedule.refuse(name)

    assert start_due(schedule) == []
    assert schedule.drop_condemned() == ["bmc3", "bmc4", "bmc5"]
    assert not schedule.slots
    assert schedule.refused_by == {SHARED: ["bmc1", "bmc2"]}


def test_refusals_after_an_acceptance_stop_no_other() -> None:
    schedule = make_schedule(6)
    release(schedule)
    start_due(schedule)

    for name in ("bmc2", "bmc3", "bmc4"):
        schedule.refuse(name)

    assert not schedule.is_condemned(SHARED)
    assert schedule.drop_condemned() == []
    assert sorted(schedule.slots) == ["bmc5", "bmc6"]


def test_a_dead_canary_is_followed_by_a_bmc_that_was_not_tried_yet() -> None:
    schedule = make_schedule(3, retry_delay_s=10)
    start_due(schedule)

    schedule.retry("bmc1", 5.0)

    assert start_due(schedule, 5.0) == ["bmc2"]
    # Also once the first one might be tried again.
    schedule.retry("bmc2", 20.0)
    assert start_due(schedule, 20.0) == ["bmc3"]


def test_a_dead_canary_releases_no_other() -> None:
    schedule = make_schedule(5, tries=1)

    assert start_due(schedule) == ["bmc1"]
    assert not schedule.retry("bmc1", 5.0)

    assert start_due(schedule, 5.0) == ["bmc2"]
    assert schedule.drop_condemned() == []


def test_other_credentials_are_judged_on_their_own() -> None:
    schedule = Schedule.of({"a1": "a", "b1": "b", "a2": "a", "b2": "b", "a3": "a", "b3": "b"}, Limits())
    assert start_due(schedule) == ["a1", "b1"]

    schedule.refuse("a1")
    schedule.trust("b1")
    assert start_due(schedule) == ["b2", "a2", "b3"] or set(schedule.slots) >= {"a2", "b2", "b3"}

    schedule.refuse("a2")
    assert schedule.drop_condemned() == ["a3"]
    assert {"b1", "b2", "b3"} <= set(schedule.slots)


# -- how many at once --


def test_no_more_than_allowed_run_at_once() -> None:
    schedule = make_schedule(6, in_flight=2)
    release(schedule)

    assert start_due(schedule) == ["bmc2", "bmc3"]
    assert start_due(schedule) == []

    schedule.finish("bmc2")
    assert start_due(schedule) == ["bmc4"]


def test_no_place_is_held_while_a_retry_sleeps() -> None:
    schedule = make_schedule(5, in_flight=1, retry_delay_s=10)
    release(schedule)
    assert start_due(schedule) == ["bmc2"]

    schedule.retry("bmc2", 0.0)

    assert start_due(schedule, 0.0) == ["bmc3"]


# -- tries and time --


@pytest.mark.parametrize("tries", [1, 2, 5])
def test_a_bmc_is_tried_as_often_as_allowed(tries: int) -> None:
    schedule = make_schedule(1, tries=tries, retry_delay_s=10, deadline_s=1000)
    now_s, started = 0.0, 0

    while schedule.slots:
        started += len(start_due(schedule, now_s))
        schedule.retry("bmc1", now_s)
        now_s += 10

    assert started == tries


@pytest.mark.parametrize(("now_s", "due"), [(5.0, []), (14.9, []), (15.0, ["bmc1"]), (99.0, ["bmc1"])])
def test_a_bmc_is_tried_again_after_the_delay(now_s: float, due: list[str]) -> None:
    schedule = make_schedule(1, retry_delay_s=10)
    start_due(schedule)
    schedule.retry("bmc1", 5.0)

    assert schedule.due(now_s) == due


def test_the_deadline_counts_from_the_first_try_with_the_sleeps() -> None:
    schedule = make_schedule(1, retry_delay_s=10, deadline_s=30, tries=9)
    start_due(schedule, 100.0)
    assert schedule.retry("bmc1", 105.0)
    start_due(schedule, 115.0)

    assert schedule.overdue(129.9) == []
    assert schedule.overdue(130.0) == ["bmc1"]


def test_waiting_for_its_turn_costs_a_bmc_nothing() -> None:
    schedule = make_schedule(2, deadline_s=30, in_flight=1)
    release(schedule)

    start_due(schedule, 500.0)

    assert schedule.overdue(529.0) == []
    assert schedule.overdue(530.0) == ["bmc2"]


@pytest.mark.parametrize(("failed_s", "again"), [(19.9, True), (20.0, False), (25.0, False)])
def test_no_retry_is_planned_that_would_begin_past_the_deadline(failed_s: float, again: bool) -> None:
    schedule = make_schedule(1, retry_delay_s=10, deadline_s=30)
    start_due(schedule, 0.0)

    assert schedule.retry("bmc1", failed_s) is again
    assert bool(schedule.slots) is again


def test_a_sleeping_bmc_is_overdue_like_any_other() -> None:
    schedule = make_schedule(1, retry_delay_s=10, deadline_s=30)
    start_due(schedule, 0.0)
    schedule.retry("bmc1", 5.0)

    assert schedule.overdue(20.0) == []
    assert schedule.overdue(30.0) == ["bmc1"]


def test_a_silent_bmc_holds_the_others_for_a_moment_only() -> None:
    schedule = make_schedule(3, patience_s=1)
    assert start_due(schedule, 0.0) == ["bmc1"]
    assert schedule.due(0.9) == []
    assert schedule.next_wake_s(0.4) == pytest.approx(0.6)

    assert start_due(schedule, 1.0) == ["bmc2"]
    schedule.hear("bmc2")

    assert schedule.due(50.0) == []


def test_a_slow_try_that_shows_nothing_doubles_those_that_go_first() -> None:
    schedule = make_schedule(9)
    for expected in (1, 2, 4):
        started = start_due(schedule, 0.0)
        assert len(started) == expected
        for name in started:
            schedule.hear(name)
        schedule.widen(started[0])
        for name in started:
            schedule.finish(name)


def test_a_refusal_makes_them_go_one_by_one_again() -> None:
    schedule = make_schedule(5)
    (first,) = start_due(schedule, 0.0)
    schedule.widen(first)
    schedule.refuse(first)

    assert len(schedule.due(0.0)) == 1


def test_the_next_event_is_a_deadline_or_the_end_of_a_sleep() -> None:
    schedule = make_schedule(3, retry_delay_s=10, deadline_s=30)
    release(schedule)
    assert schedule.next_wake_s(0.0) == math.inf
    start_due(schedule, 0.0)
    assert schedule.next_wake_s(5.0) == 25.0

    schedule.retry("bmc2", 5.0)

    assert schedule.next_wake_s(5.0) == 10.0
    assert schedule.next_wake_s(40.0) == 0.0


# -- whatever happens --

# What a BMC does each time it is tried: accept, refuse, or say nothing; the last one goes on for ever.
Behaviour = Sequence[str]


@dataclass
class Course:
    """What happened in one batch."""

    started: dict[str, int] = field(default_factory=dict)
    first_s: dict[str, float] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    most_running: int = 0


def play(behaviours: Mapping[str, tuple[str, Behaviour]], limits: Limits, step_s: float = 3.0) -> Course:
    """Run a batch to its end; a try takes one step. `behaviours` has the credentials of each BMC and what it does."""
    schedule = Schedule.of({name: credentials for name, (credentials, _behaviour) in behaviours.items()}, limits)
    course, now_s = Course(), 0.0
    for _turn in range(10_000):
        if not schedule.slots:
            return course
        for name in schedule.overdue(now_s):
            schedule.finish(name)
            course.ended[name] = "late"
        for name in schedule.drop_condemned():
            course.ended[name] = "not tried"
        for name in start_due(schedule, now_s):
            course.started[name] = course.started.get(name, 0) + 1
            course.first_s.setdefault(name, now_s)
        running = [name for name, slot in schedule.slots.items() if slot.running]
        course.most_running = max(course.most_running, len(running))
        now_s += step_s
        for name in running:
            _credentials, behaviour = behaviours[name]
            end_try(schedule, course, name, behaviour[min(course.started[name], len(behaviour)) - 1], now_s)
    raise AssertionError(f"it does not end: {schedule.slots}")


def end_try(schedule: Schedule, course: Course, name: str, outcome: str, now_s: float) -> None:
    if outcome == "accept":
        schedule.trust(name)
        schedule.finish(name)
        course.ended[name] = "done"
    elif outcome == "refuse":
        schedule.refuse(name)
        course.ended[name] = "refused"
    elif not schedule.retry(name, now_s):
        course.ended[name] = "dead"


def halls(
    outcomes: Sequence[str] = ("accept", "refuse", "nothing"),
) -> st.SearchStrategy[dict[str, tuple[str, list[str]]]]:
    behaviour = st.lists(st.sampled_from(outcomes), min_size=1, max_size=4)
    one = st.tuples(st.sampled_from("ab"), behaviour)
    return st.lists(one, min_size=1, max_size=25).map(
        lambda bmcs: {f"bmc{number}": bmc for number, bmc in enumerate(bmcs)}
    )


LIMITS = st.builds(
    Limits,
    tries=st.integers(1, 4),
    retry_delay_s=st.sampled_from([0.0, 1.0, 10.0]),
    deadline_s=st.sampled_from([2.0, 15.0, 60.0]),
    in_flight=st.integers(1, 6),
)


@given(halls(), LIMITS)
def test_every_batch_ends_for_every_bmc(hall: dict[str, tuple[str, list[str]]], limits: Limits) -> None:
    assert set(play(hall, limits).ended) == set(hall)


@given(halls(), LIMITS)
def test_never_do_more_run_than_allowed(hall: dict[str, tuple[str, list[str]]], limits: Limits) -> None:
    assert play(hall, limits).most_running <= limits.in_flight


@given(halls(), LIMITS)
def test_a_bmc_that_refused_is_never_started_again(hall: dict[str, tuple[str, list[str]]], limits: Limits) -> None:
    course = play(hall, limits)

    for name, end in course.ended.items():
        if end == "refused":
            _credentials, behaviour = hall[name]
            assert behaviour[min(course.started[name], len(behaviour)) - 1] == "refuse"
            assert "refuse" not in behaviour[: course.started[name] - 1]


@given(halls(["refuse"]), LIMITS)
def test_where_all_refuse_two_are_asked_of_each_set(hall: dict[str, tuple[str, list[str]]], limits: Limits) -> None:
    course = play(hall, limits)

    for credentials in "ab":
        sharing = [name for name, (own, _behaviour) in hall.items() if own == credentials]
        assert [name for name in sharing if name in course.started] == sharing[:REFUSALS_TO_STOP]
        assert {course.ended[name] for name in sharing[REFUSALS_TO_STOP:]} <= {"not tried"}


@given(halls(["refuse", "nothing"]), LIMITS)
def test_where_none_accepts_two_refusals_are_all_there_are(
    hall: dict[str, tuple[str, list[str]]], limits: Limits
) -> None:
    course = play(hall, limits)

    for credentials in "ab":
        refused = [name for name, end in course.ended.items() if end == "refused" and hall[name][0] == credentials]
        assert len(refused) <= REFUSALS_TO_STOP


@given(halls(), LIMITS)
def test_one_set_of_credentials_does_not_touch_the_other(
    hall: dict[str, tuple[str, list[str]]], limits: Limits
) -> None:
    alone = {name: bmc for name, bmc in hall.items() if bmc[0] == "a"}
    unlimited = Limits(limits.connect_s, limits.tries, limits.retry_delay_s, limits.deadline_s, in_flight=100)

    together = play(hall, unlimited)

    assert {name: together.ended[name] for name in alone} == play(alone, unlimited).ended


@given(halls(["nothing"]), LIMITS)
def test_where_all_are_dead_none_is_started_too_often(hall: dict[str, tuple[str, list[str]]], limits: Limits) -> None:
    course = play(hall, limits)

    assert set(course.started) == set(hall)
    assert max(course.started.values()) <= limits.tries
    assert set(course.ended.values()) <= {"dead", "late"}


@given(halls(["accept"]), LIMITS)
def test_where_all_are_well_each_is_asked_once(hall: dict[str, tuple[str, list[str]]], limits: Limits) -> None:
    course = play(hall, limits)

    assert course.started == dict.fromkeys(hall, 1)
