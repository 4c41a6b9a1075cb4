# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices and categories: from what is stored and wanted to what would be sent."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import wanted_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.category import (
    CATEGORY,
    category_to_ansible,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import (
    DEVICE,
    bmc_ip,
    boot_interface,
    check_hostname,
    device_to_ansible,
    is_node,
    mac_addresses,
    management_ip,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import Context, Disruption
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.schema import Schema
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.errors import BcmConfigError, BcmNotFound
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.plan import Plan, plan_absent, plan_present
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.references import (
    ZERO_UUID,
    Names,
    References,
)

from ...objects import (
    make_bmc_settings,
    make_category,
    make_context,
    make_device,
    make_head_node,
    make_interface,
    make_partition,
    make_proxy,
    make_references,
    uid,
)

Raw = dict[str, Any]

NEW_NODE = {
    "hostname": "node009",
    "mac": "02:00:00:00:00:09",
    "category": "default",
    "interfaces": [{"name": "BOOTIF", "type": "physical", "ip": "10.141.0.9", "bootable": True}],
}


def plan_device(stored: Raw | None, **options: Any) -> Plan:
    """The plan for options as a module has them."""
    hostname = stored["hostname"] if stored else "node009"
    return plan_present(DEVICE, stored, wanted_of({"hostname": hostname, **options}), make_context())


def plan_category(stored: Raw | None, **options: Any) -> Plan:
    return plan_present(CATEGORY, stored, wanted_of({"name": "default", **options}), make_context())


def desired_of(plan: Plan) -> Raw:
    assert plan.desired is not None
    return plan.desired


def interface(device: Raw, name: str) -> Raw:
    return next(item for item in device["interfaces"] if item["name"] == name)


# schema, stored, options, changed keys, disruption
UPDATES: dict[str, tuple[Schema, Raw, Raw, set[str], Disruption]] = {
    "nothing given": (DEVICE, make_device(), {}, set(), Disruption.NONE),
    "the same": (DEVICE, make_device(), {"mac": "02-00-00-00-00-01", "category": "default"}, set(), Disruption.NONE),
    "notes": (DEVICE, make_device(), {"notes": "x"}, {"notes"}, Disruption.NONE),
    "clear": (DEVICE, make_device(notes="x"), {"notes": ""}, {"notes"}, Disruption.NONE),
    "category": (DEVICE, make_device(), {"category": "gpu"}, {"category"}, Disruption.REPROVISION),
    "image": (
        DEVICE,
        make_device(),
        {"software_image": "other-image"},
        {"softwareImageProxy"},
        Disruption.REPROVISION,
    ),
    "back to the category's image": (
        DEVICE,
        make_device(softwareImageProxy=make_proxy("n", "other-image")),
        {"software_image": ""},
        {"softwareImageProxy"},
        Disruption.REPROVISION,
    ),
    "kernel": (
        DEVICE,
        make_device(),
        {"kernel_parameters": "iommu=pt"},
        {"kernelParameters"},
        Disruption.RESTART,
    ),
    "install mode": (DEVICE, make_device(), {"install_mode": "MINIMAL"}, {"installMode"}, Disruption.NONE),
    "boot loader": (DEVICE, make_device(), {"boot_loader": "grub2"}, {"bootLoader"}, Disruption.RESTART),
    "labels": (DEVICE, make_device(), {"labels": ["gpu", "compute"]}, {"userDefinedResources"}, Disruption.NONE),
    "serial number": (DEVICE, make_device(), {"serial_number": "S1"}, {"serialNumber"}, Disruption.NONE),
    "two at once": (
        DEVICE,
        make_device(),
        {"notes": "x", "software_image": "other-image"},
        {"notes", "softwareImageProxy"},
        Disruption.REPROVISION,
    ),
    "an interface": (
        DEVICE,
        make_device(),
        {"interfaces": [{"name": "ipmi0", "ip": "10.148.0.99"}]},
        {"interfaces"},
        Disruption.RESTART,
    ),
    "bmc settings": (
        DEVICE,
        make_device(),
        {"bmc_settings": {"username": "u", "password": "p"}},
        {"bmcSettings"},
        Disruption.NONE,
    ),
    "category disks": (
        CATEGORY,
        make_category(),
        {"disksetup": "<diskSetup/>"},
        {"disksetup"},
        Disruption.REPROVISION,
    ),
    "category image": (
        CATEGORY,
        make_category(),
        {"software_image": "other-image"},
        {"softwareImageProxy"},
        Disruption.REPROVISION,
    ),
    "category modules": (CATEGORY, make_category(), {"modules": [{"name": "x"}]}, {"modules"}, Disruption.RESTART),
    "category mounts cleared": (CATEGORY, make_category(), {"fsmounts": []}, {"fsmounts"}, Disruption.NONE),
    "category mode": (
        CATEGORY,
        make_category(),
        {"install_mode": "FULL", "new_node_install_mode": "MINIMAL"},
        {"installMode", "newNodeInstallMode"},
        Disruption.NONE,
    ),
    "category loader": (CATEGORY, make_category(), {"boot_loader": "grub2"}, {"bootLoader"}, Disruption.RESTART),
    "category bmc": (
        CATEGORY,
        make_category(),
        {"bmc_settings": {"username": "bright", "password": "bmc-secret"}},
        set(),
        Disruption.NONE,
    ),
}


@pytest.mark.parametrize(("schema", "stored", "options", "keys", "disruption"), UPDATES.values(), ids=UPDATES)
def test_only_what_is_named_and_differs_is_changed(
    schema: Schema, stored: Raw, options: Raw, keys: set[str], disruption: Disruption
) -> None:
    before = json.dumps(stored)
    wanted = wanted_of({schema.name_option: schema.name_of(stored), **options})

    plan = plan_present(schema, stored, wanted, make_context())

    desired = desired_of(plan)
    assert json.dumps(stored) == before, "what is stored was changed in place"
    assert plan.action == ("update" if keys else "none")
    assert plan.is_empty is not bool(keys)
    assert {key for key in desired if desired[key] != stored.get(key)} - {"modified"} == keys
    assert {key for key in stored if json.dumps(stored[key]) != json.dumps(desired[key])} - {"modified"} == keys
    assert plan.disruption is disruption


@pytest.mark.parametrize(("schema", "stored", "options", "keys", "disruption"), UPDATES.values(), ids=UPDATES)
def test_a_change_that_was_made_is_not_planned_again(
    schema: Schema, stored: Raw, options: Raw, keys: set[str], disruption: Disruption
) -> None:
    del keys, disruption
    wanted = wanted_of({schema.name_option: schema.name_of(stored), **options})
    context = make_context()
    once = {**desired_of(plan_present(schema, stored, wanted, context)), "modified": False}

    assert plan_present(schema, once, wanted, context).is_empty


@pytest.mark.parametrize("schema", [DEVICE, CATEGORY], ids=lambda schema: schema.entity)
def test_what_is_shown_can_be_given_back_without_a_change(schema: Schema) -> None:
    stored = make_device(managementNetwork=uid("network/internalnet")) if schema is DEVICE else make_category()
    shown = (device_to_ansible if schema is DEVICE else category_to_ansible)(stored, make_references())
    options = {field.option: shown.get(field.option) for field in schema.fields}
    if schema is DEVICE:
        options["software_image"] = shown["software_image_override"]
    if options["bmc_settings"]:
        options["bmc_settings"].pop("password")

    assert plan_present(schema, stored, wanted_of(options), make_context()).is_empty


# -- creation ---------------------------------------------------------------------------------------------------------


def test_a_new_node_has_a_uuid_everywhere_and_is_of_the_only_partition() -> None:
    device = desired_of(plan_device(None, **NEW_NODE, bmc_settings={"username": "u"}, software_image="other-image"))

    parts = [device, *device["interfaces"], device["bmcSettings"], device["softwareImageProxy"]]
    assert len({part["uuid"] for part in parts}) == len(parts)
    assert not {part["uuid"] for part in parts} & {"", ZERO_UUID}
    assert device["partition"] == uid("partition/base")
    assert (device["baseType"], device["childType"]) == ("Device", "PhysicalNode")
    assert device["category"] == uid("category/default")


def test_the_options_of_a_new_node_are_all_in_the_diff() -> None:
    plan = plan_device(None, **NEW_NODE)

    assert plan.action == "create"
    assert plan.disruption is Disruption.NONE
    assert {change.option for change in plan.changes} == {"hostname", "mac", "category", "interfaces"}
    assert plan.diff()["before"] == {}
    assert plan.diff()["after"]["category"] == "default"


@pytest.mark.parametrize(
    ("interfaces", "given", "control"),
    [
        ([], None, "none"),
        ([{"name": "bmc", "type": "bmc", "ip": "10.148.0.9"}], None, "ipmi0"),
        ([{"name": "rf0", "type": "bmc"}, {"name": "ipmi0", "type": "bmc"}], None, "rf0"),
        ([{"name": "rf0", "type": "bmc"}], "custom", "custom"),
        ([{"name": "eth1", "type": "physical"}], None, "none"),
    ],
)
def test_the_power_control_of_a_new_node_is_its_bmc_interface(
    interfaces: list[Raw], given: str | None, control: str
) -> None:
    options = {**NEW_NODE, "interfaces": [*NEW_NODE["interfaces"], *interfaces], "power_control": given}

    assert desired_of(plan_device(None, **options))["powerControl"] == control


def test_the_power_control_of_a_known_node_is_left_alone() -> None:
    plan = plan_device(
        make_device(powerControl="custom"), interfaces=[{"name": "rf0", "type": "bmc", "ip": "10.148.0.77"}]
    )

    assert desired_of(plan)["powerControl"] == "custom"


INCOMPLETE: dict[str, tuple[Raw, str]] = {
    "no MAC": ({"mac": None}, "mac must be given to create it"),
    "no MAC and no category": ({"mac": None, "category": ""}, "mac and category must be given"),
    "no interface": ({"interfaces": None}, "needs an interface that boots"),
    "no interface that boots": (
        {"interfaces": [{"name": "eth0", "type": "physical", "ip": "10.0.0.1"}]},
        "exactly one must be bootable",
    ),
    "two that boot": (
        {
            "interfaces": [
                {"name": "eth0", "type": "physical", "dhcp": True, "bootable": True},
                {"name": "eth1", "type": "physical", "bootable": True},
            ]
        },
        "exactly one may be bootable, not 2: eth0, eth1",
    ),
    "no address": (
        {"interfaces": [{"name": "BOOTIF", "type": "physical", "bootable": True}]},
        "with an ip or dhcp: true",
    ),
    "a dot": ({"hostname": "node009.cluster"}, "no dots"),
    "digits": ({"hostname": "009"}, "not digits alone"),
    "unknown role": ({"roles": [{"name": "gpu"}]}, "words of your own go in labels"),
    "no XML MAC": ({"mac": "nonsense"}, "mac: 'nonsense' is not a MAC address"),
}


@pytest.mark.parametrize(("options", "words"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_a_node_that_is_not_whole_is_not_created(options: Raw, words: str) -> None:
    name = options.get("hostname", "node009")

    with pytest.raises(BcmConfigError, match=words) as caught:
        plan_device(None, **{**NEW_NODE, **options})

    assert str(caught.value).startswith(f"could not plan device {name}: ")


def test_a_node_may_boot_by_dhcp() -> None:
    interfaces = [{"name": "BOOTIF", "type": "physical", "dhcp": True, "bootable": True}]

    assert plan_device(None, **{**NEW_NODE, "interfaces": interfaces}).action == "create"


def test_a_cluster_with_several_partitions_uses_base() -> None:
    def references(*names: str) -> References:
        partitions = Names.from_api("partition", [make_partition(name) for name in names])
        return References(make_references().categories, Names("image"), Names("network"), partitions)

    def create(*names: str) -> Plan:
        return plan_present(DEVICE, None, wanted_of(dict(NEW_NODE)), Context(references(*names)))

    assert desired_of(create("other", "base"))["partition"] == uid("partition/base")
    assert desired_of(create("other"))["partition"] == uid("partition/other")
    with pytest.raises(BcmConfigError, match="existing: a, b"):
        create("b", "a")


@pytest.mark.parametrize("name", ["node001", "a", "dgx-05", "n0", "0n"])
def test_a_good_host_name_is_taken(name: str) -> None:
    check_hostname(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a.b", "a_b", "123", "ä", "a b"])
def test_a_bad_host_name_is_refused(name: str) -> None:
    with pytest.raises(BcmConfigError, match="is not a host name BCM takes"):
        check_hostname(name)


# -- the interface that boots -----------------------------------------------------------------------------------------


def test_the_bootable_interface_is_the_provisioning_interface_and_carries_the_tag() -> None:
    stored = make_device()
    new = {"name": "eth1", "type": "physical", "ip": "10.141.0.77", "bootable": True}

    desired = desired_of(plan_device(stored, interfaces=[new]))

    eth1 = interface(desired, "eth1")
    assert desired["provisioningInterface"] == eth1["uuid"]
    assert (eth1["revision"], eth1["bootable"]) == ("bootif", True)
    assert interface(desired, "BOOTIF")["bootable"] is False
    assert [item["name"] for item in desired["interfaces"] if item["bootable"]] == ["eth1"]


def test_an_interface_named_bootif_needs_no_tag_and_takes_it_from_the_other() -> None:
    moved = {
        **desired_of(
            plan_device(
                make_device(), interfaces=[{"name": "eth1", "type": "physical", "dhcp": True, "bootable": True}]
            )
        ),
        "modified": False,
    }

    back = desired_of(plan_device(moved, interfaces=[{"name": "BOOTIF", "bootable": True}]))

    assert back["provisioningInterface"] == interface(back, "BOOTIF")["uuid"]
    assert interface(back, "eth1")["revision"] == ""
    assert interface(back, "BOOTIF")["revision"] == ""


def test_what_follows_from_an_option_is_in_the_diff() -> None:
    new = {"name": "eth1", "type": "physical", "dhcp": True, "bootable": True}

    changes = {change.option: change for change in plan_device(make_device(), interfaces=[new]).changes}

    assert set(changes) == {"interfaces", "provisioningInterface"}


def test_bcm_10_has_no_flag_for_the_interface_that_boots() -> None:
    stored = make_device()
    for item in stored["interfaces"]:
        del item["bootable"]

    plan = plan_device(stored, interfaces=[{"name": "eth1", "type": "physical", "dhcp": True, "bootable": True}])

    assert "bootable" not in interface(desired_of(plan), "BOOTIF")


def test_the_interface_that_boots_is_not_removed_without_another() -> None:
    with pytest.raises(BcmConfigError, match="exactly one must be bootable"):
        plan_device(make_device(), interfaces=[{"name": "BOOTIF", "state": "absent"}])


def test_other_interfaces_may_be_purged() -> None:
    plan = plan_device(make_device(), interfaces=[{"name": "BOOTIF"}], purge_interfaces=True)

    assert [item["name"] for item in desired_of(plan)["interfaces"]] == ["BOOTIF"]


# -- categories -------------------------------------------------------------------------------------------------------


def test_a_new_category_needs_an_image_or_a_model() -> None:
    with pytest.raises(BcmConfigError, match=r"software_image \(or clone_from\) must be given"):
        plan_category(None, notes="x")


def test_a_new_category_has_no_defaults_that_belong_to_the_server() -> None:
    category = desired_of(plan_category(None, software_image="default-image"))

    assert not {"excludeListFull", "fsmounts", "disksetup"} & category.keys()
    assert category["parent_uuid"] == category["uuid"]
    assert (category["installMode"], category["newNodeInstallMode"]) == ("AUTO", "FULL")


def test_a_clone_is_a_copy_with_uuids_of_its_own() -> None:
    model = make_category("gpu")

    clone = desired_of(plan_category(None, name="new", clone_from="gpu", notes="mine"))

    assert clone["name"] == "new"
    assert clone["notes"] == "mine"
    assert clone["uuid"] != model["uuid"]
    assert clone["fsmounts"][0]["uuid"] != model["fsmounts"][0]["uuid"]
    assert clone["excludeListFull"] == model["excludeListFull"]
    assert clone["keyOfALaterRelease"] == model["keyOfALaterRelease"]


def test_an_unknown_model_lists_those_that_exist() -> None:
    with pytest.raises(BcmNotFound, match=r"could not plan category new: category 'no' does not exist.*default, gpu"):
        plan_category(None, name="new", clone_from="no")


# -- references, releases ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"category": "no"}, "category 'no' does not exist on the head node; existing: default, gpu"),
        ({"software_image": "no"}, "software image 'no' does not exist .* default-image, other-image"),
        ({"management_network": "no"}, "network 'no' does not exist .* internalnet, ipminet"),
        ({"interfaces": [{"name": "ipmi0", "network": "no"}]}, "network 'no' does not exist"),
    ],
)
def test_an_unknown_name_lists_those_that_exist(options: Raw, words: str) -> None:
    with pytest.raises(BcmNotFound, match=f"could not plan device node001: {words}"):
        plan_device(make_device(), **options)


@pytest.mark.parametrize("option", ["serial_number", "part_number"])
def test_a_field_of_bcm_11_says_so_on_bcm_10(option: str) -> None:
    stored = make_device()
    del stored["serialNumber"], stored["partNumber"]

    with pytest.raises(BcmConfigError, match=f"{option}: needs BCM 11"):
        plan_device(stored, **{option: "x"})
    assert plan_device(stored, notes="").is_empty


# -- removal ----------------------------------------------------------------------------------------------------------


def test_what_exists_is_removed_and_what_does_not_is_fine() -> None:
    plan = plan_absent(DEVICE, make_device(), "node001")

    assert (plan.action, plan.disruption) == ("delete", Disruption.DELETE)
    assert plan.diff()["before"] == {"state": "present"}
    assert plan.diff()["after"] == {}
    assert plan_absent(DEVICE, None, "node001").is_empty


# -- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [None, make_bmc_settings("n", password="old-secret")])
@pytest.mark.parametrize(
    "settings", [{"password": "new-secret"}, {"password": "new-secret", "username": "other"}, {"username": "other"}]
)
def test_a_password_is_in_no_diff(stored: Raw | None, settings: Raw) -> None:
    plan = plan_device(make_device(bmcSettings=stored), bmc_settings=settings)

    shown = json.dumps(plan.diff()) + repr(plan.changes)
    assert "old-secret" not in shown
    assert "new-secret" not in shown


@pytest.mark.parametrize("also", [{}, {"username": "other"}])
def test_a_diff_says_that_a_password_changes(also: Raw) -> None:
    stored = make_device(bmcSettings=make_bmc_settings("n"))

    diff = plan_device(stored, bmc_settings={"password": "new-secret", **also}).diff()

    assert diff["before"]["bmc_settings"]["password"] == "********"
    assert diff["after"]["bmc_settings"]["password"] == "******** (changed)"


def test_a_diff_does_not_say_that_a_password_changes_which_stays() -> None:
    stored = make_device(bmcSettings=make_bmc_settings("n"))

    diff = plan_device(stored, bmc_settings={"username": "other"}).diff()

    assert diff["after"]["bmc_settings"]["password"] == "********"


def test_no_password_is_shown() -> None:
    device = make_device(bmcSettings=make_bmc_settings("n"))

    assert "bmc-secret" not in json.dumps(device_to_ansible(device, make_references()))
    assert "bmc-secret" not in json.dumps(category_to_ansible(make_category(), make_references()))


# -- showing ----------------------------------------------------------------------------------------------------------


def test_a_device_is_shown_in_the_words_of_the_options() -> None:
    shown = device_to_ansible(make_device(extra_values={"ours": 1}), make_references())

    assert shown["category"] == "default"
    assert shown["management_ip"] == "10.141.0.1"
    assert shown["bmc_ip"] == "10.148.0.1"
    assert shown["boot_interface"] == "BOOTIF"
    assert (shown["software_image"], shown["software_image_override"]) == ("default-image", None)
    assert "extra_values" not in shown


def test_an_image_of_its_own_comes_before_the_categorys() -> None:
    device = make_device(softwareImageProxy=make_proxy("n", "other-image", 2))

    shown = device_to_ansible(device, make_references())

    assert shown["software_image"] == shown["software_image_override"] == "other-image, revision 2"


def test_addresses_are_of_the_interface_that_boots_and_of_the_one_that_power_goes_through() -> None:
    device = make_device(powerControl="rf0")
    device["interfaces"] += [
        make_interface("n", "eth5", ip="10.1.1.1"),
        make_interface("n", "rf0", "NetworkBmcInterface", ip="10.148.9.9"),
    ]

    assert management_ip(device) == "10.141.0.1"
    assert bmc_ip(device) == "10.148.9.9"
    assert management_ip({**device, "provisioningInterface": ZERO_UUID}) == "10.141.0.1"
    assert boot_interface({**device, "provisioningInterface": ZERO_UUID}) is None
    assert management_ip(make_head_node()) is None


@pytest.mark.parametrize(
    ("child_type", "ours"),
    [("PhysicalNode", True), ("HeadNode", False), ("LiteNode", False), ("Switch", False), (None, False)],
)
def test_only_nodes_that_bcm_installs_are_ours(child_type: str | None, ours: bool) -> None:
    assert is_node({"childType": child_type}) is ours


def test_mac_addresses_that_are_not_set_belong_to_nobody() -> None:
    device = make_device()
    interface(device, "ipmi0")["mac"] = "02:00:00:00:0a:01"

    assert mac_addresses(device) == {"02:00:00:00:00:01", "02:00:00:00:0A:01"}


def test_a_plan_leaves_its_arguments_alone() -> None:
    stored, options = (
        make_device(),
        wanted_of({"hostname": "node001", "interfaces": [{"name": "ipmi0", "ip": "1.1.1.1"}]}),
    )
    copies = copy.deepcopy((stored, options))

    plan_present(DEVICE, stored, options, make_context())

    assert (stored, options) == copies
