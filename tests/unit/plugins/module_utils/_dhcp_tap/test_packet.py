# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random
import struct
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.frame import Reason, Rejected, read_vlan
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.packet import (
    clean_hostname,
    clean_text,
    read_frame,
    read_message,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.packets import (
    BAD,
    GOOD,
    REAL,
    SEEN,
    Packet,
    damaged,
)

_MUTATIONS = 50_000


@pytest.mark.parametrize("name", GOOD)
def test_an_acknowledgement_is_seen_with(name: str) -> None:
    packet, seen = GOOD[name]
    assert read_frame(packet.frame()) == seen


@pytest.mark.parametrize("name", BAD)
def test_no_machine_is_seen_in(name: str) -> None:
    frame, reason = BAD[name]
    assert read_frame(frame) == Rejected(reason)


@pytest.mark.parametrize("name", REAL)
def test_what_real_servers_send_is_seen(name: str) -> None:
    frame, seen = REAL[name]
    assert read_frame(frame) == seen


def test_every_reason_to_reject_a_frame_occurs() -> None:
    assert {reason for _frame, reason in BAD.values()} == set(Reason)


def test_the_kernels_tag_is_the_outer_one() -> None:
    assert read_frame(Packet().frame(), vlan=7) == replace(SEEN, vlan=7)
    assert read_frame(Packet(tags=[(0x8100, 12)]).frame(), vlan=7) == replace(SEEN, vlan=12)
    assert read_frame(Packet(tags=[(0x8100, 0)]).frame(), vlan=7) == replace(SEEN, vlan=7)


@pytest.mark.parametrize(
    ("status", "tag", "vlan"),
    [(0x51, 12, 12), (0x51, 0xE00C, 12), (0x51, 0xE000, None), (0x01, 12, None)],
)
def test_the_vlan_is_read_from_what_the_kernel_tells_beside_the_frame(status: int, tag: int, vlan: int | None) -> None:
    assert read_vlan(struct.pack("=IIIHHHH", status, 300, 300, 0, 14, tag, 0x8100)) == vlan


def test_too_little_beside_the_frame_is_no_vlan() -> None:
    assert read_vlan(b"\xff" * 19) is None


@pytest.mark.parametrize(
    ("given_name", "label"),
    [
        (b"node1", "node1"),
        (b"Node1.example.org", "node1"),
        (b"node1\0", "node1"),
        (b"iLO_MXQ1", "ilo-mxq1"),
        (b"-a-", "a"),
        (b"", ""),
        (b"...", ""),
        (b"\xc3\xa9t\xc3\xa9", "t"),
        (b"{{ lookup('pipe', 'id') }}", "lookup-pipe-id"),
        (b"a\nevent=forged", "a-event-forged"),
        (b"x" * 255, "x" * 63),
    ],
)
def test_a_host_name_is_made_a_label(given_name: bytes, label: str) -> None:
    assert clean_hostname(given_name) == label


@given(st.binary(max_size=300))
def test_a_cleaned_host_name_is_empty_or_a_label_of_rfc_1123(name: bytes) -> None:
    label = clean_hostname(name)
    assert len(label) <= 63
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not label.startswith("-")
    assert not label.endswith("-")


@given(st.binary(max_size=300))
def test_a_cleaned_text_is_short_and_means_nothing_to_templates_shells_and_logs(text: bytes) -> None:
    cleaned = clean_text(text)
    assert len(cleaned) <= 64
    assert cleaned.isprintable()
    assert not set(cleaned) & set("{}%#$`'\"\\;|&<>\n\r\0")


def is_sound(sighting: Sighting) -> bool:
    """Whatever the bytes were: bounded, and of the promised types."""
    sizes = [len(text) for text in asdict(sighting).values() if isinstance(text, str)]
    return len(sighting.mac) == 17 and 7 <= len(sighting.ip) <= 15 and max(sizes) <= 510


@given(st.binary(max_size=700))
def test_arbitrary_bytes_as_a_frame_are_answered_with_a_value(frame: bytes) -> None:
    assert isinstance(read_frame(frame), Rejected)


@given(st.binary(max_size=400), st.binary(max_size=64), st.binary(max_size=128))
def test_arbitrary_options_are_answered_with_a_value(options: bytes, sname: bytes, file: bytes) -> None:
    for first in (b"\x35\x01\x05", b"\x35\x01\x05\x34\x01\x03"):
        outcome = read_message(Packet(options=(), end=first + options, sname=sname, file=file).message())
        assert isinstance(outcome, Rejected) or is_sound(outcome)


def test_fifty_thousand_damaged_packets_are_answered_with_a_value() -> None:
    chance = random.Random(1)
    seen = 0
    for _time in range(_MUTATIONS):
        outcome = read_frame(damaged(chance))
        if isinstance(outcome, Sighting):
            assert is_sound(outcome)
            seen += 1
    assert _MUTATIONS / 50 < seen < _MUTATIONS / 2, "damage reaches all layers and spares some packets"
