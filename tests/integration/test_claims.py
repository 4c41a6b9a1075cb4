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
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._ansible.test_awx_jobs import Awx, own, serving

DUELS = 2
pytestmark = pytest.mark.one_core


@pytest.fixture(scope="class")
def where(open_class_site: OpenSite) -> Site:
    rack = duel_rack(DUELS, more=6)
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


class TestTwoJobsOfAwxOnTheSameNodes:
    """The second is refused as long as the first works, and goes on at once where AWX says that the first has ended."""

    NODES = tuple(f"node{DUELS * NODES_A_DUEL + number:03d}" for number in range(4, 7))

    @pytest.fixture(scope="class")
    @staticmethod
    def runs(where: Site) -> dict[str, Any]:
        nodes = list(TestTwoJobsOfAwxOnTheSameNodes.NODES)
        # awx_job_id and awx_user_name are variables that AWX gives to each job.
        variables = {**PARALLEL, "bcm_target": ",".join(nodes), "bcm_settle_time": 3, "awx_user_name": "carol"}
        awx = Awx(j41="running", j42="running")
        with serving(awx) as url:
            first, second = ({**own(url), "JOB_ID": job} for job in ("41", "42"))
            named = {**variables, "awx_job_id": 41}
            with where.ansible.start("provision", variables=named, environment=first) as killed:
                where.rack.wait_for_states("INSTALLING", *nodes)
                workers = descendants_of(killed.process.pid)
                killed.kill()
                end_processes(workers)
            leave_container(where, nodes)
            where.rack.forget_calls()
            refused = where.ansible.play("provision", variables=variables, environment=second)
            mutating = where.rack.mutating_calls()
            awx.statuses[41] = "failed"
            relaunched = where.ansible.play("provision", variables=variables, environment=second)
        return {"refused": refused, "mutating": mutating, "relaunched": relaunched}

    def test_the_second_is_refused_by_the_name_of_the_first_before_it_writes(self, runs: dict[str, Any]) -> None:
        refused = runs["refused"]
        assert refused.failed_hosts == list(self.NODES), refused.output
        assert all("carol, job 41 until" in row["message"] for row in refused.rows.values()), refused.rows
        assert runs["mutating"] == []

    def test_once_the_first_is_known_to_be_dead_the_second_goes_on_at_once(
        self, runs: dict[str, Any], where: Site
    ) -> None:
        assert runs["relaunched"].rc == 0, runs["relaunched"].output
        machines = where.rack.nodes()
        assert {machines[name]["status"] for name in self.NODES} == {"UP"}
        assert {machines[name]["power_operations"] for name in self.NODES} == {1}


def latest_end(records: dict[str, dict[str, Any]]) -> float:
    return max(float(record.get("baremetal_claim_until", 0)) for record in records.values())


def move_claims(where: Site, nodes: list[str], *, until_s: float) -> None:
    """Let the claims on these nodes be those of a run somewhere else that ends at a time."""
    for name in nodes:
        device = where.rack.head_node.devices()[name]
        moved = {"baremetal_claim_run": "elsewhere.1.2", "baremetal_claim_until": int(until_s)}
        where.rack.head_node.update(device, extra_values={**device["extra_values"], **moved})


def leave_container(where: Site, nodes: list[str]) -> None:
    """Let the claims on these nodes be those of the same job in a container of its own, for a long time yet."""
    for name in nodes:
        device = where.rack.head_node.devices()[name]
        _machine, _dot, rest = device["extra_values"]["baremetal_claim_run"].partition(".")
        moved = {"baremetal_claim_run": f"elsewhere.{rest}", "baremetal_claim_until": int(time.time() + 3600)}
        where.rack.head_node.update(device, extra_values={**device["extra_values"], **moved})
