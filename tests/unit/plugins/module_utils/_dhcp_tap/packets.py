# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCP packets, good and bad: a generator, and what two real programs sent."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.frame import Reason
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting

OFFER, ACK, NAK = 2, 5, 6
MAC = "02:00:00:00:00:0a"
ACKED = ((53, bytes([ACK])), (54, bytes([192, 0, 2, 1])), (51, struct.pack("!I", 600)))


@dataclass(frozen=True)
class Packet:
    """A DHCP server's answer, layer by layer; what is not named is right."""

    options: Sequence[tuple[int, bytes]] = ACKED
    end: bytes = b"\xff"
    yiaddr: str = "192.0.2.10"
    giaddr: str = "0.0.0.0"
    chaddr: bytes = bytes.fromhex(MAC.replace(":", ""))
    op: int = 2
    htype: int = 1
    hlen: int = 6
    sname: bytes = b""
    file: bytes = b""
    cookie: bytes = bytes([99, 130, 83, 99])
    source_port: int = 67
    destination_port: int = 68
    udp_length: int | None = None
    ip_options: bytes = b""
    ip_version: int = 4
    ip_header_words: int | None = None
    ip_length: int | None = None
    fragment: int = 0
    protocol: int = 17
    tags: Sequence[tuple[int, int]] = ()  # ethertype and VLAN, the outermost first
    ethertype: int = 0x0800
    padding: bytes = b""

    def with_options(self, *options: tuple[int, bytes]) -> Packet:
        return replace(self, options=(*self.options, *options))

    def message(self) -> bytes:
        head = struct.pack("!BBBB", self.op, self.htype, self.hlen, 0) + b"\x5e\xed\x00\x01" + bytes(8)
        addresses = socket.inet_aton(self.yiaddr) + bytes(4) + socket.inet_aton(self.giaddr)
        fields = self.chaddr.ljust(16, b"\0") + self.sname.ljust(64, b"\0") + self.file.ljust(128, b"\0")
        return head + addresses + fields + self.cookie + tlv(self.options) + self.end

    def frame(self) -> bytes:
        return self.around(self.message())

    def around(self, message: bytes) -> bytes:
        """Give the frame that carries a message."""
        udp_length = len(message) + 8 if self.udp_length is None else self.udp_length
        udp = struct.pack("!HHHH", self.source_port, self.destination_port, udp_length, 0) + message
        words = 5 + len(self.ip_options) // 4 if self.ip_header_words is None else self.ip_header_words
        ip_length = 20 + len(self.ip_options) + len(udp) if self.ip_length is None else self.ip_length
        ip = struct.pack(
            "!BBHHHBBH4s4s",
            self.ip_version << 4 | words,
            0,
            ip_length,
            1,
            self.fragment,
            64,
            self.protocol,
            0,
            socket.inet_aton("192.0.2.1"),
            socket.inet_aton("255.255.255.255"),
        )
        tags = b"".join(struct.pack("!HH", ethertype, vlan) for ethertype, vlan in self.tags)
        link = b"\xff" * 6 + b"\x02\0\0\0\0\x01" + tags + struct.pack("!H", self.ethertype)
        return link + ip + self.ip_options + udp + self.padding


