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
    faults.add({"kind": "power_ignored", "times": 2})
    assert [faults.strike("power_ignored", node="n") is not None for _ in range(3)] == [True, True, False]
    assert faults.all() == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "gremlins"}, "unknown kind 'gremlins'; the kinds are: bmc_accepts_and_ignores, bmc_away"),
        ({}, "unknown kind None"),
        ({"kind": "drop_field"}, "drop_field: field is required"),
        ({"kind": "never_boots", "phase": "x"}, "never_boots: unknown key 'phase'"),
        ({"kind": "never_boots", "times": 0}, "times: expected a number from 1 on"),
        ({"kind": "slow", "seconds": "x"}, "slow: seconds: expected a number"),
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
