# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary where the head node logs in to the BMCs: a wrong password would lock a whole data centre there too."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.power import Failure, PowerResult
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.events import open_session
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.channel import targets_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.operations import HeadNodePower

from ...fake_head_node import Call, FakeHeadNode, answer
from ...objects import make_bmc_settings, make_device, make_references

SECRET = "bmc-secret"


def make_rack(count: int) -> FakeHeadNode:
    return FakeHeadNode(*(make_device(f"node{number:03d}", number) for number in range(1, count + 1)))


def names_of(head: FakeHeadNode) -> list[str]:
    return [head.devices[uuid]["hostname"] for uuid in head.nodes]


def ask_all(head: FakeHeadNode) -> dict[str, PowerResult]:
    devices = {raw["hostname"]: raw for raw in head.devices.values() if raw["uuid"] in head.nodes}
    with open_session(head.client()) as session:
        path = HeadNodePower(head.client(), session, head.clock, targets_of(devices, make_references()))
        return path.states(list(devices))


def asked(head: FakeHeadNode) -> list[list[str]]:
    """The nodes of each power call, by name."""
    calls = head.names("powerOperation")
    return [[head.devices[uuid]["hostname"] for uuid in call.args[0]["devices"]] for call in calls]


def failures_of(results: dict[str, PowerResult]) -> list[Failure | None]:
    return [results[name].failure for name in sorted(results)]


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_a_wrong_password_for_all_touches_two(count: int) -> None:
    head = make_rack(count)
    for node in head.nodes.values():
        node.bmc = "locked"

    states = ask_all(head)

    assert asked(head) == [["node001"], ["node002"]][:count]
    refused = [Failure.CREDENTIALS] * min(count, 2)
    assert failures_of(states) == refused + [Failure.NOT_TRIED] * (count - len(refused))


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["", "locked", "refuses"]), min_size=1, max_size=8))
def test_whatever_the_bmcs_do_each_is_asked_at_most_once_and_answered_for(bmcs: list[str]) -> None:
    head = make_rack(len(bmcs))
    for node, behaviour in zip(head.nodes.values(), bmcs, strict=True):
        node.bmc = behaviour

    states = ask_all(head)

    touched = [name for call in asked(head) for name in call]
    assert len(touched) == len(set(touched))
    assert set(states) == set(names_of(head))
    assert {name for name, state in states.items() if state.failure is Failure.NOT_TRIED} == set(states) - set(touched)
    if "" in bmcs:
        first_well = bmcs.index("")
        assert (Failure.NOT_TRIED in failures_of(states)) == (bmcs[:first_well].count("locked") >= 2)


def test_one_that_accepts_releases_all_others_in_one_call() -> None:
    head = make_rack(6)

    ask_all(head)

    assert asked(head) == [["node001"], ["node002", "node003", "node004", "node005", "node006"]]


def test_a_silent_canary_is_followed_by_two() -> None:
    head = make_rack(4)
    head.node("node001").bmc = "silent"

    states = ask_all(head)

    assert asked(head) == [["node001"], ["node002", "node003"], ["node004"]]
    assert failures_of(states) == [Failure.UNREACHABLE, None, None, None]


def test_what_is_not_tried_names_the_user_and_the_bmcs_and_not_the_password() -> None:
    head = make_rack(3)
    for node in head.nodes.values():
        node.bmc = "locked"

    states = ask_all(head)

    assert states["node003"].error == (
        "not tried: its credentials were refused by node001 (10.148.0.1), node002 (10.148.0.2); "
        "correct them in BCM first (not tried, BMC 10.148.0.3)"
    )
    assert states["node003"].tries == 0
    assert SECRET not in repr(states)


def test_the_same_user_with_another_password_is_another_set() -> None:
    head = make_rack(4)
    for name in ("node001", "node002"):
        head.node(name).bmc = "locked"
    for name in ("node003", "node004"):
        head.device(name)["bmcSettings"] = make_bmc_settings(name, password="another-secret")

    states = ask_all(head)

    assert failures_of(states) == [Failure.CREDENTIALS, Failure.CREDENTIALS, None, None]
    assert asked(head)[0] == ["node001", "node003"]


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("RAKP 2 HMAC is invalid", Failure.CREDENTIALS),
        ("Unauthorized name", Failure.CREDENTIALS),
        ("BMC 10.148.0.1 refused user name or password", Failure.CREDENTIALS),
        ("Invalid credentials", Failure.CREDENTIALS),
        ("Authentication failed", Failure.CREDENTIALS),
        ("Insufficient privilege level", Failure.CREDENTIALS),
        ("Unable to establish IPMI v2 / RMCP+ session", Failure.UNREACHABLE),
        ("No response from BMC 10.148.0.1", Failure.UNREACHABLE),
        ("connection timed out", Failure.UNREACHABLE),
        ("no route to host", Failure.UNREACHABLE),
        ("host is unreachable", Failure.UNREACHABLE),
        ("login timeout", Failure.UNREACHABLE),
        ("command not supported in present state", Failure.REFUSED),
        ("chassis is busy", Failure.REFUSED),
        ("", Failure.REFUSED),
    ],
)
def test_the_head_nodes_texts_have_a_class(text: str, failure: Failure) -> None:
    head = make_rack(1)

    def fail(call: Call) -> httpx.Response:
        (uuid,) = call.args[0]["devices"]
        status = {"device": uuid, "indexes": [1], "state": "FAILED", "msg": text, "extendedMsg": ""}
        head.events.append({"childType": "PowerStatusChangedEvent", "status": [status]})
        return answer({"count": 1, "index": 1})

    head.instead["powerOperation"] = fail
    state = ask_all(head)["node001"]

    assert state.failure is failure
    assert f"({failure.value}, BMC 10.148.0.1)" in state.error
