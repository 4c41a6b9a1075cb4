# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs of the playbooks may cost: calls to the head node, and CPU time as a multiple of the floor.

The floor is an empty ansible-playbook over the same inventory on the same machine, so a slow machine does not count.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

# Wide enough for a machine with other work: the least of several runs still differs by a third from day to day.
BAND = 1.5

# Calls of a run by name, and its ratio to the floor.
Costs = dict[str, "Allowed"]


@dataclass(frozen=True)
class Allowed:
    """The calls of one run by service and name, and its CPU time as a multiple of the floor."""

    calls: Mapping[str, int]
    ratio: float


def hold(
    baseline: Mapping[str, Costs],
    measured: Mapping[str, Costs],
    measure_again: Callable[[Collection[str]], Mapping[str, Costs]],
    rounds: int,
) -> None:
    """Exit with what is worse than the baseline, if anything is.

    What is too slow may have been disturbed: `measure_again` is given the numbers of nodes, at most so many rounds, and
    returns all costs as they are by then.
    """
    for _ in range(rounds):
        slow = {nodes for nodes, costs in measured.items() if _too_slow(baseline, {nodes: costs})}
        if not slow:
            break
        measured = measure_again(slow)
    worse = problems(baseline, measured)
    if worse:
        again = "If that is meant to be so, write the baseline anew: make bench-baseline"
        sys.exit("\n".join(["error: runs cost other than in benchmarks/baseline.json:", *worse, again]))


def problems(baseline: Mapping[str, Costs], measured: Mapping[str, Costs]) -> list[str]:
    """Return what is worse in the measured costs than in the baseline, and which calls differ at all; by size and run.

    Fewer calls are a difference too: the baseline is to be written anew, or the next regression would hide in it.
    """
    return [*_of_calls(baseline, measured), *_too_slow(baseline, measured)]


def _too_slow(baseline: Mapping[str, Costs], measured: Mapping[str, Costs]) -> list[str]:
    """Return which ratios are above the band, one sentence each."""
    return [
        f"{nodes} nodes, {run}: {costs[run].ratio:.1f} times the floor, where {known.ratio:.1f} is known"
        f" and {known.ratio * BAND:.1f} the limit"
        for nodes, costs in measured.items()
        for run, known in baseline.get(nodes, {}).items()
        if run in costs and costs[run].ratio > known.ratio * BAND
    ]


def _of_calls(baseline: Mapping[str, Costs], measured: Mapping[str, Costs]) -> list[str]:
    found = []
    for nodes, costs in measured.items():
        known = baseline.get(nodes, {})
        found += [f"{nodes} nodes, {run}: not in the baseline" for run in costs.keys() - known.keys()]
        found += [f"{nodes} nodes, {run}: not measured" for run in known.keys() - costs.keys()]
        found += [
            f"{nodes} nodes, {run}: {difference}"
            for run in known.keys() & costs.keys()
            for difference in _differences(known[run].calls, costs[run].calls)
        ]
    return sorted(found)


def _differences(known: Mapping[str, int], made: Mapping[str, int]) -> list[str]:
    names = sorted(known.keys() | made.keys())
    differing = [(name, known.get(name, 0), made.get(name, 0)) for name in names if known.get(name) != made.get(name)]
    return [f"{name} called {now} times, where {before} are known" for name, before, now in differing]


def read_baseline(file: Path) -> dict[str, Costs]:
    """Read a baseline, by number of nodes as text. Raises OSError, ValueError, KeyError and TypeError."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return {
        nodes: {run: Allowed(Counter(allowed["calls"]), float(allowed["ratio"])) for run, allowed in costs.items()}
        for nodes, costs in content.items()
    }


def write_baseline(file: Path, measured: Mapping[str, Costs]) -> None:
    """Write the measured costs as the new baseline."""
    content = {
        nodes: {
            run: {"ratio": round(allowed.ratio, 1), "calls": dict(sorted(allowed.calls.items()))}
            for run, allowed in costs.items()
        }
        for nodes, costs in measured.items()
    }
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
