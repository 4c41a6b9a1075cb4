# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the collection's engine with ipmitool in reading the power state of many BMCs: time and CPU.

All run on one virtual rack with a real BMC per machine. CPU is that of the client's processes alone, from their start
to their end; what the BMCs and the rack need is not in it. Prints a table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from racks import BIN, ROOT, admin, served

HEADER = ("packets", "client", "at once", "answered", "wall s", "CPU s", "wall, engine = 1", "CPU, engine = 1")
# One process for one BMC; without the cipher suite ipmitool waits 10 s for an answer that OpenIPMI does not give.
IPMITOOL = "ipmitool -I lanplus -C 3 -H {address} -p {port} -U {username} -E chassis power status"


@dataclass(frozen=True)
class Measured:
    """What one run of a client took, and how many BMCs have answered it with their power."""

    client: str
    at_once: int
    answered: int
    wall_s: float
    cpu_s: float


@contextlib.contextmanager
def rack(nodes: int, directory: Path) -> Iterator[dict[str, str]]:
    """Run a rack of machines with BMCs; yield its environment variables."""
    file = directory / "rack.yml"
    subprocess.run([BIN / "virtual-rack", "new", "--nodes", str(nodes), "--bmc", "ipmi", "--output", file], check=True)
    with served(file, directory, "--ipmi-port", "0") as variables:
        yield variables


def measure(client: str, at_once: int, command: Sequence[str], said: str, *, given: str, environment: Any) -> Measured:
    """Run one client and return its figures; every `said` in its output counts as one BMC that has answered."""
    with tempfile.TemporaryFile("w+") as source, tempfile.TemporaryFile("w+") as sink:
        source.write(given)
        source.seek(0)
        started_s = time.monotonic()
        process = subprocess.Popen(command, stdin=source, stdout=sink, stderr=sink, env=environment)
        # The usage of a process includes that of the children it has waited for.
        _pid, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - started_s
        process.returncode = os.waitstatus_to_exitcode(status)
        sink.seek(0)
        answered = sink.read().count(said)
    return Measured(client, at_once, answered, wall_s, usage.ru_utime + usage.ru_stime)


def measure_engine(bmcs: Sequence[Mapping[str, Any]], at_once: int) -> Measured:
    """Run this script again as a process that does nothing but be the client."""
    command = [sys.executable, __file__, "--as-client", str(at_once)]
    return measure("engine", at_once, command, "ON\n", given=json.dumps(bmcs), environment=os.environ)


def measure_ipmitool(bmcs: Sequence[Mapping[str, Any]], at_once: int) -> Measured:
    """Run ipmitool by xargs."""
    one = bmcs[0]
    command = IPMITOOL.format(address="{}", port=one["port"], username=one["username"])
    return measure(
        "ipmitool",
        at_once,
        ["xargs", "-P", str(at_once), "-I{}", *shlex.split(command)],
        "Chassis Power is on",
        given="".join(f"{bmc['address']}\n" for bmc in bmcs),
        environment={**os.environ, "IPMI_PASSWORD": one["password"]},
    )


def be_client(at_once: int) -> None:
    """Read the power of the BMCs given as JSON, by the collection's engine; print each state."""
    sys.path.insert(0, str(ROOT / ".collections"))
    # As late as a module imports it: the import is part of what is measured.
    from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.ipmi import Ipmi  # noqa: PLC0415
    from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.ipmi_power import IpmiPower  # noqa: PLC0415
    from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.schedule import Limits  # noqa: PLC0415
    from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.session import Bmc  # noqa: PLC0415

    bmcs = {given["address"]: Bmc(**given) for given in json.load(sys.stdin)}
    path = IpmiPower(bmcs, Ipmi(Limits(in_flight=at_once, retry_delay_s=1.0)))
    for name, result in path.states(list(bmcs)).items():
        print(name, result.error or result.after)  # noqa: T201


def row_of(packets: str, measured: Measured, engine: Measured) -> tuple[str, ...]:
    """Return the table's row of one run, compared with the engine's run."""
    return (
        packets,
        measured.client,
        str(measured.at_once),
        str(measured.answered),
        f"{measured.wall_s:.2f}",
        f"{measured.cpu_s:.2f}",
        f"{measured.wall_s / engine.wall_s:.1f}",
        f"{measured.cpu_s / engine.cpu_s:.1f}",
    )


def measure_all(variables: Mapping[str, str], at_once: int) -> Iterator[tuple[str, ...]]:
    """Measure every client, without and with packet loss; yield a row of the table for each."""
    machines = [node["bmc"] for node in admin(variables, "GET", "/nodes")]
    rack_file = yaml.safe_load((Path(variables["BCM_CA_PATH"]).parent.parent / "rack.yml").read_text(encoding="utf-8"))
    account = {key: rack_file["machines"][0]["bmc"][key] for key in ("username", "password")}
    bmcs = [{"address": bmc["address"], "port": bmc["port"], **account} for bmc in machines]
    for node in admin(variables, "GET", "/nodes"):
        admin(variables, "POST", f"/nodes/{node['name']}", {"power": "on"})
    for packets in ("all come", "every 10th lost"):
        if packets != "all come":
            admin(variables, "POST", "/faults", {"kind": "bmc_drops", "every": 10})
        engine = measure_engine(bmcs, at_once)
        yield row_of(packets, engine, engine)
        yield row_of(packets, measure_engine(bmcs, 64), engine)
        yield row_of(packets, measure_ipmitool(bmcs, at_once), engine)
        if packets == "all come":
            yield row_of(packets, measure_ipmitool(bmcs, 1), engine)


def main() -> None:
    """Print the table, each row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--as-client", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_client:
        be_client(options.as_client)
        return
    missing = [program for program in ("ipmi_sim", "ipmitool", "xargs") if shutil.which(program) is None]
    if missing:
        sys.exit(f"error: not installed: {', '.join(missing)}")
    say(f"Power status of {options.nodes} BMCs")
    say(draw(HEADER))
    with tempfile.TemporaryDirectory() as directory, rack(options.nodes, Path(directory)) as variables:
        for row in measure_all(variables, options.at_once):
            say(draw(row))


def draw(words: Sequence[str]) -> str:
    """Return a row as a line, aligned with the header."""
    return "  ".join(word.rjust(max(len(title), 15)) for word, title in zip(words, HEADER, strict=True))


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
