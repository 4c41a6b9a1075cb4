# SPDX-License-Identifier: GPL-3.0-or-later
"""A BMC's side of RMCP+ (IPMI 2.0, chapter 13), packet in, packets out: cipher suite 3, one session."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

_RMCP = b"\x06\x00\xff\x07"
OPEN, RAKP1, RAKP3 = 0x10, 0x12, 0x14
_SHA1 = 1
SET_PRIVILEGE, CLOSE_SESSION = (6, 0x3B), (6, 0x3C)
Key = tuple[int, int]


@dataclass
class RmcpBmc:
    """One BMC. `status` refuses a step of the login by its payload type; `codes` a command by netfn and number."""

    username: bytes = b"admin"
    password: bytes = b"bmc-secret"
    answers: Mapping[Key, bytes] = field(default_factory=dict)
    codes: Mapping[Key, int] = field(default_factory=dict)
    status: Mapping[int, int] = field(default_factory=dict)
    only_ipmi15: bool = False
    deaf_to: frozenset[object] = frozenset()
    seen: list[object] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)
    contents: dict[Key, list[bytes]] = field(default_factory=dict)
    _sik: bytes = b""
    _sequence: int = 0
    _random: bytes = b"\x11" * 16
    _guid: bytes = b"\x22" * 16
    _own_sid: bytes = b"\x33\x44\x55\x66"
    _client_sid: bytes = b""

    def handle(self, packet: bytes) -> bytes | None:
        """Answer a packet, or say nothing."""
        assert packet[:4] == _RMCP
        if packet[4] == 0:
            return self._before_session(packet[14 : 14 + packet[13]])
        kind = packet[5] & 0x3F
        if kind == 0:
            return self._in_session(packet)
        payload = packet[16:]
        what: object = ("OPEN", payload[12]) if kind == OPEN else kind
        self.seen.append(what)
        if what in self.deaf_to:
            return None
        return {OPEN: self._open, RAKP1: self._rakp1, RAKP3: self._rakp3}[kind](payload)

    def _before_session(self, message: bytes) -> bytes | None:
        key = (message[1] >> 2, message[5])
        self.seen.append(key)
        if key in self.deaf_to:
            return None
        assert key == (6, 0x38)
        newer = b"\x01\x84\x00\x00" if self.only_ipmi15 else b"\x01\x84\x00\x02"
        answer = _answer_to(message, 0, newer + b"\0" * 4)
        return _RMCP + b"\0" * 9 + bytes([len(answer)]) + answer

    def _open(self, payload: bytes) -> bytes:
        status = self.status.get(OPEN, 0) or (0 if payload[12] == _SHA1 else 0x11)
        self._client_sid = payload[4:8]
        head = bytes([payload[0], status, 4, 0]) + self._client_sid
        return _login_packet(OPEN + 1, head if status else head + self._own_sid + payload[8:32])

    def _rakp1(self, payload: bytes) -> bytes:
        role, length = payload[24], payload[27]
        self.roles.append(role)
        name = payload[28 : 28 + length]
        status = self.status.get(RAKP1, 0) or (0 if name == self.username else 0x0D)
        head = bytes([payload[0], status, 0, 0]) + self._client_sid
        if status:
            return _login_packet(RAKP1 + 1, head)
        tail = bytes([role, length]) + name
        client_random = payload[8:24]
        self._sik = _sign(self.password, client_random + self._random + tail)
        self._proof = _sign(self._sik, client_random + self._own_sid + self._guid)[:12]
        self._expected = _sign(self.password, self._random + self._client_sid + tail)
        numbers = self._client_sid + self._own_sid + client_random + self._random + self._guid
        return _login_packet(RAKP1 + 1, head + self._random + self._guid + _sign(self.password, numbers + tail))

    _proof = _expected = b""

    def _rakp3(self, payload: bytes) -> bytes:
        status = self.status.get(RAKP3, 0) or (0 if payload[8:28] == self._expected else 0x0F)
        head = bytes([payload[0], status, 0, 0]) + self._client_sid
        return _login_packet(RAKP3 + 1, head if status else head + self._proof)

    def _in_session(self, packet: bytes) -> bytes | None:
        assert packet[6:10] == self._own_sid
        assert hmac.compare_digest(packet[-12:], _sign(_key(self._sik, 1), packet[4:-12])[:12])
        length = int.from_bytes(packet[14:16], "little")
        decryptor = self._cipher(packet[16:32]).decryptor()
        message = decryptor.update(packet[32 : 16 + length]) + decryptor.finalize()
        message = message[: -message[-1] - 1]
        key = (message[1] >> 2, message[5])
        self.seen.append(key)
        self.contents.setdefault(key, []).append(message[6:-1])
        if key in self.deaf_to:
            return None
        return self._seal(_answer_to(message, self.codes.get(key, 0), self.answers.get(key, b"")))

    def _seal(self, message: bytes) -> bytes:
        self._sequence += 1
        vector = os.urandom(16)
        padding = -(len(message) + 1) % 16
        plain = message + bytes(range(1, padding + 1)) + bytes([padding])
        encryptor = self._cipher(vector).encryptor()
        payload = vector + encryptor.update(plain) + encryptor.finalize()
        packet = _RMCP + b"\x06\xc0" + self._client_sid + struct.pack("<IH", self._sequence, len(payload)) + payload
        padding = -(len(packet) - 2) % 4
        packet += b"\xff" * padding + bytes([padding, 7])
        return packet + _sign(_key(self._sik, 1), packet[4:])[:12]

    def _cipher(self, vector: bytes) -> Cipher[CBC]:
        return Cipher(AES(_key(self._sik, 2)[:16]), CBC(vector))


def _sign(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha1).digest()


def _key(sik: bytes, number: int) -> bytes:
    return _sign(sik, bytes([number]) * 20)


def _login_packet(kind: int, payload: bytes) -> bytes:
    return _RMCP + bytes([6, kind]) + b"\0" * 8 + struct.pack("<H", len(payload)) + payload


def _answer_to(message: bytes, code: int, content: bytes) -> bytes:
    head = bytes([message[3], message[1] + 4])
    body = bytes([message[0], message[4], message[5], code]) + content
    return head + _checksum(head) + body + _checksum(body)


def _checksum(part: bytes) -> bytes:
    return bytes([-sum(part) & 0xFF])
