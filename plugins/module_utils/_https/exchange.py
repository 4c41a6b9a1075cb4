# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Requests and replies of an exchange, and the bounds of its time and size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .json_text import parse_json

_MIB = 1024 * 1024
# Of a body that is shown to people: far more than any message has.
_SHOWN_BYTES = 64 * 1024
# A day. Sockets refuse to wait for years, in words of their own.
LONGEST_PATIENCE_S = 86_400


@dataclass(frozen=True)
class Patience:
    """The time that one exchange may take, in seconds: to connect, from one byte to the next, and as a whole."""

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 300.0

    @property
    def limit_s(self) -> float:
        """Return the time for the whole, at least twice `read_s`, so that a long poll has time to send its answer."""
        return max(self.total_s, 2 * self.read_s)


@dataclass(frozen=True)
class Bounds:
    """The largest answer that is accepted, in bytes: as it comes over the wire, and unpacked."""

    wire_bytes: int = 256 * _MIB
    body_bytes: int = 256 * _MIB


@dataclass(frozen=True)
class Streamed:
    """A body that is sent piece by piece and never held whole; `pieces` begins anew for each attempt."""

    size_bytes: int
    pieces: Callable[[], Iterator[bytes]]

    def __len__(self) -> int:
        return self.size_bytes

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces()


@dataclass(frozen=True)
class HttpRequest:
    """One call. `label` is its name in the log and holds no argument or secret; `path` is relative to the base URL.

    What is answered goes to `sink` piece by piece where there is one, and is kept nowhere.
    """

    method: str
    path: str
    label: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | Streamed | None = field(default=None, repr=False)
    sink: Callable[[bytes], object] | None = field(default=None, repr=False)

    @property
    def sent_bytes(self) -> int:
        """Return the size of the body as it is sent."""
        return len(self.content or b"")


@dataclass(frozen=True)
class Reply:
    """One answer. Names of headers are in lower case; `body` is unpacked."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    cookies: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """Return the beginning of the body as text, for messages; what is not UTF-8 is replaced.

        The charset that a server names is not asked: it may be none, or one that is not for texts.
        """
        return self.body[:_SHOWN_BYTES].decode("utf-8", errors="replace")

    def json(self) -> Any:
        """Return the body decoded as JSON. Raises NotJson and Unsound."""
        return parse_json(self.body)
