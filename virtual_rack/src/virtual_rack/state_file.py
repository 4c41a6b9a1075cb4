# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rack remembers between two runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_FORMAT = 1


class StateFileError(Exception):
    """A state file that cannot be used."""


def load_state(path: Path) -> dict[str, Any] | None:
    """Read the state, None when there is none. Raises StateFileError."""
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise StateFileError(f"{path}: not JSON; remove it to begin anew") from None
    if state.get("format") != _FORMAT:
        raise StateFileError(f"{path}: written by another version; remove it to begin anew")
    return state


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write the state whole or not at all."""
    write_atomically(path, json.dumps({"format": _FORMAT, **state}))


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is complete as soon as it is there. It may hold passwords: for its owner only."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
