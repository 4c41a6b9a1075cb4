# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.answer import Answer
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.connection import Connection
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import (
    BcmAuthError,
    BcmConfigError,
    BcmError,
    BcmProtocolError,
    BcmTransportError,
    BcmUnreachable,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.transport import Transport
from ansible_collections.baremetal.bcm.plugins.module_utils._https import wire
from ansible_collections.baremetal.bcm.plugins.module_utils._https.exchange import Bounds
from ansible_collections.baremetal.bcm.plugins.module_utils._https.tls import WrongFingerprint

from ..._https.certificates import make_certificate

SECRET = "a-secret-word"
CONNECTION = Connection("head.example", username="admin", password=SECRET)
LOGIN_PAGE = "<!DOCTYPE html>\n<HTML><title>Login</title></html>"
BODY = {"service": "cmdevice", "call": "getDevices", "args": []}

Reply = Callable[[dict[str, Any]], httpx.Response]


class Server:
    """Answers logins, and calls with what the test says, one reply after the other; the last one is repeated."""

    def __init__(self, *replies: Reply | httpx.Response | Exception) -> None:
        self._replies = list(replies)
        self.logins = 0
        self.tokens: list[str | None] = []
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        content = request.content
        if request.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        body = json.loads(content) if content else {}
        if body.get("service") == "login":
            self.logins += 1
            cookie = {"Set-Cookie": f"cm-login-token=token{self.logins};path=/;Secure;httponly"}
            good = body["password"] == SECRET
            return httpx.Response(200, json=good, headers=cookie if good else {})
        self.requests.append(request)
        self.tokens.append(request.headers.get("Cookie"))
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, httpx.Response) else reply(body)

    def transport(self, connection: Connection = CONNECTION, **options: Any) -> Transport:
        return Transport(
            connection, http_transport=httpx.MockTransport(self.handle), sleep=self.slept.append, **options
        )


def good(value: Any = True) -> Reply:
    return lambda _body: httpx.Response(200, content=json.dumps(value))


def page() -> Reply:
    return lambda _body: httpx.Response(200, text=LOGIN_PAGE)


def read(server: Server, **options: Any) -> Answer:
    return server.transport(**options).call(BODY, name="cmdevice.getDevices", reads=True)


def write(server: Server) -> Answer:
    return server.transport().call(BODY, name="cmdevice.updateDevice", reads=False)


def test_one_login_serves_all_calls() -> None:
    server = Server(good([]))
    transport = server.transport()

    for _call in range(3):
        transport.call(BODY, name="x", reads=True)
    transport.get("/rest/v1/version")

    assert server.logins == 1
    assert set(server.tokens) == {"cm-login-token=token1"}


def test_a_client_certificate_needs_no_login(tmp_path: Path) -> None:
    pem = make_certificate("client").write(tmp_path)
    server = Server(good([]))

    read_answer = server.transport(Connection("head.example", client_cert=str(pem))).call(BODY, name="x", reads=True)

    assert read_answer.value == []
    assert server.logins == 0
    assert server.tokens == [None]


def test_a_wrong_password_is_tried_once() -> None:
    server = Server(good())

    with pytest.raises(BcmAuthError, match="refused the username or the password") as caught:
        server.transport(Connection("head.example", username="admin", password="wrong-word")).call(
            BODY, name="x", reads=True
        )

    assert server.logins == 1
    assert not server.requests
    assert "wrong-word" not in str(caught.value)


def test_what_answers_the_login_with_a_page_is_no_head_node() -> None:
    some_page = httpx.MockTransport(lambda _request: httpx.Response(200, text="<html>It works!"))
    transport = Transport(CONNECTION, http_transport=some_page)

    with pytest.raises(BcmProtocolError, match="is this a BCM head node"):
        transport.call(BODY, name="x", reads=True)


