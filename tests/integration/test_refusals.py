# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found before anything is changed: bad inventories, and nodes that a run must leave alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import FAST, PARALLEL, POWER, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import (
    DEMO_NODES,
    demo_rack,
    inventory_of,
    new_rack,
)
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site


def hosts_of(inventory: dict[str, Any]) -> dict[str, dict[str, Any]]:
    hosts: dict[str, dict[str, Any]] = inventory["bcm_nodes"]["hosts"]
    return hosts


class TestPreflight:
    """node001 to node003 are registered already; the inventory is wrong in every way at once."""

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        rack = new_rack(8, devices=["node001", "node002", "node003"])
        inventory = yaml.safe_load(inventory_of(rack))
        hosts = hosts_of(inventory)
        del hosts["node002"]
        hosts["other-name"] = hosts.pop("node003")
        hosts["node001"]["bcm_mac"] = "02:00:00:00:77:77"
        hosts["node004"].update(bcm_category="no-category", bcm_software_image="no-image")
        hosts["node005"]["bcm_management_network"] = "no-network"
        hosts["node006"]["bcm_mac"] = hosts["node007"]["bcm_mac"].lower().replace(":", "-")
        hosts["node006"]["bcm_bmc_ip"] = hosts["node007"]["bcm_bmc_ip"]
        hosts["node008"]["bcm_management_ip"] = hosts["node007"]["bcm_management_ip"]
        hosts["bad_name"] = {**hosts["node008"], "bcm_mac": "not-a-mac", "bcm_management_ip": "10.141.9.1"}
        hosts["bad_name"]["bcm_bmc_ip"] = "10.148.9.1"
        hosts["node004.example.com"] = {**hosts["bad_name"], "bcm_mac": "02:00:00:00:88:88"}
        hosts["bcm-head"] = {**hosts["bad_name"], "bcm_mac": "02:00:00:00:99:99"}
        inventory["elsewhere"] = {"hosts": {"node008": {}}}
        return open_class_site(rack, inventory=yaml.safe_dump(inventory))

    @pytest.fixture(scope="class")
    @staticmethod
    def run(where: Site) -> Run:
        before = where.rack.head_node.everything()
        category = {"name": "new-category", "software_image": "another-missing-image"}
        run: Run = where.ansible.play("provision", variables={**PARALLEL, "bcm_categories": [category]})
        assert where.rack.mutating_calls() == []
        assert where.rack.head_node.everything() == before
        return run

    def test_the_run_fails_at_the_preflight_before_any_change(self, run: Run) -> None:
        assert run.rc != 0
        assert len(run.failures) == 1
        assert run.failures[0].startswith("nothing was changed, ")

    @pytest.mark.parametrize(
        "parts",
        [
            ("node004:", "no-image", "default-image"),
            ("node004:", "no-category", "default"),
            ("node005:", "no-network", "internalnet"),
            ("category new-category:", "another-missing-image"),
            ("duplicate hostname node004", "node004, node004"),
            ("duplicate MAC address 02:00:00:00:00:07", "node006", "node007"),
            ("duplicate BMC IP address 10.148.0.7", "node006", "node007"),
            ("duplicate IP address 10.141.0.7", "node007", "node008"),
            ("other-name:", "MAC address 02:00:00:00:00:03 belongs to device node003"),
            ("node001:", "BCM knows it with MAC address 02:00:00:00:00:01", "bcm_allow_mac_change"),
            ("bcm-head:", "belongs to a HeadNode"),
            ("bad_name:", "is not a host name BCM takes"),
            ("bad_name:", "not a MAC address"),
        ],
        ids=" ".join,
    )
    def test_each_problem_is_named(self, run: Run, parts: tuple[str, ...]) -> None:
        task = run.of("bcm_prepare")[0]
        assert [problem for problem in task.result["problems"] if all(part in problem for part in parts)]

    @pytest.mark.parametrize(
        ("playbook", "target"),
        [
            ("provision", "no_such_group"),
            ("provision", "bcm_nodes:&no_such_group"),
            ("status", "no_such_group"),
            *((playbook, "") for playbook in ("preflight", "provision", "reprovision", "power", "status")),
        ],
    )
    def test_an_unknown_or_empty_target_fails_instead_of_meaning_all(
        self, where: Site, playbook: str, target: str
    ) -> None:
        run = where.ansible.play(playbook, variables={**POWER, "bcm_target": target})

        assert run.rc != 0
        assert "An empty set never means all nodes" in run.failures[0]
        assert where.rack.mutating_calls() == []

    @pytest.mark.parametrize("playbook", ["preflight", "provision", "reprovision", "power", "status"])
    def test_nodes_of_several_head_nodes_are_refused_with_their_list(self, playbook: str, where: Site) -> None:
        inventory = yaml.safe_load((where.directory / "inventory.yml").read_text(encoding="utf-8"))
        # The others have theirs from the environment.
        hosts_of(inventory)["node005"]["bcm_connection"] = {"head_node": "bcm-west"}
        file = where.directory / "several.yml"
        file.write_text(yaml.safe_dump(inventory), encoding="utf-8")

        run = where.ansible.play(
            playbook, "--inventory", str(file), variables={**POWER, "bcm_power_action": "power_on"}
        )

        assert run.rc != 0
        assert "have one head node" in run.failures[0]
        assert "127.0.0.1:" in run.failures[0]
        assert "bcm-west:" in run.failures[0]
        assert where.rack.mutating_calls() == []

    def test_a_password_of_a_category_is_never_printed(self, where: Site) -> None:
        inventory = yaml.safe_load((where.directory / "inventory.yml").read_text(encoding="utf-8"))
        settings = {"username": "admin", "password": "Secret-Of-A-Category"}
        # Not by -e, which ansible-playbook itself prints at this verbosity.
        inventory["bcm_nodes"]["vars"]["bcm_categories"] = [{"name": "default", "bmc_settings": settings}]
        file = where.directory / "category.yml"
        file.write_text(yaml.safe_dump(inventory), encoding="utf-8")

        run = where.ansible.play(
            "provision", "-vvvv", "--diff", "--check", "--limit", "node007", "--inventory", str(file)
        )

        assert "TASK [Check, claim, register and decide]" in run.output
        assert "Secret-Of-A-Category" not in run.output

    def test_power_is_not_guessed_and_has_its_ceiling(self, where: Site) -> None:
        unsaid = where.ansible.play("power", variables=POWER)
        many = where.ansible.play(
            "power",
            "--limit",
            "node001",
            variables={**POWER, "bcm_power_action": "power_on", "bcm_max_nodes": 0},
        )

        assert "Say what to do" in unsaid.failures[0]
        assert "max_nodes 0" in many.failures[0]
        assert where.rack.mutating_calls() == []


