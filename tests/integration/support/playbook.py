# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real ansible-playbook of this environment, and what came of a run."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.baremetal.bcm.tests.integration.support.rack import BIN, GIVE_UP_S, ROOT, Rack
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

EXAMPLE_INVENTORY = ROOT / "inventory/example"
_VAULT_PASSWORD = EXAMPLE_INVENTORY / ".demo-vault-password"
# Settings of time alone: the rack's time runs faster, so the nodes are read more often too.
FAST = {"bcm_poll_interval": 0.1}
POWER = {**FAST, "bcm_enable_power_action": True}
PARALLEL = {**POWER, "bcm_provisioning_mode": "parallel"}


@dataclass(frozen=True)
class TaskResult:
    """What one task returned for one host. `before` and `after` are snapshots of the head node, where one asked."""

    status: str
    host: str
    task: str
    action: str
    result: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    @property
    def module(self) -> str:
        return self.action.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Run:
    """A run that has ended. `recap` has the counters of the play recap by host."""

    rc: int
    output: str
    tasks: Sequence[TaskResult] = field(repr=False)

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        lines = self.output.rpartition("PLAY RECAP")[2].splitlines()
        pairs = [line.split(" : ", 1) for line in lines if " : " in line]
        return {
            host.strip(): {key: int(count) for key, count in re.findall(r"(\w+)=(\d+)", counts)}
            for host, counts in pairs
        }

    @property
    def failed_hosts(self) -> list[str]:
        return sorted(host for host, counts in self.recap.items() if counts["failed"] or counts["unreachable"])

    @property
    def changed_tasks(self) -> list[str]:
        return [task.module for task in self.tasks if task.changed]

    @property
    def failures(self) -> list[str]:
        """Give the messages of tasks that failed, of a loop those of its turns."""
        failed = [task.result for task in self.tasks if task.status == "failed"]
        turns = [turn for result in failed for turn in result.get("results", [result]) if turn.get("failed")]
        return [str(turn.get("msg")) for turn in turns or failed]

    def of(self, module: str) -> list[TaskResult]:
        """Give the results of one module, in order."""
        return [task for task in self.tasks if task.module == module and task.status != "skipped"]

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """Give what became of every node: as it was decided on, and as it ended where something was left to be done."""
        decided = [*self.of("bcm_prepare"), *self.of("bcm_provision")]
        returned = [task.result["nodes"] for task in decided if "nodes" in task.result]
        return {name: node for nodes in returned for name, node in nodes.items()}

    @property
    def actions(self) -> dict[str, str]:
        """Give what was decided for every node."""
        return {name: node["action"] for name, node in self.results.items()}

    @property
    def report(self) -> dict[str, Any]:
        """Give the last report: that of bcm_prepare where nothing was left to be done."""
        reports = [*self.of("bcm_report"), *self.of("bcm_prepare")]
        return next(found for task in reversed(reports) if (found := task.result.get("report", task.result)))

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """Give the rows of the last report by node."""
        rows: dict[str, dict[str, Any]] = self.report["nodes"]
        return rows

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = self.report["provisioning_summary"]
        return summary


@dataclass(frozen=True)
class Listing:
    """What ansible-inventory printed."""

    rc: int
    output: str
    errors: str

    @property
    def groups(self) -> dict[str, list[str]]:
        """Give the hosts of each group that has some of its own."""
        return {name: group["hosts"] for name, group in json.loads(self.output).items() if "hosts" in group}

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        """Give the variables of each host."""
        found: dict[str, dict[str, Any]] = json.loads(self.output)["_meta"]["hostvars"]
        return found


class Ansible:
    """Runs playbooks against one rack."""

    def __init__(self, rack: Rack, directory: Path, inventory: Path = EXAMPLE_INVENTORY) -> None:
        self._rack = rack
        self._directory = directory
        self._inventory = inventory
        self._numbers = itertools.count(1)
        directory.mkdir(parents=True, exist_ok=True)

    def play(
        self,
        playbook: str,
        *options: str,
        variables: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Run:
        """Run a playbook of the collection to its end, whatever that is."""
        with self.start(playbook, *options, variables=variables, environment=environment) as started:
            return started.end()

    def tasks(
        self,
        tasks: Sequence[Mapping[str, Any]],
        *options: str,
        environment: Mapping[str, str] | None = None,
        **play: Any,
    ) -> Run:
        """Run a play of these tasks on localhost."""
        file = self._directory / f"play-{next(self._numbers)}.yml"
        content = [{"hosts": "localhost", "gather_facts": False, **play, "tasks": list(tasks)}]
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return self.play(str(file), *options, environment=environment)

    def inventory(self, *options: str, environment: Mapping[str, str] | None = None) -> Listing:
        """Run ansible-inventory to its end, whatever that is."""
        ended = subprocess.run(
            [str(BIN / "ansible-inventory"), "--inventory", str(self._inventory), *(options or ["--list"])],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=self._environment(self._directory / "record-inventory") | dict(environment or {}),
            cwd=self._directory,
            timeout=GIVE_UP_S,
        )
        return Listing(ended.returncode, ended.stdout, ended.stderr)

    @contextlib.contextmanager
    def start(
        self,
        playbook: str,
        *options: str,
        variables: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        limit_s: float = 2 * GIVE_UP_S,
    ) -> Iterator[Started]:
        """Start a playbook; whatever of it still runs at the end of the block, or after the limit, is killed."""
        number = next(self._numbers)
        record = self._directory / f"record-{number}"
        path = playbook if playbook.endswith(".yml") else str(ROOT / "playbooks" / f"{playbook}.yml")
        command = [str(BIN / "ansible-playbook"), path, "--inventory", str(self._inventory), *options]
        command += ["--vault-password-file", str(_VAULT_PASSWORD), "--extra-vars", json.dumps(variables or {})]
        record.touch()
        with started(
            command,
            limit_s=limit_s,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=self._environment(record) | dict(environment or {}),
            cwd=self._directory,
        ) as process:
            yield Started(process, record)

    def _environment(self, record: Path) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("BCM_", "ANSIBLE_"))}
        return own | {
            "PATH": f"{BIN}{os.pathsep}{own['PATH']}",
            "ANSIBLE_CONFIG": str(self._empty_configuration()),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_HOME": str(self._directory / "ansible"),
            "ANSIBLE_REMOTE_TEMP": str(self._directory / "tmp"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests/integration/support/callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "integration_record",
            "INTEGRATION_RECORD": str(record),
            **self._rack.environment,
        }

    def _empty_configuration(self) -> Path:
        file = self._directory / "ansible.cfg"
        if not file.exists():
            file.write_text("[defaults]\n", encoding="utf-8")
        return file


@dataclass(frozen=True)
class Started:
    """A run that is under way."""

    process: subprocess.Popen[str]
    record: Path
    said: list[str] = field(default_factory=list)

    def wait_for(self, text: str, *, times: int = 1) -> None:
        """Wait until the run has printed so many lines with a text. Raises AssertionError when it ends without."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            times -= text in line
            if not times:
                return
        raise AssertionError(f"the run ended without '{text}': {''.join(self.said)}")

    def kill(self) -> None:
        """Kill the controller as the kernel would; its workers are left as they are."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=GIVE_UP_S)

    def end(self) -> Run:
        """Wait for the end."""
        output, _errors = self.process.communicate(timeout=GIVE_UP_S)
        lines = self.record.read_text(encoding="utf-8").splitlines()
        tasks = [TaskResult(**json.loads(line)) for line in lines]
        return Run(self.process.returncode, "".join(self.said) + output, tasks)
