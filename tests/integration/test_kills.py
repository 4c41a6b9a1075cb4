# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed and started again: they finish, no node is powered or installed twice.

What is left of a killed run sends nothing more.

More moments are drawn by `make test-system`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.killing import (
    GRACEFUL,
    HARD,
    NEW_AT_ONCE,
    SCENARIOS,
    KillRounds,
    Moment,
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


@dataclass(frozen=True)
class Worst:
    """A moment at which a kill hurts most."""

    what: str
    moment: Moment
    scenario: Scenario = NEW_AT_ONCE
    workers_too: bool = True
    post_s: int = 10
    power_is_slow: bool = False


WORST = (
    Worst("between intent and power, its worker left behind", after_intent, workers_too=False),
    # The next run starts while the machines are still in their self-test.
    Worst("right after power, of which nothing is seen yet", after_call("ON"), post_s=6000),
    Worst("between off and on", after_call("OFF"), HARD, power_is_slow=True),
    Worst("before it has noted that nodes are UP", after_all_are_up, GRACEFUL),
)


@pytest.mark.parametrize("worst", WORST, ids=lambda worst: worst.what)
class TestEveryRunThatIsKilledAtTheWorstMoment:
    def test_goes_on_when_it_is_started_again_and_no_node_is_powered_or_installed_twice(
        self, open_site: OpenSite, worst: Worst
    ) -> None:
        rounds = open_rounds(open_site, worst.scenario, post_s=worst.post_s)
        if worst.power_is_slow:
            rounds.where.rack.break_something("slow", call="powerOperation", seconds=1)
        rounds.kill_and_repeat(worst.moment, worst.what, workers_too=worst.workers_too)
