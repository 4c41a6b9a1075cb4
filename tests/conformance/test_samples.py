# SPDX-License-Identifier: GPL-3.0-or-later
"""The rack against what real head nodes sent and accepted; samples/README.md says where each sample is from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from virtual_rack.entities.fields import EVERY_ENTITY, ZERO_UUID, Entity
from virtual_rack.entities.normalise import Rules, normalise
from virtual_rack.entities.shapes import find_shape
from virtual_rack.in_process import Bench
from virtual_rack.rack_reader import rack_from
from virtual_rack.services.main import version_answer

SAMPLES = Path(__file__).parent / "samples"

WHOLE = (
    "physicalnode-bcm11.json",
    "headnode-bcm11.json",
    "category-default-bcm11.json",
    "softwareimage-default-bcm11.json",
)
# What tells one node, category or image from another: not defaults.
OWN = {
    "Device": {"category", "cmdaemonUrl", "creationTime", "hostname", "interfaces", "mac", "parent_uuid", "partition"}
    | {"provisioningInterface", "uuid", "roles", "fsexports"},
    "Category": {"bmcSettings", "disksetup", "fsmounts", "managementNetwork", "name", "parent_uuid", "uuid"}
    | {"softwareImageProxy", "excludeListFull", "excludeListGrab", "excludeListGrabnew", "excludeListSync"}
    | {"excludeListUpdate"},
    "SoftwareImage": {"bootfspart", "creationTime", "fspart", "kernelParameters", "kernelVersion", "modules", "name"}
    | {"parent_uuid", "path", "uuid"},
    "Network": {"baseAddress", "bootable", "domainName", "dynamicRangeEnd", "dynamicRangeStart", "gateway"}
    | {"management", "name", "netmaskBits", "uuid"},
}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def entities() -> Iterator[Entity]:
    for name in WHOLE:
        yield sample(name)
    yield from sample("networks-bcm11.json")


def parts(value: Any) -> Iterator[Entity]:
    """Walk through an entity and all entities inside it."""
    if isinstance(value, list):
        for element in value:
            yield from parts(element)
    if isinstance(value, dict):
        if "baseType" in value:
            yield value
        for element in value.values():
            yield from parts(element)


def defaults(entity: Mapping[str, Any]) -> Entity:
    shape = find_shape(entity["baseType"], entity["childType"])
    assert shape is not None, (entity["baseType"], entity["childType"])
    return shape.defaults("11")


def test_every_entity_and_sub_entity_has_exactly_the_captured_keys() -> None:
    for entity in entities():
        for part in parts(entity):
            assert set(defaults(part)) == set(part), part["childType"] or part["baseType"]


def test_every_field_has_the_captured_type() -> None:
    for entity in entities():
        for part in parts(entity):
            for name, value in defaults(part).items():
                if value is not None and part[name] is not None:
                    assert type(value) is type(part[name]), name


def test_every_default_is_the_captured_value() -> None:
    for entity in entities():
        own = OWN[entity["baseType"]]
        expected = {name: value for name, value in entity.items() if name not in own}
        assert {name: value for name, value in defaults(entity).items() if name not in own} == expected


def test_a_captured_entity_that_is_sent_back_is_stored_unchanged() -> None:
    for entity in entities():
        shape = find_shape(entity["baseType"], entity["childType"])
        assert shape is not None
        read = normalise(entity, shape=shape, stored=None, rules=Rules("11"))
        assert read.problems == ()
        assert read.entity == entity


def test_the_gpu_settings_that_a_third_party_saw_are_kept() -> None:
    sent = sample("nvidiagpusettings.json")
    shape = find_shape("GPUSettings", "NvidiaGPUSettings")
    assert shape is not None
    entity = normalise(sent, shape=shape, stored=None, rules=Rules("11")).entity
    assert {name: entity[name] for name in sent} == sent
    assert set(entity) - set(sent) <= set(EVERY_ENTITY)


def rack(version: str, **head_node: Any) -> Bench:
    return Bench(
        rack_from(
            {
                "head_node": {
                    "version": version,
                    "users": [{"username": "admin", "password": "x"}],
                    "networks": [{"name": "internalnet", "base_address": "10.141.0.0", "netmask_bits": 16}],
                    **head_node,
                },
                "machines": [],
            }
        )
    )


def accepted_request(bench: Bench) -> Entity:
    """Take the addDevice that a live BCM 10 accepted, with the references of this rack."""
    body: Entity = sample("add-device-bcm10.json")
    network = bench.call("cmnet", "getNetwork", "internalnet")["uuid"]
    body["category"] = bench.call("cmdevice", "getCategory", "default")["uuid"]
    body["partition"] = bench.call("cmpart", "getPartitions")[0]["uuid"]
    body["managementNetwork"] = network
    for interface in body["interfaces"]:
        interface["network"] = network
    return body


@pytest.mark.parametrize("version", ["10", "11"])
def test_the_request_that_a_live_head_node_accepted_is_accepted_and_answered_alike(version: str) -> None:
    bench = rack(version)
    body = accepted_request(bench)
    assert bench.call("cmdevice", "addDevice", body, False) == sample("answers.json")["addDevice_ok"]
    device = bench.device("cpu-05")
    assert [i["childType"] for i in device["interfaces"]] == ["NetworkBmcInterface", "NetworkPhysicalInterface"]
    assert device["cmdaemonUrl"] == body["cmdaemonUrl"]


def test_a_duplicate_is_refused_in_the_captured_words() -> None:
    bench = rack("10")
    bench.call("cmdevice", "addDevice", accepted_request(bench), False)
    answer = bench.call("cmdevice", "addDevice", accepted_request(bench), False)
    expected = sample("answers.json")["addDevice_duplicate"]
    assert answer["success"] is expected["success"]
    for finding, wanted in zip(answer["validation"], expected["validation"], strict=True):
        wanted["ref_entity_uuid"] = bench.device("cpu-05")["uuid"]
        assert {name: finding[name] for name in wanted} == wanted


def test_an_update_is_answered_as_captured() -> None:
    bench = rack("11")
    bench.call("cmdevice", "addDevice", accepted_request(bench), False)
    assert bench.update("cpu-05", notes="x") == sample("answers.json")["update_ok"]


def test_a_partial_update_is_refused_as_reported() -> None:
    bench = rack("11")
    body = accepted_request(bench)
    bench.call("cmdevice", "addDevice", body, False)
    answer = bench.call("cmdevice", "updateDevice", {"uuid": body["uuid"], "hostname": "cpu-05"})
    expected = sample("answers.json")["updateDevice_partial_body"]
    assert {**answer, "validation": []} == {**expected, "validation": []}
    for finding, wanted in zip(answer["validation"], expected["validation"], strict=True):
        assert {name: finding[name] for name in wanted} == wanted


def test_other_answers_are_the_captured_ones() -> None:
    bench, expected = rack("11"), sample("answers.json")
    assert bench.call("cmdevice", "reboot") == expected["reboot_without_argument"]
    assert bench.call("cmdevice", "getDevice", "unknown") == expected["getDevice_unknown"]
    assert sorted(version_answer("11")) == sample("version-keys.json")


def test_the_power_operation_that_a_client_sends_is_taken() -> None:
    bench = rack("11")
    asked = sample("power-operation.json")
    assert bench.call(asked["service"], asked["call"], *asked["args"])["count"] == 0


def test_the_lite_node_that_a_client_adds_is_taken() -> None:
    bench = rack("11")
    body: Entity = sample("add-lite-node.json")
    network = bench.call("cmnet", "getNetwork", "internalnet")["uuid"]
    body |= {
        "uuid": "b612c197-9475-42da-9fb6-2117ba8658e3",
        "partition": bench.call("cmpart", "getPartitions")[0]["uuid"],
    }
    for number, part in enumerate([body["bmcSettings"], *body["interfaces"]]):
        part["uuid"] = f"b612c197-9475-42da-9fb6-00000000000{number}"
    for interface in body["interfaces"]:
        interface["network"] = network
    assert bench.call("cmdevice", "addLiteNode", body)["success"]
    stored = bench.device("node001")
    assert [i["name"] for i in stored["interfaces"]] == ["BOOTIF", "rf0"]
    assert stored["bmcSettings"]["userID"] == 2
    assert stored["parent_uuid"] != ZERO_UUID
