# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""IPv4 addresses as an inventory may write them."""

from __future__ import annotations

import ipaddress
import re

UNSET_IP = "0.0.0.0"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_ADDRESS = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


def parse_ip(text: str) -> str:
    """Return an IPv4 address: four decimal numbers without leading zeros, nothing else.

    Raises ValueError, whose text says what is wrong and holds the address only where it is one in form: anything else
    may be a secret in a wrong place.
    """
    word = text.strip()
    # What is one, as nearly always, is not asked what else it might be.
    if _ADDRESS.fullmatch(word):
        return word
    shown = f"{word!r} is " if re.fullmatch(r"[0-9./]{1,20}", word) else ""
    raise ValueError(f"{shown}not an IPv4 address: {_reason_against(word)}; write it as 10.141.0.1")


def _reason_against(word: str) -> str:
    if _is_ipv6(word):
        return "it is an IPv6 address, which is not set here"
    if re.fullmatch(r"[0-9.]+/[0-9.]+", word):
        return "it takes no prefix length, which is its network's"
    octets = word.split(".")
    if len(octets) != 4 or not all(re.fullmatch("[0-9]+", octet) for octet in octets):
        return "it takes four numbers"
    if any(len(octet) > 1 and octet.startswith("0") for octet in octets):
        return "it has a number with a leading zero"
    return "it has a number above 255"


def _is_ipv6(word: str) -> bool:
    try:
        ipaddress.IPv6Address(word.partition("/")[0])
    except ValueError:
        return False
    return True
