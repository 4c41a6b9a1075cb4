# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failing nodes, too few slots, killed runs, head nodes that lose writes: other nodes go on, the next run finishes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import (
    DEMO_NODES,
    demo_rack,
    inventory_of,
    new_rack,
    wait_until,
)
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site


class TestOneFailedNodeOfTen:
    BAD = "node004"
    SILENT = "node007"

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        rack = new_rack(10)
        site: Site = open_class_site(rack, inventory=inventory_of(rack))
        return site

    @pytest.fixture(scope="class")
    @staticmethod
    def runs(where: Site) -> dict[str, tuple[Run, dict[str, str | None], dict[str, int]]]:
        """A node whose installer fails, the repair, and a node that never boots again."""

        def look(run: Run) -> tuple[Run, dict[str, str | None], dict[str, int]]:
            return run, where.rack.states(), where.rack.power_operations()

        where.rack.break_something(
            "install_fails",
            node=TestOneFailedNodeOfTen.BAD,
            phase="provisioning complete",
            message="disk sda is broken",
        )
        runs = {"bad": look(where.ansible.play("provision", variables=PARALLEL))}
        where.rack.repair()
        runs["repaired"] = look(where.ansible.play("provision", variables=PARALLEL))
        where.rack.break_something("never_boots", node=TestOneFailedNodeOfTen.SILENT)
        anew = {**PARALLEL, "bcm_reprovision_token": "patched", "bcm_boot_timeout": 4}
        runs["silent"] = look(where.ansible.play("reprovision", variables=anew))
        runs["later"] = look(where.ansible.play("status"))
        return runs

    def test_the_nine_others_come_up(self, runs: dict[str, tuple[Run, dict[str, str | None], dict[str, int]]]) -> None:
        _run, states, powered = runs["bad"]
        assert sorted(name for name, state in states.items() if state == "UP") == sorted(set(states) - {self.BAD})
        assert set(powered.values()) == {1}

    def test_the_run_fails_for_exactly_the_failed_node_with_its_phase_and_last_message(
        self, runs: dict[str, tuple[Run, dict[str, str | None], dict[str, int]]]
    ) -> None:
        run, _states, _powered = runs["bad"]
        assert run.rc != 0
        assert run.failed_hosts == [self.BAD]
        message = r"INSTALLER_FAILED in phase \w+ after \d+ s, last message 'disk sda is broken'"
        assert re.fullmatch(message, run.failures[0]), run.failures
        assert len(run.failures) == 1
        assert (run.summary["successful"], run.summary["failed_nodes"]) == (9, [self.BAD])

    def test_the_next_run_powers_only_the_node_that_failed(
        self, runs: dict[str, tuple[Run, dict[str, str | None], dict[str, int]]]
    ) -> None:
        run, states, powered = runs["repaired"]
        assert run.rc == 0, run.output
        assert set(states.values()) == {"UP"}
        assert {name for name, count in powered.items() if count > 1} == {self.BAD}

    def test_a_node_that_never_boots_is_given_up_and_the_nine_others_come_up(
        self, runs: dict[str, tuple[Run, dict[str, str | None], dict[str, int]]]
    ) -> None:
        run, states, _powered = runs["silent"]
        assert run.failed_hosts == [self.SILENT]
        assert "it hung in phase powered for 4 s" in run.failures[0]
        assert "check its boot order, cabling and MAC address" in run.failures[0]
        assert {name for name, state in states.items() if state != "UP"} == {self.SILENT}
        assert run.summary["successful"] == 9

    def test_a_node_that_was_given_up_is_failed_in_that_run_and_whenever_somebody_asks_later(
        self, runs: dict[str, tuple[Run, dict[str, str | None], dict[str, int]]]
    ) -> None:
        told, later = (runs[chapter][0].rows for chapter in ("silent", "later"))
        for rows in (told, later):
            row = rows[self.SILENT]
            assert (row["state"], row["outcome"], row["phase"]) == ("failed", "failed", "powered")
            assert row["message"].startswith("it hung in phase powered for 4 s, status DOWN")
            assert {row["state"] for name, row in rows.items() if name != self.SILENT} == {"active"}
        assert runs["later"][0].rc == 0

    def test_a_new_token_installs_the_same_image_anew(
        self, runs: dict[str, tuple[Run, dict[str, str | None], dict[str, int]]], where: Site
    ) -> None:
        run, _states, _powered = runs["silent"]
        assert set(run.actions.values()) == {"reprovision"}
        installs = {name: node["installs"] for name, node in where.rack.nodes().items()}
        # The bad node had been installed in vain before.
        assert installs == {name: {self.SILENT: 1, self.BAD: 3}.get(name, 2) for name in installs}