def tlv(options: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(bytes([code, len(content)]) + content for code, content in options)


SEEN = Sighting(mac=MAC, ip="192.0.2.10", lease_s=600, server="192.0.2.1")
BARE = replace(SEEN, lease_s=None, server=None)

# What a tap must see, and as what.
GOOD: dict[str, tuple[Packet, Sighting]] = {
    "an acknowledgement to a client": (Packet(), SEEN),
    "one to a relay": (
        Packet(destination_port=67, giaddr="192.0.2.2").with_options((82, tlv([(1, b"Eth1/4"), (2, b"\0\xff")]))),
        replace(SEEN, relay="192.0.2.2", circuit_id=b"Eth1/4".hex(), remote_id="00ff"),
    ),
    "one that a relay forwards": (Packet(giaddr="192.0.2.2"), replace(SEEN, relay="192.0.2.2")),
    "IP options": (Packet(ip_options=b"\x94\x04\0\0"), SEEN),
    "the longest IP header": (Packet(ip_options=b"\1" * 40), SEEN),
    "padding of the frame": (Packet(padding=bytes(18)), SEEN),
    "a VLAN tag": (Packet(tags=[(0x8100, 12)]), replace(SEEN, vlan=12)),
    "two VLAN tags": (Packet(tags=[(0x88A8, 100), (0x8100, 12)]), replace(SEEN, vlan=12)),
    "a tag with a priority and a VLAN": (Packet(tags=[(0x8100, 0xE00C)]), replace(SEEN, vlan=12)),
    "a tag with a priority alone": (Packet(tags=[(0x8100, 0xE000)]), SEEN),
    "no END": (Packet(end=b""), SEEN),
    "pads between options": (
        Packet(options=((53, b"\5"),), end=b"\0\0\0\xff"),
        BARE,
    ),
    "what follows END": (Packet(end=b"\xff" + b"\x35\x01\x02"), SEEN),
    "options in file": (
        Packet(options=((52, b"\1"), (51, b"\0\0\2\x58")), file=tlv([(53, b"\5"), (54, b"\xc0\0\2\1")]) + b"\xff"),
        SEEN,
    ),
    "options in sname": (
        Packet(options=((52, b"\2"), (53, b"\5"), (51, b"\0\0\2\x58")), sname=tlv([(54, b"\xc0\0\2\1")]) + b"\xff"),
        SEEN,
    ),
    "an option split over options, file and sname": (
        Packet(sname=tlv([(12, b"three")]), file=tlv([(12, b"two-")])).with_options((52, b"\3"), (12, b"one-")),
        replace(SEEN, hostname="one-two-three"),
    ),
    "a host name": (Packet().with_options((12, b"BMC-1.rack2.example")), replace(SEEN, hostname="bmc-1")),
    "a vendor class": (
        Packet().with_options((60, b"PXEClient:7")),
        replace(SEEN, vendor_class="PXEClient:7"),
    ),
    "a malformed relay option": (Packet().with_options((82, b"\1\x20short")), SEEN),
    "a lease time of a wrong length": (
        Packet(options=((53, b"\5"), (51, b"\1"))),
        BARE,
    ),
    "an endless lease": (
        Packet(options=((53, b"\5"), (51, b"\xff" * 4))),
        replace(BARE, lease_s=2**32 - 1),
    ),
}

# What holds no sighting, and why.
BAD: dict[str, tuple[bytes, Reason]] = {
    "nothing": (b"", Reason.SHORT_FRAME),
    "half an Ethernet header": (Packet().frame()[:13], Reason.SHORT_FRAME),
    "half a tag": (Packet(tags=[(0x8100, 12)]).frame()[:16], Reason.SHORT_FRAME),
    "half an IP header": (Packet().frame()[:30], Reason.SHORT_FRAME),
    "three tags": (Packet(tags=[(0x8100, 1)] * 3).frame(), Reason.NOT_IPV4),
    "IPv6": (Packet(ethertype=0x86DD).frame(), Reason.NOT_IPV4),
    "another version under IPv4's ethertype": (Packet(ip_version=6).frame(), Reason.NOT_IPV4),
    "an IP header that is too short": (Packet(ip_header_words=4).frame(), Reason.BAD_IP_LENGTH),
    "an IP header longer than the packet": (Packet(ip_length=20, ip_header_words=15).frame(), Reason.BAD_IP_LENGTH),
    "a packet longer than its frame": (Packet().frame()[:-1], Reason.BAD_IP_LENGTH),
    "a first fragment": (Packet(fragment=0x2000).frame(), Reason.FRAGMENT),
    "a later fragment": (Packet(fragment=0x0010).frame(), Reason.FRAGMENT),
    "TCP": (Packet(protocol=6).frame(), Reason.NOT_UDP),
    "no room for UDP": (Packet(ip_length=24).frame(), Reason.BAD_UDP_LENGTH),
    "UDP longer than its packet": (Packet(udp_length=5000).frame(), Reason.BAD_UDP_LENGTH),
    "UDP shorter than its header": (Packet(udp_length=7).frame(), Reason.BAD_UDP_LENGTH),
    "a client's packet": (Packet(source_port=68, destination_port=67).frame(), Reason.NOT_DHCP_PORTS),
    "another port": (Packet(destination_port=69).frame(), Reason.NOT_DHCP_PORTS),
    "UDP that ends within BOOTP": (Packet(udp_length=8 + 239).frame(), Reason.SHORT_BOOTP),
    "a request": (Packet(op=1).frame(), Reason.NOT_A_REPLY),
    "another hardware type": (Packet(htype=32).frame(), Reason.NOT_ETHERNET_CLIENT),
    "another hardware length": (Packet(hlen=16).frame(), Reason.NOT_ETHERNET_CLIENT),
    "no MAC address": (Packet(chaddr=bytes(6)).frame(), Reason.BAD_MAC),
    "a group's MAC address": (Packet(chaddr=b"\xff" * 6).frame(), Reason.BAD_MAC),
    "plain BOOTP": (Packet(cookie=bytes(4)).frame(), Reason.NO_COOKIE),
    "no options": (Packet(options=(), end=b"").frame(), Reason.BAD_MESSAGE_TYPE),
    "no message type": (Packet(options=((51, b"\0\0\2\x58"),)).frame(), Reason.BAD_MESSAGE_TYPE),
    "two message types": (Packet(options=((53, b"\5"), (53, b"\2"))).frame(), Reason.BAD_MESSAGE_TYPE),
    "an empty message type": (Packet(options=((53, b""),)).frame(), Reason.BAD_MESSAGE_TYPE),
    "an offer": (Packet(options=((53, bytes([OFFER])),)).frame(), Reason.NOT_AN_ACK),
    "a refusal": (Packet(options=((53, bytes([NAK])),)).frame(), Reason.NOT_AN_ACK),
    "an option that runs past the end": (Packet(end=b"\x0c\x20name").frame(), Reason.TRUNCATED_OPTION),
    "an option without a length": (Packet(end=b"\x0c").frame(), Reason.TRUNCATED_OPTION),
    "an option that runs past file into the cookie": (
        Packet(file=bytes(126) + b"\x0c\x08").with_options((52, b"\1")).frame(),
        Reason.TRUNCATED_OPTION,
    ),
    "an option that runs past sname into file": (
        Packet(sname=bytes(60) + b"\x0c\x08ab").with_options((52, b"\2")).frame(),
        Reason.TRUNCATED_OPTION,
    ),
    "an unknown overload": (Packet().with_options((52, b"\4")).frame(), Reason.BAD_OVERLOAD),
    "a long overload": (Packet().with_options((52, b"\1\1")).frame(), Reason.BAD_OVERLOAD),
    "the answer to a DHCPINFORM": (Packet(yiaddr="0.0.0.0").frame(), Reason.NO_ADDRESS),
    "a loopback address": (Packet(yiaddr="127.0.0.1").frame(), Reason.BAD_ADDRESS),
    "a group's address": (Packet(yiaddr="224.0.0.1").frame(), Reason.BAD_ADDRESS),
    "the broadcast address": (Packet(yiaddr="255.255.255.255").frame(), Reason.BAD_ADDRESS),
}

_ZEROS = "00" * 192
# dnsmasq 2.90 to udhcpc 1.35, directly and by way of dhcrelay 4.4.3, caught on the server's interface.
REAL: dict[str, tuple[bytes, Sighting]] = {
    "dnsmasq to a client": (
        bytes.fromhex(
            "0216f40b078e5ec6add82ba9080045c001480821000040115c500a3400010a34000c00430044013415ba"
            "020106008f0ea06800000000000000000a34000c0a340001000000000216f40b078e00000000000000000000" + _ZEROS + "6382"
            "5363350105"
            "36040a3400013304000002583a040000012c3b040000020d0104ffffff001c"
            "040a3400ff03040a3400010c07424d435f4f6e65ff0000000000"
        ),
        Sighting(mac="02:16:f4:0b:07:8e", ip="10.52.0.12", hostname="bmc-one", lease_s=600, server="10.52.0.1"),
    ),
    "dnsmasq to dhcrelay": (
        bytes.fromhex(
            "7aafa8ddb2b3022f61aa96cf080045c00149c43e00004011a03f0a3200010a33000100430043013515ad"
            "020106014656582100010000000000000a3300100a3200010a330001ce036e643b9100000000000000000000" + _ZEROS + "6382"
            "5363350105"
            "36040a3200013304000002583a040000012c3b040000020d0104ffffff001c040a3300"
            "ff03040a3300010c0772656c61796564520401027231ff"
        ),
        Sighting(
            mac="ce:03:6e:64:3b:91",
            ip="10.51.0.16",
            hostname="relayed",
            relay="10.51.0.1",
            circuit_id=b"r1".hex(),
            lease_s=600,
            server="10.50.0.1",
        ),
    ),
}


def corpus() -> list[bytes]:
    """Every frame above, good, bad and real."""
    return [
        *(packet.frame() for packet, _seen in GOOD.values()),
        *(frame for frame, _reason in BAD.values()),
        *(frame for frame, _seen in REAL.values()),
    ]


_CORPUS = corpus()
_MESSAGES = [packet.message() for packet, _seen in GOOD.values()]


def mutate(frame: bytes, chance: random.Random) -> bytes:
    """Damage a frame: bits, bytes, lengths, cuts, insertions, repetitions."""
    damaged = bytearray(frame)
    for _time in range(chance.choice((1, 1, 2, 4, 16))):
        where = chance.randrange(len(damaged) + 1)
        how = chance.randrange(6)
        if how == 0 and where < len(damaged):
            damaged[where] ^= 1 << chance.randrange(8)
        elif how == 1 and where < len(damaged):
            damaged[where] = chance.choice((0, 1, 2, 5, 52, 53, 82, 127, 128, 254, 255))
        elif how == 2:
            del damaged[where:]
        elif how == 3:
            damaged[where:where] = chance.randbytes(chance.randrange(1, 8))
        elif how == 4:
            del damaged[where : where + chance.randrange(1, 8)]
        else:
            damaged += damaged[where : where + 300]
    return bytes(damaged[:9216])


def damaged(chance: random.Random) -> bytes:
    """Draw a damaged frame: one with damage anywhere, or a right one around a message that is damaged."""
    if chance.randrange(2):
        return mutate(chance.choice(_CORPUS), chance)
    message = chance.choice(_MESSAGES)
    kept = chance.choice((0, 28, 236, 240, 243))
    return Packet().around(message[:kept] + mutate(message[kept:], chance))


def write_pcap(path: Path, frames: Iterable[bytes]) -> None:
    """Write frames to look at with other tools (pcap 2.4, Ethernet)."""
    parts = [struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for second, frame in enumerate(frames):
        parts += [struct.pack("=IIII", second, 0, len(frame), len(frame)), frame]
    path.write_bytes(b"".join(parts))
