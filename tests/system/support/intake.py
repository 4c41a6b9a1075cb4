# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The intake as it runs for real: tap, rule engine and playbook beside a DHCP server, NetBox behind a door."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool, Stats
from ansible_collections.baremetal.bcm.tests.system.support.dhcp_lab import INTERFACES, NETWORKS, DhcpLab
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import ROOT, NetBoxView
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

BIN = Path(sys.executable).parent
RULEBOOK_BIN = Path(os.environ.get("RULEBOOK_BIN", ROOT / ".venv-rulebook/bin"))
RULEBOOKS = ROOT / "extensions/eda/rulebooks"
_PLAYBOOK = ROOT / "playbooks/intake_discovered.yml"
_TAP_PATHS = str(ROOT / "plugins")


def until(is_so: Callable[[], Any], wait_s: float = 180.0) -> bool:
    """Wait until something is true; returns whether it became so."""
    end = time.monotonic() + wait_s
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


@dataclass
class Intake:
    """All programs that take part, in one network. What is started here ends with `close`."""

    lab: DhcpLab
    netbox: NetBoxView
    directory: Path
    variables: Mapping[str, Any] = field(default_factory=dict)
    _started: list[Program] = field(default_factory=list)

    @property
    def spool_path(self) -> Path:
        return self.directory / "spool.sqlite"

    def close(self) -> None:
        for program in self._started:
            program.kill()

    def stats(self) -> Stats:
        """Return the spool's counters."""
        with Spool(self.spool_path, create=False) as spool:
            return spool.stats()

    def is_done(self) -> bool:
        """Return whether something was seen, and all of it has been brought to NetBox."""
        stats = self.stats()
        return bool(stats.acknowledged) and not stats.rows

    def tap(self, *options: str) -> Program:
        """Start the tap alone, as its service does."""
        listen = [word for name in INTERFACES for word in ("--interface", name)]
        words = [sys.executable, "-m", "module_utils._dhcp_tap", "--spool", str(self.spool_path), *listen, *options]
        return self._start("tap", words, {"PYTHONPATH": _TAP_PATHS})

    def engine(self, rulebook: str = "intake", **variables: Any) -> Program:
        """Start the rule engine with a rulebook of the collection."""
        own = {"intake_interfaces": list(INTERFACES), "intake_spool": str(self.spool_path), "intake_ring_again": 2}
        own |= variables
        file = self.directory / f"variables-{len(self._started)}.yml"
        file.write_text(yaml.safe_dump(own), encoding="utf-8")
        words = [str(RULEBOOK_BIN / "ansible-rulebook"), "--rulebook", str(RULEBOOKS / f"{rulebook}.yml")]
        words += ["--inventory", str(self._inventory()), "--vars", str(file), "--print-events"]
        return self._start("engine", words, {"PATH": f"{RULEBOOK_BIN}:{os.environ['PATH']}"})

    def playbook(self, *options: str, **variables: Any) -> Program:
        """Start the playbook by hand."""
        extra = yaml.safe_dump(dict(variables), default_flow_style=True, width=10**6).strip()
        words = [str(BIN / "ansible-playbook"), str(_PLAYBOOK), "--inventory", str(self._inventory())]
        return self._start("playbook", [*words, "--extra-vars", extra, *options], {})

    def _inventory(self) -> Path:
        file = self.directory / "inventory.yml"
        host = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "intake_spool": str(self.spool_path),
            "intake_networks": [str(network) for network in NETWORKS.values()],
            "intake_lease_seconds": 20,
            "intake_retry_seconds": 1,
            "intake_unknown_retry_seconds": 2,
            **self.variables,
        }
        file.write_text(yaml.safe_dump({"all": {"hosts": {"localhost": host}}}), encoding="utf-8")
        return file

    def _start(self, name: str, words: Sequence[str], environment: Mapping[str, str]) -> Program:
        number = len(self._started)
        program = Program(
            self.lab.server.command(*words),
            self.directory / f"{name}-{number}.log",
            {**self._environment(), **environment},
        )
        self._started.append(program)
        return program

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "BCM_"))}
        config = self.directory / "ansible.cfg"
        config.touch()
        return own | {
            "ANSIBLE_CONFIG": str(config),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(self.directory / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(self.directory / "tmp"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.netbox.environment,
        }


class Program:
    """A program that was started, and its output."""

    def __init__(self, words: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        self._running = contextlib.ExitStack()
        with log.open("wb") as out:
            program = started(
                words,
                limit_s=None,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=log.parent,
            )
            self._process = self._running.enter_context(program)

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill it, and all that it started."""
        self._running.close()

    def end(self, wait_s: float = 240.0) -> int:
        """Wait for its end."""
        return self._process.wait(timeout=wait_s)

    def said_within(self, text: str, wait_s: float = 180.0) -> bool:
        """Wait until it has printed a text; returns whether it did."""
        return until(lambda: text in self.said or not self.is_running, wait_s) and text in self.said


@contextlib.contextmanager
def intake(
    lab: DhcpLab, netbox: NetBoxView, directory: Path, variables: Mapping[str, Any] | None = None
) -> Iterator[Intake]:
    """Have an intake for as long as the block lasts."""
    directory.mkdir(parents=True, exist_ok=True)
    one = Intake(lab, netbox, directory, variables or {})
    try:
        yield one
    finally:
        one.close()
