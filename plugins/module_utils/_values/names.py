# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Lists of names, and how many there are of something, as they stand in a sentence."""

from __future__ import annotations

from collections.abc import Collection

MOST_NAMES = 10


def shorten(names: Collection[str], most: int = MOST_NAMES, *, separator: str = ", ") -> str:
    """Return the first `most` names in one text, and how many more there are: a, b and 1,000 more."""
    shown = separator.join(list(names)[:most])
    last = " and " if separator == ", " else f"{separator}and "
    return shown if len(names) <= most else f"{shown}{last}{len(names) - most:,} more"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: 1 node, 1,000 nodes. `plural` is for nouns that take more than an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
