# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs: which nodes are started when, what ends them, and what happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Record
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.admission import Admission, FailureLimit
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace

from ...fake_head_node import BOOT, Call, FakeHeadNode
from ...objects import make_proxy
from .driving import CYCLE, ON, actions, boot_up_to, make_rack, names_of, outcomes, provision, record_of

FAILS = (*BOOT[:5], ("INSTALLER_FAILED", "no space left"))
ONE, SLOTS = Admission.parse("1"), Admission.parse("slots")


def under_way(head: FakeHeadNode) -> int:
    return sum(1 for node in head.nodes.values() if node.power == "ON" and node.steps[0][0] not in ("UP", "DOWN"))


def watch_most(head: FakeHeadNode) -> list[int]:
    """How many nodes were installing at each reading of the status."""
    seen: list[int] = []
    head.instead["getStatusForDevices"] = lambda _call: seen.append(under_way(head))
    return seen


# -- admission ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 2, 5])
def test_no_more_nodes_are_under_way_than_admitted(most: int) -> None:
    head = make_rack(5)
    seen = watch_most(head)

    results = provision(head, pace=Pace(admission=Admission.parse(str(most))), direct=True)

    assert set(outcomes(results).values()) == {"successful"}
    assert max(seen) == most
    assert [node.boots for node in head.nodes.values()] == [1] * 5


def test_by_slots_a_few_more_nodes_than_slots_are_started_and_the_others_later() -> None:
    head = make_rack(12)
    head.slots = 2

    provision(head, pace=Pace(admission=SLOTS), direct=True)

    started = [len(call.args[0]["devices"]) for call in head.names("powerOperation") if call.writes]
    assert started[0] == 4
    assert sum(started) == 12
    assert [node.boots for node in head.nodes.values()] == [1] * 12


def test_one_after_the_other_a_node_that_fails_is_followed_by_the_next() -> None:
    head = make_rack(3)
    head.node("node001").boot = FAILS

    results = provision(head, pace=Pace(admission=ONE))

    assert outcomes(results) == {"node001": "failed", "node002": "successful", "node003": "successful"}


def test_after_too_many_failures_nothing_more_is_started_and_no_started_node_is_abandoned() -> None:
    head = make_rack(6)
    head.node("node001").boot = FAILS
    head.node("node002").boot = (*BOOT[:-1], *[BOOT[-2]] * 9, BOOT[-1])
    said: list[str] = []
    pace = Pace(admission=Admission.parse("2"), failure_limit=FailureLimit(1))

    results = provision(head, pace=pace, said=said)

    assert outcomes(results) == {
        "node001": "failed",
        "node002": "successful",
        **dict.fromkeys(("node003", "node004", "node005", "node006"), "skipped"),
    }
    reason = "1 node failed, the limit is bcm_max_failures"
    assert results["node003"].message == f"not started: {reason}"
    assert not results["node003"].failed
    assert not results["node003"].changed
    assert f"No further node is started, {reason}: node003, node004, node005, node006" in said
    assert head.node("node003").boots == 0


def test_failures_of_earlier_batches_and_of_dead_bmcs_count_for_the_limit() -> None:
    head = make_rack(3)
    head.node("node001").bmc = "silent"
    limit = FailureLimit(2)

    assert outcomes(provision(head, pace=Pace(failure_limit=limit)))["node002"] == "successful"
    results = provision(make_rack(3), pace=Pace(failure_limit=limit, failed_before=2))
    assert set(outcomes(results).values()) == {"skipped"}


def test_the_pause_between_two_nodes_is_bcms_own() -> None:
    head = make_rack(2)

    provision(head, pace=Pace(stagger_s=1.5))

    (sent,) = [call.args[0] for call in head.names("powerOperation") if call.writes]
    assert sent["delay"] == 1500
    assert not any("delay" in call.args[0] for call in head.names("powerOperation") if not call.writes)


def test_after_the_deadline_of_the_run_every_node_has_a_result() -> None:
    head = make_rack(3)
    head.node("node001").boot = boot_up_to(5)

    results = provision(head, pace=Pace(admission=ONE, run_s=120))

    assert outcomes(results) == {"node001": "failed", "node002": "skipped", "node003": "skipped"}
    assert results["node001"].message == "the run's 120 s are over, it was installing"
    assert results["node003"].message == "not started: the run's 120 s are over"
    assert head.clock.now_s() < 150


# -- others at work ----------------------------------------------------------------------------------------------------


def once_up(head: FakeHeadNode, name: str, happen: Callable[[], None]) -> None:
    """Something happens when this node is UP after its boot."""

    def look(_call: Call) -> None:
        node = head.nodes.get(uuid)
        if node and node.boots and node.steps == [("UP", "")]:
            happen()

    uuid = head.device(name)["uuid"]
    head.instead["getStatusForDevices"] = look


def other_image_for(head: FakeHeadNode) -> None:
    head.device("node001")["softwareImageProxy"] = make_proxy("node001", "other-image")


def other_image_for_its_category(head: FakeHeadNode) -> None:
    head.category("default")["softwareImageProxy"] = make_proxy("default", "other-image")


@pytest.mark.parametrize("assign", [other_image_for, other_image_for_its_category])
def test_a_node_that_is_assigned_another_image_meanwhile_is_not_taken_for_done(
    assign: Callable[[FakeHeadNode], None],
) -> None:
    head = make_rack(1)
    once_up(head, "node001", lambda: assign(head))

    results = provision(head)
    head.instead.clear()

    assert outcomes(results) == {"node001": "failed"}
    assert "it was assigned other-image meanwhile, so what it runs is not certain; run again" in (
        results["node001"].message
    )
    assert record_of(head) == Record(reassigned=True)
    assert actions(provision(head, CYCLE)) == {"node001": "reprovision"}
    assert actions(provision(head, CYCLE)) == {"node001": "nothing"}


def test_a_node_that_is_deleted_once_it_is_up_is_not_successful() -> None:
    head = make_rack(2)
    uuid = head.device("node001")["uuid"]
    once_up(head, "node001", lambda: None)

    def delete(_call: Call) -> None:
        if head.nodes[uuid].steps == [("UP", "")]:
            head.devices.pop(uuid, None)

    head.instead["getDevicesByUuids"] = delete
    results = provision(head, ON, "node001", "node002")

    assert outcomes(results) == {"node001": "failed", "node002": "successful"}
    assert results["node001"].message.endswith("but it was deleted since")


def test_a_node_that_is_gone_again_when_the_last_one_is_up_is_not_successful() -> None:
    head = make_rack(2)
    head.node("node001").boot = (*BOOT, ("DOWN", ""))
    head.node("node002").boot = (*BOOT[:-1], *[BOOT[-2]] * 9, BOOT[-1])
    said: list[str] = []

    results = provision(head, said=said)

    assert outcomes(results) == {"node001": "failed", "node002": "successful"}
    assert results["node001"].message.endswith(", but it is DOWN now")
    assert results["node001"].status == "DOWN"
    assert any("node001: FAILED (UP after" in line for line in said)


def test_every_node_of_a_run_that_ends_has_a_result() -> None:
    head = make_rack(3)
    head.node("node003").boot = boot_up_to(2)

    results = provision(head, pace=Pace(deadlines=Deadlines(boot_s=60)))

    assert set(results) == set(names_of(head))
    assert "hung in phase booting for 60 s" in results["node003"].message
