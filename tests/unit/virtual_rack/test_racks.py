# SPDX-License-Identifier: GPL-3.0-or-later
"""Racks, and the places of devices in them (bcm-api.md 4.10)."""

from __future__ import annotations

import uuid as uuids
from typing import Any

import pytest

from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.in_process import Bench
from virtual_rack.rack_reader import rack_from

ELSEWHERE = "11111111-2222-4333-8444-555555555555"


def add_rack(bench: Bench, name: str = "A01", **fields: Any) -> Entity:
    rack = {"baseType": "Rack", "childType": "", "uuid": str(uuids.uuid4()), "name": name, **fields}
    answer: Entity = bench.call("cmpart", "addRack", rack, 0)
    assert answer["success"], answer
    stored: Entity = bench.call("cmpart", "getRack", name)
    return stored


def place(rack: str, **fields: Any) -> Entity:
    return {"baseType": "RackPosition", "childType": "", "uuid": str(uuids.uuid4()), "rack": rack, **fields}


def test_there_are_no_racks_at_first_and_those_added_are_found(bench: Bench) -> None:
    assert bench.call("cmpart", "getRacks") == []
    first, second = add_rack(bench, "A01", height=48), add_rack(bench, "A02")
    assert (first["height"], second["height"], second["width"], second["inverted"]) == (48, 42, 19, False)
    assert [rack["name"] for rack in bench.call("cmpart", "getRacks")] == ["A01", "A02"]
    assert bench.call("cmpart", "getRacksByUuids", [second["uuid"]]) == [second]
    assert bench.call("cmpart", "getRacksByUuids", []) == [first, second]


def test_a_rack_is_changed_and_two_of_one_name_are_refused(bench: Bench) -> None:
    rack = add_rack(bench)
    assert bench.call("cmpart", "updateRack", {**rack, "room": "2.11"}, 0)["success"]
    assert bench.call("cmpart", "getRack", "A01")["room"] == "2.11"
    again = bench.call("cmpart", "addRack", {**rack, "uuid": str(uuids.uuid4())}, 0)
    assert [finding["error_code"] for finding in again["validation"]] == ["DUPLICATE_FIELD"]


def test_the_place_of_a_device_is_kept_and_an_update_can_change_it(bench: Bench) -> None:
    rack = add_rack(bench)
    bench.register("node1", rackPosition=place(rack["uuid"], position=7, height=8))
    stored = bench.device("node1")["rackPosition"]
    assert (stored["rack"], stored["position"], stored["height"], stored["trayId"]) == (rack["uuid"], 7, 8, "")
    bench.update("node1", rackPosition={**stored, "position": 9})
    assert bench.device("node1")["rackPosition"] == {**stored, "position": 9}
    bench.update("node1", rackPosition=None)
    assert bench.device("node1")["rackPosition"] is None


def test_a_place_without_a_uuid_is_given_one(bench: Bench) -> None:
    rack = add_rack(bench)
    bench.register("node1", rackPosition={"baseType": "RackPosition", "rack": rack["uuid"], "position": 1, "height": 1})
    uuid = bench.device("node1")["rackPosition"]["uuid"]
    assert uuid != ZERO_UUID
    assert bench.update("node1", notes="x")["success"]
    assert bench.device("node1")["rackPosition"]["uuid"] == uuid


def test_a_place_in_a_rack_that_does_not_exist_is_refused(bench: Bench) -> None:
    answer = bench.call("cmdevice", "addDevice", bench.new_device("node1", rackPosition=place(ELSEWHERE)), 0)
    assert [(v["field"], v["error_code"]) for v in answer["validation"]] == [("rack", "BAD_VALUE")]
    assert bench.call("cmdevice", "getDevice", "node1") is None


def test_a_rack_with_devices_in_it_names_them_and_is_removed_only_by_force(bench: Bench) -> None:
    rack = add_rack(bench)
    bench.register("node1", rackPosition=place(rack["uuid"]))
    assert [e["hostname"] for e in bench.call("cmpart", "queryRemoveRack", rack["uuid"])] == ["node1"]
    assert bench.call("cmpart", "removeRack", rack["uuid"], 0)["success"] is False
    assert bench.call("cmpart", "removeRack", rack["uuid"], 1)["success"]
    assert bench.call("cmpart", "getRacks") == []


def test_racks_outlive_the_program(bench: Bench, content: dict[str, Any]) -> None:
    rack = add_rack(bench)
    again = Bench(rack_from(content), state=bench.head.to_state())
    assert again.call("cmpart", "getRacks") == [rack]


@pytest.mark.parametrize("version", ["10", "11"])
def test_bcm_10_has_racks_but_no_such_field_on_devices(content: dict[str, Any], version: str) -> None:
    content["head_node"]["version"] = version
    bench = Bench(rack_from(content))
    rack = add_rack(bench)
    bench.register("node1", rackPosition=place(rack["uuid"]))
    assert ("rackPosition" in bench.device("node1")) is (version == "11")
