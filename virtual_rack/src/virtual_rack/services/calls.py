# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call is: arguments, handlers, and whether it changes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


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
        return [str(uuid) for uuid in self._take(index, list, "a list", [])]

    def entities(self, index: int = 0) -> list[dict[str, Any]]:
        """Take a list of objects."""
        values = self._take(index, list, "a list")
        return [Args((value,)).entity() for value in values]

    def flag(self, index: int) -> bool:
        """Take a truth value, which travels as 0/1 or false/true; absent is false."""
        return bool(self.values[index]) if index < len(self.values) else False

    def _take(self, index: int, kind: type[T], name: str, default: T | None = None) -> T:
        if index >= len(self.values) and default is not None:
            return default
        value = self.values[index] if index < len(self.values) else None
        if not isinstance(value, kind):
            raise BadArguments(f"argument {index + 1}: expected {name}")
        return value


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
