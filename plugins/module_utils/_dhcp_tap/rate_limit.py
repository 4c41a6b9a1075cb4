# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How often sightings of one machine are stored. Pure: time is an argument, memory is bounded.

A sighting with another address than the last one is always stored: the spool merges it into one row, so there is no
need to lose it. The bucket decides whether it is also notified, because notifications start playbooks.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from .sighting import Sighting


class Handling(Enum):
    """What is done with a sighting."""

    STORE_AND_NOTIFY = "store_and_notify"
    STORE_ONLY = "store_only"  # another address, of a machine that was seen too often to notify it
    DUPLICATE = "duplicate"  # the same lease again at once: a repetition, or another leg of its way
    LIMITED = "limited"  # the same lease again, too often


@dataclass
class _LastSeen:
    ip: str
    at_s: float
    tokens: float


class RateLimit:
    """A token bucket per machine: `burst` sightings at once, then one every `every_s` seconds.

    Of more than `max_macs` machines the ones not seen for longest are forgotten, and begin with a full bucket again.
    """

    def __init__(
        self, *, duplicate_s: float = 10.0, burst: int = 5, every_s: float = 60.0, max_macs: int = 50_000
    ) -> None:
        self._duplicate_s = duplicate_s
        self._burst = burst
        self._every_s = every_s
        self._max_macs = max_macs
        self._last_seen: OrderedDict[str, _LastSeen] = OrderedDict()

    def __len__(self) -> int:
        return len(self._last_seen)

    def decide(self, sighting: Sighting, now_s: float) -> Handling:
        """Decide what is done with a sighting, and remember it."""
        last = self._last_seen.get(sighting.mac)
        if last is None:
            self._last_seen[sighting.mac] = _LastSeen(sighting.ip, now_s, self._burst - 1.0)
            if len(self._last_seen) > self._max_macs:
                self._last_seen.popitem(last=False)
            return Handling.STORE_AND_NOTIFY
        self._last_seen.move_to_end(sighting.mac)
        is_same = last.ip == sighting.ip
        passed_s = max(0.0, now_s - last.at_s)
        if is_same and passed_s < self._duplicate_s:
            return Handling.DUPLICATE
        last.tokens = min(float(self._burst), last.tokens + passed_s / self._every_s)
        last.ip, last.at_s = sighting.ip, now_s
        if last.tokens >= 1:
            last.tokens -= 1
            return Handling.STORE_AND_NOTIFY
        return Handling.LIMITED if is_same else Handling.STORE_ONLY
