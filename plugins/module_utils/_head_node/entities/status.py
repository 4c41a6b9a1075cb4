# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The status of a device as the head node has it right now (bcm-api.md 4.9, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .phases import Phase, phase_of

# An installer that shows one of these waits for a person, for ever.
STUCK_MESSAGES = ("waiting for user input", "entered maintenance mode")


@dataclass(frozen=True)
class DeviceStatus:
    """The status of one node as BCM reports it; `device` is its uuid, `status` a Status or a word not listed there."""

    device: str
    status: str
    message: str
    closed: bool = False
    restart_required: bool = False
    restart_reasons: tuple[str, ...] = ()

    @classmethod
    def from_api(cls, raw: Mapping[str, Any]) -> DeviceStatus:
        """Read one DeviceStatus of cmstatus.getStatusForDevices."""
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
    def phase(self) -> Phase:
        """Return the phase behind status and message."""
        return phase_of(self.status, self.message)
