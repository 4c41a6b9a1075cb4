# SPDX-License-Identifier: GPL-3.0-or-later
"""A rack as its users start it, with real BMC engines, and clients that are not the rack's own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.baremetal.bcm.tests.unit.child_process import started
from virtual_rack.new_rack import new_rack_text

USERNAME, PASSWORD = "bmcadmin", "demo-bmc-password"
LIMIT_S = 30.0


def wait_until(true: Callable[[], bool], what: str, *, limit_s: float = LIMIT_S) -> float:
    """Wait for something that only another process knows; gives the seconds it took."""
    began_s = time.monotonic()
    while not true():
        assert time.monotonic() - began_s < limit_s, f"{what}: not within {limit_s:g} s"
        time.sleep(0.01)
    return time.monotonic() - began_s


class ServedRack:
    """A rack that runs as a process of its own, and the clients of its BMCs."""

    def __init__(self, process: subprocess.Popen[str], directory: Path) -> None:
        self.process = process
        self.directory = directory
        lines = (directory / "env").read_text(encoding="utf-8").splitlines()
        self.environment = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        self.port = int(self.environment.get("VIRTUAL_RACK_IPMI_PORT", 0))  # none where no BMC speaks IPMI
        self._cookie = ""
        self._authority = ssl.create_default_context(cafile=self.environment["BCM_CA_PATH"])
        username, password = self.environment["BCM_USERNAME"], self.environment["BCM_PASSWORD"]
        self._json({"service": "login", "username": username, "password": password})

    def ipmitool(
        self, address: str, *words: str, username: str = USERNAME, password: str = PASSWORD, limit_s: float = LIMIT_S
    ) -> subprocess.CompletedProcess[str]:
        """Ask a BMC something."""
        where = ["-H", address, "-p", str(self.port), "-U", username, "-E"]
        return subprocess.run(
            ["ipmitool", "-I", "lanplus", "-C", "3", *where, *words],
            env={**os.environ, "LC_ALL": "C", "IPMI_PASSWORD": password},
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )

    def power(self, address: str, word: str, **options: Any) -> str:
        """Send a power command; returns the last line of the output."""
        done = self.ipmitool(address, "chassis", "power", word, **options)
        return (done.stdout + done.stderr).strip().splitlines()[-1]

    def pyghmi(self, addresses: list[str], operation: str = "status", *, password: str = PASSWORD) -> dict[str, str]:
        """Ask BMCs for power with the other client."""
        asked = {"addresses": addresses, "port": self.port, "username": USERNAME, "password": password}
        program = Path(__file__).with_name("pyghmi_power.py")
        done = subprocess.run(
            [sys.executable, str(program)],
            input=json.dumps({**asked, "operation": operation}),
            stdout=subprocess.PIPE,
            text=True,
            timeout=120,
            check=True,
        )
        answers: dict[str, str] = json.loads(done.stdout)
        return answers

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the admin API."""
        content = None if body is None else json.dumps(body).encode()
        url = self.environment["VIRTUAL_RACK_ADMIN"] + path
        return _open(urllib.request.Request(url, data=content, method=method), None)[0]  # noqa: S310

    def node(self, name: str = "node001") -> dict[str, Any]:
        """Return the state of a machine."""
        node: dict[str, Any] = self.admin("GET", f"/nodes/{name}")
        return node

    @contextlib.contextmanager
    def fault(self, kind: str, **options: Any) -> Iterator[None]:
        """Break something for as long as the block lasts."""
        number = self.admin("POST", "/faults", {"kind": kind, "node": "node001", **options})["id"]
        try:
            yield
        finally:
            if any(fault["id"] == number for fault in self.admin("GET", "/faults")):
                self.admin("DELETE", f"/faults/{number}")

    def engine_pid(self, number: int = 1) -> int:
        """Find the process of a BMC."""
        return int((self.directory / "bmc" / str(number) / "pid").read_text(encoding="ascii"))

    def call(self, service: str, call: str, *args: Any) -> Any:
        """Call the head node."""
        return self._json({"service": service, "call": call, "args": list(args)})

    def register(self, number: int, *, password: str = PASSWORD) -> str:
        """Register a machine with the head node; gives the device's uuid."""
        boot, bmc = (
            {"baseType": "NetworkInterface", "childType": child, "name": name, "ip": ip, "uuid": str(uuid.uuid4())}
            for child, name, ip in (
                ("NetworkPhysicalInterface", "BOOTIF", f"10.141.0.{number}"),
                ("NetworkBmcInterface", "ipmi0", address_of(number)),
            )
        )
        account = {"userName": USERNAME, "password": password, "uuid": str(uuid.uuid4())}
        device_uuid = str(uuid.uuid4())
        device = {
            "baseType": "Device",
            "childType": "PhysicalNode",
            "uuid": device_uuid,
            "hostname": f"node{number:03d}",
            "mac": f"02:00:00:00:00:{number:02X}",
            "category": self.call("cmdevice", "getCategory", "default")["uuid"],
            "partition": self.call("cmpart", "getPartitions")[0]["uuid"],
            "interfaces": [boot, bmc],
            "provisioningInterface": boot["uuid"],
            "powerControl": "ipmi0",
            "bmcSettings": {"baseType": "BMCSettings", "childType": "", **account},
        }
        assert self.call("cmdevice", "addDevice", device, 0)["success"]
        return device_uuid

    def head_node_power(self, device: str, operation: str) -> dict[str, Any]:
        """Let the head node power a device; gives its PowerStatus once that is known."""
        session = self.call("cmsession", "registerSession", 6)
        index = self.call("cmdevice", "powerOperation", {"operation": operation, "devices": [device]})["index"]
        ends_s = time.monotonic() + LIMIT_S
        while time.monotonic() < ends_s:
            for event in self.call("cmsession", "waitForEvents", session, 10):
                for status in event.get("status", []):
                    if index in status.get("indexes", []):
                        return dict(status)
        raise AssertionError(f"no result of {operation}")

    def _json(self, body: dict[str, Any]) -> Any:
        url = f"https://127.0.0.1:{self.environment['BCM_PORT']}/json"
        headers = {"Content-Type": "application/json", "Cookie": self._cookie}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        answer, cookie = _open(request, self._authority)
        self._cookie = cookie or self._cookie
        return answer


