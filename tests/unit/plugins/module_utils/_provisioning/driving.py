# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs against a head node in memory."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Record
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Request
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import Job, NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run import Provisioner
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner

from ...fake_head_node import BOOT, FakeHeadNode
from ...objects import make_device

ON = Request(enable_power_action=True)
CYCLE = Request(enable_power_action=True, power_action="power_cycle")


def make_rack(count: int = 2) -> FakeHeadNode:
    return FakeHeadNode(*(make_device(f"node{number:03d}", number) for number in range(1, count + 1)))


def names_of(head: FakeHeadNode) -> list[str]:
    return sorted(raw["hostname"] for raw in head.devices.values() if raw["childType"] == "PhysicalNode")


def provision(
    head: FakeHeadNode,
    request: Request = ON,
    *names: str,
    said: list[str] | None = None,
    check: bool = False,
    pace: Pace | None = None,
    owner: Owner | None = None,
    direct: bool = False,
    **job: Any,
) -> dict[str, NodeResult]:
    # Power is cut at once where a test is not about restarts.
    pace = pace or Pace(workers=2, graceful=False)
    client = (head.direct_client if direct else head.client)(read_only=check)
    drive = Provisioner(client, head.clock, pace, (said if said is not None else []).append, owner)
    whole = Job(names or names_of(head), request, **job)
    run = drive.plan(whole) if check else drive.run(whole)
    return dict(run.results)


def record_of(head: FakeHeadNode, name: str = "node001") -> Record:
    return Record.from_api(head.device(name)["extra_values"])


def outcomes(results: dict[str, NodeResult]) -> dict[str, str]:
    return {name: result.outcome for name, result in results.items()}


def actions(results: dict[str, NodeResult]) -> dict[str, str]:
    return {name: result.decision.action.value for name, result in results.items()}


def boot_up_to(count: int, *then: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (*BOOT[:count], *then)
