# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes are claimed before they are touched, kept while they are worked on, and given back."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.bulk import BulkCalls
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmTransportError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.hold import Hold
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import Claim, claim_values
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.claim_nodes import Claims
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Request
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.gather_facts import FactGathering
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import Job
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner

from ...fake_head_node import Call, FakeHeadNode
from ...objects import make_proxy
from .driving import CYCLE, ON, actions, make_rack, names_of, outcomes, provision
from .test_run_failures import FAILURES

ALICE, BOB = Owner("alice", "run1"), Owner("bob@desk", "run2")


def claim_of(head: FakeHeadNode, name: str) -> Claim | None:
    return Claim.from_api(head.device(name)["extra_values"])


def claim_for(head: FakeHeadNode, owner: Owner, name: str, lasts_s: float = 300) -> None:
    """Write a claim as another run does."""
    device = head.device(name)
    values = claim_values(owner, until_s=head.clock.wall_s() + lasts_s)
    device["extra_values"] = {**(device["extra_values"] or {}), **values}


def claims_of(head: FakeHeadNode, owner: Owner = ALICE, request: Request = ON) -> Claims:
    client = head.direct_client()
    gathering = FactGathering(client, head.clock, Job(names_of(head), request), owner)
    return Claims(client, head.clock, owner, gathering)


# -- claims of others --------------------------------------------------------------------------------------------------


def test_a_node_of_another_run_is_refused_by_its_owners_name_and_the_others_go_on() -> None:
    head = make_rack(3)
    claim_for(head, BOB, "node002")

    results = provision(head, owner=ALICE)

    assert outcomes(results) == {"node001": "successful", "node002": "skipped", "node003": "successful"}
    assert results["node002"].failed
    assert results["node002"].message == "claimed by bob@desk until 22:18:20 UTC, and longer while that run works on it"
    assert head.node("node002").boots == 0
    assert claim_of(head, "node002") == Claim("bob@desk", "run2", 1_700_000_300.0)


def test_a_node_that_another_run_powers_while_this_one_reads_the_power_is_refused_by_its_owners_name() -> None:
    head = make_rack(2)

    def be_first(call: Call) -> httpx.Response | None:
        if call.args[0]["operation"] == "STATUS":
            claim_for(head, BOB, "node002")
            head.node("node002").power = "ON"
        return None

    head.instead["powerOperation"] = be_first
    results = provision(head, owner=ALICE)

    assert outcomes(results) == {"node001": "successful", "node002": "skipped"}
    assert results["node002"].message.startswith("claimed by bob@desk until ")
    assert head.node("node002").boots == 0


def test_a_node_whose_claim_a_rival_writes_over_each_time_is_refused_by_its_owners_name() -> None:
    head = make_rack(2)

    def overwrite(_call: Call) -> httpx.Response | None:
        # What a reading shows from now on is always the rival's.
        if head.names("updateDevice"):
            claim_for(head, BOB, "node002")
        return None

    head.instead["getDevicesByUuids"] = overwrite
    results = provision(head, owner=ALICE)

    assert outcomes(results) == {"node001": "successful", "node002": "skipped"}
    assert results["node002"].message.startswith("bob@desk claimed it at the same moment")
    assert head.node("node002").boots == 0


def test_a_claim_that_has_ended_is_taken_over() -> None:
    head = make_rack(1)
    claim_for(head, BOB, "node001", lasts_s=0)

    assert outcomes(provision(head, owner=ALICE)) == {"node001": "successful"}


def test_a_claim_of_a_run_that_is_known_to_be_over_is_taken_over_at_once() -> None:
    head = make_rack(1)
    claim_for(head, BOB, "node001")

    results = provision(head, owner=Owner("alice", "run1", lambda run: run == BOB.run))

    assert outcomes(results) == {"node001": "successful"}


def test_a_node_of_another_run_that_needs_nothing_is_no_failure() -> None:
    head = make_rack(2)
    provision(head)
    claim_for(head, BOB, "node001")

    assert set(actions(provision(head, CYCLE, owner=ALICE)).values()) == {"nothing"}


def test_a_node_of_another_run_is_not_adopted() -> None:
    head = make_rack(1)
    head.bring_up("node001")
    claim_for(head, BOB, "node001")

    results = provision(head, Request(adopt=True), owner=ALICE)

    assert actions(results) == {"node001": "refuse"}
    assert not head.writes