@pytest.mark.parametrize("reads", [True, False])
def test_the_login_page_instead_of_an_answer_means_one_new_login(reads: bool) -> None:
    server = Server(page(), good([1]))

    answer = server.transport().call(BODY, name="x", reads=reads)

    assert answer.value == [1]
    assert server.tokens == ["cm-login-token=token1", "cm-login-token=token2"]


def test_the_login_page_twice_is_a_refusal() -> None:
    server = Server(page())

    with pytest.raises(BcmAuthError, match="answered with its login page"):
        read(server)

    assert server.logins == 2
    assert len(server.requests) == 2


NO_ANSWER = {
    "refused": (httpx.ConnectError("[Errno 111] Connection refused"), "Connection refused"),
    "no connection in time": (httpx.ConnectTimeout("timed out"), "did not accept a connection within 10 s"),
    "no answer in time": (httpx.ReadTimeout("timed out"), "no answer from https://head.example:8081 in time"),
    "half an answer": (httpx.RemoteProtocolError("peer closed connection"), "peer closed connection"),
    "reset": (httpx.ReadError(""), "ReadError"),
    "HTTP 502": (httpx.Response(502, text="Bad Gateway"), "answered HTTP 502"),
    "HTTP 500": (httpx.Response(500, json={"success": True}), "answered HTTP 500"),
}


@pytest.mark.parametrize(("reply", "words"), NO_ANSWER.values(), ids=NO_ANSWER)
def test_a_read_without_an_answer_is_tried_three_times(reply: Exception | httpx.Response, words: str) -> None:
    server = Server(reply)

    with pytest.raises(BcmTransportError, match=words):
        read(server)

    assert len(server.requests) == 3
    assert server.slept == [0.5, 1.0]


@pytest.mark.parametrize(("reply", "_words"), NO_ANSWER.values(), ids=NO_ANSWER)
def test_a_read_that_is_answered_at_last_is_no_error(reply: Exception | httpx.Response, _words: str) -> None:
    server = Server(reply, reply, good([]))

    assert read(server).value == []
    assert len(server.requests) == 3


@pytest.mark.parametrize(("reply", "words"), NO_ANSWER.values(), ids=NO_ANSWER)
def test_a_write_is_sent_once_and_the_message_says_what_to_do(reply: Exception | httpx.Response, words: str) -> None:
    server = Server(reply)

    with pytest.raises(BcmTransportError, match=words) as caught:
        write(server)

    assert "run the same again" in str(caught.value)
    assert len(server.requests) == 1
    assert not server.slept


@pytest.mark.parametrize("status", [401, 403, 635, 640])
def test_a_refusal_is_never_tried_again(status: int) -> None:
    server = Server(httpx.Response(status))

    with pytest.raises(BcmAuthError, match=f"HTTP {status}.*profile"):
        read(server)

    assert len(server.requests) == 1


def test_what_is_not_json_is_handed_on_as_text() -> None:
    answer = read(Server(httpx.Response(200, text="plain words")))

    assert not answer.is_json
    assert answer.value is None
    assert answer.text == "plain words"


@pytest.mark.parametrize("call", [read, write])
def test_nothing_at_all_is_no_answer(call: Callable[[Server], Answer]) -> None:
    with pytest.raises(BcmTransportError, match="nothing at all"):
        call(Server(httpx.Response(200)))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("call", [read, write])
def test_a_redirect_is_refused_and_nothing_is_sent_there(call: Callable[[Server], Answer], status: int) -> None:
    server = Server(httpx.Response(status, headers={"Location": "https://elsewhere.example/json"}))

    with pytest.raises(BcmProtocolError, match=f"redirects elsewhere .HTTP {status}.*not followed"):
        call(server)

    assert [request.url.host for request in server.requests] == ["head.example"]


UNSOUND = {
    "deep": (b"[" * 5_000 + b"]" * 5_000, "nested deeper than 64 levels"),
    "a lone surrogate": (b'["\\ud800"]', "half of a character"),
}


