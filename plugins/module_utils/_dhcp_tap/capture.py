# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Raw sockets on Ethernet interfaces. All it takes is CAP_NET_RAW."""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass

from .bpf import attach, dhcp_replies
from .frame import read_vlan

# linux/if_packet.h, linux/if_ether.h, linux/if_arp.h
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_AUXDATA = 263, 6, 8
_ETH_P_ALL = 0x0003  # only this shows what the host itself sends, such as the replies of its own DHCP server
_ETHERNET_LIKE = (1, 772)  # ARPHRD_ETHER, ARPHRD_LOOPBACK
_STATISTICS = struct.Struct("II")  # packets, drops; reading sets them to 0

_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024  # the kernel gives what net.core.rmem_max allows
_LONGEST_FRAME = 9216
_ROOM_FOR_AUXDATA = socket.CMSG_SPACE(20)


@dataclass(frozen=True)
class Captured:
    """A frame, and the VLAN whose tag the kernel took off it."""

    frame: bytes
    vlan: int | None


class Capture:
    """An open tap on one interface."""

    def __init__(self, interface: str, opened: socket.socket) -> None:
        self.interface = interface
        self._socket = opened

    def fileno(self) -> int:
        """Give the file descriptor to wait for."""
        return self._socket.fileno()

    def read(self, most: int) -> list[Captured]:
        """Take up to `most` frames, without waiting for any. Raises OSError once the interface is down or gone."""
        captured: list[Captured] = []
        while len(captured) < most:
            try:
                frame, ancillary, _flags, _source = self._socket.recvmsg(_LONGEST_FRAME, _ROOM_FOR_AUXDATA)
            except BlockingIOError:
                break
            captured.append(Captured(frame, _vlan(ancillary)))
        return captured

    def drops(self) -> int:
        """Count the packets that the kernel had no room for since the last call. Raises OSError."""
        _packets, drops = _STATISTICS.unpack(self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size))
        return int(drops)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def open_capture(interface: str) -> Capture:
    """Open a tap on an interface that is up. Raises OSError: no such interface, not Ethernet, no CAP_NET_RAW."""
    # A socket of protocol 0 receives nothing until it is bound: no packet gets in before the filter.
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        opened.setblocking(False)
        attach(opened, dhcp_replies())
        opened.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        opened.bind((interface, _ETH_P_ALL))
        _refuse(opened)
    except OSError:
        opened.close()
        raise
    return Capture(interface, opened)


def _refuse(opened: socket.socket) -> None:
    """Raise OSError for an interface that can't be used. One that is down can be bound, and reports it afterwards."""
    if opened.getsockname()[3] not in _ETHERNET_LIKE:
        raise OSError(errno.EPROTONOSUPPORT, "not an Ethernet interface")
    pending = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if pending:
        raise OSError(pending, os.strerror(pending))


def _vlan(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, content in ancillary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
            return read_vlan(content)
    return None
