# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy before any NetBox, real or not, that loses answers of writes on request."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from .fake.server import on_loopback

_PASSED_ON = ("Authorization", "Content-Type", "Accept", "If-Match")
_SHOWN = ("Content-Type", "API-Version", "ETag")
_WRITES = ("POST", "PATCH", "DELETE")


class LossyNetBox:
    """The NetBox at `target`, under another address."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._left = 0
        self._performs = True
        self._status = 504
        self._then: Callable[[], None] = lambda: None
        self.url = ""

    def lose(self, number: int, *, performed: bool, status: int = 504, then: Callable[[], None] = lambda: None) -> None:
        """Lose the answer of the write with this number from now on, and answer nothing after it.

        It is performed or not, and `then` is done. Instead of its answer comes this status; 0 drops the connection.
        """
        self._left, self._performs, self._status, self._then = number, performed, status, then

    def mend(self) -> None:
        """Answer again."""
        self._left = 0

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Pass a request on, or lose it."""
        is_write = handler.command in _WRITES
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if self._left < 0 or (self._left == 1 and is_write):
            if self._left == 1 and self._performs:
                self._pass_on(handler, content)
            if self._left == 1:
                self._then()
            self._left = -1
            if not self._status:
                handler.close_connection = True
                return
            _reply(handler, self._status, {}, b"{}")
            return
        self._left -= self._left > 1 and is_write
        _reply(handler, *self._pass_on(handler, content))

    def _pass_on(self, handler: BaseHTTPRequestHandler, content: bytes) -> tuple[int, dict[str, str], bytes]:
        headers = {name: handler.headers[name] for name in _PASSED_ON if handler.headers[name]}
        request = urllib.request.Request(  # noqa: S310 - the tests' own
            f"{self._target}{handler.path}", data=content or None, headers=headers, method=handler.command
        )
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()


def _reply(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], content: bytes) -> None:
    known = {name.lower(): value for name, value in headers.items()}
    handler.send_response(status)
    for name in _SHOWN:
        if name.lower() in known:
            handler.send_header(name, known[name.lower()])
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


class _Handler(BaseHTTPRequestHandler):
    netbox: LossyNetBox
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        self.netbox.answer(self)

    do_GET = do_POST = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def lossy(target: str) -> Iterator[LossyNetBox]:
    """Have a proxy on loopback for as long as the block lasts."""
    netbox = LossyNetBox(target)
    with on_loopback(type("Handler", (_Handler,), {"netbox": netbox})) as netbox.url:
        yield netbox
