# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what runs of the playbooks cost beside their floor, and hold them to a baseline.

The floor is an empty ansible-playbook over the same inventory. Each round has racks of its own, and runs the floor
before all else; the table has the least CPU and wall time of all rounds. CPU seconds are those of ansible-playbook and
of all processes that it started, without the rack's, and memory is the most that all of them had at one time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baseline import Allowed, Costs, hold, read_baseline, write_baseline
from racks import ROOT, Cost, admin, play, rack

BASELINE = Path(__file__).parent / "baseline.json"
FLOOR = "floor"
PROVISION = ROOT / "playbooks/provision.yml"
STATUS = ROOT / "playbooks/status.yml"
PARALLEL = {"bcm_provisioning_mode": "parallel"}
POWER = {"bcm_enable_power_action": True}
# Nodes are switched on once, by a run that is not measured, so that nothing measured waits for a machine.
INSTALL = ""
# In this order; each rack is empty at first.
ON_RACK: dict[str, tuple[tuple[str, Path, dict[str, Any], tuple[str, ...]], ...]] = {
    "single": (
        ("check, parallel", PROVISION, {**PARALLEL, **POWER}, ("--check",)),
        ("check, sequential", PROVISION, {**POWER}, ("--check",)),
        ("first registration, single calls", PROVISION, {**PARALLEL, "bcm_bulk_calls": False}, ()),
    ),
    "bulk": (
        ("first registration", PROVISION, {**PARALLEL}, ()),
        (INSTALL, PROVISION, {**PARALLEL, **POWER, "bcm_poll_interval": 1}, ()),
        ("second run", PROVISION, {**POWER}, ()),
        ("second run, check", PROVISION, {**POWER}, ("--check",)),
        ("status.yml", STATUS, {}, ()),
    ),
}
HEADER = ("nodes", "run", "calls", "floor s", "CPU s", "x floor", "wall s", "MiB")
ROW = "{:>5}  {:<32}  {:>6}  {:>7}  {:>7}  {:>7}  {:>7}  {:>5}"


@dataclass(frozen=True)
class Run:
    """What one run took, and its calls by service and name."""

    cost: Cost
    calls: Mapping[str, int]

    def least(self, other: Run) -> Run:
        """Return the lesser cost of two rounds. Exits if they made different calls: nothing could be held to these."""
        if counted(self.calls) != counted(other.calls):
            sys.exit(f"error: a run made other calls than the same run before: {self.calls}, {other.calls}")
        return Run(self.cost.least(other.cost), self.calls)


Round = dict[str, Run]
# How often a program asks whether there is news depends on the time that passes.
UNSTEADY = {"cmsession.waitForEvents"}


def counted(calls: Mapping[str, int]) -> dict[str, int]:
    """Return the calls whose number is the same in every round."""
    return {name: number for name, number in calls.items() if name not in UNSTEADY}


def measure(nodes: int) -> Round:
    """Make one round with this number of nodes: the floor and every run, by its name."""
    found: Round = {}
    for name, runs in ON_RACK.items():
        with tempfile.TemporaryDirectory() as place:
            directory = Path(place)
            empty = directory / "empty.yml"
            empty.write_text("- hosts: bcm_nodes,localhost\n  gather_facts: false\n", encoding="utf-8")
            with rack(nodes, directory, slots=nodes, speed=600) as variables:
                if name == "single":
                    found[FLOOR] = Run(play(directory, variables, {}, playbook=empty), {})
                for run, playbook, wanted, options in runs:
                    measured = _run(directory, variables, playbook, wanted, options)
                    if run != INSTALL:
                        found[run] = measured
    return found


def _run(
    directory: Path, variables: dict[str, str], playbook: Path, wanted: dict[str, Any], options: tuple[str, ...]
) -> Run:
    admin(variables, "DELETE", "/calls")
    cost = play(directory, variables, wanted, *options, playbook=playbook)
    calls: dict[str, int] = {}
    for call in admin(variables, "GET", "/calls")["calls"]:
        name = f"{call['service']}.{call['call']}"
        calls[name] = calls.get(name, 0) + call["count"]
    return Run(cost, calls)


def costs_of(found: Round) -> Costs:
    """Return what a baseline holds of a round."""
    floor_s = found[FLOOR].cost.cpu_s
    return {name: Allowed(counted(run.calls), run.cost.cpu_s / floor_s) for name, run in found.items() if name != FLOOR}


def _costs(found: Mapping[str, Round]) -> dict[str, Costs]:
    return {nodes: costs_of(each) for nodes, each in found.items()}


def _measure_all(sizes: Sequence[int], rounds: int) -> dict[str, Round]:
    found: dict[str, Round] = {}
    for nodes in sizes:
        for _ in range(rounds):
            _add(found, nodes)
        _show(nodes, found[str(nodes)])
    return found


def _add(found: dict[str, Round], nodes: int) -> None:
    again = measure(nodes)
    before = found.get(str(nodes), again)
    found[str(nodes)] = {name: run.least(before[name]) for name, run in again.items()}


def _measure_again(found: dict[str, Round], sizes: Collection[str]) -> Mapping[str, Costs]:
    for nodes in sizes:
        _add(found, int(nodes))
    return _costs(found)


def _show(nodes: int, found: Round) -> None:
    floor_s = found[FLOOR].cost.cpu_s
    for name, run in found.items():
        cost = run.cost
        times = (f"{floor_s:.1f}", f"{cost.cpu_s:.1f}", f"{cost.cpu_s / floor_s:.1f}", f"{cost.wall_s:.1f}")
        print(ROW.format(nodes, name, sum(run.calls.values()), *times, f"{cost.memory_mib:.0f}"), flush=True)  # noqa: T201


def main() -> None:
    """Print the table; then hold the costs to the baseline, or write it anew, where that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[10, 100, 1000], help="default 10 100 1000")
    parser.add_argument("--rounds", type=int, choices=range(1, 10), default=1, help="of which the least cost counts")
    then = parser.add_mutually_exclusive_group()
    then.add_argument("--hold", action="store_true", help="fail where calls or ratios are not those of the baseline")
    then.add_argument("--write", action="store_true", help="write the baseline anew")
    options = parser.parse_args()
    print(ROW.format(*HEADER), flush=True)  # noqa: T201
    found = _measure_all(options.nodes, options.rounds)
    if options.hold:
        hold(read_baseline(BASELINE), _costs(found), lambda slow: _measure_again(found, slow), rounds=3)
    if options.write:
        write_baseline(BASELINE, _costs(found))


if __name__ == "__main__":
    main()
