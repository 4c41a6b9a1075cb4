# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.progress import (
    MOST_SINGLE_LINES,
    format_duration,
    progress_lines,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.watch import NodeWatch


def watches(count: int, phase: str = "powered", **values: Any) -> dict[str, NodeWatch]:
    return {f"n{index}": NodeWatch(f"n{index}", 0.0, phase=phase, **values) for index in range(count)}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m00s"), (125, "2m05s"), (3599, "59m59s"), (3600, "1h00m"), (3725, "1h02m")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_nothing_new_is_no_line() -> None:
    same = watches(3)
    chatting = {name: replace(watch, message="another word") for name, watch in same.items()}

    assert progress_lines(same, same, 10) == []
    assert progress_lines(same, chatting, 10) == []


def test_a_new_phase_is_a_line_a_node() -> None:
    before = watches(2)
    after = {**before, "n1": replace(before["n1"], phase="queued")}

    assert progress_lines(before, after, 65) == ["[ 1m05s] n1: waits for a provisioning slot"]


def test_a_failure_is_told_with_its_reason() -> None:
    before = watches(1)
    after = watches(1, verdict="failed", reason="it went DOWN")

    assert progress_lines(before, after, 5) == ["[    5s] n0: FAILED (it went DOWN)"]


def test_many_nodes_are_one_line_with_counts_in_the_order_of_a_boot() -> None:
    before = watches(MOST_SINGLE_LINES + 1)
    after = {
        **before,
        "n0": replace(before["n0"], verdict="up"),
        "n1": replace(before["n1"], phase="going down"),
        "n2": replace(before["n2"], phase="booting"),
    }

    (line,) = progress_lines(before, after, 5)

    assert line == f"[    5s] {MOST_SINGLE_LINES - 2} powered, 1 booting, 1 up, 1 going down"


def test_many_nodes_tell_failures_one_by_one() -> None:
    before = watches(MOST_SINGLE_LINES + 1)
    after = {**before, "n7": replace(before["n7"], verdict="failed", reason="why")}

    lines = progress_lines(before, after, 5)

    assert lines[0] == "[    5s] n7: FAILED (why)"
    assert lines[1].endswith("1 failed")


def test_an_unknown_phase_is_told_as_it_is() -> None:
    before = watches(1)

    assert progress_lines(before, watches(1, phase="pending"), 5) == ["[    5s] n0: pending"]
