# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmTransportError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.events import (
    SessionLost,
    next_events,
    open_session,
)

from ....fake_head_node import FakeHeadNode, answer

POWER = {"childType": "PowerStatusChangedEvent", "status": []}


@pytest.fixture
def head() -> FakeHeadNode:
    return FakeHeadNode()


def hear(head: FakeHeadNode, *events: dict[str, Any], wait_s: float = 10) -> list[dict[str, Any]]:
    """What one long poll gives, in a session of its own."""
    head.instead["waitForEvents"] = lambda _call: answer(list(events))
    with open_session(head.client()) as session:
        return next_events(head.client(), session, wait_s)


def test_events_come_as_they_were_sent(head: FakeHeadNode) -> None:
    assert hear(head, POWER, {"childType": "New"}) == [POWER, {"childType": "New"}]


def test_a_keep_alive_is_acknowledged(head: FakeHeadNode) -> None:
    assert POWER in hear(head, {"childType": "KeepAliveEvent"}, POWER)

    (call,) = head.names("acknowledgeKeepAlive")
    assert call.args[1] == 0


@pytest.mark.parametrize(("event", "words"), [({"reason": "CMDaemon stopped"}, "CMDaemon stopped"), ({}, "no reason")])
def test_the_end_of_the_session_is_an_error_with_its_reason(
    head: FakeHeadNode, event: dict[str, Any], words: str
) -> None:
    with pytest.raises(SessionLost, match=f"ended our session: {words}") as caught:
        hear(head, {"childType": "EndOfSessionEvent", **event})

    assert isinstance(caught.value, BcmTransportError)
    assert not head.sessions


@pytest.mark.parametrize(("wait_s", "asked_s"), [(0.0, 1), (0.2, 1), (9.1, 10)])
def test_the_head_node_is_asked_to_wait_for_whole_seconds(head: FakeHeadNode, wait_s: float, asked_s: int) -> None:
    hear(head, wait_s=wait_s)

    (call,) = head.names("waitForEvents")
    assert call.args[1] == asked_s


def test_the_session_is_closed_on_an_error(head: FakeHeadNode) -> None:
    def fail() -> None:
        with open_session(head.client()):
            assert len(head.sessions) == 1
            raise ValueError("anything")

    with pytest.raises(ValueError, match="anything"):
        fail()
    assert not head.sessions


def test_a_session_that_can_not_be_closed_hides_nothing(head: FakeHeadNode) -> None:
    head.instead["unregisterSession"] = lambda _call: httpx.Response(400)

    with open_session(head.client()) as session:
        assert session
