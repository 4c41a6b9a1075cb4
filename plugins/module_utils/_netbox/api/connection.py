# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Requests to one NetBox: token, version, ETags, what NetBox complains of, in this API's words."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit

from ..._https import errors as https
from ..._https.address import check_host, check_port
from ..._https.call_log import CallLine, OnCall
from ..._https.client import HttpsClient
from ..._https.exchange import LONGEST_PATIENCE_S, Bounds, HttpRequest, Patience, Reply
from ..._https.retry import Retry
from ..._https.tls import Tls
from ..._values.text import cut, printable
from ..._values.text import quote as in_quotes
from .complaints import complaints_in, culprits_of, is_missing
from .errors import (
    NetBoxApiError,
    NetBoxAuthError,
    NetBoxConfigError,
    NetBoxError,
    NetBoxForbidden,
    NetBoxNotFound,
    NetBoxProtocolError,
    NetBoxStale,
    NetBoxTransportError,
)
from .rights import right_to

Filter = tuple[str, Any]

_NO_LOGIN = 401
_FORBIDDEN = 403
# Of a text of the server in a message.
_LONGEST_TEXT = 1_000
_TOO_MANY_REQUESTS = 429
_STALE = 412
# A gateway or a server in trouble; whether a write was performed is unknown then.
_TROUBLE = frozenset({500, 502, 503, 504})
_WRITE = Retry(attempts=4, statuses=frozenset({_TOO_MANY_REQUESTS}), heeds_retry_after=True)
_READ = replace(_WRITE, if_performed=True, statuses=_WRITE.statuses | _TROUBLE)
_READING = ("GET", "OPTIONS")
# Shorter than gunicorn's two seconds, so that a connection the server just closed is not used for a write.
_KEEP_ALIVE_S = 1.0


