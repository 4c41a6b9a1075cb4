# SPDX-License-Identifier: GPL-3.0-or-later
"""What categories are going to be; what is done with them is in the tests of their modules."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.categories import assume_categories
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import assignment_of

from ....objects import make_device, make_references


@pytest.mark.parametrize(
    ("declared", "category", "image", "revision"),
    [
        ({"name": "new", "software_image": "other-image"}, "new", "other-image", -1),
        ({"name": "new", "clone_from": "default"}, "new", "default-image", -1),
        ({"name": "new", "clone_from": "default", "software_image": "other-image"}, "new", "other-image", -1),
        (
            {"name": "default", "software_image": "other-image", "software_image_revision": 2},
            "default",
            "other-image",
            2,
        ),
        ({"name": "default", "software_image": None}, "default", "default-image", -1),
        ({"name": "default", "software_image": "no such image"}, "default", "default-image", -1),
        ({"name": "default", "purge_roles": True}, "default", "default-image", -1),
    ],
)
def test_a_check_run_knows_what_a_category_would_install(
    declared: dict[str, Any], category: str, image: str, revision: int
) -> None:
    before = make_references()

    references = assume_categories(before, [declared])

    assignment = assignment_of(make_device(category=references.categories.resolve(category)), references)
    assert assignment is not None
    assert (assignment.image_name, assignment.revision) == (image, revision)
    assert before == make_references()


def test_a_check_run_knows_the_disk_setup_a_category_would_have() -> None:
    assumed = assume_categories(make_references(), [{"name": "default", "disksetup": "<diskSetup/>"}])

    assert assignment_of(make_device(), assumed) != assignment_of(make_device(), make_references())


def test_a_check_run_knows_a_copy_of_a_category_that_it_would_make() -> None:
    first = {"name": "first", "clone_from": "default", "software_image": "other-image", "kernel_parameters": "quiet"}
    second = {"name": "second", "clone_from": "first", "notes": "mine"}

    categories = assume_categories(make_references(), [first, second]).categories

    copy = categories.raw[categories.resolve("second")]
    assert (copy["kernelParameters"], copy["notes"]) == ("quiet", "mine")
    assert copy["uuid"] != categories.resolve("first")


def test_a_new_category_that_can_not_be_planned_is_assumed_all_the_same_so_that_it_is_reported_once() -> None:
    categories = assume_categories(make_references(), [{"name": "new", "software_image": "no such image"}]).categories

    assert categories.raw[categories.resolve("new")]["name"] == "new"


def test_a_check_run_knows_that_a_category_would_be_gone() -> None:
    categories = assume_categories(make_references(), [{"name": "gpu", "state": "absent"}]).categories

    assert list(categories.by_name) == ["default"]
