# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The connection to one head node: login and its cookie, compressed requests, HTTPS errors as errors of this API."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..._https import errors as https
from ..._https.call_log import OnCall
from ..._https.client import HttpsClient
from ..._https.exchange import Bounds, HttpRequest, Patience, Reply
from ..._https.retry import Retry
from ..._https.tls import Tls
from .errors import BcmAuthError, BcmConfigError, BcmError, BcmProtocolError, BcmTransportError, BcmUnreachable

_COOKIE = "cm-login-token"
# bcm-api.md 1.4: pythoncm knows these two beside the ordinary refusals.
_REFUSED = {
    401: "not authorised",
    403: "forbidden",
    635: "the service is restricted",
    640: "the call is restricted",
}
_GZIP_ABOVE_BYTES = 64 * 1024

_LOGIN = Retry(attempts=3, if_performed=True)
_READ = replace(_LOGIN, statuses=frozenset(range(500, 1000)).difference(_REFUSED))
# Whether a call was performed whose answer is lost is unknown.
_WRITE = Retry()


@dataclass(frozen=True)
class Connection:
    """The address of a head node and the credentials for it (bcm-api.md 1.2).

    Raises BcmConfigError for options that do not fit together: it takes `username` and `password`, or `client_cert`.
    """

    head_node: str
    port: int = 8081
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_cert: str | None = None
    client_key: str | None = None
    ca_path: str | None = None
    validate_certs: bool = True
    tls_server_name: str | None = None
    tls_fingerprint: str | None = None
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    total_timeout_s: float = 300.0

    def __post_init__(self) -> None:
        if not self.head_node:
            raise BcmConfigError("no head node given: set head_node or the environment variable BCM_HEAD_NODE")
        if bool(self.username) != bool(self.password):
            raise BcmConfigError("username and password go together: one of them is missing")
        if not self.username and not self.client_cert:
            raise BcmConfigError("no credentials given: set username and password, or client_cert and client_key")

    @property
    def url(self) -> str:
        """Return the base URL; an IPv6 address stands in brackets."""
        host = f"[{self.head_node}]" if ":" in self.head_node else self.head_node
        return f"https://{host}:{self.port}"


@dataclass(frozen=True)
class Answer:
    """An answer: the HTTP status and the decoded JSON. A body that is not JSON is in `text`, and `value` is None."""

    status: int
    value: Any
    is_json: bool
    text: str = field(repr=False, default="")


