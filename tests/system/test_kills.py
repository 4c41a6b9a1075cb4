# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten kills of each kind of run, at moments drawn over all of it."""

from __future__ import annotations

import random

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.killing import (
    SCENARIOS,
    KillRounds,
    Scenario,
    draw_moments,
    kill_rack,
)
from ansible_collections.baremetal.bcm.tests.integration.support.rack import inventory_of

KILLS = 10


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
class TestEveryRunThatIsKilledTenTimes:
    def test_always_goes_on_and_no_node_is_powered_or_installed_twice(
        self, open_site: OpenSite, scenario: Scenario
    ) -> None:
        rack = kill_rack(scenario, 1 + KILLS)
        rounds = KillRounds(open_site(rack, inventory=inventory_of(rack)), scenario)
        calls = rounds.count_calls()
        seed = random.randrange(10**6)
        for moment, what, workers_too in draw_moments(scenario, KILLS, calls, seed):
            rounds.kill_and_repeat(moment, what, workers_too=workers_too)
