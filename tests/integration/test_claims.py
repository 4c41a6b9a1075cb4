# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two operators, one cluster: each node is worked on by one run, and the other run reports the name of its owner."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.duelling import (
    NODES_A_DUEL,
    duel_rack,
    fight,
    notes_of,
)
from ansible_collections.baremetal.bcm.tests.integration.support.killing import descendants_of, end_processes
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL
from ansible_collections.baremetal.bcm.tests.integration.support.rack import inventory_of, wait_until
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

DUELS = 2
pytestmark = pytest.mark.one_core


@pytest.fixture(scope="class")
def where(open_class_site: OpenSite) -> Site:
    rack = duel_rack(DUELS, more=3)
    return open_class_site(rack, inventory=inventory_of(rack))


class TestTwoRunsAtTheSameTime:
    """Two runs on one cluster, whose nodes overlap. `make test-system` has more of them."""

    def test_each_node_is_worked_on_by_one_and_the_other_names_it_and_goes_on(self, where: Site) -> None:
        fight(where, 0, offset_s=0.0)

    def test_the_same_holds_if_one_is_a_little_later(self, where: Site) -> None:
        fight(where, 1, offset_s=random.uniform(0, 4))


class TestARunOfAnotherMachineThatWasKilled:
    """The claims are given another machine's name, so the next run can't check whether their process still runs."""

    NODES = tuple(f"node{DUELS * NODES_A_DUEL + number:03d}" for number in range(1, 4))

    @pytest.fixture(scope="class")
    @staticmethod
    def runs(where: Site) -> dict[str, Any]:
        nodes = list(TestARunOfAnotherMachineThatWasKilled.NODES)
        variables = {**PARALLEL, "bcm_target": ",".join(nodes), "bcm_settle_time": 3}
        first = {**variables, "bcm_owner": "carol", "bcm_claim_time": 9}
        with where.ansible.start("provision", variables=first) as killed:
            where.rack.wait_for_states("INSTALLING", *nodes)
            until_s = latest_end(notes_of(where, nodes))
            wait_until(lambda: latest_end(notes_of(where, nodes)) > until_s, "a claim that is renewed")
            workers = descendants_of(killed.process.pid)
            killed.kill()
            end_processes(workers)
        left_s = latest_end(notes_of(where, nodes)) - time.time()
        move_claims(where, nodes, until_s=time.time() + 3600)
        where.rack.forget_calls()
        held = where.ansible.play("provision", variables={**variables, "bcm_owner": "dave"})
        mutating = where.rack.mutating_calls()
        move_claims(where, nodes, until_s=time.time() - 1)
        free = where.ansible.play("provision", variables={**variables, "bcm_owner": "dave"})
        return {"left_s": left_s, "held": held, "mutating": mutating, "free": free}

    def test_a_claim_is_renewed_while_its_run_works_and_lasts_no_longer_than_asked(self, runs: dict[str, Any]) -> None:
        assert runs["left_s"] <= 9

    def test_its_nodes_are_left_to_it_until_its_claim_is_over(self, runs: dict[str, Any]) -> None:
        held = runs["held"]
        assert held.failed_hosts == list(self.NODES), held.output
        assert all("carol until" in row["message"] for row in held.rows.values()), held.rows
        assert runs["mutating"] == []

    def test_then_they_are_taken_over_and_no_node_is_powered_or_installed_again(
        self, runs: dict[str, Any], where: Site
    ) -> None:
        assert runs["free"].rc == 0, runs["free"].output
        machines = where.rack.nodes()
        for count in ("power_operations", "boots", "installs"):
            assert {machines[name][count] for name in self.NODES} == {1}, count
        assert {machines[name]["status"] for name in self.NODES} == {"UP"}


def latest_end(records: dict[str, dict[str, Any]]) -> float:
    return max(float(record.get("baremetal_claim_until", 0)) for record in records.values())


def move_claims(where: Site, nodes: list[str], *, until_s: float) -> None:
    """Let the claims on these nodes be those of a run somewhere else that ends at a time."""
    for name in nodes:
        device = where.rack.head_node.devices()[name]
        moved = {"baremetal_claim_run": "elsewhere.1.2", "baremetal_claim_until": int(until_s)}
        where.rack.head_node.update(device, extra_values={**device["extra_values"], **moved})
