# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue for provisioning slots: first come, first served; who cannot be served is deferred. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from virtual_rack.entities.fields import ZERO_UUID


@dataclass(frozen=True)
class Provisioner:
    """A node that hands out images, by their uuids."""

    node: str
    slots: int
    images: frozenset[str]
    available: bool = True


@dataclass(frozen=True)
class Request:
    """One node's wish for an image; `source` is the provisioner once there is one."""

    uuid: str
    image: str
    destination: str
    mode: str
    from_installer: bool = True
    dry_run: bool = False
    session: str = ZERO_UUID
    source: str = ZERO_UUID


@dataclass
class SlotQueue:
    """Requests that wait and requests that run."""

    waiting: list[Request] = field(default_factory=list)
    running: dict[str, Request] = field(default_factory=dict)

    def add(self, request: Request, *, first: bool = False) -> None:
        """Put a request at the end of the queue, or in front of all."""
        self.waiting.insert(0 if first else len(self.waiting), request)

    def drop(self, uuid: str) -> None:
        """Take a request away, wherever it is."""
        if self.running.pop(uuid, None) is None:
            self.waiting = [request for request in self.waiting if request.uuid != uuid]

    def used_slots(self, node: str) -> int:
        """Count what a provisioner is busy with."""
        return sum(request.source == node for request in self.running.values())

    def admit(self, provisioners: Sequence[Provisioner], *, locked_images: frozenset[str]) -> list[Request]:
        """Start what can be started, and give what was started, in order."""
        room = {p.node: p.slots - self.used_slots(p.node) for p in provisioners if p.available}
        by_node = {p.node: p for p in provisioners}
        started: list[Request] = []
        kept: list[Request] = []
        for number, request in enumerate(self.waiting):
            if not any(free > 0 for free in room.values()):
                kept += self.waiting[number:]
                break
            able = [node for node, free in room.items() if free > 0 and request.image in by_node[node].images]
            if not able or request.image in locked_images:
                kept.append(request)
                continue
            # Fewest running tasks first; more slots do not make a provisioner more attractive.
            source = min(able, key=lambda node: by_node[node].slots - room[node])
            room[source] -= 1
            started.append(replace(request, source=source))
        self.waiting = kept
        self.running.update({request.uuid: request for request in started})
        return started