def test_a_claim_written_between_our_first_reading_and_our_turn_is_seen() -> None:
    head = make_rack(2)
    head.instead["powerOperation"] = lambda call: claim_for(head, BOB, "node001") if not call.writes else None

    results = provision(head, owner=ALICE)

    assert results["node001"].message.startswith("claimed by bob@desk until ")
    assert outcomes(results)["node002"] == "successful"


def test_a_claim_written_meanwhile_and_renewed_on_a_node_that_is_not_ours_is_seen() -> None:
    head = make_rack(3)

    def claim(call: Call) -> None:
        if not call.writes:
            claim_for(head, BOB, "node001", lasts_s=0)
            claim_for(head, BOB, "node003")

    head.instead["powerOperation"] = claim
    results = provision(head, ON, "node001", "node002", owner=ALICE)

    assert results["node001"].message.startswith("claimed by bob@desk until ")
    assert outcomes(results)["node002"] == "successful"


# -- races -------------------------------------------------------------------------------------------------------------


def after_our_writes(head: FakeHeadNode, happen: Callable[[], httpx.Response | None]) -> None:
    """Let something happen once, or be answered, after our claims were read back and before the second reading."""
    reads: list[int] = []

    def count(_call: Call) -> httpx.Response | None:
        if head.names("updateDevice"):
            reads.append(1)
            return happen() if len(reads) == 2 else None
        return None

    head.instead["getDevicesByUuids"] = count


def test_a_run_that_wrote_after_us_keeps_the_node() -> None:
    head = make_rack(2)
    after_our_writes(head, lambda: claim_for(head, BOB, "node001"))

    results = provision(head, owner=ALICE, direct=True)

    assert results["node001"].message == "bob@desk claimed it at the same moment; this run leaves it alone"
    assert results["node001"].failed
    assert outcomes(results)["node002"] == "successful"
    assert head.node("node001").boots == 0
    assert claim_of(head, "node001") is not None


def test_a_run_that_powered_the_node_before_our_second_reading_keeps_it() -> None:
    head = make_rack(2)
    uuid = head.device("node001")["uuid"]
    after_our_writes(head, lambda: head._remember(uuid, "ON", success=True))  # a rival's power

    results = provision(head, owner=ALICE, direct=True)

    assert results["node001"].message == (
        "another run or a person powered it at the same moment; this run leaves it alone"
    )
    assert outcomes(results)["node002"] == "successful"
    assert head.node("node001").boots == 0
    assert claim_of(head, "node001") is None


def test_a_node_whose_category_gets_another_image_at_the_same_moment_is_left_alone() -> None:
    head = make_rack(2)
    head.device("node002")["softwareImageProxy"] = make_proxy("node002", "default-image")

    def change_category() -> None:
        head.category("default")["softwareImageProxy"] = make_proxy("default", "other-image")

    after_our_writes(head, change_category)
    results = provision(head, owner=ALICE, direct=True)

    assert results["node001"].message == "it was assigned other-image at the same moment; this run leaves it alone"
    assert results["node001"].failed
    assert head.node("node001").boots == 0
    assert claim_of(head, "node001") is None
    assert outcomes(results)["node002"] == "successful"


def test_what_was_powered_before_our_first_reading_is_no_race() -> None:
    head = make_rack(1)
    head._remember(head.device("node001")["uuid"], "OFF", success=True)  # by another run or a person

    assert outcomes(provision(head, owner=ALICE)) == {"node001": "successful"}


def test_nothing_is_powered_before_the_second_reading() -> None:
    head = make_rack(3)
    moments: dict[str, float] = {}

    def note(call: Call) -> httpx.Response | None:
        if call.name != "powerOperation" or call.writes:
            moments[call.name] = head.clock.now_s()
        return None

    head.instead.update(updateDevice=lambda call: None if "updateDevice" in moments else note(call))
    head.instead.update(powerOperation=note)
    provision(head, owner=ALICE, direct=True)

    assert moments["powerOperation"] - moments["updateDevice"] >= Claims.settle_s


def test_taking_again_after_the_head_node_was_away_is_safe() -> None:
    head = make_rack(2)
    after_our_writes(head, lambda: httpx.Response(503))
    claims = claims_of(head)
    cases = claims.gathering.gather()

    with pytest.raises(BcmTransportError):
        claims.take(cases, {})
    taken, others = claims.take(cases, {})

    assert set(taken) == {"node001", "node002"}
    assert not others


