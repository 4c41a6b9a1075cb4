# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What became of a run's events, and what differs in NetBox since. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..api.journal import Entry
from .plan import EventPlan
from .reported_event import ReportedEvent
from .state import Interface, Snapshot
from .transitions import EventOutcome

Shown = dict[str, Any]


@dataclass(frozen=True)
class EventResult:
    """What became of one event. `journal` is the text of the entry that was written for it, empty without one.

    `is_lasting` says of a failure that the journal has it, and that it would be the same until NetBox is changed.
    """

    reported: ReportedEvent
    outcome: EventOutcome
    plan: EventPlan | None = None
    journal: str = ""
    message: str = ""
    is_lasting: bool = False

    def to_ansible(self) -> Shown:
        """Give an element of `events` of netbox_lifecycle's result, where it is documented."""
        plan, reported = self.plan, self.reported
        return {
            "event": str(reported.event),
            "key": reported.key or None,
            "mac": reported.mac or None,
            "ip": str(reported.ip) if reported.ip is not None else None,
            "device": plan.device.name if plan else reported.device or None,
            "device_id": plan.device.id if plan else None,
            "interface": plan.interface.name if plan and plan.interface else None,
            "state_before": str(plan.device.state) if plan else None,
            "state_after": str(plan.after) if plan else None,
            "effects": list(plan.effects) if plan else [],
            "journal": self.journal or None,
            "outcome": str(self.outcome),
            "lasting": self.is_lasting,
            "message": self.message or (plan.message if plan else ""),
        }


@dataclass
class _DeviceChange:
    """A device before the run, and after it."""

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
class Results:
    """The results of a run by the event's number, its changes by device, and what keeps entries of earlier runs back.

    `has_written` says that something was written although no difference may show, as where a failure came between.
    """

    events: dict[int, EventResult] = field(default_factory=dict)
    changes: dict[int, _DeviceChange] = field(default_factory=dict)
    owed: dict[str, str] = field(default_factory=dict)
    has_written: bool = False

    def add(self, result: EventResult) -> None:
        """Keep the result of an event; a later one replaces it."""
        self.events[result.reported.number] = result

    def add_changes(
        self,
        before: Snapshot,
        after: Snapshot,
        plans: Sequence[EventPlan],
        good: Collection[int],
        entries: Collection[Entry],
    ) -> None:
        """Keep what differs between two snapshots of the devices in `good`, and the entries that were written."""
        interfaces = {plan.interface.id: plan.interface for plan in plans if plan.interface is not None}
        for device_id in dict.fromkeys(plan.device.id for plan in plans):
            ports = [each for each in interfaces.values() if each.device_id == device_id]
            was = _shown(before, device_id, ports)
            change = self.changes.setdefault(device_id, _DeviceChange(before.devices[device_id].name))
            change.before = {**was, **change.before}
            change.after = {**change.after, **(_shown(after, device_id, ports) if device_id in good else was)}
            change.journal += sorted(entry.text for entry in entries if entry.device_id == device_id)

    def add_entry(self, name: str, entry: Entry) -> None:
        """Keep that an entry was written of which no plan of this run tells; `name` is its device's."""
        self.changes.setdefault(entry.device_id, _DeviceChange(name)).journal.append(entry.text)

    def to_ansible(self) -> Shown:
        """Give `changed`, `diff`, `events`, `counts` and `failures` of netbox_lifecycle's result."""
        results = [self.events[number] for number in sorted(self.events)]
        diff = [change.to_ansible() for change in self.changes.values()]
        diff = [each for each in diff if each["before"] or each["after"]]
        return {
            "changed": bool(diff) or self.has_written,
            "diff": diff,
            "events": [result.to_ansible() for result in results],
            "counts": {str(each): sum(result.outcome is each for result in results) for each in EventOutcome},
            "failures": {
                **self.owed,
                **{
                    result.plan.device.name if result.plan else result.reported.label: result.message
                    for result in results
                    if result.outcome is EventOutcome.FAILED
                },
            },
        }


def _shown(snapshot: Snapshot, device_id: int, ports: Sequence[Interface]) -> Shown:
    """Give a device as the diff shows it: its state, and the addresses of those of its ports that events are about."""
    device = snapshot.devices[device_id]
    shown: Shown = {"state": str(device.state)}
    for port in ports:
        shown[f"addresses of {port.name}"] = sorted(str(each.host) for each in snapshot.on_interface(port.id))
    for name, address_id in device.designated.items():
        if address_id in snapshot.addresses:
            shown[name] = str(snapshot.addresses[address_id].host)
    return shown
