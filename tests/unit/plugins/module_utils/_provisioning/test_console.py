# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import Phase
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.console import (
    Console,
    PollTimer,
    RunStatus,
    failure_lines,
    run_line,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.watch import NodeWatch
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import shorten


def watches(count: int, phase: Phase = Phase.POWERED, **values: Any) -> dict[str, NodeWatch]:
    return {f"n{index}": NodeWatch(f"n{index}", 0.0, phase=phase, **values) for index in range(count)}


def test_a_line_shows_a_run_at_a_glance() -> None:
    mixed = {
        "a": NodeWatch("a", 0.0, phase=Phase.QUEUED),
        "b": NodeWatch("b", 0.0, phase=Phase.UP, verdict="up"),
        "c": NodeWatch("c", 0.0, phase=Phase.INSTALLING),
        "d": NodeWatch("d", 0.0, phase=Phase.INSTALLING),
        "e": NodeWatch("e", 0.0, phase=Phase.INSTALLING, verdict="failed"),
    }

    line = run_line(RunStatus(65, mixed, waiting=7, slots=(2, 10), left_s=200))

    assert line == (
        "[ 1m05s] 12 nodes: 1 UP, 2 installing, 1 waiting for a slot, 7 not started; slots 2/10; about 3m20s left; "
        "1 FAILED: e"
    )


def test_what_is_not_known_is_left_out_of_the_line() -> None:
    assert run_line(RunStatus(5, watches(1))) == "[    5s] 1 node: 1 powered"


def test_an_unknown_phase_is_shown_as_it_is() -> None:
    assert run_line(RunStatus(5, watches(2, phase=Phase.PENDING))) == "[    5s] 2 nodes: 2 pending"


def test_where_all_failed_nothing_is_left() -> None:
    line = run_line(RunStatus(5, watches(2, verdict="failed")))

    assert line == "[    5s] 2 nodes: none left; 2 FAILED: n0, n1"


def test_nodes_that_fail_for_the_same_reason_at_the_same_time_are_one_line() -> None:
    reasons = {f"n{number}": f"it went DOWN in phase installing after {number} s" for number in range(20, 40)}
    first = "n20: it went DOWN in phase installing after 20 s"

    assert failure_lines(65, {**reasons, "n7": "no space left"}) == [
        f"[ 1m05s] FAILED: 20 nodes ({shorten(list(reasons))}), for instance {first}",
        "[ 1m05s] n7: FAILED (no space left)",
    ]


def test_the_first_reasons_of_a_reading_are_told_and_the_other_nodes_named() -> None:
    lines = failure_lines(65, {f"n{number}": f"why {number}" for number in range(7)})

    assert lines == [
        *(f"[ 1m05s] n{number}: FAILED (why {number})" for number in range(5)),
        "[ 1m05s] FAILED too: n5, n6",
    ]
    assert failure_lines(0, {}) == []


class Listener:
    """A console, and the lines that it printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.console = Console(self.lines.append)

    def offer(self, elapsed_s: float, seen: dict[str, NodeWatch]) -> bool:
        due = self.console.is_due(elapsed_s, seen)
        if due:
            self.console.show(RunStatus(elapsed_s, seen))
        return due


def test_nothing_new_is_no_line_until_it_was_silent_for_long() -> None:
    listener = Listener()
    same = watches(3)
    chatting = {name: replace(watch, message="another word") for name, watch in same.items()}

    assert [listener.offer(at_s, same) for at_s in (0, 10, 299)] == [True, False, False]
    assert not listener.offer(299.5, chatting)
    assert listener.offer(300, same)
    assert not listener.offer(301, same)


def test_changes_are_at_most_one_line_every_few_seconds() -> None:
    listener = Listener()

    told = [listener.offer(at_s, watches(at_s + 1)) for at_s in range(12)]

    assert [at_s for at_s, one in enumerate(told) if one] == [0, 5, 10]


def test_the_last_line_does_not_wait() -> None:
    listener = Listener()
    listener.offer(0, watches(2))

    assert listener.offer(1, watches(2, phase=Phase.UP, verdict="up"))
    assert not listener.offer(2, watches(2, phase=Phase.UP, verdict="up"))


def test_failures_are_printed_at_once() -> None:
    listener = Listener()
    listener.offer(0, watches(2))

    listener.console.show_failures(1, {"n1": "it went DOWN"})

    assert listener.lines[1:] == ["[    1s] n1: FAILED (it went DOWN)"]


def test_the_status_is_read_soon_while_things_move_and_rarely_while_nothing_does() -> None:
    timer = PollTimer(slowest_s=10)
    now_s, pauses = 0.0, []
    for moved in [True, False, False, False, False, False, False, False, True]:
        timer.note_reading(now_s, moved=moved)
        pauses.append(round(timer.due_s - now_s, 2))
        now_s = timer.due_s

    assert pauses == [1, 1.5, 2.25, 3.38, 5.06, 7.59, 10, 10, 1]


def test_a_known_change_brings_the_next_reading_forward_but_never_below_the_shortest_pause() -> None:
    timer = PollTimer(slowest_s=10)
    for _count in range(8):
        timer.note_reading(100, moved=False)
    assert timer.due_s == 110

    timer.hurry(100.2)
    assert timer.due_s == 101
    timer.hurry(200)
    assert timer.due_s == 101


def test_the_first_reading_is_due_at_once() -> None:
    assert PollTimer().due_s < 0


@given(st.floats(0.1, 60), st.lists(st.tuples(st.booleans(), st.none() | st.floats(0, 5)), max_size=30))
def test_there_is_never_more_than_one_reading_per_second_nor_a_pause_longer_than_wished(
    slowest_s: float, turns: list[tuple[bool, float | None]]
) -> None:
    timer = PollTimer(slowest_s=slowest_s)
    now_s = 0.0
    for moved, hurry_after_s in turns:
        timer.note_reading(now_s, moved=moved)
        if hurry_after_s is not None:
            timer.hurry(now_s + hurry_after_s)
        assert 1.0 <= round(timer.due_s - now_s, 6) <= max(1.0, round(slowest_s, 6))
        now_s = timer.due_s


def test_a_line_reads_well_anywhere() -> None:
    everything = {str(phase): NodeWatch(phase, 0.0, phase=phase) for phase in Phase}

    assert re.fullmatch(r"[\x20-\x7e]+", run_line(RunStatus(1, everything, slots=(0, 0), left_s=0)))
