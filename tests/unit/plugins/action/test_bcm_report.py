# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible.utils.display import Display

from ..fake_head_node import PASSWORD, FakeHeadNode, answer
from ..objects import make_bmc_settings, uid
from .acting import Actions

NAMES = ["node001", "node002", "node003", "node404"]
WORDS = "1763640000 powered:0 booting:12 installer:20 queued:40 installing:100 init:400 up:430"
RESULT: dict[str, Any] = {
    "action": "power_on",
    "reason": "install default-image",
    "outcome": "successful",
    "failed": False,
    "changed": True,
    "message": "UP after 7m00s",
    "status": "UP",
    "phase": "up",
    "image": "default-image",
    "seconds": 420.0,
    "power_sent": ["ON"],
    "started": 1763640000.0,
    "timeline": [
        {"phase": "powered", "at": 0.0, "seconds": 60.0, "message": ""},
        {"phase": "installing", "at": 60.0, "seconds": 360.0, "message": "provisioning"},
        {"phase": "up", "at": 420.0, "seconds": 0.0, "message": ""},
    ],
}
RESULTS = {"node001": RESULT}
RUN = {
    "nodes": 1,
    "slots": 10,
    "provisioning_nodes": 1,
    "admission": "all",
    "max_failures": None,
    "bound_seconds": 400.0,
    "achieved_seconds": 420.0,
    "efficiency": 0.952,
    "durations": {"boot_s": 60.0, "sync_s": 300.0, "init_s": 40.0, "source": "assumed"},
}


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


def test_a_row_has_what_the_head_node_knows_it_by(actions: Actions, head: FakeHeadNode) -> None:
    report = actions.run("bcm_report", names=NAMES)

    device = head.device("node001")
    known, unknown = report["nodes"]["node001"], report["nodes"]["node404"]
    assert (known["found"], known["requested"]) == (True, True)
    assert (known["uuid"], known["mac"]) == (device["uuid"], device["mac"])
    assert (unknown["found"], unknown["requested"], unknown["uuid"], unknown["mac"]) == (False, True, None, None)


def test_addresses_and_identifiers_are_there_by_name_alone(actions: Actions) -> None:
    report = actions.run("bcm_report", names=NAMES)

    for table, column in (("node_ips", "ip"), ("node_bmc_ips", "bmc_ip"), ("device_ids", "uuid")):
        assert report[table] == {name: row[column] for name, row in report["nodes"].items()}


def test_a_node_that_a_run_gave_up_is_failed_afterwards_until_it_is_up(actions: Actions, head: FakeHeadNode) -> None:
    head.node("node001").boot = (("BOOTING", "loading the ramdisk"), ("INSTALLER_FAILED", "no space left"))
    run = actions.run(
        "bcm_provision", names=["node001"], enable_power_action=True, power_action="power_cycle", fail_on_error=False
    )
    head.node("node001").steps = [("DOWN", "")]
    told = actions.run("bcm_report", names=["node001"], results=run["nodes"])["nodes"]["node001"]
    later = actions.run("bcm_report", names=["node001"])["nodes"]["node001"]
    head.node("node001").steps = [("UP", "")]
    up = actions.run("bcm_report", names=["node001"])["nodes"]["node001"]

    assert (told["state"], told["phase"], told["outcome"]) == ("failed", "booting", "failed")
    assert "no space left" in told["message"]
    for key in ("state", "phase", "outcome", "message"):
        assert later[key] == told[key]
    assert (up["state"], up["phase"], up["outcome"]) == ("active", "up", "successful")


def test_power_need_not_be_asked_for(actions: Actions, head: FakeHeadNode) -> None:
    report = actions.run("bcm_report", names=NAMES, include_power=False)

    assert report["nodes"]["node001"]["state"] == "unknown"
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

    assert report["nodes"]["node001"]["state"] == "unknown"


