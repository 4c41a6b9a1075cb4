# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call is: arguments, handlers, and whether it changes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
_MAX_NUMBER = 2**63


class BadArguments(Exception):
    """Arguments that do not fit the call."""


@dataclass(frozen=True)
class Args:
    """The positional arguments of a call."""

    values: tuple[Any, ...]

    def entity(self, index: int = 0) -> dict[str, Any]:
        """Take an object."""
        return self._take(index, dict, "an object")

    def text(self, index: int, default: str | None = None) -> str:
        """Take a string."""
        return self._take(index, str, "a string", default)

    def uuids(self, index: int = 0) -> list[str]:
        """Take a list of uuids; absent is empty."""
        return [Args((value,)).text(0) for value in self._take(index, list, "a list", [])]

    def entities(self, index: int = 0) -> list[dict[str, Any]]:
        """Take a list of objects."""
        values = self._take(index, list, "a list")
        return [Args((value,)).entity() for value in values]

    def flag(self, index: int) -> bool:
        """Take a truth value, which travels as 0/1 or false/true; absent is false."""
        value = self.values[index] if index < len(self.values) else False
        if not isinstance(value, int) or value not in (0, 1):
            raise BadArguments(f"argument {index + 1}: expected true or false")
        return bool(value)

    def number(self, index: int, default: float) -> float:
        """Take a number."""
        value = self.values[index] if index < len(self.values) else default
        # A number that is none fails the comparison too.
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < _MAX_NUMBER:
            raise BadArguments(f"argument {index + 1}: expected a number")
        return float(value)

    def _take(self, index: int, kind: type[T], name: str, default: T | None = None) -> T:
        if index >= len(self.values) and default is not None:
            return default
        value = self.values[index] if index < len(self.values) else None
        if not isinstance(value, kind):
            raise BadArguments(f"argument {index + 1}: expected {name}")
        return value


@dataclass(frozen=True)
class Keys:
    """The fields of an object that is an argument, each of which may be absent or null."""

    sent: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Take a string; absent is empty."""
        return self._args(name, "").text(0)

    def texts(self, name: str) -> tuple[str, ...]:
        """Take a list of strings; absent is empty."""
        return tuple(self._args(name, []).uuids())

    def flag(self, name: str) -> bool:
        """Take a truth value; absent is false."""
        return self._args(name, False).flag(0)

    def amount(self, name: str) -> float:
        """Take a number that is not negative; absent is 0."""
        value = self._args(name, 0).number(0, 0)
        if value < 0:
            raise BadArguments(f"{name}: expected a number from 0 on")
        return value

    def count(self, name: str) -> int:
        """Take a whole number that is not negative; absent is 0."""
        value = self.amount(name)
        if not value.is_integer():
            raise BadArguments(f"{name}: expected a whole number")
        return int(value)

    def _args(self, name: str, default: object) -> Args:
        value = self.sent.get(name)
        return Args((default if value is None else value,))


Handler = Callable[[Args], Any]
Service = Mapping[str, Handler]

_READING_PREFIXES = ("get", "validate", "queryRemove")
_READING_CALLS = frozenset(
    {"login", "registerSession", "unregisterSession", "waitForEvents", "acknowledgeKeepAlive", "powerOperationHistory"}
)


def is_mutating(call: str, operation: str | None) -> bool:
    """Say whether a call changes anything, judged by its name and, for power, by what is asked."""
    if call == "powerOperation":
        return operation != "STATUS"
    return call not in _READING_CALLS and not call.startswith(_READING_PREFIXES)
