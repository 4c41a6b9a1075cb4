# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories of whole clusters: first provisioning, another image, and the variants of head nodes and connections."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import (
    EXAMPLE_INVENTORY,
    FAST,
    PARALLEL,
    POWER,
    Run,
)
from ansible_collections.baremetal.bcm.tests.integration.support.rack import DEMO_NODES, Rack, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

SECRETS = ("demo-bmc-password", "demo-head-node")
NEW_IMAGE = "ubuntu-22.04-nvidia-550"
CATEGORY_IMAGES = {
    "dgx-05": "ubuntu-22.04-nvidia-535",
    "dgx-06": "ubuntu-22.04-nvidia-535",
    "cpu-03": "default-image",
    "cpu-05": "default-image",
    "cpu-06": "default-image",
}


@dataclass(frozen=True)
class Moment:
    """A run, and what was true of the rack right after it."""

    run: Run
    mutating: list[str]
    states: dict[str, str | None]
    images: dict[str, str | None]
    power_operations: dict[str, int]
    devices: dict[str, dict[str, Any]]
    call_log: list[dict[str, Any]]


def moment(where: Site, playbook: str, *options: str, **arguments: Any) -> Moment:
    """Run a playbook and read the state of the rack."""
    where.rack.forget_calls()
    run = where.ansible.play(playbook, *options, **arguments)
    return look(where.rack, run)


def look(rack: Rack, run: Run) -> Moment:
    return Moment(
        run=run,
        mutating=rack.mutating_calls(),
        call_log=rack.call_log(),
        states=rack.states(),
        images=rack.images(),
        power_operations=rack.power_operations(),
        devices=rack.head_node.devices(),
    )


def outline(run: Run) -> list[tuple[str, bool]]:
    """Give what each module said about change, in order."""
    return [(task.module, task.changed) for task in run.tasks if task.status != "skipped"]


def diffs(run: Run) -> list[tuple[str, Any]]:
    """Give the diff of each module that shows one, in order."""
    return [(task.module, task.result["diff"]) for task in run.tasks if task.result.get("diff")]


def expect_the_same(checked: Run, done: Run) -> None:
    """Check that a check announced exactly what the run did: actions, changes, diffs and recap."""
    assert done.actions == checked.actions
    assert outline(done) == outline(checked)
    assert diffs(done) == diffs(checked)
    assert done.recap == checked.recap


