# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import uuid as uuids
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virtual_rack.entities.device_shapes import HEAD_NODE, PHYSICAL_NODE
from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.entities.normalise import Rules, normalise
from virtual_rack.entities.shapes import CATEGORY, NETWORK, SOFTWARE_IMAGE
from virtual_rack.in_process import Bench
from virtual_rack.rack_reader import rack_from

ELSEWHERE = "11111111-2222-4333-8444-555555555555"
SCALAR = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
JSON = SCALAR | st.lists(SCALAR, max_size=2) | st.dictionaries(st.sampled_from(["uuid", "name"]), SCALAR)


def new_uuid() -> str:
    return str(uuids.uuid4())


def findings(answer: Entity) -> list[tuple[str, str, str]]:
    assert answer["success"] is False
    return [(v["field"], v["error_code"], v["message"]) for v in answer["validation"]]


@settings(deadline=None)
@given(
    shape=st.sampled_from([CATEGORY, HEAD_NODE, NETWORK, PHYSICAL_NODE, SOFTWARE_IMAGE]),
    sent=st.dictionaries(st.sampled_from([*PHYSICAL_NODE.table, *CATEGORY.table, "unknown"]), JSON, max_size=6),
    version=st.sampled_from(["10", "11"]),
    lenient=st.booleans(),
)
def test_whatever_is_sent_what_is_stored_has_exactly_the_fields_of_its_type(
    shape: Any, sent: Entity, version: str, lenient: bool
) -> None:
    rules = Rules(version, lenient=lenient)
    stored = shape.defaults(version)
    entity = normalise(sent, shape=shape, stored=stored, rules=rules).entity
    assert entity.keys() == stored.keys()
    assert entity["modified"] is False
    for name, field in shape.of_version(version).items():
        if not field.free and field.holds is None:
            assert isinstance(entity[name], type(field.default) if not isinstance(field.default, bool) else int)


@given(st.sampled_from([CATEGORY, NETWORK, PHYSICAL_NODE, SOFTWARE_IMAGE]), st.sampled_from(["10", "11"]))
def test_what_is_stored_comes_back_unchanged_when_it_is_sent_whole(shape: Any, version: str) -> None:
    stored = shape.defaults(version) | {"uuid": ELSEWHERE}
    read = normalise(stored, shape=shape, stored=stored, rules=Rules(version))
    assert read.entity == stored
    assert read.problems == ()


def test_the_answer_to_an_add_is_the_one_that_was_seen(bench: Bench) -> None:
    answer = bench.call("cmdevice", "addDevice", bench.new_device("node1"), False)
    assert answer == {"success": True, "task_uuid": ZERO_UUID, "validation": []}


@pytest.mark.parametrize(("service", "call"), [("cmdevice", "addDevice"), ("cmdevice", "addLiteNode")])
def test_by_switch_the_answer_to_an_add_has_the_entity_as_it_was_stored(
    content: dict[str, Any], service: str, call: str
) -> None:
    content["head_node"]["added_entity"] = "whole"
    bench = Bench(rack_from(content))
    refused = bench.call(service, call, bench.new_device("node1", hostname=""), 0)
    assert (refused["success"], refused["updated_entity"]) == (False, None)
    answer = bench.call(service, call, bench.new_device("node1", mac="02:00:00:00:00:0a"), 0)
    assert answer == {
        "success": True,
        "task_uuid": ZERO_UUID,
        "updated_entity": bench.device("node1"),
        "validation": [],
    }


def test_an_update_answers_without_the_entity(bench: Bench) -> None:
    bench.register("node1")
    answer = bench.update("node1", notes="x")
    assert answer == {"success": True, "task_uuid": ZERO_UUID, "updated_entity": None, "validation": []}


