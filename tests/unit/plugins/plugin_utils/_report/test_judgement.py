# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import NodeState, Phase, Status
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Record
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Decision
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.judgement import Judgement, Reading, judge_node
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.rows import build_row

from ...objects import make_device, make_references

SUCCESSFUL, FAILED, NOT_FOUND, UNDER_WAY, PENDING, SKIPPED = Outcome
NO_DEVICE = "no such device on the head node"
GONE = "gone"  # in place of a status: the head node does not have the device
QUEUED = "waiting for FULL provisioning to start"
NO_RECORD = Record()
HUNG = Record(intent_digest="d", failed_phase="booting", failed_message="it hung")
INTENDED = Record(intent_digest="d")


def read(status: str | None, message: str = "", record: Record = NO_RECORD) -> Reading:
    seen = None if status in (None, GONE) else DeviceStatus("u", str(status), message)
    return Reading(status != GONE, seen, record=record)


def run(
    outcome: Outcome, message: str = "UP after 5m02s", phase: str = "up", action: Action | None = None
) -> NodeResult:
    return NodeResult("n1", Decision(action or Action.POWER_ON, ""), outcome, message=message, phase=phase)


REFUSED = run(SKIPPED, "not safe", "down", Action.REFUSE)
LOST = "UP after 5m02s in the run, but"


@pytest.mark.parametrize(
    ("result", "status", "expected"),
    [
        (None, GONE, (NOT_FOUND, False, "unknown", None, NO_DEVICE)),
        (None, None, (FAILED, False, "unknown", None, "no status")),
        (None, "UP", (SUCCESSFUL, False, "active", "up", "said")),
        (None, "DOWN", (PENDING, False, "unknown", "down", "said")),
        (None, "BOOTING", (UNDER_WAY, False, "provisioning", "booting", "said")),
        (None, "INSTALLER_FAILED", (FAILED, False, "failed", "failed", "said")),
        (None, "INSTALLER_UNREACHABLE", (FAILED, False, "failed", "failed", "said")),
        (run(SUCCESSFUL), "UP", (SUCCESSFUL, False, "active", "up", "UP after 5m02s")),
        (run(SUCCESSFUL), "DOWN", (FAILED, True, "unknown", "down", f"{LOST} DOWN now")),
        (run(SUCCESSFUL), "BOOTING", (FAILED, True, "provisioning", "booting", f"{LOST} BOOTING now")),
        (run(SUCCESSFUL), "INSTALLER_FAILED", (FAILED, True, "failed", "failed", f"{LOST} INSTALLER_FAILED now")),
        (run(SUCCESSFUL), None, (FAILED, True, "unknown", None, f"{LOST} no status now")),
        (run(SUCCESSFUL), GONE, (FAILED, True, "unknown", None, f"{LOST} {NO_DEVICE} now")),
        (run(FAILED, "it hung", "init"), "UP", (FAILED, True, "active", "up", "it hung")),
        (run(NOT_FOUND, NO_DEVICE, ""), GONE, (NOT_FOUND, True, "unknown", None, NO_DEVICE)),
        (run(PENDING, "not powered", "down"), "DOWN", (PENDING, False, "unknown", "down", "not powered")),
        (run(PENDING, "not powered", "down"), "UP", (PENDING, False, "active", "up", "not powered")),
        (run(SKIPPED, "left alone"), "UP", (SKIPPED, False, "active", "up", "left alone")),
        (REFUSED, "DOWN", (SKIPPED, True, "unknown", "down", "not safe")),
    ],
)
def test_what_became_of_a_node_is_the_runs_word_held_against_the_reading(
    result: NodeResult | None, status: str | None, expected: tuple[Any, ...]
) -> None:
    assert judge_node(read(status, "said"), result) == Judgement(*expected)


