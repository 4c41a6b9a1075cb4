# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls by which clients find out whom they are talking to, and what there is (bcm-api.md 1.5, 1.6, 2, 2.6)."""

from __future__ import annotations

import uuid as uuids
from typing import Any

import pytest

from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.in_process import Bench
from virtual_rack.rack_reader import rack_from
from virtual_rack.services.main import version_answer


@pytest.mark.parametrize(("version", "release"), [("10", "10.0"), ("11", "11.0")])
def test_the_version_has_the_keys_of_the_json_interface(content: dict[str, Any], version: str, release: str) -> None:
    content["head_node"]["version"] = version
    bench = Bench(rack_from(content))
    answer, rest = bench.call("cmmain", "getVersion"), version_answer(version)
    assert answer["baseType"] == "VersionInfo"
    assert answer["ref_node_uuid"] == bench.call("cmdevice", "getNode", "master")["uuid"]
    assert answer["cmVersion"] == release
    assert answer["cmdaemonVersion"] == rest["cmd_version"]
    assert answer["cmdaemonBuildIndex"] == rest["build_index"]
    assert answer["cmdaemonBuildHash"] == rest["build_hash"]
    assert answer["databaseVersion"] == rest["database_version"]
    assert not rest.keys() & answer.keys()


def test_the_head_nodes_are_three_uuids_of_which_one_is_in_use(bench: Bench) -> None:
    heads = bench.call("cmdevice", "getHeadNodes")
    assert [(head["hostname"], head["childType"]) for head in heads] == [("bcm-head", "HeadNode")]
    assert bench.call("cmmain", "getActivePassiveUuids") == [heads[0]["uuid"], ZERO_UUID, ZERO_UUID]


def test_the_head_node_answers_a_ping_and_says_that_it_wants_uuids(bench: Bench) -> None:
    assert bench.call("cmmain", "ping") is True
    assert bench.call("cmmain", "need_uuid") is True


@pytest.mark.parametrize("mac", ["02:00:00:00:00:0A", "02:00:00:00:00:0a"])
def test_a_device_is_found_by_its_mac_address(bench: Bench, mac: str) -> None:
    bench.register("node1", mac="02:00:00:00:00:0A")
    bench.register("node2")
    assert bench.call("cmdevice", "getDevice", mac) == bench.device("node1")
    assert bench.call("cmdevice", "getDevice", "00:00:00:00:00:00") is None


def test_a_machine_that_boots_without_being_registered_is_a_new_node_until_it_is(bench: Bench) -> None:
    bench.register("node1")
    for name in ("node1", "node2"):
        bench.head.press_power(bench.head.machines.named(name), power=True)  # type: ignore[arg-type]
    assert bench.call("cmdevice", "getNewNodes") == []
    bench.step(15)
    (new,) = bench.call("cmdevice", "getNewNodes")
    assert (new["baseType"], new["mac"], new["type"], new["count"]) == ("NewNode", "02:00:00:00:00:02", "NODE", 1)
    bench.step(60)
    (again,) = bench.call("cmdevice", "getNewNodes")
    assert (again["uuid"], again["count"]) == (new["uuid"], 2)
    assert (again["appeared"], again["firstSeen"]) == (new["appeared"], new["firstSeen"])
    assert again["lastSeen"] == new["lastSeen"] + 60
    bench.register("node2")
    assert bench.call("cmdevice", "getNewNodes") == []


def test_a_new_node_that_loses_power_is_none_any_more(bench: Bench) -> None:
    machine = bench.head.machines.named("node2")
    assert machine is not None
    bench.head.press_power(machine, power=True)
    bench.step(15)
    bench.head.press_power(machine, power=False)
    assert bench.call("cmdevice", "getNewNodes") == []


def lite_node(bench: Bench, **fields: Any) -> Entity:
    body = bench.new_device("node1")
    kept = {key: body[key] for key in ("uuid", "hostname", "mac", "partition", "interfaces")}
    return {**kept, "baseType": "Device", "childType": "LiteNode", **fields}


def test_a_lite_node_is_updated_by_a_call_of_its_own(bench: Bench) -> None:
    assert bench.call("cmdevice", "addLiteNode", lite_node(bench), 0)["success"]
    stored = bench.device("node1")
    assert bench.call("cmdevice", "updateLiteNode", {**stored, "notes": "moved"}, 0)["success"]
    assert bench.device("node1") == {**stored, "notes": "moved"}


def test_that_call_makes_no_lite_node_of_another_device(bench: Bench) -> None:
    bench.register("node1")
    answer = bench.call("cmdevice", "updateLiteNode", {**bench.device("node1"), "notes": "x"}, 0)
    assert answer["success"] is False
    assert (bench.device("node1")["childType"], bench.device("node1")["notes"]) == ("PhysicalNode", "")


def test_a_lite_node_may_have_interfaces_without_uuids(bench: Bench) -> None:
    """NVIDIA's own daemon registers its node so."""
    interface = {"baseType": "NetworkInterface", "childType": "NetworkPhysicalInterface", "name": "eth0"}
    assert bench.call("cmdevice", "addLiteNode", lite_node(bench, interfaces=[interface]), 0)["success"]
    stored = bench.device("node1")
    assert uuids.UUID(stored["interfaces"][0]["uuid"]).version == 4
    changed = {**stored, "interfaces": [{**interface, "ip": "10.141.0.9"}]}
    assert bench.call("cmdevice", "updateLiteNode", changed, 0)["success"]
    assert bench.device("node1")["interfaces"][0]["ip"] == "10.141.0.9"
