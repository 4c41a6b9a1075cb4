# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many nodes are under way, what the failure of one means for the others, and which nodes are left alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, POWER, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import inventory_of, new_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

pytestmark = pytest.mark.one_core


def names(*numbers: int) -> list[str]:
    return [f"node{number:03d}" for number in numbers]


def outcomes(run: Run) -> dict[str, str]:
    return {name: row["outcome"] for name, row in run.rows.items()}


@dataclass(frozen=True)
class Moment:
    """A run, and what was true of the rack right after it."""

    run: Run
    mutating: list[str]
    machines: dict[str, dict[str, Any]]

    def counts(self, key: str) -> set[int]:
        """Give the counts that machines have of something."""
        return {int(machine[key]) for machine in self.machines.values()}


def moment(where: Site, playbook: str, *options: str, variables: dict[str, Any]) -> Moment:
    where.rack.forget_calls()
    run = where.ansible.play(playbook, *options, variables=variables)
    return Moment(run, where.rack.mutating_calls(), where.rack.nodes())


class TestFailures:
    """Runs with nodes of their own on one rack; an installation takes three real seconds."""

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        rack = new_rack(15, slots=10, devices="all")
        rack["times"] = {"post": 10, "boot": 30, "install_full": 1800, "install_sync": 1800, "init": 30}
        site: Site = open_class_site(rack, inventory=inventory_of(rack))
        return site

    def play(self, where: Site, nodes: list[str], variables: dict[str, Any], *failing: str) -> Run:
        """Provision these nodes, some of which fail."""
        where.rack.repair()
        for name in failing:
            where.rack.break_something("install_fails", node=name)
        run: Run = where.ansible.play("provision", "--limit", ",".join(nodes), variables=variables)
        return run

    def powered(self, where: Site, nodes: list[str]) -> list[str]:
        return [name for name, count in where.rack.power_operations().items() if count and name in nodes]

    @pytest.mark.parametrize(
        "variables",
        [
            {**PARALLEL, "bcm_admission": "2", "bcm_max_failures": "25%", "bcm_power_stagger": 1200},
            {**PARALLEL, "bcm_admission": "slots", "bcm_include_closed": True, "bcm_owner": "alice"},
        ],
        ids=["two at a time", "by slots"],
    )
    def test_a_check_sends_no_mutating_call(self, where: Site, variables: dict[str, Any]) -> None:
        where.rack.forget_calls()
        run = where.ansible.play("provision", "--check", variables=variables)

        assert run.rc == 0, run.output
        assert where.rack.mutating_calls() == []

    def test_one_after_the_other_the_next_node_follows_one_that_failed(self, where: Site) -> None:
        nodes = names(1, 2, 3)
        run = self.play(where, nodes, POWER, nodes[1])

        assert run.failed_hosts == [nodes[1]], run.output
        assert outcomes(run) == {nodes[0]: "successful", nodes[1]: "failed", nodes[2]: "successful"}
        assert [where.rack.states()[name] for name in nodes] == ["UP", "INSTALLER_FAILED", "UP"]

    def test_one_after_the_other_the_run_stops_where_that_is_wanted(self, where: Site) -> None:
        nodes = names(4, 5, 6)
        run = self.play(where, nodes, {**POWER, "bcm_stop_on_failure": True}, nodes[0])

        assert run.failed_hosts == [nodes[0]], run.output
        assert outcomes(run) == {nodes[0]: "failed", nodes[1]: "skipped", nodes[2]: "skipped"}
        assert "not started: 1 node failed" in run.rows[nodes[2]]["message"]
        assert self.powered(where, nodes) == nodes[:1]

    def test_no_further_node_is_started_after_so_many_failures_and_none_under_way_is_abandoned(
        self, where: Site
    ) -> None:
        nodes = names(7, 8, 9, 10)
        run = self.play(where, nodes, {**PARALLEL, "bcm_admission": "2", "bcm_max_failures": "25%"}, nodes[0])

        assert run.failed_hosts == [nodes[0]], run.output
        assert outcomes(run) == dict(zip(nodes, ("failed", "successful", "skipped", "skipped"), strict=True))
        assert self.powered(where, nodes) == nodes[:2]
        assert where.rack.states()[nodes[1]] == "UP"

    def test_a_closed_node_is_left_alone_unless_it_is_included(self, where: Site) -> None:
        closed, opened = nodes = names(11, 12)
        head_node = where.rack.head_node
        head_node.call("cmstatus", "close", [head_node.devices()[closed]["uuid"]])
        first = self.play(where, nodes, PARALLEL)
        powered = self.powered(where, nodes)
        second = self.play(where, nodes, {**PARALLEL, "bcm_include_closed": True})

        assert first.rc == 0, first.output
        assert outcomes(first) == {closed: "skipped", opened: "successful"}
        assert "bcm_include_closed" in first.rows[closed]["message"]
        assert powered == [opened]
        assert second.rc == 0, second.output
        assert outcomes(second) == dict.fromkeys(nodes, "successful")
        assert where.rack.nodes()[closed]["running_image"]["name"] == "default-image"
        assert where.rack.power_operations()[opened] == 1

    def test_a_stagger_spreads_power_over_the_nodes(self, where: Site) -> None:
        nodes = names(13, 14, 15)
        # 1200 of the rack's seconds are two real ones.
        run = self.play(where, nodes, {**PARALLEL, "bcm_power_stagger": 1200})

        assert run.rc == 0, run.output
        devices = where.rack.head_node.devices()
        uuids = [devices[name]["uuid"] for name in nodes]
        history = where.rack.head_node.call("cmdevice", "powerOperationHistory", uuids, False)
        powered_ms = sorted(entry["executionTime"] for entry in history if entry["operation"] == "ON")
        assert len(powered_ms) == len(nodes)
        assert min(later - earlier for earlier, later in itertools.pairwise(powered_ms)) >= 1000


