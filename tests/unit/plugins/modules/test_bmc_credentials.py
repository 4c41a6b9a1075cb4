# SPDX-License-Identifier: GPL-3.0-or-later
"""Changed BMC credentials are tried on one node before they are spread."""

from __future__ import annotations

from typing import Any

import pytest

from ..fake_head_node import FakeHeadNode
from ..objects import make_bmc_settings
from ..running import Modules

NAMES = ("node001", "node002", "node003")
NEW = {"username": "bright", "password": "new-bmc-secret"}


@pytest.fixture
def head(head: FakeHeadNode) -> FakeHeadNode:
    for name in NAMES:
        head.device(name)["bmcSettings"] = make_bmc_settings(name)
    return head


def change(modules: Modules, *names: str, **options: Any) -> dict[str, Any]:
    devices = [{"hostname": name, "bmc_settings": NEW} for name in names or NAMES]
    return modules.run("bcm_devices", devices=devices, fail_on_error=False, **options)


def passwords(head: FakeHeadNode) -> list[str]:
    return [head.device(name)["bmcSettings"]["password"] for name in NAMES]


def test_good_credentials_are_tried_once_and_spread(modules: Modules, head: FakeHeadNode) -> None:
    result = change(modules)

    assert not result["failures"]
    assert passwords(head) == ["new-bmc-secret"] * 3
    assert len(head.names("powerOperation")) == 1
    assert not head.operations()
    assert not head.sessions


def test_credentials_that_two_bmcs_refuse_are_put_back_and_spread_no_further(
    modules: Modules, head: FakeHeadNode
) -> None:
    for name in NAMES:
        head.node(name).bmc = "locked"

    result = change(modules)

    assert sorted(result["failures"]) == list(NAMES)
    assert passwords(head) == ["bmc-secret"] * 3
    assert "node003" not in {call.args[0]["hostname"] for call in head.names("updateDevice")}
    assert "new-bmc-secret" not in modules.printed
    assert "bright" not in modules.printed


def test_one_bmc_that_refuses_keeps_its_old_credentials_and_the_others_get_the_new(
    modules: Modules, head: FakeHeadNode
) -> None:
    head.node("node001").bmc = "locked"

    result = change(modules)

    assert list(result["failures"]) == ["node001"]
    assert passwords(head) == ["bmc-secret", "new-bmc-secret", "new-bmc-secret"]


def test_the_same_credentials_are_not_tried(modules: Modules, head: FakeHeadNode) -> None:
    change(modules)
    before = len(head.names("powerOperation"))

    assert change(modules)["changed"] is False
    assert len(head.names("powerOperation")) == before


def test_check_mode_tries_nothing(modules: Modules, head: FakeHeadNode) -> None:
    result = change(modules, check=True)

    assert result["changed"] is True
    assert not head.writes
    assert not head.names("powerOperation")
