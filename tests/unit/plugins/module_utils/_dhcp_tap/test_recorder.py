# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.recorder import Notification, Recorder
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool, SpoolError

A = Sighting(mac="02:00:00:00:00:0a", ip="192.0.2.10", interface="eth1")
B = Sighting(mac="02:00:00:00:00:0b", ip="192.0.2.11", interface="eth1", relay="192.0.2.2", vlan=12)


def _many(count: int) -> list[Sighting]:
    return [replace(A, mac=f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}") for number in range(count)]


@dataclass
class Room:
    """A recorder, its spool and its notifications, in time that stands still."""

    path: Path
    max_rows: int = 20_000
    now_s: float = 1000.0
    notifications: list[Notification] = field(default_factory=list)
    is_broken: bool = False

    def open(self) -> Spool:
        if self.is_broken:
            raise SpoolError("could not open the spool: no disk")
        return Spool(self.path, lambda: self.now_s, max_rows=self.max_rows)

    def recorder(self, **options: object) -> Recorder:
        return Recorder(self.open, self.notifications.append, lambda: self.now_s, **options)  # type: ignore[arg-type]

    def pass_time(self, recorder: Recorder, seconds: int) -> None:
        for _second in range(seconds):
            self.now_s += 1
            recorder.step()


@pytest.fixture(name="room")
def _room(tmp_path: Path) -> Room:
    return Room(tmp_path / "spool")


def _rows(room: Room) -> list[str]:
    with room.open() as spool:
        return [row.key for row in spool.peek(100_000)]


def test_a_sighting_is_stored_at_once_and_notified_a_little_later(room: Room) -> None:
    recorder = room.recorder()
    recorder.step()
    recorder.take([A])
    room.now_s += 10
    recorder.step()
    assert _rows(room) == [A.mac]
    assert room.notifications == []
    room.pass_time(recorder, 1)
    assert room.notifications == [
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
    recorder = room.recorder()
    recorder.step()
    room.now_s += 10
    for sighting in _many(500):
        recorder.take([sighting])
        recorder.step()
        room.now_s += 0.001
    room.pass_time(recorder, 10)
    assert [(sent["waiting"], sent["dhcp"]["news"]) for sent in room.notifications] == [(500, 500)]


def test_rows_from_before_are_notified_at_the_start(room: Room) -> None:
    with room.open() as spool:
        spool.offer(A)
    room.recorder().step()
    assert [sent["waiting"] for sent in room.notifications] == [1]


def test_it_notifies_again_while_rows_wait_and_not_while_they_are_leased(room: Room) -> None:
    recorder = room.recorder()
    recorder.take([A])
    room.pass_time(recorder, 65)
    assert len(room.notifications) == 2
    with room.open() as spool:
        leased = spool.lease(10, 600, "playbook")
        room.pass_time(recorder, 120)
        assert len(room.notifications) == 2
        spool.release(leased, "playbook")
        room.pass_time(recorder, 60)
        assert len(room.notifications) == 3
        spool.acknowledge(spool.lease(10, 600, "playbook"), "playbook")
    room.pass_time(recorder, 300)
    assert len(room.notifications) == 3


def test_a_row_whose_lease_ran_out_is_notified_again(room: Room) -> None:
    recorder = room.recorder()
    recorder.take([A])
    room.pass_time(recorder, 5)
    with room.open() as spool:
        spool.lease(10, 90, "killed")
    room.pass_time(recorder, 200)
    assert len(room.notifications) >= 2


def test_while_the_spool_is_unusable_sightings_are_held_and_stored_later(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.is_broken = True
    recorder = room.recorder()
    recorder.take([A])
    room.pass_time(recorder, 10)
    recorder.take([B, replace(A, ip="192.0.2.99")])
    assert [record.message for record in caplog.records] == [
        'event=spool_unusable reason="could not open the spool: no disk" held=1'
    ], "logged once, not every two seconds"
    room.is_broken = False
    room.pass_time(recorder, 3)
    assert sorted(_rows(room)) == [A.mac, B.mac]


def test_what_is_held_in_memory_is_bounded_and_what_is_lost_is_counted(room: Room) -> None:
    room.is_broken = True
    recorder = room.recorder(max_pending=10)
    recorder.take(_many(15))
    assert recorder.counts["lost"] == 5
    room.is_broken = False
    recorder.close()
    assert len(_rows(room)) == 10


def test_closing_stores_what_is_held_without_waiting_for_the_spools_turn(room: Room) -> None:
    room.is_broken = True
    recorder = room.recorder()
    recorder.step()
    recorder.take([A])
    room.is_broken = False
    recorder.close()
    assert _rows(room) == [A.mac]


def test_closing_without_a_usable_spool_says_how_many_are_lost(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    room.is_broken = True
    recorder = room.recorder()
    recorder.take([A])
    recorder.close()
    assert "event=unstored sightings=1" in caplog.text


def test_a_full_spool_is_one_alarm_and_its_end_is_logged(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    room.max_rows = 5
    recorder = room.recorder()
    recorder.take(_many(8))
    room.pass_time(recorder, 10)
    alarms = [sent for sent in room.notifications if sent["dhcp"].get("alarm") == "spool_full"]
    assert [alarm["waiting"] for alarm in alarms] == [8], "first sightings are stored beyond it"
    assert recorder.counts["alarms"] == 1
    assert "ERROR" in [record.levelname for record in caplog.records if "event=spool_full" in record.message]
    with room.open() as spool:
        spool.acknowledge(spool.lease(8, 60, "playbook"), "playbook")
    room.pass_time(recorder, 65)
    assert "event=spool_not_full rows=0" in caplog.text


def test_a_dropped_renewal_raises_the_alarm_without_waiting_for_the_next_notification(room: Room) -> None:
    room.max_rows = 3
    recorder = room.recorder()
    with room.open() as spool:
        spool.offer(A)
        spool.acknowledge(spool.lease(1, 60, "before"), "before")
        spool.offer_all(_many(2))
        recorder.step()
        spool.offer(B)
    room.notifications.clear()
    recorder.take([A])
    recorder.step()
    assert recorder.counts["dropped"] == 1
    assert [sent["dhcp"].get("alarm") for sent in room.notifications] == ["spool_full"]


def test_unwanted_vendors_are_not_stored_but_counted(room: Room) -> None:
    recorder = room.recorder(is_wanted=lambda sighting: sighting.mac == B.mac)
    recorder.take([A, B])
    recorder.step()
    assert _rows(room) == [B.mac]
    assert recorder.counts["unwanted"] == 1


def test_the_vendor_is_a_hint_in_the_row(room: Room) -> None:
    recorder = room.recorder(vendor_of=lambda _mac: "ACME")
    recorder.take([A])
    recorder.step()
    with room.open() as spool:
        assert spool.peek(1)[0].item.vendor == "ACME"


def test_a_duplicate_is_counted_and_not_stored(room: Room) -> None:
    recorder = room.recorder()
    recorder.take([A])
    recorder.step()
    recorder.take([A])
    recorder.step()
    with room.open() as spool:
        assert spool.stats().coalesced == 0
    assert recorder.counts["duplicate"] == 1


def test_a_first_sighting_is_logged_with_where_it_was_seen(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    recorder = room.recorder()
    recorder.take([B])
    recorder.step()
    assert (
        "event=first_sighting mac=02:00:00:00:00:0b ip=192.0.2.11 interface=eth1 relay=192.0.2.2 vlan=12" in caplog.text
    )


def test_a_refused_first_sighting_is_an_error_and_comes_again_with_the_next_renewal(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    small = Recorder(
        lambda: Spool(room.path, lambda: room.now_s, max_bytes=128 * 1024),
        room.notifications.append,
        lambda: room.now_s,
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
