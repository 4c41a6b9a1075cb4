# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of nodes and head nodes in the middle of a run: which nodes fail, why, and which are not touched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, Run, Started
from ansible_collections.baremetal.bcm.tests.integration.support.rack import (
    RackFile,
    inventory_of,
    new_rack,
    wait_until,
)
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

pytestmark = pytest.mark.one_core

# By what happens to it, each node of the first story.
SILENT, RETRIED, BROKEN_ONCE, BROKEN, DEAF, DELETED, FLAPPING, REASSIGNED, RECATEGORISED, LOST, WELL, WELL_TOO = (
    f"node{number:03d}" for number in range(1, 13)
)
# In the rack's seconds: so long that no installation ends before the test lets time pass.
INSTALL_S = 60_000
FLAP_S = 300_000
# Real seconds.
BOOT_TIMEOUT_S = 8


def trouble_rack() -> RackFile:
    rack = new_rack(
        12, slots=20, devices="all", images=["default-image", "another-image"], categories=[{"name": "other"}]
    )
    rack["head_node"]["categories"] = [{"name": "other", "image": "default-image"}]
    rack["times"] = {"post": 10, "boot": 30, "install_full": INSTALL_S, "install_sync": INSTALL_S, "init": 30}
    for machine in rack["machines"]:
        if machine["name"] == RECATEGORISED:
            machine["category"] = "other"
        if machine["name"] == BROKEN:
            # Its second failure is news only if it was seen to boot in between.
            machine["times"] = {"boot": 1800}
        if machine["name"] == FLAPPING:
            machine["times"] = {"install_full": 60, "install_sync": 60}
    return rack


def break_nodes(where: Site) -> None:
    rack = where.rack
    rack.break_something("never_boots", node=SILENT)
    rack.break_something("transfer_fails", node=RETRIED, times=1, message="connection reset by peer")
    rack.break_something("install_fails", node=BROKEN_ONCE, times=1, message="disk sda is not there")
    rack.break_something("install_fails", node=BROKEN, message="disk sdb is broken")
    rack.break_something("power_ignored", node=DEAF)
    rack.break_something("flap", node=FLAPPING, seconds=FLAP_S, times=1)
    rack.break_something("installer_unreachable", node=LOST)


def interfere(where: Site, started: Started) -> None:
    """Change what others are not supposed to change while nodes install, and then let them come up."""
    rack, head_node = where.rack, where.rack.head_node
    rack.wait_for_states("INSTALLING", RETRIED, DELETED, REASSIGNED, RECATEGORISED, WELL, WELL_TOO)
    head_node.remove_device(DELETED)
    head_node.assign_image(head_node.devices()[REASSIGNED], "another-image")
    head_node.assign_image(head_node.categories()["other"], "another-image")
    # This one the run has to have seen UP before it is gone.
    started.wait_for(": 1 UP")
    rack.let_pass(FLAP_S + 10_000)


def install_all(where: Site, *names: str) -> None:
    """Let installations end as soon as all of these nodes are installing."""
    where.rack.wait_for_states("INSTALLING", *names)
    where.rack.let_pass(INSTALL_S + 100)


@dataclass(frozen=True)
class Chapter:
    """A run, and the rack after it."""

    run: Run
    machines: dict[str, dict[str, Any]]

    @property
    def outcomes(self) -> dict[str, str]:
        return {name: row["outcome"] for name, row in self.run.rows.items()}

    def message_of(self, name: str) -> str:
        return str(self.run.rows[name]["message"])

    def powered(self, name: str) -> int:
        return int(self.machines[name]["power_operations"])


