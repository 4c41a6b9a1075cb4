# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a rack of many machines: start, memory, registering, provisioning. Usage: thousand_nodes.py [NODES]."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

LIMIT_START_S = 10.0
LIMIT_MEMORY_MIB = 500.0
SPEED = 600


class HeadNode:
    """A client as small as can be."""

    def __init__(self, environment: dict[str, str]) -> None:
        context = ssl.create_default_context(cafile=environment["BCM_CA_PATH"])
        self._open = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        ).open
        self._url = f"https://127.0.0.1:{environment['BCM_PORT']}/json"
        self._cookie = ""
        login = {"service": "login", "username": environment["BCM_USERNAME"], "password": environment["BCM_PASSWORD"]}
        self._send(login)

    def call(self, service: str, call: str, *args: Any) -> Any:
        return self._send({"service": service, "call": call, "args": list(args)})

    def _send(self, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json", "Cookie": self._cookie}
        request = urllib.request.Request(self._url, json.dumps(body).encode(), headers)  # noqa: S310 -- our own address
        with self._open(request) as answer:
            self._cookie = answer.headers.get("Set-Cookie", self._cookie).split(";")[0]
            return json.load(answer)


def device(number: int, category: str, partition: str) -> dict[str, Any]:
    """Make the body for one machine of `virtual-rack new`."""
    address = f"{number >> 8}.{number & 255}"
    boot, bmc = (
        {"baseType": "NetworkInterface", "childType": child, "name": name, "ip": ip, "uuid": str(uuid.uuid4())}
        for child, name, ip in (
            ("NetworkPhysicalInterface", "BOOTIF", f"10.141.{address}"),
            ("NetworkBmcInterface", "ipmi0", f"10.148.{address}"),
        )
    )
    account = {"userName": "bmcadmin", "password": "demo-bmc-password", "uuid": str(uuid.uuid4())}
    return {
        "baseType": "Device",
        "childType": "PhysicalNode",
        "uuid": str(uuid.uuid4()),
        "hostname": f"node{number:03d}",
        "mac": f"02:00:00:00:{number >> 8:02X}:{number & 255:02X}",
        "category": category,
        "partition": partition,
        "interfaces": [boot, bmc],
        "provisioningInterface": boot["uuid"],
        "powerControl": "ipmi0",
        "bmcSettings": {"baseType": "BMCSettings", "childType": "", **account},
    }


def provision(head: HeadNode, nodes: int) -> None:
    """Register all machines one by one, switch them on, wait until all are UP; print what it took."""
    category = head.call("cmdevice", "getCategory", "default")["uuid"]
    partition = head.call("cmpart", "getPartitions")[0]["uuid"]
    began_s = time.monotonic()
    bodies = [device(number, category, partition) for number in range(1, nodes + 1)]
    for body in bodies:
        head.call("cmdevice", "addDevice", body, 0)
    print(f"register {nodes} one by one: {time.monotonic() - began_s:.1f} s")
    uuids = [body["uuid"] for body in bodies]
    began_s = time.monotonic()
    print(f"all devices in one answer: {len(head.call('cmdevice', 'getDevices'))}, {time.monotonic() - began_s:.2f} s")
    began_s = time.monotonic()
    head.call("cmdevice", "powerOperation", {"operation": "ON", "devices": uuids})
    polls = 0
    while any(status["status"] != "UP" for status in head.call("cmstatus", "getStatusForDevices", uuids)):
        polls += 1
        time.sleep(0.5)
    print(f"all UP after {time.monotonic() - began_s:.1f} s at speed {SPEED}, {polls} polls of all nodes")


def memory_mib(pid: int, name: str) -> float:
    """Read a memory figure of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def main() -> int:
    """Measure; the exit status is 1 when a limit was broken."""
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    program = [sys.executable, "-m", "virtual_rack"]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        rack = directory / "rack.yml"
        subprocess.run([*program, "new", "--nodes", str(nodes), "-o", str(rack)], check=True)
        began_s = time.monotonic()
        serve = [*program, "serve", str(rack), "--port", "0", "--speed", str(SPEED), "--state-dir", name]
        with subprocess.Popen(serve, stdout=subprocess.DEVNULL) as process:
            while not (directory / "env").exists() and process.poll() is None:
                time.sleep(0.01)
            start_s = time.monotonic() - began_s
            print(f"{nodes} machines: ready after {start_s:.1f} s, {memory_mib(process.pid, 'VmRSS'):.0f} MiB")
            lines = (directory / "env").read_text(encoding="utf-8").splitlines()
            provision(HeadNode(dict(line.removeprefix("export ").split("=", 1) for line in lines)), nodes)
            peak_mib = memory_mib(process.pid, "VmHWM")
            print(f"highest memory: {peak_mib:.0f} MiB")
            process.terminate()
    return int(start_s > LIMIT_START_S or peak_mib > LIMIT_MEMORY_MIB)


if __name__ == "__main__":
    sys.exit(main())
