# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that runs in the kernel, run by an interpreter here."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap import bpf
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.bpf import Instruction, dhcp_replies
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.frame import Datagram, read_datagram
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.packets import (
    BAD,
    GOOD,
    REAL,
    Packet,
    damaged,
)

_PROGRAM = dhcp_replies()


def run(program: list[Instruction], frame: bytes) -> int:
    """Do what the kernel does: a load past the end ends the program with 0."""
    accumulator = index = position = 0
    while True:
        line = program[position]
        position += 1
        if line.code == bpf.RETURN:
            return line.k
        if line.code == bpf.AND:
            accumulator &= line.k
        elif line.code in (bpf.JUMP_EQUAL, bpf.JUMP_ANY_BIT):
            holds = accumulator == line.k if line.code == bpf.JUMP_EQUAL else bool(accumulator & line.k)
            position += line.if_true if holds else line.if_false
        else:
            offset = line.k + (index if line.code in (bpf.LOAD_HALF_X, bpf.LOAD_BYTE_X) else 0)
            size = 2 if line.code in (bpf.LOAD_HALF, bpf.LOAD_HALF_X) else 1
            if offset + size > len(frame):
                return 0
            loaded = int.from_bytes(frame[offset : offset + size], "big")
            if line.code == bpf.LOAD_HEADER_LENGTH:
                index = 4 * (loaded & 15)
            else:
                accumulator = loaded


def is_wanted(frame: bytes) -> bool:
    """Say the same in Python, by slices."""
    rest = frame[12:]
    for _tag in range(2):
        if rest[:2] in (b"\x81\x00", b"\x88\xa8", b"\x91\x00"):
            rest = rest[4:]
    ip = rest[2:]
    if rest[:2] != b"\x08\x00" or len(ip) < 20:
        return False
    udp = ip[(ip[0] & 15) * 4 :]
    return (
        ip[0] >> 4 == 4
        and ip[9] == 17
        and not int.from_bytes(ip[6:8], "big") & 0x3FFF
        and udp[:2] == b"\x00\x43"
        and udp[2:4] in (b"\x00\x43", b"\x00\x44")
        and udp[8:9] == b"\x02"
    )


@pytest.mark.parametrize("name", GOOD)
def test_the_filter_passes(name: str) -> None:
    assert run(_PROGRAM, GOOD[name][0].frame()) > 9216


@pytest.mark.parametrize("name", REAL)
def test_the_filter_passes_what_real_servers_send(name: str) -> None:
    assert run(_PROGRAM, REAL[name][0])


@pytest.mark.parametrize(
    "packet",
    [
        Packet(op=1),
        Packet(source_port=68, destination_port=67),
        Packet(destination_port=69),
        Packet(source_port=53, destination_port=68),
        Packet(protocol=6),
        Packet(fragment=0x2000),
        Packet(fragment=0x0010),
        Packet(ethertype=0x86DD),
        Packet(ip_version=6),
        Packet(tags=[(0x8100, 1)] * 3),
    ],
    ids=repr,
)
def test_the_filter_keeps_the_rest_from_waking_anybody(packet: Packet) -> None:
    assert run(_PROGRAM, packet.frame()) == 0


@given(st.binary(max_size=400))
def test_the_filter_agrees_with_plain_python_on_arbitrary_bytes(frame: bytes) -> None:
    assert bool(run(_PROGRAM, frame)) == is_wanted(frame)


def test_the_filter_agrees_with_plain_python_on_damaged_packets_and_never_drops_what_the_parser_sees() -> None:
    chance = random.Random(2)
    agreed = {True: 0, False: 0}
    for _time in range(20_000):
        frame = damaged(chance)
        wanted = is_wanted(frame)
        assert bool(run(_PROGRAM, frame)) == wanted
        datagram = read_datagram(frame)
        if isinstance(datagram, Datagram) and datagram.payload[:1] == b"\x02":
            assert wanted
        agreed[wanted] += 1
    assert min(agreed.values()) > 2_000


def test_the_program_is_one_that_the_kernel_accepts() -> None:
    assert len(_PROGRAM) <= 4096
    for position, line in enumerate(_PROGRAM):
        assert 0 <= line.if_true <= 255
        assert 0 <= line.if_false <= 255
        if line.code in (bpf.JUMP_EQUAL, bpf.JUMP_ANY_BIT):
            assert position + 1 + max(line.if_true, line.if_false) < len(_PROGRAM)
    assert _PROGRAM[-1] == replace(_PROGRAM[-1], code=bpf.RETURN, k=0)


def test_bad_packets_with_the_right_ports_are_left_to_the_parser() -> None:
    assert run(_PROGRAM, BAD["an option that runs past the end"][0])
