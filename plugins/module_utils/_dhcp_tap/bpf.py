# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's share of the work: a classic BPF program that lets only DHCP replies wake us.

It passes unfragmented IPv4 UDP from port 67 to 67 or 68 that says BOOTREPLY, with up to two VLAN tags in the frame (the
kernel usually takes the outer one off; `frame` reads it from PACKET_AUXDATA). A load past a packet's end ends a program
with 0, which drops the packet.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from dataclasses import dataclass

from .frame import CLIENT_PORT, ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4, MAX_TAGS, SERVER_PORT, TAG_BYTES, TAG_ETHERTYPES

# linux/bpf_common.h
LOAD_HALF, LOAD_BYTE = 0x28, 0x30  # A = packet[k]
LOAD_HALF_X, LOAD_BYTE_X = 0x48, 0x50  # A = packet[X + k]
LOAD_HEADER_LENGTH = 0xB1  # X = 4 * (packet[k] & 15)
AND = 0x54  # A &= k
JUMP_EQUAL, JUMP_ANY_BIT = 0x15, 0x45  # A == k, A & k; skip so many instructions if so, so many if not
RETURN = 0x06  # take k bytes of the packet, 0 drops it

_SO_ATTACH_FILTER = 26
_WHOLE_PACKET = 0x40000
_PASS, _DROP = "pass", "drop"


@dataclass(frozen=True)
class Instruction:
    """One `struct sock_filter` of linux/filter.h."""

    code: int
    k: int
    if_true: int = 0
    if_false: int = 0


@dataclass(frozen=True)
class _Test:
    """A jump whose ends are names yet; no name is the next instruction."""

    code: int
    k: int
    if_true: str = ""
    if_false: str = ""


def dhcp_replies() -> list[Instruction]:
    """Build the program that passes DHCP replies and drops all else."""
    lines: list[tuple[str, _Test]] = []
    for tags in range(MAX_TAGS + 1):
        lines += _ethertype(tags)
    for tags in range(MAX_TAGS + 1):
        lines += _reply(tags)
    lines += [(_PASS, _Test(RETURN, _WHOLE_PACKET)), (_DROP, _Test(RETURN, 0))]
    labels = {label: position for position, (label, _test) in enumerate(lines) if label}

    def skip(label: str, position: int) -> int:
        return labels[label] - position - 1 if label else 0

    return [
        Instruction(test.code, test.k, skip(test.if_true, position), skip(test.if_false, position))
        for position, (_label, test) in enumerate(lines)
    ]


def attach(to: socket.socket, program: list[Instruction]) -> None:
    """Let the kernel filter what the socket receives from here on. Raises OSError."""
    code = b"".join(struct.pack("=HBBI", line.code, line.if_true, line.if_false, line.k) for line in program)
    buffer = ctypes.create_string_buffer(code)
    to.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(buffer)))


def _ethertype(tags: int) -> list[tuple[str, _Test]]:
    """Behind so many tags: IPv4, one tag more, or nothing for us."""
    offset = ETHERNET_HEADER_BYTES - 2 + tags * TAG_BYTES
    tests = [_Test(JUMP_EQUAL, ETHERTYPE_IPV4, if_true=f"ip {tags}")]
    if tags < MAX_TAGS:
        tests += [_Test(JUMP_EQUAL, ethertype, if_true=f"tag {tags + 1}") for ethertype in TAG_ETHERTYPES]
    last = tests.pop()
    tests.append(_Test(last.code, last.k, last.if_true, if_false=_DROP))
    return [(f"tag {tags}", _Test(LOAD_HALF, offset)), *(("", test) for test in tests)]


def _reply(tags: int) -> list[tuple[str, _Test]]:
    ip = ETHERNET_HEADER_BYTES + tags * TAG_BYTES
    tests = [
        _Test(AND, 0xF0),
        _Test(JUMP_EQUAL, 0x40, if_false=_DROP),
        _Test(LOAD_BYTE, ip + 9),
        _Test(JUMP_EQUAL, socket.IPPROTO_UDP, if_false=_DROP),
        _Test(LOAD_HALF, ip + 6),
        _Test(JUMP_ANY_BIT, 0x3FFF, if_true=_DROP),  # a fragment
        _Test(LOAD_HEADER_LENGTH, ip),
        _Test(LOAD_HALF_X, ip),
        _Test(JUMP_EQUAL, SERVER_PORT, if_false=_DROP),
        _Test(LOAD_BYTE_X, ip + 8),
        _Test(JUMP_EQUAL, 2, if_false=_DROP),  # BOOTREPLY
        _Test(LOAD_HALF_X, ip + 2),
        _Test(JUMP_EQUAL, SERVER_PORT, if_true=_PASS),
        _Test(JUMP_EQUAL, CLIENT_PORT, if_true=_PASS, if_false=_DROP),
    ]
    return [(f"ip {tags}", _Test(LOAD_BYTE, ip)), *(("", test) for test in tests)]
