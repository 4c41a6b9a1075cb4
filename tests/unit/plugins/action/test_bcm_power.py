# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest

from ..fake_head_node import FakeHeadNode
from .acting import Actions


def test_what_goes_on_is_printed_while_nodes_shut_down(actions: Actions, head: FakeHeadNode) -> None:
    result = actions.run("bcm_power", names=["node003"], action="off", allow_up=True)

    assert result["nodes"]["node003"]["off_by"] == "shutdown"
    assert actions.said == ["Asked to shut down, power is cut after 300 s: node003"]
    assert [call.args[1] for call in head.names("pshutdown")] == [300_000]


def test_a_node_that_fails_fails_the_task_with_the_result(actions: Actions, head: FakeHeadNode) -> None:
    head.node("node001").bmc = "refuses"

    result = actions.run("bcm_power", names=["node001", "node002"], action="on")

    assert result["failed"]
    assert result["msg"].startswith("power failed for 1 of 2 nodes: node001: ")
    assert result["nodes"]["node002"]["after"] == "ON"


def test_the_task_of_another_host_is_done_by_the_module_there(
    actions: Actions, head: FakeHeadNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = actions.make("bcm_power", names=["node001"], action="on")
    plugin._connection.transport = "ssh"
    executed: list[Any] = []

    def execute(**options: Any) -> dict[str, Any]:
        executed.append(options)
        return {"changed": True}

    monkeypatch.setattr(plugin, "_execute_module", execute)

    assert plugin.run(None, {"a": 1}) == {"changed": True}
    assert executed == [{"task_vars": {"a": 1}}]
    assert not head.calls


def test_the_password_of_a_bmc_is_in_no_result(actions: Actions) -> None:
    bmcs = [{"name": "node001", "password": "Secret-Of-A-BMC"}]

    result = actions.run("bcm_power", names=["node001"], action="status", bmcs=bmcs)

    assert "Secret-Of-A-BMC" not in json.dumps(result)


def test_a_time_that_can_not_be_is_refused(actions: Actions, head: FakeHeadNode) -> None:
    result = actions.run("bcm_power", names=["node001"], action="off", graceful_timeout=-1)

    assert "graceful_timeout must not be negative, as -1 is" in result["msg"]
    assert not head.writes
