# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which BMC is talked to when: tries, deadlines, how many at once, and the canary. Pure; the clock is an argument.

The canary guards against a typo in the vault that would lock every BMC in the hall: of all BMCs that share a set of
credentials one goes first; if it refuses them, one more; if both refuse, no other is tried with them. One that is
silent holds the others only for a moment: it can't have seen the credentials.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace

# How many BMCs must refuse a set of credentials before it is taken to be wrong.
REFUSALS_TO_STOP = 2


@dataclass(frozen=True)
class Limits:
    """Times in seconds. `deadline_s` bounds one BMC from its first try, sleeps between tries included."""

    connect_s: float = 30.0
    tries: int = 5
    retry_delay_s: float = 10.0
    deadline_s: float = 150.0
    in_flight: int = 64
    patience_s: float = 1.0  # how long a BMC that goes first may be silent before another goes first too


@dataclass(frozen=True)
class Slot:
    """One BMC on its way. `wake_s` is when it may be tried (again); `deadline_s` is None before the first try."""

    credentials: Hashable
    tries: int = 0
    wake_s: float = 0.0
    deadline_s: float | None = None
    running: bool = False
    started_s: float = 0.0
    heard: bool = False  # it has answered something: only then it has been, or is about to be, shown the credentials


@dataclass
class Schedule:
    """Books of one batch. The caller asks `due`, starts what it answers, and reports every end."""

    limits: Limits
    slots: dict[str, Slot] = field(default_factory=dict)
    trusted: set[Hashable] = field(default_factory=set)
    refused_by: dict[Hashable, list[str]] = field(default_factory=dict)
    waves: dict[Hashable, int] = field(default_factory=dict)  # how many may go first at once; one where not said

    @classmethod
    def of(cls, credentials: Mapping[str, Hashable], limits: Limits) -> Schedule:
        """`credentials` maps name to anything that is equal for BMCs sharing a set."""
        return cls(limits, {name: Slot(key) for name, key in credentials.items()})

    def due(self, now_s: float) -> list[str]:
        """The BMCs to start now, in order."""
        running = sum(1 for slot in self.slots.values() if slot.running)
        canaries = Counter(slot.credentials for slot in self.slots.values() if self._goes_first(slot, now_s))
        chosen: list[str] = []
        for name, slot in self._fresh_first():
            if running + len(chosen) >= self.limits.in_flight:
                break
            if slot.running or slot.wake_s > now_s or self.is_condemned(slot.credentials):
                continue
            if slot.credentials not in self.trusted:
                if canaries[slot.credentials] >= self.waves.get(slot.credentials, 1):
                    continue
                canaries[slot.credentials] += 1
            chosen.append(name)
        return chosen

    def _goes_first(self, slot: Slot, now_s: float) -> bool:
        """Whether others must wait for it: it may yet refuse. A silent one has shown nobody the credentials."""
        if not slot.running or slot.credentials in self.trusted:
            return False
        return slot.heard or now_s - slot.started_s < self.limits.patience_s

    def _fresh_first(self) -> Iterable[tuple[str, Slot]]:
        """A BMC that did not answer as a canary waits behind those that were not tried yet."""
        return sorted(self.slots.items(), key=lambda item: item[1].tries > 0)

    def start(self, name: str, now_s: float) -> None:
        slot = self.slots[name]
        deadline_s = now_s + self.limits.deadline_s if slot.deadline_s is None else slot.deadline_s
        self.slots[name] = replace(slot, running=True, tries=slot.tries + 1, deadline_s=deadline_s, started_s=now_s)

    def hear(self, name: str) -> None:
        """The BMC has answered something."""
        if not self.slots[name].heard:
            self.slots[name] = replace(self.slots[name], heard=True)

    def widen(self, name: str) -> None:
        """The BMC told nothing about its credentials, at a price: twice as many go first from now on."""
        credentials = self.slots[name].credentials
        self.waves[credentials] = 2 * self.waves.get(credentials, 1)

    def trust(self, name: str) -> None:
        """The BMC accepted its credentials: the others that share them may go."""
        self.trusted.add(self.slots[name].credentials)

    def refuse(self, name: str) -> None:
        """The BMC refused its credentials: it is never asked again."""
        slot = self.slots.pop(name)
        self.refused_by.setdefault(slot.credentials, []).append(name)
        self.waves.pop(slot.credentials, None)

    def finish(self, name: str) -> None:
        self.slots.pop(name)

    def retry(self, name: str, now_s: float) -> bool:
        """Try again later; False where the tries or the time are used up, and the BMC is finished."""
        slot = self.slots[name]
        wake_s = now_s + self.limits.retry_delay_s
        if slot.tries >= self.limits.tries or (slot.deadline_s is not None and wake_s >= slot.deadline_s):
            self.finish(name)
            return False
        self.slots[name] = replace(slot, running=False, wake_s=wake_s)
        return True

    def is_condemned(self, credentials: Hashable) -> bool:
        """Whether enough BMCs refused these credentials, and none accepted them."""
        return credentials not in self.trusted and len(self.refused_by.get(credentials, ())) >= REFUSALS_TO_STOP

    def drop_condemned(self) -> list[str]:
        """The BMCs that are not tried because of others' refusals; they are finished."""
        waiting = {name: slot.credentials for name, slot in self.slots.items() if not slot.running}
        dropped = [name for name, credentials in waiting.items() if self.is_condemned(credentials)]
        for name in dropped:
            self.finish(name)
        return dropped

    def overdue(self, now_s: float) -> list[str]:
        """BMCs whose deadline has passed, running or waiting for another try."""
        return [name for name, slot in self.slots.items() if slot.deadline_s is not None and now_s >= slot.deadline_s]

    def next_wake_s(self, now_s: float) -> float:
        """How long nothing will be due or overdue, in seconds; for ever where nothing runs or sleeps."""
        times = [slot.deadline_s for slot in self.slots.values() if slot.deadline_s is not None]
        times += [slot.wake_s for slot in self.slots.values() if not slot.running and slot.wake_s > now_s]
        first = (slot for slot in self.slots.values() if self._goes_first(slot, now_s) and not slot.heard)
        times += [slot.started_s + self.limits.patience_s for slot in first]
        return max(0.0, min(times, default=math.inf) - now_s)
