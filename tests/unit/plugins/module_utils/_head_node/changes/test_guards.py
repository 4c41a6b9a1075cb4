# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.guards import (
    affected_nodes,
    concerns_members,
    find_conflict,
    require_distinct,
    require_names,
    require_nodes,
    select_nodes,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.plan import Plan, plan_absent
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.category import CATEGORY

from ....objects import make_category, make_device, make_head_node, make_proxy
from .planning import plan_category

MEMBERS = [
    make_device("node002", 2),
    make_device("node001", 1, softwareImageProxy=make_proxy("node001", "default-image")),
]
OTHER_DISKS = {"disksetup": "<diskSetup/>"}
OTHER_IMAGE = {"software_image": "other-image"}


def removal() -> Plan:
    return plan_absent(CATEGORY, make_category(), "default")


def test_an_empty_list_of_nodes_is_an_error_never_all() -> None:
    devices = {"node001": make_device()}

    with pytest.raises(BcmConfigError, match="an empty list never means all"):
        select_nodes(devices, [])
    with pytest.raises(BcmConfigError, match="an empty list never means all"):
        require_names([])
    with pytest.raises(BcmConfigError, match=r"no categories given: .* name the categories"):
        require_distinct([], "categories")


def test_names_that_are_given_twice_are_listed() -> None:
    with pytest.raises(BcmConfigError, match=r"named more than once: a, c$"):
        require_distinct(["c", "a", "b", "a", "c"])
    require_distinct(["c", "a"])


def test_nodes_come_in_the_order_asked_for_and_once() -> None:
    devices = {name: make_device(name) for name in ("a", "b", "c")}

    selection = select_nodes(devices, ["c", "a", "c", "z", "z"])

    assert list(selection.devices) == ["c", "a"]
    assert selection.missing == ("z",)


@pytest.mark.parametrize("child_type", ["HeadNode", "LiteNode", "Switch"])
def test_what_bcm_does_not_install_is_never_selected(child_type: str) -> None:
    with pytest.raises(BcmConfigError, match=rf"not: x \({child_type}\)"):
        select_nodes({"x": {**make_head_node(), "childType": child_type}, "node001": make_device()}, ["node001", "x"])


@pytest.mark.parametrize(
    ("plan", "affected"),
    [
        (plan_category(make_category(), **OTHER_IMAGE), ["node002"]),
        (plan_category(make_category(), **OTHER_DISKS), ["node001", "node002"]),
        (plan_category(make_category(), **OTHER_DISKS, **OTHER_IMAGE), ["node001", "node002"]),
        (plan_category(make_category(), kernel_parameters="quiet"), []),
        (plan_category(make_category()), []),
        (plan_category(None, name="new", **OTHER_IMAGE), []),
        (removal(), ["node001", "node002"]),
    ],
    ids=["image", "disks", "both", "kernel", "nothing", "new", "removal"],
)
def test_a_plan_affects_the_nodes_that_follow_their_category(plan: Plan, affected: list[str]) -> None:
    elsewhere = make_device("node003", 3, category="another")

    assert affected_nodes(plan, [*MEMBERS, elsewhere]) == affected
    assert concerns_members(plan) is bool(affected)


@pytest.mark.parametrize(
    ("members", "allowed", "named"),
    [
        (["a", "b", "c"], False, None),
        (["a"], False, "not part of this run: b; allow it with allow_member_change"),
        ([], False, "not part of this run: a, b; allow it with allow_member_change"),
        ([], True, None),
    ],
)
def test_nodes_that_are_not_named_are_installed_anew_only_with_leave(
    members: list[str], allowed: bool, named: str | None
) -> None:
    conflict = find_conflict(plan_category(make_category(), **OTHER_DISKS), ["a", "b"], members, allowed=allowed)

    assert (conflict is None) is (named is None)
    assert (named or "") in str(conflict)


def test_a_refusal_names_the_first_of_a_thousand_nodes() -> None:
    nodes = [f"n{number:04d}" for number in range(1000)]

    assert str(find_conflict(removal(), nodes, nodes, allowed=False)).endswith("n0008, n0009 and 990 more")
    with pytest.raises(BcmConfigError, match=r"n0009 and 990 more$"):
        require_distinct(nodes * 2)
    with pytest.raises(BcmConfigError, match=r"and 990 more$"):
        require_nodes({name: {"childType": "HeadNode"} for name in nodes})


@pytest.mark.parametrize("allowed", [False, True])
def test_no_leave_takes_the_category_from_a_node(allowed: bool) -> None:
    conflict = find_conflict(removal(), ["a", "b"], ["a", "b"], allowed=allowed)

    assert "could not remove category default: nodes still belong to it: a, b" in str(conflict)
    assert find_conflict(removal(), [], [], allowed=allowed) is None
