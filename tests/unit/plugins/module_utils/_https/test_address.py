# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that can be addressed, and their look-up, which takes no longer than it may."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._https.address import check_host, check_port, resolve
from ansible_collections.baremetal.bcm.plugins.module_utils._https.client import HttpsClient
from ansible_collections.baremetal.bcm.plugins.module_utils._https.errors import BadAddress, NeverSent, NotAccepted
from ansible_collections.baremetal.bcm.plugins.module_utils._https.exchange import Patience
from ansible_collections.baremetal.bcm.plugins.module_utils._https.retry import Retry
from ansible_collections.baremetal.bcm.plugins.module_utils._https.tls import Tls

from .loopback import say_true, speaking
from .peers import CALL

ODD_HOSTS = [
    "",
    " ",
    "a b",
    "a/b",
    "user@host",
    "-a",
    "a..b",
    ".a",
    "x" * 64,
    "a." * 200,
    "host\n",
    "[::1]",
    "a:1",
    "ü",
]


@pytest.mark.parametrize("host", ["head", "head.example.", "10.141.255.254", "fe80::1", "a_b", "x" * 63])
def test_host_names_and_addresses_are_taken(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_anything_else_is_refused_in_our_words(host: str) -> None:
    with pytest.raises(BadAddress, match="neither a host name nor an IP address"):
        check_host(host)


@pytest.mark.parametrize("port", [0, -1, 65536, 10**30])
def test_a_port_has_bounds(port: int) -> None:
    with pytest.raises(BadAddress, match="no port"):
        check_port(port)


@pytest.mark.parametrize(
    "url", ["https://a b", "https://[::1", "https://a:99999", "https://x\n", "https://-a-", "https://"]
)
def test_a_client_of_an_odd_url_is_not_made(url: str) -> None:
    with pytest.raises(BadAddress):
        HttpsClient(url, Tls(), patience=Patience())


@pytest.mark.parametrize("value", ["tökén", "a\r\nX: y", "\x00"])
def test_a_header_that_can_not_be_sent_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(BadAddress, match="the header Authorization takes printable ASCII") as caught:
        HttpsClient("https://a.example", Tls(), patience=Patience(), headers={"Authorization": value})

    assert value not in str(caught.value)


def test_an_odd_name_for_tls_is_refused() -> None:
    with pytest.raises(BadAddress):
        HttpsClient("https://a.example", Tls(server_name="a..b"), patience=Patience())


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the look-up of each name gives; an event is waited for."""
    names: dict[str, Any] = {}

    def getaddrinfo(host: str, port: int, *_how: Any, **_options: Any) -> list[Any]:
        found = names.get(host, [host])
        if isinstance(found, threading.Event):
            found.wait(30)
            found = []
        if isinstance(found, Exception):
            raise found
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


def test_a_look_up_that_does_not_end_is_left_behind(looked_up: dict[str, Any]) -> None:
    looked_up["slow.example"] = over = threading.Event()
    begun_s = time.monotonic()

    with pytest.raises(NotAccepted):
        HttpsClient("https://slow.example", Tls(), patience=Patience(connect_s=0.2)).send(CALL, Retry())

    assert time.monotonic() - begun_s < 10
    over.set()


def test_a_name_that_does_not_exist_was_never_sent_to(looked_up: dict[str, Any]) -> None:
    looked_up["gone.example"] = socket.gaierror(-2, "Name or service not known")

    with pytest.raises(NeverSent, match=r"gone\.example: Name or service not known"):
        HttpsClient("https://gone.example", Tls(), patience=Patience()).send(CALL, Retry())


def test_each_address_of_a_name_is_tried_in_turn(looked_up: dict[str, Any]) -> None:
    looked_up["two.example"] = ["127.0.0.2", "127.0.0.1"]

    with speaking(say_true) as port:
        client = HttpsClient(f"http://two.example:{port}", Tls(), patience=Patience(1.0, 1.0, 1.0))
        assert client.send(CALL, Retry()).json() is True
        client.close()


@pytest.mark.usefixtures("looked_up")
def test_an_ip_address_needs_no_look_up() -> None:
    assert resolve("127.0.0.1", 80, 1.0) == ["127.0.0.1"]