def identity(devices: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give what no installation may change."""
    kept = ("uuid", "hostname", "mac", "category", "interfaces", "bmcSettings", "powerControl", "provisioningInterface")
    return {name: {key: devices[name][key] for key in kept} for name in DEMO_NODES}


def inventory_rows() -> dict[str, dict[str, Any]]:
    """Give what the example's inventory says of every node, in a report's words."""
    groups = yaml.safe_load((EXAMPLE_INVENTORY / "hosts.yml").read_text(encoding="utf-8"))["bcm_nodes"]["children"]
    rows = {}
    for group, members in groups.items():
        shared = yaml.safe_load((EXAMPLE_INVENTORY / "group_vars" / group / "main.yml").read_text(encoding="utf-8"))
        for name, own in members["hosts"].items():
            node = {**shared, **own}
            rows[name] = {
                "mac": node["bcm_mac"],
                "ip": node["bcm_management_ip"],
                "bmc_ip": node["bcm_bmc_ip"],
                "category": node["bcm_category"],
                "roles": sorted(node["bcm_labels"]),
            }
    return rows


@dataclass(frozen=True)
class Story:
    """A cluster from its first day to another image."""

    checked: Moment
    first: Moment
    again: Moment
    rechecked: Moment
    reinstalled: Moment
    reinstalled_again: Moment
    report: dict[str, Any]


@pytest.mark.meets_ansible
class TestSequential:
    @pytest.fixture(scope="class")
    @staticmethod
    def story(open_class_site: OpenSite, tmp_path_factory: pytest.TempPathFactory) -> Story:
        where = open_class_site(demo_rack())
        report = tmp_path_factory.mktemp("report") / "new" / "report.json"
        reported = {**POWER, "bcm_report_path": str(report)}
        stats = {"ANSIBLE_SHOW_CUSTOM_STATS": "1"}
        another = {**PARALLEL, "bcm_software_image": NEW_IMAGE}
        checked = moment(where, "provision", "--check", "--diff", variables=reported)
        assert not report.exists(), "a check wrote the report"
        first = moment(where, "provision", "--diff", "-vvvv", variables=reported, environment=stats)
        return Story(
            checked=checked,
            first=first,
            report=json.loads(report.read_text(encoding="utf-8")),
            again=moment(where, "provision", variables=POWER),
            rechecked=moment(where, "reprovision", "--check", "--diff", variables=another),
            reinstalled=moment(where, "reprovision", "--diff", variables=another),
            reinstalled_again=moment(where, "reprovision", variables=another),
        )

    def test_a_check_of_the_empty_rack_shows_what_would_be_created(self, story: Story) -> None:
        assert story.checked.run.rc == 0, story.checked.run.output
        for name in (*DEMO_NODES, "dgx-worker", "control-plane"):
            assert re.search(rf"^\+\+\+ after: .*{name}", story.checked.run.output, re.MULTILINE), name

    def test_a_check_sends_no_mutating_call(self, story: Story) -> None:
        assert story.checked.mutating == []
        assert story.checked.power_operations == dict.fromkeys(DEMO_NODES, 0)
        assert not set(DEMO_NODES) & set(story.checked.devices)

    def test_a_check_says_exactly_what_the_run_then_did(self, story: Story) -> None:
        assert story.checked.run.actions == dict.fromkeys(DEMO_NODES, "power_on")
        expect_the_same(story.checked.run, story.first.run)

    def test_every_node_comes_up_with_the_image_of_its_category(self, story: Story) -> None:
        assert story.first.run.rc == 0, story.first.run.output
        assert story.first.states == dict.fromkeys(DEMO_NODES, "UP")
        assert story.first.images == CATEGORY_IMAGES
        assert story.first.power_operations == dict.fromkeys(DEMO_NODES, 1)

    def test_never_are_two_nodes_in_flight_and_their_order_is_that_of_the_inventory(self, story: Story) -> None:
        names = {device["uuid"]: name for name, device in story.first.devices.items()}
        steps = []
        for call in story.first.call_log:
            if call["operation"] == "ON":
                steps += [("on", names[uuid]) for uuid in call["args"][0]["devices"]]
            elif call["call"] == "updateDevice":
                entity = call["args"][0]
                if entity["extra_values"].get("baremetal_provisioned_digest"):
                    steps.append(("recorded", entity["hostname"]))

        assert steps == [(step, name) for name in DEMO_NODES for step in ("on", "recorded")]

    def test_the_report_has_name_addresses_category_and_verdict_of_every_node(self, story: Story) -> None:
        rows = story.report["nodes"]
        assert list(story.first.run.rows) == list(DEMO_NODES)
        assert {name: {**row, "timeline": rows[name]["timeline"]} for name, row in story.first.run.rows.items()} == rows
        columns = ("mac", "ip", "bmc_ip", "category", "roles")
        assert {name: {key: row[key] for key in columns} for name, row in rows.items()} == inventory_rows()
        assert {name: row["uuid"] for name, row in rows.items()} == {
            name: story.first.devices[name]["uuid"] for name in DEMO_NODES
        }
        for key, value in {"requested": True, "found": True, "state": "active", "outcome": "successful"}.items():
            assert {name: row[key] for name, row in rows.items()} == dict.fromkeys(DEMO_NODES, value)

    def test_the_summary_counts_and_names_the_nodes(self, story: Story) -> None:
        summary = story.report["provisioning_summary"]
        assert summary == story.first.run.summary
        assert (summary["total"], summary["successful"], summary["failed"]) == (5, 5, 0)
        assert summary["successful_nodes"] == list(DEMO_NODES)

    def test_the_job_gets_the_report_as_statistics(self, story: Story) -> None:
        stats = story.first.run.output.rpartition("CUSTOM STATS")[2]
        left = json.loads(stats[stats.index("{") :])
        report, rows = story.first.run.report, story.report["nodes"]
        assert left["provisioning_summary"] == report["provisioning_summary"]
        assert left["provisioning_run"] == report["run"]
        assert left["node_status"] == report["nodes"]
        assert left["node_ips"] == {name: row["ip"] for name, row in rows.items()}
        assert left["node_bmc_ips"] == {name: row["bmc_ip"] for name, row in rows.items()}
        assert left["device_ids"] == {name: row["uuid"] for name, row in rows.items()}

    def test_no_secret_is_printed_returned_or_reported_even_at_the_highest_verbosity(self, story: Story) -> None:
        texts = [story.first.run.output, story.checked.run.output, json.dumps(story.report)]
        texts += [json.dumps(task.result) for task in story.first.run.tasks]
        assert [secret for secret in SECRETS if any(secret in text for text in texts)] == []

    def test_the_second_run_changes_nothing_and_powers_nothing(self, story: Story) -> None:
        assert story.again.run.rc == 0, story.again.run.output
        assert story.again.run.changed_tasks == []
        assert story.again.mutating == []
        assert story.again.devices == story.first.devices
        assert story.again.run.actions == dict.fromkeys(DEMO_NODES, "nothing")

    def test_a_check_of_another_image_says_what_the_run_then_did(self, story: Story) -> None:
        assert story.rechecked.mutating == []
        assert story.rechecked.run.actions == dict.fromkeys(DEMO_NODES, "reprovision")
        expect_the_same(story.rechecked.run, story.reinstalled.run)

    def test_another_image_is_installed_on_every_node(self, story: Story) -> None:
        assert story.reinstalled.run.rc == 0, story.reinstalled.run.output
        assert story.reinstalled.states == dict.fromkeys(DEMO_NODES, "UP")
        assert story.reinstalled.images == dict.fromkeys(DEMO_NODES, NEW_IMAGE)

    def test_another_image_leaves_the_identity_of_every_node_as_it_was(self, story: Story) -> None:
        assert identity(story.reinstalled.devices) == identity(story.first.devices)

    def test_the_same_image_again_does_nothing(self, story: Story) -> None:
        assert story.reinstalled_again.run.rc == 0, story.reinstalled_again.run.output
        assert story.reinstalled_again.run.changed_tasks == []
        assert story.reinstalled_again.mutating == []
        assert story.reinstalled_again.power_operations == story.reinstalled.power_operations


class TestParallelOnALenientHeadNodeWithBulkCalls:
    """BCM 11, where fields that an update leaves out keep their value."""

    @pytest.fixture(scope="class")
    @staticmethod
    def moments(open_class_site: OpenSite) -> dict[str, Moment]:
        where = open_class_site(demo_rack(update_mode="lenient"))
        bulk = {"bcm_bulk_calls": "auto"}
        limited = moment(where, "provision", "--limit", "dgx-06", variables={**FAST, **bulk})
        unpowered = moment(where, "provision", variables={**FAST, **bulk, "bcm_provisioning_mode": "parallel"})
        checked = moment(where, "provision", "--check", "--diff", variables={**PARALLEL, **bulk})
        first = moment(where, "provision", "--diff", variables={**PARALLEL, **bulk})
        again = moment(where, "provision", variables={**PARALLEL, **bulk})
        return {"limited": limited, "unpowered": unpowered, "checked": checked, "first": first, "again": again}

    def test_a_limit_concerns_only_the_nodes_it_names(self, moments: dict[str, Moment]) -> None:
        limited = moments["limited"]
        assert limited.run.rc == 0, limited.run.output
        assert set(limited.devices) & set(DEMO_NODES) == {"dgx-06"}
        assert limited.run.summary["total"] == 1

    def test_nothing_is_powered_without_leave(self, moments: dict[str, Moment]) -> None:
        unpowered = moments["unpowered"]
        assert unpowered.run.rc == 0, unpowered.run.output
        assert unpowered.power_operations == dict.fromkeys(DEMO_NODES, 0)
        assert set(DEMO_NODES) <= set(unpowered.devices)
        assert unpowered.run.summary["pending_nodes"] == list(DEMO_NODES)

    def test_all_nodes_get_power_in_one_call(self, moments: dict[str, Moment]) -> None:
        first = moments["first"]
        assert [len(call["args"][0]["devices"]) for call in first.call_log if call["operation"] == "ON"] == [5]
        assert first.power_operations == dict.fromkeys(DEMO_NODES, 1)

    def test_what_is_written_travels_in_bulk(self, moments: dict[str, Moment]) -> None:
        assert "addDevice" not in moments["unpowered"].mutating
        assert "addDevices" in moments["unpowered"].mutating
        assert "updateDevice" not in moments["first"].mutating
        assert "updateDevices" in moments["first"].mutating

    def test_every_node_comes_up_with_the_image_of_its_category(self, moments: dict[str, Moment]) -> None:
        first = moments["first"]
        assert first.run.rc == 0, first.run.output
        assert first.states == dict.fromkeys(DEMO_NODES, "UP")
        assert first.images == CATEGORY_IMAGES

    def test_a_check_says_exactly_what_the_run_then_did(self, moments: dict[str, Moment]) -> None:
        assert moments["checked"].mutating == []
        assert moments["checked"].run.actions == dict.fromkeys(DEMO_NODES, "power_on")
        expect_the_same(moments["checked"].run, moments["first"].run)

    def test_the_second_run_changes_nothing(self, moments: dict[str, Moment]) -> None:
        assert moments["again"].run.rc == 0, moments["again"].run.output
        assert moments["again"].run.changed_tasks == []
        assert moments["again"].mutating == []


class TestBcm10WithAClientCertificateAndRefusedBulkCalls:
    """BCM 10, where an update replaces the whole object; runs log in by certificate."""

    @pytest.fixture(scope="class")
    @staticmethod
    def moments(open_class_site: OpenSite) -> dict[str, Moment]:
        where = open_class_site(demo_rack(version="10", bulk_calls=False))
        directory = where.rack.directory
        certificate = {
            "BCM_USERNAME": "",
            "BCM_PASSWORD": "",
            "BCM_CLIENT_CERT": str(directory / "admin.pem"),
            "BCM_CLIENT_KEY": str(directory / "admin.key"),
        }
        variables = PARALLEL
        first = moment(where, "provision", variables=variables, environment=certificate)
        return {"first": first, "again": moment(where, "provision", variables=variables, environment=certificate)}

    def test_every_node_comes_up_by_single_calls(self, moments: dict[str, Moment]) -> None:
        first = moments["first"]
        assert first.run.rc == 0, first.run.output
        assert first.states == dict.fromkeys(DEMO_NODES, "UP")
        assert first.images == CATEGORY_IMAGES
        assert {"addDevice", "updateDevice"} <= set(first.mutating)

    def test_no_run_logged_in_with_a_password(self, moments: dict[str, Moment]) -> None:
        assert [call for call in moments["first"].call_log if call["call"] == "login"] == []

    def test_the_second_run_changes_nothing(self, moments: dict[str, Moment]) -> None:
        assert moments["again"].run.rc == 0, moments["again"].run.output
        assert (moments["again"].run.changed_tasks, moments["again"].mutating) == ([], [])


class TestLenientBcm10WithACertificateThatCarriesOtherNames:
    @pytest.fixture(scope="class")
    @staticmethod
    def moments(open_class_site: OpenSite) -> dict[str, Moment]:
        rack = demo_rack(version="10", update_mode="lenient", tls_names="mismatch")
        where = open_class_site(rack)
        environment = {"BCM_TLS_SERVER_NAME": "somewhere-else.invalid"}
        return {
            "unnamed": moment(where, "preflight"),
            "first": moment(where, "provision", variables=PARALLEL, environment=environment),
            "again": moment(where, "provision", variables=PARALLEL, environment=environment),
        }

    def test_without_the_name_nothing_is_sent_and_the_error_says_how_to_give_it(
        self, moments: dict[str, Moment]
    ) -> None:
        unnamed = moments["unnamed"]
        assert unnamed.run.rc != 0
        assert "tls_server_name" in unnamed.run.failures[0]
        assert unnamed.call_log == [] or {call["call"] for call in unnamed.call_log} <= {"login", "getDevices"}

    def test_with_the_name_every_node_comes_up(self, moments: dict[str, Moment]) -> None:
        first = moments["first"]
        assert first.run.rc == 0, first.run.output
        assert first.states == dict.fromkeys(DEMO_NODES, "UP")
        assert first.images == CATEGORY_IMAGES

    def test_the_second_run_changes_nothing(self, moments: dict[str, Moment]) -> None:
        assert moments["again"].run.rc == 0, moments["again"].run.output
        assert (moments["again"].run.changed_tasks, moments["again"].mutating) == ([], [])


class TestOtherKernelParametersOfACategory:
    """The restart that follows is announced by a check, recap included."""

    @pytest.fixture(scope="class")
    @staticmethod
    def moments(open_class_site: OpenSite) -> dict[str, Moment]:
        where = open_class_site(demo_rack())
        first = moment(where, "provision", variables=PARALLEL)
        assert first.run.rc == 0, first.run.output
        category = {"name": "dgx-worker", "kernel_parameters": "iommu=pt"}
        variables = {**POWER, "bcm_power_action": "power_cycle", "bcm_categories": [category]}
        checked = moment(where, "provision", "--check", "--diff", variables=variables)
        changed = moment(where, "provision", "--diff", variables=variables)
        return {"checked": checked, "changed": changed, "again": moment(where, "provision", variables=variables)}

    def test_the_check_sends_no_mutating_call(self, moments: dict[str, Moment]) -> None:
        assert moments["checked"].mutating == []

    def test_the_members_are_restarted_and_no_other_node(self, moments: dict[str, Moment]) -> None:
        assert moments["changed"].run.rc == 0, moments["changed"].run.output
        actions = moments["changed"].run.actions
        assert {name for name, action in actions.items() if action == "restart"} == {"dgx-05", "dgx-06"}
        assert set(actions.values()) == {"restart", "nothing"}

    def test_a_check_says_exactly_what_the_run_then_did(self, moments: dict[str, Moment]) -> None:
        expect_the_same(moments["checked"].run, moments["changed"].run)

    def test_the_second_run_changes_nothing(self, moments: dict[str, Moment]) -> None:
        assert moments["again"].run.rc == 0, moments["again"].run.output
        assert (moments["again"].run.changed_tasks, moments["again"].mutating) == ([], [])
