# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""HTTPS to one head node: TLS, login cookie, time-outs, retry of reads. The only file that imports httpx."""

from __future__ import annotations

import gzip
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .errors import BcmAuthError, BcmConfigError, BcmProtocolError, BcmTransportError, BcmUnreachable

try:
    import httpx

    HTTPX_IMPORT_ERROR: ImportError | None = None
except ImportError as missing:
    HTTPX_IMPORT_ERROR = missing

_T = TypeVar("_T")

_COOKIE = "cm-login-token"
# bcm-api.md 1.4: pythoncm knows these two beside the ordinary refusals.
_REFUSED = {
    401: "not authorised",
    403: "forbidden",
    635: "the service is restricted",
    640: "the call is restricted",
}
_GZIP_ABOVE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Connection:
    """Where a head node is and how to prove who we are."""

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

    def __post_init__(self) -> None:
        if not self.head_node:
            raise BcmConfigError("no head node given: set head_node or the environment variable BCM_HEAD_NODE")
        if bool(self.username) != bool(self.password):
            raise BcmConfigError("username and password go together: one of them is missing")
        if not self.username and not self.client_cert:
            raise BcmConfigError("no credentials given: set username and password, or client_cert and client_key")

    @property
    def url(self) -> str:
        host = f"[{self.head_node}]" if ":" in self.head_node else self.head_node
        return f"https://{host}:{self.port}"


@dataclass(frozen=True)
class Answer:
    """What came back: the HTTP status and the decoded JSON (None where the body is not JSON)."""

    status: int
    value: Any
    is_json: bool
    text: str = field(repr=False, default="")


