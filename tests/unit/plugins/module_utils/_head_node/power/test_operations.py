# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.power import Failure, PowerResult
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.events import open_session
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.channel import targets_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.operations import HeadNodePower

from ....fake_head_node import Call, FakeHeadNode, answer
from ....objects import make_bmc_settings, make_device, make_references

Raw = dict[str, Any]


def make_rack(count: int = 2) -> FakeHeadNode:
    return FakeHeadNode(*(make_device(f"node{number:03d}", number) for number in range(1, count + 1)))


def open_power(head: FakeHeadNode, session: str) -> HeadNodePower:
    devices = {raw["hostname"]: raw for raw in head.devices.values() if raw["childType"] == "PhysicalNode"}
    return HeadNodePower(head.client(), session, head.clock, targets_of(devices, make_references()))


def perform(head: FakeHeadNode, **actions: str) -> dict[str, PowerResult]:
    """Do this to each node, as a caller does: states first."""
    with open_session(head.client()) as session:
        power = open_power(head, session)
        return power.run(actions, power.states(list(actions)))


def read_states(head: FakeHeadNode, *names: str) -> dict[str, PowerResult]:
    with open_session(head.client()) as session:
        return open_power(head, session).states(names)


def told(results: dict[str, PowerResult]) -> dict[str, tuple[str, str, tuple[str, ...], Failure | None]]:
    return {name: (result.before, result.after, result.sent, result.failure) for name, result in results.items()}


@pytest.mark.parametrize(
    ("action", "before", "after", "sent"),
    [
        ("on", "OFF", "ON", ("ON",)),
        ("off", "ON", "OFF", ("OFF",)),
        ("cycle", "ON", "ON", ("OFF", "ON")),
        ("reset", "ON", "ON", ("RESET",)),
    ],
)
def test_an_action_is_sent_for_all_in_one_call_and_proven_by_status(
    action: str, before: str, after: str, sent: tuple[str, ...]
) -> None:
    head = make_rack(3)
    for node in head.nodes.values():
        node.power = before

    results = perform(head, node001=action, node002=action, node003=action)

    assert told(results) == {f"node00{number}": (before, after, sent, None) for number in (1, 2, 3)}
    assert head.operations() == list(sent)
    assert not head.sessions


def test_different_actions_are_one_call_each() -> None:
    head = make_rack(3)
    head.node("node002").power = "ON"

    results = perform(head, node001="on", node002="cycle", node003="on")

    assert told(results) == {
        "node001": ("OFF", "ON", ("ON",), None),
        "node002": ("ON", "ON", ("OFF", "ON"), None),
        "node003": ("OFF", "ON", ("ON",), None),
    }
    assert head.operations() == ["ON", "OFF", "ON"]


def test_a_cycle_confirms_that_the_node_is_off_before_it_is_switched_on() -> None:
    head = make_rack(1)
    (node,) = head.nodes.values()
    node.power = "ON"
    seen: list[tuple[str, str]] = []

    def note(call: Call) -> httpx.Response | None:
        seen.append((call.args[0]["operation"], node.power))
        return None

    head.instead["powerOperation"] = note
    perform(head, node001="cycle")

    assert seen == [("STATUS", "ON"), ("OFF", "ON"), ("STATUS", "OFF"), ("ON", "OFF"), ("STATUS", "ON")]


def test_a_slow_bmc_is_asked_again_until_its_state_is_the_wanted_one() -> None:
    head = make_rack(1)
    (node,) = head.nodes.values()
    node.bmc = "idle"
    asked: list[str] = []

    def count(call: Call) -> httpx.Response | None:
        asked.append(call.args[0]["operation"])
        if len(asked) == 5:
            node.power = "ON"
        return None

    head.instead["powerOperation"] = count
    results = perform(head, node001="on")

    assert told(results) == {"node001": ("OFF", "ON", ("ON",), None)}
    assert asked == ["STATUS", "ON", "STATUS", "STATUS", "STATUS"]
    assert results["node001"].seconds == 4.0


