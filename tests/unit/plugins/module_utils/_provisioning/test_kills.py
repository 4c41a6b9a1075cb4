# SPDX-License-Identifier: GPL-3.0-or-later
"""A run killed at any of its calls is started again and finishes; no node is powered or installed twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .killing import SCENARIOS, Scenario, assert_all_done_once, fresh, run_on

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


@each_scenario
@pytest.mark.parametrize("later", [False, True], ids=["started again at once", "started again later"])
def test_a_run_may_be_killed_at_any_call(scenario: Scenario, later: bool) -> None:
    for after in range(scenario.count_calls()):
        head = fresh(scenario)
        assert scenario.start_killed(head, after)
        assert len(head.calls) == after
        if later:
            run_on(head)

        results = scenario.start(head, known_dead=not later)

        try:
            assert_all_done_once(head, scenario, results)
        except AssertionError as error:
            error.add_note(f"killed before call {after + 1}")
            raise


@each_scenario
@settings(max_examples=8, deadline=None)
@given(kills=st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=2, max_size=5))
def test_a_run_may_be_killed_again_and_again(scenario: Scenario, kills: list[tuple[int, bool]]) -> None:
    head = fresh(scenario)
    for after, later in kills:
        scenario.start_killed(head, after)
        if later:
            run_on(head)

    results = scenario.start(head)

    assert_all_done_once(head, scenario, results)