class Transport:
    """A sender of JSON calls over HTTPS (bcm-api.md 1.1); safe to share between threads.

    A call that reads is sent up to `attempts` times in all where no usable answer comes; one that writes is sent once,
    because it may have been performed. `on_call` is given one line per attempt. Raises BcmConfigError for TLS files or
    a fingerprint that can't be used, and where httpx is missing.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        attempts: int = 3,
        limits: Bounds | None = None,
        on_call: OnCall | None = None,
        sleep: Callable[[float], None] = time.sleep,
        http_transport: Any = None,
    ) -> None:
        self.connection = connection
        self._patience = Patience(connection.connect_timeout_s, connection.read_timeout_s, connection.total_timeout_s)
        self._login = replace(_LOGIN, attempts=attempts)
        self._read = replace(_READ, attempts=attempts)
        self._token: str | None = None
        self._login_lock = threading.Lock()
        try:
            self._client = HttpsClient(
                connection.url,
                _tls_of(connection),
                patience=self._patience,
                limits=limits,
                secrets=[connection.password or ""],
                on_call=on_call,
                sleep=sleep,
                http_transport=http_transport,
            )
        except https.HttpsError as error:
            raise _config_error(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, body: dict[str, Any], *, name: str, reads: bool, read_timeout_s: float | None = None) -> Answer:
        """Send one call to /json, after a login where one is needed. `name` is for messages.

        `read_timeout_s` replaces the connection's, for long polls. Raises BcmAuthError where TLS, the login or the call
        is refused; BcmUnreachable where nothing was sent, so that trying again is safe; BcmTransportError and
        BcmProtocolError where there is no usable answer, so that a write may have been performed.
        """
        used = self._log_in(None)
        answer = self._exchange("POST", "/json", body, name, reads, read_timeout_s)
        if self.connection.username and _is_login_page(answer):
            # ASSUMED: an expired cookie gets the login page, and the call was not performed (bcm-api.md 1.2 marks
            # this X). An expired session on a live head node would settle it.
            self._log_in(used)
            answer = self._exchange("POST", "/json", body, name, reads, read_timeout_s)
        if _is_login_page(answer):
            raise BcmAuthError(
                f"could not call {name}: {self.connection.url} answered with its login page, "
                "so these credentials give no session; check username and password or the client certificate"
            )
        return answer

    def get(self, path: str) -> Answer:
        """Read a REST path (bcm-api.md 1.5). Raises as `call` does for a call that reads."""
        self._log_in(None)
        return self._exchange("GET", path, None, path, True, None)

    def _exchange(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        name: str,
        reads: bool,
        read_timeout_s: float | None,
    ) -> Answer:
        label = f"{method} {name}" if body is None else name
        request = self._request(method, path, body, label)
        patience = self._patience if read_timeout_s is None else replace(self._patience, read_s=read_timeout_s)
        if reads:
            return self._answer(self._send(request, self._read, name, patience), name)
        try:
            return self._answer(self._send(request, _WRITE, name, patience), name)
        except BcmUnreachable as error:
            raise BcmUnreachable(f"{error}; nothing was sent: run the same again") from error
        except (BcmTransportError, BcmProtocolError) as error:
            raise type(error)(
                f"{error}; whether it was performed is unknown: run the same again, it reads the state first"
            ) from error

    def _request(self, method: str, path: str, body: dict[str, Any] | None, label: str) -> HttpRequest:
        headers = {"Cookie": f"{_COOKIE}={self._token}"} if self._token else {}
        if body is None:
            return HttpRequest(method, path, label, headers)
        content = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
        if len(content) > _GZIP_ABOVE_BYTES:
            content = gzip.compress(content, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        return HttpRequest(method, path, label, headers, content)

    def _send(self, request: HttpRequest, retry: Retry, name: str, patience: Patience | None = None) -> Reply:
        try:
            return self._client.send(request, retry, patience)
        except https.NoAnswer as error:
            raise self._no_answer(error, name) from error

    def _answer(self, reply: Reply, name: str) -> Answer:
        status = reply.status
        if status in _REFUSED:
            raise BcmAuthError(
                f"could not call {name}: {self.connection.url} refused it, {_REFUSED[status]} (HTTP {status}); "
                "the profile of this account or certificate must allow the call"
            )
        if status >= 500:
            raise BcmTransportError(f"could not call {name}: {self.connection.url} answered HTTP {status}")
        try:
            return Answer(status, reply.json(), True)
        except https.NotJson:
            return Answer(status, None, False, reply.text)

    def _no_answer(self, error: https.NoAnswer, name: str) -> BcmError:
        url = self.connection.url
        could_not = f"could not call {name}: "
        if isinstance(error, https.TlsRefused):
            return BcmAuthError(f"{could_not}no trusted TLS connection to {url}: {_explain(error)}")
        if isinstance(error, https.NotAccepted):
            return BcmUnreachable(f"{could_not}{url} did not accept a connection within {error.seconds:g} s")
        if isinstance(error, https.NeverSent):
            return BcmUnreachable(f"{could_not}no usable answer from {url}: {error}")
        if isinstance(error, https.Silent):
            return BcmTransportError(f"{could_not}no answer from {url} in time")
        if isinstance(error, https.TookTooLong):
            return BcmTransportError(f"{could_not}the answer of {url} did not end within {error.seconds:g} s")
        if isinstance(error, https.TooLarge):
            return BcmProtocolError(f"{could_not}the answer of {url} is larger than {error.limit}")
        return BcmTransportError(f"{could_not}no usable answer from {url}: {error}")

    def _log_in(self, expired: str | None) -> str | None:
        """Log in where needed and return the token in use; `expired` is a token known to be worthless."""
        if not self.connection.username:
            return None
        with self._login_lock:
            if self._token is not None and self._token != expired:
                return self._token
            self._token = None
            self._token = self._fetch_token()
            return self._token

    def _fetch_token(self) -> str:
        who = self.connection.username
        body = {"service": "login", "username": who, "password": self.connection.password}
        name = f"login as {who}"
        reply = self._send(self._request("POST", "/json", body, "login"), self._login, name)
        token = reply.cookies.get(_COOKIE)
        answer = self._answer(reply, name)
        if answer.status == 200 and answer.value is True and token:
            self._client.hide(token)
            return token
        if answer.status == 200 and not answer.is_json:
            raise BcmProtocolError(
                f"could not {name}: {self.connection.url} answered something that is not JSON; is this a BCM head node?"
            )
        raise BcmAuthError(f"could not {name}: {self.connection.url} refused the username or the password")


def _is_login_page(answer: Answer) -> bool:
    return not answer.is_json and answer.status == 200 and "<html" in answer.text[:2000].lower()


def _tls_of(connection: Connection) -> Tls:
    return Tls(
        ca_path=connection.ca_path,
        client_cert=connection.client_cert,
        client_key=connection.client_key,
        validate=connection.validate_certs,
        server_name=connection.tls_server_name,
        fingerprint=connection.tls_fingerprint,
    )


def _config_error(error: https.HttpsError) -> BcmConfigError:
    if isinstance(error, https.NoLibrary):
        return BcmConfigError("the Python package httpx is missing where this task runs: pip install httpx")
    if isinstance(error, https.BadFingerprint):
        return BcmConfigError(f"tls_fingerprint {error}")
    if isinstance(error, https.BadTlsFile) and error.is_missing:
        return BcmConfigError("could not read a TLS file: one of ca_path, client_cert, client_key does not exist")
    return BcmConfigError(f"could not use the TLS files: ca_path, client_cert or client_key is not valid ({error})")


def _explain(refused: https.TlsRefused) -> str:
    if refused.doubt is https.Doubt.FINGERPRINT:
        return f"{refused.reason}, not tls_fingerprint"
    if refused.doubt is https.Doubt.NAME:
        return f"{refused.reason}; if it carries another name, give that as tls_server_name"
    if refused.doubt is https.Doubt.ISSUER:
        return (
            f"{refused.reason}; ca_path must be the cluster's CA (/cm/local/apps/cmd/etc/cacert.pem on the head node)"
        )
    return refused.reason
