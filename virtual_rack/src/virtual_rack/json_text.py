# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of things that never change, made once. A thousand nodes are polled much more often than they change."""

from __future__ import annotations

import json
from typing import Any


class Frozen(dict[str, Any]):
    """An object that is replaced, never changed in place."""

    __slots__ = ("_text",)
    _text: str

    @property
    def text(self) -> str:
        """Give the object as JSON."""
        try:
            return self._text
        except AttributeError:
            self._text = json.dumps(self)
            return self._text

    def __setitem__(self, key: str, value: object) -> None:
        raise TypeError(f"{key}: a frozen object is replaced, not changed")


def to_json(value: Any) -> str:
    """Write JSON, the same text as `json.dumps`, taking what was written before where there is such."""
    if isinstance(value, Frozen):
        return value.text
    if not _has_frozen(value):
        return json.dumps(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(name)}: {to_json(inner)}' for name, inner in value.items())}}}"
    return f"[{', '.join(map(to_json, value))}]"


def _has_frozen(value: Any) -> bool:
    """Look where answers have them: in lists, in the lists of an object, and in those of the objects of a list."""
    if isinstance(value, dict):
        return any(isinstance(inner, list) and any(isinstance(e, Frozen) for e in inner) for inner in value.values())
    if isinstance(value, list):
        return any(isinstance(element, Frozen) or _has_frozen(element) for element in value)
    return False
