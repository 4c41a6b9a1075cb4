# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One accepted message of a run, as it waits in the spool. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# What the receiver itself says of a run, beside the kinds that agents send.
CONFLICT = "conflict"


@dataclass(frozen=True)
class AcceptedEvent:
    """A message whose signature, sequence and form were good. `received` is Unix time, `ordinal` counts the run's
    messages, but for heartbeats and pieces of logs; `body` is as it was sent."""

    run: str
    sequence: int
    kind: str
    step: str
    received: float
    ordinal: int
    body: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Return whose it is for the spool; the same message accepted twice is one row."""
        return f"{self.run}/{self.sequence:08d}"

    @property
    def novelty(self) -> str:
        """Return what makes it news: one that NetBox has already, and that is sent again, is none."""
        return self.kind

    def to_dict(self) -> dict[str, Any]:
        """Return all fields by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> AcceptedEvent:
        """Read what `to_dict` wrote."""
        return cls(**stored)
