# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed at some moment and started again, and what must be true of the machines in the end."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, POWER, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import RackFile, new_rack, wait_until
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

NODES_A_ROUND = 3
# The killed runs log in as this user, so that the rack's log shows which calls are theirs and which the next run's.
VICTIM = {"username": "victim", "password": "victim-password", "profile": "admin"}
ADMIN = {"username": "admin", "password": "demo-head-node", "profile": "admin"}
AS_VICTIM = {"BCM_USERNAME": VICTIM["username"], "BCM_PASSWORD": VICTIM["password"]}
# A call that was under way when its run was killed may still arrive.
_ON_THE_WIRE_S = 1.9
# How long UP may be a state from before the restart. On a rack this fast a node goes down at once.
_SETTLE = {"bcm_settle_time": 3, "bcm_graceful_timeout": 10}


@dataclass(frozen=True)
class Scenario:
    """What is run; `power_operations` is how many of them bring one node to UP."""

    name: str
    variables: Mapping[str, Any]
    power_operations: int = 1
    new: bool = True  # nodes that BCM does not know yet; else they are UP already

    @property
    def playbook(self) -> str:
        return "provision" if self.new else "reprovision"


NEW_AT_ONCE = Scenario("new nodes, all at once", PARALLEL)
NEW_IN_TURN = Scenario("new nodes, one after the other", POWER)
GRACEFUL = Scenario("nodes that are UP, gracefully, by slots", {**PARALLEL, "bcm_admission": "slots"}, 0, new=False)
HARD = Scenario(
    "nodes that are UP, hard, two at a time", {**PARALLEL, "bcm_admission": "2", "bcm_restart": "hard"}, 2, new=False
)
SCENARIOS = (NEW_AT_ONCE, NEW_IN_TURN, GRACEFUL, HARD)

Moment = Callable[[Site], bool]


def kill_rack(scenario: Scenario, rounds: int, *, post_s: int = 10) -> RackFile:
    """Give a rack with nodes for so many rounds; an installation takes two real seconds, and there are two slots.

    `post_s` is how long nothing of a machine is seen after it got power, in the rack's seconds.
    """
    rack = new_rack(rounds * NODES_A_ROUND, slots=2, users=[ADMIN, VICTIM])
    rack["times"] = {"post": post_s, "boot": 200, "install_full": 1200, "install_sync": 1200, "init": 200}
    if not scenario.new:
        rack["head_node"]["devices"] = "all"
        for machine in rack["machines"]:
            machine["power"] = "on"
    return rack


def after_calls(count: int) -> Moment:
    """Give the moment when so many calls have come."""
    return lambda where: sum(where.rack.call_counts().values()) >= count


def after_call(name: str) -> Moment:
    """Give the moment when a call, or an operation of power, has come."""
    return lambda where: name in where.rack.call_counts()


def after_intent(where: Site) -> bool:
    """Whether a run has noted on some node what it is about to do; it waits for two seconds before it sends power."""
    written = [call["args"][0] for call in where.rack.call_log() if call["call"] in ("updateDevice", "updateDevices")]
    devices = [device for one in written for device in (one if isinstance(one, list) else [one])]
    return any("baremetal_intent_digest" in device["extra_values"] for device in devices)


def after_all_are_up(where: Site) -> bool:
    """Whether all machines of the rack have been installed and are UP; the run has still to note that."""
    return all(machine["installs"] and machine["status"] == "UP" for machine in where.rack.nodes().values())


@dataclass
class KillRounds:
    """One scenario, again and again with other nodes of one rack."""

    where: Site
    scenario: Scenario
    _machines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._machines = sorted(self.where.rack.nodes())

    def count_calls(self) -> int:
        """Run it without a kill and count its calls."""
        names = self._next_nodes()
        self.where.rack.forget_calls()
        self._expect_done(names, self._play(names, AS_VICTIM), "not killed")
        return sum(self.where.rack.call_counts().values())

    def kill_and_repeat(self, moment: Moment, what: str, *, workers_too: bool) -> None:
        """Kill a run at a moment, start it again, and look at the machines."""
        names = self._next_nodes()
        told = f"{self.scenario.name}, killed {what}, {'workers too' if workers_too else 'the controller alone'}"
        self.where.rack.forget_calls()
        with self.where.ansible.start(
            self.scenario.playbook, variables=self._variables(names), environment=AS_VICTIM
        ) as run:
            wait_until(lambda: run.process.poll() is not None or moment(self.where), told)
            workers = descendants_of(run.process.pid)
            run.kill()
            killed_s = time.time()
            if workers_too:
                end_processes(workers)
            self.where.rack.repair()
            again = self._play(names, {})
            self._expect_done(names, again, told)
            wait_until(lambda: not any(is_running(worker) for worker in workers), f"the end of the worker; {told}")
            self._expect_silence_since(killed_s, told)

    def _next_nodes(self) -> list[str]:
        names, self._machines = self._machines[:NODES_A_ROUND], self._machines[NODES_A_ROUND:]
        assert len(names) == NODES_A_ROUND, "the rack has nodes for fewer rounds"
        return names

    def _variables(self, names: list[str]) -> dict[str, Any]:
        token = {} if self.scenario.new else {"bcm_reprovision_token": "anew"}
        return {**self.scenario.variables, **_SETTLE, **token, "bcm_target": ",".join(names)}

    def _play(self, names: list[str], environment: Mapping[str, str]) -> Run:
        return self.where.ansible.play(
            self.scenario.playbook, variables=self._variables(names), environment=environment
        )

    def _expect_done(self, names: list[str], run: Run, told: str) -> None:
        machines = self.where.rack.nodes()
        assert run.rc == 0, f"{told}: {run.output}"
        facts = {
            name: {key: machines[name][key] for key in ("status", "boots", "installs", "power_operations")}
            for name in names
        }
        wanted = {"status": "UP", "boots": 1, "installs": 1, "power_operations": self.scenario.power_operations}
        assert facts == dict.fromkeys(names, wanted), f"{told}: {run.output}"
        assert {machines[name]["running_image"]["name"] for name in names} == {"default-image"}, told
        records = [self.where.rack.head_node.devices()[name]["extra_values"] for name in names]
        assert all("baremetal_provisioned_digest" in record for record in records), told
        assert not [key for record in records for key in record if "intent" in key or "claim" in key], told

    def _expect_silence_since(self, killed_s: float, told: str) -> None:
        late = [
            call["operation"] or call["call"]
            for call in self.where.rack.call_log()
            if call["user"] == VICTIM["username"] and call["mutating"] and call["date"] > killed_s + _ON_THE_WIRE_S
        ]
        assert late == [], f"{told}: what was left of the killed run sent {late}"


def draw_moments(scenario: Scenario, rounds: int, calls: int, seed: int) -> list[tuple[Moment, str, bool]]:
    """Draw moments over all of a run of so many calls.

    While nodes install a run makes a call a second, so time passed waiting is drawn as well.
    """
    chance = random.Random(f"{seed} {scenario.name}")
    moments = []
    for _round in range(rounds):
        count = chance.randrange(calls)
        moments.append((after_calls(count), f"after {count} of {calls} calls (seed {seed})", chance.random() < 0.5))
    return moments


def descendants_of(process: int) -> list[int]:
    """Return the ids of all descendants of a process."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [process]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def end_processes(processes: list[int]) -> None:
    """Kill processes as the kernel would."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def is_running(process: int) -> bool:
    """Return whether a process still runs; one that has ended and whose parent has not waited for it does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