def test_the_server_sets_what_is_its_own(bench: Bench) -> None:
    service = {"baseType": "OSServiceConfig", "name": "nslcd", "ref_role_uuid": ELSEWHERE}
    sent = {"services": [service], "creationTime": 5, "parent_uuid": ELSEWHERE, "modified": True}
    bench.register("node1", **sent)
    device = bench.device("node1")
    assert device["parent_uuid"] == device["uuid"] == device["services"][0]["ref_role_uuid"]
    assert device["creationTime"] > 1_700_000_000
    assert device["modified"] is False
    created = device["creationTime"]
    bench.update("node1", creationTime=7)
    assert bench.device("node1")["creationTime"] == created


def test_a_device_is_given_back_with_password_in_clear_and_without_status_or_power(bench: Bench) -> None:
    bench.register("node1")
    device = bench.device("node1")
    assert device["bmcSettings"]["password"] == "bmc-secret"
    assert not {"status", "powerState", "power", "runningImage"} & device.keys()


def test_unknown_keys_are_ignored(bench: Bench) -> None:
    bench.register("node1", softwareImage="x", wait=True)
    assert not {"softwareImage", "wait"} & bench.device("node1").keys()


def test_another_spelling_of_the_bmc_interface_is_accepted_and_read_back_as_the_server_spells_it(bench: Bench) -> None:
    body = bench.new_device("node1")
    body["interfaces"][1]["childType"] = "NetworkBMCInterface"
    bench.call("cmdevice", "addDevice", body, 0)
    assert bench.device("node1")["interfaces"][1]["childType"] == "NetworkBmcInterface"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fsmounts", [{"baseType": "FSMount", "uuid": ELSEWHERE, "path": "/x", "type": "nfs"}]),
        ("fsexports", [{"baseType": "FSExport", "uuid": ELSEWHERE, "name": "x"}]),
        ("roles", [{"baseType": "Role", "childType": "InventedRole", "uuid": ELSEWHERE, "name": "x"}]),
        ("roles", ["compute"]),
        ("modules", ["nvme"]),
        ("gpuSettings", [{"baseType": "GPUSettings", "childType": "", "uuid": ELSEWHERE, "name": "0"}]),
        ("staticRoutes", [{"baseType": "StaticRoute", "uuid": ELSEWHERE, "ip": "10.0.0.0"}]),
    ],
)
def test_sub_entities_that_are_not_well_formed_are_dropped_with_success(
    bench: Bench, field: str, value: list[Any]
) -> None:
    category = bench.call("cmdevice", "getCategory", "default")
    assert bench.call("cmdevice", "updateCategory", {**category, field: value}, 0)["success"]
    assert bench.call("cmdevice", "getCategory", "default")[field] == []


def test_well_formed_sub_entities_stay_and_get_their_defaults(bench: Bench) -> None:
    module = {"baseType": "KernelModule", "uuid": ELSEWHERE, "name": "nvme"}
    bench.register("node1", modules=[module])
    assert bench.device("node1")["modules"][0]["parameters"] == ""


@pytest.mark.parametrize("switch", ["interfaces", "none"])
def test_the_members_of_a_bond_are_kept_or_dropped_as_the_rack_file_says(content: dict[str, Any], switch: str) -> None:
    content["head_node"]["bond_members"] = switch
    bench = Bench(rack_from(content))
    body = bench.new_device("node1")
    bond = {"baseType": "NetworkInterface", "childType": "NetworkBondInterface", "uuid": new_uuid(), "name": "bond0"}
    body["interfaces"].append({**bond, "interfaces": ["ens1", "ens2"]})
    assert bench.call("cmdevice", "addDevice", body, 0)["success"]
    stored = bench.device("node1")["interfaces"][2]
    assert stored["mode"] == 1
    assert stored.get("interfaces") == (["ens1", "ens2"] if switch == "interfaces" else None)


def test_a_sub_entity_marked_for_removal_is_removed(bench: Bench) -> None:
    bench.register("node1")
    boot, bmc = bench.device("node1")["interfaces"]
    bench.update("node1", interfaces=[boot, {**bmc, "to_be_removed": True}])
    assert [i["name"] for i in bench.device("node1")["interfaces"]] == ["BOOTIF"]


