# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Restarts that nodes perform themselves, through the daemon that BCM runs on each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..api.calls import Raw
from ..api.client import HeadNode
from ..api.errors import BcmApiError, BcmAuthError, BcmProtocolError, BcmTransportError


@dataclass(frozen=True)
class RestartReply:
    """Which nodes agreed to restart, by name, and which did not; `error` says why the question itself failed."""

    agreed: tuple[str, ...] = ()
    unwilling: tuple[str, ...] = ()
    error: str = ""


def ask_to_restart(head_node: HeadNode, devices: Mapping[str, Raw], timeout_s: float) -> RestartReply:
    """Ask nodes to restart themselves within `timeout_s` seconds, one call for all of them.

    Never raises BcmError: a node that does not restart has its power cut by the caller, whatever the reason. An
    agreement is no restart, only the status shows that.
    """
    try:
        replies = head_node.restart([str(raw["uuid"]) for raw in devices.values()], timeout_s)
    except (BcmApiError, BcmAuthError, BcmProtocolError, BcmTransportError) as error:
        return RestartReply(error=str(error))
    return RestartReply(
        agreed=tuple(name for name, agrees in zip(devices, replies) if agrees),
        unwilling=tuple(name for name, agrees in zip(devices, replies) if not agrees),
    )
