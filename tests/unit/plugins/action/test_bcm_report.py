# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..fake_head_node import PASSWORD, FakeHeadNode, answer
from ..objects import make_bmc_settings, uid
from .acting import Actions

NAMES = ["node001", "node002", "node003", "node404"]


def test_a_report_has_a_row_a_node_a_summary_and_a_table(actions: Actions) -> None:
    report = actions.run("bcm_report", names=NAMES)

    assert list(report["nodes"]) == NAMES
    assert report["nodes"]["node001"]["state"] == "powered_off"
    assert report["nodes"]["node003"]["state"] == "active"
    assert report["provisioning_summary"]["total"] == 4
    assert report["provisioning_summary"]["not_found_nodes"] == ["node404"]
    assert report["changed"] is False
    assert set(report["table"]) <= set(actions.said)


def test_only_nodes_that_are_down_have_their_bmc_asked(actions: Actions, head: FakeHeadNode) -> None:
    actions.run("bcm_report", names=NAMES)
    asked = {uuid for call in head.names("powerOperation") for uuid in call.args[0]["devices"]}

    assert asked == {head.device("node001")["uuid"], head.device("node002")["uuid"]}


def test_power_need_not_be_asked_for(actions: Actions, head: FakeHeadNode) -> None:
    report = actions.run("bcm_report", names=NAMES, include_power=False)

    assert report["nodes"]["node001"]["state"] == "down"
    assert not head.names("powerOperation")


def test_results_of_a_run_are_in_the_report(actions: Actions) -> None:
    result = actions.run("bcm_provision", names=NAMES[:2], enable_power_action=True)

    report = actions.run("bcm_report", names=NAMES[:2], results=result["nodes"])

    assert report["nodes"]["node001"]["outcome"] == "successful"
    assert report["nodes"]["node001"]["message"].startswith("UP after")
    assert report["provisioning_summary"]["successful"] == 2


def test_a_node_without_a_status_is_reported_as_such(actions: Actions, head: FakeHeadNode) -> None:
    head.instead["getStatusForDevices"] = lambda _call: answer([None, None, None])

    report = actions.run("bcm_report", names=NAMES)

    assert report["nodes"]["node001"]["message"] == "no status"


def test_a_node_without_a_bmc_does_not_spoil_the_report(actions: Actions, head: FakeHeadNode) -> None:
    head.device("node001")["powerControl"] = "none"

    report = actions.run("bcm_report", names=["node001"])

    assert report["nodes"]["node001"]["state"] == "down"


def test_the_report_is_written_whole(actions: Actions, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"

    report = actions.run("bcm_report", names=NAMES, path=str(path))

    written = json.loads(path.read_text(encoding="utf-8"))
    assert written == {"nodes": report["nodes"], "provisioning_summary": report["provisioning_summary"]}
    assert [entry.name for entry in path.parent.iterdir()] == ["report.json"]


def test_check_mode_writes_no_report(actions: Actions, tmp_path: Path, head: FakeHeadNode) -> None:
    actions.run("bcm_report", names=NAMES, path=str(tmp_path / "report.json"), check=True)

    assert not list(tmp_path.iterdir())
    assert not head.writes


def test_a_report_that_can_not_be_written_says_where(actions: Actions, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = actions.run("bcm_report", names=NAMES, path=str(tmp_path / "file" / "report.json"))

    assert result["failed"]
    assert f"could not write the report to {tmp_path}/file/report.json" in result["msg"]


def test_nobody_is_an_error(actions: Actions) -> None:
    assert "an empty list never means all" in actions.run("bcm_report", names=[])["msg"]


@pytest.mark.parametrize("names", [NAMES, [*NAMES, "head"]])
def test_a_report_changes_nothing_and_tells_no_secret(names: list[str], actions: Actions, head: FakeHeadNode) -> None:
    head.device("node001")["bmcSettings"] = make_bmc_settings("node001")
    head.categories[uid("category/default")]["bmcSettings"] = make_bmc_settings("default")

    report = actions.run("bcm_report", names=names)

    assert not head.writes
    shown = json.dumps(report) + "\n".join(actions.said)
    assert "bmc-secret" not in shown
    assert PASSWORD not in shown
