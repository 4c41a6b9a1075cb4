# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What goes over the wire and comes back, and how much of it and for how long."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import NotJson

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Patience:
    """How long one exchange may take, in seconds: to connect, from one byte to the next, and as a whole."""

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 300.0

    @property
    def limit_s(self) -> float:
        """The time for the whole; who waits longer for the first byte waits longer for the last one too."""
        return max(self.total_s, 2 * self.read_s)


@dataclass(frozen=True)
class Bounds:
    """How large an answer may be, in bytes: as it comes over the wire, and unpacked."""

    wire_bytes: int = 256 * _MIB
    body_bytes: int = 256 * _MIB


@dataclass(frozen=True)
class HttpRequest:
    """One call. `label` names it in the log, where no argument and no secret may be; `path` is relative to the base."""

    method: str
    path: str
    label: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)

    @property
    def sent_bytes(self) -> int:
        """The size of the body as it is sent."""
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
        return self.body.decode(self.charset, errors="replace")

    def json(self) -> Any:
        """Decode the body. Raises NotJson."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise NotJson(str(error)) from error
