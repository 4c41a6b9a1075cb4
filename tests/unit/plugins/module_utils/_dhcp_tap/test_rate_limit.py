# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.rate_limit import Handling, RateLimit
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting

A = Sighting(mac="02:00:00:00:00:0a", ip="192.0.2.10")
MOVED = replace(A, ip="192.0.2.99")


def test_the_same_lease_again_at_once_is_a_duplicate() -> None:
    limit = RateLimit(duplicate_s=10)
    assert limit.decide(A, 0) is Handling.STORE_AND_NOTIFY
    assert limit.decide(replace(A, relay="192.0.2.2"), 9.9) is Handling.DUPLICATE
    assert limit.decide(A, 10) is Handling.STORE_AND_NOTIFY


def test_another_address_is_no_duplicate() -> None:
    limit = RateLimit()
    limit.decide(A, 0)
    assert limit.decide(MOVED, 0) is Handling.STORE_AND_NOTIFY
    assert limit.decide(A, 0) is Handling.STORE_AND_NOTIFY


def test_the_same_lease_too_often_is_limited_until_the_bucket_has_filled() -> None:
    limit = RateLimit(duplicate_s=1, burst=3, every_s=60)
    decided = [limit.decide(A, second) for second in (0, 2, 4, 6, 8)]
    assert decided == [Handling.STORE_AND_NOTIFY] * 3 + [Handling.LIMITED] * 2
    assert limit.decide(A, 68) is Handling.STORE_AND_NOTIFY
    assert limit.decide(A, 70) is Handling.LIMITED


def test_the_bucket_does_not_fill_beyond_the_burst() -> None:
    limit = RateLimit(duplicate_s=0, burst=2, every_s=60)
    limit.decide(A, 0)
    assert [limit.decide(A, 1_000_000) for _time in range(3)] == [
        Handling.STORE_AND_NOTIFY,
        Handling.STORE_AND_NOTIFY,
        Handling.LIMITED,
    ]


def test_a_machine_that_changes_addresses_all_the_time_is_stored_but_no_longer_notified() -> None:
    limit = RateLimit(burst=2)
    decided = [limit.decide(MOVED if time % 2 else A, 0) for time in range(4)]
    assert decided == [Handling.STORE_AND_NOTIFY, Handling.STORE_AND_NOTIFY, Handling.STORE_ONLY, Handling.STORE_ONLY]


def test_one_machine_does_not_use_up_anothers_bucket() -> None:
    limit = RateLimit(duplicate_s=0, burst=1)
    limit.decide(A, 0)
    assert limit.decide(A, 0) is Handling.LIMITED
    assert limit.decide(replace(A, mac="02:00:00:00:00:0b"), 0) is Handling.STORE_AND_NOTIFY


def test_memory_is_bounded_and_the_machine_not_seen_for_longest_is_forgotten() -> None:
    limit = RateLimit(max_macs=2)
    for last in "abac":
        limit.decide(replace(A, mac=f"02:00:00:00:00:0{last}"), 0)
    assert len(limit) == 2
    assert limit.decide(replace(A, mac="02:00:00:00:00:0a"), 0) is Handling.DUPLICATE
    assert limit.decide(replace(A, mac="02:00:00:00:00:0b"), 0) is Handling.STORE_AND_NOTIFY


def test_a_clock_that_stands_still_or_goes_back_does_no_harm() -> None:
    limit = RateLimit(duplicate_s=10)
    limit.decide(A, 100)
    assert limit.decide(A, 50) is Handling.DUPLICATE


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(["192.0.2.1", "192.0.2.2"])), max_size=60))
def test_the_address_seen_last_is_always_the_one_stored_last(seen: list[tuple[float, str]]) -> None:
    limit = RateLimit(duplicate_s=5, burst=3, every_s=30)
    now_s, stored = 0.0, None
    for passed_s, ip in seen:
        now_s += passed_s
        if limit.decide(replace(A, ip=ip), now_s) in (Handling.STORE_AND_NOTIFY, Handling.STORE_ONLY):
            stored = ip
        assert stored == ip


@given(st.lists(st.floats(0, 20), max_size=100))
def test_one_machine_is_notified_no_more_often_than_its_bucket_allows(pauses: list[float]) -> None:
    limit = RateLimit(duplicate_s=5, burst=3, every_s=30)
    now_s, notified = 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        notified += limit.decide(A, now_s) is Handling.STORE_AND_NOTIFY
    assert notified <= 3 + now_s / 30