def test_the_report_is_written_whole_with_run_and_phases(actions: Actions, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"

    report = actions.run("bcm_report", names=NAMES, results=RESULTS, run=RUN, path=str(path))

    written = json.loads(path.read_text(encoding="utf-8"))
    phases = {name: node.pop("timeline") for name, node in written["nodes"].items()}
    assert phases["node001"] == RESULTS["node001"]["timeline"] == report["timelines"]["node001"]
    assert phases["node404"] == []
    assert written == {"nodes": report["nodes"], "provisioning_summary": report["provisioning_summary"], "run": RUN}
    assert written["nodes"]["node001"]["started"] == RESULTS["node001"]["started"]
    assert [entry.name for entry in path.parent.iterdir()] == ["report.json"]


def test_a_page_is_written_beside_it(actions: Actions, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.html"

    actions.run("bcm_report", names=NAMES, results=RESULTS, run=RUN, html=str(path))

    page = path.read_text(encoding="utf-8")
    assert "<h1>Provisioning run</h1>" in page
    assert "efficiency 0.95" in page
    assert "Started 2025-11-20 12:00Z" in page
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("option", ["path", "html"])
def test_a_report_is_for_its_owner_only(option: Any, actions: Actions, tmp_path: Path) -> None:
    path = tmp_path / "report"

    actions.run("bcm_report", names=NAMES, **dict[str, Any]({option: str(path)}))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_node_that_came_up_in_the_run_and_is_off_now_has_failed_with_both_in_its_message(actions: Actions) -> None:
    report = actions.run("bcm_report", names=NAMES[:3], results=dict.fromkeys(NAMES[:3], RESULT), run=RUN)

    lost, up = report["nodes"]["node001"], report["nodes"]["node003"]
    assert (lost["state"], lost["status"], lost["power"], lost["phase"]) == ("powered_off", "DOWN", "OFF", "down")
    assert (lost["outcome"], lost["success"], lost["failed"]) == ("failed", False, True)
    assert report["failures"]["node001"] == lost["message"] == "UP after 7m00s in the run, but DOWN now"
    assert report["provisioning_summary"]["failed_nodes"] == NAMES[:2]
    assert (up["state"], up["phase"], up["success"], up["message"]) == ("active", "up", True, "UP after 7m00s")


def test_figures_of_the_run_are_printed_and_handed_on(actions: Actions) -> None:
    report = actions.run("bcm_report", names=NAMES, results=RESULTS, run=RUN)

    assert "Achieved 7m00s, efficiency 0.95; 1.00 is all the slots allow." in actions.said
    assert report["run"] == RUN


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"run": {"nodes": 3}}, "could not read the figures of the run: durations is missing"),
        ({"results": {"node001": {"outcome": "failed"}}}, "could not read the result of node001: "),
        ({"results": {"node001": {**RESULT, "outcome": "done"}}}, "outcome is not a word it can be"),
        ({"results": {"node001": {**RESULT, "timeline": [{}]}}}, "could not read a timeline"),
        ({"results": {"node001": "UP"}}, "could not read the result of node001: it is not a dictionary"),
    ],
)
def test_what_bcm_provision_did_not_return_is_refused(options: dict[str, Any], said: str, actions: Actions) -> None:
    result = actions.run("bcm_report", names=NAMES, **options)

    assert result["failed"]
    assert said in result["msg"]
    assert "bcm_provision" in result["msg"]


def test_without_a_run_the_last_recorded_one_is_shown(actions: Actions, head: FakeHeadNode, tmp_path: Path) -> None:
    head.device("node003")["extra_values"] = {"baremetal_timeline": WORDS, "theirs": "x"}
    head.device("node002")["extra_values"] = {"baremetal_timeline": "<b>nonsense</b>"}

    report = actions.run("bcm_report", names=NAMES, html=str(tmp_path / "report.html"))

    row = report["nodes"]["node003"]
    assert (row["started"], row["seconds"], row["ended"]) == (1763640000.0, 430, "up")
    assert (row["longest_phase"], row["longest_seconds"]) == ("installing", 300)
    assert report["nodes"]["node002"]["started"] is None
    assert list(report["timelines"]) == ["node003"]
    (line,) = [line for line in actions.said if line.startswith("node003")]
    assert "2025-11-20 12:00Z  7m10s  installing 5m00s" in line
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Last recorded run of each node" in page
    assert "nonsense" not in page


def test_after_a_run_old_records_are_not_taken_for_it(actions: Actions, head: FakeHeadNode) -> None:
    head.device("node003")["extra_values"] = {"baremetal_timeline": WORDS}

    report = actions.run("bcm_report", names=NAMES, results={"node003": {**RESULT, "started": None, "timeline": []}})

    assert report["nodes"]["node003"]["started"] is None
    assert not report["timelines"]


def test_nodes_that_are_up_cost_four_calls_and_a_login(actions: Actions, head: FakeHeadNode) -> None:
    actions.run("bcm_report", names=["node003"])

    assert sorted(call.name for call in head.calls) == [
        "getCategories",
        "getDevices",
        "getSoftwareImages",
        "getStatusForDevices",
    ]


def test_check_mode_writes_no_report(actions: Actions, tmp_path: Path, head: FakeHeadNode) -> None:
    files: dict[str, Any] = {"path": str(tmp_path / "report.json"), "html": str(tmp_path / "report.html")}

    actions.run("bcm_report", names=NAMES, results=RESULTS, run=RUN, check=True, **files)

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


@pytest.mark.parametrize(
    ("options", "verbosity", "shown"),
    [({}, 0, False), ({}, 2, False), ({}, 3, True), ({"debug_calls": True}, 0, True)],
)
def test_each_call_is_a_line_on_the_screen_where_somebody_asked_for_it(
    actions: Actions, options: dict[str, Any], verbosity: int, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Display(), "verbosity", verbosity)

    result = actions.run("bcm_report", names=["node001"], **options)

    lines = [line for line in actions.said if line.startswith("cmdevice.getDevices: HTTP 200, ")]
    assert len(lines) == shown
    assert "debug_calls" not in result
