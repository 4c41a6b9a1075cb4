# SPDX-License-Identifier: GPL-3.0-or-later
"""How the head node sees each device: status, flags, messages. Never part of the entity."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from virtual_rack.entities.fields import Entity
from virtual_rack.json_text import Frozen


@dataclass(frozen=True)
class DeviceStatus:
    """One device as seen at one moment."""

    device: str
    status: str = "DOWN"
    info_message: str = ""
    user_message: str = ""
    tool_message: str = ""
    closed: bool = False
    muted: bool = False
    provisioning_failed: bool = False
    restart_reasons: tuple[str, ...] = ()
    changed_date: int = 0
    update_index: int = 0

    def to_api(self) -> Entity:
        """Give it as it travels. Fields that the rack does not simulate have their resting value."""
        return self._api

    @functools.cached_property
    def _api(self) -> Frozen:
        is_up = self.status == "UP"
        return Frozen(
            {
                "baseType": "DeviceStatus",
                "childType": "",
                "ref_device_uuid": self.device,
                "status": self.status,
                "reportedStatus": self.status,
                "reportedStatusTimestamp": self.changed_date,
                "closed": self.closed,
                "muted": self.muted,
                "burning": False,
                "unassigned": False,
                "terminated": False,
                "restartRequired": bool(self.restart_reasons),
                "restartRequiredReasons": list(self.restart_reasons),
                "healthCheckFailed": False,
                "healthCheckUnknown": False,
                "provisioningFailed": self.provisioning_failed,
                "stateFlapping": False,
                "pingable": is_up or self.status.startswith("INSTALL"),
                "sshable": is_up,
                "noPingMethod": False,
                "hasClientDaemon": is_up,
                "allowDataNodeFullInstall": False,
                "infoMessage": self.info_message,
                "userMessage": self.user_message,
                "toolMessage": self.tool_message,
                "gracePeriod": 0,
                "failBeforeDown": 0,
                "updateIndex": self.update_index,
            }
        )


class StatusBoard:
    """The status of every device; listeners hear of every change."""

    def __init__(self, *, date_s: Callable[[], float]) -> None:
        self._listeners: list[Callable[[DeviceStatus], None]] = []
        self._date_s = date_s
        self._statuses: dict[str, DeviceStatus] = {}
        self._updates = itertools.count(1)

    def listen(self, listener: Callable[[DeviceStatus], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def get(self, device: str) -> DeviceStatus | None:
        """Give a device's status, None for a device that does not exist."""
        return self._statuses.get(device)

    def all(self) -> list[DeviceStatus]:
        """Give every status."""
        return list(self._statuses.values())

    def add(self, status: DeviceStatus) -> None:
        """Begin to watch a device."""
        self._statuses[status.device] = status

    def forget(self, device: str) -> None:
        """Stop watching a device."""
        self._statuses.pop(device, None)

    def set(self, device: str, status: str, message: str = "", **flags: Any) -> None:
        """Report a new status with its message."""
        self.change(device, status=status, info_message=message, **flags)

    def change(self, device: str, **values: Any) -> None:
        """Change some of what is seen; nothing happens when it is seen already."""
        before = self._statuses.get(device)
        if before is None or all(getattr(before, name) == value for name, value in values.items()):
            return
        after = replace(before, **values, changed_date=int(self._date_s()), update_index=next(self._updates))
        self._statuses[device] = after
        for listener in self._listeners:
            listener(after)
