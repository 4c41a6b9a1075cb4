# SPDX-License-Identifier: GPL-3.0-or-later
"""What a BMC has of the world: its machine, the clock, and the faults that mean it."""

from __future__ import annotations

import time
from collections.abc import Callable

from virtual_rack.faults import Fault
from virtual_rack.head_node import HeadNode
from virtual_rack.nodes.machine import Machine


class Hands:
    """How one BMC reaches its machine. All times are simulated seconds but `real_s`."""

    def __init__(self, head: HeadNode, machine: Machine, *, real_s: Callable[[], float] = time.monotonic) -> None:
        self.machine = machine
        self.real_s = real_s
        self._head = head

    def now_s(self) -> float:
        """Give the rack's time."""
        return self._head.clock.now_s

    def date_s(self) -> float:
        """Give the date in Unix seconds."""
        return self._head.clock.date_s()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after a while."""
        self._head.clock.call_later(seconds, action)

    def suffers(self, kind: str) -> Fault | None:
        """Find a fault that means this BMC."""
        return self._head.faults.find(kind, node=self._names()) if self._head.faults.all() else None

    def strikes(self, kind: str, *, path: str = "", method: str = "") -> Fault | None:
        """Find a fault that means this BMC, path and method, and count that it struck."""
        if not self._head.faults.all():
            return None
        return self._head.faults.strike(kind, node=self._names(), path=_prefixes(path), method=method)

    def power_on(self) -> None:
        """Give the machine power."""
        self._head.boots.power_on(self.machine)

    def power_off(self) -> None:
        """Take it away at once."""
        self._head.boots.power_off(self.machine)

    def reset(self) -> None:
        """Restart the machine at once."""
        self._head.boots.reset(self.machine)

    def soft_off(self) -> None:
        """Ask the operating system to shut down."""
        self._head.boots.press_soft_off(self.machine)

    def soft_restart(self) -> None:
        """Ask the operating system to restart."""
        self._head.boots.press_soft_restart(self.machine)

    def set_boot_device(self, device: str) -> None:
        """Choose what the next boot uses."""
        self._head.boots.set_boot_device(self.machine, device)

    def _names(self) -> tuple[str, ...]:
        return self._head.registry.names_of(self.machine)


def _prefixes(path: str) -> tuple[str, ...]:
    """Give a path and all above it: a fault that names one of them means it."""
    parts = path.rstrip("/").split("/")
    return tuple("/".join(parts[:end]) for end in range(2, len(parts) + 1))
