# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls for many entities: what the rack answers is what the collection reads."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.tests.conformance.rack_on_clock import Call
from ansible_collections.baremetal.bcm.tests.conformance.room import Room, make_device


@pytest.fixture
def room(capsys: pytest.CaptureFixture[str]) -> Room:
    """Five machines, of which the last is registered."""
    room = Room(5, capsys)
    room.modules.good("bcm_devices", devices=[make_device("node05", 5)])
    room.rack.calls.clear()
    return room


def add(room: Room, *taken: int) -> tuple[dict[str, Any], list[str]]:
    """Register four machines in one call, some with the MAC address of the fifth; give the result, and the writes."""
    devices = [
        make_device(f"node0{number}", number) | ({"mac": make_device("", 5)["mac"]} if number in taken else {})
        for number in (1, 2, 3, 4)
    ]
    result = room.modules.run("bcm_devices", devices=devices, fail_on_error=False)
    return result, [call.name for call in room.rack.calls if call.name.startswith("add")]


def test_many_devices_are_registered_in_one_call(room: Room) -> None:
    result, writes = add(room)

    assert (result["failures"], writes) == ({}, ["addDevices"])
    assert all(room.rack.bench.device(name) for name in room.names)


def test_one_of_many_that_is_refused_fails_alone_with_the_head_node_s_words(room: Room) -> None:
    result, writes = add(room, 2)

    assert list(result["failures"]) == ["node02"]
    assert "already exists: node05 (DUPLICATE_FIELD)" in result["failures"]["node02"]
    assert writes == ["addDevices"]
    assert [room.rack.bench.device(name) is None for name in room.names] == [False, True, False, False, False]


def test_of_several_that_are_refused_each_has_its_own_reason(room: Room) -> None:
    result, writes = add(room, 1, 3)

    assert list(result["failures"]) == ["node01", "node03"]
    assert all("already exists: node05" in reason for reason in result["failures"].values())
    assert writes == ["addDevices", "addDevice", "addDevice"]


DENIED = {"errormessage": "Your certificate (profile:) does not allow access to CMDevice::updateDevices\n"}


def provision_all(room: Room) -> list[str]:
    """Bring all nodes up, from their registration on; return the calls that wrote devices, those of claims included."""
    room.rack.calls.clear()
    room.register()
    room.provision(*room.names, claim_time=1e6)  # so that none is renewed
    assert [room.rack.machine(name).boots for name in room.names] == [1] * len(room.names)
    return [call.name for call in room.rack.calls if call.name.startswith(("addDevice", "updateDevice"))]


def instead(room: Room, **answers: Any) -> None:
    """Let calls get these answers; one that is None is performed, and its answer lost."""
    answer = room.rack._answer

    def other(body: dict[str, Any]) -> httpx.Response:
        if body.get("call") not in answers:
            return answer(body)
        said = answers[body["call"]]
        if said is None:
            answer(body)
            return httpx.Response(503)
        room.rack.calls.append(Call(room.now_s(), body["call"], body["args"]))
        return httpx.Response(200, json=said)

    room.rack._answer = other  # type: ignore[method-assign]


def test_a_head_node_that_has_calls_for_many_gets_three_for_a_whole_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert provision_all(Room(4, capsys)) == ["addDevices", "updateDevices", "updateDevices"]


def test_a_head_node_that_has_none_is_asked_once_a_task_and_the_nodes_come_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = provision_all(Room(4, capsys, bulk_calls=False))

    # The rack keeps no note of calls that it does not have.
    assert made == ["addDevices", *["addDevice"] * 4, "updateDevices", *["updateDevice"] * 8]


def test_an_account_without_the_right_to_calls_for_many_brings_the_nodes_up(capsys: pytest.CaptureFixture[str]) -> None:
    room = Room(4, capsys)
    instead(room, addDevices=DENIED, updateDevices=DENIED)

    assert provision_all(room) == ["addDevices", *["addDevice"] * 4, "updateDevices", *["updateDevice"] * 8]


def test_an_account_that_has_to_make_calls_for_many_and_may_not_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    room = Room(4, capsys)
    instead(room, addDevices=DENIED)
    devices = [make_device(name, number) for number, name in enumerate(room.names, 1)]

    assert "profile must allow cmdevice.addDevices" in room.modules.bad("bcm_devices", devices=devices, bulk_calls=True)


def test_an_answer_that_is_lost_after_all_were_stored_is_no_loss(
    capsys: pytest.CaptureFixture[str],
) -> None:
    room = Room(4, capsys)
    instead(room, addDevices=None)

    assert provision_all(room) == ["addDevices", "updateDevices", "updateDevices"]
    assert len(room.rack.bench.call("cmdevice", "getDevices")) == 1 + 4


def test_claims_and_records_whose_answer_is_lost_are_written_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    room = Room(4, capsys)
    instead(room, updateDevices=None)

    assert provision_all(room) == ["addDevices", "updateDevices", *["updateDevice"] * 8]


@pytest.mark.parametrize("bulk_calls", [True, False])
def test_a_check_offers_no_call_for_many(capsys: pytest.CaptureFixture[str], bulk_calls: bool) -> None:
    room = Room(4, capsys, bulk_calls=bulk_calls)
    devices = [make_device(name, number) for number, name in enumerate(room.names, 1)]

    assert room.modules.good("bcm_devices", devices=devices, check=True)["changed"]
    assert not [call for call in room.rack.calls if call.name.startswith(("add", "update"))]