@pytest.mark.parametrize("uuid", [ZERO_UUID, None, ""])
def test_a_zero_uuid_is_refused_for_the_entity(bench: Bench, uuid: str | None) -> None:
    image = {"baseType": "SoftwareImage", "name": "test-image", "path": "/cm/images/test-image", "uuid": uuid}
    answer = bench.call("cmpart", "addSoftwareImage", image, 0)
    assert ("uuid", "NOT_NULL", "Zero UUID SoftwareImage:test-image") in findings(answer)


def test_a_zero_uuid_is_refused_for_each_sub_entity(bench: Bench) -> None:
    body = bench.new_device("node1")
    for interface in body["interfaces"]:
        del interface["uuid"]
    del body["bmcSettings"]["uuid"]
    body["provisioningInterface"] = ZERO_UUID
    answer = bench.call("cmdevice", "addDevice", body, 0)
    assert {message for _, _, message in findings(answer)} == {
        "Zero UUID NetworkPhysicalInterface:BOOTIF",
        "Zero UUID NetworkBmcInterface:ipmi0",
        "Zero UUID BMCSettings:",
    }


def test_a_second_device_with_the_same_name_and_mac_gets_both_findings_about_the_first(bench: Bench) -> None:
    bench.register("node1")
    answer = bench.call("cmdevice", "addDevice", bench.new_device("node1"), 0)
    assert findings(answer) == [
        ("mac", "DUPLICATE_FIELD", "A device with MAC 02:00:00:00:00:01 already exists: node1"),
        ("hostname", "DUPLICATE_FIELD", "A device with hostname node1 already exists"),
    ]
    assert {v["ref_entity_uuid"] for v in answer["validation"]} == {bench.device("node1")["uuid"]}


def test_the_zero_mac_may_repeat(bench: Bench) -> None:
    bench.register("node1", "node2", mac="00:00:00:00:00:00")


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"provisioningInterface": ELSEWHERE}, "provisioningInterface", "BAD_VALUE"),
        ({"managementNetwork": ELSEWHERE}, "managementNetwork", "BAD_VALUE"),
        ({"category": ELSEWHERE}, "category", "BAD_VALUE"),
        ({"category": ZERO_UUID}, "category", "NOT_NULL"),
        ({"partition": ZERO_UUID}, "partition", "NOT_NULL"),
        ({"hostname": ""}, "hostname", "NOT_NULL"),
        ({"hostname": "a.b"}, "hostname", "NOT_IN_SET"),
        ({"hostname": "123"}, "hostname", "NOT_IN_SET"),
        ({"powerControl": "redfish"}, "powerControl", "NOT_IN_SET"),
        ({"installMode": "MINIMAL"}, "installMode", "NOT_IN_SET"),
        ({"dataNode": "yes"}, "dataNode", "NOT_IN_SET"),
        ({"childType": "StorageNode"}, "childType", "NOT_IN_SET"),
    ],
)
def test_a_wrong_field_is_refused_and_nothing_is_stored(bench: Bench, fields: Entity, field: str, code: str) -> None:
    body = bench.new_device("node1", **fields)
    answer = bench.call("cmdevice", "addDevice", body, 0)
    assert [(name, what) for name, what, _ in findings(answer)] == [(field, code)]
    assert bench.call("cmdevice", "getDevice", body["uuid"]) is None
    validation = bench.call("cmdevice", "validateDevice", body)
    assert [finding["field"] for finding in validation] == [field]


def with_interface(bench: Bench, number: int, **fields: Any) -> Entity:
    body = bench.new_device("node1")
    body["interfaces"][number] |= fields
    return body


