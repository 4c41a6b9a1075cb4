# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that ask for an installation and are not known to the head node."""

from __future__ import annotations

import uuid as uuids
from dataclasses import dataclass, field

from virtual_rack.clock import Clock
from virtual_rack.entities.fields import ZERO_IP, Entity
from virtual_rack.nodes.machine import Machine
from virtual_rack.nodes.registry import Registry


@dataclass
class _Seen:
    machine: Machine
    first_s: float
    appeared: int
    last_s: float = 0.0
    count: int = 0
    uuid: str = field(default_factory=lambda: str(uuids.uuid4()))


class NewNodes:
    """What the head node has seen of them, in its memory only."""

    def __init__(self, *, clock: Clock, registry: Registry) -> None:
        self._clock = clock
        self._registry = registry
        self._seen: dict[str, _Seen] = {}

    def note(self, machine: Machine) -> None:
        """Note that a machine has asked once more."""
        now_s = self._clock.now_s
        seen = self._seen.setdefault(machine.spec.mac, _Seen(machine, now_s, int(self._clock.date_s())))
        seen.last_s = now_s
        seen.count += 1

    def to_api(self) -> list[Entity]:
        """Give those that still are new.

        ASSUMED: a machine is forgotten once it has lost its power or is registered. getNewNodes after each settles it.
        """
        for mac, seen in list(self._seen.items()):
            if not seen.machine.power or self._registry.device_of(seen.machine) is not None:
                del self._seen[mac]
        return [_to_api(seen) for seen in self._seen.values()]


def _to_api(seen: _Seen) -> Entity:
    return {
        "baseType": "NewNode",
        "childType": "",
        "uuid": seen.uuid,
        "mac": seen.machine.spec.mac,
        "ip": ZERO_IP,
        "type": "NODE",
        "arch": "x86_64",
        "switchPort": None,
        "firstSeen": int(seen.first_s),
        "lastSeen": int(seen.last_s),
        "count": seen.count,
        "stop": False,
        "info": "",
        "appeared": seen.appeared,
    }
