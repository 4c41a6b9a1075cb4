# SPDX-License-Identifier: GPL-3.0-or-later
"""bcm_device, bcm_devices, bcm_category and bcm_categories beyond what all modules keep."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..fake_head_node import Call, FakeHeadNode, answer, refusal
from ..objects import make_category, make_proxy
from ..running import Modules

NEW_NODE = {
    "hostname": "node009",
    "mac": "02:00:00:00:00:09",
    "category": "default",
    "interfaces": [{"name": "BOOTIF", "type": "physical", "ip": "10.141.0.9", "bootable": True}],
}


def test_a_device_is_returned_in_the_words_of_its_options(modules: Modules) -> None:
    result = modules.good("bcm_device", **NEW_NODE)

    assert (result["action"], result["disruption"]) == ("create", "none")
    assert result["changes"] == ["hostname", "mac", "category", "interfaces"]
    assert result["device"]["management_ip"] == "10.141.0.9"
    assert result["diff"][0]["after_header"] == "device node009 (create)"


def test_a_device_that_is_gone_is_not_returned(modules: Modules) -> None:
    assert modules.good("bcm_device", hostname="node001", state="absent")["device"] is None


def test_an_empty_list_clears_and_a_list_that_is_not_given_does_not(modules: Modules, head: FakeHeadNode) -> None:
    modules.good("bcm_device", hostname="node001", roles=[{"name": "boot"}, {"name": "storage"}], labels=["gpu"])

    modules.good("bcm_device", hostname="node001", notes="x")
    kept = [role["name"] for role in head.device("node001")["roles"]]
    modules.good("bcm_device", hostname="node001", roles=[], labels=[])

    assert kept == ["boot", "storage"]
    assert head.device("node001")["roles"] == []
    assert head.device("node001")["userDefinedResources"] == []


def test_purging_leaves_only_what_is_named(modules: Modules, head: FakeHeadNode) -> None:
    modules.good("bcm_category", name="gpu", modules=[{"name": "a"}, {"name": "b"}])

    modules.good("bcm_category", name="gpu", modules=[{"name": "b"}], purge_modules=True)

    assert [module["name"] for module in head.category("gpu")["modules"]] == ["b"]


@pytest.mark.parametrize("module", ["bcm_device", "bcm_devices"])
@pytest.mark.parametrize("options", [{"notes": "x"}, {"state": "absent"}, {}])
def test_a_head_node_is_never_touched(
    module: str, options: dict[str, Any], modules: Modules, head: FakeHeadNode
) -> None:
    device = {"hostname": "head", **options}

    message = modules.bad(module, **(device if module == "bcm_device" else {"devices": [device]}))

    assert "only nodes that BCM installs may be touched, not: head (HeadNode)" in message
    assert not head.writes


def test_an_empty_list_of_devices_is_an_error_never_all(modules: Modules, head: FakeHeadNode) -> None:
    assert "an empty list never means all" in modules.bad("bcm_devices", devices=[])
    assert not head.writes


def test_a_device_named_twice_is_refused(modules: Modules, head: FakeHeadNode) -> None:
    twice = [{"hostname": "node001", "notes": "a"}, {"hostname": "node001", "notes": "b"}]

    assert "named more than once: node001" in modules.bad("bcm_devices", devices=twice)
    assert not head.writes


def test_one_bad_device_fails_the_task_after_the_others_were_changed(modules: Modules, head: FakeHeadNode) -> None:
    devices = [{"hostname": "node001", "category": "no"}, {"hostname": "node002", "notes": "new"}]

    result = modules.run("bcm_devices", devices=devices)
    again = modules.good("bcm_devices", devices=devices, fail_on_error=False)

    assert result["failed"]
    assert list(result["failures"]) == ["node001"]
    assert result["devices"]["node002"]["changed"]
    assert head.device("node002")["notes"] == "new"
    assert list(again["failures"]) == ["node001"]
    assert "error" in again["devices"]["node001"]


@pytest.mark.parametrize(
    ("options", "writes"),
    [({}, 1), ({"bulk_calls": "auto"}, 1)]
    + [({"bulk_calls": word}, 1) for word in (True, "true", "True")]
    + [({"bulk_calls": word}, 3) for word in (False, "false", "False")],
    ids=repr,
)
def test_many_devices_are_read_with_few_calls(
    options: dict[str, Any], writes: int, modules: Modules, head: FakeHeadNode
) -> None:
    devices = [{"hostname": f"node00{number}", "notes": "new"} for number in (1, 2, 3)]

    modules.good("bcm_devices", devices=devices, **options)

    assert len(head.names("getDevices")) == 2
    assert len(head.writes) == writes


def test_another_word_for_bulk_calls_is_refused(modules: Modules) -> None:
    said = modules.bad("bcm_devices", devices=[{"hostname": "node001"}], bulk_calls="sometimes")

    assert said == "bulk_calls must be one of auto, true, false"


def test_a_new_assignment_is_told_to_who_provisions(modules: Modules) -> None:
    devices = [
        {"hostname": "node001", "software_image": "other-image"},
        {"hostname": "node002", "notes": "x"},
        NEW_NODE,
    ]

    planned = modules.good("bcm_devices", devices=devices, check=True)
    done = modules.good("bcm_devices", devices=devices)

    assert planned["reassigned"] == done["reassigned"] == ["node001"]
    assert planned["assignments"] == done["assignments"]
    assert done["assignments"]["node001"]["image_name"] == "other-image"
    assert done["assignments"]["node009"]["image_name"] == "default-image"


def test_a_check_run_knows_categories_that_the_run_would_make(modules: Modules, head: FakeHeadNode) -> None:
    device = {"hostname": "node001", "category": "future"}
    category = {"name": "future", "software_image": "other-image"}

    result = modules.good("bcm_devices", devices=[device], categories=[category], check=True)

    assert result["assignments"]["node001"]["image_name"] == "other-image"
    assert "category 'future' does not exist" in modules.bad("bcm_devices", devices=[device], categories=[category])
    assert not head.writes


def test_a_duplicate_names_the_other_device(modules: Modules, head: FakeHeadNode) -> None:
    text = "A device with MAC 02:00:00:00:00:09 already exists: cpu-05"
    head.instead["addDevice"] = lambda _call: answer(refusal("DUPLICATE_FIELD", "mac", text))

    assert text in modules.bad("bcm_device", **NEW_NODE)


# -- categories -------------------------------------------------------------------------------------------------------


def test_nodes_that_nobody_named_are_not_installed_anew(modules: Modules, head: FakeHeadNode) -> None:
    message = modules.bad("bcm_category", name="default", software_image="other-image", members=["node002"])

    assert "not part of this run: node001, node003; allow it with allow_member_change" in message
    assert not head.writes


@pytest.mark.parametrize("options", [{"members": ["node001", "node002", "node003"]}, {"allow_member_change": True}])
def test_nodes_that_are_known_are_told_and_installed_anew(options: dict[str, Any], modules: Modules) -> None:
    result = modules.good("bcm_category", name="default", software_image="other-image", **options)

    assert result["affected_nodes"] == ["node001", "node002", "node003"]
    assert result["disruption"] == "re-provision"


def test_nodes_with_an_image_of_their_own_do_not_follow_the_category(modules: Modules, head: FakeHeadNode) -> None:
    for name in ("node001", "node003"):
        head.device(name)["softwareImageProxy"] = make_proxy(name, "default-image")

    result = modules.good("bcm_category", name="default", software_image="other-image", members=["node002"])

    assert result["affected_nodes"] == ["node002"]


def test_other_disks_concern_them_all_the_same(modules: Modules, head: FakeHeadNode) -> None:
    head.device("node001")["softwareImageProxy"] = make_proxy("node001", "default-image")

    message = modules.bad("bcm_category", name="default", disksetup="<diskSetup/>", members=["node002", "node003"])

    assert "node001" in message


def test_a_category_with_nodes_is_not_removed_even_if_the_caller_names_them(modules: Modules) -> None:
    message = modules.bad("bcm_category", name="default", state="absent", members=["node001", "node002", "node003"])

    assert "nodes still belong to it" in message


@pytest.mark.parametrize("allow", [False, True])
def test_a_category_with_nodes_is_not_removed(allow: bool, modules: Modules, head: FakeHeadNode) -> None:
    message = modules.bad("bcm_category", name="default", state="absent", allow_member_change=allow)

    assert "nodes still belong to it: node001, node002, node003" in message
    assert not head.writes


def test_a_change_that_installs_nothing_needs_no_leave(modules: Modules) -> None:
    result = modules.good("bcm_category", name="default", kernel_parameters="quiet")

    assert result["affected_nodes"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"disksetup": "<diskSetup>"}, "disksetup: not well-formed XML"),
        ({"finalize": "files/finalize.sh"}, "finalize: this looks like a path"),
        ({"roles": [{"name": "gpu"}]}, "words of your own go in labels"),
        ({"software_image": "no"}, "existing: default-image, other-image"),
    ],
)
def test_a_category_that_can_not_be_meant_fails_before_anything_is_written(
    options: dict[str, Any], words: str, modules: Modules, head: FakeHeadNode
) -> None:
    assert words in modules.bad("bcm_category", name="default", **options)
    assert not head.writes


# -- many categories --------------------------------------------------------------------------------------------------


def test_categories_come_back_by_name_each_with_what_became_of_it(modules: Modules) -> None:
    categories = [{"name": "gpu", "state": "absent"}, {"name": "new", "clone_from": "default"}, {"name": "default"}]

    result = modules.good("bcm_categories", categories=categories)

    assert {name: each["action"] for name, each in result["categories"].items()} == {
        "gpu": "delete",
        "new": "create",
        "default": "none",
    }
    assert [entry["after_header"] for entry in result["diff"]] == ["category gpu (delete)", "category new (create)"]
    assert "category" not in result["categories"]["gpu"]
    assert result["categories"]["new"]["category"]["software_image"] == "default-image"
    assert result["failures"] == {}


def test_an_empty_list_of_categories_is_an_error_never_all(modules: Modules, head: FakeHeadNode) -> None:
    assert "no categories given: an empty list never means all" in modules.bad("bcm_categories", categories=[])
    assert not head.calls


def test_a_category_named_twice_is_refused(modules: Modules, head: FakeHeadNode) -> None:
    twice = [{"name": "gpu", "notes": "a"}, {"name": "gpu", "notes": "b"}]

    assert "named more than once: gpu" in modules.bad("bcm_categories", categories=twice)
    assert not head.writes


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("count", [2, 20])
def test_reads_do_not_grow_with_the_number_of_categories(
    count: int, check: bool, modules: Modules, head: FakeHeadNode
) -> None:
    first = {"name": "default", "disksetup": "<diskSetup/>"}
    others = [{"name": f"new-{number}", "clone_from": "default"} for number in range(1, count)]

    modules.good("bcm_categories", categories=[first, *others], allow_member_change=True, check=check)

    reads = [call.name for call in head.calls if not call.writes]
    once = ["getCategories", "getSoftwareImages", "getNetworks", "getDevices", "getStatusForDevices"]
    # Back after the first one, and after those that are copies of it.
    assert reads == (once if check else [*once, "getCategories", "getCategories"])
    assert len(head.writes) == (0 if check else count)


@pytest.mark.parametrize("check", [False, True])
def test_a_category_may_be_a_copy_of_one_that_the_same_list_creates(check: bool, modules: Modules) -> None:
    first = {"name": "first", "clone_from": "default", "kernel_parameters": "iommu=pt", "notes": "mine"}
    second = {"name": "second", "clone_from": "first", "notes": "of its own"}
    third = {"name": "third", "clone_from": "second"}

    categories = modules.good("bcm_categories", categories=[first, second, third], check=check)["categories"]

    copies = [categories[name]["category"] for name in ("second", "third")]
    assert [copy["kernel_parameters"] for copy in copies] == ["iommu=pt", "iommu=pt"]
    assert [copy["notes"] for copy in copies] == ["of its own", "of its own"]
    assert len({each["category"]["uuid"] for each in categories.values()}) == 3


def test_a_copy_has_what_the_head_node_added_to_its_model(modules: Modules, head: FakeHeadNode) -> None:
    def add_mounts(call: Call) -> None:
        call.args[0].setdefault("fsmounts", make_category()["fsmounts"])

    head.instead["addCategory"] = add_mounts
    model = {"name": "model", "software_image": "default-image"}
    copy = {"name": "copy", "clone_from": "model", "fsmounts": [{"mountpoint": "/scratch", "device": "nfs:/scratch"}]}

    modules.good("bcm_categories", categories=[model, copy])

    assert [mount["mountpoint"] for mount in head.category("copy")["fsmounts"]] == ["/home", "/scratch"]


@pytest.mark.parametrize("check", [False, True])
def test_one_bad_category_leaves_the_others_alone_but_for_copies_of_it(
    check: bool, modules: Modules, head: FakeHeadNode
) -> None:
    categories = [
        {"name": "bad", "software_image": "no"},
        {"name": "copy", "clone_from": "bad"},
        {"name": "unclear", "purge_roles": True},
        {"name": "default", "software_image": "other-image"},
        {"name": "gpu", "notes": "new"},
    ]

    result = modules.run("bcm_categories", categories=categories, members=["node001"], check=check)
    again = modules.good("bcm_categories", categories=categories, fail_on_error=False, check=check)

    assert result["failed"]
    assert list(result["failures"]) == list(again["failures"]) == ["bad", "copy", "unclear", "default"]
    assert "could not plan category bad: software image 'no' does not exist" in result["msg"]
    assert "could not create category copy: category bad, of which it is a copy, failed" in result["msg"]
    assert "could not plan category unclear: purge_roles needs roles" in result["msg"]
    assert "not part of this run: node002, node003" in result["msg"]
    assert result["categories"]["default"]["affected_nodes"] == ["node001", "node002", "node003"]
    assert result["categories"]["gpu"]["changed"]
    assert [entry["after_header"] for entry in result["diff"]] == ["category gpu (update)"]
    assert [call.name for call in head.writes] == ([] if check else ["updateCategory"])


def test_a_copy_of_what_the_head_node_refuses_is_not_made(modules: Modules, head: FakeHeadNode) -> None:
    head.instead["addCategory"] = lambda _call: answer(refusal("INVALID", "disksetup", "no such device"))
    categories = [{"name": "model", "clone_from": "default"}, {"name": "copy", "clone_from": "model"}]

    result = modules.run("bcm_categories", categories=categories)

    assert "no such device" in result["failures"]["model"]
    assert "category model, of which it is a copy, failed" in result["failures"]["copy"]
    assert len(head.writes) == 1


@pytest.mark.parametrize("check", [False, True])
def test_nodes_that_their_category_has_installed_anew_are_told_to_who_provisions(check: bool, modules: Modules) -> None:
    categories = [{"name": name, "software_image": "other-image"} for name in ("default", "gpu")]
    members = ["node001", "node002", "node003"]

    result = modules.good("bcm_categories", categories=categories, members=members, check=check)

    assert result["reassigned"] == members
    assert modules.good("bcm_categories", categories=[{"name": "default"}])["reassigned"] == []


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("bcm_categories", {"categories": [{"name": "gpu", "software_imgae": "x"}]}),
        ("bcm_categories", {"categories": [{"name": "gpu", "roles": [{"name": "boot", "software_imgae": "x"}]}]}),
        ("bcm_devices", {"devices": [{"hostname": "node001", "software_imgae": "x"}]}),
    ],
)
def test_an_option_that_does_not_exist_is_named(
    module: str, options: dict[str, Any], modules: Modules, head: FakeHeadNode
) -> None:
    assert "software_imgae" in modules.bad(module, **options)
    assert not head.calls


# -- reading ----------------------------------------------------------------------------------------------------------


def test_reading_devices_tells_those_that_are_missing(modules: Modules) -> None:
    result = modules.good("bcm_device_info", names=["node002", "node404"])

    assert [device["hostname"] for device in result["devices"]] == ["node002"]
    assert result["missing"] == ["node404"]
    assert len(modules.good("bcm_device_info")["devices"]) == 4


@pytest.mark.parametrize(
    ("module", "key"),
    [("bcm_category_info", "categories"), ("bcm_image_info", "images"), ("bcm_network_info", "networks")],
)
def test_reading_by_name_fails_for_an_unknown_one_and_lists_those_that_exist(
    module: str, key: str, modules: Modules
) -> None:
    everything = [entity["name"] for entity in modules.good(module)[key]]

    assert everything == sorted(everything)
    assert [entity["name"] for entity in modules.good(module, names=everything[:1])[key]] == everything[:1]
    assert ", ".join(everything) in modules.bad(module, names=["no"])


def test_the_status_of_the_cluster_is_one_call(modules: Modules, head: FakeHeadNode) -> None:
    result = modules.good("bcm_status_info")

    assert len(head.names("getStatusForDevices")) == 1
    assert not head.names("powerOperation")
    assert result["nodes"]["node003"]["state"] == "active"
    assert result["nodes"]["node001"]["power"] is None
    assert result["slots"]["capacity"] == 10
    assert result["slots"]["nodes"][0]["name"] == "head"


def test_power_is_read_on_request_and_unknown_with_a_reason(modules: Modules, head: FakeHeadNode) -> None:
    head.node("node002").bmc = "refuses"

    nodes = modules.good("bcm_status_info", include_power=True)["nodes"]

    assert [nodes[name]["power"] for name in ("node001", "node002", "node003", "head")] == [
        "OFF",
        "UNKNOWN",
        "ON",
        None,
    ]
    assert nodes["node001"]["state"] == "powered_off"
    assert "chassis is busy" in nodes["node002"]["power_error"]


def test_a_node_that_a_run_gave_up_is_failed_until_it_is_up(modules: Modules, head: FakeHeadNode) -> None:
    for name in ("node001", "node003"):
        head.device(name)["extra_values"] = {"baremetal_failed": "booting: it hung: for long"}

    nodes = modules.good("bcm_status_info")["nodes"]

    keys = ("state", "status", "phase", "message")
    assert [nodes["node001"][key] for key in keys] == ["failed", "DOWN", "booting", "it hung: for long"]
    assert [nodes["node003"][key] for key in keys] == ["active", "UP", "up", ""]


def test_the_status_of_a_node_that_does_not_exist_is_unknown(modules: Modules) -> None:
    node = modules.good("bcm_status_info", names=["node404"])["nodes"]["node404"]

    assert (node["found"], node["state"], node["status"]) == (False, "unknown", None)


# -- preflight --------------------------------------------------------------------------------------------------------


def test_preflight_lists_all_problems_at_once_and_changes_nothing(modules: Modules, head: FakeHeadNode) -> None:
    head.slots = 0
    devices = [{**NEW_NODE, "category": "no", "mac": "02:00:00:00:00:01"}, {**NEW_NODE, "hostname": "node010"}]

    result = modules.run("bcm_preflight", devices=devices)

    listed = " | ".join(result["problems"])
    assert result["failed"]
    for words in ("duplicate IP address", "category 'no'", "belongs to device node001", "no provisioning slots"):
        assert words in listed
    assert not head.writes


def test_preflight_counts_its_problems_with_the_right_noun(modules: Modules) -> None:
    unknown = {**NEW_NODE, "category": "no"}
    second = {**unknown, "hostname": "node010", "mac": "02:00:00:00:00:10", "interfaces": []}

    assert modules.bad("bcm_preflight", devices=[unknown]).startswith("nothing was changed, 1 problem: ")
    assert "nothing was changed, 2 problems: " in modules.bad("bcm_preflight", devices=[unknown, second])


def test_an_image_that_a_thousand_nodes_lack_is_one_problem(modules: Modules, head: FakeHeadNode) -> None:
    head.licence["licensedNodes"] = 2000
    interface = {"name": "BOOTIF", "type": "physical", "dhcp": True, "bootable": True}
    devices = [
        {
            "hostname": f"new{number:03d}",
            "mac": f"02:10:00:00:{number // 256:02X}:{number % 256:02X}",
            "category": "default",
            "software_image": "no-such-image",
            "interfaces": [interface],
        }
        for number in range(1000)
    ]

    message = modules.bad("bcm_preflight", devices=devices)

    assert message.startswith("nothing was changed, 1 problem: 1,000 times (new000, new001, ")
    assert "and 990 more): " in message
    assert "no-such-image" in message


def test_preflight_knows_the_categories_of_the_run(modules: Modules) -> None:
    devices = [{**NEW_NODE, "category": "future"}]

    assert "category 'future'" in modules.bad("bcm_preflight", devices=devices)
    modules.good("bcm_preflight", devices=devices, categories=[{"name": "future", "software_image": "other-image"}])


def test_preflight_reports_the_version_and_what_will_queue(modules: Modules, head: FakeHeadNode) -> None:
    head.slots = 1
    second = {**NEW_NODE, "hostname": "node010", "mac": "02:00:00:00:00:10", "interfaces": []}
    second["interfaces"] = [{"name": "BOOTIF", "type": "physical", "dhcp": True, "bootable": True}]

    result = modules.good("bcm_preflight", devices=[NEW_NODE, second])

    assert result["version"] == "11.0"
    assert result["remarks"] == ["2 nodes share 1 provisioning slot: the rest will queue"]


def test_preflight_of_an_empty_list_is_an_error(modules: Modules) -> None:
    assert "an empty list never means all" in modules.bad("bcm_preflight", devices=[])


@pytest.mark.parametrize(
    ("head_values", "said"),
    [
        ({"version": "9.2"}, "needs BCM 10 or newer"),
        ({"licence": {"endTime": 1, "licensedNodes": 100}}, "the licence of the cluster ended"),
        ({"licence": {"licensedNodes": 1}}, "the licence covers 1 node"),
        ({"served_images": ["another"]}, "no provisioning node has software image 'default-image'"),
    ],
)
def test_preflight_refuses_a_head_node_that_can_not_provision(
    modules: Modules, head: FakeHeadNode, head_values: dict[str, Any], said: str
) -> None:
    for name, value in head_values.items():
        setattr(head, name, value)

    assert said in modules.bad("bcm_preflight", devices=[NEW_NODE])


def test_preflight_warns_of_a_licence_that_ends_soon(modules: Modules, head: FakeHeadNode) -> None:
    head.licence = {"endTime": head.clock.wall_s() + 29 * 86_400, "licensedNodes": 100}

    result = modules.good("bcm_preflight", devices=[NEW_NODE])

    assert result["remarks"] == ["the licence of the cluster ends in 29 days"]
    assert "ends in 29 days" in str(result["warnings"])


def test_preflight_refuses_an_address_of_another_device(modules: Modules) -> None:
    taken = {**NEW_NODE, "interfaces": [{"name": "BOOTIF", "type": "physical", "ip": "10.148.0.1", "bootable": True}]}

    assert "10.148.0.1 belongs to device node001" in modules.bad("bcm_preflight", devices=[taken])


@pytest.mark.parametrize("call", ["getVersion", "getLicenseInfo"])
def test_preflight_names_what_an_account_may_not_read_with_the_command_that_shows_it(
    modules: Modules, head: FakeHeadNode, call: str
) -> None:
    text = "Your certificate (profile:) does not allow access to CMMain\n"
    head.instead[call] = lambda _call: answer({"errormessage": text})

    result = modules.good("bcm_preflight", devices=[NEW_NODE])

    shown = {"getVersion": "main; versioninfo", "getLicenseInfo": "main; licenseinfo"}[call]
    assert [text for text in result["to_check"] if shown in text]


WORDS = {"modules": ["nvidia"], "services": ["ntpd"], "roles": ["boot"]}


@pytest.mark.parametrize(
    ("module", "options"),
    [("bcm_category", {"name": "gpu", **WORDS}), ("bcm_categories", {"categories": [{"name": "gpu", **WORDS}]})],
)
def test_a_plain_word_is_the_name_of_a_module_a_service_and_a_role(
    module: str, options: dict[str, Any], modules: Modules, head: FakeHeadNode
) -> None:
    assert modules.good(module, **options)["changed"] is True

    assert {key: [item["name"] for item in head.category("gpu")[key]] for key in WORDS} == WORDS
    assert modules.good(module, **options)["changed"] is False


def test_a_role_of_a_node_may_be_a_plain_word(modules: Modules, head: FakeHeadNode) -> None:
    modules.good("bcm_devices", devices=[{"hostname": "node001", "roles": ["boot"]}])

    assert [role["name"] for role in head.device("node001")["roles"]] == ["boot"]


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("bcm_device", {"hostname": "node001", "install_mode": "MINIMAL"}),
        ("bcm_devices", {"devices": [{"hostname": "node001", "install_mode": "MINIMAL"}]}),
        ("bcm_category", {"name": "default", "new_node_install_mode": "MINIMAL"}),
        ("bcm_categories", {"categories": [{"name": "default", "install_mode": "MINIMAL"}]}),
        ("bcm_preflight", {"devices": [{"hostname": "node001", "install_mode": "MINIMAL"}]}),
    ],
)
def test_the_install_mode_minimal_is_said_to_be_sent_as_auto(
    module: str, options: dict[str, Any], modules: Modules
) -> None:
    result = modules.good(module, **options)

    said = "install mode MINIMAL does not exist in BCM and is sent as AUTO, the least that installs the image"
    assert said in json.dumps(result["warnings"])
