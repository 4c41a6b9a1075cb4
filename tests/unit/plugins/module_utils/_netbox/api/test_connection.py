# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How NetBox is spoken to: what is tried again, what is said when it fails, and that no token is in it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._https import wire
from ansible_collections.baremetal.bcm.plugins.module_utils._https.exchange import Bounds
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import NetBox, WriteRefused
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import (
    NetBoxConnection,
    NetBoxTransport,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import (
    NetBoxApiError,
    NetBoxAuthError,
    NetBoxConfigError,
    NetBoxError,
    NetBoxNotFound,
    NetBoxProtocolError,
    NetBoxStale,
    NetBoxTransportError,
)

from ..._https.certificates import make_certificate
from ..._https.loopback import Answering, serving_tls

# Objects of which nothing but the id is read.
DEVICES = "dcim/platforms/"
TOKEN = "c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff"
Handler = Callable[[httpx.Request], httpx.Response]


class Wire:
    """Answers requests one after the other; what is not a response is raised."""

    def __init__(self, *answers: httpx.Response | Exception | Handler) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def netbox(self, *, url: str = "https://netbox.example", token: str = TOKEN, **options: Any) -> NetBox:
        connection = NetBoxConnection(url, token)
        transport = NetBoxTransport(connection, sleep=self.slept.append, http_transport=httpx.MockTransport(self))
        return NetBox(transport, **options)


def page(*rows: dict[str, Any], count: int | None = None) -> httpx.Response:
    return httpx.Response(200, json={"count": len(rows) if count is None else count, "results": list(rows)})


@pytest.mark.parametrize(
    "trouble",
    [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("gone"), *(
        httpx.Response(status) for status in (429, 500, 502, 503, 504)
    )],
    ids=str,
)  # fmt: skip
def test_a_read_is_tried_again(trouble: httpx.Response | Exception) -> None:
    wire = Wire(trouble, trouble, page({"id": 1}))

    assert wire.netbox().find(DEVICES) == [{"id": 1}]
    assert wire.slept == [0.5, 1.0]


def test_a_read_is_given_up_after_four_times() -> None:
    wire = Wire(httpx.Response(503))

    with pytest.raises(NetBoxTransportError, match=r"netbox\.example answered HTTP 503"):
        wire.netbox().find(DEVICES)
    assert len(wire.requests) == 4


def test_a_server_that_says_how_long_to_wait_is_listened_to_within_reason() -> None:
    wire = Wire(
        httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(429, headers={"Retry-After": "900"}), page()
    )

    wire.netbox().find(DEVICES)

    assert wire.slept == [7.0, 30.0]


@pytest.mark.parametrize(
    "trouble", [httpx.ConnectError("refused"), httpx.ConnectTimeout("x"), httpx.Response(429)], ids=str
)
def test_a_write_that_was_certainly_not_performed_is_sent_again(trouble: httpx.Response | Exception) -> None:
    wire = Wire(trouble, httpx.Response(201, json={"id": 5}))

    assert wire.netbox().create(DEVICES, {})["id"] == 5


@pytest.mark.parametrize(
    "trouble",
    [httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"), httpx.Response(500), httpx.Response(502)],
    ids=str,
)
def test_a_write_that_may_have_been_performed_is_sent_once(trouble: httpx.Response | Exception) -> None:
    wire = Wire(trouble)

    with pytest.raises(NetBoxTransportError, match="whether it was performed is unknown"):
        wire.netbox().create(DEVICES, {})
    assert len(wire.requests) == 1
    assert wire.slept == []


@pytest.mark.parametrize(
    ("response", "error", "said"),
    [
        (httpx.Response(403, json={"detail": "Invalid token"}), NetBoxAuthError, "Invalid token; the token must be"),
        (httpx.Response(404, json={"detail": "Not found."}), NetBoxNotFound, "HTTP 404: Not found."),
        (httpx.Response(412, json={"detail": "modified"}), NetBoxStale, "modified"),
        (
            httpx.Response(400, json={"status": ["x is not a valid choice."]}),
            NetBoxApiError,
            "status: x is not a valid",
        ),
        (httpx.Response(400, json=[{}, {"name": ["too long"]}]), NetBoxApiError, "name: too long"),
        (httpx.Response(400, text="<html>"), NetBoxApiError, "no reason given"),
        (httpx.Response(200, text="<html>"), NetBoxProtocolError, "is this a NetBox?"),
        (httpx.Response(200, json=[]), NetBoxProtocolError, "a list where an object is due; is this a NetBox?"),
        (
            httpx.Response(301, headers={"Location": "https://new.example/api/"}),
            NetBoxConfigError,
            "redirects to https://new.example/api/; give that address as url",
        ),
    ],
)
def test_what_netbox_said_is_told(response: httpx.Response, error: type[NetBoxError], said: str) -> None:
    with pytest.raises(error) as caught:
        Wire(response).netbox().update(DEVICES, 1, {})
    assert said in str(caught.value)
    assert "dcim/platforms" in str(caught.value)


def test_the_token_is_in_no_message() -> None:
    leaks: list[httpx.Response | Exception] = [
        httpx.Response(400, json={"detail": f"bad {TOKEN}"}),
        httpx.Response(403, json={"detail": TOKEN}),
        httpx.Response(302, headers={"Location": f"https://x/{TOKEN}"}),
        httpx.ReadError(f"Token {TOKEN}"),
    ]
    for leak in leaks:
        wire = Wire(leak)
        with pytest.raises(NetBoxError) as caught:
            wire.netbox().create(DEVICES, {})
        assert TOKEN not in f"{caught.value!r}"
        assert TOKEN not in str(getattr(caught.value, "complaints", ""))
    assert TOKEN not in repr(NetBoxConnection("https://x", TOKEN))


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://netbox.example/", "https://netbox.example"),
        ("https://netbox.example/api/", "https://netbox.example"),
        ("http://10.0.0.1:8000/netbox", "http://10.0.0.1:8000/netbox"),
    ],
)
def test_the_address_may_be_given_as_people_have_it(url: str, base: str) -> None:
    wire = Wire(page())

    wire.netbox(url=url).find(DEVICES)

    assert str(wire.requests[0].url).startswith(f"{base}/api/dcim/platforms/?")


