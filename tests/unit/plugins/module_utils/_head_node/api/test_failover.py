# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair of head nodes: which one is spoken to, and what happens when the other takes over."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.connection import Connection
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import (
    BcmApiError,
    BcmAuthError,
    BcmTransportError,
    BcmUnreachable,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.failover import HeadNodes
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.transport import Transport

from ....fake_head_node import PASSWORD, refusal
from ....objects import make_device

A, B = "a.example", "b.example"
DEVICE = make_device()
NOT_ACTIVE = refusal("NOT_ACTIVE", "", "This head node is not active")
GONE = httpx.ConnectError("[Errno 111] Connection refused")


class Pair:
    """Two head nodes; `active` is the one that takes writes, and `instead` what one gives instead of an answer."""

    def __init__(self) -> None:
        self.active = A
        self.told: dict[str, str] = {}  # who a head node takes for the active one, where it is mistaken
        self.instead: dict[str, httpx.Response | Exception] = {}
        self.knows_roles = True
        self.calls: list[tuple[str, str]] = []
        self.logins: list[str] = []
        self.password = PASSWORD

    def client(self, *hosts: str) -> HeadNode:
        wire = httpx.MockTransport(self._handle)
        connections = [Connection(host, username="admin", password=self.password) for host in hosts or (A, B)]
        return HeadNode(HeadNodes([Transport(each, attempts=1, http_transport=wire) for each in connections]))

    def made(self, *names: str) -> list[tuple[str, str]]:
        return [(host, call) for host, call in self.calls if call in names]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        host, body = request.url.host, json.loads(request.content)
        if body.get("service") == "login":
            if isinstance(self.instead.get(host), Exception):
                raise GONE
            self.logins.append(host)
            good = body["password"] == PASSWORD
            cookie = {"Set-Cookie": f"cm-login-token=token-of-{host}"} if good else {}
            return httpx.Response(200, json=good, headers=cookie)
        assert request.headers["Cookie"] == f"cm-login-token=token-of-{host}"
        self.calls.append((host, body["call"]))
        given = self.instead.get(host)
        if isinstance(given, Exception):
            raise given
        return given or self._answer(host, body)

    def _answer(self, host: str, body: dict[str, Any]) -> httpx.Response:
        active = self.told.get(host, self.active)
        if body["call"] in ("getActivePassiveUuids", "getVersion") and not self.knows_roles:
            return httpx.Response(400, text="Bad Request")
        answers: dict[str, Any] = {
            "getActivePassiveUuids": [active, B if active == A else A, "shared"],
            "getVersion": {"cmVersion": "11.0", "ref_node_uuid": host},
            "getDevices": [DEVICE],
            "updateDevice": {"success": True} if host == self.active else NOT_ACTIVE,
        }
        return httpx.Response(200, json=answers[body["call"]])


@pytest.mark.parametrize("hosts", [(A, B), (B, A)])
@pytest.mark.parametrize("active", [A, B])
def test_reads_and_writes_go_to_the_active_head_node_in_whatever_order_they_are_given(
    hosts: tuple[str, ...], active: str
) -> None:
    pair = Pair()
    pair.active = active
    head = pair.client(*hosts)

    head.get_devices()
    head.update("cmdevice", "Device", DEVICE)

    assert pair.made("getDevices", "updateDevice") == [(active, "getDevices"), (active, "updateDevice")]
    assert head.address == f"https://{active}:8081"


def test_who_is_active_is_asked_once() -> None:
    pair = Pair()
    head = pair.client()

    for _time in range(3):
        head.get_devices()

    assert len(pair.made("getActivePassiveUuids")) == 1
    assert pair.logins == [A]


@pytest.mark.parametrize("how", [GONE, httpx.ConnectTimeout("timed out")])
def test_one_that_can_not_be_reached_is_passed_over(how: Exception) -> None:
    pair = Pair()
    pair.active, pair.instead[A] = B, how

    assert pair.client().get_devices() == [DEVICE]


def test_a_read_whose_head_node_is_lost_is_asked_of_the_other() -> None:
    pair = Pair()
    head = pair.client()
    head.get_devices()
    pair.active, pair.instead[A] = B, httpx.ReadTimeout("timed out")

    assert head.get_devices() == [DEVICE]
    assert pair.calls[-1] == (B, "getDevices")


def test_a_write_that_was_not_sent_goes_to_the_other() -> None:
    pair = Pair()
    head = pair.client()
    head.get_devices()
    pair.active, pair.instead[A] = B, GONE

    head.update("cmdevice", "Device", DEVICE)

    assert pair.made("updateDevice")[-1] == (B, "updateDevice")


def test_a_write_that_may_have_been_performed_is_not_sent_again() -> None:
    pair = Pair()
    head = pair.client()
    head.get_devices()
    pair.active, pair.instead[A] = B, httpx.ReadTimeout("timed out")

    with pytest.raises(BcmTransportError, match="whether it was performed is unknown"):
        head.update("cmdevice", "Device", DEVICE)
    assert pair.made("updateDevice") == [(A, "updateDevice")]

    del pair.instead[A]
    head.update("cmdevice", "Device", DEVICE)
    assert pair.made("updateDevice")[-1] == (B, "updateDevice")


def test_a_write_that_a_passive_head_node_refused_goes_to_the_active_one() -> None:
    pair = Pair()
    head = pair.client()
    head.get_devices()
    pair.active = B

    head.update("cmdevice", "Device", DEVICE)

    assert pair.made("updateDevice") == [(A, "updateDevice"), (B, "updateDevice")]


def test_where_the_roles_are_not_known_the_first_is_used_until_it_refuses() -> None:
    pair = Pair()
    pair.knows_roles = False
    head = pair.client()
    head.get_devices()

    assert pair.made("getDevices") == [(A, "getDevices")]


def test_while_none_is_active_nothing_is_sent_and_the_message_names_both() -> None:
    pair = Pair()
    pair.told = {A: B}
    pair.instead[B] = GONE

    with pytest.raises(BcmUnreachable) as caught:
        pair.client().update("cmdevice", "Device", DEVICE)

    assert "https://a.example:8081 is passive" in str(caught.value)
    assert "https://b.example:8081" in str(caught.value)
    assert not pair.made("updateDevice")


def test_a_wrong_password_is_tried_at_one_head_node_only() -> None:
    pair = Pair()
    pair.password = "wrong-word"

    with pytest.raises(BcmAuthError):
        pair.client().get_devices()

    assert pair.logins == [A]


def test_a_profile_that_may_not_ask_who_is_active_is_told_so() -> None:
    pair = Pair()
    pair.instead[A] = httpx.Response(
        200, json={"errormessage": "Your certificate (profile:x) does not allow access to CMMain::getVersion\n"}
    )

    with pytest.raises(BcmAuthError, match=r"does not allow cmmain\.getActivePassiveUuids; with several head nodes"):
        pair.client().get_devices()


def test_the_only_head_node_is_not_asked_whether_it_is_active_and_says_so_when_it_is_not() -> None:
    pair = Pair()
    wire = httpx.MockTransport(pair._handle)
    alone = HeadNode(Transport(Connection(B, username="admin", password=PASSWORD), http_transport=wire))

    with pytest.raises(BcmApiError, match="this is the passive head node: give head_node the active one, or both"):
        alone.update("cmdevice", "Device", DEVICE)

    assert pair.calls == [(B, "updateDevice")]
