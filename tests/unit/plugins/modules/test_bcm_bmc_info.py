# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.flow import Ask, IpmiReply
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.ipmi import Ipmi
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.schedule import Limits
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.session import SessionEvent
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power import run_action as power_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.run_action import PowerJob, inspect_bmcs
from ansible_collections.baremetal.bcm.plugins.modules import bcm_bmc_info

from ..fake_head_node import FakeHeadNode
from ..module_utils._bmc.fake_sessions import FakeBmc, FakeSessions
from ..objects import make_device

NAMES = tuple(f"node{number:03d}" for number in range(1, 7))
ANSWERS = {
    (6, 1): bytes([0x20, 0x81, 0x89, 0x08, 0x02, 0xBF, 0x47, 0x12, 0, 0, 0]),
    (0, 1): b"\x01\0\0",
    (0, 9): bytes([1, 5, 0x80, 4, 0, 0, 0]),
}


class TalkativeBmc(FakeBmc):
    def answer(self, request: Ask, now_s: float = 0.0) -> SessionEvent | None:
        told = super().answer(request, now_s)
        return told and SessionEvent(IpmiReply(data=ANSWERS[request.netfn, request.command]))


@pytest.fixture
def inspect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Inspect BMCs that behave as given; nothing of the head node is changed by it."""
    head = FakeHeadNode(*(make_device(name, number) for number, name in enumerate(NAMES, start=1)))

    def run(*bmcs: FakeBmc) -> Any:
        by_address = {f"10.148.0.{number}": bmc for number, bmc in enumerate(bmcs, start=1)}
        sessions = FakeSessions(head.clock, by_address)
        monkeypatch.setattr(power_module, "Ipmi", lambda limits: Ipmi(limits, head.clock.now_s, sessions))
        job = PowerJob(NAMES[: len(bmcs)], "status", via="ipmi", limits=Limits(connect_s=5, tries=2))
        told = inspect_bmcs(head.client(read_only=True), job)
        assert not sessions.open_now
        assert not head.writes
        return told

    return run


def test_a_bmc_that_is_well_tells_all(inspect: Callable[..., Any]) -> None:
    assert inspect(TalkativeBmc()) == {
        "node001": {
            "address": "10.148.0.1",
            "reachable": True,
            "credentials_good": True,
            "power": "ON",
            "firmware": "9.08",
            "boot_device": "pxe",
            "failure": None,
            "error": "",
            "tries": 1,
            "seconds": 0.0,
        }
    }


WRONG = ["Incorrect password provided"]


def test_reachable_and_credentials_are_null_where_nothing_is_known(inspect: Callable[..., Any]) -> None:
    told = inspect(TalkativeBmc(), TalkativeBmc(silent=True), TalkativeBmc(logins=WRONG), TalkativeBmc(hangs_after=0))

    assert {name: (one["reachable"], one["credentials_good"], one["failure"]) for name, one in told.items()} == {
        "node001": (True, True, None),
        "node002": (False, None, "unreachable"),
        "node003": (True, False, "credentials"),
        "node004": (False, None, "unreachable"),
    }
    assert (told["node002"]["power"], told["node002"]["firmware"]) == ("UNKNOWN", "")


def test_a_bmc_that_was_not_tried_is_not_called_unreachable(inspect: Callable[..., Any]) -> None:
    told = inspect(*(TalkativeBmc(logins=WRONG) for _turn in range(5)))

    assert [(one["reachable"], one["credentials_good"], one["tries"]) for one in told.values()] == [
        (True, False, 1),
        (True, False, 1),
        (None, None, 0),
        (None, None, 0),
        (None, None, 0),
    ]


def test_the_keys_are_those_documented(inspect: Callable[..., Any]) -> None:
    yaml = pytest.importorskip("yaml")
    documented = yaml.safe_load(bcm_bmc_info.RETURN)["bmcs"]["contains"]["HOSTNAME"]["contains"]

    assert set(inspect(TalkativeBmc())["node001"]) == set(documented)