class TestNodesThatOthersInstalled:
    """All five nodes are registered in the category default, and UP, before the first run of this collection."""

    OLD = "default-image"
    NEW = "ubuntu-22.04-nvidia-535"

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        rack = demo_rack(devices="all", power=True)
        inventory = yaml.safe_load(inventory_of(rack))
        return open_class_site(rack, inventory=yaml.safe_dump(inventory))

    @pytest.fixture(scope="class")
    @staticmethod
    def runs(where: Site) -> dict[str, Run]:
        """Leave alone, refuse, adopt, and then take over, in this order."""
        category = [{"name": "default", "software_image": TestNodesThatOthersInstalled.NEW}]
        change = {**PARALLEL, "bcm_power_action": "power_cycle", "bcm_categories": category}
        limit = ("--limit", "dgx-05,cpu-06")
        runs = {"unrecorded": where.ansible.play("provision", variables=PARALLEL)}
        where.rack.forget_calls()
        runs["refused"] = where.ansible.play("provision", *limit, variables=change)
        runs["checked"] = where.ansible.play("provision", "--check", variables={**PARALLEL, "bcm_adopt": True})
        assert where.rack.mutating_calls() == []
        runs["adopted"] = where.ansible.play("provision", variables={**FAST, "bcm_adopt": True})
        runs["recorded"] = where.ansible.play("provision", variables=PARALLEL)
        allowed = {**change, "bcm_allow_category_change": True}
        runs["allowed"] = where.ansible.play("provision", *limit, variables=allowed)
        return runs

    def test_an_up_node_without_a_record_is_left_alone_as_unrecorded(self, runs: dict[str, Run]) -> None:
        run = runs["unrecorded"]
        assert run.rc == 0, run.output
        assert sorted(run.summary["skipped_nodes"]) == sorted(DEMO_NODES)
        assert {row["message"].split(":")[0] for row in run.rows.values()} == {"unrecorded"}

    def test_a_category_change_that_hits_nodes_outside_the_run_is_refused_with_their_names(
        self, runs: dict[str, Run]
    ) -> None:
        run = runs["refused"]
        assert run.rc != 0
        assert "dgx-06" in run.failures[0]
        assert "cpu-03" in run.failures[0]
        assert "cpu-05" in run.failures[0]
        assert "dgx-05" not in run.failures[0]
        assert "bcm_allow_category_change" in run.failures[0]

    def test_adopting_records_what_is_there_and_powers_nothing(self, runs: dict[str, Run]) -> None:
        assert runs["checked"].actions == dict.fromkeys(DEMO_NODES, "adopt")
        assert runs["adopted"].actions == runs["checked"].actions
        assert runs["adopted"].rc == 0, runs["adopted"].output
        assert runs["adopted"].summary["successful"] == 5

    def test_adopted_nodes_need_nothing_afterwards(self, runs: dict[str, Run]) -> None:
        assert runs["recorded"].changed_tasks == []
        assert runs["recorded"].actions == dict.fromkeys(DEMO_NODES, "nothing")

    def test_an_allowed_category_change_restarts_only_the_nodes_of_the_run(
        self, runs: dict[str, Run], where: Site
    ) -> None:
        assert runs["allowed"].rc == 0, runs["allowed"].output
        running = where.rack.images()
        assert {name for name, image in running.items() if image == self.NEW} == {"dgx-05", "cpu-06"}
        # They were asked to restart.
        assert set(where.rack.power_operations().values()) == {0}
        boots = {name: machine["boots"] for name, machine in where.rack.nodes().items()}
        assert boots == {name: int(name in ("dgx-05", "cpu-06")) for name in DEMO_NODES}


