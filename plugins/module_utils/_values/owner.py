# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Who holds a claim, on a node or on a BMC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _never(_run: str) -> bool:
    return False


@dataclass(frozen=True)
class Owner:
    """The owner of claims. `name` is for people; `run` is one word that no other run has.

    `is_dead` takes the word of another run and returns whether it is known to have ended without removing its claims.
    """

    name: str = "a run without a name"
    run: str = "run"
    is_dead: Callable[[str], bool] = _never
