# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows validation: servers in QEMU that boot from the network, BMCs, a switch, the validation server and NetBox."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import yaml

os.environ["PATH"] += ":/usr/sbin:/sbin"

from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView, start_netbox
from ansible_collections.baremetal.bcm.tests.system.support.validation_lab import ROOT, ValidationLab, build_image
from ansible_collections.baremetal.bcm.tests.system.support.validation_netbox import Inventory
from ansible_collections.baremetal.bcm.tests.tools.demo_intake import end_when_asked, say, timed

# By server: what is broken, the state that it ends in, and what a reason of it says.
EXPECTED = {
    "demo-good": ("nothing", "staged", ""),
    "demo-disk": ("one sector of its disk", "failed", "03-disk: vda"),
    "demo-memory": ("one bit of its memory", "failed", "02-memory: numa0"),
    "demo-cable": ("none of it, but it is plugged into Ethernet1/9", "failed", "Ethernet1/9"),
}
_LOOK_S = 3.0
_WIDTH = 130
_MOST = 2


class Journal:
    """Prints what is new in NetBox's journal."""

    def __init__(self, netbox: NetBoxView, inventory: Inventory) -> None:
        self._netbox, self._inventory = netbox, inventory
        self._begun = time.monotonic()
        self._looked = 0.0
        self._shown = self._last()

    def print_new(self) -> None:
        """Print entries that came since, but look only every few seconds."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        found = self._netbox.call("GET", f"extras/journal-entries/?limit=0&ordering=id&id__gt={self._shown}")["results"]
        for entry in sorted(found, key=lambda each: int(each["id"])):
            name = entry["assigned_object"]["name"]
            if entry["id"] > self._shown and name in EXPECTED:
                self._print(name, entry["comments"])
            self._shown = max(self._shown, entry["id"])

    def _last(self) -> int:
        found = self._netbox.call("GET", "extras/journal-entries/?limit=1&ordering=-id")["results"]
        return int(found[0]["id"]) if found else 0

    def _print(self, name: str, comments: str) -> None:
        told = comments.partition("\n\nMeasured:")[0]
        head, *lines = re.sub(r"[*`]{1,2}", "", told).splitlines()
        # Which run it was, is the same for each entry of a server.
        head = re.sub(r", run [0-9a-f-]{36}|\. MAC address .*|\.$", "", head)
        print(f"{time.monotonic() - self._begun:4.0f} s  {name:12} {head.removeprefix('Validation ')}", flush=True)
        reasons = [line for line, raw in zip(lines, told.splitlines()[1:], strict=True) if raw.startswith("* ")]
        for line in few(reasons):
            print(f"{'':20} {line}", flush=True)


def few(told: Sequence[str]) -> list[str]:
    """Cut down to what a reader wants to see first."""
    shown = [line.strip()[:_WIDTH] for line in told[:_MOST]]
    return [*shown, f"and {len(told) - _MOST} more"] if len(told) > _MOST else shown


def reasons(fields: Mapping[str, object]) -> list[str]:
    result = fields["validation_result"]
    return list(result["reasons"]) if isinstance(result, dict) else []


def show_netbox(netbox: NetBoxView) -> bool:
    """Print what NetBox has of the servers; says whether it is as it should be."""
    print(f"{'SERVER':12} {'STATE':11} REASONS")
    right = True
    for name, (_broken, state, word) in EXPECTED.items():
        told = reasons(netbox.fields(name))
        found = netbox.state(name)
        right &= found == state and (any(word in reason for reason in told) if word else not told)
        for number, reason in enumerate(few(told) or ["-"]):
            print(f"{'' if number else name:12} {'' if number else found:11} {reason}")
    return right


def main() -> int:
    end_when_asked()
    say("The image that servers boot (the first time it is built from Debian packages, about two minutes)")
    with timed("Building"):
        build_image()
    say("NetBox, with PostgreSQL and Redis, on loopback (the first time it is fetched and set up, two minutes or more)")
    with timed("Starting"):
        netbox = start_netbox()
    print(f"It runs on: {netbox.url}. tests/tools/netbox stop ends it.")
    bench = yaml.safe_load((ROOT / "virtual_rack/benches/demo.yml").read_text(encoding="utf-8"))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-validate-")))
        lab = ValidationLab(bench, directory)
        inventory = Inventory(netbox, lab.spec)
        inventory.remove()
        stack.callback(inventory.remove)
        inventory.add()
        say("A network of its own: DHCP, a switch that speaks LLDP, a validation server, four servers with their BMCs")
        stack.callback(lab.close)
        with timed("Starting"):
            lab.start()
            lab.carry_to(netbox)
        print("\nNetBox has all four as discovered. What is broken in them, it does not know:")
        for name, (broken, _state, _word) in EXPECTED.items():
            print(f"{name:12} {broken}")
        say("Each BMC is told by IPMI: PXE for one boot, power on. NetBox's journal as it grows:")
        journal = Journal(netbox, inventory)
        begun = time.monotonic()
        lab.boot_all(inventory, each_turn=journal.print_new)
        seconds = time.monotonic() - begun
        say("NetBox afterwards")
        if not show_netbox(netbox):
            print("error: NetBox is not as it should be", file=sys.stderr)
            print(lab.log("receiver")[-2000:], lab.log("worker")[-2000:], file=sys.stderr)
            return 1
    print(f"\nThe good one is staged; of the other three NetBox says what is wrong with them. It took {seconds:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
