# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two operators want the same nodes, eight times."""

from __future__ import annotations

import random

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.duelling import duel_rack, fight
from ansible_collections.baremetal.bcm.tests.integration.support.rack import inventory_of
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

DUELS = 8


class TestTwoRunsAtTheSameTime:
    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        rack = duel_rack(DUELS)
        site: Site = open_class_site(rack, inventory=inventory_of(rack))
        return site

    @pytest.mark.parametrize("duel", range(DUELS))
    def test_each_node_is_worked_on_by_one_and_the_other_names_it_and_goes_on(self, where: Site, duel: int) -> None:
        # Half of them start together, as far as a computer can do that.
        fight(where, duel, offset_s=random.uniform(0, 5) if duel % 2 else 0.0)
