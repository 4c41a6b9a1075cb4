# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Offered, Receipt, Spool, SpoolError

A = Sighting(mac="02:00:00:00:00:0a", ip="192.0.2.10")
B = Sighting(mac="02:00:00:00:00:0b", ip="192.0.2.11")
C = Sighting(mac="02:00:00:00:00:0c", ip="192.0.2.12")


class Wall:
    """A wall clock that stands still."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="wall")
def _wall() -> Wall:
    return Wall()


@pytest.fixture(name="spool")
def _spool(tmp_path: Path, wall: Wall) -> Iterator[Spool]:
    with Spool(tmp_path / "spool", wall, max_rows=3) as spool:
        yield spool


def _make_known(spool: Spool, *sightings: Sighting) -> None:
    """Let NetBox have them, so that they are renewals from here on."""
    spool.offer_all(sightings)
    spool.acknowledge(spool.lease(len(sightings), 60, "before"), "before")


def test_a_sighting_comes_back_as_it_was_given(spool: Spool, wall: Wall) -> None:
    sighting = replace(
        A, hostname="node1", relay="192.0.2.1", circuit_id="00ff", vlan=12, lease_s=600, server="192.0.2.2"
    )
    assert spool.offer(sighting) is Offered.FIRST
    (row,) = spool.lease(10, 60, "one")
    assert row.item == sighting
    assert (row.key, row.is_first, row.seen, row.attempts) == (A.mac, True, 1, 1)
    assert row.first_seen == row.last_seen == wall.now


def test_what_is_leased_is_not_leased_again_until_the_lease_runs_out(spool: Spool, wall: Wall) -> None:
    spool.offer(A)
    assert spool.lease(10, 60, "one")
    wall.now += 59
    assert spool.lease(10, 60, "two") == []
    wall.now += 1
    (row,) = spool.lease(10, 60, "two")
    assert row.attempts == 2


def test_rows_come_in_the_order_they_began_to_wait_in(spool: Spool, wall: Wall) -> None:
    for sighting in (C, A, B):
        wall.now += 1
        spool.offer(sighting)
    spool.offer(C)
    assert [row.key for row in spool.lease(2, 60, "one")] == [C.mac, A.mac]
    assert [row.key for row in spool.lease(2, 60, "two")] == [B.mac]


def test_peeking_changes_nothing(spool: Spool) -> None:
    spool.offer(A)
    before = spool.stats()
    assert [row.key for row in spool.peek(10)] == [A.mac]
    assert spool.stats() == before
    assert spool.lease(10, 60, "one")
    assert spool.peek(10) == []


def test_an_acknowledged_row_is_gone_for_good(spool: Spool) -> None:
    spool.offer(A)
    assert spool.acknowledge(spool.lease(10, 60, "one"), "one") == 1
    assert spool.stats().rows == 0
    assert spool.stats().acknowledged == 1


def test_a_sighting_that_came_during_the_lease_stays_when_the_older_one_is_acknowledged(spool: Spool) -> None:
    spool.offer(A)
    leased = spool.lease(10, 60, "one")
    moved = replace(A, ip="192.0.2.99")
    assert spool.offer(moved) is Offered.COALESCED
    assert spool.lease(10, 60, "two") == [], "one machine is worked on by one holder at a time"
    assert spool.acknowledge(leased, "one") == 0
    (row,) = spool.lease(10, 60, "two")
    assert (row.item, row.is_first, row.seen, row.attempts) == (moved, True, 1, 1)


def test_a_renewal_that_came_during_the_lease_is_a_renewal_once_the_older_one_is_acknowledged(spool: Spool) -> None:
    spool.offer(A)
    leased = spool.lease(10, 60, "one")
    spool.offer(A)
    spool.acknowledge(leased, "one")
    (row,) = spool.lease(10, 60, "two")
    assert not row.is_first


def test_an_acknowledgement_after_the_lease_ran_out_still_counts(spool: Spool, wall: Wall) -> None:
    spool.offer(A)
    late = spool.lease(10, 60, "late")
    wall.now += 61
    again = spool.lease(10, 60, "again")
    assert spool.acknowledge(late, "late") == 1
    assert spool.acknowledge(again, "again") == 0
    assert spool.stats().rows == 0


def test_a_late_acknowledgement_never_deletes_what_came_later(spool: Spool, wall: Wall) -> None:
    spool.offer(A)
    late = spool.lease(10, 60, "late")
    wall.now += 61
    spool.acknowledge(spool.lease(10, 60, "again"), "again")
    spool.offer(A)
    assert spool.acknowledge(late, "late") == 0
    assert spool.stats().rows == 1


def test_a_late_acknowledgement_of_an_older_version_leaves_another_holders_lease_alone(
    spool: Spool, wall: Wall
) -> None:
    spool.offer(A)
    late = spool.lease(10, 60, "late")
    wall.now += 61
    spool.offer(replace(A, ip="192.0.2.99"))
    assert spool.lease(10, 60, "again")
    assert spool.acknowledge(late, "late") == 0
    assert spool.lease(10, 60, "third") == []


def test_a_receipt_is_enough_to_acknowledge(spool: Spool) -> None:
    spool.offer(A)
    (row,) = spool.lease(10, 60, "one")
    assert spool.acknowledge([Receipt(row.key, row.version)], "one") == 1


def test_a_released_row_can_be_leased_at_once_or_after_the_time_given(spool: Spool, wall: Wall) -> None:
    spool.offer(A)
    assert spool.release(spool.lease(10, 60, "one"), "one") == 1
    leased = spool.lease(10, 60, "two")
    assert spool.release(leased, "two", again_in_s=30) == 1
    assert spool.lease(10, 60, "three") == []
    assert spool.stats().leased == 0
    assert spool.stats().available == 0
    wall.now += 30
    assert spool.lease(10, 60, "three")[0].attempts == 3


def test_only_the_holder_releases(spool: Spool, wall: Wall) -> None:
    spool.offer(A)
    late = spool.lease(10, 60, "late")
    wall.now += 61
    spool.lease(10, 60, "again")
    assert spool.release(late, "late") == 0
    assert spool.lease(10, 60, "third") == []


def test_a_clock_that_is_set_back_makes_no_lease_endless(spool: Spool, wall: Wall) -> None:
    spool.offer(A)
    spool.lease(10, 60, "one")
    wall.now -= 86_400
    assert spool.lease(10, 60, "two")


def test_the_newest_sighting_wins_and_all_are_counted(spool: Spool, wall: Wall) -> None:
    spool.offer(A)
    wall.now += 5
    newest = replace(A, hostname="renamed")
    assert spool.offer_all([A, newest]) == [Offered.COALESCED] * 2
    (row,) = spool.lease(10, 60, "one")
    assert (row.item, row.seen, row.last_seen - row.first_seen) == (newest, 3, 5)
    assert spool.stats().coalesced == 2


def test_the_same_address_after_an_acknowledgement_is_a_renewal_and_another_one_is_not(spool: Spool) -> None:
    _make_known(spool, A, B)
    assert spool.offer(A) is Offered.RENEWAL
    assert spool.offer(replace(B, ip="192.0.2.99")) is Offered.FIRST


def test_a_waiting_renewal_becomes_a_first_sighting_by_another_address(spool: Spool) -> None:
    _make_known(spool, A)
    spool.offer(A)
    spool.offer(replace(A, ip="192.0.2.99"))
    (row,) = spool.lease(10, 60, "one")
    assert row.is_first


def test_when_full_renewals_are_dropped_and_counted(spool: Spool) -> None:
    _make_known(spool, A)
    spool.offer_all([B, C, replace(C, mac="02:00:00:00:00:0d")])
    assert spool.stats().full
    assert spool.offer(A) is Offered.DROPPED
    assert (spool.stats().rows, spool.stats().dropped) == (3, 1)


def test_when_full_a_first_sighting_takes_the_place_of_the_oldest_renewal_that_nobody_holds(
    spool: Spool, wall: Wall
) -> None:
    _make_known(spool, A, B, C)
    for sighting in (A, B, C):
        wall.now += 1
        spool.offer(sighting)
    spool.lease(1, 60, "one")
    new = replace(A, mac="02:00:00:00:00:0d")
    assert spool.offer(new) is Offered.FIRST
    assert {row.key for row in spool.peek(10)} == {C.mac, new.mac}
    assert (spool.stats().rows, spool.stats().leased, spool.stats().dropped) == (3, 1, 1)


def test_when_full_of_first_sightings_more_of_them_are_stored(spool: Spool) -> None:
    many = [replace(A, mac=f"02:00:00:00:01:{number:02x}") for number in range(10)]
    assert spool.offer_all(many) == [Offered.FIRST] * 10
    stats = spool.stats()
    assert (stats.rows, stats.rows_first, stats.dropped, stats.full) == (10, 10, 0, True)


def test_when_full_what_waits_already_is_still_merged(spool: Spool) -> None:
    spool.offer_all([A, B, C])
    assert spool.offer(A) is Offered.COALESCED


def test_at_the_bound_of_the_file_first_sightings_take_the_place_of_renewals_then_are_refused_and_counted(
    tmp_path: Path, wall: Wall
) -> None:
    bound = 256 * 1024
    many = [
        Sighting(mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}", ip="192.0.2.1", circuit_id="ab" * 200)
        for number in range(800)
    ]
    with Spool(tmp_path / "spool", wall, max_rows=10_000, max_bytes=bound) as spool:
        _make_known(spool, *many[:20])
        offered = spool.offer_all(many)
        stats = spool.stats()
        assert stats.size_bytes <= bound
        assert set(offered[:20]) == {Offered.RENEWAL}
        assert offered[-1] is Offered.REFUSED
        assert offered.count(Offered.REFUSED) == stats.refused
        assert stats.dropped == 20
        assert stats.rows == stats.rows_first == 780 - stats.refused
        assert spool.acknowledge(spool.lease(10, 60, "one"), "one") == 10, "a spool at its bound can be emptied"
        assert spool.offer(many[-1]) is Offered.FIRST


def test_what_is_remembered_of_acknowledged_machines_is_bounded(tmp_path: Path, wall: Wall) -> None:
    with Spool(tmp_path / "spool", wall, max_known=1) as spool:
        _make_known(spool, A)
        wall.now += 1
        _make_known(spool, B)
        assert spool.offer(A) is Offered.FIRST
        assert spool.offer(B) is Offered.RENEWAL


def test_stats_count_what_waits_and_what_was(spool: Spool, wall: Wall) -> None:
    _make_known(spool, A)
    wall.now += 10
    spool.offer_all([A, B, B])
    spool.lease(1, 60, "one")
    wall.now += 5
    stats = spool.stats()
    assert (stats.rows, stats.rows_first, stats.leased, stats.available) == (2, 1, 1, 1)
    assert (stats.first_sightings, stats.renewals, stats.coalesced, stats.acknowledged) == (2, 1, 1, 1)
    assert stats.oldest_age_s == 5
    assert stats.size_bytes > 0
    assert not stats.full


def test_a_second_process_sees_rows_and_counters_of_the_first(spool: Spool, wall: Wall, tmp_path: Path) -> None:
    spool.offer(A)
    with Spool(tmp_path / "spool", wall, create=False) as other:
        assert other.stats() == spool.stats()
        assert other.acknowledge(other.lease(10, 60, "other"), "other") == 1
    assert spool.stats().rows == 0


def test_who_only_consumes_knows_when_it_is_full(spool: Spool, wall: Wall, tmp_path: Path) -> None:
    spool.offer_all([A, B, C])
    with Spool(tmp_path / "spool", wall, create=False) as consumer:
        assert consumer.stats().full
        consumer.acknowledge(consumer.lease(1, 60, "one"), "one")
        assert not consumer.stats().full


def _not_a_database(path: Path) -> None:
    path.write_bytes(b"no database" * 100)


def _of_another_version(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 7")
    db.close()


@pytest.mark.parametrize(
    ("prepare", "path", "reason"),
    [
        (lambda _path: None, "missing/spool", "its directory must exist"),
        (_not_a_database, "spool", "move it away"),
        (_of_another_version, "spool", "its layout is 7"),
    ],
)
def test_a_file_that_is_no_spool_is_refused_with_what_to_do(
    tmp_path: Path, prepare: Callable[[Path], None], path: str, reason: str
) -> None:
    prepare(tmp_path / path)
    with pytest.raises(SpoolError, match=rf"could not open the spool .*{reason}"):
        Spool(tmp_path / path)


def test_who_only_consumes_makes_no_spool(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="does the tap run on this host"):
        Spool(tmp_path / "spool", create=False)
    assert not (tmp_path / "spool").exists()
