# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what calls cost a rack of many nodes: its CPU time, and what the client waits. Usage: calls.py [NODES]."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from thousand_nodes import HeadNode

SLOTS = 100
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Read how much CPU time a process has used."""
    user, system = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / _TICKS


def measure(pid: int, name: str, ask: Callable[[], Any], *, times: int) -> None:
    """Ask so often and print the means. The CPU time is read in hundredths of a second: ask often, or for much."""
    began_cpu_s, began_s = cpu_s(pid), time.monotonic()
    for _ in range(times):
        ask()
    used_ms = (cpu_s(pid) - began_cpu_s) / times * 1000
    waited_ms = (time.monotonic() - began_s) / times * 1000
    print(f"{name:45s} {used_ms:7.1f} ms of the rack's CPU, {waited_ms:7.1f} ms waited")


def rewrite(head: HeadNode, devices: list[dict[str, Any]]) -> Any:
    """Change all devices in one call."""
    for device in devices:
        device["notes"] = str(time.monotonic_ns())
    return head.call("cmdevice", "updateDevices", devices, 0)


def measure_all(head: HeadNode, pid: int, admin: str) -> None:
    """Measure all calls, before and after all nodes have asked for a slot."""
    devices = [d for d in head.call("cmdevice", "getDevices") if d["childType"] == "PhysicalNode"]
    uuids = [device["uuid"] for device in devices]
    measure(pid, "getVersion", lambda: head.call("cmmain", "getVersion"), times=100)
    measure(pid, "getDevice", lambda: head.call("cmdevice", "getDevice", uuids[0]), times=100)
    measure(pid, "getDevices", lambda: head.call("cmdevice", "getDevices"), times=20)
    measure(pid, "updateDevice", lambda: rewrite(head, devices[:1]), times=100)
    measure(pid, f"updateDevices of {len(uuids)}", lambda: rewrite(head, devices), times=5)
    session = head.call("cmsession", "registerSession", 6)
    head.call("cmdevice", "powerOperation", {"operation": "ON", "devices": uuids})
    request = urllib.request.Request(f"{admin}/clock", json.dumps({"step_s": 120}).encode())  # noqa: S310 -- our own
    began_cpu_s = cpu_s(pid)
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
    print(f"{len(uuids)} nodes boot and ask for a slot: {(cpu_s(pid) - began_cpu_s) * 1000:.0f} ms of the rack's CPU")
    measure(pid, "waitForEvents, all of that", lambda: head.call("cmsession", "waitForEvents", session, 0), times=1)
    statuses = "getStatusForDevices"
    measure(pid, f"{statuses} of {len(uuids)}", lambda: head.call("cmstatus", statuses, uuids), times=50)
    status = "getProvisioningStatus"
    measure(pid, f"{status}, {len(uuids)} requests", lambda: head.call("cmprov", status, []), times=50)
    history = "powerOperationHistory"
    measure(pid, f"{history} of {len(uuids)}", lambda: head.call("cmdevice", history, uuids, True), times=50)


def main() -> int:
    """Start a rack whose clock stands still, and measure."""
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    program = [sys.executable, "-m", "virtual_rack"]
    with tempfile.TemporaryDirectory() as name:
        rack, ready = Path(name) / "rack.yml", Path(name) / "env"
        made = subprocess.run([*program, "new", "--nodes", str(nodes)], check=True, capture_output=True, text=True)
        content = yaml.safe_load(made.stdout)
        content["head_node"] |= {"devices": "all", "slots": SLOTS}
        rack.write_text(yaml.safe_dump(content), encoding="utf-8")
        # So slow that nothing happens by itself.
        serve = [*program, "serve", str(rack), "--port", "0", "--speed", "0.000001", "--state-dir", name]
        with subprocess.Popen(serve, stdout=subprocess.DEVNULL) as process:
            while not ready.exists() and process.poll() is None:
                time.sleep(0.01)
            lines = ready.read_text(encoding="utf-8").splitlines()
            environment = dict(line.removeprefix("export ").split("=", 1) for line in lines)
            measure_all(HeadNode(environment), process.pid, environment["VIRTUAL_RACK_ADMIN"])
            process.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
