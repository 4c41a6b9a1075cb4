# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what provision.yml asks of a head node, for clusters of several sizes, and how long it takes.

For each size a rack of its own: a check run, the first run and a second run, all in parallel mode. Prints a table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
HEADER = ("nodes", "calls sent", "run", "calls", "mutating", "calls/node", "seconds")


@contextlib.contextmanager
def rack(nodes: int, directory: Path, *, slots: int, speed: float) -> Iterator[dict[str, str]]:
    """Run the rack that `virtual-rack new` writes, with that many slots; give its variables."""
    file = directory / "rack.yml"
    subprocess.run([BIN / "virtual-rack", "new", "--nodes", str(nodes), "--output", file], check=True)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["head_node"]["slots"] = slots
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    inventory = directory / "inventory.yml"
    subprocess.run([BIN / "virtual-rack", "inventory", file, "--output", inventory], check=True)
    command = [str(BIN / "virtual-rack"), "serve", str(file), "--port", "0", "--speed", str(speed)]
    command += ["--state-dir", str(directory / "state")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or not any("Ctrl-C ends the rack" in line for line in process.stdout):
            sys.exit("error: the virtual rack did not start")
        lines = (directory / "state" / "env").read_text(encoding="utf-8").splitlines()
        yield dict(shlex.split(line)[1].split("=", 1) for line in lines)
    finally:
        process.terminate()
        process.communicate()


def admin(variables: dict[str, str], method: str, path: str) -> Any:
    """Ask the rack's admin API."""
    request = urllib.request.Request(variables["VIRTUAL_RACK_ADMIN"] + path, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def run_playbook(directory: Path, variables: dict[str, str], *options: str, bulk: bool, poll_s: float) -> float:
    """Run provision.yml to its end and give the seconds it took."""
    wanted = {"bcm_enable_power_action": True, "bcm_provisioning_mode": "parallel", "bcm_bulk_calls": bulk}
    wanted["bcm_poll_interval"] = poll_s
    command = [str(BIN / "ansible-playbook"), str(ROOT / "playbooks/provision.yml"), *options]
    command += ["--inventory", str(directory / "inventory.yml"), "--extra-vars", json.dumps(wanted)]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("BCM_", "ANSIBLE_"))}
    configuration = directory / "ansible.cfg"
    configuration.write_text("[defaults]\n", encoding="utf-8")
    environment = (
        own
        | variables
        | {
            "ANSIBLE_CONFIG": str(configuration),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_HOME": str(directory / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
        }
    )
    log = directory / "log"
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
    seconds = time.monotonic() - began
    if done.returncode:
        sys.exit(f"error: {shlex.join(command)} failed:\n{log.read_text(encoding='utf-8')[-4000:]}")
    return seconds


def measure(nodes: int, *, bulk: bool, slots: int, speed: float, poll_s: float) -> Iterator[tuple[str, ...]]:
    """Run the three runs on a fresh rack; give a row of the table for each."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        with rack(nodes, directory, slots=slots, speed=speed) as variables:
            for run, options in (("check", ["--check"]), ("first", []), ("second", [])):
                admin(variables, "DELETE", "/calls")
                seconds = run_playbook(directory, variables, *options, bulk=bulk, poll_s=poll_s)
                counts = admin(variables, "GET", "/calls")
                numbers = (str(counts["total"]), str(counts["mutating"]), f"{counts['total'] / nodes:.2f}")
                yield (str(nodes), "bulk" if bulk else "single", run, *numbers, f"{seconds:.1f}")
            late = [node["name"] for node in admin(variables, "GET", "/nodes") if node["status"] != "UP"]
            if late:
                sys.exit(f"error: not up: {', '.join(late)}")


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[5, 100, 1000], help="sizes of clusters")
    parser.add_argument("--slots", type=int, default=1000, help="provisioning slots (default 1000)")
    parser.add_argument("--speed", type=float, default=600.0, help="times as fast as real (default 600)")
    parser.add_argument("--poll-interval", type=float, default=1.0, help="seconds between two looks (default 1)")
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