class TestNodesInTrouble:
    """Ten nodes in ten kinds of trouble beside two in none; a run that restarts nothing; one that may restart."""

    @pytest.fixture(scope="class")
    @staticmethod
    def story(open_class_site: OpenSite) -> dict[str, Chapter]:
        rack = trouble_rack()
        where = open_class_site(rack, inventory=inventory_of(rack))
        variables = {**PARALLEL, "bcm_boot_timeout": BOOT_TIMEOUT_S, "bcm_power_timeout": 5}
        chapters = {}

        def play(chapter: str, playbook: str, *ready: str) -> None:
            with where.ansible.start(playbook, variables=variables) as started:
                if chapter == "first":
                    interfere(where, started)
                else:
                    if chapter == "second":
                        started.wait_for(f"{BROKEN}: FAILED")
                    install_all(where, *ready)
                chapters[chapter] = Chapter(started.end(), where.rack.nodes())

        def check(chapter: str, playbook: str) -> None:
            where.rack.forget_calls()
            chapters[chapter] = Chapter(where.ansible.play(playbook, "--check", variables=variables), {})
            assert where.rack.mutating_calls() == []

        check("first checked", "provision")
        break_nodes(where)
        play("first", "provision")
        where.rack.repair()
        where.rack.break_something("install_fails", node=BROKEN, message="disk sdb is broken")
        check("second checked", "provision")
        play("second", "provision", SILENT, BROKEN_ONCE, DEAF, LOST)
        where.rack.repair()
        where.rack.let_pass(FLAP_S)
        check("third checked", "reprovision")
        play("third", "reprovision", BROKEN, DELETED, REASSIGNED, RECATEGORISED)
        return chapters

    def test_a_check_reports_what_the_run_then_does_and_sends_no_mutating_call(self, story: dict[str, Chapter]) -> None:
        for chapter in ("first", "second", "third"):
            checked, done = story[f"{chapter} checked"].run.actions, story[chapter].run.actions
            if chapter == "second":
                # BCM can't be asked for the power of a node before it is registered again.
                assert (checked.pop(DELETED), done.pop(DELETED)) == ("power_on", "refuse")
            assert checked == done, chapter

    def test_nodes_without_trouble_come_up_and_are_powered_once(self, story: dict[str, Chapter]) -> None:
        for name in (WELL, WELL_TOO):
            assert story["first"].outcomes[name] == "successful"
            assert story["third"].machines[name]["status"] == "UP"
            assert (story["third"].powered(name), story["third"].machines[name]["installs"]) == (1, 1)

    def test_exactly_the_hosts_that_failed_are_failed(self, story: dict[str, Chapter]) -> None:
        failed = {SILENT, BROKEN_ONCE, BROKEN, DEAF, DELETED, FLAPPING, REASSIGNED, RECATEGORISED, LOST}
        assert story["first"].run.failed_hosts == sorted(failed)
        assert story["first"].run.rc != 0

    def test_a_node_that_never_boots_is_given_up_with_what_to_look_at(self, story: dict[str, Chapter]) -> None:
        message = story["first"].message_of(SILENT)
        assert message == (
            f"it hung in phase powered for {BOOT_TIMEOUT_S} s, status DOWN; "
            "check its boot order, cabling and MAC address"
        )
        assert story["second"].outcomes[SILENT] == "successful"

    def test_a_transfer_that_fails_is_tried_again_by_bcm_and_the_node_comes_up_by_one_power_operation(
        self, story: dict[str, Chapter]
    ) -> None:
        assert story["first"].outcomes[RETRIED] == "successful"
        assert (story["first"].powered(RETRIED), story["first"].machines[RETRIED]["installs"]) == (1, 1)

    def test_an_installation_that_fails_once_is_mended_by_the_next_run(self, story: dict[str, Chapter]) -> None:
        message = story["first"].message_of(BROKEN_ONCE)
        assert re.fullmatch(
            r"INSTALLER_FAILED in phase \w+ after \d+ s, last message 'disk sda is not there'", message
        ), message
        assert story["second"].outcomes[BROKEN_ONCE] == "successful"
        assert story["third"].machines[BROKEN_ONCE]["installs"] == 1

    def test_an_installation_that_always_fails_fails_every_run_until_it_is_repaired(
        self, story: dict[str, Chapter]
    ) -> None:
        for chapter in ("first", "second"):
            assert story[chapter].outcomes[BROKEN] == "failed"
            assert "last message 'disk sdb is broken'" in story[chapter].message_of(BROKEN)
        assert story["second"].run.actions[BROKEN] == "reprovision"
        assert story["third"].outcomes[BROKEN] == "successful"

    def test_an_installer_that_cannot_be_reached_is_a_failure(self, story: dict[str, Chapter]) -> None:
        assert story["first"].message_of(LOST).startswith("INSTALLER_UNREACHABLE in phase ")
        assert story["second"].outcomes[LOST] == "successful"

    def test_power_that_is_accepted_and_does_nothing_is_reported_as_such(self, story: dict[str, Chapter]) -> None:
        assert "power ON was accepted, but 5 s later the power state is OFF" in story["first"].message_of(DEAF)
        assert story["second"].outcomes[DEAF] == "successful"
        assert story["second"].run.actions[DEAF] == "power_on"

    def test_a_device_that_another_client_deletes_fails_its_node_and_no_other(self, story: dict[str, Chapter]) -> None:
        assert story["first"].message_of(DELETED) == "it is no longer known to the head node: it was deleted"

    def test_a_node_that_is_back_without_a_record_and_has_power_is_not_cut_without_leave(
        self, story: dict[str, Chapter]
    ) -> None:
        assert "DOWN but powered on" in story["second"].message_of(DELETED)
        assert story["second"].powered(DELETED) == 1

    def test_a_node_that_is_gone_again_when_the_run_ends_has_failed(self, story: dict[str, Chapter]) -> None:
        assert re.fullmatch(r"UP after \d+s, but it is DOWN now", story["first"].message_of(FLAPPING))

    def test_a_node_that_flaps_is_never_installed_for_that(self, story: dict[str, Chapter]) -> None:
        second, third = story["second"], story["third"]
        assert second.run.actions[FLAPPING] == "refuse"
        assert "DOWN but powered on" in second.message_of(FLAPPING)
        assert third.outcomes[FLAPPING] == "successful"
        assert (third.powered(FLAPPING), third.machines[FLAPPING]["installs"]) == (1, 1)

    @pytest.mark.parametrize("name", [REASSIGNED, RECATEGORISED], ids=["node", "category"])
    def test_another_image_set_meanwhile_is_reported_and_the_next_run_that_may_restart_installs_it(
        self, story: dict[str, Chapter], name: str
    ) -> None:
        assert re.fullmatch(
            r"UP after \w+, but it was assigned another-image meanwhile, "
            r"so what it runs is not certain; run again",
            story["first"].message_of(name),
        )
        assert story["second"].powered(name) == 1
        assert story["third"].outcomes[name] == "successful"
        assert story["third"].machines[name]["running_image"]["name"] == "another-image"

    def test_the_last_run_leaves_all_nodes_up(self, story: dict[str, Chapter]) -> None:
        assert story["third"].run.rc == 0, story["third"].run.output
        assert {machine["status"] for machine in story["third"].machines.values()} == {"UP"}


