# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.report import (
    OUTCOMES,
    build_row,
    draw_summary,
    draw_table,
    summarise_rows,
)

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
