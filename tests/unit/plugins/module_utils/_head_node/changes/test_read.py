# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError, BcmNotFound
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.read import (
    assume_categories,
    pick,
    read_references,
    read_statuses,
    require_names,
    select_nodes,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import assignment_of

from ....fake_head_node import FakeHeadNode, answer
from ....objects import make_device, make_head_node, make_image, make_references, uid


def test_an_empty_list_of_nodes_is_an_error_never_all() -> None:
    devices = {"node001": make_device()}

    with pytest.raises(BcmConfigError, match="an empty list never means all"):
        select_nodes(devices, [])
    with pytest.raises(BcmConfigError, match="an empty list never means all"):
        require_names([])


def test_nodes_come_in_the_order_asked_for_and_once() -> None:
    devices = {name: make_device(name) for name in ("a", "b", "c")}

    selection = select_nodes(devices, ["c", "a", "c", "z", "z"])

    assert list(selection.devices) == ["c", "a"]
    assert selection.missing == ("z",)


@pytest.mark.parametrize("child_type", ["HeadNode", "LiteNode", "Switch"])
def test_what_bcm_does_not_install_is_never_selected(child_type: str) -> None:
    with pytest.raises(BcmConfigError, match=rf"not: x \({child_type}\)"):
        select_nodes({"x": {**make_head_node(), "childType": child_type}, "node001": make_device()}, ["node001", "x"])


def test_references_are_four_calls() -> None:
    head = FakeHeadNode(*(make_device(f"n{number}", number) for number in range(50)))

    references = read_references(head.client())

    assert len(head.calls) == 4
    assert references.categories.resolve("gpu") == uid("category/gpu")


def test_statuses_of_all_nodes_are_one_call_and_those_without_one_are_left_out() -> None:
    head = FakeHeadNode(make_device("a", 1), make_device("b", 2))
    devices = {name: head.device(name) for name in ("a", "b")}
    status = {"ref_device_uuid": head.device("b")["uuid"], "status": "UP"}
    stranger = {"ref_device_uuid": uid("stranger"), "status": "UP"}
    head.instead["getStatusForDevices"] = lambda _call: answer([None, status, stranger])

    assert list(read_statuses(head.client(), devices)) == ["b"]
    assert len(head.calls) == 1
    assert read_statuses(head.client(), {}) == {}
    assert len(head.calls) == 1


def test_entities_are_picked_by_name_and_sorted() -> None:
    images = [make_image("b"), make_image("a"), make_image("c")]

    assert [raw["name"] for raw in pick("software image", images, None)] == ["a", "b", "c"]
    assert [raw["name"] for raw in pick("software image", images, ["c", "b"])] == ["b", "c"]
    assert pick("software image", images, []) == []
    with pytest.raises(BcmNotFound, match="software image 'z' does not exist on the head node; existing: a, b, c"):
        pick("software image", images, ["a", "z"])


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
