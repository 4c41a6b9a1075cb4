# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the intake: from the last DHCP ACK of a burst to the last state in NetBox, for 1, 100, 1,000 devices.

    PYTHONPATH=.collections .venv/bin/python benchmarks/intake.py [COUNT...]

Needs root and what the system tests need. Everything is real: dnsmasq, tap, rule engine, playbook, NetBox.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.system.support.dhcp_lab import DhcpLab
from ansible_collections.baremetal.bcm.tests.system.support.intake import Intake, Program, intake, until
from ansible_collections.baremetal.bcm.tests.system.support.namespaces import Door
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView, Server, start_netbox

_GIVE_UP_S = 3600.0


@dataclass(frozen=True)
class Measured:
    """Seconds from the start of a burst to its last ACK, and from there until the spool is empty."""

    count: int
    leasing_s: float
    intake_s: float
    runs: int


def measure(count: int, one: Intake, engine: Program, netbox: NetBoxView) -> Measured:
    """Bring this many new devices to NetBox and return the times. Exits if not all become discovered."""
    prefix = f"bench-{count}-"
    macs = {f"{prefix}{number:04d}": _mac(count, number) for number in range(count)}
    netbox.remove(macs)
    netbox.add([Server(name, mac) for name, mac in macs.items()])
    try:
        done, runs = (one.stats().acknowledged if one.spool_path.exists() else 0), engine.said.count("PLAY [")
        begun = time.monotonic()
        one.lab.lease_many(list(macs.values()))
        leased = time.monotonic()
        if not until(lambda: one.stats().acknowledged >= done + count, _GIVE_UP_S):
            raise SystemExit(engine.said)
        ended = time.monotonic()
        discovered = sum(state == "discovered" for state in netbox.states(prefix).values())
        if discovered != count:
            raise SystemExit(f"only {discovered} of {count} are discovered")
        return Measured(count, leased - begun, ended - leased, engine.said.count("PLAY [") - runs)
    finally:
        netbox.remove(macs)


def _mac(count: int, number: int) -> str:
    return ":".join(f"{byte:02x}" for byte in (2, 0xBE, *count.to_bytes(2, "big"), *number.to_bytes(2, "big")))


def main() -> None:
    """Print a table, each row as soon as it is known."""
    parser = argparse.ArgumentParser(description="Measure the intake.")
    parser.add_argument("counts", nargs="*", type=int, default=[1, 100, 1000], metavar="COUNT")
    counts = parser.parse_args().counts
    netbox = start_netbox()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-intake-")))
        lab = DhcpLab(directory)
        stack.callback(lab.close)
        lab.start()
        stack.callback(Door(lab.server, ("127.0.0.1", netbox.port)).close)
        one = stack.enter_context(intake(lab, netbox, directory / "intake", {"intake_lease_seconds": 900}))
        engine = one.engine(intake_ring_again=60)
        until(one.spool_path.exists)
        _say("devices  leasing them  last ACK to last state  per device  playbooks")
        for count in counts:
            each = measure(count, one, engine, netbox)
            times = f"{each.leasing_s:10.1f} s {each.intake_s:21.1f} s {each.intake_s / count:9.2f} s"
            _say(f"{each.count:7d} {times} {each.runs:10d}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
