# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import TIMELINE_KEY
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.rows import (
    OUTCOMES,
    build_row,
    describe_run,
    draw_summary,
    draw_table,
    summarise_rows,
    timeline_of,
)

from ...module_utils._provisioning.timing import STARTED_S, make_timeline
from ...objects import make_bmc_settings, make_device, make_object, make_references

Raw = dict[str, Any]


def result(outcome: str, message: str = "", **values: Any) -> Raw:
    defaults = {"failed": outcome == "failed", "phase": "up", "seconds": 1.5, "action": "power_on"}
    return {"outcome": outcome, "message": message, **defaults, **values}


def row(
    device: Raw | None = None,
    status: str | None = None,
    power: str | None = None,
    outcome: Raw | None = None,
    message: str = "",
) -> Raw:
    seen = DeviceStatus("u", status, message) if status else None
    return build_row("node001", device, seen, power, outcome, make_references())


@pytest.mark.parametrize(
    ("known", "status", "outcome", "message"),
    [
        (False, None, "not_found", "no such device on the head node"),
        (True, None, "failed", "no status"),
        (True, "UP", "successful", ""),
        (True, "DOWN", "pending", ""),
        (True, "INSTALLING", "pending", ""),
        (True, "INSTALLER_FAILED", "failed", ""),
        (True, "INSTALLER_UNREACHABLE", "failed", ""),
    ],
)
def test_without_a_run_a_node_is_judged_by_its_status(
    known: bool, status: str | None, outcome: str, message: str
) -> None:
    shown = row(make_device() if known else None, status)

    assert (shown["outcome"], shown["message"]) == (outcome, message)
    assert shown["success"] is (outcome == "successful")
    assert shown["failed"] is False


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_after_a_run_a_node_is_judged_by_its_result(outcome: str) -> None:
    shown = row(make_device(), "DOWN", outcome=result(outcome, "why"))

    assert (shown["outcome"], shown["message"], shown["seconds"]) == (outcome, "why", 1.5)
    assert shown["success"] is (outcome == "successful")


def test_a_row_tells_host_name_addresses_category_roles_and_image() -> None:
    role = make_object("Role", "BootRole", "role", name="boot")
    shown = row(make_device(roles=[role], userDefinedResources=["gpu"]), "UP", "ON")

    assert shown["hostname"] == "node001"
    assert (shown["ip"], shown["bmc_ip"]) == ("10.141.0.1", "10.148.0.1")
    assert (shown["category"], shown["image"]) == ("default", "default-image")
    assert shown["roles"] == ["boot", "gpu"]
    assert (shown["state"], shown["power"]) == ("active", "ON")


def test_a_row_tells_no_password() -> None:
    assert "bmc-secret" not in str(row(make_device(bmcSettings=make_bmc_settings("n")), "UP"))


def test_the_summary_counts_and_names() -> None:
    rows = [{"hostname": f"n{index}", "outcome": outcome} for index, outcome in enumerate([*OUTCOMES, "failed"])]

    summary = summarise_rows(rows)

    assert summary["total"] == 6
    assert summary["failed"] == 2
    assert summary["failed_nodes"] == ["n1", "n5"]
    assert sum(summary[outcome] for outcome in OUTCOMES) == summary["total"]
    assert {f"{outcome}_nodes" for outcome in OUTCOMES} <= summary.keys()


def test_the_table_has_aligned_columns_and_leaves_empty_ones_out() -> None:
    rows = [
        row(make_device(), "UP"),
        {**row(None), "hostname": "a-much-longer-name"},
    ]

    table = draw_table(rows)

    head, first, second = table
    assert "ROLES" not in head
    assert head.index("STATE") == first.index("active") == second.index("unknown")
    assert second.split()[:3] == ["a-much-longer-name", "unknown", "-"]
    assert all(line == line.rstrip() for line in table)


def full(name: str = "dgx-05", **values: Any) -> Raw:
    """A row with all there is to show, as wide as on a real cluster."""
    wide = {
        "hostname": name,
        "ip": "10.184.162.109",
        "bmc_ip": "10.229.10.15",
        "category": "control-plane",
        "roles": ["control-plane"],
        "image": "ubuntu-22.04-nvidia-535",
        "started": 1763640000.0,
        "seconds": 1265.0,
        "ended": "failed",
        "longest_phase": "installing",
        "longest_seconds": 1000.0,
    }
    return {**row(make_device(), "INSTALLER_FAILED", message="a message of the installer " * 4), **wide, **values}


def stamp(seconds: float) -> str:
    return {1763640000.0: "2025-11-20 12:00Z"}[seconds]


@pytest.mark.parametrize("shown", [None, stamp], ids=["after a run", "status"])
def test_a_table_is_no_wider_than_a_terminal_and_keeps_what_matters(shown: Any) -> None:
    rows = [full(), full("a", roles=[])]

    table = draw_table(rows, shown)

    assert max(map(len, table)) <= 120
    heads = table[0].split()
    assert {"NODE", "STATE", "IP", "IMAGE"} <= {*heads}
    assert ("RESULT" in heads) or shown
    assert not shown or "2025-11-20 12:00Z  21m05s, failed  installing 16m40s" in table[1]


