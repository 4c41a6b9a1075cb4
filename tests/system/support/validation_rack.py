# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of the rack, switched on by BMCs that speak IPMI, with the agent itself in the place of the image.

A machine boots the image only where its firmware was told to boot from the network: its disk is first. Receiver and
worker are processes of their own, NetBox is the one in memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import served as netbox_served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab, Server
from ansible_collections.baremetal.bcm.tests.netbox.test_bmc_macs import playbook_words
from ansible_collections.baremetal.bcm.tests.netbox.validating import PROFILE
from ansible_collections.baremetal.bcm.tests.system.virtual_rack.served import (
    PASSWORD,
    USERNAME,
    ServedRack,
    address_of,
    served,
    wait_until,
)
from ansible_collections.baremetal.bcm.tests.unit.child_process import run, started
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.machine import Machine, make_machine

ROOT = Path(__file__).resolve().parents[3]
SERVICES = "ansible_collections.baremetal.bcm.plugins.module_utils._validation_server"
# The recorded dmidecode's, so that the machine that the agent finds is the server that NetBox has.
SERIAL = "QEMU%04d"
# Nothing on one computer takes long.
PATIENCE = {
    "bcm_ipmi_deadline": 6,
    "bcm_ipmi_connect_timeout": 2,
    "bcm_ipmi_tries": 2,
    "bcm_ipmi_retry_delay": 1,
    "validation_poll_interval": 0.5,
    "validation_timeout": 120,
}


@dataclass
class Node:
    """A machine of the rack and its device in NetBox. `agent` is where its agent finds its hardware."""

    number: int
    server: Server
    agent: Machine
    mac: str

    @property
    def name(self) -> str:
        """Return its name in NetBox."""
        return self.server.name


@dataclass
class ValidationRack:
    """All of it, running. `boots` counts how often a machine has booted the image, by its number."""

    rack: ServedRack
    lab: Lab
    directory: Path
    url: str
    boots: Counter[int] = field(default_factory=Counter)
    nodes: dict[int, Node] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _on: set[str] = field(default_factory=set)
    _threads: list[threading.Thread] = field(default_factory=list)

    def node(self, number: int, state: str = "discovered") -> Node:
        """Put the server of a machine into NetBox, and its disk before the network in its firmware."""
        mac, serial = f"02:00:00:00:00:{number:02X}", SERIAL % number
        server = self.lab.server(state, ip=address_of(number), serial=serial)
        self.lab.port(server.id, "eth0", mac)
        path = self.directory / f"machine-{number}"
        path.mkdir()
        agent = make_machine(path)
        (path / "sys/class/net/eno1/address").write_text(f"{mac.lower()}\n", encoding="ascii")
        (path / "sys/class/dmi/id/product_serial").write_text(f"{serial}\n", encoding="ascii")
        agent.tool("dmidecode", f"sed 's/QEMU0001/{serial}/' {{recorded}}/dmidecode-qemu.txt")
        done = self.rack.ipmitool(address_of(number), "chassis", "bootdev", "disk")
        assert done.returncode == 0, done.stderr
        self.nodes[number] = Node(number, server, agent, mac)
        return self.nodes[number]

    def power(self, node: Node) -> str:
        """Give the true power of a machine."""
        return str(self._machine(node)["power"])

    def bmc(self, node: Node, counter: str) -> int:
        """Give what its BMC has counted: logins, refused_logins or packets."""
        return int(self._machine(node)["bmc"][counter])

    def press(self, node: Node) -> None:
        """Switch a machine on as a technician does, who chooses the network in the firmware's menu."""
        self.rack.ipmitool(address_of(node.number), "chassis", "bootdev", "pxe")
        self.rack.admin("POST", f"/nodes/node{node.number:03d}", {"power": "on"})

    def _machine(self, node: Node) -> dict[str, Any]:
        return self.rack.node(f"node{node.number:03d}")

    # -- playbooks ------------------------------------------------------------------------------------------------

    def words(self, hosts: list[Node], *options: str, **variables: Any) -> tuple[list[str], dict[str, Any]]:
        """Give what runs validate.yml on these, and the options of its process."""
        directory = self.directory / f"play-{time.monotonic_ns()}"
        directory.mkdir()
        of_all = {"validation_bmc_username": USERNAME, "validation_bmc_password": PASSWORD}
        inventory = {"bcm_nodes": {"hosts": {host.name: {} for host in hosts}, "vars": of_all}}
        (directory / "inventory.yml").write_text(json.dumps(inventory), encoding="utf-8")
        given = {**PATIENCE, "bcm_ipmi_port": self.rack.port, **variables}
        return playbook_words(
            directory, given, "--inventory", str(directory / "inventory.yml"), *options,
            url=self.lab.url, token=TOKEN, playbook="validate",
        )  # fmt: skip

    def validate(self, hosts: list[Node], *options: str, **variables: Any) -> tuple[int, str]:
        """Run validate.yml; its status and what it printed."""
        words, process = self.words(hosts, *options, **variables)
        done = run(words, limit_s=240, **process)
        printed = done.stdout + done.stderr
        assert TOKEN not in printed
        assert PASSWORD not in printed
        return done.returncode, printed

    # -- machines -------------------------------------------------------------------------------------------------

    def live(self) -> None:
        """Let machines that boot from the network boot the image, until the end."""
        while not self._over.wait(0.1):
            booted = {str(each["mac"]) for each in self.rack.call("cmdevice", "getNewNodes")}
            for node in list(self.nodes.values()):
                if node.mac in booted - self._on:
                    thread = threading.Thread(target=self._boot, args=[node], daemon=True)
                    thread.start()
                    self._threads.append(thread)
            self._on = booted

    def end(self) -> None:
        """Wait for the machines."""
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _boot(self, node: Node) -> None:
        given = boot_script(self.url, node.mac, SERIAL % node.number)
        if given is None:
            return
        self.boots[node.number] += 1
        run_id, token = given
        with node.agent.agent(int(self.url.rpartition(":")[2]), token, run_id) as process:
            process.communicate(timeout=110)
        self.rack.admin("POST", f"/nodes/node{node.number:03d}", {"power": "off"})