# -- keeping and giving back -------------------------------------------------------------------------------------------


def is_free_for_bob(head: FakeHeadNode) -> dict[str, bool]:
    cases = FactGathering(head.direct_client(), head.clock, Job(names_of(head), ON), BOB).gather()
    return {name: case.decision.action.acts for name, case in cases.items()}


@pytest.mark.parametrize("count", [2, 40, 150])
def test_keeping_claims_alive_costs_the_same_for_any_number_of_nodes(count: int) -> None:
    head = make_rack(count)
    claims = claims_of(head)
    taken, _others = claims.take(claims.gathering.gather(), {})
    before = len(head.calls)

    for _turn in range(20):
        head.clock.sleep(claims.lasts_s / 5)
        claims.renew(taken)

    assert [call.name for call in head.calls[before:]] == [
        *["getDevicesByUuids", "updateDevice", "getDevicesByUuids"] * 10
    ]
    assert not any(is_free_for_bob(head).values())


def test_claims_that_are_not_renewed_end() -> None:
    head = make_rack(2)
    claims = claims_of(head)
    claims.take(claims.gathering.gather(), {})

    head.clock.sleep(claims.lasts_s + 1)

    assert all(is_free_for_bob(head).values())


def test_short_claims_last_through_a_run_in_which_nothing_moves_for_long() -> None:
    head = make_rack(2)
    for node in head.nodes.values():
        node.boot = (("BOOTING", ""), *[("INSTALLING", "provisioning started")] * 40, ("UP", ""))
    left_s: list[float] = []

    def note(_call: Call) -> None:
        claims = [claim for name in names_of(head) if (claim := claim_of(head, name))]
        left_s.extend([max(claim.until_s for claim in claims) - head.clock.wall_s()] if claims else [])

    head.instead["getStatusForDevices"] = note
    results = provision(head, ON, pace=Pace(claim_s=12, poll_interval_s=60), owner=ALICE)

    assert set(outcomes(results).values()) == {"successful"}
    assert len(left_s) > 30
    assert min(left_s) > 2


def test_giving_back_the_claim_that_was_renewed_leaves_the_others_alive() -> None:
    head = make_rack(3)
    claims = claims_of(head)
    taken, _others = claims.take(claims.gathering.gather(), {})
    head.clock.sleep(claims.lasts_s * 0.9)
    claims.renew(taken)
    head.clock.sleep(claims.lasts_s * 0.2)
    anchor = "node001"
    left = {name: case for name, case in taken.items() if name != anchor}

    claims.give_back({anchor: {}}, {anchor: head.device(anchor)}, left)

    assert is_free_for_bob(head) == {"node001": True, "node002": False, "node003": False}


def test_what_the_run_claims_for_later_batches_stays_alive_when_a_batch_ends() -> None:
    head = make_rack(3)
    Hold(head.direct_client(), head.clock, ALICE).take(names_of(head))
    head.clock.sleep(295)

    provision(head, ON, "node001", owner=ALICE, direct=True)

    assert head.clock.now_s() > 300
    assert is_free_for_bob(head) == {"node001": False, "node002": False, "node003": False}
    assert claim_of(head, "node001") is None  # nothing is to be done with it
    head.clock.sleep(301)
    assert is_free_for_bob(head) == {"node001": False, "node002": True, "node003": True}


def test_a_claim_is_renewed_on_another_node_where_the_first_was_deleted() -> None:
    head = make_rack(3)
    claims = claims_of(head)
    taken, _others = claims.take(claims.gathering.gather(), {})
    del head.devices[head.device("node001")["uuid"]]

    head.clock.sleep(claims.lasts_s * 0.9)
    claims.renew(taken)
    head.clock.sleep(claims.lasts_s * 0.9)

    assert is_free_for_bob(head) == {"node002": False, "node003": False}


@pytest.mark.parametrize("break_", [None, *(break_ for break_, _words in FAILURES.values())], ids=["well", *FAILURES])
def test_no_claim_is_left_after_a_run_and_the_keys_of_others_are(break_: Callable[[FakeHeadNode], None] | None) -> None:
    head = make_rack(4)
    for name in names_of(head):
        head.device(name)["extra_values"] = {"theirs": [1, None]}
    if break_ is not None:
        break_(head)

    provision(head, owner=ALICE, direct=True)

    for name in names_of(head):
        assert claim_of(head, name) is None
        assert head.device(name)["extra_values"]["theirs"] == [1, None]


