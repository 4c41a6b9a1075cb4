# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from typing import Any

import httpx
import pytest

from ..fake_head_node import PASSWORD, FakeHeadNode
from ..objects import make_bmc_settings
from .acting import Actions

NAMES = ["node001", "node002", "node003"]


def test_nodes_are_provisioned_and_the_second_time_left_alone(actions: Actions, head: FakeHeadNode) -> None:
    first = actions.run("bcm_provision", names=NAMES[:2], enable_power_action=True)
    second = actions.run("bcm_provision", names=NAMES[:2], enable_power_action=True)

    assert first["changed"] is True
    assert {node["outcome"] for node in first["nodes"].values()} == {"successful"}
    assert second["changed"] is False
    assert second["diff"] == []
    assert head.operations() == ["ON"]


def test_a_run_speaks_while_it_works(actions: Actions) -> None:
    actions.run("bcm_provision", names=["node001"], enable_power_action=True)

    assert actions.said[0].startswith("Provisioning 1 of 1 node as ")
    assert any("1 node: 1 booting; slots " in line for line in actions.said)
    assert any("1 node: 1 UP" in line for line in actions.said)


def test_nothing_is_powered_without_the_leave_to(actions: Actions, head: FakeHeadNode) -> None:
    result = actions.run("bcm_provision", names=NAMES)

    assert result["changed"] is False
    assert result["nodes"]["node001"]["outcome"] == "pending"
    assert not head.writes


@pytest.mark.parametrize("options", [{"check": True}, {"decide_only": True}])
@pytest.mark.parametrize("action", ["power_on", "power_cycle"])
def test_planning_writes_nothing(options: dict[str, Any], action: str, actions: Actions, head: FakeHeadNode) -> None:
    result = actions.run(
        "bcm_provision", names=NAMES, enable_power_action=True, power_action=action, adopt=True, **options
    )

    assert not head.writes
    assert result["nodes"]["node001"]["action"] == "power_on"


def test_check_mode_tells_the_same_changes_as_the_run(actions: Actions) -> None:
    options: dict[str, Any] = {"names": NAMES, "enable_power_action": True, "adopt": True}

    planned = actions.run("bcm_provision", **options, check=True)
    done = actions.run("bcm_provision", **options)

    assert planned["changed"] == done["changed"]
    assert planned["diff"] == done["diff"]
    assert [entry["after_header"] for entry in done["diff"]] == [
        "provisioning node001 (power_on)",
        "provisioning node002 (power_on)",
        "provisioning node003 (adopt)",
    ]


def test_a_decision_alone_is_printed_and_changes_nothing(actions: Actions) -> None:
    result = actions.run("bcm_provision", names=NAMES, enable_power_action=True, decide_only=True)

    assert result["changed"] is False
    assert len([line for line in actions.said if line.startswith("Plan: ")]) == 3


@pytest.mark.parametrize("fail", [True, False])
def test_one_failing_node_fails_the_task_where_that_is_wanted(fail: bool, actions: Actions, head: FakeHeadNode) -> None:
    head.node("node001").bmc = "refuses"

    result = actions.run("bcm_provision", names=NAMES[:2], enable_power_action=True, fail_on_error=fail)

    assert bool(result.get("failed")) is fail
    assert list(result["failures"]) == ["node001"]
    assert result["nodes"]["node002"]["outcome"] == "successful"
    if fail:
        assert result["msg"].startswith("1 of 2 nodes failed: node001: ")


def test_an_empty_list_of_nodes_is_an_error_never_all(actions: Actions, head: FakeHeadNode) -> None:
    result = actions.run("bcm_provision", names=[], enable_power_action=True)

    assert result["failed"]
    assert "an empty list never means all" in result["msg"]
    assert not head.writes


def test_max_nodes_is_a_ceiling(actions: Actions, head: FakeHeadNode) -> None:
    result = actions.run("bcm_provision", names=NAMES, enable_power_action=True, max_nodes=1)

    assert "2 nodes would be powered, more than max_nodes 1" in result["msg"]
    assert not head.writes


@pytest.mark.parametrize(
    "options", [{"power_action": "power_off"}, {"next_boot_install_mode": "MAIN"}, {"unknown": 1}, {"names": None}]
)
def test_options_that_do_not_exist_are_refused(options: dict[str, Any], actions: Actions, head: FakeHeadNode) -> None:
    result = actions.run("bcm_provision", **{"names": NAMES, **options})

    assert result["failed"] is True
    assert next(iter(options)) in result["msg"]
    assert not head.calls


def test_a_node_that_others_assigned_something_else_since_bcm_devices_is_refused(
    actions: Actions, head: FakeHeadNode
) -> None:
    before = {"image_uuid": "another", "image_name": "old-image", "revision": -1, "disksetup": "d"}

    result = actions.run("bcm_provision", names=["node001"], assignments={"node001": before}, enable_power_action=True)

    assert result["nodes"]["node001"]["action"] == "refuse"
    assert "since this run began with old-image" in result["msg"]
    assert not head.writes


def test_assignments_that_are_no_assignments_are_refused(actions: Actions) -> None:
    result = actions.run("bcm_provision", names=NAMES, assignments={"node001": {"wrong": 1}})

    assert "assignments must be what bcm_devices returned" in result["msg"]


def test_nothing_is_written_once_the_controller_is_gone(
    actions: Actions, head: FakeHeadNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = iter([100, 100])
    monkeypatch.setattr(os, "getppid", lambda: next(parents, 1))

    result = actions.run("bcm_provision", names=NAMES, enable_power_action=True)

    assert "nothing more is changed" in json.dumps(result)
    assert len(head.writes) <= 1
    assert not head.operations()


@pytest.mark.parametrize("text", ["errormessage", "page"])
def test_nothing_that_is_said_or_returned_tells_a_secret(text: str, actions: Actions, head: FakeHeadNode) -> None:
    head.device("node001")["bmcSettings"] = make_bmc_settings("node001")
    good = json.dumps(actions.run("bcm_provision", names=NAMES, enable_power_action=True)) + "\n".join(actions.said)
    body = json.dumps({"errormessage": PASSWORD}) if text == "errormessage" else f"<p>{PASSWORD}"
    head.instead["getDevices"] = lambda _call: httpx.Response(200, text=body)
    bad = json.dumps(actions.run("bcm_provision", names=NAMES)) + "\n".join(actions.said)

    assert '"failed": true' in bad
    for secret in (PASSWORD, "bmc-secret"):
        assert secret not in good + bad