@pytest.mark.parametrize("url", ["netbox.example", "ftp://x", "https://me:secret@x", "https://x/?token=1", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(NetBoxConfigError, match="url"):
        NetBoxConnection(url, TOKEN)


def test_no_token_is_a_clear_failure() -> None:
    with pytest.raises(NetBoxConfigError, match="set token or the environment variable NETBOX_TOKEN"):
        NetBoxConnection("https://x", "")


@pytest.mark.parametrize(
    ("url", "clear"),
    [
        ("http://netbox.example", True),
        ("http://127.0.0.1:8000", False),
        ("http://localhost", False),
        ("https://x", False),
    ],
)
def test_a_token_that_crosses_the_network_in_clear_is_noticed(url: str, clear: bool) -> None:
    assert NetBoxConnection(url, TOKEN).sends_token_in_clear is clear


@pytest.mark.parametrize(("token", "scheme"), [(TOKEN, "Token"), ("nbt_abc.def", "Bearer")])
def test_both_forms_of_tokens_are_sent_as_netbox_wants_them(token: str, scheme: str) -> None:
    wire = Wire(page())

    wire.netbox(token=token).find(DEVICES)

    assert wire.requests[0].headers["Authorization"] == f"{scheme} {token}"


def test_a_client_that_only_reads_refuses_to_write_before_anything_is_sent() -> None:
    wire = Wire(page())
    netbox = wire.netbox(read_only=True)

    for write in (
        lambda: netbox.create(DEVICES, {}),
        lambda: netbox.update(DEVICES, 1, {}),
        lambda: netbox.delete(DEVICES, 1),
        lambda: netbox.create_many(DEVICES, [{}]),
        lambda: netbox.update_many(DEVICES, {1: {}}),
    ):
        with pytest.raises(WriteRefused):
            write()
    assert wire.requests == []


def test_all_pages_are_read_whatever_netbox_says_of_the_next() -> None:
    rows = [{"id": number} for number in range(1100)]

    def serve(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["offset"])
        # A server that gives less than was asked for.
        return page(*rows[start : start + 400], count=len(rows))

    assert Wire(serve).netbox().find(DEVICES) == rows


def test_a_long_filter_is_spread_over_requests_that_servers_take() -> None:
    wire = Wire(page({"id": 1}))

    wire.netbox().find(
        DEVICES, mac_address=[f"02:00:00:00:{n >> 8:02X}:{n & 255:02X}" for n in range(1000)], name__ie="bmc"
    )

    lengths = [len(request.url.raw_path) for request in wire.requests]
    assert len(lengths) < 15
    assert max(lengths) < 4000
    values = [value for request in wire.requests for value in request.url.params.get_list("mac_address")]
    assert len(values) == len(set(values)) == 1000
    assert all(request.url.params["name__ie"] == "bmc" for request in wire.requests)


def test_a_filter_by_nothing_matches_nothing_and_sends_nothing() -> None:
    wire = Wire(page({"id": 1}))

    assert wire.netbox().find(DEVICES, id=[]) == []
    assert wire.requests == []


@pytest.mark.parametrize("culprits", [set(), {3}, {0, 99}, set(range(0, 100, 7)), set(range(100))])
def test_one_object_that_netbox_refuses_does_not_keep_the_others(culprits: set[int]) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        bodies = json.loads(request.content)
        if any(body["n"] in culprits for body in bodies):
            return httpx.Response(400, json=[{"n": ["no"]}])
        return httpx.Response(201, json=[{"id": body["n"], "n": body["n"]} for body in bodies])

    made = Wire(serve).netbox().create_many(DEVICES, [{"n": number} for number in range(100)])

    assert {number for number, each in enumerate(made) if isinstance(each, NetBoxError)} == culprits
    assert all(each["n"] == number for number, each in enumerate(made) if not isinstance(each, NetBoxError))


@pytest.mark.parametrize("said", ["", "four", "4"])
def test_a_server_that_does_not_say_its_version_is_no_netbox(said: str) -> None:
    wire = Wire(httpx.Response(200, json={}, headers={"API-Version": said} if said else {}))

    with pytest.raises(NetBoxProtocolError, match="does not say its version"):
        assert wire.netbox().version


def test_a_file_of_authorities_that_is_not_there_is_a_clear_failure(tmp_path: Path) -> None:
    with pytest.raises(NetBoxConfigError, match=r"could not use ca_path \S+nowhere\.pem: .*No such file"):
        NetBoxTransport(NetBoxConnection("https://x", TOKEN, ca_path=str(tmp_path / "nowhere.pem")))


@pytest.mark.parametrize("validate_certs", [True, False])
def test_certificates_are_checked_unless_told_otherwise(tmp_path: Path, validate_certs: bool) -> None:
    class Empty(Answering):
        value = b'{"count": 0, "results": []}'

    with serving_tls(make_certificate("netbox.example").write(tmp_path), Empty) as port:
        url = f"https://127.0.0.1:{port}"
        netbox = NetBox(NetBoxTransport(NetBoxConnection(url, TOKEN, validate_certs=validate_certs)))
        try:
            if validate_certs:
                with pytest.raises(NetBoxAuthError, match=r"no trusted TLS connection to .*ca_path must be the auth"):
                    netbox.find(DEVICES)
            else:
                assert netbox.find(DEVICES) == []
        finally:
            netbox.close()


def refused_by_tls(error: ssl.SSLError) -> httpx.ConnectError:
    refused = httpx.ConnectError(str(error))
    refused.__cause__ = error
    return refused


def test_a_stranger_is_a_refusal_and_is_never_tried_again() -> None:
    wire = Wire(refused_by_tls(ssl.SSLCertVerificationError(1, "self-signed certificate")))

    with pytest.raises(NetBoxAuthError, match="ca_path must be the authority that signed its certificate"):
        wire.netbox().find(DEVICES)
    assert len(wire.requests) == 1


CUT = [ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), ssl.SSLZeroReturnError(6, "TLS connection closed")]


@pytest.mark.parametrize("error", CUT, ids=["cut", "closed"])
def test_a_handshake_that_is_cut_is_an_outage_and_no_stranger(error: ssl.SSLError) -> None:
    wire = Wire(refused_by_tls(error), page({"id": 1}))

    assert wire.netbox().find(DEVICES) == [{"id": 1}]


@pytest.mark.parametrize("error", CUT, ids=["cut", "closed"])
def test_a_write_whose_handshake_is_cut_was_not_performed_and_is_sent_again(error: ssl.SSLError) -> None:
    wire = Wire(refused_by_tls(error), httpx.Response(201, json={"id": 5}))

    assert wire.netbox().create(DEVICES, {})["id"] == 5


def test_patience_with_an_answer_is_an_option() -> None:
    wire = Wire(page())
    connection = NetBoxConnection("https://x", TOKEN, timeout_s=3.0)

    NetBox(NetBoxTransport(connection, http_transport=httpx.MockTransport(wire))).find(DEVICES)

    timeout = wire.requests[0].extensions["timeout"]
    assert (timeout["read"], timeout["connect"]) == (3.0, 3.0)


@pytest.mark.parametrize(("error", "seconds"), [(httpx.ConnectTimeout("x"), 10), (httpx.ReadTimeout("x"), 60)])
def test_a_message_says_how_long_was_waited(error: Exception, seconds: int) -> None:
    with pytest.raises(NetBoxTransportError, match=f"no answer from https://netbox.example within {seconds} s"):
        Wire(error).netbox().find(DEVICES)


def test_an_answer_that_is_too_large_is_an_error_that_says_so() -> None:
    wire = Wire(page({"id": 1, "name": "x" * 2000}))
    transport = NetBoxTransport(
        NetBoxConnection("https://netbox.example", TOKEN),
        limits=Bounds(body_bytes=1000),
        http_transport=httpx.MockTransport(wire),
    )

    with pytest.raises(NetBoxProtocolError, match=r"the answer of https://netbox\.example is larger than 1000 bytes"):
        NetBox(transport).find(DEVICES)
    assert len(wire.requests) == 1


def test_a_missing_httpx_is_a_clear_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_IMPORT_ERROR", ImportError("No module named httpx"))

    with pytest.raises(NetBoxConfigError, match="httpx is missing where this task runs: pip install httpx"):
        NetBoxTransport(NetBoxConnection("https://x", TOKEN))


ODD_OPTIONS = {
    "no host": ({"url": "https://"}, "url must be like"),
    "brackets": ({"url": "https://[::1"}, "url must be like"),
    "a port that is none": ({"url": "https://a.example:99999"}, "url must be like"),
    "a port in words": ({"url": "https://a.example:http"}, "url must be like"),
    "blanks": ({"url": "https://a b"}, "neither a host name nor an IP address"),
    "labels": ({"url": "https://a..b"}, "neither a host name nor an IP address"),
    "a token of other letters": ({"token": "t\u00f6ken"}, "token takes the letters and digits"),
    "a token with a line end": ({"token": "a\r\nX: y"}, "token takes the letters and digits"),
    "no time": ({"timeout_s": 0.0}, "timeout takes seconds above 0"),
    "no number": ({"timeout_s": float("nan")}, "timeout takes seconds above 0"),
}


@pytest.mark.parametrize(("options", "words"), ODD_OPTIONS.values(), ids=ODD_OPTIONS)
def test_an_odd_option_is_refused_in_our_words(options: dict[str, Any], words: str) -> None:
    given = {"url": "https://netbox.example", "token": TOKEN, **options}

    with pytest.raises(NetBoxConfigError, match=words) as caught:
        NetBoxConnection(**given)

    assert given["token"] not in str(caught.value)


ODD_ANSWERS = {
    "no list": ({"count": 1, "results": {}}, "answered an object where a list is due in results"),
    "no count": ({"results": []}, "answered nothing in count"),
    "numbers": ({"count": 2, "results": [1, 2]}, "answered a number where an object is due"),
    "no id": ({"count": 1, "results": [{"name": "x"}]}, "answered nothing in id"),
    "no status": ({"count": 1, "results": [{"id": 1, "name": "x"}]}, "answered nothing in status"),
    "a list for an object": (
        {"count": 1, "results": [{"id": 1, "name": "x", "status": [], "custom_fields": {}}]},
        "answered a list where an object is due in status",
    ),
}


@pytest.mark.parametrize(("value", "words"), ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_what_does_not_fit_names_call_and_field(value: Any, words: str) -> None:
    with pytest.raises(NetBoxProtocolError, match=f"could not list dcim/devices/: https://netbox.example {words}"):
        Wire(httpx.Response(200, json=value)).netbox().find("dcim/devices/")


@pytest.mark.parametrize("content", ["[]".encode("utf-16"), b"[" * 5_000, b'["\\ud800"]', b"[NaN]"])
def test_what_is_no_json_for_us_is_an_error_of_ours(content: bytes) -> None:
    with pytest.raises(NetBoxProtocolError, match="could not list dcim/platforms/"):
        Wire(httpx.Response(200, content=content)).netbox().find(DEVICES)


def test_a_long_refusal_is_told_in_part_and_moves_no_cursor() -> None:
    complaints = {f"field{number}": ["\x1b[2J" + "y" * 10_000] for number in range(1_000)}

    with pytest.raises(NetBoxApiError) as caught:
        Wire(httpx.Response(400, json=complaints)).netbox().create(DEVICES, {})

    assert len(str(caught.value)) < 2_000
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("said", ["\u00b2.1", "9" * 5_000 + ".1", "4", "x.y"])
def test_a_version_that_is_none_is_no_version(said: str) -> None:
    answer = httpx.Response(200, json={}, headers=[(b"API-Version", said.encode())])

    with pytest.raises(NetBoxProtocolError, match="does not say its version") as caught:
        assert Wire(answer).netbox().version

    assert len(str(caught.value)) < 200


def test_every_request_that_was_sent_is_counted() -> None:
    wire = Wire(httpx.Response(503), page(), httpx.Response(429), httpx.Response(201, json={"id": 5}))
    netbox = wire.netbox()

    netbox.find(DEVICES)
    netbox.create(DEVICES, {})

    assert (netbox.calls.reads, netbox.calls.writes) == (2, 2)
