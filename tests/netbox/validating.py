# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A validation server in this process, without HTTP before it, and machines that report to it."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import NetBox
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import (
    NetBoxConnection,
    NetBoxTransport,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._spool.spool import Spool
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import sign, signing_key
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.profile import read_profiles
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.events import AcceptedEvent
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.logs import Logs
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.messenger import Post
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.receiver import (
    Accepted,
    Answer,
    Asked,
    Receiver,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.settings import Settings
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.state import State
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.worker import Worker
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab, Row, Server

PROFILE = {
    "name": "quick",
    "device_types": ["*"],
    "steps": {
        "01-init": {"budget": 60},
        "02-memory": {"budget": 300},
        "04-lldp": {"budget": 60, "required": False},
    },
}
STEPS = tuple(PROFILE["steps"])


class Clock:
    """Unix time as a test sets it."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Machine:
    """A server with an agent: it boots, and reports what it is told to have found."""

    place: Place
    server: Server
    serial: str
    mac: str
    token: bytes = b""
    run: str = ""
    sequence: int = 0
    script: str = ""
    neighbours: list[dict[str, str]] = field(default_factory=list)
    modules: list[dict[str, Any]] = field(default_factory=list)

    def boot(self, **asked: str) -> bool:
        """Ask for a boot script; say whether it boots the image."""
        given = {"mac": self.mac.replace(":", "-").lower(), "serial": self.serial, **asked}
        self.script = self.place.receiver.boot(given["mac"], given["serial"])
        return self.take(self.script)

    def take(self, script: str) -> bool:
        """Take run and token out of a boot script."""
        run, token = re.search(r"bm\.run=(\S+)", script), re.search(r"bm\.token=([0-9a-f]{64})", script)
        if run is None or token is None:
            return False
        self.run, self.token, self.sequence = run[1], bytes.fromhex(token[1]), 0
        return True

    @property
    def events_path(self) -> str:
        return f"/v1/runs/{self.run}/events"

    def asked(self, method: str, path: str, sequence: int, body: bytes, **other: Any) -> Asked:
        """A signed request; `other` changes it after it was signed."""
        signature = sign(signing_key(self.token.hex()), method, path, sequence, body)
        return replace(Asked(method, path, self.run, str(sequence), signature, body), **other)

    def message(self, kind: str, step: str | None = None, body: Row | None = None, sequence: int = 0) -> bytes:
        """The body of an event."""
        number = sequence or self.sequence + 1
        return json.dumps(
            {"kind": kind, "sequence": number, "uptime": float(number), "step": step, "body": body or {}}
        ).encode()

    def say(self, kind: str, step: str | None = None, body: Row | None = None) -> Answer:
        """Post an event; the sequence goes on where it was accepted."""
        sent = self.message(kind, step, body)
        answer = self.place.send(self.asked("POST", self.events_path, self.sequence + 1, sent))
        if answer.status in (202, 410):
            self.sequence += 1
        return answer

    def hello(self, **other: Any) -> Answer:
        """Say who it is."""
        body = {
            "serial": self.serial, "uuid": "u-1", "macs": [self.mac], "firmware": "uefi", "secure_boot": True,
            "lockdown": "integrity", "image_digest": "", "agent_version": "1", **other,
        }  # fmt: skip
        return self.say("hello", None, body)

    def task(self) -> Answer:
        """Ask what to do."""
        return self.place.receiver.task(self.asked("GET", f"/v1/runs/{self.run}/task", 0, b""))

    def log(self, step: str, piece: int, text: str) -> Answer:
        """Put a piece of a log."""
        path, body = f"/v1/runs/{self.run}/steps/{step}/log/{piece}", gzip.compress(text.encode())
        answer = self.place.send(replace(self.asked("PUT", path, self.sequence + 1, body), step=step, piece=piece))
        if answer.status == 202:
            self.sequence += 1
        return answer

    def finish(self, step: str, **other: Any) -> Answer:
        """Report a step that found nothing wrong, but for what is changed."""
        return self.say("step_finished", step, {**self.good(step), **other})

    def good(self, step: str) -> Row:
        """What a step finds of a sound server."""
        numbers: dict[str, dict[str, float]] = {
            "01-init": {"cpu_sockets": 1, "memory_mib": 640, "disks": 1, "nics": 1},
            "02-memory": {"machine_checks_corrected": 0, "machine_checks_uncorrected": 0},
            "04-lldp": {"lldp_neighbours": float(len(self.neighbours)), "nics_with_link": 1},
        }
        taken = [{"name": name, "value": value} for name, value in numbers[step].items()]
        if step == "02-memory":
            of_node = {"memory_tested_mib": 64, "memory_errors": 0, "memory_rate_mib_s": 900}
            taken += [{"name": name, "value": value, "component": "node0"} for name, value in of_node.items()]
        body: Row = {"outcome": "completed", "reason": "", "seconds": 2.0, "work": 64, "measurements": taken}
        if step == "01-init":
            body["inventory"] = {
                "system": {"serial": self.serial, "product": "box"},
                "memory_mib": 640,
                "cpus": [{"name": "cpu0", "model": "x"}],
                "modules": self.modules,
                "numa_nodes": [{"name": "node0", "memory_mib": 640}],
                "disks": [{"name": "vda", "serial": "D1", "size_bytes": 10**9}],
                "nics": [{"name": "eth0", "mac": self.mac}],
            }
        if step == "04-lldp":
            body["neighbours"] = self.neighbours
        return body

    def validate(self, **other: Row) -> Answer:
        """Boot and report all steps; `other` changes the result of a step (its digits and its name as one word)."""
        assert self.boot(), self.script
        assert self.task().status == 200
        assert self.hello().status == 202
        return self.report(**other)

    def report(self, **other: Row) -> Answer:
        """Report all steps and the end."""
        for step in STEPS:
            assert self.say("step_started", step).status == 202
            assert self.finish(step, **other.get(f"s{step[:2]}", {})).status == 202
        return self.say("finished")


class Place:
    """A validation server and its NetBox."""

    worker: Worker

    def __init__(
        self, lab: Lab, directory: Path, profile: Row | None = None, post: Post | None = None, **settings: Any
    ) -> None:
        self.post = post
        self.lab = lab
        self.clock = Clock()
        self.lines: list[str] = []
        self.directory = directory
        self.settings = Settings(url="http://192.0.2.1:8080", data_directory=str(directory), **settings)
        self.profiles = read_profiles({"quick": profile or PROFILE})
        self.netbox = NetBox(NetBoxTransport(NetBoxConnection(lab.url, lab.token), sleep=lambda _seconds: None))
        self.start()

    def start(self) -> None:
        """Start both services, as after they were killed."""
        if hasattr(self, "worker"):
            self.worker.close()
        self.state = State(self.settings.state_path, self.clock)
        self.spool = Spool(self.settings.spool_path, self.clock, read_item=AcceptedEvent.from_dict)
        self.logs = Logs(self.settings.log_directory, self.settings.max_log_bytes)
        self.receiver = Receiver(
            self.settings, self.state, self.spool, self.logs, clock=self.clock, say=self.lines.append
        )
        self.worker = Worker(
            self.settings, self.state, self.spool, self.logs, self.netbox, self.profiles,
            clock=self.clock, say=self.lines.append, post=self.post,
        )  # fmt: skip
        self.state.beat("receiver", starting=True)

    def close(self) -> None:
        """End both."""
        self.worker.close()
        self.netbox.close()

    def send(self, asked: Asked) -> Answer:
        """Give the receiver a request as its application does."""
        checked = self.receiver.check(asked)
        if isinstance(checked, Accepted):
            self.receiver.hold(checked)
            (answer,) = self.receiver.store([checked])
            return answer
        return checked

    def pass_time(self, seconds: float) -> None:
        """Let time pass while the receiver listens."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now = min(until, self.clock.now + 10)
            self.state.beat("receiver")

    def turn(self, turns: int = 1) -> None:
        """Let the worker work; the time of the next admission comes with each turn."""
        for _turn in range(turns):
            self.clock.now += self.settings.admit_seconds
            self.state.beat("receiver")
            self.worker.turn()

    def machine(self, state: str = "discovered", **fields: Any) -> Machine:
        """Put a server in, with a serial number and a port beside its BMC's."""
        serial = self.lab.new_name("SN").upper()
        server = self.lab.server(state, serial=serial, **fields)
        mac = self.lab.new_mac()
        self.lab.port(server.id, "eth0", mac)
        return Machine(self, server, serial, mac)

    def result(self, machine: Machine) -> Row:
        """The result field of a server."""
        fields: Row = self.lab.get("dcim/devices", machine.server.id)["custom_fields"]
        return fields["validation_result"] or {}