class Transport:
    """Sends one JSON call after the other over HTTPS; safe to share between threads.

    Raises BcmTransportError when no usable answer came. Calls marked `reads` are then tried again,
    `attempts` times in all; a call that writes is sent once, because nobody knows whether it was performed.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        attempts: int = 3,
        sleep: Callable[[float], None] = time.sleep,
        http_transport: Any = None,
    ) -> None:
        if HTTPX_IMPORT_ERROR is not None:
            raise BcmConfigError(
                "the Python package httpx is missing where this task runs: pip install httpx"
            ) from HTTPX_IMPORT_ERROR
        self.connection = connection
        self._attempts = attempts
        self._sleep = sleep
        self._token: str | None = None
        self._login_lock = threading.Lock()
        self._client = httpx.Client(
            base_url=connection.url,
            verify=_tls_context(connection),
            timeout=httpx.Timeout(connection.read_timeout_s, connect=connection.connect_timeout_s),
            # A proxy from the environment would see every call; pythoncm bypasses them too (bcm-api.md 1.3).
            trust_env=False,
            transport=http_transport,
        )

    def close(self) -> None:
        self._client.close()

    def call(self, body: dict[str, Any], *, name: str, reads: bool, read_timeout_s: float | None = None) -> Answer:
        """POST one call to /json. `name` is for messages; `read_timeout_s` overrides for long polls."""
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
        """GET a REST path."""
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
        if reads:
            return self._retry(lambda: self._read(self._request(method, path, body, name, read_timeout_s), name))
        try:
            return self._read(self._request(method, path, body, name, read_timeout_s), name)
        except BcmUnreachable as error:
            raise BcmUnreachable(f"{error}; nothing was sent: run the same again") from error
        except BcmTransportError as error:
            raise BcmTransportError(
                f"{error}; whether it was performed is unknown: run the same again, it reads the state first"
            ) from error

    def _retry(self, attempt: Callable[[], _T]) -> _T:
        for count in range(1, self._attempts):
            try:
                return attempt()
            except BcmTransportError:
                self._sleep(0.5 * 2 ** (count - 1))
        return attempt()

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None, name: str, read_timeout_s: float | None
    ) -> httpx.Response:
        headers = {"Cookie": f"{_COOKIE}={self._token}"} if self._token else {}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
            if len(content) > _GZIP_ABOVE_BYTES:
                content = gzip.compress(content, compresslevel=1)
                headers["Content-Encoding"] = "gzip"
        connection = self.connection
        extensions = {"sni_hostname": connection.tls_server_name} if connection.tls_server_name else {}
        read_s = connection.read_timeout_s if read_timeout_s is None else read_timeout_s
        timeout = httpx.Timeout(read_s, connect=connection.connect_timeout_s)
        try:
            return self._client.request(
                method, path, content=content, headers=headers, timeout=timeout, extensions=extensions
            )
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise self._no_answer(error, name) from error

    def _read(self, response: httpx.Response, name: str) -> Answer:
        status = response.status_code
        if status in _REFUSED:
            raise BcmAuthError(
                f"could not call {name}: {self.connection.url} refused it, {_REFUSED[status]} (HTTP {status}); "
                "the profile of this account or certificate must allow the call"
            )
        if status >= 500:
            raise BcmTransportError(f"could not call {name}: {self.connection.url} answered HTTP {status}")
        try:
            return Answer(status, response.json(), True, response.text)
        except (ValueError, UnicodeDecodeError):
            return Answer(status, None, False, response.text)

    def _no_answer(self, error: Exception, name: str) -> BcmTransportError | BcmAuthError:
        url = self.connection.url
        if isinstance(error, httpx.ConnectTimeout):
            return BcmUnreachable(
                f"could not call {name}: {url} did not accept a connection "
                f"within {self.connection.connect_timeout_s:g} s"
            )
        if isinstance(error, httpx.TimeoutException):
            return BcmTransportError(f"could not call {name}: no answer from {url} in time")
        tls = _find_tls_error(error)
        # A head node that goes away in the middle of a handshake is no stranger.
        if tls is not None and not isinstance(tls, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return BcmAuthError(f"could not call {name}: no trusted TLS connection to {url}: {_explain_tls(tls)}")
        kind = BcmUnreachable if isinstance(error, httpx.ConnectError) and tls is None else BcmTransportError
        return kind(f"could not call {name}: no usable answer from {url}: {str(error) or type(error).__name__}")

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
        response = self._retry(lambda: self._request("POST", "/json", body, name, None))
        token = response.cookies.get(_COOKIE)
        answer = self._read(response, name)
        if answer.status == 200 and answer.value is True and token:
            return str(token)
        if answer.status == 200 and not answer.is_json:
            raise BcmProtocolError(
                f"could not {name}: {self.connection.url} answered something that is not JSON; is this a BCM head node?"
            )
        raise BcmAuthError(f"could not {name}: {self.connection.url} refused the username or the password")


def _is_login_page(answer: Answer) -> bool:
    return not answer.is_json and answer.status == 200 and "<html" in answer.text[:2000].lower()


def _tls_context(connection: Connection) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=connection.ca_path)
        if connection.client_cert:
            context.load_cert_chain(connection.client_cert, connection.client_key)
    except FileNotFoundError as error:
        raise BcmConfigError(
            "could not read a TLS file: one of ca_path, client_cert, client_key does not exist"
        ) from error
    except (ssl.SSLError, OSError) as error:
        raise BcmConfigError(
            f"could not use the TLS files: ca_path, client_cert or client_key is not valid ({error})"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if connection.tls_fingerprint:
        _pin(context, connection.tls_fingerprint)
    elif not connection.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _pin(context: ssl.SSLContext, fingerprint: str) -> None:
    """Trust exactly one certificate, checked in the handshake: before a single byte of ours is sent."""
    wanted = fingerprint.replace(":", "").lower()
    if wanted.startswith("sha256"):
        wanted = wanted[len("sha256") :].lstrip("=")
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise BcmConfigError("tls_fingerprint must be the SHA-256 of the certificate: 64 hexadecimal digits")

    class PinnedSocket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            seen = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
            if seen != wanted:
                raise ssl.SSLCertVerificationError(f"the certificate's SHA-256 is {seen}, not tls_fingerprint")

    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslsocket_class = PinnedSocket


def _find_tls_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _explain_tls(error: ssl.SSLError) -> str:
    # Only errors that OpenSSL raised have a reason; ours of the fingerprint has none.
    reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)
    if "mismatch" in str(reason).lower() or "doesn't match" in str(reason).lower():
        return f"{reason}; if it carries another name, give that as tls_server_name"
    if isinstance(error, ssl.SSLCertVerificationError) and "fingerprint" not in str(error):
        return f"{reason}; ca_path must be the cluster's CA (/cm/local/apps/cmd/etc/cacert.pem on the head node)"
    return str(reason if "fingerprint" not in str(error) else error)
