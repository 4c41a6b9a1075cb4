# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Applies events: find the device, lock, read, plan, write, journal. Racing and repeated events converge."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from ..api.client import DEVICES, NetBox
from ..api.errors import NetBoxApiError, NetBoxError
from ..api.interfaces import BMC_NAMES
from ..api.journal import WARNING, Entry, entry_key, known_keys, write_entries
from ..api.locks import locked
from .find_device import FoundDevice, NoDevice, find_device
from .plan import EventPlan, plan_event
from .read import read_device_index, read_snapshot, read_vrf
from .reported_event import ReportedEvent
from .results import EventResult, Results
from .state import Snapshot, StateField
from .transitions import EventOutcome
from .write import AddressLost, Writer, Written, states_missing

# What is locked at once, and about what one request of each kind takes.
_BATCH = 100
_ROUNDS = 3


@dataclass(frozen=True)
class EventSettings:
    """How events are applied. `names` are those of BMC ports, `tags` those of addresses that are created."""

    state_field: StateField
    names: Collection[str] = BMC_NAMES
    tags: Sequence[str] = ()
    vrf: str | None = None
    lock_path: str = "~/.ansible/baremetal.bcm/locks"


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
        begun = False
        vrf_id = read_vrf(self.netbox, self.settings.vrf)
        writer = Writer(self.netbox, self.settings.state_field, vrf_id, self.settings.tags)
        # A dry run is one batch, so that each event sees what those before it would have done.
        size = len(events) if self.dry_run else _BATCH
        for start in range(0, len(events), max(1, size)):
            batch = events[start : start + size]
            try:
                self._apply_batch(batch, writer)
                begun = True
            except NetBoxError as error:
                if not begun:
                    raise
                # Those of the other batches would meet the same; each of the calls was already tried again.
                self._fail([each for each in events if each.number not in self.results.events], error)
                break
        return self.results

    def _apply_batch(self, events: Sequence[ReportedEvent], writer: Writer) -> None:
        left: Sequence[ReportedEvent] = events
        for last in (*[False] * (_ROUNDS - 1), True):
            index = read_device_index(self.netbox, left, self.settings.names)
            lookups = [(each, find_device(each, index)) for each in left]
            for each, lookup in lookups:
                if isinstance(lookup, NoDevice):
                    self.results.add(EventResult(each, lookup.outcome, message=lookup.message))
            found = [(each, lookup) for each, lookup in lookups if isinstance(lookup, FoundDevice)]
            with self._locked({device.device_id for _each, device in found}):
                stale = self._round(found, writer)
            left = [each for each, device in found if device.device_id in stale]
            if not left:
                return
            if last:
                text = f"the device was changed by others {_ROUNDS} times during this run; run it again"
                self._fail(left, NetBoxApiError(text, status=412))

    def _round(self, found: Sequence[tuple[ReportedEvent, FoundDevice]], writer: Writer) -> set[int]:
        """Plan and write once; returns the ids of devices whose events must be planned again."""
        batch = self._plan(found, writer)
        if self.dry_run:
            self._journal(batch, Written())
            return set()
        written = writer.write(batch.before, batch.after, batch.device_of())
        self._journal(batch, written)
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
                message = "the device was deleted meanwhile"
                self.results.add(EventResult(each, EventOutcome.NOT_FOUND, message=message))
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

    def _journal(self, batch: _Batch, written: Written) -> None:
        """Write the entries of what succeeded, and the results of all but those that are planned again."""
        plans = [plan for plan in batch.plans if plan.device.id not in written.stale]
        good = [plan for plan in plans if written.is_good(plan.device.id)]
        lost = [plan for plan in plans if isinstance(written.errors.get(plan.device.id), AddressLost)]
        entries = [*_entries(good), *(_lost_entry(plan, written) for plan in lost)]
        fresh, errors = self._write_entries(entries)
        self.results.add_changes(batch.before, batch.after, batch.plans, {plan.device.id for plan in good}, fresh)
        for plan in plans:
            error = written.errors.get(plan.device.id)
            if error is not None:
                outcome = EventOutcome.CONFLICT if isinstance(error, AddressLost) else EventOutcome.FAILED
                self.results.add(EventResult(plan.reported, outcome, plan=_undone(plan), message=str(error)))
            elif plan.entry in errors:
                message = f"{plan.message} But the journal entry could not be written: {errors[plan.entry]}"
                self.results.add(EventResult(plan.reported, EventOutcome.FAILED, plan=plan, message=message))
            else:
                journal = plan.entry.text if plan.entry is not None and plan.entry in fresh else ""
                self.results.add(EventResult(plan.reported, plan.outcome, plan=plan, journal=journal))

    def _write_entries(self, entries: Sequence[Entry]) -> tuple[set[Entry], dict[Entry, NetBoxError]]:
        """Write the entries that are not there; returns them, and why others could not be written."""
        if not entries:
            return set(), {}
        known = known_keys(self.netbox, {entry.device_id for entry in entries if not entry.is_new})
        fresh = [entry for entry in dict.fromkeys(entries) if (entry.device_id, entry.key) not in known]
        if self.dry_run:
            return set(fresh), {}
        # What was looked for is not there.
        sent = {entry: replace(entry, is_new=True) for entry in fresh}
        made = write_entries(self.netbox, list(sent.values()))
        errors = {entry: error for entry in fresh if (error := made[sent[entry]]) is not None}
        return {entry for entry in fresh if entry not in errors}, errors

    def _locked(self, device_ids: Collection[int]) -> AbstractContextManager[None]:
        if self.dry_run or not device_ids:
            return nullcontext()
        return locked(self.settings.lock_path, self.netbox.url, device_ids, sleep=self.sleep)

    def _fail(self, events: Sequence[ReportedEvent], error: NetBoxError) -> None:
        for each in events:
            self.results.add(EventResult(each, EventOutcome.FAILED, message=str(error)))


def _entries(plans: Sequence[EventPlan]) -> Iterator[Entry]:
    return (plan.entry for plan in plans if plan.entry is not None)


def _undone(plan: EventPlan) -> EventPlan:
    """Give the plan without what may not have been done."""
    return replace(plan, effects=(), after=plan.device.state, entry=None)


def _lost_entry(plan: EventPlan, written: Written) -> Entry:
    text = f"{plan.reported.event} in state {plan.device.state}: {written.errors[plan.device.id]}"
    key = entry_key("problem", plan.device.id, text)
    return Entry(plan.device.id, key, WARNING, f"{text} (conflict, nothing was changed).")
