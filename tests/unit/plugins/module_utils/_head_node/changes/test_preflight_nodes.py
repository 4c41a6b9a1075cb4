# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.preflight import Problem
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.preflight_nodes import (
    check_addresses,
    check_plans,
    find_warnings,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import References

from ....objects import make_category, make_device, make_head_node, make_references

Raw = dict[str, Any]

REFERENCES: References = make_references()
DEVICES = {raw["hostname"]: raw for raw in (make_device(), make_device("node002", 2), make_head_node())}
NO_ADDRESS = "interface BOOTIF: ip: "


def node(name: str = "node003", number: int = 3, *, boot: Raw | None = None, **values: Any) -> Raw:
    interface = {"name": "BOOTIF", "type": "physical", "network": "internalnet", "bootable": True, "dhcp": True}
    return {
        "hostname": name,
        "mac": f"02:00:00:00:00:{number:02x}",
        "category": "default",
        "interfaces": [{**interface, **(boot or {})}],
        **values,
    }


def plans(nodes: list[Raw], categories: list[Raw], **more: Any) -> list[str]:
    stored = {"default": make_category()}
    found = check_plans(nodes, categories, DEVICES, REFERENCES, stored_categories=stored, **more)
    return [str(problem) for problem in found]


def addresses(*nodes: Raw) -> list[str]:
    return [str(problem) for problem in check_addresses(nodes, DEVICES, REFERENCES)]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"roles": [{"name": "boott"}]}, "node003: roles: boott: no such BCM role; known are "),
        ({"roles": [{"name": "boot"}, {"name": "boot"}]}, "node003: roles: name 'boot' is named twice"),
        ({"power_control": "redfish"}, "node003: power_control: redfish needs a BMC interface called rf0"),
        ({"mac": "ff:ff:ff:ff:ff:ff"}, "node003: mac: FF:FF:FF:FF:FF:FF is not the address of one interface"),
        ({"purge_roles": True}, "node003: purge_roles needs roles"),
    ],
)
def test_what_the_module_would_refuse_of_a_node_is_one_problem(options: Raw, sentence: str) -> None:
    (found,) = plans([node(**options)], [])

    assert found.startswith(sentence)


@pytest.mark.parametrize(
    ("category", "sentence"),
    [
        ({"name": "default", "disksetup": "raid 5"}, "category default: disksetup: not well-formed XML"),
        ({"name": "default", "disksetup": "<disks/>"}, "category default: disksetup: the root element is not <diskSe"),
        ({"name": "new"}, "category new: software_image (or clone_from) must be given to create it"),
        (
            {"name": "default", "gpu_settings": [{"name": "0-3", "enable_persistence_mode": True}]},
            "category default: gpu_settings: 0-3: enable_persistence_mode: BCM has no such GPU setting; the driver",
        ),
    ],
)
def test_what_the_module_would_refuse_of_a_category_is_one_problem(category: Raw, sentence: str) -> None:
    (found,) = plans([], [{"purge_roles": False, **category}])

    assert found.startswith(sentence)


def test_a_category_that_is_declared_twice_is_one_problem() -> None:
    assert plans([], [{"name": "default"}] * 3) == ["category default: it is declared more than once"]


def test_good_nodes_and_categories_are_no_problem() -> None:
    assert plans([node(), node("node001", 1)], [{"name": "default", "notes": "x"}]) == []


def test_a_node_with_a_problem_that_is_known_is_not_told_another() -> None:
    assert plans([node(roles=[{"name": "boott"}])], [], known=[Problem("node003", "x")]) == []


@pytest.mark.parametrize(
    ("boot", "sentence"),
    [
        ({"ip": "10.141.0.256"}, f"{NO_ADDRESS}'10.141.0.256' is not an IPv4 address: it has a number above 255"),
        ({"ip": "10.141.0.3/16"}, f"{NO_ADDRESS}'10.141.0.3/16' is not an IPv4 address: it takes no prefix length"),
        ({"ip": "010.141.0.1"}, f"{NO_ADDRESS}'010.141.0.1' is not an IPv4 address: it has a number with a leading"),
        ({"ip": "node1.example"}, f"{NO_ADDRESS}not an IPv4 address: it takes four numbers"),
        ({"ip": "fd00::1"}, f"{NO_ADDRESS}not an IPv4 address: it is an IPv6 address"),
        (
            {"ip": "10.142.0.3"},
            "interface BOOTIF: address 10.142.0.3 is outside of its network internalnet, 10.14",
        ),
        ({"ip": "10.141.255.255"}, "interface BOOTIF: address 10.141.255.255 is that of its network internalnet"),
        ({"ip": "10.141.0.0"}, "interface BOOTIF: address 10.141.0.0 is that of its network internalnet"),
    ],
)
def test_an_address_that_the_node_can_not_have_is_one_problem(boot: Raw, sentence: str) -> None:
    (found,) = addresses(node(boot=boot))

    assert found.startswith(f"node003: {sentence}")


@pytest.mark.parametrize("ip", ["10.141.0.3", "10.141.255.1", "0.0.0.0"])
def test_an_address_of_its_own_in_its_network_is_no_problem(ip: str) -> None:
    assert addresses(node(boot={"ip": ip})) == []


def test_the_network_of_an_address_is_that_of_the_node_or_the_one_it_has_where_none_is_named() -> None:
    (of_node,) = addresses(node(boot={"ip": "10.9.0.1", "network": None}, management_network="internalnet"))
    (stored,) = addresses({"hostname": "node001", "interfaces": [{"name": "ipmi0", "ip": "10.9.0.1"}]})
    unknown = addresses(node(boot={"ip": "10.9.0.1", "network": None}))

    assert "outside of its network internalnet" in of_node
    assert "outside of its network ipminet" in stored
    assert unknown == []


def test_an_interface_that_goes_needs_no_address() -> None:
    assert addresses({"hostname": "node001", "interfaces": [{"name": "x", "ip": "nonsense", "state": "absent"}]}) == []


def test_nodes_that_boot_over_another_network_than_their_management_are_one_remark() -> None:
    nodes = [
        node(f"node10{number}", number, boot={"network": "ipminet"}, management_network="internalnet")
        for number in (1, 2)
    ]

    said = (
        "node101, node102: the interface that boots is on network ipminet, not on the management network internalnet; "
        "make sure that BCM answers DHCP there"
    )
    assert find_warnings([*nodes, node(management_network="internalnet")], [], DEVICES, REFERENCES) == (said,)


def test_the_install_mode_minimal_is_told_to_be_sent_as_auto() -> None:
    said = "install mode MINIMAL does not exist in BCM and is sent as AUTO, the least that installs the image"

    assert find_warnings([node(install_mode="MINIMAL")] * 2, [], {}, REFERENCES) == (said,)
    assert find_warnings([], [{"name": "x", "new_node_install_mode": "MINIMAL"}], {}, REFERENCES) == (said,)
    assert find_warnings([node(install_mode="AUTO")], [{"name": "x"}], {}, REFERENCES) == ()
