# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Shapes of foreign values: what an answer must look like before anything is done with it.

A shape is a function that returns where a value differs from it, None where it doesn't. Keys that no shape names may
hold anything: servers add keys with every release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Optional

# Names are printed, and used as keys; descriptions may be long.
_LONGEST_WORD = 1_000
# What counters, times and identifiers of any server fit in.
_LARGEST = 2**63


@dataclass(frozen=True)
class Misfit:
    """Where a value differs from its shape, such as [3].interfaces[0].name, and how."""

    where: str
    how: str

    def below(self, step: str) -> Misfit:
        """Return the same, seen from one level higher."""
        return Misfit(step + self.where, self.how)

    def __str__(self) -> str:
        return f"{self.how} in {self.where.lstrip('.')}" if self.where else self.how


Shape = Callable[[Any], Optional[Misfit]]


def type_name(value: Any) -> str:
    """Return the name of a value's JSON type, such as "a list"."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def anything(_value: Any) -> Misfit | None:
    """Fit any value."""
    return None


def text(value: Any) -> Misfit | None:
    """Fit a string."""
    return None if isinstance(value, str) else _other(value, "a string")


def word(value: Any) -> Misfit | None:
    """Fit a string that is an identifier or a name: not empty, and not endless."""
    if not isinstance(value, str):
        return _other(value, "a string")
    if not value:
        return Misfit("", "an empty string where a name is due")
    return None if len(value) <= _LONGEST_WORD else Misfit("", f"a name of {len(value):,} characters")


def number(value: Any) -> Misfit | None:
    """Fit a number that can be calculated with."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _other(value, "a number")
    return None if -_LARGEST < value < _LARGEST else Misfit("", "a number that is out of range")


def whole(value: Any) -> Misfit | None:
    """Fit a whole number."""
    return number(value) or (None if isinstance(value, int) else Misfit("", "a fraction where a whole number is due"))


def entries(value: Any) -> Misfit | None:
    """Fit an object with any keys."""
    return None if isinstance(value, dict) else _other(value, "an object")


def optional(shape: Shape) -> Shape:
    """Fit null, and what fits `shape`."""

    def check(value: Any) -> Misfit | None:
        return None if value is None else shape(value)

    return check


def list_of(shape: Shape, *, length: int | None = None) -> Shape:
    """Fit a list whose elements fit `shape`; of exactly `length`, where that is given."""

    def check(value: Any) -> Misfit | None:
        if not isinstance(value, list):
            return _other(value, "a list")
        if length is not None and len(value) != length:
            return Misfit("", f"a list of {len(value)} where {length} are due")
        for index, element in enumerate(value):
            misfit = shape(element)
            if misfit is not None:
                return misfit.below(f"[{index}]")
        return None

    return check


def object_of(required: Mapping[str, Shape], other: Mapping[str, Shape] | None = None) -> Shape:
    """Fit an object that has the `required` keys; those in `other` may be missing or null."""
    others = dict(other or {})

    def check(value: Any) -> Misfit | None:
        if not isinstance(value, dict):
            return _other(value, "an object")
        for key, shape in required.items():
            if key not in value:
                return Misfit(f".{key}", "nothing")
            misfit = shape(value[key])
            if misfit is not None:
                return misfit.below(f".{key}")
        for key, shape in others.items():
            found = value.get(key)
            misfit = None if found is None else shape(found)
            if misfit is not None:
                return misfit.below(f".{key}")
        return None

    return check


def by_kind(key: str, kinds: Mapping[str, Shape], rest: Shape) -> Shape:
    """Fit an object whose `key` says which shape it has; `rest` is that of all others."""

    def check(value: Any) -> Misfit | None:
        kind = value.get(key) if isinstance(value, dict) else None
        return (kinds.get(kind, rest) if isinstance(kind, str) else rest)(value)

    return check


def _other(value: Any, due: str) -> Misfit:
    return Misfit("", f"{type_name(value)} where {due} is due")
