# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Decision
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Timeline
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.rows import (
    NodeRow,
    Summary,
    build_row,
    describe_messages,
    order_rows,
)

from ...module_utils._provisioning.timing import STARTED_S, make_timeline
from ...objects import make_bmc_settings, make_device, make_object, make_references

Raw = dict[str, Any]
TIMELINE_KEY = "baremetal_timeline"
ON = Decision(Action.POWER_ON, "install default-image")


def result(outcome: Outcome = Outcome.SUCCESSFUL, **values: Any) -> NodeResult:
    return NodeResult("node001", ON, outcome, **{"message": "why", "seconds": 1.5, **values})


def row(
    device: Raw | None = None, status: str | None = None, power: str | None = None, outcome: NodeResult | None = None
) -> NodeRow:
    seen = DeviceStatus("u", status, "") if status else None
    return build_row("node001", device, seen, power, outcome, make_references())


def test_a_row_has_host_name_addresses_category_roles_and_image() -> None:
    role = make_object("Role", "BootRole", "role", name="boot")
    shown = row(make_device(roles=[role], userDefinedResources=["gpu"]), "UP", "ON").to_ansible()

    assert shown["hostname"] == "node001"
    assert (shown["ip"], shown["bmc_ip"]) == ("10.141.0.1", "10.148.0.1")
    assert (shown["category"], shown["image"]) == ("default", "default-image")
    assert shown["roles"] == ["boot", "gpu"]
    assert (shown["state"], shown["power"]) == ("active", "ON")


def test_a_row_has_no_password() -> None:
    assert "bmc-secret" not in str(row(make_device(bmcSettings=make_bmc_settings("n")), "UP"))


def test_a_device_that_is_no_node_has_a_row() -> None:
    assert row({"hostname": "head", "childType": "HeadNode"}, "UP").ip is None


def test_a_row_has_the_run_of_its_result() -> None:
    timeline = make_timeline(("powered", 10), ("installing", 20), started_s=5.0)
    shown = row(make_device(), "UP", outcome=result(seconds=30.0, timeline=timeline)).to_ansible()

    assert (shown["started"], shown["seconds"], shown["ended"]) == (5.0, 30.0, "up")
    assert (shown["longest_phase"], shown["longest_seconds"]) == ("installing", 20)
    assert shown["action"] == "power_on"


def test_a_row_without_a_result_has_the_recorded_run_and_no_action() -> None:
    device = make_device(extra_values={TIMELINE_KEY: make_timeline(("powered", 10)).to_words()})
    shown = row(device, "UP").to_ansible()

    assert (shown["started"], shown["seconds"]) == (STARTED_S, 10)
    assert "action" not in shown


def test_after_a_run_that_did_not_take_a_node_on_an_old_record_is_not_taken_for_it() -> None:
    device = make_device(extra_values={TIMELINE_KEY: make_timeline(("powered", 10)).to_words()})

    assert row(device, "UP", outcome=result()).timeline is None


@pytest.mark.parametrize("device", [None, make_device(extra_values=None), make_device(extra_values={TIMELINE_KEY: 7})])
def test_a_node_without_a_record_has_no_run(device: Raw | None) -> None:
    shown = row(device).to_ansible()

    assert (shown["started"], shown["seconds"], shown["ended"], shown["longest_phase"]) == (None, None, None, None)


def test_a_node_that_ended_at_once_has_no_longest_phase() -> None:
    device = make_device(extra_values={TIMELINE_KEY: make_timeline(verdict="failed").to_words()})

    assert row(device, "UP").longest is None


@pytest.mark.parametrize(
    ("outcome", "failed", "is_bad"),
    [
        (Outcome.SUCCESSFUL, False, False),
        (Outcome.PENDING, False, False),
        (Outcome.SKIPPED, False, False),
        (Outcome.SKIPPED, True, True),
        (Outcome.FAILED, False, True),
        (Outcome.NOT_FOUND, False, True),
    ],
)
def test_what_is_shown_in_red_is_what_failed_the_run_or_stands_failed(
    outcome: Outcome, failed: bool, is_bad: bool
) -> None:
    assert NodeRow("n1", outcome, failed).is_bad is is_bad


def test_the_summary_counts_and_names() -> None:
    rows = [NodeRow(f"n{index}", outcome) for index, outcome in enumerate([*Outcome, Outcome.FAILED])]

    summary = Summary.of(rows).to_ansible()

    assert summary["total"] == 7
    assert summary["failed"] == 2
    assert summary["failed_nodes"] == ["n1", "n6"]
    assert sum(summary[outcome.value] for outcome in Outcome) == summary["total"]
    assert {f"{outcome}_nodes" for outcome in Outcome} <= summary.keys()


def test_a_summary_in_words_leaves_out_what_there_is_none_of() -> None:
    assert (
        Summary.of([NodeRow("a", Outcome.NOT_FOUND), NodeRow("b", Outcome.PENDING)]).words == "1 not found, 1 pending"
    )
    assert Summary.of([]).words == ""


def test_failures_come_first_then_the_order_of_starts_then_names() -> None:
    def started(name: str, after_s: float = 0.0, **values: Any) -> NodeRow:
        timeline: Timeline = make_timeline(("powered", 9), started_s=STARTED_S + after_s)
        return NodeRow(name, Outcome.SUCCESSFUL, timeline=timeline, **values)

    rows = [
        NodeRow("e", Outcome.SKIPPED),
        started("d", 50),
        started("c"),
        started("b"),
        started("z", 90, failed=True),
        NodeRow("y", Outcome.NOT_FOUND),
    ]

    assert [one.hostname for one in order_rows(rows, together=True)] == ["z", "y", "b", "c", "d", "e"]
    assert [one.hostname for one in order_rows(rows, together=False)] == ["z", "y", "b", "c", "d", "e"]


def test_what_is_said_of_several_nodes_is_said_once_and_the_status_stands_in_for_it() -> None:
    rows = [
        NodeRow("a", Outcome.FAILED, message="no space left"),
        NodeRow("b", Outcome.FAILED, message="no space left"),
        NodeRow("c", Outcome.FAILED, status="INSTALLER_FAILED"),
        NodeRow("d", Outcome.FAILED),
    ]

    assert describe_messages(rows) == ["2 nodes (a, b): no space left", "c: INSTALLER_FAILED", "d: no message"]
