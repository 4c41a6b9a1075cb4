# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The power protocol: actions, results and classes of failure, the same for every path to a node's power. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

ACTIONS = ("on", "off", "cycle", "reset", "status")
# A cycle is off, confirmed off, and on: BCM has no CYCLE, and a BMC's own cycle proves nothing.
STEPS: Mapping[str, tuple[str, ...]] = {"on": ("ON",), "off": ("OFF",), "cycle": ("OFF", "ON"), "reset": ("RESET",)}
STATE_AFTER: Mapping[str, str] = {"ON": "ON", "OFF": "OFF", "RESET": "ON"}
# By which firmware a machine that is given a boot device boots from it.
UEFI, LEGACY = "uefi", "legacy"
# Why a node that did not shut down has its power still; who is at work on it follows.
LEFT_ON = "it did not shut down in time, and its power was not cut"
# Finds who is at work on nodes, in words by name.
FindOccupied = Callable[[Sequence[str]], Mapping[str, str]]


class Failure(str, Enum):
    """The class of a power failure; each calls for another remedy."""

    UNREACHABLE = "unreachable"  # the BMC does not answer
    CREDENTIALS = "credentials"  # it refuses the login; RMCP+ can't tell a locked account from a wrong password
    REFUSED = "refused"  # it answers, and refuses the request
    TIMED_OUT = "timed out"  # the deadline for this BMC passed
    NOT_CONFIRMED = "not confirmed"  # it accepted the request, and the state did not follow
    NOT_KNOWN = "not known"  # BCM knows no such node, or its BMC is not known
    NOT_TRIED = "not tried"  # other BMCs refused the same credentials
    CERTIFICATE = "certificate"  # its certificate is not trusted, and nothing was sent


@dataclass(frozen=True)
class End:
    """How the talk with one BMC ended; no failure means that all was done. `seconds` include all tries."""

    failure: Failure | None = None
    message: str = ""
    tries: int = 0
    seconds: float = 0.0


@dataclass
class Progress:
    """What is known of one BMC so far; one object serves all tries.

    `before` and `after` are ON, OFF or UNKNOWN; `sent` are the power commands that were accepted, and `confirmed`
    counts the steps after which the state was as expected.
    """

    before: str = "UNKNOWN"
    after: str = "UNKNOWN"
    sent: list[str] = field(default_factory=list)
    confirmed: int = 0
    boot_device: str = ""
    firmware: str = ""


@dataclass(frozen=True)
class PowerResult:
    """The result for one node: power before and after (ON, OFF or UNKNOWN), what was sent, and why it failed.

    `sent` are ON, OFF, RESET, REBOOT and SHUTDOWN in their order; `address` is the BMC's, where known.
    """

    before: str = "UNKNOWN"
    after: str = "UNKNOWN"
    sent: tuple[str, ...] = ()
    failure: Failure | None = None
    message: str = ""
    address: str = ""
    tries: int = 1
    seconds: float = 0.0

    @property
    def off_by(self) -> str:
        """Return how it was switched off: shutdown, by itself when asked; cut; or "" where it was not."""
        if self.after != "OFF" or not self.sent:
            return ""
        return "cut" if self.sent[-1] == "OFF" else "shutdown" if self.sent[-1] == "SHUTDOWN" else ""

    @property
    def error(self) -> str:
        """Return the failure as one sentence with class and address; "" where nothing failed."""
        if self.failure is None:
            return ""
        where = f", BMC {self.address}" if self.address else ""
        return f"{self.message} ({self.failure.value}{where})"


class PowerPath(Protocol):
    """A path to the power of a set of nodes. Nothing is raised for a node that fails; the others go on."""

    def states(self, names: Sequence[str]) -> dict[str, PowerResult]:
        """Return the power state of each node by name, in `before` and `after`."""

    def run(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        """Perform on, off, cycle or reset for each node and confirm it; `before` is what `states` returned."""


def plan_power(action: str, state: str) -> str:
    """Return what a node whose power is `state` (ON, OFF, UNKNOWN) needs: "on", "off", "cycle", "reset" or "none"."""
    if action == "status" or (action, state) in (("on", "ON"), ("off", "OFF"), ("reset", "OFF")):
        return "none"
    return "on" if (action, state) == ("cycle", "OFF") else action
