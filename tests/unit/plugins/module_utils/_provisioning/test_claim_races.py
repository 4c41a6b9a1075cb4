# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at the same time over the same nodes, interleaved call by call."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import Claim, Owner
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.admission import Admission
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.claim_nodes import Claims
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Request
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.gather_facts import FactGathering
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import Job, NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run import Provisioner

from ...fake_head_node import FakeHeadNode
from .driving import CYCLE, ON, make_rack
from .killing import other_image
from .taking_turns import Turns

NODES = ("node001", "node002", "node003")
SETTLE_S = 2.0
# Two looks and at most three times three writes and a reading back: less than SETTLE_S in all.
SLOWEST_CALL_S = SETTLE_S / 16
latencies = st.lists(st.floats(0.001, SLOWEST_CALL_S), min_size=5, max_size=60)
some_nodes = st.lists(st.sampled_from(NODES), min_size=1, unique=True)


def take(head: FakeHeadNode, turns: Turns, owner: Owner, names: Sequence[str], *, bulk: bool) -> set[str]:
    """Read the devices and claim what is free; return the nodes that the run believes to be its own."""
    client = head.direct_client(turns.call)
    gathering = FactGathering(client, turns, Job(names, ON), owner)
    cases = {name: case for name, case in gathering.gather().items() if case.decision.action.acts}
    taken, _others = Claims(client, turns, owner, gathering, settle_s=SETTLE_S, bulk=bulk).take(cases, {})
    return set(taken)


@given(latencies, some_nodes, some_nodes, st.floats(0, 3), st.booleans())
@settings(max_examples=120, deadline=None)
def test_two_runs_never_take_the_same_node(
    pauses: list[float], one: list[str], other: list[str], later_s: float, bulk: bool
) -> None:
    head = make_rack(3)
    turns = Turns(head, itertools.cycle(pauses))

    actors = turns.play(
        lambda: take(head, turns, Owner("alice", "run1"), one, bulk=bulk),
        lambda: take(head, turns, Owner("bob", "run2"), other, bulk=bulk),
        starts_s=(0.0, later_s),
    )

    ours, theirs = (cast("set[str]", actor.answer) for actor in actors)
    assert not ours & theirs
    assert ours | theirs == {*one, *other}
    for name in ours | theirs:
        claim = Claim.from_api(head.device(name)["extra_values"])
        assert claim is not None
        assert claim.run == ("run1" if name in ours else "run2")


def run(head: FakeHeadNode, turns: Turns, owner: Owner, request: Request, pace: Pace) -> dict[str, NodeResult]:
    drive = Provisioner(head.direct_client(turns.call), turns, pace, lambda _line: None, owner)
    return dict(drive.run(Job(NODES, request)).results)


RUNS: dict[str, tuple[Any, Request, Pace]] = {
    "power_on": (make_rack, ON, Pace()),
    "power_on one by one": (make_rack, ON, Pace(admission=Admission.parse("1"))),
    "reprovision": (other_image, CYCLE, Pace(graceful=False)),
    "reprovision, graceful": (other_image, CYCLE, Pace(deadlines=Deadlines(graceful_s=30))),
}


@pytest.mark.parametrize(("prepare", "request_", "pace"), RUNS.values(), ids=RUNS)
@given(pauses=latencies, later_s=st.floats(0, 60))
@settings(max_examples=15, deadline=None)
def test_of_two_runs_exactly_one_works_on_each_node_and_the_other_names_it(
    prepare: Any, request_: Request, pace: Pace, pauses: list[float], later_s: float
) -> None:
    head = prepare(3)
    boots = {uuid: node.boots for uuid, node in head.nodes.items()}
    turns = Turns(head, itertools.cycle(pauses))

    actors = turns.play(
        lambda: run(head, turns, Owner("alice", "run1"), request_, pace),
        lambda: run(head, turns, Owner("bob", "run2"), request_, replace(pace, claim_s=60)),
        starts_s=(0.0, later_s),
    )

    assert {uuid: node.boots for uuid, node in head.nodes.items()} == {uuid: count + 1 for uuid, count in boots.items()}
    ours, theirs = (cast("dict[str, NodeResult]", actor.answer) for actor in actors)
    for name in NODES:
        both = {"alice": ours[name], "bob": theirs[name]}
        done = [who for who, result in both.items() if result.outcome == "successful" and result.changed]
        assert len(done) == 1, {who: result.message for who, result in both.items()}
        (other,) = both.keys() - set(done)
        stepped_back = both[other]
        assert stepped_back.message.startswith(
            ("UP with", done[0], f"claimed by {done[0]}", "another run or a person powered it")
        ), stepped_back.message
        assert stepped_back.failed is not stepped_back.message.startswith("UP with")