@pytest.mark.parametrize(("content", "words"), UNSOUND.values(), ids=UNSOUND)
def test_json_that_is_not_taken_says_why(content: bytes, words: str) -> None:
    with pytest.raises(BcmProtocolError, match=f"could not call cmdevice.getDevices: the answer of .* {words}"):
        read(Server(httpx.Response(200, content=content)))


@pytest.mark.parametrize("charset", ["no-such", "hex", "utf-16"])
def test_an_odd_charset_is_no_matter(charset: str) -> None:
    headers = {"Content-Type": f"text/html; charset={charset}"}

    assert read(Server(httpx.Response(200, headers=headers, content=b"plain words"))).text == "plain words"


@pytest.mark.parametrize("token", ["t\u00f6ken", "a b", "x" * 5_000, "\x01"])
def test_a_cookie_that_can_not_be_sent_back_is_refused(token: str) -> None:
    cookie = [(b"Set-Cookie", b"cm-login-token=" + token.encode() + b";path=/;Secure")]
    odd = httpx.MockTransport(lambda _request: httpx.Response(200, json=True, headers=cookie))

    with pytest.raises(BcmProtocolError, match=r"could not login as admin: .*cm-login-token that can't be sent back"):
        Transport(CONNECTION, http_transport=odd).call(BODY, name="x", reads=True)


@pytest.mark.parametrize("host", ["a b", "head/json", "u:p@head", "a..b", "x" * 64, "[::1]", "head:8081"])
def test_an_odd_host_name_is_refused_before_anything_is_looked_up(host: str) -> None:
    with pytest.raises(BcmConfigError, match=r"head_node: .* is neither a host name nor an IP address"):
        Connection(host, username="admin", password=SECRET)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 0}, "port: 0 is no port"),
        ({"port": 99999}, "port: 99999 is no port"),
        ({"tls_server_name": "a b"}, "tls_server_name: .* neither"),
        ({"read_timeout_s": 0.0}, "read_timeout takes more than 0"),
        ({"connect_timeout_s": float("nan")}, "connect_timeout takes more than 0"),
        ({"connect_timeout_s": 1e12}, "at most 86,400 seconds"),
    ],
)
def test_an_odd_option_is_refused_in_our_words(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BcmConfigError, match=words):
        Connection("head.example", username="admin", password=SECRET, **options)


def test_json_null_is_an_answer() -> None:
    answer = read(Server(good(None)))

    assert answer.is_json
    assert answer.value is None


@pytest.mark.parametrize(("length", "encoding"), [(10, None), (200_000, "gzip")])
def test_only_large_bodies_are_compressed(length: int, encoding: str | None) -> None:
    server = Server(lambda body: httpx.Response(200, json=body))
    body = {**BODY, "args": ["ü" * length]}

    answer = server.transport().call(body, name="x", reads=False)

    assert server.requests[0].headers.get("Content-Encoding") == encoding
    assert answer.value == body


def test_a_long_poll_waits_longer_than_other_calls() -> None:
    server = Server(good([]))

    server.transport().call(BODY, name="x", reads=True, read_timeout_s=70.0)

    assert server.requests[0].extensions["timeout"]["read"] == 70.0
    assert server.requests[0].extensions["timeout"]["connect"] == 10.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"head_node": ""}, "no head node given"),
        ({"head_node": "h"}, "no credentials given"),
        ({"head_node": "h", "username": "admin"}, "go together"),
        ({"head_node": "h", "password": SECRET}, "go together"),
        ({"head_node": "h", "client_cert": "/nowhere.pem"}, "could not read a TLS file"),
        (
            {"head_node": "h", "username": "admin", "password": SECRET, "ca_path": "/nowhere.pem"},
            "could not read a TLS",
        ),
        ({"head_node": "h", "username": "admin", "password": SECRET, "ca_path": __file__}, "could not use the TLS"),
        ({"head_node": "h", "username": "a", "password": SECRET, "tls_fingerprint": "12:34"}, "64 hexadecimal digits"),
        ({"head_node": "h", "username": "a", "password": SECRET, "tls_fingerprint": "g" * 64}, "64 hexadecimal digits"),
    ],
)
def test_options_that_do_not_fit_together_say_so(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BcmConfigError, match=words) as caught:
        Transport(Connection(**options))

    assert SECRET not in str(caught.value)


