# SPDX-License-Identifier: GPL-3.0-or-later
"""What the comparison of benchmarks with their baseline finds, in the baseline that is committed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.benchmarks.baseline import (
    BAND,
    Allowed,
    Costs,
    hold,
    problems,
    read_baseline,
    write_baseline,
)

COMMITTED = read_baseline(Path(__file__).parents[3] / "benchmarks/baseline.json")
NODES, RUN = "100", "second run"
Change = Callable[[Allowed], Allowed]


def changed(change: Change) -> dict[str, Costs]:
    """The committed costs, one run of them changed."""
    measured = copy.deepcopy(COMMITTED)
    measured[NODES][RUN] = change(measured[NODES][RUN])
    return measured


def with_calls(made: Allowed, number: int) -> Allowed:
    return replace(made, calls={**made.calls, "cmdevice.getDevices": made.calls["cmdevice.getDevices"] + number})


def test_the_committed_baseline_holds_for_itself() -> None:
    assert problems(COMMITTED, COMMITTED) == []
    assert list(COMMITTED) == ["10", "100"]


@pytest.mark.parametrize("number", [1, -1])
def test_one_call_more_or_less_is_a_regression(number: int) -> None:
    known = COMMITTED[NODES][RUN].calls["cmdevice.getDevices"]
    expected = f"100 nodes, second run: cmdevice.getDevices called {known + number} times, where {known} are known"
    assert problems(COMMITTED, changed(lambda made: with_calls(made, number))) == [expected]


def test_a_call_that_was_never_made_before_is_a_regression() -> None:
    measured = changed(lambda made: replace(made, calls={**made.calls, "cmuser.getUsers": 1}))
    expected = "100 nodes, second run: cmuser.getUsers called 1 times, where 0 are known"
    assert problems(COMMITTED, measured) == [expected]


def test_a_ratio_to_the_floor_that_is_tripled_is_a_regression() -> None:
    (problem,) = problems(COMMITTED, changed(lambda made: replace(made, ratio=made.ratio * 3)))
    assert problem.startswith("100 nodes, second run: ")
    assert "times the floor" in problem


def test_a_ratio_within_the_band_is_none() -> None:
    assert problems(COMMITTED, changed(lambda made: replace(made, ratio=made.ratio * (BAND - 0.01)))) == []
    assert problems(COMMITTED, changed(lambda made: replace(made, ratio=made.ratio / 3))) == []


def test_a_run_that_the_baseline_lacks_is_told_and_so_is_one_that_was_not_measured() -> None:
    measured = copy.deepcopy(COMMITTED)
    measured[NODES]["another"] = measured[NODES].pop(RUN)
    assert problems(COMMITTED, measured) == [
        "100 nodes, another: not in the baseline",
        "100 nodes, second run: not measured",
    ]


def test_sizes_that_the_baseline_lacks_are_told() -> None:
    assert problems({}, {"5": {"one": Allowed({}, 1.0)}}) == ["5 nodes, one: not in the baseline"]


@pytest.mark.parametrize(
    "regression", [lambda made: with_calls(made, 1), lambda made: replace(made, ratio=made.ratio * 3)]
)
def test_a_regression_fails_the_step_however_often_it_is_measured(regression: Change) -> None:
    measured = changed(regression)
    with pytest.raises(SystemExit, match="100 nodes, second run") as ended:
        hold(COMMITTED, measured, lambda _sizes: measured, rounds=3)
    # Text: Python prints it and exits with status 1.
    assert isinstance(ended.value.code, str)


def test_what_was_slow_once_only_passes_and_nothing_else_is_measured_again() -> None:
    asked: list[set[str]] = []

    def measure_again(sizes: Collection[str]) -> dict[str, Costs]:
        asked.append(set(sizes))
        return COMMITTED

    hold(COMMITTED, changed(lambda made: replace(made, ratio=made.ratio * 3)), measure_again, rounds=3)
    hold(COMMITTED, COMMITTED, measure_again, rounds=3)
    assert asked == [{"100"}]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_baseline(tmp_path / "baseline.json", COMMITTED)
    assert read_baseline(tmp_path / "baseline.json") == COMMITTED
