# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers which calls came, for tests that count them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from virtual_rack.services.calls import is_mutating

_MAX_CALLS = 2000
# A thousand uuids a second would fill the memory.
_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class LoggedCall:
    """One call as it came."""

    date: float
    user: str
    service: str
    call: str
    operation: str | None
    args: tuple[Any, ...]
    size_bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """Show it, without passwords."""
        return {
            "date": self.date,
            "user": self.user,
            "service": self.service,
            "call": self.call,
            "operation": self.operation,
            "mutating": is_mutating(self.call, self.operation),
            "args": blanked(list(self.args)),
        }


class CallLog:
    """Counts calls and keeps the last ones."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str | None]] = Counter()
        self._last: deque[LoggedCall] = deque()
        self._bytes = 0

    def add(self, call: LoggedCall) -> None:
        """Count a call."""
        self._counts[call.service, call.call, call.operation] += 1
        self._last.append(call)
        self._bytes += call.size_bytes
        while len(self._last) > _MAX_CALLS or (self._bytes > _MAX_BYTES and len(self._last) > 1):
            self._bytes -= self._last.popleft().size_bytes

    def clear(self) -> None:
        """Begin anew."""
        self._counts.clear()
        self._last.clear()
        self._bytes = 0

    def counts(self) -> dict[str, Any]:
        """Show the counts."""
        calls = [
            {
                "service": service,
                "call": call,
                "operation": operation,
                "count": count,
                "mutating": is_mutating(call, operation),
            }
            for (service, call, operation), count in self._counts.items()
        ]
        mutating = sum(count for (_, call, operation), count in self._counts.items() if is_mutating(call, operation))
        return {"total": self._counts.total(), "mutating": mutating, "calls": calls}

    def last(self, limit: int) -> list[dict[str, Any]]:
        """Show the last calls, oldest first."""
        return [call.to_json() for call in list(self._last)[-limit:]] if limit > 0 else []


def operation_of(call: str, args: tuple[Any, ...]) -> str | None:
    """Give what a power operation asks for; other calls have none."""
    if call != "powerOperation" or not args or not isinstance(args[0], Mapping):
        return None
    return str(args[0].get("operation"))


def blanked(value: Any) -> Any:
    """Copy a value with every password in it blanked."""
    if isinstance(value, Mapping):
        return {k: "********" if "password" in str(k).lower() and v else blanked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [blanked(element) for element in value]
    return value
