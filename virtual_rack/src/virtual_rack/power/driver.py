# SPDX-License-Identifier: GPL-3.0-or-later
"""The joint between the head node and whatever reaches a machine's BMC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class BmcAction(Enum):
    """What a BMC can be asked."""

    ON = "ON"
    OFF = "OFF"
    RESET = "RESET"
    STATUS = "STATUS"


@dataclass(frozen=True)
class BmcAccess:
    """Where a BMC is, and the account the head node uses there."""

    address: str
    username: str
    password: str


@dataclass(frozen=True)
class BmcAnswer:
    """What came of it: `is_on` is the power afterwards; `error` is empty when it worked."""

    is_on: bool = False
    error: str = ""


class PowerDriver(Protocol):
    """Reaches BMCs. May answer within the call or later; answers exactly once.

    A driver that answers later brings the clock to the present first (`Pacer.catch_up`): what follows an answer is
    timed from the clock's now, which stands still between timers.
    """

    def perform(self, access: BmcAccess, action: BmcAction, *, answer: Callable[[BmcAnswer], None]) -> None:
        """Ask one BMC for one action."""
        ...
