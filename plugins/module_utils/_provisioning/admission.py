# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Provisioning slots: what a run must take at least, and how many nodes to start when. Pure.

A node holds a slot only while its image is copied; it boots before that and starts its own system after it. So the next
node is started one boot ahead of the slot it will get, and a small queue makes up for what is not known to the second.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from .._head_node.api.errors import BcmConfigError
from .._head_node.entities.phases import Phase, Stage, row_of
from .._head_node.entities.slots import Slots
from .._values.names import count
from .timeline import Durations, Timeline, expected_durations
from .watch import NodeWatch

# What BCM's installations take in a laboratory (bcm-api.md 7), where nothing better is known.
ASSUMED = Durations(boot_s=60.0, sync_s=300.0, init_s=30.0)
# A node that takes so many times as long as expected is not counted upon: it may never ask for a slot.
_OVERDUE = 2.0
# From the wish to start a node to its power: claims are written, waited for and read back.
_HEADSTART_S = 5.0
# By how much of their length phases are expected to differ, and from how many nodes on that is not guessed but seen.
_SPREAD = 0.2
_ENOUGH = 10


@dataclass(frozen=True)
class Admission:
    """How many nodes may be under way: all of them, as many as keep the slots busy, or a fixed number."""

    kind: str = "all"
    limit: int | None = None

    @classmethod
    def parse(cls, text: str) -> Admission:
        """`all`, `slots` or a number from 1 on; raises BcmConfigError."""
        if text in ("all", "slots"):
            return cls(text)
        if text.isascii() and text.isdigit() and int(text) > 0:
            return cls("number", int(text))
        raise BcmConfigError(f"admission must be all, slots or a number from 1 on, not '{text}'")

    def __str__(self) -> str:
        return self.kind if self.limit is None else str(self.limit)


@dataclass(frozen=True)
class Pipeline:
    """What the slots are, and how long phases take; `source` says how that is known: assumed, recorded or observed."""

    slots: int
    provisioning_nodes: int
    durations: Durations = ASSUMED
    source: str = "assumed"
    seen_spread_s: float | None = None

    @property
    def spread_s(self) -> float:
        """How much earlier than usual a slot may fall free, and how much later a node may ask for it."""
        if self.seen_spread_s is not None:
            return self.seen_spread_s
        return _SPREAD * (self.durations.boot_s + self.durations.sync_s)

    @classmethod
    def of(cls, slots: Slots, recorded: Iterable[Timeline | None]) -> Pipeline:
        """`recorded` are the time-lines of earlier runs."""
        found = expected_durations(timeline for timeline in recorded if timeline is not None)
        return cls(
            slots=slots.capacity,
            provisioning_nodes=len(slots.serving),
            durations=found or ASSUMED,
            source="recorded" if found else "assumed",
        )

    def observing(self, watches: Collection[NodeWatch]) -> Pipeline:
        """The same with the durations that this run has seen so far, each where it has been seen."""
        boots, syncs, inits = [], [], []
        for watch in watches:
            reached = {step.phase: step.at_s for step in reversed(watch.steps)}
            asked_s = min(reached.get(Phase.QUEUED, math.inf), reached.get(Phase.INSTALLING, math.inf))
            if asked_s < math.inf:
                boots.append(asked_s)
            # A start too short to be seen between two looks is none.
            started_s = reached.get(Phase.INIT, reached.get(Phase.UP))
            if Phase.INSTALLING in reached and started_s is not None:
                syncs.append(started_s - reached[Phase.INSTALLING])
                if Phase.UP in reached:
                    inits.append(reached[Phase.UP] - started_s)
        if not syncs:
            return self
        known = self.durations
        return replace(
            self,
            durations=Durations(
                boot_s=median(boots) if boots else known.boot_s,
                sync_s=median(syncs),
                init_s=median(inits) if inits else known.init_s,
            ),
            source="observed",
            seen_spread_s=_early(syncs) + _late(boots) if len(syncs) >= _ENOUGH else None,
        )

    def bound_s(self, nodes: int, admission: Admission) -> float:
        """The least time in which that many nodes can be UP: boot, then the slots in turns, then init."""
        if not nodes:
            return 0.0
        times = self.durations
        bound_s = times.boot_s + math.ceil(nodes / max(1, self.slots)) * times.sync_s + times.init_s
        if admission.limit is None:
            return bound_s
        return max(bound_s, math.ceil(nodes / admission.limit) * (times.boot_s + times.sync_s + times.init_s))

    def describe(self) -> str:
        times = self.durations
        slots = f"{count(self.slots, 'slot')} of {count(self.provisioning_nodes, 'provisioning node')}"
        phases = f"boot {times.boot_s:.0f} s, sync {times.sync_s:.0f} s, init {times.init_s:.0f} s"
        return f"{slots}; {phases} ({self.source})"


