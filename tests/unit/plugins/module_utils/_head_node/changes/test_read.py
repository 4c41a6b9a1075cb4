# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmNotFound
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.read import (
    StatusReader,
    pick,
    read_references,
    read_statuses,
)

from ....fake_head_node import FakeHeadNode, answer
from ....objects import make_device, make_image, uid


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


def test_a_status_that_has_not_changed_is_not_taken_apart_again() -> None:
    head = FakeHeadNode(make_device("a", 1), make_device("b", 2), make_device("c", 3))
    devices = {name: head.device(name) for name in ("a", "b", "c")}
    answers = [
        [{"ref_device_uuid": devices[name]["uuid"], "status": word, "infoMessage": text} for name, word, text in said]
        for said in (
            (("a", "DOWN", ""), ("b", "INSTALLING", "one"), ("c", "UP", "")),
            (("a", "DOWN", ""), ("b", "INSTALLING", "two")),
            (("a", "UP", ""), ("b", "INSTALLING", "two"), ("c", "UP", "")),
        )
    ]
    head.instead["getStatusForDevices"] = lambda _call: answer(answers.pop(0))
    reader = StatusReader(head.client())

    first, second, third = (reader.read(devices) for _reading in range(3))

    assert second["a"] is first["a"]
    assert third["b"] is second["b"]
    assert [one["b"].message for one in (first, second, third)] == ["one", "two", "two"]
    assert "c" not in second
    assert (third["a"].status, third["c"]) == ("UP", first["c"])


def test_entities_are_picked_by_name_and_sorted() -> None:
    images = [make_image("b"), make_image("a"), make_image("c")]

    assert [raw["name"] for raw in pick("software image", images, None)] == ["a", "b", "c"]
    assert [raw["name"] for raw in pick("software image", images, ["c", "b"])] == ["b", "c"]
    assert pick("software image", images, []) == []
    with pytest.raises(BcmNotFound, match="software image 'z' does not exist on the head node; existing: a, b, c"):
        pick("software image", images, ["a", "z"])
