# SPDX-License-Identifier: GPL-3.0-or-later
"""A second head node beside the first, with the same database: one is active, the other passive."""

from __future__ import annotations

from virtual_rack.entities.initial import stable_uuid


class Pair:
    """Which head node is active; without a second one it is always the first."""

    def __init__(self, first: str, second: str) -> None:
        self.names = (first, second) if second else (first,)
        self.active = first

    @property
    def passive(self) -> str | None:
        """Give the name of the passive head node."""
        return next((name for name in self.names if name != self.active), None)

    def uuids(self) -> list[str]:
        """Give the uuid of the active head node, then that of the passive one."""
        return [uuid_of(name) for name in (self.active, self.passive) if name is not None]

    def take_over(self) -> None:
        """Let the passive head node become the active one, and the other way round."""
        self.active = self.passive or self.active


def uuid_of(name: str) -> str:
    """Give the uuid of a head node's device."""
    return stable_uuid("Device", "HeadNode", name)
