# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that are given one head node, or both of a pair."""

from __future__ import annotations

import pytest

from ..fake_head_node import FakeHeadNode
from ..objects import make_device
from ..running import Modules


@pytest.mark.parametrize(
    ("head_node", "asked"), [("a.example", 0), (["a.example"], 0), (["a.example", "b.example"], 1), ("a,b", 1)]
)
def test_only_of_several_head_nodes_the_active_one_is_asked_for(
    head_node: object, asked: int, capsys: pytest.CaptureFixture[str]
) -> None:
    head = FakeHeadNode(make_device())

    result = Modules(head, capsys).good("bcm_device_info", head_node=head_node)

    assert [device["hostname"] for device in result["devices"]] == ["head", "node001"]
    assert len(head.names("getActivePassiveUuids")) == asked


def test_a_change_is_written_once_to_a_pair_and_never_in_check_mode(capsys: pytest.CaptureFixture[str]) -> None:
    head = FakeHeadNode(make_device())
    modules = Modules(head, capsys)
    options = {"head_node": ["a.example", "b.example"], "hostname": "node001", "notes": "new"}

    assert modules.good("bcm_device", check=True, **options)["changed"] is True
    assert not head.writes

    assert modules.good("bcm_device", **options)["changed"] is True
    assert [call.name for call in head.writes if call.service == "cmdevice"] == ["updateDevice"]