@pytest.mark.parametrize(
    ("number", "field", "value"),
    [
        (0, "ip", "999.1.1.1"),
        (0, "ip", "10.141.0.256"),
        (0, "ip", "10.141.0.1/16"),
        (0, "ip", "010.141.0.1"),
        (0, "ip", "node1.example"),
        (0, "ip", ""),
        (0, "ipv6Ip", "zz"),
        (0, "mac", "zz"),
        (0, "mac", "02-00-00-00-00-01"),
        (0, "mac", ""),
        (1, "ip", "300.1.1.1"),
        (1, "gateway", "x"),
        (1, "mac", "02:00:00:00:00"),
    ],
)
def test_an_interface_with_an_address_that_is_none_is_refused(
    bench: Bench, number: int, field: str, value: str
) -> None:
    body = with_interface(bench, number, **{field: value})
    answer = bench.call("cmdevice", "addDevice", body, 0)
    assert findings(answer) == [(field, "NOT_IN_SET", f"Illegal value for: {field}")]
    assert answer["validation"][0]["ref_entity_uuid"] == body["interfaces"][number]["uuid"]
    assert bench.call("cmdevice", "getDevice", "node1") is None


@pytest.mark.parametrize("ip", ["10.141.0.1", "0.0.0.0", "fd00::1", "::0"])
def test_addresses_of_both_kinds_are_kept_as_they_are(bench: Bench, ip: str) -> None:
    assert bench.call("cmdevice", "addDevice", with_interface(bench, 0, ip=ip), 0)["success"]
    assert bench.device("node1")["interfaces"][0]["ip"] == ip


def test_other_addresses_are_checked_as_well(bench: Bench) -> None:
    answer = bench.call("cmdevice", "addDevice", bench.new_device("node1", defaultGateway="gateway"), 0)
    assert [name for name, _, _ in findings(answer)] == ["defaultGateway"]
    network = {**bench.call("cmnet", "getNetwork", "internalnet"), "baseAddress": "10.141", "dynamicRangeEnd": "x"}
    answer = bench.call("cmnet", "updateNetwork", network, 0)
    assert [name for name, _, _ in findings(answer)] == ["baseAddress", "dynamicRangeEnd"]


def test_mac_addresses_come_back_in_upper_case(bench: Bench) -> None:
    body = with_interface(bench, 0, mac="a0:36:9f:7c:05:0a") | {"mac": "a0:36:9f:7c:05:0b"}
    assert bench.call("cmdevice", "addDevice", body, 0)["success"]
    device = bench.device("node1")
    assert (device["mac"], device["interfaces"][0]["mac"]) == ("A0:36:9F:7C:05:0B", "A0:36:9F:7C:05:0A")
    assert bench.update("node1", mac="a0:36:9f:7c:05:0c")["success"]
    assert bench.device("node1")["mac"] == "A0:36:9F:7C:05:0C"


@pytest.mark.parametrize("value", [[1], [None], [{"baseType": "x"}], "text"])
def test_a_list_of_words_holds_nothing_else(bench: Bench, value: Any) -> None:
    answer = bench.call("cmdevice", "addDevice", bench.new_device("node1", userDefinedResources=value), 0)
    assert [name for name, _, _ in findings(answer)] == ["userDefinedResources"]


def test_validate_finds_nothing_wrong_with_a_good_device(bench: Bench) -> None:
    assert bench.call("cmdevice", "validateDevice", bench.new_device("node1"), False) == []


def test_strict_an_update_with_a_partial_body_is_refused_about_the_partition(bench: Bench) -> None:
    bench.register("node1")
    uuid = bench.device("node1")["uuid"]
    answer = bench.call("cmdevice", "updateDevice", {"uuid": uuid, "hostname": "node1"})
    assert findings(answer) == [("partition", "NOT_NULL", "partition is required")]


def test_strict_what_an_update_leaves_out_goes_back_to_its_default(bench: Bench) -> None:
    bench.register("node1", notes="keep me")
    device = bench.device("node1")
    del device["notes"]
    assert bench.call("cmdevice", "updateDevice", device)["success"]
    assert bench.device("node1")["notes"] == ""


