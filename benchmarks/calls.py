# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count the calls of provision.yml to a head node, and its time, for clusters of several sizes.

Each size has a rack of its own: a check run, the first run and a second run, all in parallel mode. Prints a table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from racks import admin, play, rack

HEADER = ("nodes", "calls sent", "run", "calls", "mutating", "calls/node", "seconds")


def measure(nodes: int, *, bulk: bool, slots: int, speed: float, poll_s: float) -> Iterator[tuple[str, ...]]:
    """Make the three runs on a fresh rack; yield a row of the table for each. Exits if a node is not UP afterwards."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        with rack(nodes, directory, slots=slots, speed=speed) as variables:
            for run, options in (("check", ["--check"]), ("first", []), ("second", [])):
                admin(variables, "DELETE", "/calls")
                wanted = {"bcm_enable_power_action": True, "bcm_provisioning_mode": "parallel"}
                wanted |= {"bcm_bulk_calls": bulk, "bcm_poll_interval": poll_s}
                seconds = play(directory, variables, wanted, *options).wall_s
                counts = admin(variables, "GET", "/calls")
                numbers = (str(counts["total"]), str(counts["mutating"]), f"{counts['total'] / nodes:.2f}")
                yield (str(nodes), "bulk" if bulk else "single", run, *numbers, f"{seconds:.1f}")
            late = [node["name"] for node in admin(variables, "GET", "/nodes") if node["status"] != "UP"]
            if late:
                sys.exit(f"error: not up: {', '.join(late)}")


def main() -> None:
    """Print the table, each row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[5, 100, 1000], help="sizes of clusters")
    parser.add_argument("--slots", type=int, default=1000, help="provisioning slots (default 1000)")
    parser.add_argument("--speed", type=float, default=600.0, help="times as fast as real (default 600)")
    parser.add_argument(
        "--poll-interval", type=float, default=1.0, help="seconds between two reads of the status (default 1)"
    )
    options = parser.parse_args()
    row = "{:>5}  {:<10}  {:<6}  {:>5}  {:>8}  {:>10}  {:>7}"
    print(row.format(*HEADER), flush=True)  # noqa: T201
    for nodes in options.nodes:
        for bulk in (False, True):
            for values in measure(
                nodes, bulk=bulk, slots=options.slots, speed=options.speed, poll_s=options.poll_interval
            ):
                print(row.format(*values), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