def _open(request: urllib.request.Request, authority: ssl.SSLContext | None) -> tuple[Any, str]:
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=authority)
    )
    with opener.open(request, timeout=LIMIT_S) as answer:
        return json.load(answer), answer.headers.get("Set-Cookie", "").split(";")[0]


def address_of(number: int) -> str:
    """Give the address of the BMC that `virtual-rack new` writes."""
    return f"127.0.20.{number}"


def in_parallel(ask: Callable[[int], str], count: int) -> list[str]:
    """Ask machines 1 to `count`, 16 at a time."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(ask, range(1, count + 1)))


@contextlib.contextmanager
def served(directory: Path, nodes: int, **settings: Any) -> Iterator[ServedRack]:
    """Serve a rack with BMCs on a port that is free at all their addresses."""
    rack = yaml.safe_load(new_rack_text(nodes, engine="ipmi")) | settings
    directory.mkdir(exist_ok=True)
    (directory / "rack.yml").write_text(yaml.safe_dump(rack), encoding="utf-8")
    state = directory / "state"
    command = [sys.executable, "-m", "virtual_rack", "serve", str(directory / "rack.yml"), "--speed", "60"]
    ports = ["--port", "0", "--ipmi-port", str(free_port())]
    with started([*command, *ports, "--state-dir", str(state)], limit_s=None, stdout=subprocess.PIPE) as process:
        try:
            wait_until(lambda: (state / "env").exists() or process.poll() is not None, "a ready rack", limit_s=120)
            yield ServedRack(process, state)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=LIMIT_S)


def free_port() -> int:
    """Find a port that is free on all addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        port: int = probe.getsockname()[1]
        return port


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
