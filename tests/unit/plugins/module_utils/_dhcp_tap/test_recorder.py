# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.recorder import Event, Keeper
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool, SpoolError

A = Sighting(mac="02:00:00:00:00:0a", ip="192.0.2.10", interface="eth1")
B = Sighting(mac="02:00:00:00:00:0b", ip="192.0.2.11", interface="eth1", relay="192.0.2.2", vlan=12)


def _many(count: int) -> list[Sighting]:
    return [replace(A, mac=f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}") for number in range(count)]


@dataclass
class Room:
    """A keeper, its spool and its bell, in time that stands still."""

    path: Path
    max_rows: int = 20_000
    now_s: float = 1000.0
    rings: list[Event] = field(default_factory=list)
    is_broken: bool = False

    def open(self) -> Spool:
        if self.is_broken:
            raise SpoolError("could not open the spool: no disk")
        return Spool(self.path, lambda: self.now_s, max_rows=self.max_rows)

    def keeper(self, **options: object) -> Keeper:
        return Keeper(self.open, self.rings.append, lambda: self.now_s, **options)  # type: ignore[arg-type]

    def pass_time(self, keeper: Keeper, seconds: int) -> None:
        for _second in range(seconds):
            self.now_s += 1
            keeper.step()


@pytest.fixture(name="room")
def _room(tmp_path: Path) -> Room:
    return Room(tmp_path / "spool")


def _rows(room: Room) -> list[str]:
    with room.open() as spool:
        return [row.mac for row in spool.peek(100_000)]


def test_a_sighting_is_stored_at_once_and_rings_a_little_later(room: Room) -> None:
    keeper = room.keeper()
    keeper.step()
    keeper.take([A])
    room.now_s += 10
    keeper.step()
    assert _rows(room) == [A.mac]
    assert room.rings == []
    room.pass_time(keeper, 1)
    assert room.rings == [
        {
            "dhcp": {
                "news": 1,
                "first_waiting": 1,
                "oldest_age_s": 1,
                "full": False,
                "dropped": 0,
                "refused": 0,
                "newest": {"mac": A.mac, "ip": A.ip, "interface": "eth1"},
            },
            "spool": str(room.path),
            "waiting": 1,
        }
    ]


def test_a_burst_of_500_is_one_event(room: Room) -> None:
    keeper = room.keeper()
    keeper.step()
    room.now_s += 10
    for sighting in _many(500):
        keeper.take([sighting])
        keeper.step()
        room.now_s += 0.001
    room.pass_time(keeper, 10)
    assert [(ring["waiting"], ring["dhcp"]["news"]) for ring in room.rings] == [(500, 500)]


def test_rows_from_before_ring_at_the_start(room: Room) -> None:
    with room.open() as spool:
        spool.offer(A)
    room.keeper().step()
    assert [ring["waiting"] for ring in room.rings] == [1]


def test_it_rings_again_while_rows_wait_and_not_while_they_are_leased(room: Room) -> None:
    keeper = room.keeper()
    keeper.take([A])
    room.pass_time(keeper, 65)
    assert len(room.rings) == 2
    with room.open() as spool:
        leased = spool.lease(10, 600, "playbook")
        room.pass_time(keeper, 120)
        assert len(room.rings) == 2
        spool.release(leased, "playbook")
        room.pass_time(keeper, 60)
        assert len(room.rings) == 3
        spool.acknowledge(spool.lease(10, 600, "playbook"), "playbook")
    room.pass_time(keeper, 300)
    assert len(room.rings) == 3


def test_a_lease_that_ran_out_rings_again(room: Room) -> None:
    keeper = room.keeper()
    keeper.take([A])
    room.pass_time(keeper, 5)
    with room.open() as spool:
        spool.lease(10, 90, "killed")
    room.pass_time(keeper, 200)
    assert len(room.rings) >= 2


def test_while_the_spool_is_unusable_sightings_are_held_and_stored_later(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.is_broken = True
    keeper = room.keeper()
    keeper.take([A])
    room.pass_time(keeper, 10)
    keeper.take([B, replace(A, ip="192.0.2.99")])
    assert [record.message for record in caplog.records] == [
        'event=spool_unusable reason="could not open the spool: no disk" held=1'
    ], "told once, not every two seconds"
    room.is_broken = False
    room.pass_time(keeper, 3)
    assert sorted(_rows(room)) == [A.mac, B.mac]


def test_what_is_held_in_memory_is_bounded_and_what_is_lost_is_counted(room: Room) -> None:
    room.is_broken = True
    keeper = room.keeper(max_pending=10)
    keeper.take(_many(15))
    assert keeper.counts["lost"] == 5
    room.is_broken = False
    keeper.close()
    assert len(_rows(room)) == 10


def test_closing_stores_what_is_held_without_waiting_for_the_spools_turn(room: Room) -> None:
    room.is_broken = True
    keeper = room.keeper()
    keeper.step()
    keeper.take([A])
    room.is_broken = False
    keeper.close()
    assert _rows(room) == [A.mac]


def test_closing_without_a_usable_spool_says_how_many_are_lost(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    room.is_broken = True
    keeper = room.keeper()
    keeper.take([A])
    keeper.close()
    assert "event=unstored sightings=1" in caplog.text


def test_a_full_spool_is_an_alarm_once_and_is_told_when_it_is_over(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    room.max_rows = 5
    keeper = room.keeper()
    keeper.take(_many(8))
    room.pass_time(keeper, 10)
    alarms = [ring for ring in room.rings if ring["dhcp"].get("alarm") == "spool_full"]
    assert [alarm["waiting"] for alarm in alarms] == [8], "first sightings are stored beyond it"
    assert keeper.counts["alarms"] == 1
    assert "ERROR" in [record.levelname for record in caplog.records if "event=spool_full" in record.message]
    with room.open() as spool:
        spool.acknowledge(spool.lease(8, 60, "playbook"), "playbook")
    room.pass_time(keeper, 65)
    assert "event=spool_not_full rows=0" in caplog.text


def test_a_dropped_renewal_raises_the_alarm_without_waiting_for_the_next_ring(room: Room) -> None:
    room.max_rows = 3
    keeper = room.keeper()
    with room.open() as spool:
        spool.offer(A)
        spool.acknowledge(spool.lease(1, 60, "before"), "before")
        spool.offer_all(_many(2))
        keeper.step()
        spool.offer(B)
    room.rings.clear()
    keeper.take([A])
    keeper.step()
    assert keeper.counts["dropped"] == 1
    assert [ring["dhcp"].get("alarm") for ring in room.rings] == ["spool_full"]


def test_unwanted_vendors_are_not_stored_but_counted(room: Room) -> None:
    keeper = room.keeper(is_wanted=lambda sighting: sighting.mac == B.mac)
    keeper.take([A, B])
    keeper.step()
    assert _rows(room) == [B.mac]
    assert keeper.counts["unwanted"] == 1


def test_the_vendor_is_a_hint_in_the_row(room: Room) -> None:
    keeper = room.keeper(vendor_of=lambda _mac: "ACME")
    keeper.take([A])
    keeper.step()
    with room.open() as spool:
        assert spool.peek(1)[0].sighting.vendor == "ACME"


def test_a_duplicate_is_counted_and_not_stored(room: Room) -> None:
    keeper = room.keeper()
    keeper.take([A])
    keeper.step()
    keeper.take([A])
    keeper.step()
    with room.open() as spool:
        assert spool.stats().coalesced == 0
    assert keeper.counts["duplicate"] == 1


def test_a_first_sighting_is_told_with_where_it_was_seen(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    keeper = room.keeper()
    keeper.take([B])
    keeper.step()
    assert (
        "event=first_sighting mac=02:00:00:00:00:0b ip=192.0.2.11 interface=eth1 relay=192.0.2.2 vlan=12" in caplog.text
    )


def test_a_refused_first_sighting_is_an_error_and_comes_again_with_the_next_renewal(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    small = Keeper(
        lambda: Spool(room.path, lambda: room.now_s, max_bytes=128 * 1024), room.rings.append, lambda: room.now_s
    )
    many = [replace(sighting, circuit_id="ab" * 255) for sighting in _many(300)]
    small.take(many)
    small.step()
    assert small.counts["refused"] > 0
    assert "event=first_sighting_refused" in caplog.text
    with room.open() as spool:
        spool.acknowledge(spool.lease(300, 60, "playbook"), "playbook")
    room.now_s += 60
    small.take([many[-1]])
    small.step()
    assert many[-1].mac in _rows(room)
