# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The bound of a run: in how long the provisioning slots can bring its nodes UP. Pure: durations are arguments."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from .timeline import Durations


def play_through(nodes: Sequence[Durations], slots: int, limit: int | None = None) -> float:
    """Return the seconds until all of these nodes are UP where nothing is lost between two phases.

    `nodes` has what the phases of each take, in the order in which they are started: all at once, or, with `limit`, at
    most so many under way. A slot goes to the node that has asked first, as BCM's queue does. Where all are alike that
    is boot + ceil(nodes / slots) x sync + init; where they differ, the slots end at different times, and the last one
    counts, which no median shows.
    """
    free = [0.0] * max(1, slots)
    started = len(nodes) if limit is None else min(limit, len(nodes))
    # (when, node, whether it is UP then; else it asks for a slot)
    events = [(one.boot_s, index, False) for index, one in enumerate(nodes[:started])]
    heapq.heapify(events)
    now_s = 0.0
    while events:
        now_s, index, is_up = heapq.heappop(events)
        if not is_up:
            copied_s = max(now_s, free[0]) + nodes[index].sync_s
            heapq.heapreplace(free, copied_s)
            heapq.heappush(events, (copied_s + nodes[index].init_s, index, True))
        elif started < len(nodes):
            heapq.heappush(events, (now_s + nodes[started].boot_s, started, False))
            started += 1
    return now_s