def test_lenient_what_an_update_leaves_out_stays_and_lists_are_replaced(content: dict[str, Any]) -> None:
    content["head_node"]["update_mode"] = "lenient"
    bench = Bench(rack_from(content))
    bench.register("node1", notes="keep me", userDefinedResources=["a", "b"])
    before = bench.device("node1")
    sent = {"uuid": before["uuid"], "extra_values": {"owner": "me"}, "userDefinedResources": ["c"]}
    assert bench.call("cmdevice", "updateDevice", sent)["success"]
    expected = {**before, "extra_values": {"owner": "me"}, "userDefinedResources": ["c"]}
    assert bench.device("node1") == expected


def test_extra_values_are_kept_on_any_entity_and_null_when_empty(bench: Bench) -> None:
    values = {"claim": "me", "until": 5, "list": [1, None], "flag": True}
    bench.register("node1", extra_values=values)
    assert bench.device("node1")["extra_values"] == values
    bench.update("node1", extra_values={})
    assert bench.device("node1")["extra_values"] is None


def test_updating_or_removing_what_is_not_there_is_a_failure(bench: Bench) -> None:
    sent = {"uuid": ELSEWHERE, "baseType": "Device"}
    assert findings(bench.call("cmdevice", "updateDevice", sent))[0][1] == "KEY_NOT_FOUND"
    assert findings(bench.call("cmdevice", "removeDevice", ELSEWHERE, 0))[0][1] == "KEY_NOT_FOUND"


def test_a_category_in_use_is_removed_only_by_force(bench: Bench) -> None:
    bench.register("node1")
    category = bench.call("cmdevice", "getCategory", "default")["uuid"]
    assert [e["hostname"] for e in bench.call("cmdevice", "queryRemoveCategory", category)] == ["node1"]
    refused = bench.call("cmdevice", "removeCategory", category, False)
    assert findings(refused)[0][1] == "NOT_ALLOWED"
    forced = bench.call("cmdevice", "removeCategory", category, True)
    assert forced["success"]
    for answer in (refused, forced):
        (change,) = answer["changes"]
        assert (change["ref_base_type"], change["parameter"], change["auto_change"]) == ("Device", "category", "NO")
        assert change["ref_entity_uuid"] == bench.device("node1")["uuid"]
    assert bench.call("cmdevice", "getCategory", category) is None
    assert bench.device("node1")["category"] == category


def test_a_removed_device_has_no_status_any_more(bench: Bench) -> None:
    bench.register("node1")
    uuid = bench.device("node1")["uuid"]
    answer = bench.call("cmdevice", "removeDevice", uuid, 0)
    assert (answer["success"], answer["changes"]) == (True, [])
    assert bench.call("cmstatus", "getStatusForDevices", [uuid]) == [None]
    assert bench.call("cmstatus", "getStatus", uuid) is None


def test_a_clone_is_copied_in_the_background(bench: Bench) -> None:
    original = bench.call("cmpart", "getSoftwareImage", "default-image")
    sent = {"baseType": "SoftwareImage", "uuid": new_uuid(), "name": "clone", "path": "/cm/images/clone"}
    answer = bench.call("cmpart", "addSoftwareImage", {**sent, "originalImage": original["uuid"]}, 0)
    assert answer["success"]
    assert answer["updated_entity"]["uuid"] == sent["uuid"]
    clone = bench.call("cmpart", "getSoftwareImage", "clone")
    assert (clone["fileOperationInProgress"], clone["originalImage"]) == (True, original["uuid"])
    assert clone["kernelVersion"] == original["kernelVersion"]
    bench.step(200)
    clone = bench.call("cmpart", "getSoftwareImage", "clone")
    assert (clone["fileOperationInProgress"], clone["originalImage"]) == (False, ZERO_UUID)


