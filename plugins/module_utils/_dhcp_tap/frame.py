# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From an Ethernet frame to the UDP datagram in it.

The bytes come from any machine on the network: whatever they are, the result is a value, never an exception.

Checksums are not looked at: those of packets that this host sends are often filled in by its network card, after the
kernel has shown the packet to us.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

ETHERTYPE_IPV4 = 0x0800
TAG_ETHERTYPES = (0x8100, 0x88A8, 0x9100)  # 802.1Q, 802.1ad, and what switches used before 802.1ad
MAX_TAGS = 2
ETHERNET_HEADER_BYTES = 14
TAG_BYTES = 4
SERVER_PORT, CLIENT_PORT = 67, 68
_UDP = 17
_UDP_HEADER_BYTES = 8
_FRAGMENT = 0x3FFF  # more fragments, or an offset
_VLAN_ID = 0x0FFF

_AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata in linux/if_packet.h
_TP_STATUS_VLAN_VALID = 1 << 4


class Reason(Enum):
    """Why a frame holds no sighting. The value is its name in counters and logs."""

    NOT_IPV4 = "not_ipv4"
    NOT_UDP = "not_udp"
    NOT_DHCP_PORTS = "not_dhcp_ports"
    FRAGMENT = "fragment"
    SHORT_FRAME = "short_frame"
    BAD_IP_LENGTH = "bad_ip_length"
    BAD_UDP_LENGTH = "bad_udp_length"
    SHORT_BOOTP = "short_bootp"
    NOT_A_REPLY = "not_a_reply"
    NOT_ETHERNET_CLIENT = "not_ethernet_client"
    BAD_MAC = "bad_mac"
    NO_COOKIE = "no_cookie"
    TRUNCATED_OPTION = "truncated_option"
    BAD_OVERLOAD = "bad_overload"
    BAD_MESSAGE_TYPE = "bad_message_type"
    NOT_AN_ACK = "not_an_ack"
    NO_ADDRESS = "no_address"  # the acknowledgement of a DHCPINFORM: it gives no lease
    BAD_ADDRESS = "bad_address"


@dataclass(frozen=True)
class Rejected:
    """A frame without a sighting."""

    reason: Reason


@dataclass(frozen=True)
class Datagram:
    """A UDP datagram between DHCP ports, and the VLAN it came from."""

    payload: bytes
    source_port: int
    destination_port: int
    vlan: int | None


def read_vlan(auxdata: bytes) -> int | None:
    """Read from PACKET_AUXDATA the VLAN whose tag the kernel has taken off the frame; None without one (packet(7))."""
    if len(auxdata) < _AUXDATA.size:
        return None
    status, _length, _captured, _link, _network, tag, _ethertype = _AUXDATA.unpack_from(auxdata)
    return (tag & _VLAN_ID or None) if status & _TP_STATUS_VLAN_VALID else None


def read_datagram(frame: bytes, *, vlan: int | None = None) -> Datagram | Rejected:
    """Take the DHCP datagram out of a frame; `vlan` is the one of the tag that the kernel took off.

    The innermost VLAN is the one the machine is in. A VLAN of 0 is a priority, not a VLAN.
    """
    start = ETHERNET_HEADER_BYTES
    if len(frame) < start:
        return Rejected(Reason.SHORT_FRAME)
    ethertype = _u16(frame, 12)
    tags = 0
    while ethertype in TAG_ETHERTYPES and tags < MAX_TAGS:
        if len(frame) < start + TAG_BYTES:
            return Rejected(Reason.SHORT_FRAME)
        vlan = _u16(frame, start) & _VLAN_ID or vlan
        ethertype = _u16(frame, start + 2)
        start += TAG_BYTES
        tags += 1
    if ethertype != ETHERTYPE_IPV4:
        return Rejected(Reason.NOT_IPV4)
    return _read_ip(frame[start:], vlan)


def _read_ip(packet: bytes, vlan: int | None) -> Datagram | Rejected:
    if len(packet) < 20:
        return Rejected(Reason.SHORT_FRAME)
    header_bytes, total_bytes = (packet[0] & 0x0F) * 4, _u16(packet, 2)
    if packet[0] >> 4 != 4:
        return Rejected(Reason.NOT_IPV4)
    # A frame may be longer than its packet (Ethernet pads), a packet never longer than its frame.
    if not 20 <= header_bytes <= total_bytes <= len(packet):
        return Rejected(Reason.BAD_IP_LENGTH)
    if _u16(packet, 6) & _FRAGMENT:
        return Rejected(Reason.FRAGMENT)
    if packet[9] != _UDP:
        return Rejected(Reason.NOT_UDP)
    return _read_udp(packet[header_bytes:total_bytes], vlan)


def _read_udp(datagram: bytes, vlan: int | None) -> Datagram | Rejected:
    if len(datagram) < _UDP_HEADER_BYTES:
        return Rejected(Reason.BAD_UDP_LENGTH)
    source_port, destination_port, length = struct.unpack_from("!HHH", datagram)
    if source_port != SERVER_PORT or destination_port not in (SERVER_PORT, CLIENT_PORT):
        return Rejected(Reason.NOT_DHCP_PORTS)
    if not _UDP_HEADER_BYTES <= length <= len(datagram):
        return Rejected(Reason.BAD_UDP_LENGTH)
    return Datagram(datagram[_UDP_HEADER_BYTES:length], source_port, destination_port, vlan)


def _u16(source: bytes, offset: int) -> int:
    return source[offset] << 8 | source[offset + 1]