@contextlib.contextmanager
def validation_rack(directory: Path, machines: int) -> Iterator[ValidationRack]:
    """Run a rack of machines with BMCs, NetBox, receiver, worker, and the machines' own lives."""
    with contextlib.ExitStack() as running:
        netbox = running.enter_context(netbox_served(FakeNetBox(NEW)))
        lab = Lab(netbox.url, TOKEN)
        add_fields(lab)
        rack = running.enter_context(served(directory / "rack", machines, ipmi_timeout_s=2))
        services = running.enter_context(contextlib.closing(Services(directory, netbox.url, PROFILE)))
        services.start("receiver")
        services.start("worker")
        whole = ValidationRack(rack, lab, directory, services.url)
        life = threading.Thread(target=whole.live, daemon=True)
        life.start()
        try:
            yield whole
        finally:
            whole.end()
            life.join(timeout=60)


def add_fields(lab: Lab) -> None:
    """Make the custom fields for results and claims."""
    for name, kind in (("validation_result", "json"), ("bmc_claim", "json"), ("bmc_certificate", "text")):
        lab.add("extras/custom-fields", name=name, type=kind, object_types=["dcim.device"])


class Services:
    """Receiver and worker, each a process of its own that may be killed and started again."""

    def __init__(self, directory: Path, netbox_url: str, profile: Mapping[str, Any], **settings: Any) -> None:
        (directory / "profiles").mkdir()
        (directory / "profiles/quick.json").write_text(json.dumps(profile), encoding="utf-8")
        (directory / "data").mkdir()
        (directory / "token").write_text(TOKEN, encoding="ascii")
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = directory
        self._running: dict[str, contextlib.ExitStack] = {}
        given: dict[str, Any] = {
            "host": "127.0.0.1", "port": self.port, "url": self.url, "data_directory": str(directory / "data"),
            "netbox_url": netbox_url, "netbox_token_file": str(directory / "token"),
            "profiles_directory": str(directory / "profiles"), "heartbeat_seconds": 5.0, "lldp_interval_seconds": 1.0,
            "admit_seconds": 0.3, "turn_seconds": 0.3, **settings,
        }  # fmt: skip
        (directory / "settings.json").write_text(json.dumps(given), encoding="utf-8")

    def start(self, service: str) -> None:
        """Start a service; returns when the receiver listens."""
        running = self._running[service] = contextlib.ExitStack()
        log = running.enter_context((self._directory / f"{service}.out").open("ab"))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / ".collections"), *sys.path])}
        words = [sys.executable, "-m", SERVICES, service, "--config", str(self._directory / "settings.json")]
        options = {"stdout": log, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "cwd": ROOT}
        running.enter_context(started(words, limit_s=None, env=environment, **options))
        if service == "receiver":
            wait_until(lambda: _listens(self.port), "a receiver that listens")

    def kill(self, service: str) -> None:
        """End a service by SIGKILL."""
        self._running.pop(service).close()

    def close(self) -> None:
        """Kill those that run."""
        for service in list(self._running):
            self.kill(service)

    def log(self, service: str) -> str:
        """Give what a service has printed."""
        return (self._directory / f"{service}.out").read_text(encoding="utf-8")


def boot_script(url: str, mac: str, serial: str) -> tuple[str, str] | None:
    """Ask for a boot script as iPXE does; gives run and token, None where the disk is to be booted."""
    query = urllib.parse.urlencode({"mac": mac.replace(":", "-").lower(), "serial": serial})
    with urllib.request.urlopen(f"{url}/boot/ipxe?{query}", timeout=30) as answer:  # noqa: S310
        script = answer.read().decode()
    run_id, token = re.search(r"bm\.run=(\S+)", script), re.search(r"bm\.token=([0-9a-f]{64})", script)
    return (run_id[1], token[1]) if run_id is not None and token is not None else None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
