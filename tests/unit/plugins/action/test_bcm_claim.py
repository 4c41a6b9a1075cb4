# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims that a run takes before it changes anything, and gives back at its end."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import Claim, claim_values
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner

from ..fake_head_node import Call, FakeHeadNode
from ..objects import make_device
from .acting import Actions

BOB = Owner("bob", "run2")
OTHER_IMAGE = {"software_image": "other-image"}


def wanted(*names: str, **options: Any) -> list[dict[str, Any]]:
    return [{"hostname": name, **(options or OTHER_IMAGE)} for name in names]


def claim_of(head: FakeHeadNode, name: str) -> Claim | None:
    return Claim.from_api(head.device(name)["extra_values"])


def claim_for_bob(head: FakeHeadNode, name: str) -> None:
    head.device(name)["extra_values"] = claim_values(BOB, until_s=head.clock.wall_s() + 300)


def test_nodes_that_are_to_be_changed_are_claimed_and_no_others(actions: Actions, head: FakeHeadNode) -> None:
    devices = [*wanted("node001", "node009"), {"hostname": "node002", "notes": ""}]

    result = actions.run("bcm_claim", devices=devices, owner="alice", claim_time=60)

    assert result["claimed"] == ["node001"]
    assert result["run"] == owner_of("").run
    assert claim_of(head, "node001") == Claim("alice", result["run"], head.clock.wall_s() + 60 - 2)
    assert claim_of(head, "node002") is None
    assert head.device("node001")["softwareImageProxy"] is None
    assert result["changed"] is False


def test_where_nothing_is_to_be_changed_nothing_is_written_and_nobody_waits(
    actions: Actions, head: FakeHeadNode
) -> None:
    before_s = head.clock.now_s()

    assert actions.run("bcm_claim", devices=wanted("node001", notes=""))["claimed"] == []
    assert not head.writes
    assert head.clock.now_s() == before_s


def test_the_nodes_of_a_category_that_is_changed_are_claimed(actions: Actions) -> None:
    category = {"name": "default", **OTHER_IMAGE}
    devices = wanted("node001", "node002", notes="")

    few = actions.run("bcm_claim", devices=devices, categories=[category])
    all_ = actions.run("bcm_claim", devices=devices, categories=[category], allow_member_change=True)

    assert few["claimed"] == []  # the category will be refused: node003 would be installed anew
    assert all_["claimed"] == ["node001", "node002", "node003"]


def test_what_this_run_has_claimed_is_claimed_once(actions: Actions, head: FakeHeadNode) -> None:
    first = actions.run("bcm_claim", devices=wanted("node001"))
    before = len(head.writes)

    assert actions.run("bcm_claim", devices=wanted("node001")) == first
    assert len(head.writes) == before
    head.clock.sleep(200)
    actions.run("bcm_claim", devices=wanted("node001"))
    assert len(head.writes) == before + 1


def test_nodes_of_others_are_left_to_them_and_named(actions: Actions, head: FakeHeadNode) -> None:
    claim_for_bob(head, "node001")

    result = actions.run("bcm_claim", devices=wanted("node001", "node002"))

    assert result["claimed"] == ["node002"]
    assert result["refused"] == {"node001": "bob until 22:18:20 UTC"}
    assert claim_of(head, "node001") == Claim("bob", "run2", 1_700_000_300.0)
    assert not result.get("failed")


def test_a_claim_written_after_ours_wins(actions: Actions, head: FakeHeadNode) -> None:
    def be_later(_call: Call) -> None:
        if len(head.names("getDevicesByUuids")) == 3:
            claim_for_bob(head, "node001")

    head.instead["getDevicesByUuids"] = be_later
    result = actions.run("bcm_claim", devices=wanted("node001", "node002"))

    assert result["claimed"] == ["node002"]
    assert list(result["refused"]) == ["node001"]


def test_check_mode_says_the_same_and_writes_nothing(actions: Actions, head: FakeHeadNode) -> None:
    claim_for_bob(head, "node001")

    planned = actions.run("bcm_claim", devices=wanted("node001", "node002"), check=True)
    assert not head.writes
    done = actions.run("bcm_claim", devices=wanted("node001", "node002"))

    assert planned == done


def test_all_claims_of_this_run_are_given_back_and_the_keys_of_others_stay(
    actions: Actions, head: FakeHeadNode
) -> None:
    head.device("node001")["extra_values"] = {"theirs": 1}
    claim_for_bob(head, "node003")
    actions.run("bcm_claim", devices=wanted("node001", "node002"))

    result = actions.run("bcm_claim", state="absent")
    again = actions.run("bcm_claim", state="absent")

    assert result["given_back"] == ["node001", "node002"]
    assert again["given_back"] == []
    assert head.device("node001")["extra_values"] == {"theirs": 1}
    assert claim_of(head, "node003") is not None


@pytest.mark.parametrize("count", [3, 90])
def test_reads_do_not_grow_with_the_number_of_nodes(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    head = FakeHeadNode(*(make_device(f"node{number:03d}", number) for number in range(1, count + 1)))
    names = [f"node{number:03d}" for number in range(1, count + 1)]

    Actions(head, capsys).run("bcm_claim", devices=wanted(*names))

    assert len([call for call in head.calls if not call.writes]) == 9
    assert len(head.writes) == 1


@pytest.mark.parametrize("claim_time", [0, -1])
def test_a_claim_must_last(claim_time: int, actions: Actions) -> None:
    assert "claim_time must be more than 0" in actions.run("bcm_claim", claim_time=claim_time)["msg"]


@pytest.mark.parametrize("status", [400, 403, 503, 200])
def test_where_no_call_takes_many_claims_they_are_written_one_by_one_after_another_look(
    actions: Actions, head: FakeHeadNode, status: int
) -> None:
    def refuse(_call: Call) -> httpx.Response:
        claim_for_bob(head, "node002")
        return httpx.Response(status, json=[])

    head.instead["updateDevices"] = refuse
    result = actions.run("bcm_claim", devices=wanted("node001", "node002", "node003"))

    assert "node001" in result["claimed"]
    assert len(head.names("updateDevices")) == 1
    if status in (200, 503):
        # Much time may have passed: who came meanwhile keeps the claim.
        assert list(result["refused"]) == ["node002"]
        assert claim_of(head, "node002") is not None


@pytest.mark.parametrize(("words", "calls"), [(True, ["updateDevices"]), (False, ["updateDevice"] * 2)])
def test_a_boolean_is_as_good_as_its_word(actions: Actions, head: FakeHeadNode, words: bool, calls: list[str]) -> None:
    actions.run("bcm_claim", devices=wanted("node001", "node002"), bulk_calls=words)

    assert [call.name for call in head.writes] == calls


@pytest.mark.parametrize("status", [400, 503])
def test_claims_given_back_without_an_answer_leave_those_of_who_came_since(
    actions: Actions, head: FakeHeadNode, status: int
) -> None:
    actions.run("bcm_claim", devices=wanted("node001", "node002", "node003"))

    def lose(call: Call) -> httpx.Response:
        if status == 503:
            head._cmdevice_update_devices(call.args[0][1:2], False)
            claim_for_bob(head, call.args[0][1]["hostname"])
        return httpx.Response(status)

    head.instead["updateDevices"] = lose
    result = actions.run("bcm_claim", state="absent")

    assert sorted(result["given_back"]) == ["node001", "node002", "node003"]
    owners = [claim.owner if (claim := claim_of(head, name)) else "" for name in sorted(result["given_back"])]
    assert owners == ["", "bob" if status == 503 else "", ""]
