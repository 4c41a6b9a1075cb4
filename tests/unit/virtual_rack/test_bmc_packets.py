# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtual_rack.bmc.logins import SILENCE_S, Logins
from virtual_rack.bmc.packets import PRESENCE_PING, Kind, Packet, classify

SESSION = 0xA1B2C3D4


def rmcp_plus(payload_type: int, payload: bytes, *, session: int = 0) -> bytes:
    """Make an IPMI 2.0 packet."""
    head = bytes([0x06, 0x00, 0xFF, 0x07, 0x06, payload_type]) + session.to_bytes(4, "little") + bytes(4)
    return head + len(payload).to_bytes(2, "little") + payload


def log_in_step(payload_type: int, *, status: int = 0, rest: bytes = b"") -> bytes:
    return rmcp_plus(payload_type, bytes([0, status, 0, 0]) + SESSION.to_bytes(4, "little") + rest)


def rakp1(name: str) -> bytes:
    return log_in_step(0x12, rest=bytes(16) + bytes([0x14, 0, 0, len(name)]) + name.encode())


@pytest.mark.parametrize(
    ("raw", "packet"),
    [
        (PRESENCE_PING, Packet(Kind.OUTSIDE)),
        (rmcp_plus(0x10, bytes(32)), Packet(Kind.OPEN_REQUEST)),
        (log_in_step(0x11, status=0x11), Packet(Kind.OPEN_RESPONSE, SESSION, 0x11)),
        (rakp1("admin"), Packet(Kind.RAKP1, SESSION, username="admin")),
        (rakp1(""), Packet(Kind.RAKP1, SESSION)),
        (log_in_step(0x13, status=0x0D), Packet(Kind.RAKP2, SESSION, 0x0D)),
        (log_in_step(0x14), Packet(Kind.RAKP3, SESSION)),
        (log_in_step(0x15, status=0x0F), Packet(Kind.RAKP4, SESSION, 0x0F)),
        (rmcp_plus(0xC0, b"secret", session=5), Packet(Kind.IN_SESSION)),
        (rmcp_plus(0x00, b"hello"), Packet(Kind.OUTSIDE)),
        # IPMI 1.5: Get Channel Authentication Capabilities, and something in a session.
        (bytes.fromhex("0600ff07000000000000000000092018c88100388e04b5"), Packet(Kind.OUTSIDE)),
        (bytes.fromhex("0600ff07020000000001000000") + bytes(26), Packet(Kind.IN_SESSION)),
        (b"", Packet(Kind.UNKNOWN)),
        (b"\x06\x00\xff\x07\x06", Packet(Kind.UNKNOWN)),
        (rmcp_plus(0x12, bytes(5)), Packet(Kind.UNKNOWN)),
    ],
)
def test_a_packet_is_told_by_what_is_in_clear(raw: bytes, packet: Packet) -> None:
    assert classify(raw) == packet


@given(st.binary(max_size=80))
def test_no_packet_makes_it_stumble(rest: bytes) -> None:
    for raw in (rest, b"\x06\x00\xff\x07" + rest, b"\x06\x00\xff\x07\x06" + rest):
        classify(raw)


class Counted:
    """Log-ins with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.logins = Logins(monotonic_s=lambda: self.now_s)

    def client(self, kind: Kind, *, client: str = "c", session: int = 1, status: int = 0) -> None:
        self.logins.note_client(client, Packet(kind, session, status, "admin" if kind is Kind.RAKP1 else ""))

    def bmc(self, kind: Kind, *, client: str = "c", status: int = 0) -> None:
        self.logins.note_bmc(client, Packet(kind, 9, status))

    @property
    def counts(self) -> tuple[int, int]:
        return self.logins.total, self.logins.refused


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_a_log_in_counts_once_however_often_its_packets_are_repeated(counted: Counted) -> None:
    for _ in range(3):
        counted.client(Kind.OPEN_REQUEST)
        counted.client(Kind.RAKP1)
    counted.bmc(Kind.RAKP2)
    counted.client(Kind.RAKP3)
    counted.bmc(Kind.RAKP4)
    counted.now_s += 60
    assert counted.counts == (1, 0)
    assert counted.logins.users == {"admin": 1}


def test_an_unknown_user_is_refused_at_once(counted: Counted) -> None:
    counted.client(Kind.RAKP1)
    counted.bmc(Kind.RAKP2, status=0x0D)
    assert counted.counts == (1, 1)


def test_a_wrong_password_shows_by_the_clients_silence(counted: Counted) -> None:
    counted.client(Kind.RAKP1)
    counted.bmc(Kind.RAKP2)
    assert counted.counts == (1, 0)
    counted.now_s += SILENCE_S
    assert counted.counts == (1, 1)
    counted.logins.forget("c")
    assert counted.counts == (1, 1)


def test_a_client_that_tries_again_gave_up_the_attempt_before(counted: Counted) -> None:
    for session in (1, 2):
        counted.client(Kind.RAKP1, session=session)
        counted.bmc(Kind.RAKP2)
    assert counted.counts == (2, 1)


def test_a_client_may_say_that_the_password_was_wrong(counted: Counted) -> None:
    counted.client(Kind.RAKP1)
    counted.bmc(Kind.RAKP2)
    counted.client(Kind.RAKP3, status=0x0F)
    assert counted.counts == (1, 1)


def test_a_bmc_may_refuse_the_clients_proof(counted: Counted) -> None:
    counted.client(Kind.RAKP1)
    counted.bmc(Kind.RAKP2)
    counted.client(Kind.RAKP3)
    counted.bmc(Kind.RAKP4, status=0x0F)
    assert counted.counts == (1, 1)


def test_a_bmc_that_says_nothing_has_not_refused(counted: Counted) -> None:
    counted.client(Kind.RAKP1)
    counted.now_s += 60
    counted.logins.forget("c")
    assert counted.counts == (1, 0)


def test_clients_are_told_apart(counted: Counted) -> None:
    counted.client(Kind.RAKP1, client="a")
    counted.client(Kind.RAKP1, client="b")
    counted.bmc(Kind.RAKP2, client="a", status=0x0D)
    counted.bmc(Kind.RAKP2, client="nobody", status=0x0D)
    assert counted.counts == (2, 1)
