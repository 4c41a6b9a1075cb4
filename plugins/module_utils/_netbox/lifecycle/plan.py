# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""An event and what NetBox has → what to do, in words too. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..api.journal import Entry, entry_key
from .find_device import Target
from .reported_event import Occurrence
from .state import Device, Interface, IpAddress, World
from .transitions import Effect, Outcome, Transition, find_transition

CHANGED, UNCHANGED = "changed", "unchanged"


@dataclass(frozen=True)
class Planned:
    """What one event comes to. `effects` are what it changes before the state, in words."""

    occurrence: Occurrence
    device: Device
    interface: Interface | None
    row: Transition
    after: str
    effects: tuple[str, ...] = ()
    message: str = ""
    entry: Entry | None = None

    @property
    def is_change(self) -> bool:
        return bool(self.effects) or self.after != self.device.state

    @property
    def outcome(self) -> str:
        """One of changed, unchanged, conflict, refused."""
        if self.row.is_problem:
            return self.row.outcome.value
        return CHANGED if self.is_change else UNCHANGED


def plan_event(world: World, occurrence: Occurrence, target: Target, *, nonce: str) -> Planned:
    """Look the event up in the transition table and apply the row to `world`.

    `nonce` makes the journal entry of a change differ from that of the same change at another time; entries of
    events that change nothing are the same each time, so that they are written once.
    """
    device, interface, host = world.devices[target.device_id], target.interface, occurrence.ip
    relation = world.relation(host, interface) if host is not None and interface is not None else None
    row = find_transition(device.state, occurrence.event, relation)
    if row.is_problem:
        return _problem(world, occurrence, device, interface, row)
    effects = _apply_effects(world, occurrence, interface, row)
    after = row.to or device.state
    world.set_state(device.id, after)
    plan = Planned(occurrence, device, interface, row, after, effects)
    told = _told(plan)
    entry = None
    if plan.is_change:
        key = entry_key("change", device.id, nonce)
        entry = Entry(device.id, key, row.journal, told + _said(occurrence), is_new=True)
    return Planned(occurrence, device, interface, row, after, effects, told, entry)


def _apply_effects(
    world: World, occurrence: Occurrence, interface: Interface | None, row: Transition
) -> tuple[str, ...]:
    host = occurrence.ip
    if host is None or interface is None:
        return ()
    done = []
    old = world.stale_on(interface, host)
    if Effect.ASSIGN in row.effects and not any(each.host == host for each in world.on_interface(interface.id)):
        world.assign(host, occurrence.cidr, interface, f"{interface.name} of {interface.device_name}")
        done.append(f"{host} assigned to {interface.name}")
    if Effect.RELEASE in row.effects and old:
        done += [f"{name} follows to {host}" for name in world.redesignate(interface, old, host)]
        world.release(old)
        done.append(f"{_hosts(old)} released")
    return tuple(done)


def _problem(
    world: World, occurrence: Occurrence, device: Device, interface: Interface | None, row: Transition
) -> Planned:
    facts = []
    if occurrence.ip is not None and interface is not None:
        recorded = world.on_interface(interface.id)
        facts.append(f"the lease is {occurrence.ip} on {interface.name}")
        facts.append(f"recorded: {_hosts(recorded) or 'no address'}")
        owner = world.owner_of(occurrence.ip, interface)
        if owner is not None:
            facts.append(f"{owner.address} belongs to {owner.owner}")
    what = f"{occurrence.event.value} in state {device.state or '(unset)'}: {row.reason}"
    told = "; ".join([what, *facts])
    # Not the state alone: an address that another one took is a new thing to tell.
    key = entry_key("problem", device.id, occurrence.event.value, device.state, told)
    outcome = "nothing was changed" if row.outcome is Outcome.REFUSED else "conflict, nothing was changed"
    entry = Entry(device.id, key, row.journal, f"{told} ({outcome}).{_said(occurrence)}")
    return Planned(occurrence, device, interface, row, device.state, message=told, entry=entry)


def _told(plan: Planned) -> str:
    moved = f"{plan.device.state} → {plan.after}" if plan.after != plan.device.state else f"still {plan.after}"
    done = f": {'; '.join(plan.effects)}" if plan.effects else ""
    return f"{moved} ({plan.occurrence.event.value}){done}."


def _said(occurrence: Occurrence) -> str:
    """What the event's sender said, in code spans: none of it is ours."""
    said = {
        "MAC address": occurrence.mac,
        "host name": occurrence.hostname,
        "time": occurrence.time,
        "reason": occurrence.reason,
    }
    words = ", ".join(f"{name} `{text}`" for name, text in said.items() if text)
    return f" {words[0].upper()}{words[1:]}." if words else ""


def _hosts(addresses: Sequence[IpAddress]) -> str:
    return ", ".join(sorted(str(each.host) for each in addresses))