class TestPower:
    """All five nodes are UP."""

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        site: Site = open_class_site(demo_rack(devices="all", power=True))
        return site

    @pytest.fixture(scope="class")
    @staticmethod
    def runs(where: Site) -> dict[str, Run]:
        def power(action: str, *options: str, **variables: Any) -> Run:
            run: Run = where.ansible.play(
                "power", *options, variables={**POWER, "bcm_power_action": action, **variables}
            )
            return run

        runs = {"without leave": power("power_off", bcm_enable_power_action=False), "up": power("power_off")}
        runs["checked"] = power("power_off", "--check", "--diff", bcm_allow_up=True)
        assert where.rack.mutating_calls() == []
        runs["off"] = power("power_off", "--limit", "dgx-05,dgx-06", bcm_allow_up=True)
        runs["off again"] = power("power_off", "--limit", "dgx-05,dgx-06", bcm_allow_up=True)
        where.rack.let_pass(60)
        runs["status"] = where.ansible.play("status", variables={"bcm_report_path": str(where.directory / "r.json")})
        where.rack.break_something("power_fails", node="dgx-06", message="BMC is dead")
        runs["on"] = power("power_on")
        where.rack.repair()
        return runs

    def test_nothing_is_powered_without_leave(self, runs: dict[str, Run]) -> None:
        assert runs["without leave"].rc != 0
        assert "bcm_enable_power_action" in runs["without leave"].failures[0]

    def test_up_nodes_are_not_switched_off_unless_that_is_meant(self, runs: dict[str, Run]) -> None:
        assert runs["up"].rc != 0
        assert "nodes that are UP: dgx-05, dgx-06, cpu-03, cpu-05, cpu-06" in runs["up"].failures[0]

    def test_a_check_says_what_would_be_switched_off(self, runs: dict[str, Run]) -> None:
        nodes = runs["checked"].of("bcm_power")[0].result["nodes"]
        assert {name: node["action"] for name, node in nodes.items()} == dict.fromkeys(DEMO_NODES, "off")

    def test_off_reaches_only_the_nodes_of_the_limit(self, runs: dict[str, Run]) -> None:
        assert runs["off"].rc == 0, runs["off"].output
        assert set(runs["off"].of("bcm_power")[0].result["nodes"]) == {"dgx-05", "dgx-06"}

    def test_off_twice_changes_nothing(self, runs: dict[str, Run]) -> None:
        assert runs["off again"].rc == 0, runs["off again"].output
        assert runs["off again"].changed_tasks == []

    def test_the_status_distinguishes_nodes_that_are_off_from_those_that_are_up(self, runs: dict[str, Run]) -> None:
        assert runs["status"].rc == 0, runs["status"].output
        states = {name: row["state"] for name, row in runs["status"].rows.items()}
        assert states == {name: "powered_off" if name.startswith("dgx") else "active" for name in DEMO_NODES}
        assert runs["status"].changed_tasks == []

    def test_a_broken_bmc_fails_its_node_and_no_other(self, runs: dict[str, Run], where: Site) -> None:
        assert runs["on"].failed_hosts == ["dgx-06"]
        assert any("BMC is dead" in message for message in runs["on"].failures)
        powers = {name: node["power"] for name, node in where.rack.nodes().items()}
        assert powers == {name: "OFF" if name == "dgx-06" else "ON" for name in DEMO_NODES}


