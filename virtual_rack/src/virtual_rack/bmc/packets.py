# SPDX-License-Identifier: GPL-3.0-or-later
"""What an RMCP packet is, as far as it can be told without its session's keys (IPMI 2.0, chapter 13)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_RMCP_PLUS = 0x06
_CLASS_ASF, _CLASS_IPMI = 0x06, 0x07
_HEADER, _PAYLOAD = 4, 16
_NAME_LENGTH, _NAME = 27, 28
# Presence ping: RMCP header, then the ASF enterprise number, type 0x80, tag, reserved, no data.
PRESENCE_PING = bytes.fromhex("0600ff06 000011be 80000000")


class Kind(Enum):
    """The step of a conversation that a packet is."""

    OPEN_REQUEST = 0x10
    OPEN_RESPONSE = 0x11
    RAKP1 = 0x12
    RAKP2 = 0x13
    RAKP3 = 0x14
    RAKP4 = 0x15
    IN_SESSION = -1
    OUTSIDE = -2  # before a session, or presence
    UNKNOWN = -3


_LOG_IN = {kind.value: kind for kind in Kind if kind.value > 0}
# What each step holds at least, so that reading it never fails.
_AT_LEAST = {Kind.RAKP1: _NAME, Kind.OPEN_REQUEST: 8}


@dataclass(frozen=True)
class Packet:
    """A classified packet. `session` is the id that a log-in step names, `status` 0 what went well."""

    kind: Kind
    session: int = 0
    status: int = 0
    username: str = ""


def classify(raw: bytes) -> Packet:
    """Tell what a packet is; anything that is not understood is UNKNOWN."""
    if len(raw) < _PAYLOAD - 2 and raw[3:4] != bytes([_CLASS_ASF]):
        return Packet(Kind.UNKNOWN)
    if raw[3] & 0x1F == _CLASS_ASF:
        return Packet(Kind.OUTSIDE)
    if raw[3] & 0x1F != _CLASS_IPMI:
        return Packet(Kind.UNKNOWN)
    if raw[_HEADER] != _RMCP_PLUS:
        return Packet(Kind.IN_SESSION if any(raw[9:13]) else Kind.OUTSIDE)
    kind = _LOG_IN.get(raw[5] & 0x3F)
    if kind is not None:
        return _log_in_step(kind, raw[_PAYLOAD:])
    return Packet(Kind.IN_SESSION if any(raw[6:10]) else Kind.OUTSIDE)


def _log_in_step(kind: Kind, payload: bytes) -> Packet:
    if len(payload) < _AT_LEAST.get(kind, 2):
        return Packet(Kind.UNKNOWN)
    session = int.from_bytes(payload[4:8], "little")
    if kind is Kind.RAKP1:
        name = payload[_NAME : _NAME + payload[_NAME_LENGTH]]
        return Packet(kind, session, username=name.decode("latin-1"))
    return Packet(kind, session, status=0 if kind is Kind.OPEN_REQUEST else payload[1])
