# SPDX-License-Identifier: GPL-3.0-or-later
"""A rack of nodes that boot, wait for a slot, are copied to and start, on paper: only times."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.admission import (
    Admission,
    Pipeline,
    count_admitted,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Durations
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.watch import NodeWatch, observe, start_watch

_NEVER = Deadlines(boot_s=1e9, install_s=1e9, init_s=1e9, graceful_s=1e9)
_STATUS = {
    "booting": DeviceStatus("u", "BOOTING", ""),
    "queued": DeviceStatus("u", "INSTALLING", "waiting for AUTO provisioning to start"),
    "installing": DeviceStatus("u", "INSTALLING", "provisioning started, waiting for completion"),
    "init": DeviceStatus("u", "INSTALLER_CALLING_INIT", ""),
    "up": DeviceStatus("u", "UP", ""),
}


@dataclass
class Paper:
    """One node: when it asks for a slot, gets it, leaves it, and is UP."""

    asks_s: float
    sync_s: float
    init_s: float
    slot_s: float | None = None

    def status_at(self, now_s: float) -> DeviceStatus:
        if now_s < self.asks_s:
            return _STATUS["booting"]
        if self.slot_s is None or now_s < self.slot_s:
            return _STATUS["queued"]
        if now_s < self.slot_s + self.sync_s:
            return _STATUS["installing"]
        return _STATUS["init" if now_s < self.slot_s + self.sync_s + self.init_s else "up"]


@dataclass
class Outcome:
    """How a run went. `idle_s` is the slot time lost between two nodes: the slot was free, the next one not there."""

    achieved_s: float = 0.0
    bound_s: float = 0.0
    idle_s: float = 0.0
    most_under_way: int = 0
    starts: int = 0
    seen: Pipeline | None = None
    watches: dict[str, NodeWatch] = field(default_factory=dict, repr=False)

    @property
    def efficiency(self) -> float:
        return self.bound_s / self.achieved_s


@dataclass
class RackInTime:
    """`jitter` is the share by which each duration may differ, `start_s` what claims and power take each time."""

    durations: Durations
    slots: int
    tick_s: float = 5.0
    jitter: float = 0.1
    start_s: float = 4.0
    seed: int = 0

    def run(self, admission: Admission, pipeline: Pipeline, count: int) -> Outcome:
        """Run the loop of a rollout: start what is due, wait for the next reading, read."""
        draw = random.Random(self.seed)
        outcome = Outcome(bound_s=Pipeline(self.slots, 1, self.durations).bound_s(count, admission))
        nodes: dict[str, Paper] = {}
        now_s = 0.0
        while len(nodes) < count or any(not watch.done for watch in outcome.watches.values()):
            waiting = count - len(nodes)
            watches = list(outcome.watches.values())
            due = count_admitted(admission, pipeline.observing(watches), waiting, watches, now_s, self.tick_s)
            assert 0 <= due <= waiting
            if due:
                outcome.starts += 1
                now_s += self.start_s
                for number in range(len(nodes), len(nodes) + due):
                    name = f"n{number}"
                    nodes[name] = self._paper(now_s, draw.uniform)
                    outcome.watches[name] = start_watch(name, now_s, "DOWN")
            now_s += self.tick_s
            outcome.idle_s += self._serve(nodes, now_s)
            for name, watch in outcome.watches.items():
                outcome.watches[name] = observe(watch, nodes[name].status_at(now_s), now_s, _NEVER)
            under_way = sum(1 for watch in outcome.watches.values() if not watch.done)
            outcome.most_under_way = max(outcome.most_under_way, under_way)
        outcome.achieved_s = now_s
        outcome.seen = pipeline.observing(list(outcome.watches.values()))
        return outcome

    def _paper(self, now_s: float, draw: Callable[[float, float], float]) -> Paper:
        boot_s, sync_s, init_s = (
            seconds * draw(1 - self.jitter, 1 + self.jitter)
            for seconds in (self.durations.boot_s, self.durations.sync_s, self.durations.init_s)
        )
        return Paper(now_s + boot_s, sync_s, init_s)

    def _serve(self, nodes: dict[str, Paper], now_s: float) -> float:
        """Give slots away, first come, first served, up to now; return the seconds that they were free in between."""
        free = sorted(
            [0.0] * self.slots + [node.slot_s + node.sync_s for node in nodes.values() if node.slot_s is not None]
        )[-self.slots :]
        idle_s = 0.0
        for node in sorted((one for one in nodes.values() if one.slot_s is None), key=lambda one: one.asks_s):
            slot_s = max(node.asks_s, free[0])
            if slot_s > now_s:
                continue
            if free[0] > 0.0:
                idle_s += slot_s - free[0]
            node.slot_s = slot_s
            free = sorted([*free[1:], slot_s + node.sync_s])
        return idle_s
