# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare an audit of many BMCs with a loop of community.general.redfish_info that reads much the same: time and CPU.

Both run as ansible-playbook on one virtual rack, one after the other, as often as `--rounds`; the least of each counts.
CPU is that of ansible-playbook and of all that it starts, without the rack's. Requests are what the BMCs have counted.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from racks import BIN, ROOT, admin, served

HEADER = ("client", "BMCs", "at once", "requests a BMC", "wall s", "CPU s", "wall, audit = 1", "CPU, audit = 1")
THEIRS = ROOT / ".venv-redfish/bin/ansible-playbook"
_CATEGORIES = {
    "Systems": ["GetSystemInventory", "GetBiosAttributes", "GetBootOverride"],
    "Manager": ["GetManagerInventory", "GetNetworkProtocols", "GetHostInterfaces"],
    "Accounts": ["ListUsers", "GetAccountServiceConfig"],
    "Sessions": ["GetSessions"],
}


@dataclass(frozen=True)
class Measured:
    """What one run took."""

    client: str
    at_once: int
    requests: float
    wall_s: float
    cpu_s: float


def audit_play(addresses: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the play that audits all servers by one task."""
    options = {
        "servers": [{"name": name, "address": address} for name, address in addresses.items()],
        "username": "{{ username }}",
        "password": "{{ password }}",
        "ca_path": "{{ ca }}",
        "timeout": 60,
        "deadline": 600,
    }
    task = {"name": "Audit", "baremetal.bcm.redfish_audit": options, "connection": "local"}
    return [{"name": "Audit", "hosts": "localhost", "gather_facts": False, "tasks": [task]}]


def loop_play() -> list[dict[str, Any]]:
    """Return the play that asks each host's BMC by a task for each category."""
    login = {"baseuri": "{{ address }}", "username": "{{ username }}", "password": "{{ password }}", "timeout": 60}
    tasks = [
        {
            "name": category,
            "community.general.redfish_info": {
                **login,
                "validate_certs": True,
                "ca_path": "{{ ca }}",
                "category": category,
                "command": commands,
            },
        }
        for category, commands in _CATEGORIES.items()
    ]
    return [{"name": "Read", "hosts": "bmcs", "gather_facts": False, "tasks": tasks}]


def run(client: str, command: Sequence[str | Path], at_once: int, variables: Mapping[str, str]) -> Measured:
    """Run ansible-playbook and return its figures."""
    before = requests_of(variables)
    used, started_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    wall_s, now = time.monotonic() - started_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"error: {client}: {(done.stdout + done.stderr)[-2000:]}")
    after = requests_of(variables)
    cpu_s = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return Measured(client, at_once, (sum(after) - sum(before)) / len(after), wall_s, cpu_s)


def requests_of(variables: Mapping[str, str]) -> list[int]:
    """Return how many requests each BMC has had."""
    return [node["redfish"]["requests"] for node in admin(variables, "GET", "/nodes")]


def environment() -> dict[str, str]:
    """Return what both are run with."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return own | {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DISPLAY_OK_HOSTS": "0",
        "ANSIBLE_HOST_KEY_CHECKING": "0",
        "NO_PROXY": "*",
    }


def compare(nodes: int, forks: int, rounds: int, mode: str, directory: Path) -> list[Measured]:
    """Run both on one rack, and return the least that each took."""
    file = directory / "rack.yml"
    new = [BIN / "virtual-rack", "new", "--nodes", str(nodes), "--redfish", mode, "--output", file]
    subprocess.run(new, check=True)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    for machine in content["machines"]:
        machine["bmc"]["engine"] = "direct"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    bmc = content["machines"][0]["bmc"]
    with served(file, directory, "--redfish-port", "0") as variables:
        port = variables["VIRTUAL_RACK_REDFISH_PORT"]
        addresses = {each["name"]: f"{each['bmc']['address']}:{port}" for each in content["machines"]}
        hosts = {name: {"address": address, "ansible_connection": "local"} for name, address in addresses.items()}
        known = {"username": bmc["username"], "password": bmc["password"], "ca": variables["BCM_CA_PATH"]}
        inventory = {"all": {"vars": known, "hosts": {"localhost": {}}}, "bmcs": {"hosts": hosts}}
        for name, written in (("inventory", inventory), ("audit", audit_play(addresses)), ("loop", loop_play())):
            (directory / f"{name}.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
        where: list[str | Path] = ["-i", directory / "inventory.yml", "-f", str(forks)]
        theirs: list[str | Path] = [
            THEIRS,
            directory / "loop.yml",
            *where,
            "-e",
            f"ansible_python_interpreter={THEIRS.parent}/python",
        ]
        ours: list[str | Path] = [BIN / "ansible-playbook", directory / "audit.yml", *where]
        ours += ["-e", f"ansible_python_interpreter={BIN}/python"]
        pairs = [
            (run("redfish_audit", ours, 64, variables), run("community.general.redfish_info", theirs, forks, variables))
            for _round in range(rounds)
        ]
    return [
        Measured(
            one[0].client,
            one[0].at_once,
            one[0].requests,
            min(each.wall_s for each in one),
            min(each.cpu_s for each in one),
        )
        for one in zip(*pairs, strict=True)
    ]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[24, 200])
    parser.add_argument("--forks", type=int, default=20, help="hosts at once of the loop")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--mode", default="idrac")
    given = parser.parse_args()
    print(f"| {' | '.join(HEADER)} |\n| {' | '.join(['---'] * len(HEADER))} |")  # noqa: T201
    for nodes in given.nodes:
        with tempfile.TemporaryDirectory() as directory:
            ours, theirs = compare(nodes, given.forks, given.rounds, given.mode, Path(directory))
        for each in (ours, theirs):
            row = (each.client, f"{nodes:,}", each.at_once, f"{each.requests:.1f}", f"{each.wall_s:.1f}")
            row = (*row, f"{each.cpu_s:.1f}", f"{each.wall_s / ours.wall_s:.1f}", f"{each.cpu_s / ours.cpu_s:.1f}")
            print(f"| {' | '.join(map(str, row))} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
