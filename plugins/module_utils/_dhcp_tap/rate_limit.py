# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How often one machine may be heard. Pure: time is an argument, memory is bounded.

What differs from the last sighting of a machine is always stored: the spool merges it into one row, so there is no need
to lose it. The bucket decides whether it also rings, for rings start playbooks.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from .sighting import Sighting


class Verdict(Enum):
    STORE = "store"
    STORE_QUIETLY = "store_quietly"  # another address, of a machine that has been heard too often to ring for it
    DUPLICATE = "duplicate"  # the same lease again at once: a repetition, or another leg of its way
    LIMITED = "limited"  # the same lease again, too often


@dataclass
class _Heard:
    ip: str
    at_s: float
    tokens: float


class Gate:
    """A token bucket a machine: `burst` at once, then one every `every_s`.

    Of more than `max_macs` machines the ones not heard for longest are forgotten, which lets them in again.
    """

    def __init__(
        self, *, duplicate_s: float = 10.0, burst: int = 5, every_s: float = 60.0, max_macs: int = 50_000
    ) -> None:
        self._duplicate_s = duplicate_s
        self._burst = burst
        self._every_s = every_s
        self._max_macs = max_macs
        self._heard: OrderedDict[str, _Heard] = OrderedDict()

    def __len__(self) -> int:
        return len(self._heard)

    def judge(self, sighting: Sighting, now_s: float) -> Verdict:
        """Say what to do with a sighting, and remember that it was heard."""
        heard = self._heard.get(sighting.mac)
        if heard is None:
            self._heard[sighting.mac] = _Heard(sighting.ip, now_s, self._burst - 1.0)
            if len(self._heard) > self._max_macs:
                self._heard.popitem(last=False)
            return Verdict.STORE
        self._heard.move_to_end(sighting.mac)
        is_same = heard.ip == sighting.ip
        passed_s = max(0.0, now_s - heard.at_s)
        if is_same and passed_s < self._duplicate_s:
            return Verdict.DUPLICATE
        heard.tokens = min(float(self._burst), heard.tokens + passed_s / self._every_s)
        heard.ip, heard.at_s = sighting.ip, now_s
        if heard.tokens >= 1:
            heard.tokens -= 1
            return Verdict.STORE
        return Verdict.LIMITED if is_same else Verdict.STORE_QUIETLY