def test_a_missing_httpx_is_a_clear_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_IMPORT_ERROR", ImportError("No module named httpx"))

    with pytest.raises(BcmConfigError, match="httpx is missing where this task runs: pip install httpx"):
        Transport(CONNECTION)


def test_a_connection_shows_no_password() -> None:
    assert SECRET not in repr(CONNECTION)


def test_an_ipv6_address_is_written_in_brackets() -> None:
    assert Connection("fd00::1", username="a", password="b").url == "https://[fd00::1]:8081"


def refused_by_tls(error: ssl.SSLError) -> httpx.ConnectError:
    refused = httpx.ConnectError(str(error))
    refused.__cause__ = error
    return refused


def verification(message: str) -> ssl.SSLError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.verify_message = message
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (verification("self-signed certificate"), "self-signed certificate; ca_path must be the cluster's CA"),
        (verification("Hostname mismatch"), "Hostname mismatch; if it carries another name, give that as tls_server_n"),
        (
            WrongFingerprint(1, "the certificate's SHA-256 is 00"),
            "the certificate's SHA-256 is 00, not tls_fingerprint",
        ),
        (ssl.SSLError(1, "[SSL] tlsv13 alert certificate required"), "tlsv13 alert certificate required"),
    ],
)
def test_a_stranger_is_a_refusal_that_names_the_way_out_and_is_never_tried_again(
    error: ssl.SSLError, words: str
) -> None:
    server = Server(refused_by_tls(error))

    with pytest.raises(BcmAuthError, match=r"no trusted TLS connection to https://head\.example:8081: ") as caught:
        read(server)

    assert words in str(caught.value)
    assert len(server.requests) == 1


CUT = [ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), ssl.SSLZeroReturnError(6, "TLS connection closed")]


@pytest.mark.parametrize("error", CUT, ids=["cut", "closed"])
def test_a_handshake_that_is_cut_is_an_outage_and_no_stranger(error: ssl.SSLError) -> None:
    server = Server(refused_by_tls(error), good([]))

    assert read(server).value == []


@pytest.mark.parametrize("error", CUT, ids=["cut", "closed"])
def test_of_a_handshake_that_is_cut_it_is_known_that_nothing_was_sent(error: ssl.SSLError) -> None:
    with pytest.raises(BcmUnreachable, match="nothing was sent: run the same again"):
        write(Server(refused_by_tls(error)))


@pytest.mark.parametrize("call", [read, write])
def test_an_answer_that_is_too_large_is_an_error_that_says_so(call: Callable[..., Answer]) -> None:
    server = Server(good("x" * 2000))
    transport = server.transport(limits=Bounds(body_bytes=1000))

    with pytest.raises(BcmProtocolError, match=r"the answer of https://head\.example:8081 is larger than 1000 bytes"):
        transport.call(BODY, name="x", reads=call is read)

    assert len(server.requests) == 1


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize(
    "reply",
    [
        *(reply for reply, _words in NO_ANSWER.values()),
        httpx.Response(403, text=SECRET),
        httpx.Response(200, text=LOGIN_PAGE + SECRET),
        httpx.Response(500, text=SECRET),
    ],
)
def test_no_error_tells_the_password_or_the_token(reply: Exception | httpx.Response, reads: bool) -> None:
    server = Server(reply)

    with pytest.raises(BcmError) as caught:
        server.transport().call(BODY, name="x", reads=reads)

    assert SECRET not in str(caught.value)
    assert "token1" not in str(caught.value)
