# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How long a certificate is valid, read from its own bytes: Python shows it only for one that it has checked. Pure."""

from __future__ import annotations

import base64
import binascii
import calendar
import re

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
# Tags of ASN.1 (X.690).
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def certificates_in(text: str) -> list[bytes]:
    """Return the certificates in a PEM file, each in DER, in the file's order. Raises ValueError for broken ones."""
    try:
        return [base64.b64decode("".join(found.split()), validate=True) for found in _PEM.findall(text)]
    except binascii.Error as error:
        raise ValueError(f"a certificate in it is not base64: {error}") from error


def end_of(der: bytes) -> int:
    """Return until when a certificate (RFC 5280, 4.1) is valid, in Unix time. Raises ValueError for anything else."""
    certificate = _inside(_elements(der)[0])
    fields = _elements(_inside(_elements(certificate)[0]))
    if fields and fields[0][0] == _VERSION:
        fields = fields[1:]
    # Serial number, algorithm, issuer, validity.
    times = _elements(_inside(fields[3])) if len(fields) > 3 else []
    if len(times) != 2:
        raise ValueError("not a certificate")
    return _unix_time(*times[1])


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """Return tag and content of each element that follows another."""
    found, at = [], 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("not a certificate")
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            width = length & 0x7F
            length = int.from_bytes(data[at : at + width], "big")
            at += width
        if at + length > len(data):
            raise ValueError("not a certificate")
        found.append((tag, data[at : at + length]))
        at += length
    if not found:
        raise ValueError("not a certificate")
    return found


def _inside(element: tuple[int, bytes]) -> bytes:
    tag, content = element
    if tag != _SEQUENCE:
        raise ValueError("not a certificate")
    return content


def _unix_time(tag: int, content: bytes) -> int:
    text = content.decode("ascii", errors="replace")
    if tag == _UTC_TIME:
        # RFC 5280, 4.1.2.5.1: two digits of the year, 1950 to 2049.
        text = f"{'19' if text[:2] >= '50' else '20'}{text}"
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not a certificate")
    if not re.fullmatch(r"[0-9]{14}Z", text):
        raise ValueError("not a certificate")
    year, *rest = int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2))
    return calendar.timegm((year, *rest, 0, 0, 0))
