# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node is to be installed with, and what is recorded of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import KeyValues
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import (
    Assignment,
    Record,
    assignment_of,
    given_up_values,
    intent_values,
    provisioned_values,
)

from ....objects import make_category, make_context, make_device, make_proxy, make_references, uid
from ..._provisioning.assigning import assignments


def test_a_node_is_assigned_its_own_image_before_its_categorys() -> None:
    references = make_references()
    follows = assignment_of(make_device(), references)
    own = assignment_of(make_device(softwareImageProxy=make_proxy("n", "other-image", 3)), references, token="t")

    assert follows is not None
    assert (follows.image_uuid, follows.image) == (uid("image/default-image"), "default-image")
    assert own is not None
    assert (own.image_uuid, own.revision, own.token) == (uid("image/other-image"), 3, "t")
    assert own.image == "other-image, revision 3"


def test_a_node_without_a_category_and_an_image_has_no_assignment() -> None:
    assert assignment_of(make_device(category=uid("gone")), make_references()) is None


def test_the_disk_setup_of_a_node_comes_before_its_categorys() -> None:
    references = make_references()
    category = assignment_of(make_device(), references)
    same = assignment_of(make_device(disksetup=make_category()["disksetup"] + "\n"), references)
    own = assignment_of(make_device(disksetup="<diskSetup/>"), references)

    assert category == same
    assert own is not None
    assert category is not None
    assert own.disksetup != category.disksetup


@given(assignments, assignments)
def test_the_digest_is_the_same_only_for_the_same_installation(one: Assignment, other: Assignment) -> None:
    alike = replace(one, image_name="", kernel="") == replace(other, image_name="", kernel="")

    assert (one.digest == other.digest) is alike


@given(assignments, st.dictionaries(st.sampled_from(["theirs", "more"]), st.none() | st.integers(), max_size=2))
def test_what_is_recorded_is_read_again_and_leaves_the_keys_of_others(
    assignment: Assignment, theirs: dict[str, Any]
) -> None:
    merge = KeyValues().merge
    intended = merge(theirs, intent_values(assignment, wall_s=5, last_power_ms=77), make_context())
    done = merge(intended, provisioned_values(assignment, wall_s=6), make_context())

    assert Record.from_api(intended).intent_digest == assignment.digest
    assert Record.from_api(intended).intent_power_ms == 77
    assert Record.from_api(done) == Record(
        provisioned_digest=assignment.digest,
        provisioned_image=assignment.image,
        provisioned_disksetup=assignment.disksetup,
        provisioned_token=assignment.token,
        provisioned_kernel=assignment.kernel,
    )
    assert {key: value for key, value in done.items() if key in theirs} == theirs
    assert all(key == key.lower() and " " not in key for key in done)


@pytest.mark.parametrize("spoilt", ["soon", [1], {}, -1, 1.5, None, "²"])
def test_a_damaged_record_can_be_read(spoilt: object) -> None:
    assert Record.from_api({"baremetal_intent_power_ms": spoilt, "baremetal_intent_digest": "d"}) == Record(
        intent_digest="d"
    )


@pytest.mark.parametrize("message", ["it hung: for long", "", "x" * 5000])
def test_a_failure_is_read_back_with_its_phase_and_the_beginning_of_its_message(message: str) -> None:
    record = Record.from_api(given_up_values("booting", message))

    assert (record.failed_phase, record.intent_failed) == ("booting", "booting")
    assert record.failed_message == message or (len(message) > 300 and record.failed_message == "x" * 299 + "…")
    assert record.fails_at("DOWN")
    assert not record.fails_at("UP")


def test_a_run_that_begins_and_one_that_ends_well_forget_a_failure() -> None:
    assignment = assignment_of(make_device(), make_references())
    assert assignment is not None
    for values in (intent_values(assignment, wall_s=1, last_power_ms=1), provisioned_values(assignment, wall_s=1)):
        stored = {**given_up_values("booting", "it hung"), **values}
        assert not Record.from_api(stored).fails_at("DOWN")


@pytest.mark.parametrize("stored", [None, {}, {"theirs": 1}, {"baremetal_provisioned_digest": None}])
def test_a_node_without_a_record_has_an_empty_one(stored: dict[str, Any] | None) -> None:
    assert Record.from_api(stored) == Record()
