# SPDX-License-Identifier: GPL-3.0-or-later
"""What every call keeps: no redirect, no proxy, no secret in an error or a line, and one line per attempt."""

from __future__ import annotations

import importlib.util
import socket
import sys
import threading
import traceback
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._https import wire
from ansible_collections.baremetal.bcm.plugins.module_utils._https.blanking import blank
from ansible_collections.baremetal.bcm.plugins.module_utils._https.call_log import CallLine, CallLog
from ansible_collections.baremetal.bcm.plugins.module_utils._https.client import HttpsClient
from ansible_collections.baremetal.bcm.plugins.module_utils._https.errors import NoAnswer, NoLibrary, NotJson
from ansible_collections.baremetal.bcm.plugins.module_utils._https.exchange import Bounds, HttpRequest, Patience, Reply
from ansible_collections.baremetal.bcm.plugins.module_utils._https.retry import Retry
from ansible_collections.baremetal.bcm.plugins.module_utils._https.tls import Tls

from .loopback import say_true, speaking
from .peers import CALL, Peer, Pieces

SECRET = 'correct-"horse"-ü'
READ = Retry(attempts=3, if_performed=True, statuses=frozenset({503}))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_never_followed(status: int) -> None:
    peer = Peer(httpx.Response(status, headers={"Location": "https://elsewhere.example/json"}))

    reply = peer.client(headers={"Authorization": SECRET.encode().hex()}).send(CALL, READ)

    assert (reply.status, reply.headers["location"]) == (status, "https://elsewhere.example/json")
    assert [request.url.host for request in peer.requests] == ["peer.example"]


def test_proxies_of_the_environment_are_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    with speaking(say_true) as port:
        client = HttpsClient(f"http://127.0.0.1:{port}", Tls(), patience=Patience(1.0, 1.0, 1.0))
        assert client.send(CALL, Retry()).json() is True
        client.close()


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe\x00", "[]".encode("utf-16"), b"[NaN]", b"[1,]"])
def test_what_is_not_json_is_one_error(content: bytes) -> None:
    reply = Peer(httpx.Response(200, content=content)).client().send(CALL, Retry())

    with pytest.raises(NotJson):
        reply.json()


@pytest.mark.parametrize("charset", ["no-such-charset", "hex", "zlib_codec", "utf-16", "\u00fcber"])
def test_the_charset_that_a_server_names_is_not_asked(charset: str) -> None:
    headers = [(b"Content-Type", f"text/html; charset={charset}".encode())]

    reply = Peer(httpx.Response(200, headers=headers, content=b"plain words")).client().send(CALL, Retry())

    assert reply.text == "plain words"


def test_of_a_long_text_only_the_beginning_is_kept_for_messages() -> None:
    assert len(Reply(200, {}, {}, b"x" * 1_000_000).text) == 65_536


RAW = {
    "no HTTP": b"\x00" * 90_000 + b"\r\n\r\n",
    "a status line without end": b"HTTP/1.1 200 " + b"x" * 1_000_000,
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000,
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
    "a length of thousands of digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
    "a chunk of thousands of digits": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 5_000,
    "a header that is none": b"HTTP/1.1 200 OK\r\n" + b"\xff\x00" * 5_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW)
def test_what_is_no_http_or_too_long_is_no_answer_in_a_few_words(raw: bytes) -> None:
    def speak(connection: socket.socket, _over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(raw)

    with speaking(speak) as port:
        client = HttpsClient(f"http://127.0.0.1:{port}", Tls(), patience=Patience(5.0, 5.0, 5.0))
        with pytest.raises(NoAnswer) as caught:
            client.send(CALL, Retry())
        client.close()

    assert len(str(caught.value)) <= 500
    assert str(caught.value).isprintable()


def test_what_an_http_library_can_not_read_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="the headers of the answer can't be read"):
        Peer(ValueError("Exceeds the limit (4300 digits)")).client().send(CALL, Retry())


@pytest.mark.parametrize("wanted", ["\u00b2", "9" * 5_000, "-1", "soon"])
def test_a_pause_that_is_none_is_not_taken_from_the_server(wanted: str) -> None:
    busy = httpx.Response(503, headers=[(b"Retry-After", wanted.encode("latin-1"))])
    peer = Peer(busy, httpx.Response(200, content=b"true"))

    retry = Retry(attempts=2, statuses=frozenset({503}), heeds_retry_after=True)

    assert peer.client().send(CALL, retry).json() is True
    assert peer.clock.now_s() <= 60


# -- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [SECRET, '{"password": "correct-\\"horse\\"-ü"}', '"correct-\\"horse\\"-\\u00fc"'])
def test_a_secret_is_blanked_in_every_form_it_is_sent_in(form: str) -> None:
    cleaned = blank(f"before {form} after", ["", "horse", SECRET])

    assert "horse" not in cleaned
    assert "********" in cleaned
    assert cleaned.startswith("before")
    assert cleaned.endswith("after")


