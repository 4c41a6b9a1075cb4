# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Calls to one head node over HTTPS: compressed requests, and HTTPS errors as errors of this API."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..._https import errors as https
from ..._https.call_log import OnCall
from ..._https.client import HttpsClient
from ..._https.exchange import Bounds, HttpRequest, Patience, Reply
from ..._https.retry import Retry
from .answer import Answer
from .connection import Connection, config_error, tls_of
from .errors import BcmAuthError, BcmError, BcmProtocolError, BcmTransportError, BcmUnreachable, CallDenied
from .login import COOKIE, Login

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


class Transport:
    """A sender of JSON calls over HTTPS (bcm-api.md 1.1); safe to share between threads.

    A call that reads is sent up to `attempts` times in all where no usable answer comes; one that writes is sent once,
    because it may have been performed. `on_call` is given one line per attempt. Raises BcmConfigError for TLS files or
    an address or fingerprint that can't be used, and where httpx is missing.
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
        self._login_retry = replace(_LOGIN, attempts=attempts)
        self._read = replace(_READ, attempts=attempts)
        self._login = Login(connection, self._ask_for_login)
        try:
            self._client = HttpsClient(
                connection.url,
                tls_of(connection),
                patience=self._patience,
                limits=limits,
                secrets=[connection.password or ""],
                on_call=on_call,
                sleep=sleep,
                http_transport=http_transport,
            )
        except https.HttpsError as error:
            raise config_error(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def server_certificate(self) -> bytes | None:
        """Return the certificate that the head node has shown, in DER; None before the first answer."""
        return self._client.peer_certificate

    def call(self, body: dict[str, Any], *, name: str, reads: bool, read_timeout_s: float | None = None) -> Answer:
        """Send one call to /json, after a login where one is needed. `name` is for messages.

        `read_timeout_s` replaces the connection's, for long polls. Raises BcmAuthError where TLS, the login or the call
        is refused; BcmUnreachable where nothing was sent, so that trying again is safe; BcmTransportError and
        BcmProtocolError where there is no usable answer, so that a write may have been performed.
        """
        used = self._login.ensure()
        answer = self._exchange("POST", "/json", body, name, reads, read_timeout_s)
        if self.connection.username and answer.is_login_page:
            # ASSUMED: an expired cookie gets the login page, and the call was not performed (bcm-api.md 1.2 marks
            # this X). An expired session on a live head node would settle it.
            self._login.ensure(used)
            answer = self._exchange("POST", "/json", body, name, reads, read_timeout_s)
        if answer.is_login_page:
            raise BcmAuthError(
                f"could not call {name}: {self.connection.url} answered with its login page, "
                "so these credentials give no session; check username and password or the client certificate"
            )
        return answer

    def get(self, path: str) -> Answer:
        """Read a REST path (bcm-api.md 1.5). Raises as `call` does for a call that reads."""
        self._login.ensure()
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
        headers = self._login.headers
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
            kind = BcmAuthError if status == 401 else CallDenied
            raise kind(
                f"could not call {name}: {self.connection.url} refused it, {_REFUSED[status]} (HTTP {status}); "
                "the profile of this account or certificate must allow the call"
            )
        if 300 <= status < 400:
            raise BcmProtocolError(
                f"could not call {name}: {self.connection.url} redirects elsewhere (HTTP {status}), "
                "as no head node does, and it is not followed; check head_node and port"
            )
        if status >= 500:
            raise BcmTransportError(f"could not call {name}: {self.connection.url} answered HTTP {status}")
        if status == 200 and not reply.body:
            # As from a head node that ends while it answers; JSON has four letters for nothing.
            raise BcmTransportError(f"could not call {name}: {self.connection.url} answered nothing at all")
        try:
            return Answer(status, reply.json(), True)
        except https.NotJson:
            return Answer(status, None, False, reply.text)
        except https.Unsound as error:
            raise BcmProtocolError(f"could not call {name}: the answer of {self.connection.url} {error}") from error

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

    def _ask_for_login(self, body: dict[str, Any], name: str) -> tuple[Answer, str | None]:
        reply = self._send(self._request("POST", "/json", body, "login"), self._login_retry, name)
        token = reply.cookies.get(COOKIE)
        if token:
            self._client.hide(token)
        return self._answer(reply, name), token


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
