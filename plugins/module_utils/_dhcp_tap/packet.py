# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From a frame to the sighting in it: BOOTP (RFC 951), DHCP (RFC 2131, 2132), option 82 (RFC 3046).

Only acknowledgements count, to clients and to relays. What the lease itself needs must be right, or the packet is
rejected as a whole; what is only additional (names, relays' identifiers) is left out where it is malformed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

from .frame import Reason, Rejected, read_datagram
from .sighting import Sighting

_REPLY, _ETHERNET, _ACK = 2, 1, 5
_SNAME, _FILE, _COOKIE, _OPTIONS = slice(44, 108), slice(108, 236), slice(236, 240), slice(240, None)
_MAGIC = bytes([99, 130, 83, 99])
_PAD, _HOST_NAME, _LEASE_TIME, _OVERLOAD, _MESSAGE_TYPE = 0, 12, 51, 52, 53
_SERVER, _VENDOR_CLASS, _RELAY_AGENT, _END = 54, 60, 82, 255
_CIRCUIT_ID, _REMOTE_ID = 1, 2
_OVERLOADED = {b"": (), b"\1": (_FILE,), b"\2": (_SNAME,), b"\3": (_FILE, _SNAME)}  # RFC 3396: in this order

_LONGEST_LABEL = 63
_LONGEST_TEXT = 64
_NO_LABEL = re.compile("[^a-z0-9]+")
# No braces, quotes or percent signs: foreign text meets templates and shells later.
_NO_TEXT = re.compile("[^A-Za-z0-9 ,._:/+-]")

Options = Mapping[int, bytes]


def read_frame(frame: bytes, *, vlan: int | None = None, interface: str = "") -> Sighting | Rejected:
    """Read which machine got which address, or why the frame does not say so. Never raises, whatever the bytes."""
    datagram = read_datagram(frame, vlan=vlan)
    if isinstance(datagram, Rejected):
        return datagram
    return read_message(datagram.payload, vlan=datagram.vlan, interface=interface)


def read_message(message: bytes, *, vlan: int | None = None, interface: str = "") -> Sighting | Rejected:
    """Read a DHCP message, as UDP carries it. Never raises."""
    refusal = _why_not_a_lease(message)
    if refusal is not None:
        return Rejected(refusal)
    options = read_options(message)
    if isinstance(options, Rejected):
        return options
    refusal = _why_not_an_ack(message, options)
    if refusal is not None:
        return Rejected(refusal)
    agent = read_suboptions(options.get(_RELAY_AGENT, b""))
    return Sighting(
        mac=":".join(f"{byte:02x}" for byte in message[28:34]),
        ip=_dotted(message[16:20]),
        hostname=clean_hostname(options.get(_HOST_NAME, b"")),
        relay=_address(message[24:28]),
        circuit_id=agent.get(_CIRCUIT_ID, b"").hex(),
        remote_id=agent.get(_REMOTE_ID, b"").hex(),
        vlan=vlan,
        lease_s=_seconds(options.get(_LEASE_TIME, b"")),
        vendor_class=clean_text(options.get(_VENDOR_CLASS, b"")),
        server=_address(options.get(_SERVER, b"")),
        interface=interface,
    )


def read_options(message: bytes) -> Options | Rejected:
    """Collect the options, those in overloaded fields too; pieces of one option are joined (RFC 3396)."""
    found: dict[int, bytearray] = {}
    if not _collect(message[_OPTIONS], found):
        return Rejected(Reason.TRUNCATED_OPTION)
    overloaded = _OVERLOADED.get(bytes(found.get(_OVERLOAD, b"")))
    if overloaded is None:
        return Rejected(Reason.BAD_OVERLOAD)
    for part in overloaded:
        if not _collect(message[part], found):
            return Rejected(Reason.TRUNCATED_OPTION)
    return {code: bytes(value) for code, value in found.items()}


def read_suboptions(option: bytes) -> Options:
    """Read the suboptions of option 82; nothing where they are malformed."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset < len(option):
        end = offset + 2 + option[offset + 1] if offset + 1 < len(option) else len(option) + 1
        if end > len(option):
            return {}
        found.setdefault(option[offset], option[offset + 2 : end])
        offset = end
    return found


def clean_hostname(name: bytes) -> str:
    """Make a host name's first label one of RFC 1123; what has no place in one becomes a hyphen.

    The rule is that of `_values/hostname`, which the tap can't import because it runs alone; a test compares the two.
    """
    label = name.split(b"\0")[0].split(b".")[0].decode("ascii", errors="replace").lower()
    return _NO_LABEL.sub("-", label)[:_LONGEST_LABEL].strip("-")


def clean_text(text: bytes) -> str:
    """Make foreign text safe to show and to template: plain, at most 64 characters, question marks for all else."""
    return _NO_TEXT.sub("?", text[:_LONGEST_TEXT].rstrip(b"\0").decode("ascii", errors="replace"))


def _why_not_a_lease(message: bytes) -> Reason | None:
    if len(message) < _COOKIE.stop:
        return Reason.SHORT_BOOTP
    if message[0] != _REPLY:
        return Reason.NOT_A_REPLY
    if message[1] != _ETHERNET or message[2] != 6:
        return Reason.NOT_ETHERNET_CLIENT
    # The lowest bit of the first byte makes a group's address.
    if message[28] & 1 or not any(message[28:34]):
        return Reason.BAD_MAC
    if message[_COOKIE] != _MAGIC:
        return Reason.NO_COOKIE
    return None


def _why_not_an_ack(message: bytes, options: Options) -> Reason | None:
    kind = options.get(_MESSAGE_TYPE, b"")
    if len(kind) != 1:
        return Reason.BAD_MESSAGE_TYPE
    if kind[0] != _ACK:
        return Reason.NOT_AN_ACK
    address = message[16:20]
    if not any(address):
        return Reason.NO_ADDRESS
    # "This" network, loopback, multicast, reserved and broadcast: no lease.
    if address[0] in (0, 127) or address[0] >= 224:
        return Reason.BAD_ADDRESS
    return None


def _collect(area: bytes, found: dict[int, bytearray]) -> bool:
    """Add the options of one area; false where one runs past its end. An area that ends without END has ended."""
    offset, length = 0, len(area)
    while offset < length:
        code = area[offset]
        if code == _END:
            break
        if code == _PAD:
            offset += 1
            continue
        end = offset + 2 + area[offset + 1] if offset + 1 < length else length + 1
        if end > length:
            return False
        found.setdefault(code, bytearray()).extend(area[offset + 2 : end])
        offset = end
    return True


def _seconds(option: bytes) -> int | None:
    return struct.unpack("!I", option)[0] if len(option) == 4 else None


def _address(four: bytes) -> str | None:
    return _dotted(four) if len(four) == 4 and any(four) else None


def _dotted(four: bytes) -> str:
    return ".".join(map(str, four))
