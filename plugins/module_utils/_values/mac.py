# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""MAC addresses: one rule for what an inventory, a manifest and a lease may say."""

from __future__ import annotations

import string

from .text import quote

ZERO_MAC = "00:00:00:00:00:00"
_BROADCAST = "FF:FF:FF:FF:FF:FF"
_SEPARATORS = frozenset(":-. ")
# Number of groups: digits in each. Pairs, and what switches (a036.9f7c.0500) and servers (a0369f-7c0500) print.
_WIDTHS = {1: 12, 2: 6, 3: 4, 6: 2}


class MacError(ValueError):
    """A text that is no MAC address. `unquoted` is the reason without what is no address even in form."""

    def __init__(self, message: str, unquoted: str) -> None:
        super().__init__(message)
        self.unquoted = unquoted


def parse_mac(text: str) -> str:
    """Return the MAC address of one interface, given in any usual notation, as A0:36:9F:7C:05:00.

    Twelve hexadecimal digits, every group complete, with one kind of separator or none. Raises MacError, whose
    text says what is wrong: not an address, two kinds of separators, a short octet, all zeros, broadcast, multicast.
    """
    word = text.strip()
    separators = {letter for letter in word if letter not in string.hexdigits}
    if not separators <= _SEPARATORS:
        raise _not_a_mac(word, "it takes 12 hexadecimal digits")
    if len(separators) > 1:
        raise _not_a_mac(word, "it mixes separators")
    groups = word.split(separators.pop()) if separators else [word]
    width = _WIDTHS.get(len(groups), 0)
    if width == 2 and any(len(group) == 1 for group in groups) and all(len(group) in (1, 2) for group in groups):
        raise _not_a_mac(word, "it has an octet with one digit")
    if any(len(group) != width for group in groups):
        raise _not_a_mac(word, "it takes 12 hexadecimal digits")
    digits = "".join(groups).upper()
    mac = ":".join(digits[start : start + 2] for start in range(0, 12, 2))
    reason = _reason_against(mac)
    if reason:
        message = f"{mac} is not the address of one interface: {reason}"
        raise MacError(message, message)
    return mac


def canonical_mac(stored: str) -> str:
    """Return a stored address as `parse_mac` writes it; what is no such address is stripped and in upper case."""
    try:
        return parse_mac(stored)
    except ValueError:
        return stored.strip().upper()


def _not_a_mac(word: str, reason: str) -> MacError:
    text = f"not a MAC address: {reason}; write it as A0:36:9F:7C:05:00"
    return MacError(f"{quote(word)} is {text}", text)


def _reason_against(mac: str) -> str:
    if mac == ZERO_MAC:
        return "it is all zeros"
    if mac == _BROADCAST:
        return "it is the broadcast address"
    return "it is a multicast address" if int(mac[:2], 16) & 1 else ""
