# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the tap's filter and parser with a loop in Python that reads every frame, on the same traffic.

Needs root, for a network namespace of its own with one cable in it. One end sends frames of which one in so many is a
DHCP acknowledgement; at the other end first the loop listens, then the tap's code. Prints a table.
"""

from __future__ import annotations

import argparse
import os
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / ".collections"))

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.capture import Capture, open_capture  # noqa: E402
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.packet import read_frame  # noqa: E402
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting  # noqa: E402
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.packets import Packet  # noqa: E402

_ETH_P_ALL = 0x0003
_SILENCE_S = 1.0
_TRAFFIC = [
    Packet(protocol=6, padding=bytes(900)).frame(),  # TCP
    Packet(source_port=53, destination_port=40000).frame(),  # other UDP
    Packet(ethertype=0x86DD).frame(),  # IPv6
    Packet(ethertype=0x0806).frame()[:60],  # ARP
]


@dataclass(frozen=True)
class Listened:
    """The frames that one listener got, and the CPU time that it took."""

    woken_for: int
    acknowledgements: int
    cpu_s: float
    lost: int


def main() -> None:
    """Print both comparisons, in a network namespace of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=400_000)
    parser.add_argument("--one-in", type=int, default=1000, help="one frame in this many is an acknowledgement")
    parser.add_argument("--in-namespace", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.in_namespace:
        sys.exit(
            subprocess.run(["unshare", "--net", sys.executable, *sys.argv, "--in-namespace"], check=False).returncode
        )
    for command in ("link add here type veth peer name there", "link set here up", "link set there up"):
        subprocess.run(["ip", *command.split()], check=True)
    compare(options.frames, options.one_in)
    parse_only(200_000)


def compare(frames: int, one_in: int) -> None:
    """Print the frames and the CPU time of both listeners."""
    expected = frames // one_in
    say(f"{frames:,} frames, {expected:,} of them acknowledgements, over one cable\n")
    say(f"{'':28}{'woken for':>11}{'seen':>7}{'lost by kernel':>16}{'CPU s':>8}{'frames/CPU s':>14}")
    rates = []
    for name, opened in (("plain Python loop, no filter", _plain), ("filter and parser of the tap", open_capture)):
        listened = listen(opened, frames, one_in)
        rate = (frames - listened.lost) / listened.cpu_s
        rates.append(rate)
        say(
            f"{name:28}{listened.woken_for:>11,}{listened.acknowledgements:>7,}{listened.lost:>16,}"
            f"{listened.cpu_s:>8.2f}{rate:>14,.0f}"
        )
    say(f"\nThe tap takes {rates[1] / rates[0]:.0f} times as many frames per second of CPU time.")


def listen(opened: Callable[[str], Capture], frames: int, one_in: int) -> Listened:
    """Listen in this process while another one sends; returns the counts until nothing has come for a second."""
    capture = opened("here")
    sender = os.fork()
    if sender == 0:
        _send(frames, one_in)
        os._exit(0)
    before_s = _cpu_s()
    woken_for = acknowledgements = 0
    last_s = time.monotonic()
    while time.monotonic() - last_s < _SILENCE_S or os.waitpid(sender, os.WNOHANG) == (0, 0):
        if not select.select([capture], [], [], 0.2)[0]:
            continue
        last_s = time.monotonic()
        for captured in capture.read(512):
            woken_for += 1
            acknowledgements += isinstance(read_frame(captured.frame, vlan=captured.vlan), Sighting)
    cpu_s = _cpu_s() - before_s
    lost = capture.drops()
    capture.close()
    return Listened(woken_for, acknowledgements, cpu_s, lost)


def parse_only(frames: int) -> None:
    """Print how fast the parser is on acknowledgements alone."""
    frame = Packet().with_options((12, b"node1.example.org"), (60, b"PXEClient")).frame()
    begun_s = _cpu_s()
    for _time in range(frames):
        read_frame(frame)
    say(f"The parser alone reads {frames / (_cpu_s() - begun_s):,.0f} acknowledgements per second of CPU time.")


def _plain(interface: str) -> Capture:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    opened.bind((interface, _ETH_P_ALL))
    return Capture(interface, opened)


def _send(frames: int, one_in: int) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        sender.bind(("there", 0))
        for number in range(frames):
            if number % one_in == one_in - 1:
                sender.send(Packet(chaddr=b"\x02\0\0" + (number // one_in).to_bytes(3, "big")).frame())
            else:
                sender.send(_TRAFFIC[number % len(_TRAFFIC)])


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
