# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""MAC addresses."""

from __future__ import annotations

import string

_WIDTHS = {1: 12, 2: 6, 3: 4, 6: 2}


def normalise_mac(text: str) -> str:
    """A MAC address in any usual notation → A0:36:9F:7C:05:00; raises ValueError, which says what is wrong."""
    word = text.strip()
    separators = {letter for letter in word if letter not in string.hexdigits}
    groups = word.split(separators.pop()) if len(separators) == 1 and separators <= set(":-. ") else [word]
    width = _WIDTHS.get(len(groups), 0)
    if separators or not all(_fits(group, width) for group in groups):
        raise ValueError(f"{_shown(word)} is no MAC address: it takes 12 hexadecimal digits, such as A0:36:9F:7C:05:00")
    digits = "".join(group.zfill(width) for group in groups).upper()
    mac = ":".join(digits[start : start + 2] for start in range(0, 12, 2))
    if mac == "00:00:00:00:00:00" or int(digits[:2], 16) & 1:
        raise ValueError(f"{mac} is not the address of one interface")
    return mac


def _fits(group: str, width: int) -> bool:
    # Some tools print 0:36:9f:7c:5:0.
    return len(group) == width or (width == 2 and len(group) == 1)


def _shown(text: str) -> str:
    """A piece of somebody's file for a message: printable, not long."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
