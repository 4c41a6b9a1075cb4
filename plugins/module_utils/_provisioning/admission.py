# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Admission: how many nodes to start when, and how long a run takes at least, by its provisioning slots. Pure.

A node holds a slot only while its image is copied; it boots before that and starts its own system after it. So the next
node is started one boot ahead of the slot it will get, and a small queue makes up for times that are only estimated.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from .._head_node.api.errors import BcmConfigError
from .._head_node.entities.phases import Phase, Stage, holds_slot, row_of
from .._head_node.entities.slots import Slots
from .._values.names import count
from .bound import play_through
from .timeline import Durations, Timeline, medians_of, split_up
from .watch import NodeWatch

# What BCM's installations take in a laboratory (bcm-api.md 7), where nothing better is known.
ASSUMED = Durations(boot_s=60.0, sync_s=300.0, init_s=30.0)
# A node that takes so many times as long as expected is not counted: it may never ask for a slot.
_OVERDUE = 2.0
# From the decision to start a node to its power: claims are written, waited for and read back.
_HEADSTART_S = 5.0
# By how much of their length phases are expected to differ, and from how many nodes on that is not guessed but seen.
_SPREAD = 0.2
_ENOUGH = 10


@dataclass(frozen=True)
class Admission:
    """The rule for how many nodes may be under way: all, as many as keep the slots busy, or at most `limit`."""

    kind: str = "all"
    limit: int | None = None

    @classmethod
    def parse(cls, text: str) -> Admission:
        """Read `all`, `slots` or a number from 1 on; raises BcmConfigError for anything else."""
        if text in ("all", "slots"):
            return cls(text)
        if text.isascii() and text.isdigit() and int(text) > 0:
            return cls("number", int(text))
        raise BcmConfigError(f"admission must be all, slots or a number from 1 on, not '{text}'")

    def __str__(self) -> str:
        return self.kind if self.limit is None else str(self.limit)


@dataclass(frozen=True)
class Pipeline:
    """The provisioning slots and how long phases take; `source` is how that is known: assumed, recorded or observed.

    `durations` are medians; `seen` has those of each node that this run has brought UP, in the order of their start.
    """

    slots: int
    provisioning_nodes: int
    durations: Durations = ASSUMED
    source: str = "assumed"
    seen_spread_s: float | None = None
    seen: tuple[Durations, ...] = ()

    @property
    def spread_s(self) -> float:
        """Return how many seconds earlier than usual a slot may fall free, and a node later than usual ask for it."""
        if self.seen_spread_s is not None:
            return self.seen_spread_s
        return _SPREAD * (self.durations.boot_s + self.durations.sync_s)

    @classmethod
    def of(cls, slots: Slots, recorded: Iterable[Timeline | None]) -> Pipeline:
        """Make a pipeline from the slots now and the `recorded` time-lines of earlier runs."""
        found = medians_of(split_up(timeline for timeline in recorded if timeline is not None))
        return cls(
            slots=slots.capacity,
            provisioning_nodes=len(slots.serving),
            durations=found or ASSUMED,
            source="recorded" if found else "assumed",
        )

    def observing(self, watches: Collection[NodeWatch]) -> Pipeline:
        """Return the same with the durations that this run has seen so far, each where it has been seen."""
        boots, syncs, inits, seen = [], [], [], []
        for watch in watches:
            reached = {step.phase: step.at_s for step in reversed(watch.steps)}
            asked_s = min(reached.get(Phase.QUEUED, math.inf), reached.get(Phase.INSTALLING, math.inf))
            if asked_s < math.inf:
                boots.append(asked_s)
            copied_s = _copied_s(watch)
            if Phase.INSTALLING in reached and copied_s is not None:
                syncs.append(copied_s - reached[Phase.INSTALLING])
                if Phase.UP in reached:
                    inits.append(reached[Phase.UP] - copied_s)
                    seen.append(Durations(boots[-1], syncs[-1], inits[-1]))
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
            seen=tuple(seen),
        )

    def bound_s(self, nodes: int, admission: Admission) -> float:
        """Return the time in seconds in which the slots can bring that many nodes UP: boot, their turns, init.

        Nodes that were seen count with what each of them took, and the others with the medians; see `play_through`.
        """
        seen = self.seen[:nodes]
        return play_through([*seen, *[self.durations] * (nodes - len(seen))], self.slots, admission.limit)

    def describe(self) -> str:
        """Return slots and durations as they stand in a sentence."""
        times = self.durations
        slots = f"{count(self.slots, 'slot')} of {count(self.provisioning_nodes, 'provisioning node')}"
        phases = f"boot {times.boot_s:.0f} s, sync {times.sync_s:.0f} s, init {times.init_s:.0f} s"
        return f"{slots}; {phases} ({self.source})"


