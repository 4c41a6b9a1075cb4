# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices: their creation, the interface that boots, and how they are shown."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import wanted_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.plan import Plan, plan_present
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
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import (
    ZERO_UUID,
    Names,
    References,
)

from ....objects import (
    make_context,
    make_device,
    make_head_node,
    make_interface,
    make_partition,
    make_proxy,
    make_references,
    uid,
)
from ..changes.planning import NEW_NODE, desired_of, interface, plan_device

Raw = dict[str, Any]


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
        ([{"name": "eth1", "type": "physical", "mac": "02:00:00:00:01:09"}], None, "none"),
        ([{"name": "rf0", "type": "bmc"}, {"name": "ipmi0", "type": "bmc"}], "ipmi", "ipmi0"),
        ([{"name": "ipmi0", "type": "bmc"}, {"name": "rf1", "type": "bmc"}], "redfish", "rf1"),
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


def test_a_protocol_as_power_control_of_a_known_node_is_its_interface_too_and_changes_nothing_again() -> None:
    device = make_device(powerControl="none")

    desired = desired_of(plan_device(device, power_control="ipmi"))

    assert desired["powerControl"] == "ipmi0"
    assert plan_device(desired, power_control="ipmi").is_empty


def test_a_protocol_that_no_bmc_interface_speaks_is_refused_with_those_there_are() -> None:
    with pytest.raises(BcmConfigError, match="redfish needs a BMC interface called rf0, and it has ipmi0"):
        plan_device(make_device(), power_control="redfish")


BOND = {"name": "bond0", "type": "bond", "members": ["BOOTIF", "eth1"]}
ETH1 = {"name": "eth1", "type": "physical", "mac": "02:00:00:00:01:01"}


@pytest.mark.parametrize(
    ("interfaces", "reason"),
    [
        ([BOND], "bond0: the node has no interface eth1 for it; it has BOOTIF, ipmi0"),
        ([{"name": "eth1", "type": "physical"}], "eth1: a physical interface needs its mac"),
        ([{**ETH1, "mac": "00:00:00:00:00:00"}], "it is all zeros"),
        ([{**ETH1, "ip": "10.141.0.256"}], "eth1: ip: '10.141.0.256' is not an IPv4 address"),
        ([ETH1, ETH1], "name 'eth1' is named twice"),
    ],
)
def test_interfaces_that_no_node_can_have_are_refused(interfaces: list[Raw], reason: str) -> None:
    with pytest.raises(BcmConfigError, match=re.escape(reason)):
        plan_device(make_device(), interfaces=interfaces)


def test_a_bond_of_interfaces_that_the_node_has_or_gets_is_one() -> None:
    assert not plan_device(make_device(), interfaces=[BOND, ETH1]).is_empty


def test_a_physical_interface_that_is_known_without_a_mac_address_may_be_named() -> None:
    known = make_device()
    known["interfaces"].append(make_interface("node001", "eth1"))

    assert not plan_device(known, interfaces=[{"name": "eth1", "ip": "10.141.7.7"}]).is_empty


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
    "no XML MAC": ({"mac": "nonsense"}, "mac: not a MAC address"),
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


def test_the_bootable_interface_is_the_provisioning_interface_and_carries_the_tag() -> None:
    stored = make_device()
    new = {"name": "eth1", "type": "physical", "ip": "10.141.0.77", "bootable": True}

    desired = desired_of(plan_device(stored, interfaces=[new]))

    eth1 = interface(desired, "eth1")
    assert desired["provisioningInterface"] == eth1["uuid"]
    assert (eth1["revision"], eth1["bootable"]) == ("bootif", True)
    assert interface(desired, "BOOTIF")["bootable"] is False
    assert [item["name"] for item in desired["interfaces"] if item["bootable"]] == ["eth1"]


def test_the_interface_that_boots_does_not_lose_that_without_another() -> None:
    boots = next(item for item in make_device()["interfaces"] if item["uuid"] == make_device()["provisioningInterface"])

    with pytest.raises(BcmConfigError, match="exactly one must be bootable"):
        plan_device(make_device(), interfaces=[{"name": boots["name"], "bootable": False}])


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


def test_mac_addresses_that_are_not_set_are_left_out() -> None:
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
