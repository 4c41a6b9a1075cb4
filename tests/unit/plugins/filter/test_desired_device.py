# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.baremetal.bcm.plugins.filter.desired_device import FilterModule, desired_device
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.host_variables import HOST_VARIABLES
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import DEVICE

Raw = dict[str, Any]

SHORT = {
    "inventory_hostname": "dgx-05.cluster.local",
    "bcm_mac": "02:00:00:00:00:05",
    "bcm_category": "default",
    "bcm_management_ip": "10.141.0.5",
    "bcm_management_network": "internalnet",
    "bcm_bmc_ip": "10.148.0.5",
    "bcm_bmc_network": "ipminet",
}
BOOTIF = {
    "name": "BOOTIF",
    "type": "physical",
    "ip": "10.141.0.5",
    "network": "internalnet",
    "bootable": True,
}
IPMI = {"name": "ipmi0", "type": "bmc", "ip": "10.148.0.5", "network": "ipminet"}


def device(**variables: Any) -> Raw:
    return desired_device({**SHORT, **variables})


def interfaces(**variables: Any) -> dict[str, Raw]:
    return {item["name"]: item for item in device(**variables).get("interfaces", [])}


def test_short_variables_make_a_whole_node() -> None:
    assert device() == {
        "hostname": "dgx-05",
        "mac": "02:00:00:00:00:05",
        "category": "default",
        "management_network": "internalnet",
        "interfaces": [BOOTIF, IPMI],
    }


def test_what_is_not_given_is_not_there() -> None:
    assert desired_device({"inventory_hostname": "n"}) == {"hostname": "n"}
    assert "notes" not in device(bcm_notes=None)
    assert device(bcm_notes="")["notes"] == ""
    assert device(bcm_labels=[])["labels"] == []
    assert device(bcm_software_image_revision=0)["software_image_revision"] == 0


def test_a_host_name_of_its_own_comes_before_that_of_the_inventory() -> None:
    assert device(bcm_hostname="other")["hostname"] == "other"


def test_every_option_it_gives_is_one_of_the_module() -> None:
    everything = {f"bcm_{option}": "x" for option in DEVICE}
    lists = {"bcm_interfaces": [{"name": "eth1"}], "bcm_roles": ["boot"], "bcm_bmc_settings": {"username": "u"}}

    assert set(device(**{**everything, **lists})) <= set(DEVICE)


@pytest.mark.parametrize(
    ("variables", "given"),
    [
        ({"bcm_management_dhcp": True}, {"dhcp": True}),
        ({"bcm_management_dhcp": False, "bcm_management_ip": "10.0.0.1"}, {"dhcp": False, "ip": "10.0.0.1"}),
        ({"bcm_management_ip": "10.0.0.1"}, {"ip": "10.0.0.1"}),
    ],
)
def test_a_node_boots_with_an_address_or_by_dhcp(variables: Raw, given: Raw) -> None:
    (boot,) = desired_device({"inventory_hostname": "n", **variables})["interfaces"]

    assert boot == {"name": "BOOTIF", "type": "physical", "bootable": True, **given}


@pytest.mark.parametrize("variables", [{}, {"bcm_management_dhcp": False}, {"bcm_management_network": "internalnet"}])
def test_addresses_that_are_not_given_are_left_alone(variables: Raw) -> None:
    assert "interfaces" not in desired_device({"inventory_hostname": "n", **variables})


def test_an_interface_that_is_listed_refines_the_one_of_the_short_variables() -> None:
    found = interfaces(bcm_interfaces=[{"name": "ipmi0", "vlan_id": 7}, {"name": "BOOTIF", "mac": "02:00:00:00:00:99"}])

    assert found["ipmi0"] == {**IPMI, "vlan_id": 7}
    assert found["BOOTIF"] == {**BOOTIF, "mac": "02:00:00:00:00:99"}


def test_an_interface_that_is_listed_is_added() -> None:
    found = interfaces(bcm_interfaces=[{"name": "ib0", "type": "physical", "ip": "10.9.0.5"}])

    assert list(found) == ["BOOTIF", "ipmi0", "ib0"]


def test_a_node_may_boot_over_another_interface() -> None:
    found = interfaces(bcm_interfaces=[{"name": "eth1", "type": "physical", "dhcp": True, "bootable": True}])

    assert [name for name, item in found.items() if item.get("bootable")] == ["eth1"]
    assert found["BOOTIF"]["bootable"] is False


