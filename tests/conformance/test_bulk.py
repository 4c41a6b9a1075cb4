# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls for many entities: what the rack answers is what the collection reads."""

from __future__ import annotations

from typing import Any

import pytest

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
    result = room.modules.run("bcm_devices", devices=devices, bulk_calls=True, fail_on_error=False)
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