class TestAdmission:
    """An installation takes two real seconds, and there are slots for more nodes than may be under way."""

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        rack = new_rack(4, slots=4, devices="all")
        rack["times"] = {"post": 60, "boot": 300, "install_full": 1200, "install_sync": 1200, "init": 300}
        site: Site = open_class_site(rack, inventory=inventory_of(rack))
        return site

    def test_a_number_is_a_hard_ceiling_of_machines_between_power_and_up(self, where: Site) -> None:
        most = 0
        with where.ansible.start("provision", variables={**PARALLEL, "bcm_admission": "2"}) as started:
            while started.process.poll() is None:
                machines = where.rack.nodes().values()
                most = max(most, sum(1 for one in machines if one["power"] == "ON" and one["status"] != "UP"))
            run = started.end()

        assert run.rc == 0, run.output
        assert set(where.rack.states().values()) == {"UP"}
        assert set(where.rack.power_operations().values()) == {1}
        assert most == 2


class TestNodesThatAreUp:
    """Four nodes that others installed: adopted, and then given other kernel parameters."""

    NODES = names(1, 2, 3, 4)

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        rack = new_rack(4, devices="all")
        for machine in rack["machines"]:
            machine["power"] = "on"
        site: Site = open_class_site(rack, inventory=inventory_of(rack))
        return site

    @pytest.fixture(scope="class")
    @staticmethod
    def moments(where: Site) -> dict[str, Moment]:
        """Adopt them; other kernel parameters without leave to restart, with it, and again."""
        adopt = {**PARALLEL, "bcm_adopt": True}
        quiet = {**PARALLEL, "bcm_kernel_parameters": "quiet nomodeset"}
        return {
            "adopt checked": moment(where, "provision", "--check", variables=adopt),
            "adopted": moment(where, "provision", variables=adopt),
            "told": moment(where, "provision", variables=quiet),
            "checked": moment(where, "reprovision", "--check", variables=quiet),
            "restarted": moment(where, "reprovision", variables=quiet),
            "restarted again": moment(where, "reprovision", variables=quiet),
        }

    def test_adopting_notes_what_is_there_and_touches_no_node(self, moments: dict[str, Moment]) -> None:
        for name in ("adopt checked", "adopted"):
            assert moments[name].run.rc == 0, moments[name].run.output
            assert moments[name].run.actions == dict.fromkeys(self.NODES, "adopt")
        assert (moments["adopt checked"].mutating, set(moments["adopted"].mutating)) == ([], {"updateDevices"})
        assert moments["adopted"].counts("boots") == moments["adopted"].counts("power_operations") == {0}

    def test_a_node_that_is_up_with_what_it_should_have_is_left_alone_even_by_a_run_that_may_restart_it(
        self, moments: dict[str, Moment]
    ) -> None:
        again = moments["restarted again"]
        assert again.run.rc == 0, again.run.output
        assert again.run.changed_tasks == []
        assert again.mutating == []

    def test_other_kernel_parameters_wait_for_a_run_that_may_restart(self, moments: dict[str, Moment]) -> None:
        told = moments["told"]
        assert told.run.rc == 0, told.run.output
        assert {row["outcome"] for row in told.run.rows.values()} == {"successful"}
        assert all("other kernel parameters wait for a restart" in row["message"] for row in told.run.rows.values())
        assert told.counts("boots") == {0}

    def test_a_check_says_that_nodes_would_be_restarted_and_sends_no_mutating_call(
        self, moments: dict[str, Moment]
    ) -> None:
        assert moments["checked"].mutating == []
        assert moments["checked"].run.actions == dict.fromkeys(self.NODES, "restart")
        assert "restart for other kernel parameters, default-image stays" in moments["checked"].run.output

    def test_nodes_are_asked_to_restart_and_their_power_is_not_touched(self, moments: dict[str, Moment]) -> None:
        restarted = moments["restarted"]
        assert restarted.run.rc == 0, restarted.run.output
        assert restarted.run.actions == dict.fromkeys(self.NODES, "restart")
        assert set(restarted.mutating) - {"updateDevice"} == {"updateDevices", "preboot"}
        assert (restarted.counts("boots"), restarted.counts("power_operations")) == ({1}, {0})
        assert {machine["status"] for machine in restarted.machines.values()} == {"UP"}
