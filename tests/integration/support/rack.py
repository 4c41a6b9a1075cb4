# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual rack as a process of its own, reached as users reach it: HTTPS, and its admin API for what is true."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.baremetal.bcm.tests.integration.support.head_node import RawHeadNode, relaxed
from ansible_collections.baremetal.bcm.tests.unit.child_process import started
from virtual_rack.inventory import inventory_text
from virtual_rack.new_rack import new_rack_text
from virtual_rack.rack_reader import rack_from

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
DEMO_NODES = ("dgx-05", "dgx-06", "cpu-03", "cpu-05", "cpu-06")
# Times as fast as real: a node boots and is installed in less than a second.
SPEED = 600.0
# Long enough for a loaded computer; nothing is measured by it.
GIVE_UP_S = 240
RackFile = dict[str, Any]


def demo_rack(*, devices: str | list[str] = "", power: bool = False, **head_node: Any) -> RackFile:
    """Give the demo's rack with other settings of its head node; `power` switches all machines on from the start."""
    rack: RackFile = yaml.safe_load((ROOT / "virtual_rack/racks/demo.yml").read_text(encoding="utf-8"))
    rack["head_node"].update(head_node)
    if devices:
        rack["head_node"]["devices"] = devices
    if power:
        for machine in rack["machines"]:
            machine["power"] = "on"
    return rack


def new_rack(nodes: int, **head_node: Any) -> RackFile:
    """Give the rack that `virtual-rack new --nodes` writes, with other settings of its head node."""
    rack: RackFile = yaml.safe_load(new_rack_text(nodes))
    rack["head_node"].update(head_node)
    return rack


def inventory_of(rack: RackFile) -> str:
    """Give the inventory that `virtual-rack inventory` writes for a rack."""
    return inventory_text(rack_from(rack))


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    """Wait until something is true. Raises AssertionError when it takes too long."""
    deadline_s = time.monotonic() + GIVE_UP_S
    while not is_true():
        assert time.monotonic() < deadline_s, f"waited in vain for {what}"
        time.sleep(0.05)


@dataclass(frozen=True)
class Rack:
    """A rack that runs."""

    environment: Mapping[str, str]
    directory: Path
    head_node: RawHeadNode

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Give what is true of every machine, by its name."""
        return {node["name"]: node for node in self._admin("GET", "/nodes")}

    def states(self) -> dict[str, str | None]:
        """Give the true status of every machine, by its name."""
        return {name: node["status"] for name, node in self.nodes().items()}

    def images(self) -> dict[str, str | None]:
        """Give the name of the image that every machine really runs."""
        return {name: (node["running_image"] or {}).get("name") for name, node in self.nodes().items()}

    def power_operations(self) -> dict[str, int]:
        """Give how often power was really sent to every machine."""
        return {name: node["power_operations"] for name, node in self.nodes().items()}

    def mutating_calls(self) -> list[str]:
        """Name the calls that would change something, since the last `forget_calls`."""
        return [call["call"] for call in self._admin("GET", "/calls")["calls"] if call["mutating"]]

    def call_counts(self) -> dict[str, int]:
        """Give the number of calls by name, power operations as ON, OFF, RESET and STATUS."""
        return {call["operation"] or call["call"]: call["count"] for call in self._admin("GET", "/calls")["calls"]}

    def call_log(self) -> list[dict[str, Any]]:
        """Give the last calls with their arguments, oldest first."""
        log: list[dict[str, Any]] = self._admin("GET", "/calls/log?limit=2000")
        return log

    def forget_calls(self) -> None:
        """Begin to count anew."""
        self._admin("DELETE", "/calls")

    def break_something(self, kind: str, **options: Any) -> int:
        """Switch a fault on; its number is for `mend`."""
        return int(self._admin("POST", "/faults", {"kind": kind, **options})["id"])

    def mend(self, number: int) -> None:
        """Switch one fault off."""
        self._admin("DELETE", f"/faults/{number}")

    def repair(self) -> None:
        """Switch all faults off."""
        self._admin("DELETE", "/faults")

    def press_power(self, name: str, power: str) -> None:
        """Switch a machine's power by its button, without the head node."""
        self._admin("POST", f"/nodes/{name}", {"power": power})

    def expire_logins(self) -> None:
        """Make every login cookie worthless."""
        self._admin("POST", "/sessions/expire")

    def end_sessions(self) -> None:
        """End all sessions in which clients wait for events."""
        for session in {call["args"][0] for call in self.call_log() if call["call"] == "waitForEvents"}:
            self.head_node.call("cmsession", "unregisterSession", session)

    def end_head_node(self, *, away_s: float) -> None:
        """Let CMDaemon end, and start again so many real seconds later."""
        self._admin("POST", "/head_node", {"away_s": away_s})

    def take_over(self, *, away_s: float) -> None:
        """Let the passive head node take over, because the active one is gone for so many real seconds."""
        self._admin("POST", "/head_node", {"take_over": True, "away_s": away_s})

    def is_listening(self) -> bool:
        """Say whether CMDaemon is there."""
        return bool(self._admin("GET", "/head_node")["listening"])

    def wait_for_states(self, status: str, *names: str) -> None:
        """Wait until these machines have a status."""
        wait_until(lambda: {self.states()[name] for name in names} == {status}, f"{', '.join(names)} {status}")

    def wait_for_calls(self, *operations: str) -> None:
        """Wait until each of these calls, or operations of power, has come since the last `forget_calls`."""
        wait_until(lambda: set(operations) <= set(self.call_counts()), f"calls of {', '.join(operations)}")

    def stop_time(self) -> None:
        """Stop the rack's clock, which then only `let_pass` moves."""
        self._admin("POST", "/clock", {"pause": True})

    def now_s(self) -> float:
        """Give the rack's time."""
        return float(self._admin("GET", "/clock")["now_s"])

    def let_pass(self, seconds: float) -> None:
        """Jump ahead in the rack's time."""
        self._admin("POST", "/clock", {"step_s": seconds})

    def _admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        url = self.environment["VIRTUAL_RACK_ADMIN"] + path
        request = urllib.request.Request(url, data=content, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.load(answer)


@contextlib.contextmanager
def running(rack: RackFile, directory: Path, *, speed: float = SPEED) -> Iterator[Rack]:
    """Run a rack for as long as the block lasts."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "rack.yml"
    file.write_text(yaml.safe_dump(rack), encoding="utf-8")
    command = [str(BIN / "virtual-rack"), "serve", str(file), "--port", "0", "--admin-port", "0"]
    command += ["--speed", str(speed), "--state-dir", str(directory / "state")]
    with started(command, limit_s=None, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            _wait_until_up(process)
            environment = _environment(directory / "state" / "env")
            mismatch = rack["head_node"].get("tls_names") == "mismatch"
            yield Rack(environment, directory / "state", relaxed(environment) if mismatch else RawHeadNode(environment))
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _wait_until_up(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C ends the rack" in line:
            return
    raise RuntimeError(f"the virtual rack did not start: {''.join(said)}")


def _environment(file: Path) -> dict[str, str]:
    words = [shlex.split(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {name: value for _export, pair in words for name, value in [pair.split("=", 1)]}