@dataclass(frozen=True)
class Interrupted:
    """A run that was killed while ten nodes installed and ten waited, and the one that went on."""

    slots: tuple[int, int]
    powered_before: dict[str, int]
    killed_output: str
    resumed: Run
    counts: dict[str, int]
    states: dict[str, str | None]
    powered: dict[str, int]


class TestTwentyNodesOnTenSlotsAndAKilledRun:
    """An installation takes so long that none ends before the test lets time pass."""

    @pytest.fixture(scope="class")
    @staticmethod
    def story(open_class_site: OpenSite) -> Interrupted:
        rack = new_rack(20, slots=10)
        rack["times"] = {"install_full": 600_000}
        where: Site = open_class_site(rack, inventory=inventory_of(rack))
        with where.ansible.start("provision", variables=PARALLEL) as killed:
            wait_until(lambda: where.rack.head_node.provisioning() == (10, 10), "ten nodes that install")
            killed.wait_for("waiting for a slot")
            killed.kill()
            slots, powered_before = where.rack.head_node.provisioning(), where.rack.power_operations()
            where.rack.forget_calls()
            with where.ansible.start("provision", variables=PARALLEL) as resumed:
                resumed.wait_for("10 installing, 10 waiting for a slot")
                where.rack.let_pass(2_000_000)
                run = resumed.end()
        return Interrupted(
            slots=slots,
            powered_before=powered_before,
            killed_output="".join(killed.said),
            resumed=run,
            counts=where.rack.call_counts(),
            states=where.rack.states(),
            powered=where.rack.power_operations(),
        )

    def test_ten_nodes_install_and_ten_wait_for_a_slot(self, story: Interrupted) -> None:
        assert story.slots == (10, 10)
        assert set(story.powered_before.values()) == {1}

    def test_the_start_of_a_run_says_how_to_go_on_when_it_is_interrupted(self, story: Interrupted) -> None:
        assert "Interrupted? Start the same again: it goes on." in story.killed_output

    def test_the_next_run_goes_on_where_the_killed_one_was(self, story: Interrupted) -> None:
        assert story.resumed.rc == 0, story.resumed.output
        assert set(story.resumed.actions.values()) == {"watch"}
        assert set(story.states.values()) == {"UP"}
        assert story.resumed.summary["successful"] == 20

    def test_no_node_is_powered_a_second_time(self, story: Interrupted) -> None:
        assert set(story.powered.values()) == {1}
        assert not {"ON", "OFF", "RESET"} & set(story.counts)

    def test_the_nodes_that_waited_are_reported_as_queued_on_their_way(self, story: Interrupted) -> None:
        timelines = [node["timeline"] for node in story.resumed.results.values()]
        queued = [line for line in timelines if "queued" in [step["phase"] for step in line]]
        assert len(queued) == 10


class TestAHeadNodeThatForgets:
    """Half an answer to the first call that writes; then a field that is not kept and an entity that is lost."""

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        site: Site = open_class_site(demo_rack())
        return site

    @pytest.fixture(scope="class")
    @staticmethod
    def runs(where: Site) -> dict[str, Run]:
        where.rack.break_something("call_fails", service="cmdevice", call="addCategory", answer="half", times=1)
        runs = {"half": where.ansible.play("provision", variables=PARALLEL)}
        where.rack.break_something("drop_field", field="notes", node="cpu-03")
        where.rack.break_something("lost_update", node="cpu-05", times=2)
        runs["forgotten"] = where.ansible.play("provision", variables=PARALLEL)
        where.rack.repair()
        runs["finished"] = where.ansible.play("provision", variables=PARALLEL)
        return runs

    def test_half_an_answer_to_a_write_ends_the_run_and_says_that_its_outcome_is_unknown(
        self, runs: dict[str, Run]
    ) -> None:
        run = runs["half"]
        assert run.rc != 0
        assert "cmdevice.addCategory" in run.failures[0]
        assert "whether it was performed is unknown" in run.failures[0]
        assert run.of("bcm_provision") == []

    def test_a_field_that_is_not_kept_fails_exactly_its_node(self, runs: dict[str, Run]) -> None:
        run = runs["forgotten"]
        assert run.rc != 0
        assert run.failed_hosts == ["cpu-03"]
        assert "device cpu-03: the head node answered success" in run.failures[0]
        assert "did not keep: notes" in run.failures[0]

    def test_an_entity_that_is_lost_is_noticed_and_sent_again(self, runs: dict[str, Run]) -> None:
        assert runs["forgotten"].rows["cpu-05"]["outcome"] == "successful"

    def test_the_next_run_finishes_what_is_left_and_powers_no_node_twice(
        self, runs: dict[str, Run], where: Site
    ) -> None:
        assert runs["finished"].rc == 0, runs["finished"].output
        assert where.rack.states() == dict.fromkeys(DEMO_NODES, "UP")
        assert where.rack.power_operations() == dict.fromkeys(DEMO_NODES, 1)
