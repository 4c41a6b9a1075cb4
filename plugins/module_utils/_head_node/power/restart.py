# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What nodes do by themselves, through the daemon that BCM runs on each of them: restart, or shut down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..api.calls import Raw
from ..api.client import HeadNode
from ..api.errors import BcmApiError, BcmAuthError, BcmProtocolError, BcmTransportError


@dataclass(frozen=True)
class DaemonReply:
    """Which nodes agreed to do it, by name, and which did not; `error` says why the question itself failed."""

    agreed: tuple[str, ...] = ()
    unwilling: tuple[str, ...] = ()
    error: str = ""


def ask_to_restart(head_node: HeadNode, devices: Mapping[str, Raw], timeout_s: float) -> DaemonReply:
    """Ask nodes to restart themselves within `timeout_s` seconds, one call for all of them.

    Never raises BcmError: a node that does not restart has its power cut by the caller, whatever the reason. An
    agreement is no restart, only the status shows that.
    """
    return _ask(head_node.restart, devices, timeout_s)


def ask_to_shut_down(head_node: HeadNode, devices: Mapping[str, Raw], timeout_s: float) -> DaemonReply:
    """Ask nodes to shut themselves down, as `ask_to_restart`; that it is done shows in the power state."""
    return _ask(head_node.shut_down, devices, timeout_s)


def _ask(
    ask: Callable[[Sequence[str], float], list[bool]], devices: Mapping[str, Raw], timeout_s: float
) -> DaemonReply:
    try:
        replies = ask([str(raw["uuid"]) for raw in devices.values()], timeout_s)
    except (BcmApiError, BcmAuthError, BcmProtocolError, BcmTransportError) as error:
        return DaemonReply(error=str(error))
    return DaemonReply(
        agreed=tuple(name for name, agrees in zip(devices, replies) if agrees),
        unwilling=tuple(name for name, agrees in zip(devices, replies) if not agrees),
    )
