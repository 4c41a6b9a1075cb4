# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Requests and replies of an exchange, and the bounds of its time and size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import NotJson

_MIB = 1024 * 1024


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
class HttpRequest:
    """One call. `label` is its name in the log and holds no argument or secret; `path` is relative to the base URL."""

    method: str
    path: str
    label: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)

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
    charset: str = "utf-8"

    @property
    def text(self) -> str:
        """Return the body as text; bytes that are not of its charset are replaced."""
        return self.body.decode(self.charset, errors="replace")

    def json(self) -> Any:
        """Return the body decoded as JSON. Raises NotJson."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise NotJson(str(error)) from error
