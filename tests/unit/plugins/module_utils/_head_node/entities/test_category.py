# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError, BcmNotFound

from ....objects import make_category
from ..changes.planning import desired_of, plan_category


def test_a_new_category_needs_an_image_or_a_category_to_clone() -> None:
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


def test_an_unknown_category_to_clone_lists_those_that_exist() -> None:
    with pytest.raises(BcmNotFound, match=r"could not plan category new: category 'no' does not exist.*default, gpu"):
        plan_category(None, name="new", clone_from="no")
