# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From an event and what NetBox has to what is done, in words too. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..api.journal import WARNING, Entry, entry_key
from .find_device import FoundDevice
from .reported_event import ReportedEvent, journal_text
from .state import Device, Interface, IpAddress, Snapshot
from .transitions import Effect, EventOutcome, Transition, find_transition


@dataclass(frozen=True)
class EventPlan:
    """What is done for one event. `effects` are the changes before that of the state, in words."""

    reported: ReportedEvent
    device: Device
    interface: Interface | None
    row: Transition
    after: str
    effects: tuple[str, ...] = ()
    message: str = ""
    entry: Entry | None = None

    @property
    def is_change(self) -> bool:
        """Return whether it writes more than a journal entry."""
        return bool(self.effects) or self.after != self.device.state

    @property
    def outcome(self) -> EventOutcome:
        """Give one of CHANGED, UNCHANGED, CONFLICT, REFUSED."""
        return self.row.problem or (EventOutcome.CHANGED if self.is_change else EventOutcome.UNCHANGED)


def plan_event(snapshot: Snapshot, reported: ReportedEvent, found: FoundDevice, *, nonce: str) -> EventPlan:
    """Find the event's row of the transition table and apply it to `snapshot`.

    `nonce` makes the journal entry of a change differ from that of the same change at another time; entries of
    events that change nothing are the same each time, so that they are written once.
    """
    device, interface, host = snapshot.devices[found.device_id], found.interface, reported.ip
    relation = snapshot.relation(host, interface) if host is not None and interface is not None else None
    row = find_transition(device.state, reported.event, relation)
    if row.is_problem:
        return _problem(snapshot, reported, device, interface, row)
    effects = _apply_effects(snapshot, reported, interface, row)
    after = row.to or device.state
    snapshot.set_state(device.id, after)
    plan = EventPlan(reported, device, interface, row, after, effects)
    message = _message_of(plan)
    entry = None
    if plan.is_change:
        key = entry_key("change", device.id, nonce)
        entry = Entry(device.id, key, row.journal, message + _details_of(reported), is_new=True)
    return EventPlan(reported, device, interface, row, after, effects, message, entry)


def conflict_entry(device_id: int, reported: ReportedEvent, message: str) -> Entry:
    """Make the entry of an event that contradicts NetBox before any state is looked at; the same each time."""
    key = entry_key("problem", device_id, reported.event, message)
    text = f"{reported.event}: {message} (conflict, nothing was changed).{_details_of(reported)}"
    return Entry(device_id, key, WARNING, text)


def refusal_entry(plan: EventPlan, why: str, *, is_conflict: bool) -> Entry:
    """Make the entry of a plan that NetBox refused, or that somebody else was quicker than; the same each time."""
    text = f"{plan.reported.event} in state {plan.device.state}: {journal_text(why)}"
    key = entry_key("problem", plan.device.id, text)
    outcome = "conflict, nothing was changed" if is_conflict else "NetBox refused it"
    return Entry(plan.device.id, key, WARNING, f"{text} ({outcome}).{_details_of(plan.reported)}")


def _apply_effects(
    snapshot: Snapshot, reported: ReportedEvent, interface: Interface | None, row: Transition
) -> tuple[str, ...]:
    host = reported.ip
    if host is None or interface is None:
        return ()
    done = []
    old = snapshot.stale_on(interface, host)
    if Effect.ASSIGN in row.effects and not any(each.host == host for each in snapshot.on_interface(interface.id)):
        snapshot.assign(host, reported.cidr, interface, f"{interface.name} of {interface.device_name}")
        done.append(f"{host} assigned to {interface.name}")
    if Effect.RELEASE in row.effects and old:
        done += [f"{name} follows to {host}" for name in snapshot.redesignate(interface, old, host)]
        snapshot.release(old)
        done.append(f"{_hosts(old)} released")
    return tuple(done)


def _problem(
    snapshot: Snapshot, reported: ReportedEvent, device: Device, interface: Interface | None, row: Transition
) -> EventPlan:
    facts = []
    if reported.ip is not None and interface is not None:
        recorded = snapshot.on_interface(interface.id)
        facts.append(f"the lease is {reported.ip} on {interface.name}")
        facts.append(f"recorded: {_hosts(recorded) or 'no address'}")
        owner = snapshot.owner_of(reported.ip, interface)
        if owner is not None:
            facts.append(f"{owner.address} belongs to {owner.owner}")
    what = f"{reported.event} in state {device.state or '(unset)'}: {row.reason}"
    message = "; ".join([what, *facts])
    # Not the state alone: another address, or another owner of it, is to be reported too.
    key = entry_key("problem", device.id, reported.event, device.state, message)
    outcome = "nothing was changed" if row.problem is EventOutcome.REFUSED else "conflict, nothing was changed"
    entry = Entry(device.id, key, row.journal, f"{message} ({outcome}).{_details_of(reported)}")
    return EventPlan(reported, device, interface, row, device.state, message=message, entry=entry)


def _message_of(plan: EventPlan) -> str:
    moved = f"{plan.device.state} → {plan.after}" if plan.after != plan.device.state else f"still {plan.after}"
    done = f": {'; '.join(plan.effects)}" if plan.effects else ""
    return f"{moved} ({plan.reported.event}){done}."


def _details_of(reported: ReportedEvent) -> str:
    """Write what the event's sender reported, in code spans: it is foreign text."""
    details = {
        "MAC address": reported.mac,
        "host name": reported.hostname,
        "time": reported.time,
        "reason": reported.reason,
    }
    words = ", ".join(f"{name} `{text}`" for name, text in details.items() if text)
    return f" {words[0].upper()}{words[1:]}." if words else ""


def _hosts(addresses: Sequence[IpAddress]) -> str:
    return ", ".join(sorted(str(each.host) for each in addresses))
