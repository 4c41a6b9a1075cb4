# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""HTTP to one NetBox: token, TLS, time-outs, repetition of what is safe to repeat. Only this file imports httpx."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from .errors import (
    NetBoxApiError,
    NetBoxAuthError,
    NetBoxConfigError,
    NetBoxNotFound,
    NetBoxProtocolError,
    NetBoxStale,
    NetBoxTransportError,
)

try:
    import httpx

    HTTPX_IMPORT_ERROR: ImportError | None = None
except ImportError as missing:
    HTTPX_IMPORT_ERROR = missing

Filter = tuple[str, Any]

_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_TOO_MANY_REQUESTS = 429
_STALE = 412
# A gateway or a server in trouble; whether a write was performed is unknown then.
_TROUBLE = (500, 502, 503, 504)
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

    def __post_init__(self) -> None:
        if not self.url:
            raise NetBoxConfigError("no NetBox given: set url or the environment variable NETBOX_URL")
        if not self.token:
            raise NetBoxConfigError("no token given: set token or the environment variable NETBOX_TOKEN")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NetBoxConfigError(f"url must be like https://netbox.example.com, not {self.url}")
        if parts.username or parts.query:
            raise NetBoxConfigError("url must carry no account and no query; the token is an option of its own")

    @property
    def base(self) -> str:
        """The address without /api and without a slash at the end."""
        base = self.url.rstrip("/")
        return base[: -len("/api")] if base.endswith("/api") else base

    @property
    def sends_token_in_clear(self) -> bool:
        """Whether the token crosses a network without TLS."""
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
    performed: no connection came about, or NetBox said that there are too many requests.
    """

    def __init__(
        self,
        connection: NetBoxConnection,
        *,
        sleep: Callable[[float], None] = time.sleep,
        http_transport: Any = None,
    ) -> None:
        if HTTPX_IMPORT_ERROR is not None:
            raise NetBoxConfigError(
                "the Python package httpx is missing where this task runs: pip install httpx"
            ) from HTTPX_IMPORT_ERROR
        self.connection = connection
        self.calls = Calls()
        self.api_version: str | None = None
        self._sleep = sleep
        self._counting = threading.Lock()
        self._client = httpx.Client(
            base_url=f"{connection.base}/api/",
            headers={
                "Authorization": _authorization(connection.token),
                "Accept": "application/json",
                # Of requests without a body too: NetBox 3.2 says its version in answers to those only that have it.
                "Content-Type": "application/json",
            },
            verify=_tls_context(connection),
            timeout=httpx.Timeout(connection.timeout_s, connect=min(10.0, connection.timeout_s)),
            limits=httpx.Limits(keepalive_expiry=_KEEP_ALIVE_S),
            # A proxy from the environment would see the token.
            trust_env=False,
            transport=http_transport,
        )

    def close(self) -> None:
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
        reads = method in ("GET", "OPTIONS")
        url = f"{path}?{encode_query(query)}" if query else path
        headers = {"If-Match": if_match} if if_match else {}
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            response = self._send(method, url, body, headers, action, reads, last)
            if response is not None and (last or not _is_worth_repeating(response.status_code, reads)):
                return self._read(response, action, reads)
            self._sleep(_pause_s(attempt, response))
        raise AssertionError("the last attempt answers or raises")

    def _send(
        self, method: str, url: str, body: Any, headers: Mapping[str, str], action: str, reads: bool, last: bool
    ) -> httpx.Response | None:
        """The response, or None where there was none and it is safe to try again."""
        with self._counting:
            self.calls.reads += reads
            self.calls.writes += not reads
        content = {} if body is None else {"json": body}
        try:
            return self._client.request(method, url, headers=dict(headers), **content)
        except (httpx.HTTPError, ssl.SSLError) as error:
            tls = _find_tls_error(error)
            if tls is not None:
                raise NetBoxAuthError(
                    f"could not {action}: no trusted TLS connection to {self.connection.base}: "
                    f"{getattr(tls, 'verify_message', '') or tls}; ca_path must be the authority that signed its "
                    "certificate"
                ) from error
            never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            if not last and (reads or never_sent):
                return None
            raise self._no_answer(error, action, never_sent or reads) from error

    def _no_answer(self, error: Exception, action: str, nothing_done: bool) -> NetBoxTransportError:
        where = self.connection.base
        if isinstance(error, httpx.TimeoutException):
            said = f"no answer from {where} within {self.connection.timeout_s:g} s"
        else:
            said = f"no usable answer from {where}: {self._clean(str(error)) or type(error).__name__}"
        unknown = "" if nothing_done else "; whether it was performed is unknown: run the same again, it reads first"
        return NetBoxTransportError(f"could not {action}: {said}{unknown}")

    def _read(self, response: httpx.Response, action: str, reads: bool) -> Answer:
        status, where = response.status_code, self.connection.base
        self.api_version = response.headers.get("API-Version") or self.api_version
        if 200 <= status < 300:
            return Answer(status, self._json(response, action), response.headers.get("ETag"))
        complaints = _complaints(response)
        said = self._clean("; ".join(f"{name}: {text}" if name else text for name, text in complaints.items()))
        if status in (401, 403):
            raise NetBoxAuthError(
                f"could not {action}: {where} refused it (HTTP {status}): {said or 'no reason given'}; "
                "the token must be valid and its user allowed to do this"
            )
        if status in _TROUBLE or status == _TOO_MANY_REQUESTS:
            unknown = "" if reads or status == _TOO_MANY_REQUESTS else "; whether it was performed is unknown"
            raise NetBoxTransportError(f"could not {action}: {where} answered HTTP {status}{unknown}")
        if 300 <= status < 400:
            target = self._clean(response.headers.get("Location", ""))
            raise NetBoxConfigError(f"could not {action}: {where} redirects to {target}; give that address as url")
        kind = {404: NetBoxNotFound, _STALE: NetBoxStale}.get(status, NetBoxApiError)
        raise kind(
            f"could not {action}: NetBox answered HTTP {status}: {said or 'no reason given'}",
            status=status,
            complaints={name: self._clean(text) for name, text in complaints.items()},
        )

    def _json(self, response: httpx.Response, action: str) -> Any:
        if not response.content:
            return None
        try:
            return response.json()
        except (ValueError, UnicodeDecodeError):
            raise NetBoxProtocolError(
                f"could not {action}: {self.connection.base} answered something that is not JSON; is this a NetBox?"
            ) from None

    def _clean(self, text: str) -> str:
        return text.replace(self.connection.token, "***")


def encode_query(query: Sequence[Filter]) -> str:
    """The query string; colons stay, so that a filter by many MAC addresses is half as long."""
    return "&".join(f"{quote(name)}={quote(str(value), safe=':/,')}" for name, value in query)


def _authorization(token: str) -> str:
    # NetBox 4.5 brought tokens of a second form beside the 40 hexadecimal digits.
    return f"Bearer {token}" if token.startswith("nbt_") else f"Token {token}"


def _is_worth_repeating(status: int, reads: bool) -> bool:
    return status == _TOO_MANY_REQUESTS or (reads and status in _TROUBLE)


def _pause_s(attempt: int, response: httpx.Response | None) -> float:
    wanted = response.headers.get("Retry-After", "") if response is not None else ""
    pause = float(wanted) if wanted.isdigit() else _FIRST_PAUSE_S * 2.0 ** (attempt - 1)
    return min(pause, _LONGEST_PAUSE_S)


def _complaints(response: httpx.Response) -> dict[str, str]:
    """What NetBox said, by field; of a list only the elements that are at fault."""
    try:
        value = response.json()
    except (ValueError, UnicodeDecodeError):
        return {}
    merged: dict[str, str] = {}
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            for name, text in each.items():
                key = "" if name in ("detail", "non_field_errors", "__all__") else name
                merged.setdefault(key, _flat(text))
        else:
            merged.setdefault("", _flat(each))
    return {name: text for name, text in merged.items() if text}


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_flat(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(filter(None, map(_flat, value)))
    return str(value)[:500]


def _tls_context(connection: NetBoxConnection) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=connection.ca_path)
    except (ssl.SSLError, OSError) as error:
        raise NetBoxConfigError(f"could not use ca_path {connection.ca_path}: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not connection.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _find_tls_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None
