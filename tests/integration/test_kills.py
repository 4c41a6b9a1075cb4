# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed and started again: they finish, no node is powered or installed twice, and the dead keep still.

More moments are drawn by `make test-system`.
"""

from __future__ import annotations

import random

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.killing import (
    GRACEFUL,
    HARD,
    NEW_AT_ONCE,
    SCENARIOS,
    KillRounds,
    Scenario,
    after_all_are_up,
    after_call,
    after_intent,
    draw_moments,
    kill_rack,
)
from ansible_collections.baremetal.bcm.tests.integration.support.rack import inventory_of

# About as many as a run with these nodes takes.
CALLS_OF_A_RUN = 60


def open_rounds(open_site: OpenSite, scenario: Scenario, *, post_s: int = 10) -> KillRounds:
    rack = kill_rack(scenario, 1, post_s=post_s)
    return KillRounds(open_site(rack, inventory=inventory_of(rack)), scenario)


@pytest.mark.one_core
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
class TestEveryRunThatIsKilled:
    def test_goes_on_when_it_is_started_again_and_no_node_is_powered_or_installed_twice(
        self, open_site: OpenSite, scenario: Scenario
    ) -> None:
        rounds = open_rounds(open_site, scenario)
        seed = random.randrange(10**6)
        ((moment, what, workers_too),) = draw_moments(scenario, 1, CALLS_OF_A_RUN, seed)
        rounds.kill_and_repeat(moment, what, workers_too=workers_too)


class TestARunThatIsKilledAtTheWorstMoment:
    def test_between_intent_and_power_is_no_loss(self, open_site: OpenSite) -> None:
        rounds = open_rounds(open_site, NEW_AT_ONCE)
        rounds.kill_and_repeat(after_intent, "between intent and power", workers_too=True)

    def test_between_intent_and_power_the_worker_left_behind_sends_no_power(self, open_site: OpenSite) -> None:
        rounds = open_rounds(open_site, NEW_AT_ONCE)
        rounds.kill_and_repeat(after_intent, "between intent and power", workers_too=False)

    def test_right_after_power_is_found_out_though_nothing_of_it_is_seen_yet(self, open_site: OpenSite) -> None:
        # The next run looks while the machines are still in their self-test.
        rounds = open_rounds(open_site, NEW_AT_ONCE, post_s=9000)
        rounds.kill_and_repeat(after_call("ON"), "right after power", workers_too=True)

    def test_before_it_has_noted_that_nodes_are_up_restarts_none_of_them(self, open_site: OpenSite) -> None:
        rounds = open_rounds(open_site, GRACEFUL)
        rounds.kill_and_repeat(after_all_are_up, "before the note", workers_too=True)

    def test_between_off_and_on_leaves_no_node_off(self, open_site: OpenSite) -> None:
        rounds = open_rounds(open_site, HARD)
        rounds.where.rack.break_something("slow", call="powerOperation", seconds=1)
        rounds.kill_and_repeat(after_call("OFF"), "between OFF and ON", workers_too=True)
