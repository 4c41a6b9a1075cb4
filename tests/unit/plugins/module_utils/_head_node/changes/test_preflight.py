# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.preflight import (
    check_inventory,
    check_new,
    check_owners,
    check_references,
    check_slots,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import Names, References
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.slots import ProvisioningNode, Slots

from ....objects import make_device, make_head_node, make_image, make_references

Raw = dict[str, Any]

HOST_NAMES = "letters, digits and hyphens, no dots, not digits alone"
NO_MAC = "not a MAC address: it takes 12 hexadecimal digits; write it as A0:36:9F:7C:05:00"
SWAP = "if its board was swapped, allow it with bcm_allow_mac_change: true"


def node(number: int, **values: Any) -> Raw:
    interfaces = [
        {"name": "BOOTIF", "type": "physical", "ip": f"10.141.0.{number}", "network": "internalnet"},
        {"name": "ipmi0", "type": "bmc", "ip": f"10.148.0.{number}", "network": "ipminet"},
    ]
    defaults = {
        "hostname": f"node00{number}",
        "mac": f"02:00:00:00:00:{number:02x}",
        "category": "default",
        "interfaces": interfaces,
    }
    return {**defaults, **values}


def interface(**values: Any) -> list[Raw]:
    return [{"name": "eth9", "type": "physical", **values}]


def texts(problems: list[Any]) -> list[str]:
    return [str(problem) for problem in problems]


# the second of two nodes, and what is wrong
INVENTORY: dict[str, tuple[Raw, list[str]]] = {
    "nothing": (node(2), []),
    "host name in another case": (
        node(2, hostname="NODE001"),
        ["duplicate hostname node001 in the inventory: node001, NODE001"],
    ),
    "MAC written otherwise": (
        node(2, mac="02-00-00-00-00-01"),
        ["duplicate MAC address 02:00:00:00:00:01 in the inventory: node001, node002"],
    ),
    "MAC of an interface": (
        node(2, interfaces=interface(mac="0200.0000.0001")),
        ["duplicate MAC address 02:00:00:00:00:01 in the inventory: node001, node002"],
    ),
    "IP": (
        node(2, interfaces=interface(ip="10.141.0.1")),
        ["duplicate IP address 10.141.0.1 in the inventory: node001, node002"],
    ),
    "BMC IP": (
        node(2, interfaces=[{"name": "ipmi0", "type": "bmc", "ip": "10.148.0.1"}]),
        ["duplicate BMC IP address 10.148.0.1 in the inventory: node001, node002"],
    ),
    "IP of an interface that goes": (node(2, interfaces=interface(ip="10.141.0.1", state="absent")), []),
    "an own MAC twice": (node(2, interfaces=interface(mac="02:00:00:00:00:02")), []),
    "no interfaces": (node(2, interfaces=None), []),
    "bad MAC": (
        node(2, mac="nonsense"),
        [f"node002: {NO_MAC}"],
    ),
    "bad host name": (
        node(2, hostname="node002.cluster"),
        [f"node002.cluster: 'node002.cluster' is not a host name BCM takes: {HOST_NAMES}"],
    ),
}


@pytest.mark.parametrize(("second", "problems"), INVENTORY.values(), ids=INVENTORY)
def test_an_inventory_is_checked_against_itself(second: Raw, problems: list[str]) -> None:
    assert texts(check_inventory([node(1), second])) == problems


REFERENCES: dict[str, tuple[Raw, list[str]]] = {
    "nothing": (node(1, software_image="other-image", management_network="internalnet"), []),
    "cleared": (node(1, software_image="", management_network=""), []),
    "category": (
        node(1, category="no"),
        ["node001: category 'no' does not exist on the head node; existing: default, gpu"],
    ),
    "image": (
        node(1, software_image="no"),
        ["node001: software image 'no' does not exist on the head node; existing: default-image, other-image"],
    ),
    "networks": (
        node(1, management_network="no", interfaces=interface(network="nonet")),
        [
            "node001: network 'no' does not exist on the head node; existing: internalnet, ipminet",
            "node001: network 'nonet' does not exist on the head node; existing: internalnet, ipminet",
        ],
    ),
}


@pytest.mark.parametrize(("wanted", "problems"), REFERENCES.values(), ids=REFERENCES)
def test_what_does_not_exist_is_a_problem_that_lists_what_does(wanted: Raw, problems: list[str]) -> None:
    assert texts(check_references([wanted], [], make_references())) == problems