def test_without_short_variables_only_what_is_listed_is_there() -> None:
    listed = [{"name": "eth1", "type": "physical", "dhcp": True, "bootable": True}]

    assert desired_device({"inventory_hostname": "n", "bcm_interfaces": listed})["interfaces"] == listed


def test_the_list_of_the_inventory_is_left_alone() -> None:
    listed = [{"name": "BOOTIF", "mac": "02:00:00:00:00:99"}]

    device(bcm_interfaces=listed)

    assert listed == [{"name": "BOOTIF", "mac": "02:00:00:00:00:99"}]


def test_the_bmc_interface_may_have_another_name() -> None:
    found = interfaces(bcm_bmc_interface="rf0", bcm_bmc_mac="02:00:00:00:00:77")

    assert found["rf0"] == {**IPMI, "name": "rf0", "mac": "02:00:00:00:00:77"}


def test_credentials_of_the_bmc_come_from_short_variables_and_from_settings() -> None:
    settings = device(bcm_bmc_settings={"username": "old", "user_id": 4}, bcm_bmc_username="u", bcm_bmc_password="p")

    assert settings["bmc_settings"] == {"username": "u", "password": "p", "user_id": 4}
    assert "bmc_settings" not in device()


def test_roles_may_be_words() -> None:
    role = {"name": "provisioning", "max_provisioning_nodes": 4}

    assert device(bcm_roles=["boot", role])["roles"] == [{"name": "boot"}, role]


@pytest.mark.parametrize(
    ("variables", "image_of", "image"),
    [
        ({"bcm_software_image": "i"}, {"default": "i"}, ""),
        ({"bcm_software_image": "i"}, {"default": "other"}, "i"),
        ({"bcm_software_image": "i"}, {}, "i"),
        ({"bcm_software_image": "i"}, None, "i"),
        ({"bcm_software_image": "i", "bcm_software_image_revision": 2}, {"default": "i"}, "i"),
        ({"bcm_software_image": "i", "bcm_category": None}, {"default": "i"}, "i"),
        ({}, {"default": "i"}, None),
    ],
)
def test_an_image_that_the_category_has_already_is_no_override(
    variables: Raw, image_of: dict[str, str] | None, image: str | None
) -> None:
    assert desired_device({**SHORT, **variables}, image_of).get("software_image") == image


@pytest.mark.parametrize(
    ("variable", "value", "option"),
    [
        ("bcm_roles", "boot", "roles"),
        ("bcm_roles", {"name": "boot"}, "roles"),
        ("bcm_roles", [["boot"]], "roles"),
        ("bcm_interfaces", "eth0", "interfaces"),
        ("bcm_interfaces", {"name": "eth0"}, "interfaces"),
        ("bcm_interfaces", ["eth0"], "interfaces"),
        ("bcm_bmc_settings", "text", "bmc_settings"),
        ("bcm_bmc_settings", ["text"], "bmc_settings"),
    ],
)
def test_a_structure_that_is_none_is_handed_on_for_the_module_to_refuse(variable: str, value: Any, option: str) -> None:
    assert device(**{variable: value})[option] == value


def test_an_interface_that_is_listed_twice_stays_twice() -> None:
    listed = [{"name": "BOOTIF", "mac": "02:00:00:00:00:99"}, {"name": "BOOTIF", "mac": "02:00:00:00:00:98"}]

    assert device(bcm_interfaces=listed)["interfaces"] == [{**BOOTIF, **listed[0]}, IPMI, listed[1]]


def test_every_variable_of_a_host_that_is_read_is_known_as_one() -> None:
    asked: set[str] = set()

    class Noting(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            asked.add(key)
            return super().get(key, default)

    desired_device(Noting({**SHORT, "bcm_bmc_mac": "x", "bcm_management_dhcp": True}))

    assert {name for name in asked if name.startswith("bcm_")} - HOST_VARIABLES == set()


def test_variables_that_are_not_of_a_host_say_so() -> None:
    with pytest.raises(AnsibleFilterError, match="needs the variables of a host"):
        desired_device({"bcm_mac": "x"})


def test_the_filter_has_the_name_it_is_documented_under() -> None:
    assert FilterModule().filters() == {"desired_device": desired_device}
