# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks started at random against each other, some of them killed: no node is ever acted on by two at once.

SOAK_ROUNDS says how often, SOAK_SEED repeats what was drawn.
"""

from __future__ import annotations

import os
import random

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.rack import inventory_of
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site
from ansible_collections.baremetal.bcm.tests.system.support.fleet import (
    Watcher,
    draw_errands,
    fleet_rack,
    overlaps,
    run_errands,
)

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "2"))
SEED = int(os.environ.get("SOAK_SEED", random.randrange(10**6)))


class TestFleet:
    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        rack = fleet_rack()
        site: Site = open_class_site(rack, inventory=inventory_of(rack))
        return site

    @pytest.mark.parametrize("number", range(ROUNDS))
    def test_no_node_is_acted_on_by_two(self, where: Site, number: int) -> None:
        chance = random.Random(f"{SEED} {number}")
        watcher = Watcher(where)
        watcher.begin()
        errands = draw_errands(chance, where.directory)
        told = f"seed {SEED}, round {number}: " + "; ".join(
            f"{each.operator} {each.what} {','.join(each.nodes)} {dict(each.variables)}" for each in errands
        )

        ends = run_errands(watcher, errands)

        watcher.look()
        acts = list(watcher.acts())
        said = "".join(run.output for run in ends.values() if run is not None)
        assert overlaps(acts) == [], f"{told}\n{acts}\n{said}"
        assert "Traceback" not in said, f"{told}\n{said}"
