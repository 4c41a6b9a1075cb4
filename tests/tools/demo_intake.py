# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the intake: DHCP server, relay, three BMCs, tap, rule engine and NetBox, all real, in namespaces of its own."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

os.environ["PATH"] += ":/usr/sbin:/sbin"

from ansible_collections.baremetal.bcm.tests.system.support.dhcp_lab import Bmc, DhcpLab
from ansible_collections.baremetal.bcm.tests.system.support.intake import Intake, Program, intake, until
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView, Server, start_netbox

BMCS = {
    "demo-gpu-01": Bmc("02:00:00:de:00:01", "bmc0", "ilo-gpu-01"),
    "demo-gpu-02": Bmc("02:00:00:de:00:02", "relay0", "idrac-gpu-02"),
    "demo-cpu-01": Bmc("02:00:00:de:00:03", "trunk0"),
}
PLUGGED = {
    "bmc0": "beside the DHCP server",
    "relay0": "behind a DHCP relay",
    "trunk0": "on VLAN 7, mirrored with its tag",
}


def say(text: str) -> None:
    print(f"\n--- {text}\n", flush=True)


def show_netbox(netbox: NetBoxView) -> None:
    """Print what NetBox has of the servers."""
    rows = [("SERVER", "STATE", "BMC", "JOURNAL")]
    for name in BMCS:
        told = [entry.partition("\n")[0] for entry in netbox.journal(name)]
        rows.append((name, netbox.state(name), ", ".join(netbox.addresses(name)) or "-", " | ".join(told) or "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]]))


def show_lines(engine: Program, seen: int) -> None:
    """Print what playbooks have shown of each machine since."""
    lines = [line.strip().strip('",') for line in engine.said[seen:].splitlines()]
    for line in lines:
        if line.startswith("02:00:00:"):
            print(line)


@contextmanager
def timed(what: str) -> Iterator[None]:
    print(f"{what} … ", end="", flush=True)
    begun = time.monotonic()
    yield
    print(f"{time.monotonic() - begun:.1f} s", flush=True)


def lease_all(one: Intake) -> None:
    for name, bmc in BMCS.items():
        print(f"{name}: {bmc.mac} gets {one.lab.lease(bmc)}, {PLUGGED[bmc.where]}", flush=True)


def await_done(one: Intake, engine: Program, acknowledged: int, seen: int) -> None:
    if not (
        until(lambda: one.stats().acknowledged >= acknowledged and not one.stats().rows)
        and until(lambda: "PLAY RECAP" in engine.said[seen:])
    ):
        sys.exit(f"error: the machines did not get to NetBox; the rule engine said:\n{engine.said}")


def show(one: Intake, netbox: NetBoxView) -> int:
    say("The rule engine starts with the rulebook intake.yml, whose source is the tap")
    with timed("Starting"):
        engine = one.engine()
        if not until(one.spool_path.exists):
            sys.exit(f"error: the rule engine did not start:\n{engine.said}")
    say("NetBox before: three servers that nobody has seen")
    show_netbox(netbox)

    say("The BMCs are plugged in, and ask for addresses")
    lease_all(one)
    first_lease_s = time.monotonic()
    with timed("From the last lease to NetBox"):
        await_done(one, engine, len(BMCS), 0)
    say("What the playbook says that it did, in one run for all of them")
    show_lines(engine, 0)
    say("NetBox afterwards")
    show_netbox(netbox)
    first = [netbox.journal(name) for name in BMCS]

    say("The BMCs renew their leases: nothing changes, and the journal stays as it is")
    # The tap takes the same lease within ten seconds for one and the same.
    time.sleep(max(0.0, first_lease_s + 11 - time.monotonic()))
    seen = len(engine.said)
    lease_all(one)
    await_done(one, engine, 2 * len(BMCS), seen)
    show_lines(engine, seen)
    again = [netbox.journal(name) for name in BMCS]
    states = {netbox.state(name) for name in BMCS}
    if states != {"discovered"} or [len(journal) for journal in first] != [1] * len(BMCS) or again != first:
        print("error: NetBox is not as it should be", file=sys.stderr)
        show_netbox(netbox)
        return 1
    print("\nAll three servers are discovered, each with one entry in its journal.")
    return 0


def end_when_asked() -> None:
    """Let SIGINT and SIGTERM end this as an exit does, everything cleared away, also where SIGINT came ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))


def main() -> int:
    end_when_asked()
    say("NetBox, with PostgreSQL and Redis, on loopback (the first time it is fetched and set up, two minutes or more)")
    with timed("Starting"):
        netbox = start_netbox()
    print(f"It runs on: {netbox.url}. tests/tools/netbox stop ends it.")
    netbox.remove(BMCS)
    netbox.add([Server(name, bmc.mac) for name, bmc in BMCS.items()])
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-intake-")))
        stack.callback(netbox.remove, BMCS)
        say("A network of its own: dnsmasq, a relay, and three BMCs that are not plugged in yet")
        lab = DhcpLab(directory)
        stack.callback(lab.close)
        lab.start()
        door = lab.server.door(("127.0.0.1", netbox.port))
        stack.callback(door.close)
        print("dnsmasq and dhcrelay listen.")
        return show(stack.enter_context(intake(lab, netbox, directory / "intake")), netbox)


if __name__ == "__main__":
    sys.exit(main())
