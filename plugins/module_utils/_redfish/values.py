# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Values inside of what a BMC says: any step of a path may be missing or be something else. Pure."""

from __future__ import annotations

import copy
from typing import Any


class _Missing:
    """The type of what is not there, which is not the same as null."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Any = _Missing()

# Attributes of Dell have dots in their names, so that a path is a tuple.
Path = tuple[str, ...]


def at(body: Any, *path: str) -> Any:
    """Return what stands at a path, MISSING where there is nothing."""
    for step in path:
        if not isinstance(body, dict) or step not in body:
            return MISSING
        body = body[step]
    return body


def placed(path: Path, value: Any) -> dict[str, Any]:
    """Return the body of a change that sets one value and names nothing else."""
    for step in reversed(path):
        value = {step: value}
    return dict(value)


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return two changes of one resource as one."""
    both = copy.deepcopy(first)
    for key, value in second.items():
        inner = both.get(key)
        both[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both


def text_at(body: Any, *path: str) -> str:
    """Return the text at a path, cut; "" for anything else."""
    value = at(body, *path)
    return value[:200] if isinstance(value, str) else ""
