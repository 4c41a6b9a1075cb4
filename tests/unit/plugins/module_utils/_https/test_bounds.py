# SPDX-License-Identifier: GPL-3.0-or-later
"""However large an answer is and however slowly it comes, what is held and how long it is waited for has an end."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._https.body import BodyReader
from ansible_collections.baremetal.bcm.plugins.module_utils._https.client import HttpsClient
from ansible_collections.baremetal.bcm.plugins.module_utils._https.errors import (
    MaybePerformed,
    NoAnswer,
    Silent,
    TookTooLong,
    TooLarge,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._https.exchange import Bounds, HttpRequest, Patience
from ansible_collections.baremetal.bcm.plugins.module_utils._https.retry import Retry
from ansible_collections.baremetal.bcm.plugins.module_utils._https.tls import Tls

from .loopback import speaking
from .peers import CALL, Peer, Pieces

LIMITS = Bounds(wire_bytes=2000, body_bytes=5000)
ALWAYS = Retry(attempts=3, if_performed=True)
GZIP = {"Content-Encoding": "gzip"}


def answering(**response: Any) -> Peer:
    return Peer(httpx.Response(200, **response))


# -- size -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2000])
def test_a_body_up_to_the_limit_is_an_answer(size: int) -> None:
    reply = answering(content=b"x" * size).client(limits=LIMITS).send(CALL, Retry())

    assert len(reply.body) == size


def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    body = Pieces(b"x", 3000)
    peer = answering(headers={"Content-Length": "3000"}, stream=body)

    with pytest.raises(TooLarge, match="larger than 2000 bytes"):
        peer.client(limits=LIMITS).send(CALL, ALWAYS)

    assert body.given == 0


def test_a_body_that_does_not_say_its_size_is_read_up_to_the_limit() -> None:
    body = Pieces(b"x" * 100, 10_000)

    with pytest.raises(TooLarge):
        answering(stream=body).client(limits=LIMITS).send(CALL, ALWAYS)

    assert body.given == 21


def test_what_is_too_large_is_not_asked_for_again() -> None:
    peer = answering(content=b"x" * 3000)

    with pytest.raises(TooLarge):
        peer.client(limits=LIMITS).send(CALL, ALWAYS)

    assert len(peer.requests) == 1


def test_a_packed_body_is_unpacked() -> None:
    content = gzip.compress(b'{"a": 1}')
    peer = answering(headers=GZIP, stream=Pieces(content, 1))

    assert peer.client(limits=LIMITS).send(CALL, Retry()).json() == {"a": 1}
    assert peer.requests[0].headers["Accept-Encoding"] == "gzip"
    assert peer.lines[0].received_bytes == len(content)


@pytest.mark.parametrize(("size", "fits"), [(5000, True), (5001, False)])
def test_a_packed_body_is_bounded_by_what_it_unpacks_to(size: int, fits: bool) -> None:
    client = answering(headers=GZIP, stream=Pieces(gzip.compress(b"x" * size), 1)).client(limits=LIMITS)

    if fits:
        assert len(client.send(CALL, Retry()).body) == size
    else:
        with pytest.raises(TooLarge, match="larger than 5000 bytes"):
            client.send(CALL, Retry())


def test_a_bomb_is_never_unpacked_further_than_one_byte_past_the_limit() -> None:
    reader = BodyReader(Bounds(wire_bytes=10**7, body_bytes=5000))
    reader.begin({"content-encoding": "gzip"})

    with pytest.raises(TooLarge):
        reader.add(gzip.compress(bytes(10**7)))

    assert reader._size_bytes == 5001


def test_a_packed_body_that_unpacks_to_nothing_is_bounded_by_what_crosses_the_wire() -> None:
    packer = zlib.compressobj(wbits=31)
    empty_blocks = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH) * 1000

    with pytest.raises(TooLarge, match="larger than 2000 bytes"):
        answering(headers=GZIP, stream=Pieces(empty_blocks, 1)).client(limits=LIMITS).send(CALL, Retry())


DAMAGED = {
    "no gzip": (b"plain", "gzip", "damaged"),
    "half of it": (gzip.compress(b"x" * 100)[:-10], "gzip", "ends too early"),
    "not asked for": (b"x", "br", "packed as 'br', which was not asked for"),
    "packed twice": (gzip.compress(gzip.compress(b"x")), "gzip, gzip", "packed as 'gzip, gzip'"),
}


@pytest.mark.parametrize(("content", "encoding", "words"), DAMAGED.values(), ids=DAMAGED)
def test_a_body_that_can_not_be_unpacked_is_no_answer(content: bytes, encoding: str, words: str) -> None:
    peer = answering(headers={"Content-Encoding": encoding}, stream=Pieces(content, 1))

    with pytest.raises(MaybePerformed, match=words):
        peer.client(limits=LIMITS).send(CALL, Retry())


def test_no_body_at_all_is_not_unpacked() -> None:
    assert answering(headers=GZIP, stream=Pieces(b"", 0)).client().send(CALL, Retry()).body == b""


def test_what_comes_after_a_packed_body_is_left_out() -> None:
    peer = answering(headers=GZIP, stream=Pieces(gzip.compress(b"true"), 3))

    assert peer.client().send(CALL, Retry()).body == b"true"


# -- time -------------------------------------------------------------------------------------------------------------


def dripping(every_s: float) -> tuple[Peer, Pieces]:
    peer = Peer()
    body = Pieces(b"x", 1000, peer.clock, every_s)
    peer._answers = [httpx.Response(200, stream=body)]
    return peer, body


def test_a_body_that_drips_is_given_up_when_the_time_for_the_whole_is_over() -> None:
    peer, body = dripping(10.0)

    with pytest.raises(TookTooLong, match="did not end within 300 s"):
        peer.client().send(CALL, ALWAYS)

    assert body.given == 30
    assert len(peer.requests) == 1


@pytest.mark.parametrize(("read_s", "given"), [(60.0, 30), (400.0, 80)])
def test_a_long_poll_has_its_own_longer_time(read_s: float, given: int) -> None:
    peer, body = dripping(10.0)

    with pytest.raises(TookTooLong):
        peer.client().send(CALL, Retry(), Patience(read_s=read_s))

    assert body.given == given


def drip_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not over.wait(0.01):
        connection.sendall(b"x")


def drip_body(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not over.wait(0.01):
        connection.sendall(b"x")


def sip_request(connection: socket.socket, over: threading.Event) -> None:
    while not over.wait(0.01):
        connection.recv(20_000)


@pytest.mark.parametrize(("speak", "sent_bytes"), [(drip_headers, 1), (drip_body, 1), (sip_request, 20_000_000)])
def test_a_peer_that_drips_over_a_real_connection_is_given_up_in_time(speak: Any, sent_bytes: int) -> None:
    with speaking(speak) as port:
        client = HttpsClient(f"http://127.0.0.1:{port}", Tls(), patience=Patience(5.0, 1.0, 2.0))
        # Without the bound this would take hours.
        with pytest.raises(TookTooLong):
            client.send(HttpRequest("POST", "/", "call", content=bytes(sent_bytes)), ALWAYS)
        client.close()


def say_nothing(_connection: socket.socket, over: threading.Event) -> None:
    over.wait(60)


def test_a_peer_that_says_nothing_is_silent_not_slow() -> None:
    with speaking(say_nothing) as port:
        client = HttpsClient(f"http://127.0.0.1:{port}", Tls(), patience=Patience(1.0, 0.05, 5.0))
        with pytest.raises(Silent):
            client.send(CALL, Retry())
        client.close()


def test_a_time_that_is_over_is_over_for_this_exchange_alone() -> None:
    peer, _body = dripping(400.0)
    client = peer.client()

    with pytest.raises(NoAnswer):
        client.send(CALL, Retry())
    peer._answers = [httpx.Response(200, text="true")]

    assert client.send(CALL, Retry()).json() is True
