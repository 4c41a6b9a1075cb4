# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources here are datagram sockets: what is sent to one is a frame that came."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.capture import Captured
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.listener import Listener
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.packets import BAD, Packet


class FakeSource:
    def __init__(self, interface: str) -> None:
        self.interface = interface
        self.network, self._socket = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self.is_gone = False
        self.dropped = 0
        self.is_closed = False

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, frame: bytes) -> None:
        self.network.send(frame)

    def go(self) -> None:
        self.is_gone = True
        self.send(b"")

    def read(self, most: int) -> list[Captured]:
        if self.is_gone:
            raise OSError(errno.ENETDOWN, "Network is down")
        captured: list[Captured] = []
        while len(captured) < most:
            try:
                captured.append(Captured(self._socket.recv(9216), None))
            except BlockingIOError:
                break
        return captured

    def drops(self) -> int:
        if self.is_gone:
            raise OSError(errno.ENODEV, "No such device")
        dropped, self.dropped = self.dropped, 0
        return dropped

    def close(self) -> None:
        self.is_closed = True
        self._socket.close()
        self.network.close()


class Host:
    """Interfaces that come and go, in time that stands still."""

    def __init__(self, *present: str) -> None:
        self.present = set(present)
        self.refusal: OSError = OSError(errno.ENODEV, "No such device")
        self.opened: list[FakeSource] = []
        self.now_s = 0.0

    def open(self, interface: str) -> FakeSource:
        if interface not in self.present:
            raise self.refusal
        self.opened.append(FakeSource(interface))
        return self.opened[-1]

    def listener(self, *interfaces: str) -> Listener:
        return Listener(interfaces, lambda: self.now_s, self.open)


@pytest.fixture(name="host")
def _host() -> Iterator[Host]:
    host = Host("eth1", "eth2")
    yield host
    for source in host.opened:
        source.close()


def test_sightings_of_all_interfaces_come_with_their_interface(host: Host) -> None:
    listener = host.listener("eth1", "eth2")
    listener.step(0)
    for source in host.opened:
        source.send(Packet().frame())
    assert sorted(sighting.interface for sighting in listener.step(0)) == ["eth1", "eth2"]
    listener.close()


def test_what_is_no_sighting_is_counted_by_its_reason(host: Host) -> None:
    listener = host.listener("eth1")
    listener.step(0)
    host.opened[0].send(BAD["an offer"][0])
    host.opened[0].send(BAD["the answer to a DHCPINFORM"][0])
    assert listener.step(0) == []
    assert listener.frames == 2
    assert listener.rejected == {"not_an_ack": 1, "no_address": 1}
    listener.close()


def test_an_interface_that_is_missing_is_waited_for_and_holds_up_no_other(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.present = {"eth1"}
    listener = host.listener("eth1", "eth2")
    for _time in range(3):
        listener.step(0)
        host.now_s += 1
    assert [record.message for record in caplog.records] == [
        'event=not_listening interface=eth2 reason="No such device" then="waiting for it"'
    ], "logged once"
    host.present.add("eth2")
    listener.step(0)
    host.opened[1].send(Packet().frame())
    assert [sighting.interface for sighting in listener.step(0)] == ["eth2"]
    listener.close()


def test_an_interface_that_goes_and_returns_is_listened_on_again(host: Host) -> None:
    listener = host.listener("eth1")
    listener.step(0)
    host.opened[0].go()
    assert listener.step(0) == []
    assert host.opened[0].is_closed
    host.now_s += 1
    listener.step(0)
    host.opened[1].send(Packet().frame())
    assert len(listener.step(0)) == 1
    listener.close()


def test_without_the_capability_the_log_says_which_one(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.present = set()
    host.refusal = PermissionError(errno.EPERM, "Operation not permitted")
    listener = host.listener("eth1")
    listener.step(0)
    assert "CAP_NET_RAW" in caplog.text
    listener.close()


def test_what_the_kernel_had_no_room_for_is_counted(host: Host) -> None:
    listener = host.listener("eth1", "eth2")
    listener.step(0)
    host.opened[0].dropped, host.opened[1].dropped = 3, 4
    assert listener.count_drops() == 7
    host.opened[1].dropped = 1
    assert listener.count_drops() == 8
    host.opened[0].is_gone = True
    assert listener.count_drops() == 8
    listener.close()


def test_a_step_that_waits_is_woken(host: Host) -> None:
    listener = host.listener("eth1")
    listener.wake()
    assert listener.step(60) == []
    for _time in range(100_000):
        listener.wake()
    assert listener.step(60) == []
    listener.close()


def test_closing_closes_the_sources(host: Host) -> None:
    listener = host.listener("eth1", "eth2")
    listener.step(0)
    listener.close()
    assert [source.is_closed for source in host.opened] == [True, True]
