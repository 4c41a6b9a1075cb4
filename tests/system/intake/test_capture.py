# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's part of the tap: the filter on real interfaces, VLAN tags, interfaces that vanish, capabilities."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap import capture as capture_module
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.capture import Capture, open_capture
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.listener import Listener
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.packet import read_frame
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.tests.system.support.namespaces import Namespace
from ansible_collections.baremetal.bcm.tests.unit.child_process import started
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.packets import (
    BAD,
    GOOD,
    MAC,
    Packet,
    corpus,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.test_bpf import is_wanted

_PATIENCE_S = 30.0
_LAST = Packet(chaddr=b"\x02\xee\xee\xee\xee\xee").frame()  # sent last, so that a test knows it has seen all


@pytest.fixture(name="space")
def _space() -> Iterator[Namespace]:
    """A namespace with two ends of one cable, `here` and `there`."""
    space = Namespace(f"bcm{os.getpid()}wire")
    try:
        space.ip("link", "add", "here", "type", "veth", "peer", "name", "there")
        for end in ("here", "there"):
            space.ip("link", "set", end, "up")
        yield space
    finally:
        space.close()


@pytest.fixture(name="everybodys")
def _everybodys() -> Iterator[Path]:
    """A directory for users other than root, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o777)
        yield Path(made)


@contextlib.contextmanager
def _sender(space: Namespace, interface: str) -> Iterator[socket.socket]:
    with space.inside():
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with opened, space.inside():
        opened.bind((interface, 0))
        yield opened


@contextlib.contextmanager
def _capturing(space: Namespace, interface: str) -> Iterator[Capture]:
    with space.inside():
        capture = open_capture(interface)
    try:
        yield capture
    finally:
        capture.close()


def _read_until_last(capture: Capture) -> list[capture_module.Captured]:
    captured: list[capture_module.Captured] = []
    end_s = time.monotonic() + _PATIENCE_S
    while not captured or captured[-1].frame != _LAST:
        assert time.monotonic() < end_s
        select.select([capture], [], [], 1)
        captured += capture.read(100)
    return captured[:-1]


def _minimal(frame: bytes) -> bool:
    """Return whether a frame is long enough for a driver to send it."""
    return len(frame) >= 60


def test_the_kernel_passes_what_plain_python_passes(space: Namespace) -> None:
    # Tags are taken off on the way, which is another test's matter.
    frames = [frame for frame in corpus() if _minimal(frame) and frame[12:14] not in (b"\x81\x00", b"\x88\xa8")]
    with _capturing(space, "here") as capture, _sender(space, "there") as sender:
        for frame in [*frames, _LAST]:
            sender.send(frame)
        passed = [one.frame for one in _read_until_last(capture)]
    assert passed == [frame for frame in frames if is_wanted(frame)]
    assert 20 < len(passed) < len(frames)


def test_nothing_from_before_the_filter_was_attached_gets_in(space: Namespace) -> None:
    unwanted = BAD["TCP"][0]
    with _sender(space, "there") as sender:
        for _time in range(100):
            sender.send(unwanted)
        with _capturing(space, "here") as capture:
            sender.send(unwanted)
            sender.send(_LAST)
            assert _read_until_last(capture) == []


def test_what_this_host_sends_itself_is_seen(space: Namespace) -> None:
    with _capturing(space, "here") as capture, _sender(space, "here") as sender:
        sender.send(Packet().frame())
        sender.send(_LAST)
        assert len(_read_until_last(capture)) == 1


@pytest.mark.parametrize(
    ("name", "vlan"),
    [("an acknowledgement to a client", None), ("a VLAN tag", 12), ("two VLAN tags", 12)],
)
def test_the_vlan_is_known_although_the_kernel_takes_the_tag_off(space: Namespace, name: str, vlan: int | None) -> None:
    with _capturing(space, "here") as capture, _sender(space, "there") as sender:
        sender.send(GOOD[name][0].frame())
        sender.send(_LAST)
        (captured,) = _read_until_last(capture)
    seen = read_frame(captured.frame, vlan=captured.vlan)
    assert isinstance(seen, Sighting)
    assert (seen.mac, seen.vlan) == (MAC, vlan)
    tags_sent = len(GOOD[name][0].tags)
    assert captured.frame.count(b"\x81\x00", 12, 20) + captured.frame.count(b"\x88\xa8", 12, 20) < max(tags_sent, 1)


def test_packets_that_the_kernel_has_no_room_for_are_counted(space: Namespace) -> None:
    with _capturing(space, "here") as capture, _sender(space, "there") as sender:
        sent = 20_000
        for _time in range(sent):
            with contextlib.suppress(BlockingIOError):
                sender.send(Packet().frame())
        drops = capture.drops()
        assert drops > 0
        assert len(capture.read(sent)) + drops == sent
        assert capture.drops() == 0


def _step_until(listener: Listener, space: Namespace, count: int, feed: socket.socket | None = None) -> list[Sighting]:
    seen: list[Sighting] = []
    end_s = time.monotonic() + _PATIENCE_S
    while len(seen) < count:
        assert time.monotonic() < end_s
        if feed is not None:
            with contextlib.suppress(OSError):
                feed.send(Packet().frame())
        with space.inside():
            seen += listener.step(0.1)
    return seen


def test_an_interface_that_goes_down_or_vanishes_is_listened_on_again_when_it_is_back(space: Namespace) -> None:
    with space.inside():
        listener = Listener(["here"], time.monotonic)
        listener.step(0)
    with _sender(space, "there") as sender:
        sender.send(Packet().frame())
        _step_until(listener, space, 1)
        space.ip("link", "set", "here", "down")
        with space.inside():
            listener.step(0.1)
        space.ip("link", "set", "here", "up")
        _step_until(listener, space, 1, sender)
    space.ip("link", "delete", "here")
    with space.inside():
        listener.step(0.1)
        listener.step(1.1)
    space.ip("link", "add", "here", "type", "veth", "peer", "name", "there")
    for end in ("here", "there"):
        space.ip("link", "set", end, "up")
    with _sender(space, "there") as sender:
        _step_until(listener, space, 1, sender)
    listener.close()


@pytest.mark.parametrize(
    ("prepare", "interface", "error"),
    [
        ([], "missing0", errno.ENODEV),
        (["link", "set", "here", "down"], "here", errno.ENETDOWN),
    ],
)
def test_an_interface_that_can_not_be_listened_on_is_reported(
    space: Namespace, prepare: list[str], interface: str, error: int
) -> None:
    if prepare:
        space.ip(*prepare)
    with space.inside(), pytest.raises(OSError, match=os.strerror(error)) as refused:
        open_capture(interface)
    assert refused.value.errno == error


def test_an_interface_that_is_not_ethernet_is_refused(space: Namespace) -> None:
    space.ip("tuntap", "add", "dev", "tun0", "mode", "tun")
    space.ip("link", "set", "tun0", "up")
    with space.inside(), pytest.raises(OSError, match="not an Ethernet interface"):
        open_capture("tun0")


@pytest.mark.parametrize(("capabilities", "said"), [("+net_raw", "event=listening"), ("", "CAP_NET_RAW")])
def test_cap_net_raw_is_needed_and_is_all_it_takes(
    space: Namespace, everybodys: Path, capabilities: str, said: str
) -> None:
    code = Path(str(capture_module.__file__)).parents[2]
    module = "module_utils._dhcp_tap"
    program = f"import sys, runpy; sys.path.insert(0, {str(code)!r}); runpy.run_module({module!r}, run_name='__main__')"
    keep = f"-all{',' if capabilities else ''}{capabilities}"
    command = [
        *space.command("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"),
        *("--inh-caps", keep, "--ambient-caps", keep, "--bounding-set", keep),
        *(sys.executable, "-I", "-S", "-c"),
        program,
        *("--interface", "here", "--spool", str(everybodys / "spool")),
    ]
    with started(command, stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        line = running.stderr.readline()
        running.terminate()
        running.communicate(timeout=_PATIENCE_S)
    assert said in line