class TestAHeadNodeThatIsNotReady:
    """Its BCM is too old, its licence has ended, its certificate is about to, and its network has no range for DHCP."""

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        where = open_class_site(demo_rack(reported_version="9.2", licence_days=-3, certificate_days=20))
        network = next(raw for raw in where.rack.head_node.call("cmnet", "getNetworks") if raw["name"] == "dgxnet")
        changed = {**network, "dynamicRangeStart": "0.0.0.0", "domainName": ""}
        assert where.rack.head_node.call("cmnet", "updateNetwork", changed, False)["success"]
        where.rack.forget_calls()
        return where

    @pytest.fixture(scope="class")
    @staticmethod
    def run(where: Site) -> Run:
        run: Run = where.ansible.play("provision", variables=POWER)
        assert where.rack.mutating_calls() == []
        return run

    @pytest.mark.parametrize(
        "problem",
        [
            "the head node runs BCM 9.2; this collection needs BCM 10 or newer",
            "the licence of the cluster ended 3 days ago; renew it first",
        ],
    )
    def test_the_run_is_refused_for_what_can_not_work(self, run: Run, problem: str) -> None:
        assert run.rc != 0
        assert problem in run.of("bcm_prepare")[0].result["problems"]

    @pytest.mark.parametrize(
        "remark",
        [
            "the certificate of the head node ends in 19 days",
            "has no domain, so that its nodes are not in DNS",
            "has no dynamic range: a node that BCM does not know by its MAC address gets no address",
        ],
    )
    def test_what_gets_urgent_or_is_odd_is_told(self, run: Run, remark: str) -> None:
        remarks = run.of("bcm_prepare")[0].result["remarks"]
        assert [text for text in remarks if remark in text]

    def test_a_certificate_that_ends_soon_is_a_warning_on_screen(self, run: Run) -> None:
        assert "the certificate of the head node ends in 19 days" in " ".join(run.output.split())


