# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a resource may be written: rules beside the document, of the same shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from virtual_rack.redfish.messages import Json, message


class Rule(Protocol):
    """What values a property takes."""

    def problem(self, value: Any) -> str:
        """Give the key of the message that refuses a value, empty when it is taken."""
        ...


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def problem(self, value: Any) -> str:
        """See `Rule`."""
        return "" if isinstance(value, bool) else "PropertyValueTypeError"


@dataclass(frozen=True)
class Number:
    """A whole number of a range."""

    low: int = 0
    high: int = 2**31 - 1

    def problem(self, value: Any) -> str:
        """See `Rule`."""
        if isinstance(value, bool) or not isinstance(value, int):
            return "PropertyValueTypeError"
        return "" if self.low <= value <= self.high else "PropertyValueOutOfRange"


@dataclass(frozen=True)
class Choice:
    """One of a few whole numbers."""

    numbers: tuple[int, ...]

    def problem(self, value: Any) -> str:
        """See `Rule`."""
        if isinstance(value, bool) or not isinstance(value, int):
            return "PropertyValueTypeError"
        return "" if value in self.numbers else "PropertyValueNotInList"


@dataclass(frozen=True)
class Word:
    """One of a few words, or null where that is allowed."""

    words: tuple[str, ...]
    null: bool = False

    def problem(self, value: Any) -> str:
        """See `Rule`."""
        if value is None and self.null:
            return ""
        if not isinstance(value, str):
            return "PropertyValueTypeError"
        return "" if value in self.words else "PropertyValueNotInList"


@dataclass(frozen=True)
class Text:
    """A text up to a length, or null where that is allowed."""

    longest: int = 255
    null: bool = False

    def problem(self, value: Any) -> str:
        """See `Rule`."""
        if value is None and self.null:
            return ""
        if not isinstance(value, str):
            return "PropertyValueTypeError"
        return "" if len(value) <= self.longest else "PropertyValueError"


@dataclass(frozen=True)
class Each:
    """A list, replaced as a whole."""

    rule: Rule
    longest: int = 16

    def problem(self, value: Any) -> str:
        """See `Rule`."""
        if not isinstance(value, list):
            return "PropertyValueTypeError"
        if len(value) > self.longest:
            return "PropertyValueError"
        return next((problem for problem in map(self.rule.problem, value) if problem), "")


@dataclass(frozen=True)
class Fields:
    """An object within a list, with these properties and no others."""

    rules: Mapping[str, Rule]

    def problem(self, value: Any) -> str:
        """See `Rule`."""
        if not isinstance(value, dict) or value.keys() - self.rules.keys():
            return "PropertyValueTypeError"
        return next((problem for key, one in value.items() if (problem := self.rules[key].problem(one))), "")


# Nested as the document is.
Rules = Mapping[str, "Rule | Rules"]
FLAG = Flag()


def words(*allowed: str) -> Word:
    """Make the rule of one of these words."""
    return Word(allowed)


def sift(document: Json, patch: Json, rules: Rules, where: str = "") -> tuple[Json, list[Json]]:
    """Divide a PATCH into what is taken and messages about what is not. Annotations are neither."""
    taken: Json = {}
    problems: list[Json] = []
    for key, value in patch.items():
        if "@" in key:
            continue
        path = f"{where}{key}"
        rule = rules.get(key)
        if rule is None:
            known = key in document
            problems.append(message("PropertyNotWritable" if known else "PropertyUnknown", path, related=path))
        elif not isinstance(rule, Mapping):
            wanted = _resolved(value, document.get(key))
            if problem := rule.problem(wanted):
                said = "" if key == "Password" else wanted
                words_said = (path,) if problem == "PropertyValueError" else (said, path)
                problems.append(message(problem, *words_said, related=path))
            else:
                taken[key] = wanted
        elif not isinstance(value, dict):
            problems.append(message("PropertyValueTypeError", value, path, related=path))
        else:
            inner = document.get(key)
            below, more = sift(inner if isinstance(inner, dict) else {}, value, rule, f"{path}/")
            problems += more
            if below:
                taken[key] = below
    return taken, problems


def _resolved(value: Any, current: Any) -> Any:
    """Fill in a list of a PATCH: null removes an element, {} leaves it as it is, properties left out stay."""
    if not isinstance(value, list):
        return value
    before = current if isinstance(current, list) else []
    filled: list[Any] = []
    for number, element in enumerate(value):
        old = before[number] if number < len(before) else None
        if element == {} and old is not None:
            filled.append(old)
        elif isinstance(element, dict) and isinstance(old, dict):
            filled.append(old | element)
        elif element is not None:
            filled.append(element)
    return filled


def merge(document: Json, changes: Json) -> Json:
    """Give a document with changes, objects merged and all else replaced."""
    merged = dict(document)
    for key, value in changes.items():
        before = merged.get(key)
        merged[key] = merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged
