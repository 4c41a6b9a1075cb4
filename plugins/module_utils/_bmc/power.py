# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The power protocol: what can be asked of a node's power, and what is answered, whatever the path. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

ACTIONS = ("on", "off", "cycle", "reset", "status")
# A cycle is off, confirmed off, and on: BCM has no CYCLE, and a BMC's own cycle proves nothing.
STEPS: Mapping[str, tuple[str, ...]] = {"on": ("ON",), "off": ("OFF",), "cycle": ("OFF", "ON"), "reset": ("RESET",)}
STATE_AFTER: Mapping[str, str] = {"ON": "ON", "OFF": "OFF", "RESET": "ON"}


class Failure(str, Enum):
    """Why power failed, sorted by what a person does about it."""

    UNREACHABLE = "unreachable"  # the BMC does not answer
    CREDENTIALS = "credentials"  # it refuses the login; RMCP+ can't tell a locked account from a wrong password
    REFUSED = "refused"  # it answers, and says no
    TIMED_OUT = "timed out"  # the deadline for this BMC passed
    NOT_CONFIRMED = "not confirmed"  # it said yes, and the state never showed
    NOT_KNOWN = "not known"  # BCM knows no such node, or nobody knows its BMC
    NOT_TRIED = "not tried"  # other BMCs refused the same credentials


@dataclass(frozen=True)
class PowerResult:
    """One node: its power before and after (ON, OFF or UNKNOWN), what was sent, how long it took, and why it failed."""

    before: str = "UNKNOWN"
    after: str = "UNKNOWN"
    sent: tuple[str, ...] = ()
    failure: Failure | None = None
    message: str = ""
    address: str = ""
    tries: int = 1
    seconds: float = 0.0

    @property
    def error(self) -> str:
        """One sentence with class and address; empty where nothing failed."""
        if self.failure is None:
            return ""
        where = f", BMC {self.address}" if self.address else ""
        return f"{self.message} ({self.failure.value}{where})"


class PowerPath(Protocol):
    """A way to the power of a set of nodes. One that fails leaves the others alone."""

    def states(self, names: Sequence[str]) -> dict[str, PowerResult]:
        """The power state of each node, in `before` and `after`."""

    def run(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        """Perform on, off, cycle or reset for each node and prove it; `before` is what `states` answered."""


def plan_power(action: str, state: str) -> str:
    """What must be sent to a node whose power is `state` (ON, OFF, UNKNOWN): the action, or "none"."""
    if action == "status" or (action, state) in (("on", "ON"), ("off", "OFF"), ("reset", "OFF")):
        return "none"
    return "on" if (action, state) == ("cycle", "OFF") else action
