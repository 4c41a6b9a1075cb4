# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.rate_limit import Gate, Verdict
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting

A = Sighting(mac="02:00:00:00:00:0a", ip="192.0.2.10")
MOVED = replace(A, ip="192.0.2.99")


def test_the_same_lease_again_at_once_is_a_duplicate() -> None:
    gate = Gate(duplicate_s=10)
    assert gate.judge(A, 0) is Verdict.STORE
    assert gate.judge(replace(A, relay="192.0.2.2"), 9.9) is Verdict.DUPLICATE
    assert gate.judge(A, 10) is Verdict.STORE


def test_another_address_is_no_duplicate() -> None:
    gate = Gate()
    gate.judge(A, 0)
    assert gate.judge(MOVED, 0) is Verdict.STORE
    assert gate.judge(A, 0) is Verdict.STORE


def test_the_same_lease_too_often_is_limited_until_the_bucket_has_filled() -> None:
    gate = Gate(duplicate_s=1, burst=3, every_s=60)
    verdicts = [gate.judge(A, second) for second in (0, 2, 4, 6, 8)]
    assert verdicts == [Verdict.STORE] * 3 + [Verdict.LIMITED] * 2
    assert gate.judge(A, 68) is Verdict.STORE
    assert gate.judge(A, 70) is Verdict.LIMITED


def test_the_bucket_does_not_fill_beyond_the_burst() -> None:
    gate = Gate(duplicate_s=0, burst=2, every_s=60)
    gate.judge(A, 0)
    assert [gate.judge(A, 1_000_000) for _time in range(3)] == [Verdict.STORE, Verdict.STORE, Verdict.LIMITED]


def test_a_machine_that_changes_addresses_all_the_time_is_stored_but_rings_no_more() -> None:
    gate = Gate(burst=2)
    verdicts = [gate.judge(MOVED if time % 2 else A, 0) for time in range(4)]
    assert verdicts == [Verdict.STORE, Verdict.STORE, Verdict.STORE_QUIETLY, Verdict.STORE_QUIETLY]


def test_one_machine_does_not_use_up_anothers_bucket() -> None:
    gate = Gate(duplicate_s=0, burst=1)
    gate.judge(A, 0)
    assert gate.judge(A, 0) is Verdict.LIMITED
    assert gate.judge(replace(A, mac="02:00:00:00:00:0b"), 0) is Verdict.STORE


def test_memory_is_bounded_and_who_was_not_heard_for_longest_is_forgotten() -> None:
    gate = Gate(max_macs=2)
    for last in "abac":
        gate.judge(replace(A, mac=f"02:00:00:00:00:0{last}"), 0)
    assert len(gate) == 2
    assert gate.judge(replace(A, mac="02:00:00:00:00:0a"), 0) is Verdict.DUPLICATE
    assert gate.judge(replace(A, mac="02:00:00:00:00:0b"), 0) is Verdict.STORE


def test_a_clock_that_stands_still_or_goes_back_does_no_harm() -> None:
    gate = Gate(duplicate_s=10)
    gate.judge(A, 100)
    assert gate.judge(A, 50) is Verdict.DUPLICATE


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(["192.0.2.1", "192.0.2.2"])), max_size=60))
def test_the_address_heard_last_is_always_the_one_stored_last(heard: list[tuple[float, str]]) -> None:
    gate = Gate(duplicate_s=5, burst=3, every_s=30)
    now_s, stored = 0.0, None
    for passed_s, ip in heard:
        now_s += passed_s
        if gate.judge(replace(A, ip=ip), now_s) in (Verdict.STORE, Verdict.STORE_QUIETLY):
            stored = ip
        assert stored == ip


@given(st.lists(st.floats(0, 20), max_size=100))
def test_one_machine_rings_no_more_often_than_its_bucket_allows(pauses: list[float]) -> None:
    gate = Gate(duplicate_s=5, burst=3, every_s=30)
    now_s, rings = 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        rings += gate.judge(A, now_s) is Verdict.STORE
    assert rings <= 3 + now_s / 30
