# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Connections and exchanges over HTTP. The only file that imports httpx, and httpcore below it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from .address import check_host, check_port, resolve
from .body import BodyReader
from .deadline import BoundedBackend, Deadline
from .errors import BadAddress, MaybePerformed, NeverSent, NoAnswer, NoLibrary, NotAccepted, Silent, TookTooLong
from .exchange import HttpRequest, Patience, Reply, Streamed
from .tls import Tls, explain_refusal, find_tls_error

try:
    import httpcore
    import httpx
    from httpx import BaseTransport, SyncByteStream

    _IMPORT_ERROR: ImportError | None = None
except ImportError as missing:
    _IMPORT_ERROR = missing
    BaseTransport = SyncByteStream = object  # type: ignore[assignment,misc]


class Wire:
    """The connections to one server; safe to share between threads.

    Redirects are never followed, and proxies of the environment never used: they would see every call. `http_transport`
    replaces the network in tests. Raises NoLibrary, BadAddress, BadTlsFile and BadFingerprint.
    """

    def __init__(
        self,
        base_url: str,
        tls: Tls,
        *,
        headers: Mapping[str, str],
        keep_alive_s: float,
        now_s: Callable[[], float],
        http_transport: Any = None,
    ) -> None:
        if _IMPORT_ERROR is not None:
            raise NoLibrary(str(_IMPORT_ERROR)) from _IMPORT_ERROR
        _check(base_url, headers, tls.server_name)
        context = tls.context()
        self.peer_certificate: bytes | None = None  # the server's, in DER, once it has shown one
        self._deadline = Deadline(now_s)
        self._extensions = {"sni_hostname": tls.server_name} if tls.server_name else {}
        self._client = httpx.Client(
            base_url=base_url,
            headers={**headers, "Accept-Encoding": "gzip"},
            follow_redirects=False,
            trust_env=False,
            transport=http_transport or _Pool(context, keep_alive_s, self._deadline),
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def exchange(self, request: HttpRequest, patience: Patience, body: BodyReader) -> Reply:
        """Send one request and read its answer into `body`; an answer of any HTTP status is returned.

        Raises NoAnswer, whose class says whether the call may have been performed.
        """
        with self._deadline.within(patience.limit_s):
            try:
                return self._exchange(request, patience, body)
            except (httpx.HTTPError, ssl.SSLError) as error:
                raise self._sort(error, patience) from error
            except ValueError as error:
                # Older releases of h11 let a Content-Length of thousands of digits through to int().
                raise MaybePerformed("the headers of the answer can't be read") from error

    def _exchange(self, request: HttpRequest, patience: Patience, body: BodyReader) -> Reply:
        timeout = httpx.Timeout(patience.read_s, connect=patience.connect_s)
        headers = dict(request.headers)
        if isinstance(request.content, Streamed):
            # Without it the pieces would go chunked, which BMCs do not take.
            headers["Content-Length"] = str(request.sent_bytes)
        with self._client.stream(
            request.method,
            request.path,
            content=request.content,
            headers=headers,
            timeout=timeout,
            extensions=self._extensions,
        ) as response:
            self.peer_certificate = self.peer_certificate or _certificate_behind(response)
            answered = dict(response.headers.items())
            body.begin(answered)
            # Read packed: httpx would unpack each piece whole, and a well packed one can grow a thousandfold.
            for piece in cast(Iterable[bytes], response.stream):
                self._deadline.check()
                body.add(piece)
            # Not dict(cookies), which refuses two cookies of one name.
            cookies = {cookie.name: cookie.value or "" for cookie in response.cookies.jar}
            return Reply(response.status_code, answered, cookies, body.finish())

    def _sort(self, error: Exception, patience: Patience) -> NoAnswer:
        if isinstance(error, httpx.ConnectTimeout):
            return NotAccepted(patience.connect_s)
        if isinstance(error, httpx.TimeoutException):
            return TookTooLong(patience.limit_s) if self._deadline.has_passed else Silent(patience.read_s)
        refusal = find_tls_error(error)
        if refusal is not None:
            return explain_refusal(refusal)
        kind = NeverSent if isinstance(error, httpx.ConnectError) else MaybePerformed
        return kind(str(error) or type(error).__name__)


def _certificate_behind(response: Any) -> bytes | None:
    """Return the server's certificate, also where it was not checked; None where there is no TLS connection."""
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("ssl_object") if stream is not None else None
    certificate: bytes | None = connection.getpeercert(True) if connection is not None else None
    return certificate


class _Pool(BaseTransport):
    """A transport as httpx.HTTPTransport is, on a network whose every operation ends with the deadline."""

    def __init__(self, context: ssl.SSLContext, keep_alive_s: float, deadline: Deadline) -> None:
        backend = cast("httpcore.NetworkBackend", BoundedBackend(_ByName(httpcore.SyncBackend()), deadline))
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=None,
            keepalive_expiry=keep_alive_s,
            network_backend=backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            answer = self._pool.handle_request(asked)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Pieces(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


class _ByName:
    """A network backend that looks a host up and connects to one of its addresses, all of it within the time-out."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> Any:
        until_s = None if timeout is None else time.monotonic() + timeout
        try:
            addresses = resolve(host, port, timeout)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error.strerror or error}") from error
        for index, address in enumerate(addresses):
            left_s = None if until_s is None else max(0.001, until_s - time.monotonic())
            # A silent address leaves time for those after it.
            share_s = None if left_s is None else left_s / (len(addresses) - index)
            try:
                return self._backend.connect_tcp(address, port, share_s, **options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if index == len(addresses) - 1:
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _Pieces(SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._stream

    def close(self) -> None:
        self._stream.close()


def _check(base_url: str, headers: Mapping[str, str], server_name: str | None) -> None:
    """Raise BadAddress for what httpx, sockets or TLS would refuse in words of their own, in the middle of a call."""
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError) as error:
        raise BadAddress(f"{base_url[:60]!r} is no URL: {error}") from error
    check_host(url.raw_host.decode("ascii"))
    if url.port is not None:
        check_port(url.port)
    if server_name:
        check_host(server_name)
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise BadAddress(f"the header {name} takes printable ASCII characters only")


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise the errors of httpcore as those of httpx: each has its namesake there."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error
