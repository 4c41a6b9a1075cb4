# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of sub-entities are merged by key."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.merge import SubObjects
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.parts import (
    BMC_SETTINGS,
    BOND_MEMBERS_KEY,
    FS_MOUNTS,
    GPU_SETTINGS,
    INTERFACES,
    MODULES,
    ROLES,
    SERVICES,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import ZERO_UUID

from ....objects import make_bmc_settings, make_context, make_interface, make_object, make_references, uid

Raw = dict[str, Any]


def make_modules(*names: str) -> list[Raw]:
    return [make_object("KernelModule", "", f"module/{name}", name=name, parameters="p", future=name) for name in names]


def wanted(*elements: Raw, purge: bool = False) -> Raw:
    return {"elements": list(elements), "purge": purge}


def names(items: list[Raw]) -> list[str]:
    return [item["name"] for item in items]


def merge(kind: SubObjects, stored: list[Raw] | None, value: Raw) -> Any:
    before = copy.deepcopy(stored)
    merged = kind.merge(stored, value, make_context())
    assert stored == before, "what is stored was changed in place"
    return merged


# stored names, wanted elements, purge, names afterwards
LISTS: dict[str, tuple[list[str], list[Raw], bool, list[str]]] = {
    "what is not named stays": (["a", "b"], [{"name": "b"}], False, ["a", "b"]),
    "a new one comes last": (["b", "a"], [{"name": "c"}], False, ["b", "a", "c"]),
    "absent removes": (["a", "b"], [{"name": "a", "state": "absent"}], False, ["b"]),
    "absent and not there": (["a"], [{"name": "z", "state": "absent"}], False, ["a"]),
    "purge removes what is not named": (["a", "b"], [{"name": "b"}], True, ["b"]),
    "purge and absent": (["a", "b", "c"], [{"name": "b"}, {"name": "a", "state": "absent"}], True, ["b"]),
    "an empty list with purge clears": (["a", "b"], [], True, []),
    "an empty list without purge leaves": (["a", "b"], [], False, ["a", "b"]),
    "one key twice in what is stored": (["a", "a", "b"], [{"name": "b"}], False, ["a", "a", "b"]),
}


@pytest.mark.parametrize(("stored", "elements", "purge", "after"), LISTS.values(), ids=LISTS)
def test_a_list_is_merged_by_key(stored: list[str], elements: list[Raw], purge: bool, after: list[str]) -> None:
    assert names(merge(MODULES, make_modules(*stored), wanted(*elements, purge=purge))) == after


def test_a_named_element_keeps_its_uuid_and_the_keys_that_were_not_named() -> None:
    stored = make_modules("a", "b")

    merged = merge(MODULES, stored, wanted({"name": "b", "parameters": "new"}))

    assert merged == [stored[0], {**stored[1], "parameters": "new"}]


def test_nothing_new_is_the_same_object() -> None:
    stored = make_modules("a", "b")

    assert merge(MODULES, stored, wanted({"name": "a", "parameters": "p"})) is stored


def test_one_key_named_twice_is_refused() -> None:
    with pytest.raises(BcmConfigError, match="name 'a' is named twice"):
        merge(MODULES, [], wanted({"name": "a"}, {"name": "a", "state": "absent"}))


NEW: dict[str, tuple[SubObjects, Raw, Raw]] = {
    "physical": (
        INTERFACES,
        {"name": "eth0", "type": "physical", "mac": "02:00:00:00:00:ab", "network": "internalnet"},
        {
            "baseType": "NetworkInterface",
            "childType": "NetworkPhysicalInterface",
            "mac": "02:00:00:00:00:AB",
            "network": uid("network/internalnet"),
            "dhcp": False,
            "ip": "0.0.0.0",
            "onNetworkPriority": 60,
        },
    ),
    "bmc": (
        INTERFACES,
        {"name": "bmc", "type": "bmc", "ip": "10.148.0.9", "vlan_id": 7},
        {
            "childType": "NetworkBmcInterface",
            "name": "ipmi0",
            "ip": "10.148.0.9",
            "vlanid": 7,
            "lanchannel": 1,
            "network": ZERO_UUID,
        },
    ),
    "bond": (
        INTERFACES,
        {"name": "bond0", "type": "bond", "members": ["eth0", "eth1"], "mode": 1, "bond_options": "miimon=100"},
        {
            "childType": "NetworkBondInterface",
            "mode": 1,
            "options": "miimon=100",
            BOND_MEMBERS_KEY: ["eth0", "eth1"],
        },
    ),
    "provisioning role": (
        ROLES,
        {"name": "provisioning", "max_provisioning_nodes": 4},
        {"baseType": "Role", "childType": "ProvisioningRole", "maxProvisioningNodes": 4, "addServices": True},
    ),
    "boot role": (ROLES, {"name": "boot"}, {"childType": "BootRole", "name": "boot"}),
    "storage role": (ROLES, {"name": "storage"}, {"childType": "StorageRole"}),
    "backup role": (ROLES, {"name": "backup"}, {"childType": "BackupRole"}),
    "monitoring role": (ROLES, {"name": "monitoring"}, {"childType": "MonitoringRole"}),
    "mount": (
        FS_MOUNTS,
        {"mountpoint": "/home", "device": "nfs:/home", "filesystem": "nfs"},
        {"baseType": "FSMount", "mountpoint": "/home", "mountoptions": "defaults", "fsck": "NONE"},
    ),
    "module": (MODULES, {"name": "nvidia"}, {"baseType": "KernelModule", "parameters": ""}),
    "service": (
        SERVICES,
        {"name": "nvsm", "autostart": True},
        {"baseType": "OSServiceConfig", "autostart": True, "runIf": "ALWAYS", "scriptTimeout": -1},
    ),
    "gpus": (
        GPU_SETTINGS,
        {"name": "0-3", "power_limit": 300},
        {"baseType": "GPUSettings", "childType": "NvidiaGPUSettings", "powerLimit": 300},
    ),
}


@pytest.mark.parametrize(("kind", "options", "made"), NEW.values(), ids=NEW)
def test_a_new_element_has_bcms_defaults_and_a_uuid_of_its_own(kind: SubObjects, options: Raw, made: Raw) -> None:
    (element,) = merge(kind, None, wanted(options))

    assert element.items() >= made.items()
    assert element["uuid"] not in ("", ZERO_UUID)
    assert element["modified"] is True


@pytest.mark.parametrize(("kind", "options", "made"), NEW.values(), ids=NEW)
def test_an_element_that_was_made_is_merged_without_a_change(kind: SubObjects, options: Raw, made: Raw) -> None:
    del made
    once = merge(kind, None, wanted(options))

    assert merge(kind, once, wanted(options)) is once


@pytest.mark.parametrize(("kind", "options", "made"), NEW.values(), ids=NEW)
def test_an_element_that_is_shown_can_be_given_back(kind: SubObjects, options: Raw, made: Raw) -> None:
    del made
    stored = merge(kind, None, wanted(options))

    shown = kind.show(stored, make_references())

    assert merge(kind, stored, wanted(*shown)) is stored


@pytest.mark.parametrize("word", ["compute", "gpu", "ProvisioningRole"])
def test_an_unknown_role_points_to_labels(word: str) -> None:
    with pytest.raises(BcmConfigError, match=f"{word}: no such BCM role.*boot, monitoring.*labels"):
        merge(ROLES, [], wanted({"name": word}))


def test_a_role_of_an_unknown_kind_that_is_there_may_be_named_and_removed() -> None:
    slurm = make_object("Role", "SlurmClientRole", "role/slurm", name="slurmclient", slots=4)

    assert merge(ROLES, [slurm], wanted({"name": "slurmclient"})) == [slurm]
    assert merge(ROLES, [slurm], wanted({"name": "slurmclient", "state": "absent"})) == []


def test_an_element_of_an_unknown_kind_is_not_changed_in_silence() -> None:
    vlan = make_interface("n", "vlan7", "NetworkVLANInterface", ip="10.0.0.1")

    assert merge(INTERFACES, [vlan], wanted({"name": "vlan7", "ip": None})) == [vlan]
    with pytest.raises(BcmConfigError, match=r"vlan7: .*NetworkVLANInterface.*ip"):
        merge(INTERFACES, [vlan], wanted({"name": "vlan7", "ip": "10.0.0.2"}))


def test_an_interface_of_an_unknown_kind_that_is_shown_can_be_given_back() -> None:
    vlan = make_interface("n", "vlan7", "NetworkVLANInterface", ip="10.0.0.1")

    shown = INTERFACES.show([vlan], make_references())

    assert shown == [{"name": "vlan7", "type": "NetworkVLANInterface"}]
    assert merge(INTERFACES, [vlan], wanted(*shown)) == [vlan]


def test_an_interface_that_is_new_needs_a_type() -> None:
    with pytest.raises(BcmConfigError, match="eth9: type is needed"):
        merge(INTERFACES, [], wanted({"name": "eth9", "ip": "10.0.0.1"}))


def test_the_type_of_an_interface_is_not_changed() -> None:
    with pytest.raises(BcmConfigError, match="it is of type physical on the head node, not bond"):
        merge(INTERFACES, [make_interface("n", "eth0")], wanted({"name": "eth0", "type": "bond"}))


def test_the_forks_spelling_of_a_bmc_interface_is_one_too() -> None:
    fork = make_interface("n", "ipmi0", "NetworkBMCInterface", vlanid=0, lanchannel=1, gateway="0.0.0.0")

    assert merge(INTERFACES, [fork], wanted({"name": "bmc", "type": "bmc", "vlan_id": 3}))[0]["vlanid"] == 3


def test_bmc_settings_are_made_when_first_named_and_kept_afterwards() -> None:
    made = BMC_SETTINGS.merge(None, {"username": "admin", "password": "x"}, make_context())
    stored = make_bmc_settings("n")

    assert made["baseType"] == "BMCSettings"
    assert (made["userName"], made["password"], made["userID"]) == ("admin", "x", -1)
    assert BMC_SETTINGS.merge(stored, {"username": "bright", "password": "bmc-secret"}, make_context()) is stored
    assert BMC_SETTINGS.merge(stored, {"user_id": 2}, make_context()) == {**stored, "userID": 2}


def test_shown_bmc_settings_hide_the_password() -> None:
    assert BMC_SETTINGS.show(make_bmc_settings("n"), make_references())["password"] == "********"
    assert BMC_SETTINGS.show(None, make_references()) is None