def test_an_image_without_a_directory_is_added_with_a_warning(bench: Bench) -> None:
    sent = {"baseType": "SoftwareImage", "uuid": new_uuid(), "name": "bare", "path": "/cm/images/bare"}
    answer = bench.call("cmpart", "addSoftwareImage", sent, 0)
    assert answer["success"]
    assert [v["severity"] for v in answer["validation"]] == ["WARNING"]
    assert bench.call("cmpart", "getSoftwareImage", "bare")["path"] == "/cm/images/bare"


def test_a_new_category_always_has_an_image_proxy(bench: Bench) -> None:
    bench.call("cmdevice", "addCategory", {"baseType": "Category", "uuid": new_uuid(), "name": "gpu"}, 0)
    proxy = bench.call("cmdevice", "getCategory", "gpu")["softwareImageProxy"]
    assert (proxy["baseType"], proxy["revisionID"]) == ("SoftwareImageProxy", -1)


def test_lite_nodes_are_devices_but_not_nodes(bench: Bench) -> None:
    body = bench.new_device("node1")
    sent = {key: body[key] for key in ("uuid", "hostname", "mac", "partition", "interfaces", "bmcSettings")}
    assert bench.call("cmdevice", "addLiteNode", {**sent, "baseType": "Device", "childType": "LiteNode"})["success"]
    assert bench.device("node1")["childType"] == "LiteNode"
    assert bench.call("cmdevice", "getNode", "node1") is None
    assert len(bench.call("cmdevice", "getDevices")) == 2
    assert len(bench.call("cmdevice", "getNodes")) == 1
    assert bench.call("cmdevice", "getComputeNodes") == []


def test_several_are_got_by_uuid_and_an_empty_list_means_all(bench: Bench) -> None:
    bench.register("node1", "node2")
    uuid = bench.device("node2")["uuid"]
    assert [d["hostname"] for d in bench.call("cmdevice", "getDevicesByUuids", [uuid, ELSEWHERE])] == ["node2"]
    assert len(bench.call("cmdevice", "getDevicesByUuids", [])) == 3


def test_adding_many_answers_with_one_object_and_a_success_for_each(bench: Bench) -> None:
    bodies = [
        bench.new_device("node1"),
        bench.new_device("node2", hostname="node1"),
        bench.new_device("node3", mac="x"),
    ]
    answer = bench.call("cmdevice", "addDevices", bodies, 0)
    assert sorted(answer) == ["success", "task_uuids", "updated_entities", "validation"]
    assert answer["success"] == [True, False, False]
    assert answer["task_uuids"] == [ZERO_UUID] * 3
    assert answer["updated_entities"] == []
    # A duplicate names the entity that was there first, as in a single answer.
    wrong = [(bodies[0]["uuid"], "DUPLICATE_FIELD"), (bodies[2]["uuid"], "NOT_IN_SET")]
    assert [(v["ref_entity_uuid"], v["error_code"]) for v in answer["validation"]] == wrong
    assert [bench.call("cmdevice", "getDevice", body["uuid"]) is None for body in bodies] == [False, True, True]


def test_updating_many_stores_those_that_are_right(bench: Bench) -> None:
    bench.register("node1", "node2")
    good, bad = {**bench.device("node1"), "notes": "new"}, {**bench.device("node2"), "mac": "x"}
    answer = bench.call("cmdevice", "updateDevices", [bad, good], 0)
    assert answer["success"] == [False, True]
    assert [v["field"] for v in answer["validation"]] == ["mac"]
    assert bench.device("node1")["notes"] == "new"


def test_images_that_are_cloned_together_are_shown_with_their_tasks(bench: Bench) -> None:
    original = bench.call("cmpart", "getSoftwareImage", "default-image")["uuid"]
    clone, bare = (
        {"baseType": "SoftwareImage", "uuid": new_uuid(), "name": name, "path": f"/cm/images/{name}"}
        for name in ("clone", "bare")
    )
    answer = bench.call("cmpart", "addSoftwareImages", [bare, {**clone, "originalImage": original}], 0)
    assert answer["success"] == [True, True]
    assert [uuid == ZERO_UUID for uuid in answer["task_uuids"]] == [True, False]
    assert [entity["uuid"] for entity in answer["updated_entities"]] == [clone["uuid"]]


