# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from virtual_rack.faults import FaultError, Faults, parse_fault


def test_a_fault_strikes_only_who_it_is_meant_for() -> None:
    faults = Faults()
    faults.add({"kind": "never_boots", "node": "DGX-05"})
    assert faults.strike("never_boots", node=("m1", "other")) is None
    assert faults.strike("never_boots", node=("m1", "dgx-05")) is not None
    assert faults.strike("power_fails", node="dgx-05") is None


def test_a_fault_with_times_strikes_so_often_and_is_gone() -> None:
    faults = Faults()
    ended: list[int] = []
    faults.add({"kind": "power_ignored", "times": 2})
    faults.listen(lambda: ended.append(1))
    assert [faults.strike("power_ignored", node="n") is not None for _ in range(3)] == [True, True, False]
    assert faults.all() == []
    assert len(ended) == 1


class RealTime:
    """Real time that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_fault_with_seconds_ends_by_itself_and_who_listens_is_told() -> None:
    real = RealTime()
    faults, told = Faults(monotonic_s=real), [0]

    def count() -> None:
        told[0] += 1

    faults.add({"kind": "call_fails", "answer": "nothing", "seconds": 60})
    faults.add({"kind": "bmc_silent", "seconds": 90})
    faults.add({"kind": "never_boots"})
    faults.listen(count)
    assert faults.next_end_in_s() == 60
    real.now_s += 59
    assert faults.strike("call_fails", service="cmstatus", call="getStatus") is not None
    assert (faults.next_end_in_s(), told) == (1, [0])
    real.now_s += 1
    assert faults.strike("call_fails", service="cmstatus", call="getStatus") is None
    assert told == [1]
    real.now_s += 30
    assert [fault.kind for fault in faults.all()] == ["never_boots"]
    assert (faults.next_end_in_s(), told) == (None, [2])


@pytest.mark.parametrize("kind", ["flap", "slow", "power_slow", "bmc_slow"])
def test_where_seconds_are_the_effect_the_fault_stays(kind: str) -> None:
    real = RealTime()
    faults = Faults(monotonic_s=real)
    faults.add({"kind": kind, "seconds": 1})
    real.now_s += 3600
    assert len(faults.all()) == 1


def test_a_fault_can_end_by_its_count_before_its_time_is_up() -> None:
    faults = Faults(monotonic_s=RealTime())
    faults.add({"kind": "lost_update", "times": 1, "seconds": 60})
    assert faults.strike("lost_update", node="n", call="updateDevice") is not None
    assert faults.strike("lost_update", node="n", call="updateDevice") is None
    assert faults.next_end_in_s() is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "gremlins"}, "unknown kind 'gremlins'; the kinds are: bmc_accepts_and_ignores, bmc_away"),
        ({}, "unknown kind None"),
        ({"kind": "drop_field"}, "drop_field: field is required"),
        ({"kind": "never_boots", "phase": "x"}, "never_boots: unknown key 'phase'"),
        ({"kind": "never_boots", "times": 0}, "times: expected a number from 1 on"),
        ({"kind": "slow", "seconds": "x"}, "slow: seconds: expected a number"),
        ({"kind": "never_boots", "seconds": 0}, "never_boots: seconds: expected a number above 0"),
        ({"kind": "never_boots", "seconds": True}, "never_boots: seconds: expected a number above 0"),
        ({"kind": "slots_taken"}, "slots_taken: slots is required"),
        ({"kind": "slots_taken", "slots": 0}, "slots_taken: slots: expected a number from 1 on"),
        ({"kind": "slots_taken", "slots": 1, "times": 1}, "slots_taken: it lasts, times cannot be given"),
        ({"kind": "install_fails", "phase": "x"}, "install_fails: phase: expected one of checking disks"),
        ({"kind": "call_fails", "answer": "nonsense"}, "call_fails: answer: expected one of"),
        ({"kind": "call_fails", "answer": {}}, "call_fails: answer: expected one of"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_what_is_possible(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(FaultError) as caught:
        Faults().add(spec)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("kind=never_boots,node=dgx-05", {"kind": "never_boots", "node": "dgx-05"}),
        ("kind=power_slow,seconds=1.5,times=2", {"kind": "power_slow", "seconds": 1.5, "times": 2}),
        ('{"kind": "call_fails", "answer": "half"}', {"kind": "call_fails", "answer": "half"}),
    ],
)
def test_the_command_line_form_says_the_same_as_json(text: str, spec: dict[str, Any]) -> None:
    assert parse_fault(text) == spec


def test_a_text_that_is_no_fault_is_refused() -> None:
    with pytest.raises(FaultError, match="expected kind="):
        parse_fault("never_boots")
