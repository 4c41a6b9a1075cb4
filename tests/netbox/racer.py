# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of several processes that apply events at once: writes "ready", waits for a line, applies, writes the result."""

from __future__ import annotations

import json
import sys

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import NetBox
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import (
    NetBoxConnection,
    NetBoxTransport,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.apply_events import (
    EventRun,
    EventSettings,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.reported_event import read_event
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import StateField


def main() -> None:
    """Run one racer; its task is the first argument, in JSON."""
    task = json.loads(sys.argv[1])
    netbox = NetBox(NetBoxTransport(NetBoxConnection(task["url"], task["token"])))
    settings = EventSettings(StateField("status"), lock_path=task["lock_path"], ledger_path=task["lock_path"])
    events = [read_event(number, event) for number, event in enumerate(task["events"])]
    run = EventRun(netbox, settings)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(json.dumps(run.apply(events).to_ansible()))


if __name__ == "__main__":
    main()
