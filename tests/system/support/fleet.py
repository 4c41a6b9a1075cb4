# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators who start playbooks at random on the same nodes, and who did what to which node, by the head node's log."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.baremetal.bcm.tests.integration.support.killing import descendants_of, end_processes
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, POWER, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import RackFile, new_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

OPERATORS = ("ada", "bea", "cyd")
IMAGES = ("default-image", "other-image")
NODES = 6
Raw = dict[str, Any]


@dataclass(frozen=True)
class Errand:
    """One run of one operator."""

    operator: str
    what: str
    nodes: Sequence[str]
    playbook: str
    variables: Mapping[str, Any]
    starts_s: float
    killed_s: float | None  # after its start


@dataclass(frozen=True)
class Act:
    """A call by which an operator did something to a node."""

    operator: str
    node: str
    date_s: float
    call: str


def fleet_rack() -> RackFile:
    """Give a rack on which an installation takes two real seconds, and to which every operator logs in by name."""
    users = [{"username": name, "password": f"password-of-{name}", "profile": "admin"} for name in OPERATORS]
    users.append({"username": "admin", "password": "demo-head-node", "profile": "admin"})
    rack = new_rack(NODES, slots=4, users=users, images=list(IMAGES), devices="all")
    rack["times"] = {"post": 10, "boot": 200, "install_full": 1200, "install_sync": 1200, "init": 200}
    return rack


def draw_errands(chance: random.Random, directory: Path) -> list[Errand]:
    """Draw one errand for each operator; their nodes overlap."""
    names = [f"node{number:03d}" for number in range(1, NODES + 1)]
    return [_draw(chance, operator, sorted(chance.sample(names, 4)), directory) for operator in OPERATORS]


def _draw(chance: random.Random, operator: str, nodes: list[str], directory: Path) -> Errand:
    what = chance.choice(("provision", "provision", "reprovision", "power", "absent", "category"))
    variables: Raw = {"bcm_owner": operator, "bcm_target": ",".join(nodes), "bcm_settle_time": 3}
    playbook = what
    if what in ("provision", "reprovision"):
        mode = chance.choice((PARALLEL, POWER))
        variables |= {**mode, "bcm_graceful_timeout": 10, "bcm_software_image": chance.choice(IMAGES)}
        variables["bcm_power_action"] = chance.choice(("power_on", "power_cycle"))
        variables["bcm_reprovision_token"] = f"t{chance.randrange(10**6)}"
    elif what == "power":
        variables |= {**POWER, "bcm_power_action": chance.choice(("power_on", "power_off", "power_cycle"))}
        variables |= {"bcm_allow_up": True, "bcm_graceful_timeout": 10}
    else:
        category = {
            "name": "default",
            "software_image": chance.choice(IMAGES),
            "kernel_parameters": chance.choice("ab"),
        }
        gone = [{"hostname": name, "state": "absent"} for name in nodes]
        tasks: Raw = {
            "absent": {"baremetal.bcm.bcm_devices": {"devices": gone}},
            "category": {"baremetal.bcm.bcm_category": {**category, "allow_member_change": True}},
        }
        play = directory / f"{operator}-{what}.yml"
        play.write_text(
            yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [tasks[what]]}]), "utf-8"
        )
        playbook = str(play)
    killed_s = chance.uniform(2, 20) if chance.random() < 0.2 else None
    return Errand(operator, what, nodes, playbook, variables, chance.uniform(0, 3), killed_s)


@dataclass
class Watcher:
    """Reads the head node's log while runs are on: it keeps the last calls only."""

    where: Site
    calls: list[Raw] = field(default_factory=list)
    devices: dict[str, Raw] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)

    def begin(self) -> None:
        """Forget what was, and remember what is stored."""
        self.where.rack.forget_calls()
        self.calls = []
        self.devices = {raw["uuid"]: raw for raw in self.where.rack.head_node.devices().values()}

    def look(self) -> None:
        """Read what came since the last look."""
        log = self.where.rack.call_log()
        last = self.calls[-1] if self.calls else None
        fresh = log[log.index(last) + 1 :] if last in log else log
        assert last is None or last in log, "calls were lost: look more often"
        self.calls += fresh

    def acts(self) -> Iterator[Act]:
        """Replay the log; claims alone are no acts."""
        stored = dict(self.devices)
        for call in self.calls:
            if not call["mutating"] or call["user"] not in OPERATORS:
                continue
            if call["call"] in ("addDevice", "updateDevice", "addDevices", "updateDevices"):
                given = call["args"][0]
                for raw in given if isinstance(given, list) else [given]:
                    if _without_claims(raw) != _without_claims(stored.get(raw["uuid"], {})):
                        yield Act(call["user"], raw["hostname"], call["date"], call["call"])
                    stored[raw["uuid"]] = raw
                continue
            if call["service"] in ("cmdevice", "cmstatus") or call["operation"]:
                text = json.dumps(call["args"])
                for uuid, raw in stored.items():
                    if uuid in text:
                        yield Act(call["user"], raw["hostname"], call["date"], call["operation"] or call["call"])


def _without_claims(raw: Mapping[str, Any]) -> str:
    values = {key: value for key, value in (raw.get("extra_values") or {}).items() if "claim" not in key}
    return json.dumps({**raw, "extra_values": values, "modified": None, "oldLocalUniqueKey": None}, sort_keys=True)


def run_errands(watcher: Watcher, errands: Sequence[Errand]) -> dict[str, Run | None]:
    """Start the runs at their times, and wait for their ends; one that was killed has none."""
    begun_s = time.monotonic()
    ends: dict[str, Run | None] = {}
    with ExitStack() as stack:
        runs: dict[str, Any] = {}
        while len(ends) < len(errands):
            now_s = time.monotonic() - begun_s
            for errand in errands:
                name = errand.operator
                if name not in runs and now_s >= errand.starts_s:
                    login = {"BCM_USERNAME": name, "BCM_PASSWORD": f"password-of-{name}"}
                    start = watcher.where.ansible.start(errand.playbook, variables=errand.variables, environment=login)
                    runs[name] = stack.enter_context(start)
                elif name in runs and name not in ends:
                    if runs[name].process.poll() is not None:
                        ends[name] = runs[name].end()
                    elif errand.killed_s is not None and now_s >= errand.starts_s + errand.killed_s:
                        workers = descendants_of(runs[name].process.pid)
                        runs[name].kill()
                        end_processes(workers)
                        ends[name] = None
            watcher.look()
            time.sleep(0.3)
    return ends


def overlaps(acts: Sequence[Act]) -> list[str]:
    """Name the acts of one operator that fall between the first and the last act of another on the same node."""
    spans: dict[tuple[str, str], list[float]] = {}
    for act in acts:
        spans.setdefault((act.operator, act.node), []).append(act.date_s)
    return [
        f"{act.node}: {act.call} of {act.operator} amid the work of {operator}"
        for act in acts
        for (operator, node), dates in spans.items()
        if node == act.node and operator != act.operator and min(dates) < act.date_s < max(dates)
    ]
