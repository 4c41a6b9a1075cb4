# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Power operations of a set of nodes, over one session of the head node: what is sent, and how results are read.

powerOperation returns before anything has happened; the result of each node arrives as a PowerStatus event, and a
result "ON" is only what the BMC answered (bcm-api.md 2.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..._bmc.power import Failure, PowerResult
from ..._values.clock import Clock
from ..api.calls import Raw
from ..api.client import HeadNode
from ..api.events import next_events
from ..entities.device import bmc_ip, bmc_settings
from ..entities.references import References

LONG_POLL_S = 10
NOT_STARTED = "the head node started nothing; its powerControl must name a BMC interface"
# ASSUMED: words in the text of a FAILED PowerStatus that mean a refused login, or a BMC that does not answer. The texts
# of a live head node are not known; one wrong password and one unplugged BMC there would settle it.
_CREDENTIALS_WORDS = ("password", "credential", "unauthorized", "authentication", "privilege", "login", "rakp")
_UNREACHABLE_WORDS = ("unreachable", "no answer", "no response", "timeout", "timed out", "no route", "establish")


@dataclass(frozen=True)
class Target:
    """One node as its power needs it: the BMC's address for messages, its credentials to group BMCs that share them."""

    uuid: str
    address: str = ""
    username: str = ""
    password: str = field(default="", repr=False)


def targets_of(devices: Mapping[str, Raw], references: References) -> dict[str, Target]:
    """Return the targets behind devices by name, with the credentials that the head node will use."""
    targets = {}
    for name, raw in devices.items():
        settings = bmc_settings(raw, references) or {}
        targets[name] = Target(
            uuid=str(raw["uuid"]),
            address=bmc_ip(raw) or "",
            username=str(settings.get("userName") or ""),
            password=str(settings.get("password") or ""),
        )
    return targets


@dataclass
class PowerChannel:
    """One session's power operations for a set of nodes.

    `targets` are the nodes by name. `timeout_s` is how long a node's result may take. `stagger_s` is BCM's own pause
    between two nodes of one operation; `force` acts on CLOSED devices too.
    """

    head_node: HeadNode
    session: str
    clock: Clock
    targets: Mapping[str, Target]
    timeout_s: float = 60.0
    stagger_s: float = 0.0
    force: bool = False

    def send(self, operation: str, names: Sequence[str]) -> int | None:
        """Send ON, OFF, RESET or STATUS; returns the operation's index, None where it was started for no node.

        Raises BcmError as the call does. After BcmUnreachable nothing was sent; after another BcmTransportError it may
        have been, so that only STATUS is safe to send again.
        """
        answer = self.head_node.power_operation(
            operation,
            [self.targets[name].uuid for name in names],
            self.session,
            delay_s=0.0 if operation == "STATUS" else self.stagger_s,
            force=self.force,
        )
        return int(answer["index"]) if answer.get("count") else None

    def events(self, wait_s: float) -> list[Raw]:
        """Wait for events for at most `wait_s`. Raises SessionLost where the session is gone, and BcmError."""
        return next_events(self.head_node, self.session, wait_s)

    def fail(self, result: PowerResult, name: str, failure: Failure, message: str) -> PowerResult:
        """Return a copy of the result that has failed, with the address of the node's BMC."""
        return replace(result, failure=failure, message=message, address=self.targets[name].address)


def state_of(status: Raw) -> str:
    """Return the state of a PowerStatus: ON, OFF or UNKNOWN (bcm-api.md 4.9)."""
    state = status.get("state")
    return str(state) if state in ("ON", "OFF") else "UNKNOWN"


def message_of(status: Raw) -> str:
    """Return the head node's message about a power operation, in one line."""
    parts = (str(status.get("msg") or "").strip(), str(status.get("extendedMsg") or "").strip())
    return ": ".join(dict.fromkeys(part for part in parts if part)) or f"the head node reports {status.get('state')}"


def failure_of(status: Raw) -> Failure:
    """Return why a power operation failed, judged by the words of its message."""
    text = message_of(status).lower()
    if any(word in text for word in _UNREACHABLE_WORDS):
        return Failure.UNREACHABLE
    return Failure.CREDENTIALS if any(word in text for word in _CREDENTIALS_WORDS) else Failure.REFUSED
