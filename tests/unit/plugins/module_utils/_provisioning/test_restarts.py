# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs that restart nodes which are UP."""

from __future__ import annotations

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Request
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace

from ...fake_head_node import Call, FakeHeadNode, Killed, answer, refusal
from ...objects import make_proxy
from .driving import CYCLE, ON, actions, make_rack, names_of, outcomes, provision, record_of
from .killing import other_image, other_kernel_parameters

GRACEFUL = Pace(deadlines=Deadlines(graceful_s=40, settle_s=10))


def sent_in(head: FakeHeadNode, since: int = 0) -> dict[str, list[str]]:
    """What was sent to each node, by the head node's history."""
    names = {raw["uuid"]: raw["hostname"] for raw in head.devices.values()}
    sent: dict[str, list[str]] = {}
    for entry in head.history[since:]:
        sent.setdefault(names[entry["ref_device_uuid"]], []).append(entry["operation"])
    return sent


def run_killed_after_preboot(head: FakeHeadNode) -> None:
    """A run that is killed once the nodes have agreed to restart."""
    head.instead["registerSession"] = lambda _call: head.die() if head.names("preboot") else None
    with pytest.raises(Killed):
        provision(head, CYCLE, pace=GRACEFUL)
    head.revive()


def test_nodes_that_agree_restart_by_themselves_and_keep_their_power() -> None:
    head = other_image()
    said: list[str] = []

    results = provision(head, CYCLE, pace=GRACEFUL, said=said)

    assert set(outcomes(results).values()) == {"successful"}
    assert set(actions(results).values()) == {"reprovision"}
    (call,) = head.names("preboot")
    assert call.args[:2] == [True, 40_000]
    assert sent_in(head, 3) == {name: ["REBOOT"] for name in names_of(head)}
    assert "Restart: node001, node002, node003" in said
    assert record_of(head).provisioned_image == "other-image"
    assert results["node001"].power is not None
    assert results["node001"].power.sent == ("REBOOT",)


@pytest.mark.parametrize("daemon", ["gone", "idle"])
def test_a_node_that_does_not_restart_has_its_power_cut_after_a_while(daemon: str) -> None:
    head = other_image()
    head.node("node002").daemon = daemon
    began_s, said = head.clock.now_s(), list[str]()

    results = provision(head, CYCLE, pace=GRACEFUL, said=said)

    assert set(outcomes(results).values()) == {"successful"}
    sent = sent_in(head, 3)
    assert sent["node001"] == sent["node003"] == ["REBOOT"]
    assert sent["node002"] == (["OFF", "ON"] if daemon == "gone" else ["REBOOT", "OFF", "ON"])
    assert head.clock.now_s() - began_s >= 40
    assert "Power cycle: node002" in said
    deaf = "Did not agree to restart: node002; their power is cut if they are still UP after 40 s"
    assert (deaf in said) is (daemon == "gone")


@pytest.mark.parametrize(
    "broken",
    [
        answer(refusal("X", "preboot", "no such daemon")),
        answer({"operations": []}),
        answer(None),
        httpx.Response(400),
        httpx.Response(503),
    ],
    ids=["refused", "no success", "null", "unknown call", "no answer"],
)
def test_where_the_head_node_asks_no_node_power_is_cut_after_a_while(broken: httpx.Response) -> None:
    head = other_image()
    head.instead["preboot"] = lambda _call: httpx.Response(broken.status_code, content=broken.content)
    said: list[str] = []

    results = provision(head, CYCLE, pace=GRACEFUL, said=said)

    assert set(outcomes(results).values()) == {"successful"}
    assert sent_in(head, 3) == {name: ["OFF", "ON"] for name in names_of(head)}
    assert len([line for line in said if "their power is cut if they are still UP after 40 s" in line]) == 1


def test_other_kernel_parameters_restart_and_install_nothing_anew() -> None:
    head = other_kernel_parameters()

    planned = provision(head, CYCLE, pace=GRACEFUL, check=True)
    results = provision(head, CYCLE, pace=GRACEFUL)

    assert actions(planned) == actions(results) == dict.fromkeys(names_of(head), "restart")
    assert "restart for other kernel parameters, default-image stays" in planned["node001"].message
    assert sent_in(head, 3) == {name: ["REBOOT"] for name in names_of(head)}
    assert record_of(head).provisioned_image == "default-image"
    assert set(actions(provision(head, CYCLE, pace=GRACEFUL)).values()) == {"nothing"}


