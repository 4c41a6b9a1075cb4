# SPDX-License-Identifier: GPL-3.0-or-later
"""What `minify: true` does to an answer.

ASSUMED: fields that hold their default are left out, apart from those that say what and which an entity is.
Settled by the same getDevice with and without `minify` on a live head node.
"""

from __future__ import annotations

from typing import Any

from virtual_rack.entities.shapes import find_shape

_ALWAYS = frozenset({"baseType", "childType", "uuid"})


def minify(answer: Any, *, version: str) -> Any:
    """Leave out what a client can fill in by itself."""
    if isinstance(answer, list):
        return [minify(element, version=version) for element in answer]
    if not isinstance(answer, dict):
        return answer
    shape = find_shape(answer.get("baseType"), answer.get("childType"))
    defaults = shape.defaults(version) if shape else {}
    return {
        name: minify(value, version=version)
        for name, value in answer.items()
        if name in _ALWAYS or name not in defaults or defaults[name] != value
    }
