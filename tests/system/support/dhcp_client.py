# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Very many DHCP clients behind one interface: each sends DISCOVER and REQUEST of its own, and gets its own ACK."""

from __future__ import annotations

import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_IN_FLIGHT = 4  # dnsmasq offers one address to many that ask at once
_GIVE_UP_S = 60.0
_AGAIN_S = 2.0
_IPV4 = b"\x08\x00"
_COOKIE = b"\x63\x82\x53\x63"
_BROADCAST = b"\xff" * 6
_DISCOVER, _OFFER, _ACK, _NAK = 1, 2, 5, 6
_ASK = b"\x35\x01\x01"


@dataclass
class _Client:
    """A client's exchange under way: what it sends next, and since when it waits for the answer."""

    mac: bytes
    number: int
    asked_s: float
    options: bytes = _ASK


def lease_all(interface: str, macs: Sequence[str], wait_s: float = _GIVE_UP_S) -> dict[str, str]:
    """Get an address for every MAC address; gives them. Raises TimeoutError when some get none."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as wire:
        wire.bind((interface, 0x0800))
        wire.settimeout(0.2)
        return _Leasing(wire, macs).run(time.monotonic() + wait_s)


class _Leasing:
    def __init__(self, wire: socket.socket, macs: Sequence[str]) -> None:
        self._wire = wire
        self._waiting = deque(bytes.fromhex(mac.replace(":", "")) for mac in macs)
        self._asking: dict[bytes, _Client] = {}
        self._leased: dict[str, str] = {}
        self._wanted = len(self._waiting)

    def run(self, until_s: float) -> dict[str, str]:
        while len(self._leased) < self._wanted:
            if time.monotonic() > until_s:
                raise TimeoutError(f"{self._wanted - len(self._leased)} of {self._wanted} clients got no address")
            self._ask_more()
            try:
                self._hear(self._wire.recv(2048))
            except TimeoutError:
                self._ask_again()
        return self._leased

    def _ask_more(self) -> None:
        while self._waiting and len(self._asking) < _IN_FLIGHT:
            mac = self._waiting.popleft()
            client = _Client(mac, self._wanted - len(self._waiting), time.monotonic())
            self._asking[mac] = client
            self._send(client)

    def _ask_again(self) -> None:
        for client in self._asking.values():
            if time.monotonic() - client.asked_s > _AGAIN_S:
                self._send(client)

    def _send(self, client: _Client) -> None:
        client.asked_s = time.monotonic()
        self._wire.send(_frame(client.mac, client.number, client.options))

    def _hear(self, frame: bytes) -> None:
        head = 14 + (frame[14] & 0x0F) * 4 + 8
        message = frame[head:]
        client = self._asking.get(message[28:34])
        if client is None or len(message) < 244 or message[0] != 2:
            return
        given, options = message[16:20], _options(message[240:])
        kind = options.get(53, b"\0")[0]
        if kind == _OFFER and client.options[2] == _DISCOVER:
            client.options = b"\x35\x01\x03" + b"\x32\x04" + given + b"\x36\x04" + options[54]
            self._send(client)
        elif kind == _NAK:
            # The server has offered one address to two.
            client.options = _ASK
            self._send(client)
        elif kind == _ACK:
            del self._asking[client.mac]
            self._leased[client.mac.hex(":")] = socket.inet_ntoa(given)


def _options(text: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(text) and text[at] != 255:
        if text[at]:
            found[text[at]] = text[at + 2 : at + 2 + text[at + 1]]
            at += 1 + text[at + 1]
        at += 1
    return found


def _frame(mac: bytes, number: int, options: bytes) -> bytes:
    """Make a broadcast whose answer is to be broadcast too."""
    bootp = struct.pack("!BBBBIHH16s6s10s192x4s", 1, 1, 6, 0, number, 0, 0x8000, b"", mac, b"", _COOKIE)
    message = (bootp + options + b"\xff").ljust(300, b"\0")
    udp = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\0" * 4, b"\xff" * 4)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return _BROADCAST + mac + _IPV4 + head[:10] + struct.pack("!H", checksum) + head[12:] + udp
