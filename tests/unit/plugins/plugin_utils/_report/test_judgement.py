# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import Phase, Status
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Decision
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.judgement import Judgement, judge_node
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.rows import build_row

from ...objects import make_device, make_references

SUCCESSFUL, FAILED, NOT_FOUND, PENDING, SKIPPED = Outcome
NO_DEVICE = "no such device on the head node"
GONE = "gone"  # in place of a status: the head node does not have the device
QUEUED = "waiting for FULL provisioning to start"


def seen(status: str | None, message: str = "") -> DeviceStatus | None:
    return None if status in (None, GONE) else DeviceStatus("u", str(status), message)


def run(
    outcome: Outcome, message: str = "UP after 5m02s", phase: str = "up", action: Action | None = None
) -> NodeResult:
    return NodeResult("n1", Decision(action or Action.POWER_ON, ""), outcome, message=message, phase=phase)


REFUSED = run(SKIPPED, "not safe", "down", Action.REFUSE)
LOST = "UP after 5m02s in the run, but"


@pytest.mark.parametrize(
    ("result", "status", "expected"),
    [
        (None, GONE, Judgement(NOT_FOUND, False, None, NO_DEVICE)),
        (None, None, Judgement(FAILED, False, None, "no status")),
        (None, "UP", Judgement(SUCCESSFUL, False, "up", "said")),
        (None, "DOWN", Judgement(PENDING, False, "down", "said")),
        (None, "BOOTING", Judgement(PENDING, False, "booting", "said")),
        (None, "INSTALLER_FAILED", Judgement(FAILED, False, "failed", "said")),
        (None, "INSTALLER_UNREACHABLE", Judgement(FAILED, False, "failed", "said")),
        (run(SUCCESSFUL), "UP", Judgement(SUCCESSFUL, False, "up", "UP after 5m02s")),
        (run(SUCCESSFUL), "DOWN", Judgement(FAILED, True, "down", f"{LOST} DOWN now")),
        (run(SUCCESSFUL), "BOOTING", Judgement(FAILED, True, "booting", f"{LOST} BOOTING now")),
        (run(SUCCESSFUL), "INSTALLER_FAILED", Judgement(FAILED, True, "failed", f"{LOST} INSTALLER_FAILED now")),
        (run(SUCCESSFUL), None, Judgement(FAILED, True, None, f"{LOST} no status now")),
        (run(SUCCESSFUL), GONE, Judgement(FAILED, True, None, f"{LOST} {NO_DEVICE} now")),
        (run(FAILED, "it hung"), "UP", Judgement(FAILED, True, "up", "it hung")),
        (run(NOT_FOUND, NO_DEVICE, ""), GONE, Judgement(NOT_FOUND, True, None, NO_DEVICE)),
        (run(PENDING, "not powered", "down"), "DOWN", Judgement(PENDING, False, "down", "not powered")),
        (run(PENDING, "not powered", "down"), "UP", Judgement(PENDING, False, "up", "not powered")),
        (run(SKIPPED, "left alone"), "UP", Judgement(SKIPPED, False, "up", "left alone")),
        (REFUSED, "DOWN", Judgement(SKIPPED, True, "down", "not safe")),
    ],
)
def test_what_became_of_a_node_is_the_runs_word_held_against_the_reading(
    result: NodeResult | None, status: str | None, expected: Judgement
) -> None:
    assert judge_node(status != GONE, seen(status, "said"), result) == expected


@pytest.mark.parametrize(
    ("status", "message", "failed_in", "phase"),
    [
        ("DOWN", "", "power", "power"),
        ("DOWN", "", "powered", "down"),
        ("DOWN", "", "installing", "down"),
        ("DOWN", "", "up", "down"),
        ("UP", "", "power", "up"),
        ("UP", "", "installing", "up"),
        ("GOING_DOWN", "", "restarting", "going down"),
        ("BOOTING", "", "powered", "booting"),
        ("INSTALLING", "provisioning started", "queued", "installing"),
        ("INSTALLING", QUEUED, "installing", "queued"),
        ("INSTALLER_FAILED", "", "installing", "installing"),
        ("INSTALLER_FAILED", "", "init", "init"),
        ("INSTALLER_UNREACHABLE", "", "installer", "installer"),
        ("INSTALLER_FAILED", "", "power", "failed"),
        ("INSTALLER_FAILED", "", "powered", "failed"),
        ("INSTALLER_FAILED", "", "up", "failed"),
        ("INSTALLER_FAILED", "", "", "failed"),
        (None, "", "installing", None),
    ],
)
def test_the_phase_in_which_a_run_failed_stays_only_where_the_status_now_leaves_it_open(
    status: str | None, message: str, failed_in: str, phase: str | None
) -> None:
    assert judge_node(True, seen(status, message), run(FAILED, "why", failed_in)).phase == phase


STATUSES = (*Status, "FROZEN")
# What a node in each state may be doing.
FITTING: dict[str, set[str | None]] = {
    "active": {"up"},
    "provisioning": {"booting", "rebooting", "installer", "queued", "installing", "init"},
    "failed": {"failed", "rebooting", "installer", "queued", "installing", "init"},
    "powered_off": {"down", "power"},
    "down": {"down", "power", "going down"},
    "unknown": {None, "pending", "undefined", "unknown"},
}
MESSAGES = st.sampled_from(["", QUEUED, "provisioning started", "entered maintenance mode"])
READINGS = st.none() | st.builds(DeviceStatus, st.just("u"), st.sampled_from(STATUSES), MESSAGES)
RUNS = st.none() | st.builds(
    run, st.sampled_from(Outcome), phase=st.sampled_from(["", *Phase]), action=st.sampled_from(Action)
)
POWERS = st.sampled_from([None, "ON", "OFF", "UNKNOWN"])


@given(st.booleans(), READINGS, POWERS, RUNS)
def test_no_row_contradicts_itself(
    is_known: bool, status: DeviceStatus | None, power: str | None, result: NodeResult | None
) -> None:
    read = status if is_known else None
    # The BMC of a node is asked only where it is DOWN.
    asked = power if read is not None and read.status == "DOWN" else None
    row: dict[str, Any] = build_row(
        "n1", make_device("n1") if is_known else None, read, asked, result, make_references()
    ).to_ansible()

    assert not row["success"] or row["status"] == "UP"
    assert row["success"] is (row["outcome"] == "successful")
    assert not (row["success"] and row["failed"])
    assert row["phase"] in FITTING[row["state"]]
    assert (row["phase"] == "up") is (row["status"] == "UP") is (row["state"] == "active")
    assert row["status"] == (read.status if read else None)


@given(READINGS, RUNS)
def test_what_a_run_failed_for_is_never_forgiven(status: DeviceStatus | None, result: NodeResult | None) -> None:
    judgement = judge_node(True, status, result)

    assert judgement.failed or result is None or not result.failed
    assert result is None or judgement.message.startswith(result.message)