# Each with nodes of its own, on one head node.
AWAY, POWER_CUT, SESSIONS, STARVED = (
    [f"node{number:03d}" for number in range(first, first + 3)] for first in (1, 4, 7, 10)
)
OUTAGE_S = 10


class TestAHeadNodeInTrouble:
    """Four runs, each on three new nodes; an installation takes eight real seconds."""

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        rack = new_rack(12, slots=10, devices="all")
        rack["times"] = {"post": 10, "boot": 30, "install_full": 4800, "install_sync": 4800, "init": 300}
        site: Site = open_class_site(rack, inventory=inventory_of(rack))
        return site

    def start(self, where: Site, names: list[str], **variables: Any) -> Any:
        where.rack.repair()
        where.rack.forget_calls()
        return where.ansible.start("provision", "--limit", ",".join(names), variables={**PARALLEL, **variables})

    def expect_all_up_by_one_power_operation(self, where: Site, run: Run, names: list[str]) -> None:
        machines = where.rack.nodes()
        assert run.rc == 0, run.output
        assert {name: row["outcome"] for name, row in run.rows.items()} == dict.fromkeys(names, "successful")
        assert {machines[name]["status"] for name in names} == {"UP"}
        for count in ("power_operations", "boots", "installs"):
            assert {machines[name][count] for name in names} == {1}, count

    def test_a_head_node_that_restarts_while_nodes_install_is_waited_for(self, where: Site) -> None:
        with self.start(where, AWAY) as started:
            where.rack.wait_for_states("INSTALLING", *AWAY)
            where.rack.end_head_node(away_s=OUTAGE_S)
            run = started.end()

        assert "the nodes go on meanwhile" in run.output, run.output
        self.expect_all_up_by_one_power_operation(where, run, AWAY)

    def test_a_head_node_that_restarts_while_power_is_sent_sends_none_twice(self, where: Site) -> None:
        # The call is cut after it came and before it was done: the client can't know that.
        with self.start(where, POWER_CUT, bcm_power_timeout=6) as started:
            where.rack.break_something("slow", call="powerOperation", seconds=8)
            where.rack.wait_for_calls("ON")
            where.rack.end_head_node(away_s=2)
            run = started.end()
        where.rack.repair()
        again = where.ansible.play("provision", "--limit", ",".join(POWER_CUT), variables=PARALLEL)

        assert run.failed_hosts == POWER_CUT, run.output
        assert all("power ON was accepted, but 6 s later" in row["message"] for row in run.rows.values())
        self.expect_all_up_by_one_power_operation(where, again, POWER_CUT)

    def test_logins_and_sessions_that_end_and_a_status_that_is_an_error_for_a_while_go_unnoticed(
        self, where: Site
    ) -> None:
        with self.start(where, SESSIONS) as started:
            where.rack.wait_for_states("INSTALLING", *SESSIONS)
            where.rack.expire_logins()
            where.rack.end_sessions()
            where.rack.break_something(
                "call_fails", call="getStatusForDevices", answer={"errormessage": "database is locked"}, seconds=6
            )
            run = started.end()

        assert re.search("database is locked .*; the nodes go on meanwhile", run.output), run.output
        assert where.rack.call_counts()["login"] >= 2
        self.expect_all_up_by_one_power_operation(where, run, SESSIONS)

    def test_no_node_fails_for_waiting_while_another_client_has_all_slots(self, where: Site) -> None:
        short = {"bcm_boot_timeout": 8, "bcm_install_timeout": 12, "bcm_init_timeout": 8}
        with self.start(where, STARVED, **short) as started:
            everything = where.rack.break_something("slots_taken", slots=10)
            wait_until(lambda: where.rack.head_node.provisioning()[1] == len(STARVED), "three nodes that wait")
            where.rack.break_something("slots_taken", slots=10, seconds=20)
            where.rack.mend(everything)
            run = started.end()

        self.expect_all_up_by_one_power_operation(where, run, STARVED)
        nodes = run.of("bcm_provision")[-1].result["nodes"]
        waited = [step["seconds"] for node in nodes.values() for step in node["timeline"] if step["phase"] == "queued"]
        assert len(waited) == len(STARVED)
        assert min(waited) > short["bcm_install_timeout"]
