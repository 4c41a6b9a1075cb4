# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at the same time over the same nodes, interleaved call by call."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.bulk import BulkCalls
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.devices import apply_devices
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.hold import Hold, nodes_to_change
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.occupancy import Occupancy
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import Claim
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Assignment
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.admission import Admission
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.claim_nodes import Claims
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Request
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.gather_facts import FactGathering
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import Job, NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run import Provisioner
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner

from ...fake_head_node import FakeHeadNode
from ...objects import make_image, make_proxy, uid
from .driving import CYCLE, ON, make_rack, record_of
from .killing import other_image
from .taking_turns import Turns

NODES = ("node001", "node002", "node003")
SETTLE_S = 2.0
# Two looks and at most three times three writes and a reading back: less than SETTLE_S in all.
SLOWEST_CALL_S = SETTLE_S / 16
latencies = st.lists(st.floats(0.001, SLOWEST_CALL_S), min_size=5, max_size=60)
some_nodes = st.lists(st.sampled_from(NODES), min_size=1, unique=True)


def take(head: FakeHeadNode, turns: Turns, owner: Owner, names: Sequence[str], *, bulk: BulkCalls) -> set[str]:
    """Read the devices and claim what is free; return the nodes that the run believes to be its own."""
    client = head.direct_client(turns.call)
    gathering = FactGathering(client, turns, Job(names, ON), owner)
    cases = {name: case for name, case in gathering.gather().items() if case.decision.action.acts}
    taken, _others = Claims(client, turns, owner, gathering, settle_s=SETTLE_S, bulk=bulk).take(cases, {})
    return set(taken)


@given(latencies, some_nodes, some_nodes, st.floats(0, 3), st.sampled_from([BulkCalls.AUTO, BulkCalls.NEVER]))
@settings(max_examples=120, deadline=None)
def test_two_runs_never_take_the_same_node(
    pauses: list[float], one: list[str], other: list[str], later_s: float, bulk: BulkCalls
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


# -- different assignments ---------------------------------------------------------------------------------------------

IMAGES = {"alice": "default-image", "bob": "other-image"}


@dataclass
class Told:
    """What a run told of its nodes, and when it had ended."""

    failures: dict[str, str]
    results: dict[str, NodeResult]
    ended_s: float


def assign_and_run(head: FakeHeadNode, turns: Turns, owner: Owner, names: Sequence[str]) -> Told:
    """What provision.yml does: claim, change, decide, work, give back."""
    client = head.direct_client(turns.call)
    wanted = [{"hostname": name, "software_image": IMAGES[owner.name]} for name in names]
    hold, occupancy = Hold(client, turns, owner, settle_s=SETTLE_S), Occupancy(client, owner, turns)
    hold.take(nodes_to_change(client, occupancy, wanted, []))
    shown = assign(client, occupancy, wanted)
    expected = {name: Assignment(**values) for name, values in shown["assignments"].items()}
    left = [name for name in names if name not in shown["failures"]]
    results: dict[str, NodeResult] = {}
    if left:
        job = Job(left, ON, shown["reassigned"], expected=expected)
        results.update(Provisioner(client, turns, Pace(), lambda _line: None, owner).run(job).results)
    hold.give_back()
    return Told(shown["failures"], results, turns.now_s())


def assign(client: HeadNode, occupancy: Occupancy, wanted: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return apply_devices(client, wanted, check_mode=False, occupancy=occupancy, try_credentials=lambda *_arguments: {})


def runs_what_it_is_assigned(head: FakeHeadNode, name: str) -> bool:
    device, record = head.device(name), record_of(head, name)
    proxy = device["softwareImageProxy"]
    image = head.images[proxy["parentSoftwareImage"]]["name"] if proxy else "default-image"
    return record.provisioned_image == str(image)


@given(latencies, some_nodes, some_nodes, st.floats(0, 40))
@settings(max_examples=100, deadline=None)
def test_of_two_runs_with_different_images_each_node_gets_one_of_them_whole(
    pauses: list[float], one: list[str], other: list[str], later_s: float
) -> None:
    head = make_rack(3)
    for name in NODES:
        head.device(name)["softwareImageProxy"] = make_proxy(name, "third-image")
    head.images[uid("image/third-image")] = make_image("third-image")
    turns = Turns(head, itertools.cycle(pauses))

    actors = turns.play(
        lambda: assign_and_run(head, turns, Owner("alice", "run1"), one),
        lambda: assign_and_run(head, turns, Owner("bob", "run2"), other),
        starts_s=(0.0, later_s),
    )

    both = dict(zip(IMAGES, (cast("Told", actor.answer) for actor in actors), strict=True))
    for name in {*one, *other}:
        told = {
            who: each.failures.get(name) or each.results[name].message
            for who, each in both.items()
            if name in each.failures or name in each.results
        }
        done = [who for who, each in both.items() if name in each.results and is_done(each.results[name])]
        assert len(done) == 1, told
        assert head.node(name).boots == 1, told
        assert record_of(head, name).provisioned_image == IMAGES[done[0]], told
        for who in told.keys() - set(done):
            left = both[who].results.get(name)
            if left is None or left.failed:
                assert done[0] in told[who] or "meanwhile" in told[who] or "since this run began" in told[who], told
            else:
                # The other had ended, and this one may not restart what is UP.
                assert "power_on never restarts a running node" in told[who], told
    for name in NODES:
        assert Claim.from_api(head.device(name)["extra_values"]) is None


def is_done(result: NodeResult) -> bool:
    return result.outcome == "successful" and result.changed


@given(latencies, st.floats(0, 60))
@settings(max_examples=100, deadline=None)
def test_an_image_that_a_task_assigns_beside_a_run_is_refused_or_installed_but_never_half(
    pauses: list[float], later_s: float
) -> None:
    head = make_rack(2)
    turns = Turns(head, itertools.cycle(pauses))
    names = NODES[:2]

    def assign_beside() -> tuple[dict[str, Any], float]:
        client = head.direct_client(turns.call)
        wanted = [{"hostname": name, "software_image": "other-image"} for name in names]
        return assign(client, Occupancy(client, Owner(run=""), turns), wanted), turns.now_s()

    actors = turns.play(
        lambda: assign_and_run(head, turns, Owner("alice", "run1"), names), assign_beside, starts_s=(0.0, later_s)
    )

    run, (beside, written_s) = cast("Told", actors[0].answer), cast("tuple[dict[str, Any], float]", actors[1].answer)
    for name in names:
        result = run.results.get(name)
        refused = beside["failures"].get(name, "claimed by alice")
        assert "claimed by alice" in refused
        if result is not None and is_done(result) and name not in beside["failures"]:
            assert runs_what_it_is_assigned(head, name) or written_s > run.ended_s - 20, result.message
        if name in beside["failures"]:
            assert result is not None
            assert is_done(result), result.message
            assert record_of(head, name).provisioned_image == "default-image"
