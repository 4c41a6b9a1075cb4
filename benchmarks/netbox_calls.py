# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count the requests and the time that leases of BMCs cost, for several numbers of servers.

The leases are applied once to servers that are offline, then again as renewals; for comparison also with one event per
run, and beside the floor: the same addresses, states and journal entries, written in bulk by something that reads and
checks nothing. Runs against NetBoxes in memory, or the one that NETBOX_URL and NETBOX_TOKEN name, into which it puts
servers. Prints a table.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Sequence

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import (
    DEVICES,
    IP_ADDRESSES,
    JOURNAL,
    NetBox,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import (
    NetBoxConnection,
    NetBoxTransport,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.journal import SUCCESS, Entry
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.apply_events import (
    EventRun,
    EventSettings,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.reported_event import (
    ReportedEvent,
    read_event,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import StateField
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW, OLD
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab

RUNS = itertools.count(1)
HEADER = ("NetBox", "servers", "run", "reads", "writes", "requests/server", "seconds")


@contextlib.contextmanager
def labs() -> Iterator[dict[str, Lab]]:
    """Open the NetBoxes to be measured; yields them by their names in the table."""
    if os.environ.get("NETBOX_URL"):
        lab = Lab(os.environ["NETBOX_URL"], os.environ["NETBOX_TOKEN"])
        yield {"{}.{}, real".format(*lab.version): lab}
        return
    with served(FakeNetBox(OLD)) as old, served(FakeNetBox(NEW)) as new:
        yield {"3.2, in memory": Lab(old.url, TOKEN), "4.6, in memory": Lab(new.url, TOKEN)}


def leases(lab: Lab, count: int) -> list[ReportedEvent]:
    """Create servers and return the leases of their BMCs."""
    servers = [server for start in range(0, count, 100) for server in lab.servers(min(100, count - start))]
    made = []
    for number, server in enumerate(servers):
        ip = f"fd00:{lab.tag[:4]}:{lab.tag[2:]}::{next(RUNS):x}"
        made.append(read_event(number, {"event": "dhcp_ack", "mac": server.mac, "ip": ip, "prefix_length": 64}))
    return made


def measure(lab: Lab, runs: Sequence[Sequence[ReportedEvent]], directory: str) -> tuple[int, int, float]:
    """Apply each list in a run of its own; returns reads, writes and seconds of all runs."""
    reads = writes = 0
    begin = time.perf_counter()
    for events in runs:
        netbox = NetBox(NetBoxTransport(NetBoxConnection(lab.url, lab.token)))
        settings = EventSettings(StateField("status"), lock_path=directory, ledger_path=directory)
        results = EventRun(netbox, settings).apply(events)
        assert all(result.outcome in ("changed", "unchanged") for result in results.events.values())  # noqa: S101
        reads, writes = reads + netbox.calls.reads, writes + netbox.calls.writes
        netbox.close()
    return reads, writes, time.perf_counter() - begin


def floor(lab: Lab, count: int) -> tuple[int, int, float]:
    """Write what first leases write, in as few requests as the collection would; returns reads, writes and seconds."""
    servers = [server for start in range(0, count, 100) for server in lab.servers(min(100, count - start))]
    hosts = [f"fd00:{lab.tag[:4]}:{lab.tag[2:]}::{next(RUNS):x}/64" for _server in servers]
    netbox = NetBox(NetBoxTransport(NetBoxConnection(lab.url, lab.token)))
    begin = time.perf_counter()
    netbox.create_many(
        IP_ADDRESSES,
        [
            {"address": host, "status": "dhcp", "assigned_object_type": "dcim.interface", "assigned_object_id": each}
            for host, each in zip(hosts, [server.interface_id for server in servers], strict=True)
        ],
    )
    netbox.update_many(DEVICES, {server.id: {"status": "discovered"} for server in servers})
    entries = [Entry(server.id, server.name, SUCCESS, f"offline → discovered of {server.name}") for server in servers]
    netbox.create_many(JOURNAL, [entry.to_api() for entry in entries])
    seconds = time.perf_counter() - begin
    netbox.close()
    return netbox.calls.reads, netbox.calls.writes, seconds


def main() -> None:
    """Print the table, each row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument(
        "--one-by-one", type=int, default=100, help="up to how many servers one event per run is measured"
    )
    options = parser.parse_args()
    print(f"| {' | '.join(HEADER)} |\n|{' --- |' * len(HEADER)}")  # noqa: T201
    with labs() as found, tempfile.TemporaryDirectory() as directory:
        for name, lab in found.items():
            for count in options.servers:
                events = leases(lab, count)
                rows = {"first leases": [events], "renewals": [events]}
                if 1 < count <= options.one_by_one:
                    rows["first leases, one event per run"] = [[event] for event in leases(lab, count)]
                costs = {run: measure(lab, lists, directory) for run, lists in rows.items()}
                costs["floor of first leases"] = floor(lab, count)
                for run, (reads, writes, seconds) in costs.items():
                    share = f"{(reads + writes) / count:.2f}"
                    print(f"| {name} | {count} | {run} | {reads} | {writes} | {share} | {seconds:.1f} |")  # noqa: T201


if __name__ == "__main__":
    main()