def test_a_provisioning_node_without_the_image_ends_the_run(open_site: OpenSite) -> None:
    where = open_site(demo_rack())
    head_node = where.rack.head_node
    head = next(raw for raw in head_node.call("cmdevice", "getDevices") if raw["childType"] == "HeadNode")
    images = {raw["name"]: raw["uuid"] for raw in head_node.call("cmpart", "getSoftwareImages")}
    for role in head["roles"]:
        if role["childType"] == "ProvisioningRole":
            role.update(allImages="NO", localImages=[images["ubuntu-22.04-nvidia-550"]])
    assert head_node.call("cmdevice", "updateDevice", head, False)["success"]

    run = where.ansible.play("preflight")

    assert run.rc != 0
    assert "no provisioning node has software image 'default-image'" in run.failures[0]
    assert "no provisioning node has software image 'ubuntu-22.04-nvidia-535'" in run.failures[0]


class TestPowerOff:
    """All five nodes are UP; of four that are switched off, one does not shut down, and one takes too long."""

    DEAF, SLOW = "dgx-06", "cpu-03"
    NAMES = ("dgx-05", "dgx-06", "cpu-03", "cpu-05")

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        where: Site = open_class_site(demo_rack(devices="all", power=True))
        where.rack.break_something("daemon_ignores", node=TestPowerOff.DEAF)
        # A hundred real seconds.
        where.rack.break_something("shutdown_slow", node=TestPowerOff.SLOW, seconds=60_000)
        return where

    @pytest.fixture(scope="class")
    @staticmethod
    def runs(where: Site) -> dict[str, Run]:
        def power_off(names: Iterable[str], *options: str, **variables: Any) -> Run:
            leave = {"bcm_power_action": "power_off", "bcm_allow_up": True, "bcm_graceful_timeout": 4}
            limit = ("--limit", ",".join(names))
            run: Run = where.ansible.play("power", *limit, *options, variables={**POWER, **leave, **variables})
            return run

        checked = power_off(TestPowerOff.NAMES, "--check")
        assert where.rack.mutating_calls() == []
        where.rack.forget_calls()
        off = power_off(TestPowerOff.NAMES)
        assert where.rack.call_counts()["pshutdown"] == 1
        return {"checked": checked, "off": off, "hard": power_off(["cpu-06"], bcm_restart="hard")}

    def test_nodes_shut_down_and_only_those_that_do_not_are_cut(self, runs: dict[str, Run], where: Site) -> None:
        run = runs["off"]
        assert run.rc == 0, run.output
        nodes = run.of("bcm_power")[0].result["nodes"]
        stubborn = {self.DEAF, self.SLOW}
        assert {name: node["off_by"] for name, node in nodes.items()} == {
            name: "cut" if name in stubborn else "shutdown" for name in self.NAMES
        }
        # A shutdown is no power operation.
        assert {name for name, count in where.rack.power_operations().items() if count} == {*stubborn, "cpu-06"}
        assert {node["power"] for node in where.rack.nodes().values()} == {"OFF"}

    def test_progress_is_printed_while_nodes_shut_down(self, runs: dict[str, Run]) -> None:
        output = runs["off"].output
        assert "Asked to shut down, power is cut after 4 s: dgx-05, dgx-06, cpu-03, cpu-05" in output
        assert "Did not shut down in time, power is cut: " in output

    def test_a_check_asks_nobody_to_shut_down(self, runs: dict[str, Run]) -> None:
        nodes = runs["checked"].of("bcm_power")[0].result["nodes"]
        assert {name: (node["action"], node["off_by"]) for name, node in nodes.items()} == dict.fromkeys(
            self.NAMES, ("off", None)
        )

    def test_hard_cuts_at_once(self, runs: dict[str, Run]) -> None:
        assert runs["hard"].rc == 0, runs["hard"].output
        assert runs["hard"].of("bcm_power")[0].result["nodes"]["cpu-06"]["off_by"] == "cut"
        assert "Asked to shut down" not in runs["hard"].output
