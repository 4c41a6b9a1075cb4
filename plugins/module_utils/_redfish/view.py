# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What was read of one BMC, by the role of each resource. Pure: what is asked for and was not read yet is noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .quirks import DMTF

Body = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """One resource as it was read; `etag` is None where the BMC gives none."""

    uri: str
    body: Body = field(repr=False)
    etag: str | None = None


@dataclass(frozen=True)
class Reading:
    """What came of reading one role: resources (several of a collection), or why there are none.

    `error` is empty where the BMC simply has no such thing. `uri` is where it was read.
    """

    resources: tuple[Resource, ...] = ()
    is_exposed: bool = True
    error: str = ""
    uri: str = ""


NOT_EXPOSED = Reading(is_exposed=False)


class NotRead(Exception):
    """A role was asked for that was not read yet."""


@dataclass
class View:
    """The readings of one BMC. `asked` collects the roles that were asked for and are not there yet.

    `account` is the name that this talk is logged in with.
    """

    readings: Mapping[str, Reading]
    vendor: str = DMTF
    account: str = ""
    asked: set[str] = field(default_factory=set)

    def reading(self, role: str) -> Reading:
        """Return what was read. Raises NotRead."""
        if role not in self.readings:
            self.asked.add(role)
            raise NotRead(role)
        return self.readings[role]

    def one(self, role: str) -> Resource | None:
        """Return the resource of a role that has one, None where it is not exposed. Raises NotRead and LookupError."""
        found = self.all(role)
        return found[0] if found else None

    def all(self, role: str) -> tuple[Resource, ...] | None:
        """Return all resources of a role, None where it is not exposed. Raises NotRead and LookupError."""
        reading = self.reading(role)
        if reading.error:
            raise LookupError(reading.error)
        return reading.resources if reading.is_exposed else None
