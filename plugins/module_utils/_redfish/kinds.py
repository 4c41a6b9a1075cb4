# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Kinds of values that controls take: how each is checked, and its JSON Schema. Pure; no message holds a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]

_LONGEST = 255
_JSON_NAMES = {"boolean": "true or false", "integer": "a whole number", "string": "a text"}


@dataclass(frozen=True)
class Kind:
    """A kind of value. `type` is that of JSON Schema; the others are its keywords, None where they do not matter."""

    type: str
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 2**31
    items: Kind | None = None
    keys: Mapping[str, Kind] = field(default_factory=dict)
    values: Kind | None = None

    def problems(self, value: Any) -> Iterator[str]:
        """Give what is wrong with a value, each the end of a sentence that begins with its name."""
        if self.type == "boolean":
            if not isinstance(value, bool):
                yield " must be true or false"
        elif self.type == "integer":
            if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
                yield f" must be a whole number from {self.least} to {self.most}"
        elif self.type == "string":
            if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isprintable():
                yield " must be a text"
            elif self.choices and value not in self.choices:
                yield f" must be one of {', '.join(self.choices)}"
        elif self.type == "array":
            yield from self._of_list(value)
        elif not isinstance(value, Mapping) or not value:
            yield " must be a dictionary with something in it"
        else:
            yield from self._of_keys(value)

    def _of_list(self, value: Any) -> Iterator[str]:
        if not isinstance(value, list) or not value:
            yield " must be a list with something in it"
            return
        for element in value if self.items else ():
            yield from (f"[]{rest}" for rest in (self.items.problems(element) if self.items else ()))

    def _of_keys(self, value: Mapping[Any, Any]) -> Iterator[str]:
        for key, inner in value.items():
            kind = self.keys.get(key, self.values) if isinstance(key, str) else None
            if kind is None:
                yield f" takes {', '.join(self.keys)} and no others"
            else:
                yield from (f".{key if key in self.keys else '*'}{rest}" for rest in kind.problems(inner))

    @property
    def schema(self) -> Schema:
        """Return the same as JSON Schema."""
        if self.type == "string" and self.choices:
            return {"enum": list(self.choices)}
        if self.type == "string":
            return {"type": "string", "minLength": 1, "maxLength": _LONGEST}
        if self.type == "integer":
            return {"type": "integer", "minimum": self.least, "maximum": self.most}
        if self.type == "array":
            return {"type": "array", "minItems": 1, "items": self.items.schema if self.items else {}}
        if self.type == "object":
            shape: Schema = {"type": "object", "minProperties": 1}
            shape["properties"] = {key: kind.schema for key, kind in self.keys.items()}
            shape["additionalProperties"] = self.values.schema if self.values else False
            return shape
        return {"type": self.type}


SWITCH = Kind("boolean")
TEXT = Kind("string")
TEXTS = Kind("array", items=TEXT)


def number(least: int, most: int) -> Kind:
    """Return the kind of whole numbers from `least` to `most`."""
    return Kind("integer", least=least, most=most)


def choice(*words: str) -> Kind:
    """Return the kind of texts that are one of these."""
    return Kind("string", choices=words)


def record(**keys: Kind) -> Kind:
    """Return the kind of dictionaries with some of these keys."""
    return Kind("object", keys=keys)