def _copied_s(watch: NodeWatch) -> float | None:
    """Return when a node had been copied to; a start too short to be seen between two readings is none."""
    ends = (Phase.INIT, Phase.UP)
    after = [
        step.at_s
        for step in watch.steps
        if step.phase in ends or (step.phase is Phase.INSTALLING and not holds_slot(step.phase, step.message))
    ]
    return after[0] if after else None


def count_admitted(
    admission: Admission, pipeline: Pipeline, waiting: int, watches: Sequence[NodeWatch], now_s: float, tick_s: float
) -> int:
    """Return how many of the waiting nodes to start now. `watches` are those started so far, `tick_s` the time to the
    next reading of their status.

    A number is a hard ceiling of nodes under way. With `slots`, nodes come in small groups, since each start costs a
    few calls.
    """
    if admission.kind == "all":
        return waiting
    under_way = [watch for watch in watches if not watch.done]
    if admission.limit is not None:
        return max(0, min(waiting, admission.limit - len(under_way)))
    # Where no duration was ever seen, a whole turn waits in the queue: too many cost nothing, too few leave slots idle.
    slots = max(1, pipeline.slots)
    queue = slots if pipeline.source == "assumed" else math.ceil(slots / 10)
    ahead_s = pipeline.durations.boot_s + pipeline.spread_s + _HEADSTART_S + tick_s
    wanted = queue + _count_missing(pipeline, under_way, now_s, ahead_s)
    group = math.ceil(slots / 20)
    return min(waiting, wanted) if wanted >= min(group, waiting) else 0


def _count_missing(pipeline: Pipeline, under_way: Iterable[NodeWatch], now_s: float, ahead_s: float) -> int:
    """Return how many slots will be free when a node started now asks for one; below 0, how many nodes will be waiting.

    A boot may be longer than a turn of the slots, so the turns until then are played through.
    """
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
    """Return how much shorter than usual the shortest are, one in ten left out."""
    return median(times) - sorted(times)[len(times) // 10]


def _late(times: Sequence[float]) -> float:
    """Return how much longer than usual the longest are, one in ten left out."""
    return sorted(times)[-1 - len(times) // 10] - median(times)


def left_s(pipeline: Pipeline, waiting: int, watches: Iterable[NodeWatch], now_s: float) -> float:
    """Return the seconds until all are UP by the durations known: a free slot goes to the node that is ready first."""
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
    """The number of failed nodes after which no further one is started; None for no limit."""

    most: int | None = None

    @classmethod
    def parse(cls, text: str, nodes: int) -> FailureLimit:
        """Read `3`, `10%` of the run's `nodes`, or "" for no limit; raises BcmConfigError for anything else.

        A share is rounded up, so that it is at least one node.
        """
        if not text:
            return cls()
        number = text[:-1] if text.endswith("%") else text
        if not (number.isascii() and number.isdigit() and int(number) > 0):
            raise BcmConfigError(f"max_failures must be a number from 1 on or a percentage such as 10%, not '{text}'")
        return cls(math.ceil(nodes * int(number) / 100) if text.endswith("%") else int(number))

    def is_reached(self, failed: int) -> bool:
        """Return whether so many failed nodes end the starting of nodes."""
        return self.most is not None and failed >= self.most
