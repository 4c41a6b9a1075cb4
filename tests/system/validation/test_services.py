# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent with its five steps, receiver and worker as processes, of which some are killed meanwhile."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab, Server
from ansible_collections.baremetal.bcm.tests.system.support.validation_rack import (
    Services,
    add_fields,
    boot_script,
)
from ansible_collections.baremetal.bcm.tests.system.virtual_rack.served import wait_until
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.machine import Machine, make_machine
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import shipped

STEPS = ("01-init", "02-memory", "03-disk", "04-lldp", "05-report")
SERIAL, MAC = "QEMU0001", "52:54:00:12:34:56"
# Less than where nobody waits: heartbeats each 15 s, a receiver that is away for a minute. A machine is given up after
# eight heartbeats, which is longer than an agent pauses between two tries by then, on a busy computer too.
HEARTBEAT_S, AWAY_S = 3.0, 4.0


def slow(machine: Machine) -> None:
    """Let each step say that it is at work, by a file, and take two seconds longer."""
    for step in STEPS:
        path = machine.steps / step
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("exec ", f"touch {machine.root}/at-{step}; sleep 2; exec "), encoding="utf-8")


def entries(lab: Lab, server: Server) -> list[str]:
    """Give the beginnings of the entries of a server's journal."""
    return [each["comments"].partition(":")[0].partition(" (")[0] for each in lab.journal(server)]


def test_a_receiver_that_is_killed_in_each_of_the_five_steps_has_each_result_once(tmp_path: Path) -> None:
    machine = make_machine(tmp_path / "machine")
    slow(machine)
    with served(FakeNetBox(NEW)) as netbox, contextlib.ExitStack() as running:
        lab = Lab(netbox.url, TOKEN)
        add_fields(lab)
        server = lab.server("discovered", serial=SERIAL)
        lab.port(server.id, "eth0", MAC)
        baseline = shipped()["baseline.yml"]
        services = running.enter_context(
            contextlib.closing(Services(tmp_path, netbox.url, baseline, heartbeat_seconds=HEARTBEAT_S))
        )
        services.start("receiver")
        services.start("worker")
        given: list[tuple[str, str]] = []

        def is_given() -> bool:
            found = boot_script(services.url, MAC, SERIAL)
            given.extend([found] if found else [])
            return bool(found)

        wait_until(is_given, "a boot script for the server")
        killed_in: list[str] = []
        with machine.agent(services.port, given[0][1], given[0][0], limit_s=300) as process:
            while process.poll() is None:
                at_work = [step for step in STEPS if (machine.root / f"at-{step}").exists() and step not in killed_in]
                for step in at_work[:1]:
                    killed_in.append(step)
                    others = ["worker"] if step == "03-disk" else []
                    for service in ("receiver", *others):
                        services.kill(service)
                    time.sleep(AWAY_S)
                    for service in ("receiver", *others):
                        services.start(service)
                time.sleep(0.05)
            output = process.communicate(timeout=60)[0]
        assert process.returncode == 0, output
        # The state changes before its entry is written.
        wait_until(lambda: any("→" in entry for entry in entries(lab, server)), "a verdict in the journal")

        assert sorted(killed_in) == sorted(STEPS), services.log("worker")
        assert sorted(entries(lab, server)) == sorted(
            [*(f"Validation {step}" for step in STEPS), "discovered → staged"]
        )