def test_a_table_that_fits_keeps_every_column() -> None:
    narrow = full(image="i", category="c", roles=["r"], message="m", ip="1.1.1.1", status="UP", bmc_ip="2.2.2.2")

    heads = re.split(r"  +", draw_table([narrow])[0])

    assert heads == ["NODE", "STATE", "STATUS", "IP", "BMC IP", "CATEGORY", "ROLES", "IMAGE", "RESULT", "MESSAGE"]


def test_names_too_long_for_any_terminal_are_not_cut() -> None:
    assert ("n" * 63) in draw_table([full("n" * 63, image="i" * 59)], stamp)[1]


def test_the_table_has_no_columns_for_records_nobody_has() -> None:
    assert "LAST RUN" not in draw_table([row(make_device(), "UP")], stamp)[0]


@pytest.mark.parametrize("text", ["\x1b[2J", "\r", "\x07", "\u202e", "\x9b", "\ud800"])
def test_foreign_text_moves_no_cursor(text: str) -> None:
    rows = [full(message=f"be{text}fore", hostname="n1", image="i", roles=[], outcome="failed")]

    said = "".join([*draw_table(rows), *draw_summary(rows, summarise_rows(rows))])

    assert text[0] not in said
    assert "be" in said


def test_a_row_tells_of_the_run_of_its_result() -> None:
    phases = make_timeline(("powered", 10), ("installing", 20)).to_ansible()["phases"]
    told = row(make_device(), "UP", outcome=result("successful", seconds=30.0, started=5.0, timeline=phases))

    assert (told["started"], told["seconds"], told["ended"]) == (5.0, 30.0, "up")
    assert (told["longest_phase"], told["longest_seconds"]) == ("installing", 20)


def test_a_row_without_a_result_tells_of_the_recorded_run() -> None:
    device = make_device(extra_values={TIMELINE_KEY: make_timeline(("powered", 10)).to_words()})

    assert (row(device, "UP")["started"], row(device, "UP")["seconds"]) == (STARTED_S, 10)
    assert row(device, "UP", outcome=result("successful"))["started"] is None
    assert timeline_of(None, None) is None
    assert timeline_of(make_device(extra_values=None), None) is None


def test_a_node_that_ended_at_once_has_no_longest_phase() -> None:
    device = make_device(extra_values={TIMELINE_KEY: make_timeline(verdict="failed").to_words()})

    assert row(device, "UP")["longest_phase"] is None
    assert "0s, failed" in draw_table([row(device, "UP")], stamp)[1]


def test_a_device_that_is_no_node_has_a_row() -> None:
    bare = {"hostname": "head", "childType": "HeadNode"}

    assert row(bare, "UP")["ip"] is None


RUN: Raw = {
    "nodes": 1000,
    "slots": 100,
    "provisioning_nodes": 10,
    "admission": "slots",
    "bound_seconds": 3225.0,
    "achieved_seconds": None,
    "efficiency": None,
    "durations": {"boot_s": 90.0, "sync_s": 310.0, "init_s": 35.0, "source": "observed"},
}


def test_figures_of_a_run_are_sentences() -> None:
    bound, achieved = describe_run({**RUN, "achieved_seconds": 3295.0, "efficiency": 0.9787})

    assert bound.startswith("Bound 53m45s: 1,000 nodes, 100 slots on 10 provisioning nodes, 1m30s boot, ")
    assert bound.endswith("5m10s in a slot, 35s init (observed); admission slots.")
    assert achieved == "Achieved 54m55s, efficiency 0.98; 1.00 is all the slots allow."


def test_what_is_not_known_of_a_run_is_not_told() -> None:
    blind = {**RUN, "slots": None, "provisioning_nodes": None, "durations": None, "bound_seconds": None}

    assert len(describe_run(RUN)) == 1
    assert describe_run({**RUN, "achieved_seconds": 60.0})[1] == "Achieved 1m00s."
    assert describe_run({**blind, "achieved_seconds": 60.0}) == [
        "1,000 nodes taken on; the bound is not known, because the slots could not be read.",
        "Achieved 1m00s.",
    ]


def test_a_run_that_took_nobody_on_has_no_figures() -> None:
    assert describe_run({}) == []
    assert describe_run({**RUN, "nodes": 0}) == []


@pytest.mark.parametrize("change", [{"slots": None}, {"durations": {}}, {"efficiency": "x", "achieved_seconds": 1}])
def test_figures_of_something_else_are_refused(change: Raw) -> None:
    with pytest.raises(BcmConfigError, match=r"could not read the figures of the run.*bcm_provision"):
        describe_run({**RUN, **change})


def test_the_summary_on_the_screen_groups_nodes_by_what_is_wrong_with_them() -> None:
    rows: list[Raw] = [
        {"hostname": "a", "outcome": "failed", "message": "no space left"},
        {"hostname": "b", "outcome": "failed", "message": "no space left"},
        {"hostname": "c", "outcome": "not_found", "message": None},
        {"hostname": "d", "outcome": "successful", "message": "UP"},
    ]

    lines = draw_summary(rows, summarise_rows(rows))

    assert lines == [
        "4 nodes: 1 successful, 2 failed, 1 not found",
        "failed: a, b: no space left",
        "not found: c: no message",
    ]


def test_nobody_is_nothing_to_report() -> None:
    assert draw_summary([], summarise_rows([])) == ["0 nodes: nothing to report"]