def count_admitted(
    admission: Admission, pipeline: Pipeline, waiting: int, watches: Sequence[NodeWatch], now_s: float, tick_s: float
) -> int:
    """How many of the waiting nodes to start now. `watches` are those under way, `tick_s` the time to the next look.

    A number is a hard ceiling of nodes under way. With `slots`, nodes come in small groups, since each start costs a
    few calls.
    """
    if admission.kind == "all":
        return waiting
    under_way = [watch for watch in watches if not watch.done]
    if admission.limit is not None:
        return max(0, min(waiting, admission.limit - len(under_way)))
    # Where no duration was ever seen, a whole turn waits in the queue: too many there cost nothing, too few idle slots.
    slots = max(1, pipeline.slots)
    queue = slots if pipeline.source == "assumed" else math.ceil(slots / 10)
    ahead_s = pipeline.durations.boot_s + pipeline.spread_s + _HEADSTART_S + tick_s
    wanted = queue + _count_missing(pipeline, under_way, now_s, ahead_s)
    group = math.ceil(slots / 20)
    return min(waiting, wanted) if wanted >= min(group, waiting) else 0


def _count_missing(pipeline: Pipeline, under_way: Iterable[NodeWatch], now_s: float, ahead_s: float) -> int:
    """How many slots will have nobody to serve when a node started now asks for one; below 0 the nodes that will be
    waiting then. A boot may be longer than a turn of the slots, so the turns until then are played through."""
    times = pipeline.durations
    free = [0.0] * max(1, pipeline.slots)
    ready = []
    for watch in under_way:
        if watch.phase is Phase.INSTALLING:
            heapq.heapreplace(free, max(0.0, times.sync_s - (now_s - watch.phase_since_s)))
        elif row_of(watch.phase).wants_slot:
            ready.append(0.0)
        elif row_of(watch.phase).stage in (Stage.RESTART, Stage.BOOT) and now_s - watch.started_s <= _OVERDUE * ahead_s:
            ready.append(max(0.0, times.boot_s - (now_s - watch.started_s)))
    queued = 0
    for ready_s in sorted(ready):
        slot_s = max(ready_s, free[0])
        if slot_s > ahead_s:
            queued += 1
        else:
            heapq.heapreplace(free, slot_s + times.sync_s)
    return sum(1 for free_s in free if free_s <= ahead_s) - queued


def _early(times: Sequence[float]) -> float:
    """How much shorter than usual the shortest are, but for one in ten."""
    return median(times) - sorted(times)[len(times) // 10]


def _late(times: Sequence[float]) -> float:
    """How much longer than usual the longest are, but for one in ten."""
    return sorted(times)[-1 - len(times) // 10] - median(times)


def left_s(pipeline: Pipeline, waiting: int, watches: Iterable[NodeWatch], now_s: float) -> float:
    """How long until all are UP, going by the durations known: each free slot takes who is ready first."""
    times = pipeline.durations
    free = [0.0] * max(1, pipeline.slots)
    ready, last_s = [times.boot_s] * waiting, 0.0
    for watch in watches:
        spent_s = now_s - watch.phase_since_s
        if watch.done:
            continue
        if watch.phase is Phase.INSTALLING:
            until_s = max(0.0, times.sync_s - spent_s)
            if free[0] == 0.0:
                heapq.heapreplace(free, until_s)
            last_s = max(last_s, until_s + times.init_s)
        elif watch.phase is Phase.INIT:
            last_s = max(last_s, times.init_s - spent_s)
        else:
            booted = row_of(watch.phase).wants_slot
            ready.append(0.0 if booted else max(0.0, times.boot_s - (now_s - watch.started_s)))
    for ready_s in sorted(ready):
        done_s = max(ready_s, free[0]) + times.sync_s
        heapq.heapreplace(free, done_s)
        last_s = max(last_s, done_s + times.init_s)
    return last_s


@dataclass(frozen=True)
class FailureLimit:
    """After how many failed nodes no further one is started: a number, or a share of the nodes of the run."""

    most: int | None = None

    @classmethod
    def parse(cls, text: str, nodes: int) -> FailureLimit:
        """`3` or `10%`; "" for no limit; raises BcmConfigError. A share is rounded up, so that it is never none."""
        if not text:
            return cls()
        number = text[:-1] if text.endswith("%") else text
        if not (number.isascii() and number.isdigit() and int(number) > 0):
            raise BcmConfigError(f"max_failures must be a number from 1 on or a percentage such as 10%, not '{text}'")
        return cls(math.ceil(nodes * int(number) / 100) if text.endswith("%") else int(number))

    def is_reached(self, failed: int) -> bool:
        return self.most is not None and failed >= self.most