def test_other_kernel_parameters_wait_where_no_restart_is_allowed() -> None:
    head = other_kernel_parameters()

    results = provision(head, ON, pace=GRACEFUL)

    assert set(actions(results).values()) == {"nothing"}
    assert "other kernel parameters wait for a restart, which power_cycle does" in results["node001"].message


def test_the_kernel_parameters_recorded_are_those_the_node_was_started_with() -> None:
    head = other_image()
    run_killed_after_preboot(head)
    for name in names_of(head):
        head.device(name)["kernelParameters"] = "verbose"

    watched = provision(head, CYCLE, pace=GRACEFUL)
    restarted = provision(head, CYCLE, pace=GRACEFUL)

    assert set(actions(watched).values()) == {"watch"}
    assert set(actions(restarted).values()) == {"restart"}
    assert set(actions(provision(head, CYCLE, pace=GRACEFUL)).values()) == {"nothing"}


@pytest.mark.parametrize("slow", [False, True], ids=["idle", "slow"])
def test_a_restart_that_was_agreed_but_not_begun_is_not_taken_for_done_by_the_next_run(slow: bool) -> None:
    head = other_image()
    head.node("node001").daemon = "idle"
    run_killed_after_preboot(head)
    if slow:
        head.node("node001").daemon = ""
        head.node("node001").restart(*[("UP", "")] * 4, ("GOING_DOWN", ""))

    results = provision(head, CYCLE, pace=GRACEFUL)

    assert actions(results)["node001"] == "watch"
    assert outcomes(results)["node001"] == "successful"
    assert [node.boots for node in head.nodes.values()] == [1, 1, 1]
    assert sent_in(head, 3)["node001"] == (["REBOOT"] if slow else ["REBOOT", "OFF", "ON"])


def test_power_on_does_not_cut_the_power_of_a_node_that_an_earlier_run_asked_to_restart() -> None:
    head = other_image()
    head.node("node001").daemon = "idle"
    run_killed_after_preboot(head)

    results = provision(head, ON, pace=GRACEFUL)

    assert outcomes(results) == {"node001": "failed", "node002": "successful", "node003": "successful"}
    assert results["node001"].message == (
        "an earlier run asked it to restart and it did not; power_cycle cuts its power"
    )
    assert sent_in(head, 3)["node001"] == ["REBOOT"]

    again = provision(head, CYCLE, pace=GRACEFUL)

    assert actions(again) == {"node001": "watch", "node002": "nothing", "node003": "nothing"}
    assert outcomes(again)["node001"] == "successful"
    assert sent_in(head, 3)["node001"] == ["REBOOT", "OFF", "ON"]


def test_nodes_that_are_off_are_powered_while_others_restart() -> None:
    head = make_rack(2)
    provision(head, ON, "node001")
    head.device("node001")["softwareImageProxy"] = make_proxy("node001", "other-image")

    results = provision(head, CYCLE, pace=GRACEFUL)

    assert actions(results) == {"node001": "reprovision", "node002": "power_on"}
    assert sent_in(head, 1) == {"node001": ["REBOOT"], "node002": ["ON"]}


@pytest.mark.parametrize("forced", [False, True])
def test_a_closed_node_is_left_alone_unless_that_is_asked_for(forced: bool) -> None:
    head = other_image(2)
    head.node("node001").flags["closed"] = True

    def refuse(call: Call) -> httpx.Response | None:
        acts_on_closed = head.device("node001")["uuid"] in call.args[0]["devices"] and call.writes
        return answer({"count": 0, "index": 99}) if acts_on_closed and not call.args[0].get("force") else None

    head.instead["powerOperation"] = refuse
    request = Request(enable_power_action=True, power_action="power_cycle", include_closed=forced)
    results = provision(head, request)

    assert actions(results)["node002"] == "reprovision"
    assert actions(results)["node001"] == ("reprovision" if forced else "skip")
    assert outcomes(results)["node001"] == ("successful" if forced else "skipped")