def test_categories_are_checked_too() -> None:
    category = {"name": "new", "software_image": "no", "management_network": "internalnet", "clone_from": "none"}

    problems = texts(check_references([], [category], make_references()))

    assert [problem.split(" does")[0] for problem in problems] == [
        "category new: software image 'no'",
        "category new: category 'none'",
    ]


def test_an_image_that_is_being_copied_is_a_problem_where_it_is_used() -> None:
    copying = Names.from_api("software image", [make_image("copy", fileOperationInProgress=True), make_image("good")])
    known = make_references()
    references = References(known.categories, copying, known.networks, known.partitions)

    assert "still being copied" in texts(check_references([node(1, software_image="copy")], [], references))[0]
    assert texts(check_references([node(1, software_image="good")], [], references)) == []


OWNERS: dict[str, tuple[Raw, list[str]]] = {
    "unknown": (node(9), []),
    "known": (node(1, mac="02-00-00-00-00-01"), []),
    "MAC of another": (
        node(9, mac="02:00:00:00:00:01"),
        ["node009: MAC address 02:00:00:00:00:01 belongs to device node001 in BCM"],
    ),
    "swapped board": (
        node(1, mac="02:00:00:00:00:99"),
        [f"node001: BCM knows it with MAC address 02:00:00:00:00:01, the inventory says 02:00:00:00:00:99; {SWAP}"],
    ),
    "no MAC given": (node(1, mac=None), []),
    "head node": (node(8, hostname="head"), ["head: hostname head belongs to a HeadNode in BCM"]),
    "another case": (
        node(9, hostname="NODE001"),
        ["NODE001: BCM knows a device node001, whose name differs in case only"],
    ),
}


@pytest.mark.parametrize(("wanted", "problems"), OWNERS.values(), ids=OWNERS)
def test_names_and_macs_of_others_are_a_problem(wanted: Raw, problems: list[str]) -> None:
    devices = {"node001": make_device(), "head": make_head_node()}

    assert texts(check_owners([wanted], devices)) == problems


def test_a_swapped_board_can_be_allowed() -> None:
    swapped = node(1, mac="02:00:00:00:00:99")

    assert check_owners([swapped], {"node001": make_device()}, allow_mac_change=True) == []
    assert check_owners([swapped], {"node001": make_device(mac="00:00:00:00:00:00")}) == []


NEW: dict[str, tuple[Raw, list[str]]] = {
    "whole": (node(9, interfaces=interface(bootable=True, ip="10.141.0.9")), []),
    "by dhcp": (node(9, interfaces=interface(bootable=True, dhcp=True)), []),
    "known": (node(1, mac=None, category=None, interfaces=None), []),
    "to be removed": ({"hostname": "node009", "state": "absent"}, []),
    "nothing": (
        {"hostname": "node009"},
        ["mac, category, an interface that boots, with an address or DHCP"],
    ),
    "no address": (
        node(9, interfaces=interface(bootable=True)),
        ["an interface that boots, with an address or DHCP"],
    ),
}


@pytest.mark.parametrize(("wanted", "lacks"), NEW.values(), ids=NEW)
def test_what_a_new_node_lacks_is_told_before_it_is_registered(wanted: Raw, lacks: list[str]) -> None:
    expected = [f"node009: BCM does not know it, and to register it lacks {text}" for text in lacks]

    assert texts(check_new([wanted], {"node001": make_device()})) == expected


@pytest.mark.parametrize(
    ("nodes", "count", "problem", "remark"),
    [
        ([], 1, "no provisioning slots", ""),
        ([ProvisioningNode("a", 10, 0, True)], 1, "all are drained", ""),
        ([ProvisioningNode("a", 10, 0, True), ProvisioningNode("b", 5, 0, False)], 5, "", ""),
        ([ProvisioningNode("a", 10, 0, False)], 20, "", "20 nodes share 10 provisioning slots: the rest will queue"),
    ],
)
def test_no_slots_are_a_problem_and_few_a_remark(
    nodes: list[ProvisioningNode], count: int, problem: str, remark: str
) -> None:
    problems, remarks = check_slots(Slots(tuple(nodes)), count)

    assert len(problems) == bool(problem)
    assert all(problem in str(found) for found in problems)
    assert remarks == ([remark] if remark else [])
