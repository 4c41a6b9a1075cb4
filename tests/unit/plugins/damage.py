# SPDX-License-Identifier: GPL-3.0-or-later
"""Damages answers of a server: values of other types, missing keys, deep and long ones, broken bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

_ODD: tuple[Callable[[], Any], ...] = (
    lambda: None,
    lambda: True,
    lambda: False,
    lambda: 0,
    lambda: -1,
    lambda: 10**30,
    lambda: 10**400,
    lambda: 1.5,
    lambda: "",
    lambda: "x",
    lambda: "²",
    lambda: "9" * 5_000,
    lambda: "\x1b[2J\n",
    lambda: "z" * 5_000,
    list,
    dict,
    lambda: [[]],
    lambda: [1, 2],
    lambda: [None],
    lambda: ["x"],
    lambda: [{}],
    lambda: {"a": {}},
    lambda: {"name": 1},
    lambda: nested(63),
    lambda: nested(200),
)


def nested(levels: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _level in range(levels):
        value = [value]
    return value


def damage_value(value: Any, chance: random.Random) -> Any:
    """A copy with one thing changed, somewhere in it."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        if chance.random() < 0.15:
            return {other: kept for other, kept in value.items() if other != key}
        return {**value, key: damage_value(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        index = chance.randrange(len(value))
        how = chance.random()
        if how < 0.05:
            return value[:index] + value[index + 1 :]
        if how < 0.1:
            return [*value, value[index]]
        return [*value[:index], damage_value(value[index], chance), *value[index + 1 :]]
    return chance.choice(_ODD)()


def damage_bytes(body: bytes, chance: random.Random) -> bytes:
    """The same bytes with bits turned, a part left out or said twice, or in another encoding."""
    where = chance.randrange(len(body) + 1)
    how = chance.randrange(8)
    if how == 0:
        return body[:where]
    if how == 1:
        return body[:where] + chance.randbytes(4) + body[where:]
    if how == 2:
        return body[:where] + b"[" * chance.choice((10, 5_000)) + body[where:]
    if how == 3:
        return body[:where] + b'"\\ud800"' + body[where + 1 :]
    if how == 4:
        return body.decode().encode(chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-7", "cp037")), "replace")
    if how == 5:
        return body.replace(b":", chance.choice((b":NaN,", b":-Infinity,", b":1e999,", b"::")), 1)
    if how == 6:
        return body[:where] + body[where // 2 :]
    turned = bytearray(body)
    if turned:
        turned[where % len(turned)] ^= 1 << chance.randrange(8)
    return bytes(turned)


def damaged(value: Any, chance: random.Random) -> bytes:
    """The JSON of a value with one to four things damaged; one in eight in its bytes."""
    for _time in range(chance.choice((1, 1, 1, 2, 4))):
        value = damage_value(value, chance)
    body = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode()
    return damage_bytes(body, chance) if chance.random() < 0.125 else body
