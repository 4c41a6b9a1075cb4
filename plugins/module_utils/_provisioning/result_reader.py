# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Results of a task that a playbook hands to the next one, read key by key. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from .._head_node.api.errors import BcmConfigError

T = TypeVar("T")


class ResultReader:
    """A mapping that should be what bcm_provision returned. `what` names it in messages, such as "the result of n1".

    Every method raises BcmConfigError, which names the key, for one that is missing or holds something else.
    """

    def __init__(self, what: str, values: object) -> None:
        self._what = what
        if not isinstance(values, Mapping):
            raise self.refusal("it is not a dictionary")
        self._values = values

    def text(self, key: str) -> str:
        """Return a text."""
        value = self._value(key)
        return value if isinstance(value, str) else self._refuse(key, "a text")

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self._value(key)
        return value if isinstance(value, bool) else self._refuse(key, "true or false")

    def whole(self, key: str) -> int:
        """Return a whole number that is not negative."""
        value = self._value(key)
        is_whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return int(value) if is_whole else self._refuse(key, "a whole number")

    def number(self, key: str) -> float:
        """Return a number that is finite and not negative."""
        value = self._value(key)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if is_number and value >= 0 else self._refuse(key, "a number")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self._value(key)
        is_list = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
        return tuple(value) if is_list else self._refuse(key, "a list of texts")

    def word(self, key: str, words: Callable[[str], T]) -> T:
        """Return one of a set of words, such as those of an Enum class."""
        text = self.text(key)
        try:
            return words(text)
        except ValueError:
            return self._refuse(key, "a word it can be")

    def optional(self, key: str, read: Callable[[str], T]) -> T | None:
        """Return what another method reads, or None where the key holds null."""
        return None if self._value(key) is None else read(key)

    def inner(self, key: str) -> ResultReader:
        """Return the mapping under a key."""
        return ResultReader(f"{key} of {self._what}", self._value(key))

    def raw(self, key: str) -> Any:
        """Return whatever the key holds."""
        return self._value(key)

    def refusal(self, reason: str) -> BcmConfigError:
        """Return the error that refuses the whole mapping."""
        return BcmConfigError(f"could not read {self._what}: {reason}; give what bcm_provision returned")

    def _value(self, key: str) -> Any:
        if key not in self._values:
            raise self.refusal(f"{key} is missing")
        return self._values[key]

    def _refuse(self, key: str, wanted: str) -> NoReturn:
        raise self.refusal(f"{key} is not {wanted}")
