# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A bound on the whole time of an exchange, whatever the other side does.

The time-outs of an HTTP client begin anew with every byte, so that a server which sends one byte now and then holds a
call for ever. Here every operation on a socket gets no more time than the exchange has left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .errors import TookTooLong

# A socket takes 0 as "do not wait at all", which is another error.
_SHORTEST_S = 0.001
# How much is written before the time is checked again.
_WRITTEN_BYTES = 64 * 1024


class Deadline(threading.local):
    """The time when this thread's exchange must have ended; an exchange stays in the thread that began it."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._until_s: float | None = None
        self._limit_s = 0.0

    @contextmanager
    def within(self, limit_s: float) -> Iterator[None]:
        """Limit what this thread does inside the block to `limit_s`."""
        self._until_s, self._limit_s = self._now_s() + limit_s, limit_s
        try:
            yield
        finally:
            self._until_s = None

    @property
    def has_passed(self) -> bool:
        """Return whether the time is up; False outside a block."""
        # A time-out may fire a little early.
        return self._until_s is not None and self._now_s() >= self._until_s - _SHORTEST_S

    def check(self) -> None:
        """Raise TookTooLong where the time is up."""
        if self.has_passed:
            raise TookTooLong(self._limit_s)

    def cut(self, timeout_s: float | None) -> float | None:
        """Shorten a time-out to the time that is left; None, no time-out, becomes that time."""
        if self._until_s is None:
            return timeout_s
        left_s = max(_SHORTEST_S, self._until_s - self._now_s())
        return left_s if timeout_s is None else min(timeout_s, left_s)


class BoundedStream:
    """A network stream of httpcore whose operations end with the deadline."""

    def __init__(self, stream: Any, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        piece: bytes = self._stream.read(max_bytes, self._deadline.cut(timeout))
        return piece

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITTEN_BYTES):
            self._stream.write(buffer[start : start + _WRITTEN_BYTES], self._deadline.cut(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.cut(timeout))
        return BoundedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class BoundedBackend:
    """A network backend of httpcore whose streams end with the deadline."""

    def __init__(self, backend: Any, deadline: Deadline) -> None:
        self._backend = backend
        self._deadline = deadline

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> Any:
        stream = self._backend.connect_tcp(host, port, self._deadline.cut(timeout), **options)
        return BoundedStream(stream, self._deadline)

    def connect_unix_socket(self, path: str, timeout: float | None = None, **options: Any) -> Any:
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)
