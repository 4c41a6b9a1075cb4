# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole tap with its threads, on sockets that are no network's."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.recorder import Notification
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.tap import Queue, Settings, Tap
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.packets import MAC, Packet
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.test_listener import FakeSource

_PATIENCE_S = 60  # only a failing test waits for so long


@contextmanager
def _running(tap: Tap) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=tap.run)
    thread.start()
    try:
        yield thread
    finally:
        tap.stop()
        thread.join(_PATIENCE_S)
    assert not thread.is_alive()


def _settings(tmp_path: Path) -> Settings:
    return Settings(interfaces=["eth1"], spool=str(tmp_path / "spool"), gather_s=0.001, every_s=0.001)


def _network() -> tuple[Callable[[str], FakeSource], queue.Queue[FakeSource]]:
    opened: queue.Queue[FakeSource] = queue.Queue()

    def open_source(interface: str) -> FakeSource:
        source = FakeSource(interface)
        opened.put(source)
        return source

    return open_source, opened


def test_a_frame_becomes_a_row_and_a_notification(tmp_path: Path) -> None:
    open_source, opened = _network()
    notifications: queue.Queue[Notification] = queue.Queue()
    with _running(Tap(_settings(tmp_path), notifications.put, open_source=open_source)):
        opened.get(timeout=_PATIENCE_S).send(Packet().frame())
        notification = notifications.get(timeout=_PATIENCE_S)
    assert (notification["waiting"], notification["dhcp"]["newest"]["mac"]) == (1, MAC)


def test_what_has_come_when_it_is_stopped_is_stored(tmp_path: Path) -> None:
    open_source, opened = _network()
    tap = Tap(_settings(tmp_path), lambda _notification: None, open_source=open_source)
    tap.listener.step(0)
    source = opened.get(timeout=_PATIENCE_S)
    for number in range(100):
        source.send(Packet(chaddr=bytes([2, 0, 0, 0, 0, number])).frame())
    tap.stop()
    tap.run()
    with Spool(tmp_path / "spool") as spool:
        assert spool.stats().rows == 100


def test_a_bug_costs_one_step_and_not_the_tap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.tap._AFTER_A_BUG_S", 0)
    open_source, opened = _network()
    notifications: queue.Queue[Notification] = queue.Queue()
    tap = Tap(_settings(tmp_path), notifications.put, open_source=open_source)
    take, failures = tap.recorder.take, iter([True])

    def fail_once(sightings: Sequence[Sighting]) -> None:
        if next(failures, False):
            raise RuntimeError("a bug")
        take(sightings)

    monkeypatch.setattr(tap.recorder, "take", fail_once)
    with _running(tap):
        source = opened.get(timeout=_PATIENCE_S)
        for number in range(2):
            source.send(Packet(chaddr=bytes([2, 0, 0, 0, 0, number])).frame())
        source.send(Packet().frame())
        # The first step may have been the one that failed, with nothing in it or with these; this one is kept.
        while True:
            source.send(Packet(chaddr=bytes([2, 0, 0, 0, 1, 1])).frame())
            try:
                notifications.get(timeout=0.1)
                break
            except queue.Empty:
                continue
    assert "event=bug" in caplog.text


def test_counters_are_logged_at_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    open_source, opened = _network()
    notifications: queue.Queue[Notification] = queue.Queue()
    with _running(Tap(_settings(tmp_path), notifications.put, open_source=open_source)):
        source = opened.get(timeout=_PATIENCE_S)
        source.dropped = 2
        source.send(Packet().frame())
        notifications.get(timeout=_PATIENCE_S)
    (counted,) = [record for record in caplog.records if "event=counted" in record.message]
    assert counted.message == "event=counted frames=1 kernel_drops=2 queue_lost=0 first=1"
    assert counted.levelname == "WARNING", "packets were lost"


def test_between_the_threads_memory_is_bounded_and_losses_are_counted() -> None:
    sighting = Sighting(mac=MAC, ip="192.0.2.1")
    sightings = [replace(sighting, hostname=str(number)) for number in range(5)]
    between = Queue(3)
    between.put(sightings[:2])
    between.put(sightings[2:])
    assert between.lost == 2
    assert between.take(0) == sightings[:3]
    assert between.take(0) == []
