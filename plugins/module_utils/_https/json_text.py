# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reading of JSON that another side wrote: what would break or exhaust a program is refused before it does."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from .errors import NotJson, Unsound

DEEPEST = 64
# Beside the size, because one byte of JSON can become a hundred in memory. A device has about 20 lists and objects and
# 110 values, so this is enough for 45,000 of them.
MOST_CONTAINERS = 2_000_000
MOST_VALUES = 5_000_000

# Half of a character that is written as two; any text may hold whole ones.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_json(body: bytes) -> Any:
    """Decode JSON in UTF-8 (RFC 8259, 8.1).

    Raises NotJson for anything else, and Unsound for JSON that is too deep, has too many values, or a text that can't
    be written.
    """
    if body.count(b"{") + body.count(b"[") > MOST_CONTAINERS or body.count(b",") > MOST_VALUES:
        raise Unsound(f"has more than {MOST_VALUES:,} values, or {MOST_CONTAINERS:,} lists and objects")
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
    except RecursionError:
        raise Unsound(_TOO_DEEP) from None
    except ValueError as error:
        raise NotJson(str(error)) from error
    _check_depth(value)
    if _SURROGATE.search(body):
        _check_texts(value)
    return value


_CONTAINERS = frozenset((dict, list))
_TOO_DEEP = f"is nested deeper than {DEEPEST} levels"


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _check_depth(value: Any) -> None:
    # What the decoder makes is of exactly these types, and asking for them takes half the time of isinstance.
    level = [value] if type(value) in _CONTAINERS else []
    for _depth in range(DEEPEST + 1):
        if not level:
            return
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if type(child) in _CONTAINERS
        ]
    if level:
        raise Unsound(_TOO_DEEP)


def _check_texts(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Unsound("has a text with half of a character in it (a lone surrogate)") from None
