# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is stored and wanted to what would be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError, BcmNotFound
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import wanted_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.plan import plan_absent, plan_present
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.category import (
    CATEGORY,
    category_to_ansible,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import DEVICE, device_to_ansible
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import Disruption
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.schema import Schema

from ....objects import make_bmc_settings, make_category, make_context, make_device, make_proxy, make_references, uid
from .planning import desired_of, plan_device

Raw = dict[str, Any]

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
        del options["bmc_settings"]["username"], options["bmc_settings"]["password"]

    assert plan_present(schema, stored, wanted_of(options), make_context()).is_empty


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


def test_what_exists_is_removed_and_what_does_not_is_fine() -> None:
    plan = plan_absent(DEVICE, make_device(), "node001")

    assert (plan.action, plan.disruption) == ("delete", Disruption.DELETE)
    assert plan.diff()["before"] == {"state": "present"}
    assert plan.diff()["after"] == {}
    assert plan_absent(DEVICE, None, "node001").is_empty


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


def test_the_name_of_a_bmc_user_is_in_no_diff_either_which_says_that_it_changes() -> None:
    stored = make_device(bmcSettings=make_bmc_settings("n"))

    diff = plan_device(stored, bmc_settings={"username": "other-user"}).diff()

    assert diff["before"]["bmc_settings"]["username"] == "********"
    assert diff["after"]["bmc_settings"]["username"] == "******** (changed)"
    assert "bright" not in json.dumps(diff)
    assert "other-user" not in json.dumps(diff)


@pytest.mark.parametrize("option", ["username", "password"])
def test_what_is_shown_instead_of_a_credential_is_not_stored_as_one(option: str) -> None:
    with pytest.raises(BcmConfigError, match=f"bmc_settings: {option}: asterisks"):
        plan_device(make_device(), bmc_settings={option: "********"})


def test_no_credential_of_a_bmc_is_shown() -> None:
    settings = make_bmc_settings("n")

    for shown in (
        device_to_ansible(make_device(bmcSettings=settings), make_references()),
        category_to_ansible(make_category(bmcSettings=settings), make_references()),
    ):
        assert (shown["bmc_settings"]["username"], shown["bmc_settings"]["password"]) == ("********", "********")
        assert "bmc-secret" not in json.dumps(shown)
        assert "bright" not in json.dumps(shown)
