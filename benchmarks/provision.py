# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure provision.yml on a virtual rack: efficiency, calls, CPU and memory of a first run, and the cost of a second.

Each cluster, admission and way of calling has a rack of its own, on which every phase takes a known time, for each
machine another one where there is jitter. The bound is what these times allow, with slots that go to the machine that
has asked first; without jitter that is boot + ceil(nodes / slots) x sync + init. Achieved is from the first power
operation to the last node that is UP, as the rack has it. Prints a table.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from racks import admin, play, rack

from virtual_rack.rack_file import Times as MachineTimes

HEADER = ("nodes", "slots", "admission", "calls sent", "run", "calls", "calls/node", "bound", "achieved", "efficiency")
HEADER_OF_COST = ("wall s", "cpu s", "MiB")
ROW = "{:>5}  {:>5}  {:<9}  {:<10}  {:<6}  {:>5}  {:>10}  {:>6}  {:>8}  {:>10}  {:>6}  {:>5}  {:>4}"


@dataclass(frozen=True)
class Times:
    """Durations of the phases on the rack, in real seconds; machines differ by the part `jitter`."""

    boot: float
    sync: float
    init: float
    jitter: float = 0.0

    def bound_s(self, names: Sequence[str], slots: int) -> float:
        """Return the time in which machines with these names can be UP, first come, first served."""
        plain = MachineTimes(**self.on_rack(1.0))
        machines = [plain.of_machine(name) for name in names]
        free, last_s = [0.0] * slots, 0.0
        for asked_s, own in sorted(((own.post + own.boot, own) for own in machines), key=lambda pair: pair[0]):
            copied_s = max(asked_s, free[0]) + own.install_full
            heapq.heapreplace(free, copied_s)
            last_s = max(last_s, copied_s + own.init)
        return last_s

    def on_rack(self, speed: float) -> dict[str, float]:
        """Return the times for the rack's file, by phase, in the rack's seconds."""
        boot, sync, init = (seconds * speed for seconds in (self.boot, self.sync, self.init))
        phases = {"post": boot / 2, "boot": boot / 2, "install_full": sync, "install_sync": sync, "init": init}
        return {**phases, "jitter": self.jitter}


class Stopwatch(threading.Thread):
    """A thread that notes when the first machine was powered and when the last came UP, by asking the rack itself."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self._variables = variables
        self._over = threading.Event()
        self.began_s = self.ended_s = 0.0

    def run(self) -> None:
        """Read the machines until `stop` is called."""
        while not self._over.wait(0.25):
            self._look()

    def _look(self) -> None:
        now_s = time.monotonic()
        nodes = admin(self._variables, "GET", "/nodes")
        if not self.began_s and any(node["power"].lower() == "on" for node in nodes):
            self.began_s = now_s
        if not self.ended_s and all(node["status"] == "UP" for node in nodes):
            self.ended_s = now_s

    def stop(self) -> float:
        """Stop, and return the seconds between the two."""
        self._over.set()
        self.join()
        return self.ended_s - self.began_s


def measure(
    nodes: int, slots: int, admission: str, *, bulk: bool, times: Times, speed: float
) -> Iterator[tuple[Any, ...]]:
    """Run twice on a fresh rack; yield a row of the table for each run."""
    wanted = {
        "bcm_enable_power_action": True,
        "bcm_provisioning_mode": "parallel",
        "bcm_bulk_calls": "auto" if bulk else False,
    }
    wanted |= {"bcm_admission": admission}
    key = (nodes, slots, admission, "bulk" if bulk else "single")
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        with rack(nodes, directory, slots=slots, speed=speed, times=times.on_rack(speed)) as variables:
            for run in ("first", "second"):
                admin(variables, "DELETE", "/calls")
                stopwatch = Stopwatch(variables)
                if run == "first":
                    stopwatch.start()
                cost = play(directory, variables, wanted)
                figures: tuple[str, ...] = ("", "", "")
                if run == "first":
                    names = [node["name"] for node in admin(variables, "GET", "/nodes")]
                    achieved_s, bound_s = stopwatch.stop(), times.bound_s(names, slots)
                    figures = (f"{bound_s:.0f}", f"{achieved_s:.1f}", f"{bound_s / achieved_s:.3f}")
                calls = admin(variables, "GET", "/calls")["total"]
                costs = (f"{cost.wall_s:.1f}", f"{cost.cpu_s:.1f}", f"{cost.memory_mib:.0f}")
                yield (*key, run, calls, f"{calls / nodes:.2f}", *figures, *costs)


def main() -> None:
    """Print the table, each row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cluster", action="append", metavar="NODES:SLOTS", help="default 20:10 and 1000:100")
    parser.add_argument("--admission", nargs="+", default=["all", "slots"], help="default all slots")
    parser.add_argument("--calls", nargs="+", choices=["single", "bulk"], default=["single", "bulk"])
    parser.add_argument("--boot", type=float, default=10.0, help="real seconds from power to the slot (default 10)")
    parser.add_argument("--sync", type=float, default=15.0, help="real seconds in the slot (default 15)")
    parser.add_argument("--init", type=float, default=5.0, help="real seconds from the slot to UP (default 5)")
    parser.add_argument("--jitter", type=float, default=0.0, help="by which part machines differ (default 0)")
    parser.add_argument("--speed", type=float, default=20.0, help="of the rack; the times above stay (default 20)")
    options = parser.parse_args()
    times = Times(options.boot, options.sync, options.init, options.jitter)
    phases = f"boot {times.boot:g}, sync {times.sync:g}, init {times.init:g}"
    print(f"phases in real seconds: {phases}; jitter {times.jitter:g}; speed {options.speed:g}")  # noqa: T201
    print(ROW.format(*HEADER, *HEADER_OF_COST), flush=True)  # noqa: T201
    for cluster in options.cluster or ["20:10", "1000:100"]:
        nodes, slots = map(int, cluster.split(":"))
        for admission in options.admission:
            for calls in options.calls:
                rows = measure(nodes, slots, admission, bulk=calls == "bulk", times=times, speed=options.speed)
                for row in rows:
                    print(ROW.format(*row), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
