# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ..fake_head_node import FakeHeadNode
from ..running import Modules


def test_only_nodes_that_differ_are_powered(modules: Modules, head: FakeHeadNode) -> None:
    result = modules.good("bcm_power", names=["node001", "node003"], action="on")

    assert [result["nodes"][name]["action"] for name in ("node001", "node003")] == ["on", "none"]
    assert head.names("powerOperation")[-2].args[0]["devices"] == [head.device("node001")["uuid"]]
    assert result["nodes"]["node001"]["after"] == "ON"
    assert result["diff"] == [
        {
            "before_header": "power node001",
            "after_header": "power node001 (on)",
            "before": {"power": "OFF"},
            "after": {"power": "ON"},
        }
    ]


@pytest.mark.parametrize("action", ["off", "cycle", "reset", "power_off", "power_cycle", "power_reset"])
def test_nodes_that_are_up_are_not_cut_without_leave(action: str, modules: Modules, head: FakeHeadNode) -> None:
    message = modules.bad("bcm_power", names=["node001", "node003"], action=action)

    assert "nodes that are UP: node003; nothing was sent; allow_up: true" in message
    assert not head.names("powerOperation")


@pytest.mark.parametrize("names", [["head"], ["node001", "head"]])
def test_a_head_node_is_never_powered(names: list[str], modules: Modules, head: FakeHeadNode) -> None:
    assert "not: head (HeadNode)" in modules.bad("bcm_power", names=names, action="off", allow_up=True)
    assert not head.names("powerOperation")


def test_an_empty_list_of_nodes_is_an_error_never_all(modules: Modules, head: FakeHeadNode) -> None:
    assert "an empty list never means all" in modules.bad("bcm_power", names=[], action="off")
    assert not head.names("powerOperation")


def test_an_unknown_node_fails_alone(modules: Modules) -> None:
    result = modules.run("bcm_power", names=["node001", "node404"], action="on")

    assert result["failed"]
    assert result["nodes"]["node404"]["failure"] == "not known"
    assert result["nodes"]["node001"]["after"] == "ON"


def test_more_nodes_than_the_ceiling_are_refused(modules: Modules, head: FakeHeadNode) -> None:
    assert "more than max_nodes 1" in modules.bad("bcm_power", names=["node001", "node002"], action="on", max_nodes=1)
    assert head.operations() == []


def test_nodes_that_already_have_the_power_do_not_count_against_the_ceiling(modules: Modules) -> None:
    result = modules.good("bcm_power", names=["node001", "node003"], action="on", max_nodes=1)

    assert [result["nodes"][name]["action"] for name in ("node001", "node003")] == ["on", "none"]


def test_a_dead_bmc_fails_its_node_and_leaves_the_others(modules: Modules, head: FakeHeadNode) -> None:
    head.node("node001").bmc = "refuses"

    result = modules.run("bcm_power", names=["node001", "node002"], action="on")
    tolerant = modules.good("bcm_power", names=["node001", "node002"], action="on", fail_on_error=False)

    assert result["failed"]
    assert "power failed for 1 of 2 nodes: node001: " in result["msg"]
    assert "BMC 10.148.0.1" in result["msg"]
    assert result["nodes"]["node002"]["after"] == "ON"
    assert tolerant["nodes"]["node001"]["failure"] == "refused"


def test_a_failure_among_one_node_is_counted_in_the_singular(modules: Modules, head: FakeHeadNode) -> None:
    head.node("node001").bmc = "refuses"

    assert "power failed for 1 of 1 node: node001: " in modules.bad("bcm_power", names=["node001"], action="on")


def test_reading_the_state_fails_where_it_is_not_known(modules: Modules, head: FakeHeadNode) -> None:
    head.node("node001").bmc = "refuses"

    assert "the power state is unknown" in modules.bad("bcm_power", names=["node001"], action="status")


def test_a_cycle_of_a_node_that_is_off_switches_it_on(modules: Modules, head: FakeHeadNode) -> None:
    result = modules.good("bcm_power", names=["node001"], action="cycle")

    assert result["nodes"]["node001"]["action"] == "on"
    assert head.operations() == ["ON"]


def test_check_mode_asks_for_the_state_and_sends_nothing(modules: Modules, head: FakeHeadNode) -> None:
    result = modules.good("bcm_power", names=["node001"], action="on", check=True)

    assert result["nodes"]["node001"]["action"] == "on"
    assert head.operations() == []
    assert head.names("powerOperation")
