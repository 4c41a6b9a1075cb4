# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Applies events: find the device, lock, read, plan, write, journal. Racing and repeated events converge."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace

from ..api.client import DEVICES, IP_ADDRESSES, NetBox
from ..api.errors import NetBoxApiError, NetBoxError
from ..api.interfaces import BMC_NAMES
from ..api.journal import JOURNALING, Entry, write_new
from ..api.ledger import DEFAULT_PATH, Ledger
from ..api.locks import locked
from .find_device import FoundDevice, NoDevice, find_device
from .owed import WORK, OwedEntries
from .plan import EventPlan, conflict_entry, plan_event, refusal_entry
from .read import read_device_index, read_snapshot, read_vrf
from .reported_event import ReportedEvent
from .results import EventResult, Results
from .state import Snapshot, StateField, reassignments
from .transitions import EventOutcome
from .write import DEVICE_GONE, AddressLost, Writer, Written, states_missing

# What is locked at once, and about what one request of each kind takes.
_BATCH = 100
_ROUNDS = 3
# What NetBox says of these fields is for who wrote the task, and not about a device.
_OF_OPTIONS = {"tags", "vrf"}


@dataclass(frozen=True)
class EventSettings:
    """How events are applied. `names` are those of BMC ports, `tags` those of addresses that are created."""

    state_field: StateField
    names: Collection[str] = BMC_NAMES
    tags: Sequence[str] = ()
    vrf: str | None = None
    lock_path: str = "~/.ansible/baremetal.bcm/locks"
    ledger_path: str = DEFAULT_PATH


@dataclass
class _Batch:
    """Events that are planned together, and what was read for them."""

    before: Snapshot
    after: Snapshot
    plans: list[EventPlan]

    def device_of(self) -> dict[int, int]:
        return {plan.interface.id: plan.device.id for plan in self.plans if plan.interface is not None}


