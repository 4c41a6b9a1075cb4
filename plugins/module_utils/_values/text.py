# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Text that comes from elsewhere, made fit for a terminal, a table and a message."""

from __future__ import annotations

import re

_NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_LONGEST_QUOTE = 40


def printable(text: object) -> str:
    """Return foreign text without what moves a cursor, turns the direction of writing or ends a line."""
    return _NOT_PRINTABLE.sub(" ", str(text)).strip()


def cut(text: str, most: int) -> str:
    """Return the text, or the beginning of it with an ellipsis where it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def quote(text: str) -> str:
    """Return foreign text as it stands in a message: in quotes, escaped, cut after 40 characters."""
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…")
