# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes as hosts: what is given stores the same again, and nothing that is secret is given."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.filter.desired_device import desired_device
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import DEVICE, wanted_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.plan import plan_present
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities import device
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import Names
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.stored_host import (
    StoredHost,
    check_filters,
    is_wanted,
    stored_host,
)

from ....objects import make_bmc_settings, make_context, make_device, make_interface, make_object, make_proxy, uid

Raw = dict[str, Any]
NO_RACKS = Names("rack")
TEXTS = st.text(max_size=12)


def host_of(raw: Raw) -> StoredHost:
    return stored_host(raw, make_context().references, NO_RACKS, None)


def plan_of(raw: Raw) -> Any:
    """What a run with the host's variables would change."""
    variables = {**host_of(raw).variables, "inventory_hostname": raw["hostname"]}
    validated = ArgumentSpecValidator(DEVICE).validate(desired_device(variables, {"default": "default-image"}))
    assert not validated.error_messages
    return plan_present(device.DEVICE, raw, wanted_of(validated.validated_parameters), make_context())


def boots_elsewhere() -> Raw:
    other = make_interface("node001", "eth0", ip="10.141.0.1", revision="bootif", bootable=True)
    return {"interfaces": [other], "provisioningInterface": other["uuid"]}


BMCS = [
    make_interface("node001", "ipmi0", "NetworkBmcInterface", ip="10.148.0.1", mac="02:00:00:00:99:01"),
    make_interface("node001", "rf0", "NetworkBmcInterface", ip="10.148.0.9"),
]
STORED: list[Raw] = [
    {},
    {"softwareImageProxy": make_proxy("node001", "default-image")},
    {"softwareImageProxy": make_proxy("node001", "other-image", 3)},
    {"softwareImageProxy": make_proxy("node001", "removed")},
    {"bmcSettings": make_bmc_settings("node001")},
    {"category": uid("category/removed")},
    {"installMode": "FULL", "bootLoader": "GRUB", "bootLoaderProtocol": "HTTP"},
    {"installMode": "of a later release", "bootLoader": "of a later release"},
    {"userDefinedResources": ["gpu", "gpu", "a label"], "notes": "Grüße {{ x }}", "kernelParameters": "iommu=pt"},
    {"serialNumber": "S1", "partNumber": "P1", "kernelVersion": "6.8"},
    {"mac": "00:00:00:00:00:00"},
    {"mac": "no address", "interfaces": []},
    {"powerControl": "none"},
    {"powerControl": "rf0", "interfaces": BMCS},
    {"powerControl": "ipmi"},
    {"powerControl": "custom"},
    {"interfaces": [{**BMCS[0], "ip": "10.148.0.001"}]},
    {
        "roles": [
            make_object("Role", "ProvisioningRole", "r", name="provisioning"),
            make_object("Role", "X", "x", name="x"),
        ]
    },
    boots_elsewhere(),
]


@pytest.mark.parametrize("stored", STORED)
def test_the_variables_of_a_stored_node_change_nothing(stored: Raw) -> None:
    assert plan_of(make_device(**stored)).is_empty


@pytest.mark.parametrize("flag", [True, False, None])
@pytest.mark.parametrize("revision", ["", "bootif"])
def test_the_interface_that_boots_stays_marked_as_others_have_marked_it(flag: bool | None, revision: str) -> None:
    raw = make_device()
    raw["interfaces"].append(make_interface("node001", "eth1", revision=revision))
    for item in raw["interfaces"]:
        item.pop("bootable")
        if flag is not None:
            item["bootable"] = flag

    assert plan_of(raw).is_empty


@given(
    texts=st.fixed_dictionaries(
        dict.fromkeys(
            ("notes", "kernelParameters", "kernelVersion", "serialNumber", "partNumber", "installMode"), TEXTS
        )
    ),
    labels=st.lists(TEXTS, max_size=3),
    macs=st.lists(TEXTS, min_size=2, max_size=2),
    ips=st.lists(TEXTS, min_size=2, max_size=2),
)
def test_whatever_is_stored_the_variables_change_nothing(
    texts: dict[str, Any], labels: list[str], macs: list[str], ips: list[str]
) -> None:
    raw = make_device(**texts, userDefinedResources=labels, mac=macs[0])
    raw["interfaces"] = [
        {**item, "ip": ip, "mac": mac} for item, ip, mac in zip(raw["interfaces"], ips, macs, strict=True)
    ]

    assert plan_of(raw).is_empty


def test_a_host_has_the_roles_variables() -> None:
    raw = make_device(softwareImageProxy=make_proxy("node001", "other-image"), userDefinedResources=["gpu"])

    assert host_of(raw).variables == {
        "bcm_hostname": "node001",
        "bcm_mac": "02:00:00:00:00:01",
        "bcm_category": "default",
        "bcm_management_ip": "10.141.0.1",
        "bcm_bmc_ip": "10.148.0.1",
        "bcm_bmc_interface": "ipmi0",
        "bcm_power_control": "ipmi0",
        "bcm_software_image": "other-image",
        "bcm_software_image_revision": -1,
        "bcm_labels": ["gpu"],
        "bcm_node": {
            "uuid": raw["uuid"],
            "state": "unknown",
            "software_image": "other-image",
            "management_ip": "10.141.0.1",
            "rack": None,
            "partition": "base",
        },
    }


def test_credentials_scripts_and_what_others_keep_are_not_given() -> None:
    secret = "pl4nted-s3cret"
    settings = make_bmc_settings("node001", userName=secret, password=secret, extraArguments=secret)
    scripts: dict[str, Any] = dict.fromkeys(
        ("initialize", "finalize", "disksetup", "userdefined1", "excludeListSync"), secret
    )
    raw = make_device(bmcSettings=settings, extra_values={"key": secret}, **scripts)

    assert secret not in json.dumps(host_of(raw).variables)


def test_words_group_a_node() -> None:
    racks = Names.from_api("rack", [{"uuid": uid("rack/a1"), "name": "A1"}])
    raw = make_device(rackPosition={"rack": uid("rack/a1"), "position": 3}, userDefinedResources=["gpu"])

    assert stored_host(raw, make_context().references, racks, None).words == {
        "category": ["default"],
        "image": ["default-image"],
        "state": ["unknown"],
        "rack": ["A1"],
        "partition": ["base"],
        "label": ["gpu"],
    }


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, True),
        ({"name": "node*"}, True),
        ({"name": ["x", "node00?"], "category": "default"}, True),
        ({"name": "node"}, False),
        ({"category": "default", "label": ["cpu", "gpu"]}, True),
        ({"category": "default", "label": []}, False),
        ({"state": "UNKNOWN"}, True),
        ({"rack": "A1"}, False),
    ],
)
def test_a_filter_takes_nodes_that_have_one_of_its_words(filters: Raw, wanted: bool) -> None:
    host = host_of(make_device(userDefinedResources=["gpu"]))

    assert is_wanted(host, check_filters(filters, {})) is wanted


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"categories": "x"}, "there is none by categories; there are name, category, image"),
        ({"category": {"x": "y"}}, "category takes a word"),
        ({"label": [1]}, "label takes a word"),
        ({"category": ["default", "defualt"]}, "no category 'defualt' on the head node; existing: default, gpu"),
    ],
)
def test_a_filter_that_could_never_fit_is_refused(filters: Raw, message: str) -> None:
    with pytest.raises(BcmConfigError, match="filters: ") as caught:
        check_filters(filters, {"category": ["default", "gpu"]})
    assert message in str(caught.value)