@dataclass
class EventRun:
    """One run over a list of events. `dry_run` reads and plans only; its results are those that a run would have."""

    netbox: NetBox
    settings: EventSettings
    dry_run: bool = False
    sleep: Callable[[float], None] = time.sleep
    nonce: Callable[[], str] = field(default=lambda: uuid.uuid4().hex)
    results: Results = field(default_factory=Results)
    _allowed: Collection[str] | None = field(default=None, init=False)
    _asked: bool = field(default=False, init=False)

    def apply(self, events: Sequence[ReportedEvent]) -> Results:
        """Apply all events in their order; every one gets a result.

        Raises NetBoxError where the first batch fails. Trying again is safe.
        """
        vrf_id = read_vrf(self.netbox, self.settings.vrf)
        writer = Writer(self.netbox, self.settings.state_field, vrf_id, self.settings.tags, self.sleep)
        ledger = Ledger(self.settings.ledger_path, self.netbox.url, WORK, read_only=self.dry_run)
        with closing(ledger):
            owed = OwedEntries(self.netbox, ledger, self.settings.state_field, vrf_id)
            owed.settle(self.results, dry_run=self.dry_run)
            self._apply_all(events, writer, owed)
        self.results.has_written = self.netbox.has_written
        return self.results

    def _apply_all(self, events: Sequence[ReportedEvent], writer: Writer, owed: OwedEntries) -> None:
        begun = False
        # A dry run is one batch, so that each event sees what those before it would have done.
        size = len(events) if self.dry_run else _BATCH
        for start in range(0, len(events), max(1, size)):
            batch = events[start : start + size]
            try:
                self._apply_batch(batch, writer, owed)
                begun = True
            except NetBoxError as error:
                if not begun:
                    raise
                # Those of the other batches would meet the same; each of the calls was already tried again.
                self._fail([each for each in events if each.number not in self.results.events], str(error))
                break

    def _apply_batch(self, events: Sequence[ReportedEvent], writer: Writer, owed: OwedEntries) -> None:
        left: Sequence[ReportedEvent] = events
        for last in (*[False] * (_ROUNDS - 1), True):
            index = read_device_index(self.netbox, left, self.settings.names)
            lookups = [(each, find_device(each, index)) for each in left]
            self._tell([(each, lookup) for each, lookup in lookups if isinstance(lookup, NoDevice)])
            found = [(each, lookup) for each, lookup in lookups if isinstance(lookup, FoundDevice)]
            with self._locked({device.device_id for _each, device in found}):
                stale = self._round(found, writer, owed)
            left = [each for each, device in found if device.device_id in stale]
            if last:
                for each, device in found:
                    if device.device_id in stale:
                        self._fail([each], stale[device.device_id])
            if not left:
                return

    def _tell(self, lookups: Sequence[tuple[ReportedEvent, NoDevice]]) -> None:
        """Keep the results of events without a device; what contradicts NetBox gets an entry on each device in it."""
        entries = {
            conflict_entry(device_id, each, lookup.message): name
            for each, lookup in lookups
            for device_id, name in lookup.devices.items()
        }
        if entries:
            self.netbox.require(JOURNALING)
        fresh, errors = write_new(self.netbox, list(entries), dry_run=self.dry_run)
        for entry in fresh:
            self.results.add_entry(entries[entry], entry)
        for each, lookup in lookups:
            own = [conflict_entry(device_id, each, lookup.message) for device_id in lookup.devices]
            refused = next((errors[entry] for entry in own if entry in errors), None)
            if refused is not None:
                self._fail([each], f"{lookup.message}. But the journal entry could not be written: {refused}")
                continue
            journal = next((entry.text for entry in own if entry in fresh), "")
            self.results.add(EventResult(each, lookup.outcome, journal=journal, message=lookup.message))

    def _round(
        self, found: Sequence[tuple[ReportedEvent, FoundDevice]], writer: Writer, owed: OwedEntries
    ) -> Mapping[int, str]:
        """Plan and write once; returns by id of device why its events must be planned again."""
        batch = self._plan(found, writer)
        batch.plans = owed.take_over(batch.plans, batch.after)
        self.netbox.require(_needed(batch))
        if self.dry_run:
            self._journal(batch, Written(), owed)
            return {}
        owed.remember(batch.plans, batch.after)
        written = writer.write(batch.before, batch.after, batch.device_of())
        self._journal(batch, written, owed)
        return written.stale

    def _plan(self, found: Sequence[tuple[ReportedEvent, FoundDevice]], writer: Writer) -> _Batch:
        snapshot = read_snapshot(
            self.netbox,
            {device.device_id for _each, device in found},
            interface_ids={device.interface.id for _each, device in found if device.interface is not None},
            hosts={each.ip for each, device in found if each.ip is not None and device.interface is not None},
            state_field=self.settings.state_field,
            vrf_id=writer.vrf_id,
        )
        batch = _Batch(snapshot.copy(), snapshot, [])
        for each, device in found:
            if device.device_id not in snapshot.devices:
                self.results.add(EventResult(each, EventOutcome.NOT_FOUND, message=DEVICE_GONE))
                continue
            kept = snapshot.copy()
            plan = plan_event(snapshot, each, device, nonce=self.nonce())
            missing = self._missing_states(plan)
            if missing:
                # Before any write: a state that can't be set would leave the address assigned and nothing else.
                snapshot.devices, snapshot.addresses = kept.devices, kept.addresses
                undone = replace(plan, effects=(), entry=None)
                self.results.add(EventResult(each, EventOutcome.FAILED, plan=undone, message=missing))
            else:
                batch.plans.append(plan)
        return batch

    def _missing_states(self, plan: EventPlan) -> str:
        if plan.after == plan.device.state or self.settings.state_field.custom_field:
            return ""
        if not self._asked:
            self._allowed, self._asked = self.netbox.choices(DEVICES, "status"), True
        if not states_missing([plan.after], self._allowed):
            return ""
        return (
            f"NetBox has no device status {plan.after}: add it to FIELD_CHOICES in its configuration "
            "(netbox_bootstrap shows how), or keep the state in a custom field with state_field"
        )

    def _journal(self, batch: _Batch, written: Written, owed: OwedEntries) -> None:
        """Write the entries of what succeeded, and the results of all but those that are planned again."""
        plans = [plan for plan in batch.plans if plan.device.id not in written.stale]
        good = [plan for plan in plans if written.is_good(plan.device.id)]
        told = _refusals(plans, written)
        late = owed.shown_by(batch.before)
        entries = [*_entries(good), *told.values(), *late]
        fresh, errors = write_new(self.netbox, entries, dry_run=self.dry_run)
        done = [entry for entry in _entries(batch.plans) if entry.is_new] + entries
        changed = {plan.device.id for plan in good if plan.is_change}
        owed.forget(done, changed=changed, but=errors)
        self.results.add_changes(batch.before, batch.after, batch.plans, {plan.device.id for plan in good}, fresh)
        for plan in plans:
            error = written.errors.get(plan.device.id)
            entry = plan.entry if error is None else told.get(plan.reported.number)
            journal = entry.text if entry is not None and entry in fresh else ""
            if error is not None:
                outcome = EventOutcome.CONFLICT if isinstance(error, AddressLost) else EventOutcome.FAILED
                is_lasting = outcome is EventOutcome.FAILED and entry is not None and entry not in errors
                result = EventResult(plan.reported, outcome, _undone(plan), journal, str(error), is_lasting)
            elif entry in errors:
                message = f"{plan.message} But the journal entry could not be written: {errors[entry]}"
                result = EventResult(plan.reported, EventOutcome.FAILED, plan=plan, message=message)
            else:
                result = EventResult(plan.reported, plan.outcome, plan=plan, journal=journal)
            self.results.add(result)

    def _locked(self, device_ids: Collection[int]) -> AbstractContextManager[None]:
        if self.dry_run or not device_ids:
            return nullcontext()
        return locked(self.settings.lock_path, self.netbox.url, device_ids, sleep=self.sleep)

    def _fail(self, events: Sequence[ReportedEvent], why: str) -> None:
        for each in events:
            self.results.add(EventResult(each, EventOutcome.FAILED, message=why))


def _needed(batch: _Batch) -> Iterator[tuple[str, str]]:
    """Give what the token must be allowed to do for these plans, before any of it is done."""
    for move in reassignments(batch.before, batch.after):
        yield ("POST" if move.before is None else "PATCH", IP_ADDRESSES)
    if batch.before.devices != batch.after.devices:
        yield ("PATCH", DEVICES)
    if any(plan.entry is not None for plan in batch.plans):
        yield from JOURNALING


def _entries(plans: Sequence[EventPlan]) -> Iterator[Entry]:
    return (plan.entry for plan in plans if plan.entry is not None)


def _undone(plan: EventPlan) -> EventPlan:
    """Give the plan without what may not have been done."""
    return replace(plan, effects=(), after=plan.device.state, entry=None)


def _refusals(plans: Sequence[EventPlan], written: Written) -> dict[int, Entry]:
    """Give by number of event the entry about what will be the same each time until NetBox is changed."""
    told = {}
    for plan in plans:
        error = written.errors.get(plan.device.id)
        is_conflict = isinstance(error, AddressLost)
        if not plan.is_change or not isinstance(error, NetBoxApiError) or error.complaints.keys() & _OF_OPTIONS:
            continue
        if is_conflict or error.is_lasting:
            told[plan.reported.number] = refusal_entry(plan, str(error), is_conflict=is_conflict)
    return told