def test_nodes_that_are_not_started_were_never_claimed() -> None:
    head = make_rack(2)

    provision(head, Request(), owner=ALICE)

    assert claim_of(head, "node001") is None
    assert not head.writes


# -- calls for many ----------------------------------------------------------------------------------------------------


def take_all(head: FakeHeadNode) -> tuple[set[str], list[tuple[str, int]]]:
    """Claim all nodes; return their names, and the calls that read and wrote devices, each with its number of them."""
    claims = claims_of(head)
    claims.bulk, claims.workers = BulkCalls.AUTO, 5
    nodes = claims.gathering.gather()
    head.calls.clear()
    taken, results = claims.take(nodes, {})
    assert results == {}
    assert {claim.run for name in taken if (claim := claim_of(head, name))} == {ALICE.run}
    names = ("getDevicesByUuids", "updateDevices", "updateDevice")
    return set(taken), [
        (call.name, len(call.args[0]) if call.name != "updateDevice" else 1)
        for call in head.calls
        if call.name in names
    ]


def test_without_calls_for_many_a_hundred_are_read_before_a_hundred_are_written() -> None:
    head = make_rack(250)
    head.instead["updateDevices"] = lambda _call: httpx.Response(400, json={})

    taken, calls = take_all(head)

    assert len(taken) == 250
    assert [size for name, size in calls if name == "updateDevices"] == [250]
    single = calls.index(("updateDevice", 1))
    assert calls[single - 1] == ("getDevicesByUuids", 100)
    for part in (100, 100, 50):
        assert calls[single - 1] == ("getDevicesByUuids", part)
        assert calls[single : single + part] == [("updateDevice", 1)] * part
        single += part + 2  # what was stored, and the next hundred


@pytest.mark.parametrize("is_stored", [True, False])
def test_claims_whose_answer_was_lost_are_read_and_decided_on_anew(is_stored: bool) -> None:
    head = make_rack(3)

    def lose(call: Call) -> httpx.Response:
        if is_stored:
            head._cmdevice_update_devices(call.args[0], False)
        # Somebody else comes while nothing is known of the answer.
        claim_for(head, BOB, "node002")
        return httpx.Response(503)

    head.instead["updateDevices"] = lose
    claims = claims_of(head)
    claims.bulk = BulkCalls.AUTO
    taken, results = claims.take(claims.gathering.gather(), {})

    assert set(taken) == {"node001", "node003"}
    assert results["node002"].message.startswith("claimed by bob@desk until ")
    claim = claim_of(head, "node002")
    assert claim is not None
    assert claim.run == BOB.run
    assert len(head.names("updateDevices")) == 1


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(400), httpx.Response(403), httpx.Response(503), httpx.Response(200, json=[])],
    ids=["unknown", "forbidden", "lost", "unreadable"],
)
def test_a_run_without_calls_for_many_ends_like_any_other(answer: httpx.Response) -> None:
    head = make_rack(4)
    head.instead["updateDevices"] = lambda _call: answer

    results = provision(head, ON, pace=Pace(bulk=BulkCalls.AUTO))

    assert set(outcomes(results).values()) == {"successful"}
    assert {node.boots for node in head.nodes.values()} == {1}
    assert len(head.names("updateDevices")) == 1


def test_a_record_whose_answer_was_lost_leaves_the_claim_of_who_came_since() -> None:
    head = make_rack(3)
    claims = claims_of(head)
    claims.bulk = BulkCalls.AUTO
    taken, _others = claims.take(claims.gathering.gather(), {})

    def lose(call: Call) -> httpx.Response:
        first, second, _third = call.args[0]
        head._cmdevice_update_devices([first, second], False)
        claim_for(head, BOB, second["hostname"])
        return httpx.Response(503)

    head.instead["updateDevices"] = lose
    stored = {name: head.device(name) for name in taken}
    outcomes = claims.give_back({name: {"noted": "yes"} for name in taken}, stored, {})

    assert {outcome.error for outcome in outcomes.values()} == {None}
    assert {head.device(name)["extra_values"]["noted"] for name in taken} == {"yes"}
    owners = [claim.owner if (claim := claim_of(head, name)) else "" for name in sorted(taken)]
    assert owners == ["", "bob@desk", ""]