LEAKS: list[httpx.Response | Exception] = [
    httpx.ConnectError(f"cannot connect with {SECRET}"),
    httpx.ReadError(SECRET),
    httpx.LocalProtocolError(f"Illegal header value {SECRET}"),
    httpx.Response(200, headers={"Content-Encoding": SECRET.encode("unicode_escape").decode()}, stream=Pieces(b"", 0)),
]


@pytest.mark.parametrize("leak", LEAKS[:3])
def test_no_error_and_nothing_behind_it_tells_a_secret(leak: Exception) -> None:
    with pytest.raises(NoAnswer) as caught:
        Peer(leak).client(secrets=[SECRET]).send(CALL, READ)

    assert "********" in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_secret_that_is_learned_later_is_blanked_from_then_on() -> None:
    client = Peer(httpx.ReadError("cookie 0123-token")).client()

    client.hide("0123-token")

    with pytest.raises(NoAnswer, match=r"^cookie \*{8}$"):
        client.send(CALL, Retry())
    assert client.clean("the cookie is 0123-token") == "the cookie is ********"


@pytest.mark.parametrize("leak", [httpx.Response(200, text=SECRET), *LEAKS], ids=range(5))
def test_no_line_tells_anything_that_was_said(leak: httpx.Response | Exception) -> None:
    peer = Peer(leak)
    token, cookie, body = "token-of-ours", "cookie-of-ours", "body-of-ours"
    request = HttpRequest("GET", f"path/?q={body}", f"GET path {SECRET}", {"Cookie": cookie}, f'"{body}"'.encode())
    client = peer.client(secrets=[SECRET], headers={"Authorization": token})

    try:
        client.send(request, READ)
    except NoAnswer:
        assert peer.lines

    assert peer.lines
    for line in map(str, peer.lines):
        assert line.startswith("GET path ********")
        assert not [word for word in (SECRET, "horse", token, cookie, body, "peer.example") if word in line]


# -- lines ------------------------------------------------------------------------------------------------------------


def test_a_call_is_one_line() -> None:
    peer = Peer(httpx.Response(200, text="true"))

    peer.client().send(CALL, READ)

    assert peer.lines == [CallLine("service.call", "POST", 1, 250, 5, 4, "HTTP 200")]
    assert str(peer.lines[0]) == "service.call: HTTP 200, 250 ms, 5 bytes sent, 4 received"


def test_every_attempt_is_a_line() -> None:
    peer = Peer(httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.Response(503, text="no"))

    peer.client().send(CALL, READ)

    assert [str(line) for line in peer.lines] == [
        "service.call: NeverSent, 250 ms, 0 bytes sent, 0 received",
        "service.call (attempt 2): Silent, 250 ms, 5 bytes sent, 0 received",
        "service.call (attempt 3): HTTP 503, 250 ms, 5 bytes sent, 2 received",
    ]


def test_a_line_says_how_much_of_an_answer_came_before_it_was_refused() -> None:
    peer = Peer(httpx.Response(200, stream=Pieces(b"x" * 100, 100)))

    with pytest.raises(NoAnswer):
        peer.client(limits=Bounds(wire_bytes=250)).send(CALL, READ)

    assert [(line.outcome, line.received_bytes) for line in peer.lines] == [("TooLarge", 300)]


def test_nobody_has_to_listen() -> None:
    peer = Peer(httpx.Response(200, text="true"))

    assert peer.client(on_call=None).send(CALL, READ).json() is True
    assert peer.lines == []


@pytest.mark.parametrize(("count", "first"), [(3, "call 0: "), (5, "(2 earlier lines are left out)")])
def test_a_log_keeps_the_last_lines_and_counts_the_others(count: int, first: str) -> None:
    log = CallLog(kept_lines=3)

    for number in range(count):
        log.add(line(label=f"call {number}"))

    assert log.lines[0].startswith(first)
    assert log.lines[-3:] == [str(line(label=f"call {number}")) for number in range(count - 3, count)]


def line(**changes: Any) -> CallLine:
    fields: dict[str, Any] = {"label": "x", "method": "POST", "attempt": 1, "milliseconds": 1, "sent_bytes": 2}
    return CallLine(**{**fields, "received_bytes": 3, "outcome": "HTTP 200", **changes})


def test_without_httpx_everything_can_be_imported_and_nothing_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("httpx", "httpcore"):
        monkeypatch.setitem(sys.modules, name, None)
    spec = importlib.util.spec_from_file_location(wire.__name__, wire.__file__)
    assert spec is not None
    assert spec.loader is not None
    poor = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(poor)

    with pytest.raises(NoLibrary):
        poor.Wire("https://x", Tls(), headers={}, keep_alive_s=1.0, now_s=lambda: 0.0)