def test_nodes_whose_turn_comes_late_are_waited_for_though_the_session_was_lost_meanwhile() -> None:
    head = make_rack(3)
    names = ("node001", "node002", "node003")
    for node in head.nodes.values():
        node.bmc = "silent"
    power = open_power(head, head.client().register_session())
    power.stagger_s = 100.0
    power.begin(dict.fromkeys(names, "on"), {name: PowerResult(before="OFF") for name in names})
    power.step(0.0)
    for node in head.nodes.values():
        node.bmc = "idle"
    power.resume(head.client().register_session())

    results: dict[str, PowerResult] = {}
    while power.is_busy:
        for number, node in enumerate(head.nodes.values()):
            node.power = "ON" if head.clock.now_s() >= 100.0 * number else "OFF"
        results.update(power.step(10.0)[0])

    assert told(results) == dict.fromkeys(names, ("OFF", "ON", ("ON",), None))


def test_what_was_accepted_and_did_not_happen_is_an_error() -> None:
    head = make_rack(2)
    head.node("node001").bmc = "idle"

    results = perform(head, node001="on", node002="on")

    assert told(results) == {
        "node001": ("OFF", "OFF", ("ON",), Failure.NOT_CONFIRMED),
        "node002": ("OFF", "ON", ("ON",), None),
    }
    assert results["node001"].error == (
        "power ON was accepted, but 60 s later the power state is OFF (not confirmed, BMC 10.148.0.1)"
    )
    assert head.clock.now_s() < 120


def test_a_bmc_that_refuses_fails_its_node_alone_with_its_words() -> None:
    head = make_rack(2)
    head.node("node001").bmc = "refuses"

    with open_session(head.client()) as session:
        results = open_power(head, session).run(
            {"node001": "on", "node002": "on"}, {"node001": PowerResult("OFF"), "node002": PowerResult("OFF")}
        )

    assert results["node001"].failure is Failure.REFUSED
    assert results["node001"].message == "power ON failed: command failed: chassis is busy"
    assert results["node002"].failure is None


def test_a_bmc_that_says_nothing_fails_its_node_alone_in_time() -> None:
    head = make_rack(2)
    head.node("node001").bmc = "silent"

    states = read_states(head, "node001", "node002")

    assert states["node001"].failure is Failure.UNREACHABLE
    assert "no result of power STATUS within 60 s" in states["node001"].error
    assert "BMC 10.148.0.1" in states["node001"].error
    assert states["node002"].after == "OFF"
    assert 60 <= head.clock.now_s() <= 70


def test_a_node_that_does_not_go_off_is_not_switched_on() -> None:
    head = make_rack(2)
    for node in head.nodes.values():
        node.power = "ON"
    head.node("node001").bmc = "idle"

    results = perform(head, node001="cycle", node002="cycle")

    assert results["node001"].sent == ("OFF",)
    assert results["node001"].failure is Failure.NOT_CONFIRMED
    assert results["node002"].sent == ("OFF", "ON")


@pytest.mark.parametrize("state", ["SKIPPED", "CANCELED", "UNKNOWN"])
def test_another_result_is_an_error_that_tells_it(state: str) -> None:
    head = make_rack(1)

    def skip(call: Call) -> httpx.Response | None:
        if call.args[0]["operation"] == "STATUS":
            return None
        head.events.append(event(head, 99, state))
        return answer({"count": 1, "index": 99})

    head.instead["powerOperation"] = skip

    assert perform(head, node001="on")["node001"].message == f"power ON failed: the head node reports {state}"


def event(head: FakeHeadNode, index: int, state: str, name: str = "node001") -> Raw:
    status = {"device": head.device(name)["uuid"], "indexes": [index], "state": state}
    return {"childType": "PowerStatusChangedEvent", "status": [status]}


def read_state_from(head: FakeHeadNode, *events: Raw) -> str:
    """The state of node001 where STATUS has index 7 and these events come, one an answer."""
    queue = list(events)

    def next_event(_call: Call) -> httpx.Response | None:
        return answer([queue.pop(0)]) if queue else None

    head.instead["powerOperation"] = lambda _call: answer({"count": 1, "index": 7})
    head.instead["waitForEvents"] = next_event
    return read_states(head, "node001")["node001"].after


