# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed at any of their calls, and what must hold in the end."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.bulk import BulkCalls
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import Claim
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.admission import Admission
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Request
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner

from ...fake_head_node import FakeHeadNode, Killed
from ...objects import make_proxy
from .driving import CYCLE, ON, actions, make_rack, names_of, outcomes, provision, record_of

_NUMBERS = itertools.count(1)
THEIRS = {"theirs": [1, None]}


def make_owner(*, known_dead: bool) -> Owner:
    """The owner of the next run; `known_dead` says that runs before it are known to be over."""
    return Owner("alice", f"run{next(_NUMBERS)}", lambda _run: known_dead)


@dataclass(frozen=True)
class Scenario:
    """What is run, and on which cluster."""

    prepare: Callable[[], FakeHeadNode]
    request: Request = ON
    pace: Pace = field(default_factory=Pace)

    def start(self, head: FakeHeadNode, *, known_dead: bool = True) -> dict[str, NodeResult]:
        return provision(head, self.request, pace=self.pace, owner=make_owner(known_dead=known_dead), direct=True)

    def start_killed(self, head: FakeHeadNode, after: int, *, known_dead: bool = True) -> bool:
        """A run that is killed at the call after so many; whether it came that far."""
        head.die_after(after)
        try:
            self.start(head, known_dead=known_dead)
        except Killed:
            return True
        finally:
            head.revive()
        return False

    def count_calls(self) -> int:
        head = fresh(self)
        self.start(head)
        return len(head.calls)


@functools.cache
def _prepared(scenario_prepare: Callable[[], FakeHeadNode]) -> FakeHeadNode:
    return scenario_prepare()


def fresh(scenario: Scenario) -> FakeHeadNode:
    """A cluster for this scenario on which nothing was run yet; no node has booted."""
    return _prepared(scenario.prepare).copy()


def off(count: int = 3) -> FakeHeadNode:
    head = make_rack(count)
    for name in names_of(head):
        head.device(name)["extra_values"] = dict(THEIRS)
    return head


def two_off() -> FakeHeadNode:
    return off(2)


def other_image(count: int = 3) -> FakeHeadNode:
    head = _provisioned(count)
    for name in names_of(head):
        head.device(name)["softwareImageProxy"] = make_proxy(name, "other-image")
        head.node(name).flags["restartRequired"] = True
    return head


def two_with_another_image() -> FakeHeadNode:
    return other_image(2)


def other_kernel_parameters() -> FakeHeadNode:
    head = _provisioned()
    for name in names_of(head):
        head.device(name)["kernelParameters"] = "quiet"
    return head


def other_image_and_deaf_daemons() -> FakeHeadNode:
    head = other_image()
    for node in head.nodes.values():
        node.daemon = "gone"
    return head


def other_image_and_idle_daemons() -> FakeHeadNode:
    head = other_image()
    for node in head.nodes.values():
        node.daemon = "idle"
    return head


def off_without_bulk_calls() -> FakeHeadNode:
    head = off()
    head.instead["updateDevices"] = lambda _call: httpx.Response(400, json={})
    return head


def _provisioned(count: int = 3) -> FakeHeadNode:
    head = off(count)
    provision(head, pace=Pace(), direct=True)
    for node in head.nodes.values():
        node.boots = 0
    return head


ONE, SLOTS = Admission.parse("1"), Admission.parse("slots")
SCENARIOS: dict[str, Scenario] = {
    "power_on": Scenario(off),
    "power_on, bulk calls": Scenario(off, pace=Pace(bulk=BulkCalls.AUTO)),
    "power_on, no bulk calls to be had": Scenario(off_without_bulk_calls, pace=Pace(bulk=BulkCalls.AUTO)),
    "power_on one by one": Scenario(two_off, pace=Pace(admission=ONE)),
    "power_on by slots": Scenario(off, pace=Pace(admission=SLOTS)),
    "reprovision, hard": Scenario(other_image, CYCLE, Pace(graceful=False)),
    "reprovision, graceful": Scenario(other_image, CYCLE),
    "reprovision, one by one": Scenario(two_with_another_image, CYCLE, Pace(admission=ONE)),
    "reprovision, deaf daemons": Scenario(
        other_image_and_deaf_daemons, CYCLE, Pace(deadlines=Deadlines(graceful_s=20))
    ),
    "reprovision, idle daemons": Scenario(
        other_image_and_idle_daemons, CYCLE, Pace(deadlines=Deadlines(graceful_s=20, settle_s=10))
    ),
    "restart": Scenario(other_kernel_parameters, CYCLE),
    "restart, hard": Scenario(other_kernel_parameters, CYCLE, Pace(graceful=False)),
}


def run_on(head: FakeHeadNode) -> None:
    """Let time pass while no run watches: nodes under way arrive, claims end."""
    head.clock.sleep(3600)
    for node in head.nodes.values():
        node.steps = node.steps[-1:]


def assert_all_done_once(head: FakeHeadNode, scenario: Scenario, results: dict[str, NodeResult]) -> None:
    """Every node is UP with what was asked for, booted once, and nothing is left lying about."""
    assert set(outcomes(results).values()) == {"successful"}, {name: one.message for name, one in results.items()}
    for name in names_of(head):
        device = head.device(name)
        assert head.node(name).steps == [("UP", "")]
        assert head.node(name).boots == 1, name
        assert record_of(head, name).intent_digest == ""
        assert Claim.from_api(device["extra_values"]) is None
        assert {key: device["extra_values"][key] for key in THEIRS} == THEIRS
    before = len(head.writes)
    assert set(actions(scenario.start(head)).values()) == {"nothing"}
    assert len(head.writes) == before