@pytest.mark.parametrize(
    ("status", "failed_in", "state", "phase"),
    [
        ("DOWN", "power", "failed", "power"),
        ("DOWN", "powered", "failed", "powered"),
        ("DOWN", "installing", "failed", "installing"),
        ("BOOTING", "powered", "failed", "powered"),
        ("INSTALLING", "queued", "failed", "queued"),
        ("INSTALLER_FAILED", "init", "failed", "init"),
        ("GOING_DOWN", "restarting", "failed", "restarting"),
        ("UP", "installing", "active", "up"),
        # It came UP, and failed by what was found out after that.
        ("DOWN", "up", "unknown", "down"),
        # Nothing was attempted yet.
        ("DOWN", "", "unknown", "down"),
        (None, "installing", "unknown", None),
    ],
)
def test_a_node_for_which_the_run_failed_is_failed_in_that_phase_until_it_is_up(
    status: str | None, failed_in: str, state: str, phase: str | None
) -> None:
    judgement = judge_node(read(status), run(FAILED, "why", failed_in))

    assert (judgement.state, judgement.phase, judgement.message) == (state, phase, "why")


@pytest.mark.parametrize("status", ["DOWN", "BOOTING", "INSTALLING", "GOING_DOWN"])
def test_a_node_for_which_an_earlier_run_failed_is_failed_with_the_phase_and_message_of_then(status: str) -> None:
    expected = Judgement(FAILED, False, NodeState.FAILED, "booting", "it hung")

    assert judge_node(read(status, "said", HUNG), None) == expected


def test_being_up_ends_a_failure_of_an_earlier_run() -> None:
    assert judge_node(read("UP", "said", HUNG), None) == Judgement(SUCCESSFUL, False, NodeState.ACTIVE, "up", "said")


def test_a_run_that_attempts_nothing_leaves_the_state_as_it_found_it() -> None:
    judgement = judge_node(read("DOWN", "said", HUNG), run(PENDING, "not powered", "down"))

    assert judgement == Judgement(PENDING, False, NodeState.FAILED, "booting", "not powered")


def test_only_a_node_with_which_nothing_was_attempted_is_pending() -> None:
    assert judge_node(read("DOWN"), None).outcome is PENDING
    assert judge_node(read("DOWN", record=INTENDED), None).outcome is UNDER_WAY
    assert judge_node(read("DOWN", record=HUNG), None).outcome is FAILED


STATUSES = (*Status, "FROZEN")
# What a node in each state may be doing.
ON_THE_WAY = {"booting", "rebooting", "installer", "queued", "installing", "init"}
FITTING: dict[str, set[str | None]] = {
    "active": {"up"},
    "provisioning": {*ON_THE_WAY},
    "failed": {*Phase} - {"up"},
    "powered_off": {"down"},
    "unknown": {None, "down", "going down", "pending", "undefined", "unknown"},
}
MESSAGES = st.sampled_from(["", QUEUED, "provisioning started", "entered maintenance mode"])
READINGS = st.none() | st.builds(DeviceStatus, st.just("u"), st.sampled_from(STATUSES), MESSAGES)
RUNS = st.none() | st.builds(
    run, st.sampled_from(Outcome), phase=st.sampled_from(["", *Phase]), action=st.sampled_from(Action)
)
POWERS = st.sampled_from([None, "ON", "OFF", "UNKNOWN"])
RECORDS = st.sampled_from([None, {"baremetal_failed": "booting: it hung"}, {"baremetal_intent_digest": "d"}])


@given(st.booleans(), READINGS, POWERS, RUNS, RECORDS)
def test_no_row_contradicts_itself(
    is_known: bool,
    status: DeviceStatus | None,
    power: str | None,
    result: NodeResult | None,
    recorded: dict[str, str] | None,
) -> None:
    seen = status if is_known else None
    # The BMC of a node is asked only where it is DOWN.
    asked = power if seen is not None and seen.status == "DOWN" else None
    device = make_device("n1", extra_values=recorded) if is_known else None
    row: dict[str, Any] = build_row("n1", device, seen, asked, result, make_references()).to_ansible()

    assert not row["success"] or row["status"] == "UP"
    assert row["success"] is (row["outcome"] == "successful")
    assert not (row["success"] and row["failed"])
    assert row["phase"] in FITTING[row["state"]]
    assert (row["phase"] == "up") is (row["status"] == "UP") is (row["state"] == "active")
    assert row["status"] == (seen.status if seen else None)
    assert row["found"] is is_known is (row["uuid"] is not None)


@given(READINGS, RUNS)
def test_what_a_run_failed_for_is_never_forgiven(status: DeviceStatus | None, result: NodeResult | None) -> None:
    judgement = judge_node(Reading(True, status), result)

    assert judgement.failed or result is None or not result.failed
    assert result is None or judgement.message.startswith(result.message)