def test_events_of_others_are_not_ours() -> None:
    head = make_rack(2)

    state = read_state_from(
        head,
        {"childType": "EntitiesChangedEvent"},
        {"childType": "PowerStatusChangedEvent", "status": None},
        event(head, 6, "OFF"),
        event(head, 7, "OFF", "node002"),
        event(head, 7, "PENDING"),
        event(head, 7, "ON"),
    )

    assert state == "ON"


@pytest.mark.parametrize(
    ("kind", "is_news"),
    [
        ("DeviceStatusChangedEvent", True),
        # A slot that is given shows in the message of a status alone.
        ("ProvisioningEvent", True),
        ("EntitiesChangedEvent", False),
        ("WarningEvent", False),
    ],
)
def test_who_waits_is_told_when_the_status_of_devices_is_worth_a_reading(kind: str, is_news: bool) -> None:
    head = make_rack()
    client = head.client()
    power = open_power(head, client.register_session())
    head.events.append({"childType": kind})

    assert power.step(10) == ({}, is_news)


def test_a_node_that_has_no_bmc_fails_alone_and_nothing_counts_as_sent() -> None:
    head = FakeHeadNode(make_device(powerControl="none"), make_device("node002", 2))

    results = perform(head, node001="on", node002="on")

    assert results["node001"].failure is not None
    assert told(results)["node002"] == ("OFF", "ON", ("ON",), None)


def test_where_nothing_is_started_the_power_control_is_named() -> None:
    head = FakeHeadNode(make_device(powerControl="none"))

    with open_session(head.client()) as session:
        power = open_power(head, session)
        states = power.states(["node001"])
        results = power.run({"node001": "on"}, {"node001": PowerResult()})

    assert "powerControl must name a BMC interface" in states["node001"].error
    assert "powerControl must name a BMC interface" in results["node001"].error
    assert results["node001"].sent == ()


def test_no_node_is_no_call() -> None:
    head = make_rack(1)

    assert read_states(head) == {}
    assert perform(head) == {}
    assert not head.names("powerOperation")


def test_states_are_told_with_the_reason_where_they_are_not_known() -> None:
    head = make_rack(3)
    head.node("node001").power = "ON"
    head.node("node002").bmc = "refuses"

    states = read_states(head, "node001", "node002", "node003")

    assert {name: state.after for name, state in states.items()} == {
        "node001": "ON",
        "node002": "UNKNOWN",
        "node003": "OFF",
    }
    assert states["node002"].message == "the power state is unknown: command failed: chassis is busy"


def test_wrong_credentials_are_tried_on_two_bmcs_and_no_more() -> None:
    head = make_rack(6)
    for node in head.nodes.values():
        node.bmc = "locked"

    states = read_states(head, *(f"node00{number}" for number in range(1, 7)))

    assert [call.args[0]["devices"] for call in head.names("powerOperation")] == [
        [head.device("node001")["uuid"]],
        [head.device("node002")["uuid"]],
    ]
    failures = [state.failure for state in states.values()]
    assert failures == [Failure.CREDENTIALS] * 2 + [Failure.NOT_TRIED] * 4
    assert "its credentials were refused by node001 (10.148.0.1), node002" in states["node006"].error


def test_other_credentials_do_not_suffer_from_wrong_ones() -> None:
    head = make_rack(4)
    for name in ("node001", "node002", "node003"):
        head.node(name).bmc = "locked"
    head.device("node004")["bmcSettings"] = make_bmc_settings("node004", userName="other", password="good")

    states = read_states(head, "node001", "node002", "node003", "node004")

    assert states["node003"].failure is Failure.NOT_TRIED
    assert states["node004"].after == "OFF"


def test_one_bmc_that_refuses_the_login_does_not_stop_the_others() -> None:
    head = make_rack(4)
    head.node("node001").bmc = "locked"

    states = read_states(head, "node001", "node002", "node003", "node004")

    assert [state.failure for state in states.values()] == [Failure.CREDENTIALS, None, None, None]
    assert len(head.names("powerOperation")) == 3


def test_no_result_tells_the_password_of_a_bmc() -> None:
    head = make_rack(3)
    for node in head.nodes.values():
        node.bmc = "locked"

    with open_session(head.client()) as session:
        power = open_power(head, session)
        states = power.states(["node001", "node002", "node003"])

    assert "bmc-secret" not in repr(power.targets) + repr(states)
