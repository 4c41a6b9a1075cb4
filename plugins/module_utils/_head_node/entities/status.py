# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Runtime entities: device status, phase of an installation, provisioning slots (bcm-api.md 4.9, 5, 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .references import ZERO_UUID

INSTALLING_STATUSES = frozenset({"BOOTING", "INSTALLING", "INSTALLER_REBOOTING", "INSTALLER_CALLING_INIT"})
FAILED_STATUSES = frozenset({"INSTALLER_FAILED", "INSTALLER_UNREACHABLE"})
# An installer that shows one of these waits for a person, for ever.
STUCK_MESSAGES = ("waiting for user input", "entered maintenance mode")


@dataclass(frozen=True)
class DeviceStatus:
    """One node as the head node sees it right now."""

    device: str
    status: str
    message: str
    closed: bool = False
    restart_required: bool = False
    restart_reasons: tuple[str, ...] = ()

    @classmethod
    def from_api(cls, raw: Mapping[str, Any]) -> DeviceStatus:
        return cls(
            device=str(raw["ref_device_uuid"]),
            # The manual spells it without the second underscore (bcm-api.md 5).
            status=str(raw["status"]).replace("CALLINGINIT", "CALLING_INIT"),
            message=str(raw.get("infoMessage") or "").strip(),
            closed=bool(raw.get("closed")),
            restart_required=bool(raw.get("restartRequired")),
            restart_reasons=tuple(str(reason) for reason in raw.get("restartRequiredReasons") or []),
        )

    @property
    def phase(self) -> str:
        """Where the node is on its way: down, booting, installer, queued, installing, init, up, rebooting, failed."""
        return phase_of(self.status, self.message)


def phase_of(status: str, message: str) -> str:
    if status == "INSTALLING":
        # Only a request that was given a slot leaves the waiting message (bcm-api.md 7).
        if message.startswith("waiting for") and message.endswith("provisioning to start"):
            return "queued"
        return "installing" if message.startswith(("provisioning", "initializing")) else "installer"
    return {
        "UP": "up",
        "DOWN": "down",
        "BOOTING": "booting",
        "INSTALLER_REBOOTING": "rebooting",
        "INSTALLER_CALLING_INIT": "init",
        "INSTALLER_FAILED": "failed",
        "INSTALLER_UNREACHABLE": "failed",
        "GOING_DOWN": "going down",
    }.get(status, status.lower())


def node_state(status: str | None, power: str | None = None) -> str:
    """A user's word for a node: active, provisioning, failed, powered_off or unknown."""
    if status is None:
        return "unknown"
    if status == "UP":
        return "active"
    if status in INSTALLING_STATUSES:
        return "provisioning"
    if status in FAILED_STATUSES:
        return "failed"
    if status == "DOWN" and power in (None, "OFF"):
        return "powered_off" if power == "OFF" else "down"
    return "down" if status in ("DOWN", "GOING_DOWN") else "unknown"


@dataclass(frozen=True)
class Slots:
    """How many installations a provisioning node can serve at once, and serves now."""

    device: str
    capacity: int
    used: int
    drained: bool

    @classmethod
    def from_api(cls, provisioning_status: Mapping[str, Any]) -> tuple[Slots, ...]:
        nodes = provisioning_status.get("provisioningNodeStatusList") or []
        return tuple(
            cls(
                device=str(node["ref_node_uuid"]),
                capacity=int(node.get("slotsCapacity", 0)),
                used=int(node.get("slotsUsed", 0)),
                drained=bool(node.get("drained")),
            )
            for node in nodes
        )


def count_waiting(provisioning_status: Mapping[str, Any]) -> int:
    """Requests that have no slot yet: their source node is still the zero uuid (bcm-api.md 4.9)."""
    requests: Iterable[Mapping[str, Any]] = provisioning_status.get("provisioningRequestStatusList") or []
    return sum(1 for request in requests if request.get("sourceNode") in (None, "", ZERO_UUID))