@dataclass(frozen=True)
class NetBoxConnection:
    """Where a NetBox is and how to prove who we are. `url` may or may not end in /api."""

    url: str
    token: str = field(repr=False)
    validate_certs: bool = True
    ca_path: str | None = None
    timeout_s: float = 60.0
    total_timeout_s: float = 300.0

    def __post_init__(self) -> None:
        if not self.url:
            raise NetBoxConfigError("no NetBox given: set url or the environment variable NETBOX_URL")
        if not self.token:
            raise NetBoxConfigError("no token given: set token or the environment variable NETBOX_TOKEN")
        like = "url must be like https://netbox.example.com"
        try:
            parts = urlsplit(self.url)
            port = parts.port
        except ValueError as error:
            raise NetBoxConfigError(f"{like}: {error}") from error
        if parts.username or parts.query:
            raise NetBoxConfigError("url must carry no account and no query; the token is an option of its own")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NetBoxConfigError(f"{like}, not {in_quotes(self.url)}")
        try:
            check_host(parts.hostname)
            check_port(443 if port is None else port)
        except https.BadAddress as error:
            raise NetBoxConfigError(f"{like}: {error}") from error
        if not (self.token.isascii() and self.token.isprintable()) or " " in self.token:
            raise NetBoxConfigError("token takes the letters and digits that NetBox made it of, no others")
        if not 0 < self.timeout_s <= LONGEST_PATIENCE_S:
            raise NetBoxConfigError(
                f"timeout takes seconds above 0 and up to {LONGEST_PATIENCE_S:,}, not {self.timeout_s}"
            )

    @property
    def base(self) -> str:
        """Return the address without /api and without a slash at the end."""
        base = self.url.rstrip("/")
        return base[: -len("/api")] if base.endswith("/api") else base

    @property
    def sends_token_in_clear(self) -> bool:
        """Return whether the token crosses a network without TLS."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        return parts.scheme == "http" and host not in ("localhost", "::1") and not host.startswith("127.")


@dataclass(frozen=True)
class Answer:
    """What came back: the decoded JSON (None for an empty body), and the ETag where NetBox sent one."""

    status: int
    value: Any
    etag: str | None


@dataclass
class Calls:
    """How many requests were sent, repetitions included."""

    reads: int = 0
    writes: int = 0


class NetBoxTransport:
    """Sends one request after the other; safe to share between threads.

    Reads are tried again after NetBoxTransportError. Writes are sent again only where the first was certainly not
    performed: no connection came about, or NetBox said that there are too many requests. `on_call` is given one line
    per attempt.
    """

    def __init__(
        self,
        connection: NetBoxConnection,
        *,
        limits: Bounds | None = None,
        on_call: OnCall | None = None,
        sleep: Callable[[float], None] = time.sleep,
        http_transport: Any = None,
    ) -> None:
        self.connection = connection
        self.calls = Calls()
        self.api_version: str | None = None
        self._on_call = on_call
        self._counting = threading.Lock()
        timeout_s = connection.timeout_s
        try:
            self._client = HttpsClient(
                f"{connection.base}/api/",
                Tls(ca_path=connection.ca_path, validate=connection.validate_certs),
                patience=Patience(min(10.0, timeout_s), timeout_s, connection.total_timeout_s),
                limits=limits,
                headers={
                    "Authorization": _authorization(connection.token),
                    "Accept": "application/json",
                    # Of requests without a body too: NetBox 3.2 says its version in answers to those only that have it.
                    "Content-Type": "application/json",
                },
                secrets=[connection.token],
                keep_alive_s=_KEEP_ALIVE_S,
                on_call=self._note,
                sleep=sleep,
                http_transport=http_transport,
            )
        except https.HttpsError as error:
            raise _config_error(error, connection) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        action: str,
        query: Sequence[Filter] = (),
        body: Any = None,
        if_match: str | None = None,
    ) -> Answer:
        """Send one request below /api/. `action` is for messages: "could not <action>: …"."""
        url = f"{path}?{encode_query(query)}" if query else path
        headers = {"If-Match": if_match} if if_match else {}
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        request = HttpRequest(method, url, f"{method} /api/{path}", headers, content)
        reads = method in _READING
        try:
            reply = self._client.send(request, _READ if reads else _WRITE)
        except https.NoAnswer as error:
            raise self._no_answer(error, action, reads) from error
        return self._answer(reply, action, reads, right_to(method, path))

    def _note(self, line: CallLine) -> None:
        with self._counting:
            reads = line.method in _READING
            self.calls.reads += reads
            self.calls.writes += not reads
        if self._on_call is not None:
            self._on_call(line)

    def _no_answer(self, error: https.NoAnswer, action: str, reads: bool) -> NetBoxError:
        where = self.connection.base
        unknown = "; whether it was performed is unknown: run the same again, it reads first"
        if reads or isinstance(error, https.NeverSent):
            unknown = ""
        if isinstance(error, https.TlsRefused):
            return NetBoxAuthError(
                f"could not {action}: no trusted TLS connection to {where}: {error.detail}; ca_path must be the "
                "authority that signed its certificate"
            )
        if isinstance(error, https.TooLarge):
            return NetBoxProtocolError(
                f"could not {action}: the answer of {where} is larger than {error.limit}{unknown}"
            )
        if isinstance(error, (https.NotAccepted, https.Silent)):
            said = f"no answer from {where} within {error.seconds:g} s"
        elif isinstance(error, https.TookTooLong):
            said = f"the answer of {where} did not end within {error.seconds:g} s"
        else:
            said = f"no usable answer from {where}: {error}"
        return NetBoxTransportError(f"could not {action}: {said}{unknown}", may_be_performed=bool(unknown))

    def _answer(self, reply: Reply, action: str, reads: bool, right: str) -> Answer:
        status, where = reply.status, self.connection.base
        self.api_version = reply.headers.get("api-version") or self.api_version
        if 200 <= status < 300:
            return Answer(status, self._json(reply, action), reply.headers.get("etag"))
        if status in _TROUBLE or status == _TOO_MANY_REQUESTS:
            unknown = "" if reads or status == _TOO_MANY_REQUESTS else "; whether it was performed is unknown"
            text = f"could not {action}: {where} answered HTTP {status}{unknown}"
            raise NetBoxTransportError(text, may_be_performed=bool(unknown))
        if 300 <= status < 400:
            target = cut(printable(self._client.clean(reply.headers.get("location", ""))), _LONGEST_TEXT)
            raise NetBoxConfigError(f"could not {action}: {where} redirects to {target}; give that address as url")
        raise self._refusal(reply, action, right)

    def _refusal(self, reply: Reply, action: str, right: str) -> NetBoxError:
        try:
            said = reply.json()
        except (https.NotJson, https.Unsound):
            said = None
        if reply.status == _NO_LOGIN:
            return NetBoxAuthError(self._refused(said, action, reply.status, right))
        of_objects = {key: self._error(reply.status, each, action, right) for key, each in culprits_of(said).items()}
        return self._error(reply.status, said, action, right, of_objects)

    def _error(
        self,
        status: int,
        said: Any,
        action: str,
        right: str,
        of_objects: dict[tuple[str, int], NetBoxApiError] | None = None,
    ) -> NetBoxApiError:
        kinds = {_FORBIDDEN: NetBoxForbidden, 404: NetBoxNotFound, _STALE: NetBoxStale}
        status = 404 if is_missing(said) else status
        complaints = {name: self._client.clean(text) for name, text in complaints_in(said).items()}
        text = self._refused(said, action, status, right)
        kind = kinds.get(status, NetBoxApiError)
        return kind(text, status=status, complaints=complaints, of_objects=of_objects)

    def _refused(self, said: Any, action: str, status: int, right: str) -> str:
        reasons = "; ".join(f"{name}: {text}" if name else text for name, text in complaints_in(said).items())
        why = cut(printable(self._client.clean(reasons)), _LONGEST_TEXT) or "no reason given"
        if status in (_NO_LOGIN, _FORBIDDEN):
            return (
                f"could not {action}: {self.connection.base} refused it (HTTP {status}): {why}; "
                f"the token must be valid and its user allowed to do this{f' ({right})' if right else ''}"
            )
        return f"could not {action}: NetBox answered HTTP {status}: {why}"

    def _json(self, reply: Reply, action: str) -> Any:
        if not reply.body:
            return None
        try:
            return reply.json()
        except https.NotJson:
            raise NetBoxProtocolError(
                f"could not {action}: {self.connection.base} answered something that is not JSON; is this a NetBox?"
            ) from None
        except https.Unsound as error:
            raise NetBoxProtocolError(f"could not {action}: the answer of {self.connection.base} {error}") from error


def encode_query(query: Sequence[Filter]) -> str:
    """Return the query string; colons stay, so that a filter by many MAC addresses is half as long."""
    return "&".join(f"{quote(name)}={quote(str(value), safe=':/,')}" for name, value in query)


def _authorization(token: str) -> str:
    # NetBox 4.5 brought tokens of a second form beside the 40 hexadecimal digits.
    return f"Bearer {token}" if token.startswith("nbt_") else f"Token {token}"


def _config_error(error: https.HttpsError, connection: NetBoxConnection) -> NetBoxConfigError:
    if isinstance(error, https.NoLibrary):
        return NetBoxConfigError("the Python package httpx is missing where this task runs: pip install httpx")
    if isinstance(error, https.BadAddress):
        return NetBoxConfigError(f"url can't be used: {error}")
    return NetBoxConfigError(f"could not use ca_path {connection.ca_path}: {error}")