def test_removing_many_answers_with_what_refers_to_them(bench: Bench) -> None:
    bench.register("node1")
    default, unused = bench.call("cmdevice", "getCategory", "default")["uuid"], new_uuid()
    bench.call("cmdevice", "addCategory", {"baseType": "Category", "uuid": unused, "name": "unused"}, 0)
    reference = {"ref_base_type": "Device", "ref_entity_uuid": bench.device("node1")["uuid"]}
    answer = bench.call("cmdevice", "removeCategories", [default, unused], 0)
    assert answer == {
        "success": [False, True],
        "task_uuid": [ZERO_UUID] * 2,
        "changes": [{**reference, "parameter": "category", "auto_change": "NO"}],
    }
    assert bench.call("cmdevice", "getCategory", "unused") is None


def test_bulk_calls_can_be_switched_off(content: dict[str, Any]) -> None:
    content["head_node"]["bulk_calls"] = False
    with pytest.raises(LookupError):
        Bench(rack_from(content)).call("cmdevice", "addDevices", [], 0)


def test_bcm_10_has_other_fields_than_bcm_11(content: dict[str, Any]) -> None:
    content["head_node"] |= {"version": "10", "devices": ["node1"]}
    bench = Bench(rack_from(content))
    device, network = bench.device("node1"), bench.call("cmnet", "getNetwork", "internalnet")
    assert not {"serialNumber", "accessSettings", "rackPosition", "defaultGatewayMetric"} & device.keys()
    assert {"rack", "tag", "cpuspeedGovernor"} <= device.keys()
    assert "mac" not in device["interfaces"][1]
    assert "bootable" not in device["interfaces"][0]
    assert "EC2String" in network
    assert "layer3" not in network


@pytest.mark.parametrize("call", ["listNodes", "powerOn", "getDeviceStatus", "getNodeByName", "getProvisioningStatus"])
def test_calls_that_do_not_exist_are_not_there(bench: Bench, call: str) -> None:
    with pytest.raises(LookupError):
        bench.call("cmdevice", call)


def test_a_reboot_without_argument_is_a_success_without_effect(bench: Bench) -> None:
    assert bench.call("cmdevice", "reboot") == {"operations": [], "success": True}


@pytest.mark.parametrize(
    ("fault", "stored"),
    [
        ({"kind": "lost_update"}, "old"),
        ({"kind": "lost_update", "node": "node2"}, "new"),
        ({"kind": "lost_update", "call": "addDevice"}, "new"),
        ({"kind": "drop_field", "field": "notes"}, "old"),
        ({"kind": "drop_field", "field": "userdefined1"}, "new"),
    ],
)
def test_an_update_can_be_lost_though_it_was_answered_with_success(bench: Bench, fault: Entity, stored: str) -> None:
    bench.register("node1", notes="old")
    bench.head.faults.add(fault)
    assert bench.update("node1", notes="new")["success"]
    assert bench.device("node1")["notes"] == stored


def test_changes_are_told_to_sessions(bench: Bench) -> None:
    session = bench.call("cmsession", "registerSession", 6)
    bench.register("node1", "node2")
    uuids = [bench.device(name)["uuid"] for name in ("node1", "node2")]
    (event,) = bench.call("cmsession", "waitForEvents", session, 0)
    assert (event["childType"], event["entityTypeName"]) == ("EntitiesChangedEvent", "Device")
    assert (event["updateUuids"], event["removeUuids"]) == (uuids, [])
    bench.call("cmdevice", "removeDevice", uuids[0], 0)
    assert bench.call("cmsession", "waitForEvents", session, 0)[0]["removeUuids"] == [uuids[0]]
    assert bench.call("cmsession", "unregisterSession", session) is True
