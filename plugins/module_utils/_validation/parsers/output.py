# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What all parsers share: the outputs of tools are bounded, and what can't be read is a ParseError.

Tools differ by version and vendor, die half-way and mix warnings into what they print. A parser gives values that it
has seen, or ParseError; it never guesses, and no other exception leaves it, whatever the text is.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_OUTPUT = 8 * 1024 * 1024
MAX_RECORDS = 4096


class ParseError(ValueError):
    """An output that can't be read. The text says what is missing and does not repeat the output."""


def bounded(text: str) -> str:
    """Return a tool's output. Raises ParseError where it is too long to be one."""
    if len(text) > MAX_OUTPUT:
        raise ParseError(f"the output has more than {MAX_OUTPUT} characters")
    return text


def read_object(text: str) -> dict[str, Any]:
    """Read the JSON object in an output, which may have lines of warnings before it. Raises ParseError."""
    start = re.search(r"^\s*\{", bounded(text), re.MULTILINE)
    if start is None:
        raise ParseError("the output holds no JSON")
    try:
        read, _end = json.JSONDecoder().raw_decode(text[start.start() :].lstrip())
    except (ValueError, RecursionError):
        raise ParseError("the output's JSON can't be read: it is cut off or damaged") from None
    if not isinstance(read, dict):
        raise ParseError("the output's JSON is no object")
    return read


def dig(value: Any, *keys: str | int) -> Any:
    """Return what stands at a path of keys and positions, None where the path ends early."""
    for key in keys:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, none where it is none."""
    return [each for each in value[:MAX_RECORDS] if isinstance(each, dict)] if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """Return a JSON number as a finite float, None for all else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        read = float(value)
    except OverflowError:
        return None
    return read if math.isfinite(read) else None


def text_of(value: Any, most: int = 200) -> str:
    """Return a text, cut, without blanks round it; empty for all else."""
    return value.strip()[:most] if isinstance(value, str) else ""
