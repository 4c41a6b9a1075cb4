# SPDX-License-Identifier: GPL-3.0-or-later
"""All services, found by the names that clients use."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from virtual_rack.head_node import HeadNode
from virtual_rack.services.calls import Handler, Service
from virtual_rack.services.device import DeviceService
from virtual_rack.services.main import MainService, SessionService
from virtual_rack.services.part import NetService, PartService
from virtual_rack.services.prov import ProvService
from virtual_rack.services.status import StatusService


@dataclass(frozen=True)
class Found:
    """A service under its own name."""

    name: str
    calls: Service

    def handler(self, call: str) -> Handler | None:
        """Find a call; calls are spelled exactly."""
        return self.calls.get(call)


class Directory:
    """Finds services with or without `cm`, in any case."""

    def __init__(self, head: HeadNode) -> None:
        self._profiles = head.spec.profiles
        self._services = {
            "device": Found("CMDevice", DeviceService(head).calls()),
            "part": Found("CMPart", PartService(head).calls()),
            "net": Found("CMNet", NetService(head).calls()),
            "status": Found("CMStatus", StatusService(head).calls()),
            "prov": Found("CMProv", ProvService(head).calls()),
            "main": Found("CMMain", MainService(head).calls()),
            "session": Found("CMSession", SessionService(head).calls()),
        }

    def find(self, service: str) -> Found | None:
        """Find a service."""
        return self._services.get(bare_name(service))

    def allows(self, profile: str, found: Found, call: str) -> bool:
        """Say whether a profile may call."""
        return any(fnmatchcase(f"{found.name}::{call}", pattern) for pattern in self._profiles.get(profile, ()))


def bare_name(service: str) -> str:
    """Give a service's name without `cm`, in lower case."""
    return service.lower().removeprefix("cm")
