# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual rack for benchmarks, its admin API, and runs of playbooks against it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


@contextlib.contextmanager
def rack(
    nodes: int,
    directory: Path,
    *,
    slots: int,
    speed: float,
    times: Mapping[str, float] | None = None,
    registered: bool = False,
) -> Iterator[dict[str, str]]:
    """Run the rack that `virtual-rack new` writes, with this many slots and these times (seconds by phase).

    With `registered` the head node knows all nodes from the start.

    Yields its environment variables. Its inventory is `inventory.yml` in the directory.
    """
    file = directory / "rack.yml"
    # BMCs that are no programs of their own: no ports that another rack may have, and less CPU beside what is measured.
    new = [BIN / "virtual-rack", "new", "--nodes", str(nodes), "--bmc", "direct", "--output", file]
    subprocess.run(new, check=True)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["head_node"]["slots"] = slots
    if registered:
        content["head_node"]["devices"] = "all"
    content["times"] = {**content.get("times", {}), **(times or {})}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    inventory = directory / "inventory.yml"
    subprocess.run([BIN / "virtual-rack", "inventory", file, "--output", inventory], check=True)
    with served(file, directory, "--speed", str(speed)) as variables:
        yield variables


@contextlib.contextmanager
def served(file: Path, directory: Path, *options: str) -> Iterator[dict[str, str]]:
    """Serve the rack of this file with `virtual-rack serve`; yields its environment variables."""
    command = [str(BIN / "virtual-rack"), "serve", str(file), "--port", "0", *options]
    command += ["--state-dir", str(directory / "state")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or not any("Ctrl-C ends the rack" in line for line in process.stdout):
            sys.exit("error: the virtual rack did not start")
        lines = (directory / "state" / "env").read_text(encoding="utf-8").splitlines()
        yield dict(shlex.split(line)[1].split("=", 1) for line in lines)
    finally:
        process.terminate()
        process.communicate()


def admin(variables: Mapping[str, str], method: str, path: str, body: Any = None) -> Any:
    """Call the rack's admin API; returns the decoded answer."""
    url = variables["VIRTUAL_RACK_ADMIN"] + path
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


@dataclass(frozen=True)
class Cost:
    """What a run of ansible-playbook took, with all processes that it started."""

    wall_s: float
    cpu_s: float
    memory_mib: float

    def least(self, other: Cost) -> Cost:
        """Return the lesser of two, each figure for itself."""
        return Cost(*map(min, astuple(self), astuple(other)))


class Memory(threading.Thread):
    """A thread that notes the most memory that a process and its descendants had at one time, shared pages once."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._over = threading.Event()
        self._most_kib = 0

    def run(self) -> None:
        """Look at the processes until `stop` is called."""
        while not self._over.wait(0.2):
            self._most_kib = max(self._most_kib, sum(map(_proportional_kib, _tree(self._process))))

    def stop(self) -> float:
        """Stop, and return the most in MiB."""
        self._over.set()
        self.join()
        return self._most_kib / 1024


def _tree(process: int) -> Iterator[int]:
    yield process
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in file.read_text(encoding="ascii").split():
                yield from _tree(int(child))


def _proportional_kib(process: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def play(
    directory: Path,
    variables: dict[str, str],
    wanted: dict[str, Any],
    *options: str,
    playbook: Path = ROOT / "playbooks/provision.yml",
) -> Cost:
    """Run a playbook with these variables to its end, and return its cost; its output is `log` in the directory.

    Exits with the end of that output if the run fails.
    """
    command = [str(BIN / "ansible-playbook"), str(playbook), *options]
    command += ["--inventory", str(directory / "inventory.yml"), "--extra-vars", json.dumps(wanted)]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("BCM_", "ANSIBLE_"))}
    (directory / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    environment = own | variables
    environment |= {
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_HOME": str(directory / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
    }
    log = directory / "log"
    began_s = time.monotonic()
    child = os.fork()
    if child == 0:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.execve(command[0], command, environment)  # noqa: S606
    memory = Memory(child)
    memory.start()
    _pid, status, usage = os.wait4(child, 0)
    wall_s = time.monotonic() - began_s
    memory_mib = memory.stop()
    if status:
        sys.exit(f"error: {shlex.join(command)} failed:\n{log.read_text(encoding='utf-8')[-4000:]}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, memory_mib)
