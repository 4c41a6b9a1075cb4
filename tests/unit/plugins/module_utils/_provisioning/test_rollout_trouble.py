# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs while the head node is in trouble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmTransportError
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace

from ...fake_head_node import Call, FakeHeadNode, Killed, answer
from .driving import actions, make_rack, outcomes, provision, record_of


def for_a_while(
    head: FakeHeadNode, lasts_s: float, broken: Callable[[], httpx.Response], pause_s: float = 0.0
) -> Callable[[Call], Any]:
    """Answer so once power was sent, for this long."""
    began: list[float] = []

    def respond(call: Call) -> httpx.Response | None:
        if call.name == "powerOperation" or not head.operations():
            return None
        began[:] = began or [head.clock.now_s()]
        if head.clock.now_s() - began[0] >= lasts_s:
            return None
        head.clock.sleep(pause_s)
        return broken()

    return respond


TROUBLE: dict[str, Callable[[FakeHeadNode], dict[str, Callable[[Call], Any]]]] = {
    "status errors for a minute": lambda head: {
        "getStatusForDevices": for_a_while(head, 60, lambda: answer({"errormessage": "busy"}))
    },
    "nonsense for a minute": lambda head: {"getStatusForDevices": for_a_while(head, 60, lambda: answer("what?"))},
    "away for a minute": lambda head: dict.fromkeys(
        ("getStatusForDevices", "waitForEvents", "registerSession", "getDevicesByUuids", "updateDevice"),
        for_a_while(head, 60, lambda: httpx.Response(503)),
    ),
    "session ends": lambda head: {
        "waitForEvents": for_a_while(
            head, 5, lambda: answer([{"childType": "EndOfSessionEvent", "reason": "CMDaemon stopped"}])
        )
    },
    "session is forgotten": lambda head: {
        "waitForEvents": for_a_while(head, 5, lambda: answer({"errormessage": "unknown session"}))
    },
    "keep-alives": lambda head: {
        "waitForEvents": for_a_while(head, 5, lambda: answer([{"childType": "KeepAliveEvent"}]), pause_s=1)
    },
    "slots are secret": lambda _head: {
        "getProvisioningStatus": lambda _call: answer({"errormessage": "does not allow access"})
    },
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
def test_trouble_of_the_head_node_delays_a_run_and_changes_nothing(
    trouble: Callable[[FakeHeadNode], dict[str, Callable[[Call], Any]]],
) -> None:
    head = make_rack(3)
    head.instead.update(trouble(head))

    results = provision(head, direct=True)

    assert set(outcomes(results).values()) == {"successful"}, {name: one.message for name, one in results.items()}
    assert [node.boots for node in head.nodes.values()] == [1, 1, 1]
    assert head.operations() == ["ON"]
    assert record_of(head).provisioned_image == "default-image"


def test_where_there_are_no_sessions_nodes_under_way_are_still_watched() -> None:
    head = make_rack(2)
    head.instead["getStatusForDevices"] = lambda _call: head.die() if head.operations() else None
    with pytest.raises(Killed):
        provision(head)
    head.revive()
    sessions = len(head.names("registerSession"))
    head.instead["registerSession"] = lambda _call: (
        answer({"errormessage": "no more sessions"}) if len(head.names("registerSession")) > sessions + 1 else None
    )

    results = provision(head)

    assert set(actions(results).values()) == {"watch"}
    assert set(outcomes(results).values()) == {"successful"}


def refuse_power(head: FakeHeadNode, error: Exception, *, performed: bool) -> None:
    """The first ON has no answer."""
    failed: list[int] = []

    def fail(call: Call) -> httpx.Response | None:
        if call.args[0]["operation"] != "ON" or failed:
            return None
        failed.append(1)
        if performed:
            head._cmdevice_power_operation(call.args[0])
        raise error

    head.instead["powerOperation"] = fail


def test_power_that_never_left_is_sent_once_the_head_node_is_there() -> None:
    head = make_rack(2)
    refuse_power(head, httpx.ConnectError("refused"), performed=False)

    results = provision(head)

    assert set(outcomes(results).values()) == {"successful"}
    assert [entry["operation"] for entry in head.history] == ["ON", "ON"]


@pytest.mark.parametrize("performed", [True, False])
def test_power_without_an_answer_is_never_sent_twice(performed: bool) -> None:
    head = make_rack(2)
    refuse_power(head, httpx.ReadTimeout("slow"), performed=performed)

    results = provision(head)

    assert [call.args[0]["operation"] for call in head.names("powerOperation") if call.writes] == ["ON"]
    assert set(outcomes(results).values()) == ({"successful"} if performed else {"failed"})
    if not performed:
        assert "power ON was accepted, but 60 s later the power state is OFF" in results["node001"].message


def test_a_head_node_that_stays_away_ends_the_run_after_the_outage_allowed() -> None:
    head = make_rack(2)
    head.instead["getStatusForDevices"] = lambda _call: httpx.Response(503) if head.operations() else None

    with pytest.raises(BcmTransportError):
        provision(head, pace=Pace(outage_s=90), direct=True)

    assert 90 <= head.clock.now_s() < 130
