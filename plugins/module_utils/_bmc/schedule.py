# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The order in which BMCs are tried: tries, deadlines, how many at once, and the canary. Pure; time is an argument.

The canary guards against a wrong password in the vault that would lock every BMC in the data centre: of all BMCs that
share a set of credentials one goes first; if it refuses them, one more; if both refuse, no other is tried with them.
One that is silent delays the others only for a moment: it can't have seen the credentials.
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
    """The limits of a batch. `deadline_s` bounds one BMC from its first try, pauses between tries included."""

    connect_s: float = 30.0
    tries: int = 5
    retry_delay_s: float = 10.0
    deadline_s: float = 150.0
    in_flight: int = 64
    patience_s: float = 1.0  # how long a BMC that goes first may be silent before another goes first too


@dataclass(frozen=True)
class Slot:
    """One unfinished BMC. `wake_s` is when it may be tried (again); `deadline_s` is None before the first try."""

    credentials: Hashable
    tries: int = 0
    wake_s: float = 0.0
    deadline_s: float | None = None
    running: bool = False
    started_s: float = 0.0
    heard: bool = False  # it has answered something: only then it has been, or is about to be, shown the credentials


@dataclass
class Schedule:
    """The schedule of one batch. The caller starts what `due` returns, and reports here what became of it."""

    limits: Limits
    slots: dict[str, Slot] = field(default_factory=dict)
    trusted: set[Hashable] = field(default_factory=set)
    refused_by: dict[Hashable, list[str]] = field(default_factory=dict)
    waves: dict[Hashable, int] = field(default_factory=dict)  # how many may go first at once; one where not said

    @classmethod
    def of(cls, credentials: Mapping[str, Hashable], limits: Limits) -> Schedule:
        """Make a schedule; `credentials` maps the name of each BMC to a value that is equal where a set is shared."""
        return cls(limits, {name: Slot(key) for name, key in credentials.items()})

    def due(self, now_s: float) -> list[str]:
        """Return the BMCs to start now, in order."""
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
        """Return whether others must wait for it: it may yet refuse. A silent one has not seen the credentials."""
        if not slot.running or slot.credentials in self.trusted:
            return False
        # As in next_wake_s: two ways of rounding, and it would be woken at once for ever.
        return slot.heard or now_s < slot.started_s + self.limits.patience_s

    def _fresh_first(self) -> Iterable[tuple[str, Slot]]:
        """A BMC that did not answer as a canary waits behind those that were not tried yet."""
        return sorted(self.slots.items(), key=lambda item: item[1].tries > 0)

    def start(self, name: str, now_s: float) -> None:
        """Note that a try begins; the first one sets the deadline."""
        slot = self.slots[name]
        deadline_s = now_s + self.limits.deadline_s if slot.deadline_s is None else slot.deadline_s
        self.slots[name] = replace(slot, running=True, tries=slot.tries + 1, deadline_s=deadline_s, started_s=now_s)

    def hear(self, name: str) -> None:
        """Note that the BMC has answered something."""
        if not self.slots[name].heard:
            self.slots[name] = replace(self.slots[name], heard=True)

    def widen(self, name: str) -> None:
        """Note a try that took long and showed nothing about the credentials: twice as many go first from now on."""
        credentials = self.slots[name].credentials
        self.waves[credentials] = 2 * self.waves.get(credentials, 1)

    def trust(self, name: str) -> None:
        """Note that the BMC accepted its credentials: the others that share them may start."""
        self.trusted.add(self.slots[name].credentials)

    def refuse(self, name: str) -> None:
        """Note that the BMC refused its credentials: it is finished and never asked again."""
        slot = self.slots.pop(name)
        self.refused_by.setdefault(slot.credentials, []).append(name)
        self.waves.pop(slot.credentials, None)

    def finish(self, name: str) -> None:
        """Note that the BMC is done, well or not."""
        self.slots.pop(name)

    def retry(self, name: str, now_s: float) -> bool:
        """Plan another try; False where the tries or the time are used up, and the BMC is finished."""
        slot = self.slots[name]
        wake_s = now_s + self.limits.retry_delay_s
        if slot.tries >= self.limits.tries or (slot.deadline_s is not None and wake_s >= slot.deadline_s):
            self.finish(name)
            return False
        self.slots[name] = replace(slot, running=False, wake_s=wake_s)
        return True

    def is_condemned(self, credentials: Hashable) -> bool:
        """Return whether enough BMCs refused these credentials, and none accepted them."""
        return credentials not in self.trusted and len(self.refused_by.get(credentials, ())) >= REFUSALS_TO_STOP

    def drop_condemned(self) -> list[str]:
        """Finish the BMCs that are not tried because others refused the same credentials, and return them."""
        waiting = {name: slot.credentials for name, slot in self.slots.items() if not slot.running}
        dropped = [name for name, credentials in waiting.items() if self.is_condemned(credentials)]
        for name in dropped:
            self.finish(name)
        return dropped

    def overdue(self, now_s: float) -> list[str]:
        """Return the BMCs whose deadline has passed, running or waiting for another try."""
        return [name for name, slot in self.slots.items() if slot.deadline_s is not None and now_s >= slot.deadline_s]

    def next_wake_s(self, now_s: float) -> float:
        """Return the seconds until something may be due or overdue; infinity where nothing runs or waits."""
        times = [slot.deadline_s for slot in self.slots.values() if slot.deadline_s is not None]
        times += [slot.wake_s for slot in self.slots.values() if not slot.running and slot.wake_s > now_s]
        first = (slot for slot in self.slots.values() if self._goes_first(slot, now_s) and not slot.heard)
        times += [slot.started_s + self.limits.patience_s for slot in first]
        return max(0.0, min(times, default=math.inf) - now_s)
