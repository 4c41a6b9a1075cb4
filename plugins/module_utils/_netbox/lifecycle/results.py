# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What became of a run's events, and what NetBox has differently since. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..api.journal import Entry
from .find_device import CONFLICT, NOT_FOUND
from .plan import CHANGED, UNCHANGED, Planned
from .reported_event import Occurrence
from .state import Interface, World

REFUSED, FAILED = "refused", "failed"
OUTCOMES = (CHANGED, UNCHANGED, CONFLICT, REFUSED, NOT_FOUND, FAILED)
Shown = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """What became of one event. `journal` is the entry that was written for it, empty without one."""

    occurrence: Occurrence
    outcome: str
    plan: Planned | None = None
    journal: str = ""
    message: str = ""

    def to_ansible(self) -> Shown:
        """The event in a module's result."""
        plan, occurrence = self.plan, self.occurrence
        return {
            "event": occurrence.event.value,
            "key": occurrence.key or None,
            "mac": occurrence.mac or None,
            "ip": str(occurrence.ip) if occurrence.ip is not None else None,
            "device": plan.device.name if plan else occurrence.device or None,
            "device_id": plan.device.id if plan else None,
            "interface": plan.interface.name if plan and plan.interface else None,
            "state_before": plan.device.state if plan else None,
            "state_after": plan.after if plan else None,
            "effects": list(plan.effects) if plan else [],
            "journal": self.journal or None,
            "outcome": self.outcome,
            "message": self.message or (plan.message if plan else ""),
        }


@dataclass
class _Change:
    """What a device was like before the run, and what it is like now."""

    name: str
    before: Shown = field(default_factory=dict)
    after: Shown = field(default_factory=dict)
    journal: list[str] = field(default_factory=list)

    def to_ansible(self) -> Shown:
        keys = [key for key in self.before if self.before[key] != self.after[key]]
        journal = {"journal": self.journal} if self.journal else {}
        return {
            "before_header": f"device {self.name}",
            "after_header": f"device {self.name} (update)",
            "before": {key: self.before[key] for key in keys},
            "after": {**{key: self.after[key] for key in keys}, **journal},
        }


@dataclass
class Ledger:
    """The books of a run: results by the event's number, changes by device."""

    results: dict[int, Result] = field(default_factory=dict)
    changes: dict[int, _Change] = field(default_factory=dict)

    def note(self, result: Result) -> None:
        """Keep the result of an event; a later one replaces it."""
        self.results[result.occurrence.number] = result

    def note_changes(
        self, before: World, after: World, plans: Sequence[Planned], good: Collection[int], entries: Collection[Entry]
    ) -> None:
        """Keep what differs between two worlds of the devices that are `good`, and the entries that were written."""
        interfaces = {plan.interface.id: plan.interface for plan in plans if plan.interface is not None}
        for device_id in dict.fromkeys(plan.device.id for plan in plans):
            ports = [each for each in interfaces.values() if each.device_id == device_id]
            was = _shown(before, device_id, ports)
            change = self.changes.setdefault(device_id, _Change(before.devices[device_id].name))
            change.before = {**was, **change.before}
            change.after = {**change.after, **(_shown(after, device_id, ports) if device_id in good else was)}
            change.journal += sorted(entry.text for entry in entries if entry.device_id == device_id)

    def to_ansible(self) -> Shown:
        """`changed`, `diff`, `events`, `counts` and `failures` of a module's result."""
        results = [self.results[number] for number in sorted(self.results)]
        diff = [change.to_ansible() for change in self.changes.values()]
        diff = [each for each in diff if each["before"] or each["after"]]
        return {
            "changed": bool(diff),
            "diff": diff,
            "events": [result.to_ansible() for result in results],
            "counts": {outcome: sum(1 for result in results if result.outcome == outcome) for outcome in OUTCOMES},
            "failures": {
                result.plan.device.name if result.plan else result.occurrence.label: result.message
                for result in results
                if result.outcome == FAILED
            },
        }


def _shown(world: World, device_id: int, ports: Sequence[Interface]) -> Shown:
    """A device as the diff shows it: its state, and the addresses of those of its ports that events are about."""
    device = world.devices[device_id]
    shown: Shown = {"state": device.state}
    for port in ports:
        shown[f"addresses of {port.name}"] = sorted(str(each.host) for each in world.on_interface(port.id))
    for name, address_id in device.designated.items():
        if address_id in world.addresses:
            shown[name] = str(world.addresses[address_id].host)
    return shown
