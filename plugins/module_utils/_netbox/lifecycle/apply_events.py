# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Applies events: find whom they are about, lock, read, plan, write, journal. Racing and repeated events converge."""

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
from .find_device import CONFLICT, NOT_FOUND, Nobody, Target, find_target
from .plan import Planned, plan_event
from .read import read_directory, read_vrf, read_world
from .reported_event import Occurrence
from .results import FAILED, Ledger, Result
from .state import StateField, World
from .write import AddressLost, Writer, Written, states_missing

# What is locked at once, and about what one request of each kind takes.
_BATCH = 100
_ROUNDS = 3


@dataclass(frozen=True)
class Settings:
    """How events are applied."""

    state_field: StateField
    names: Collection[str] = BMC_NAMES
    tags: Sequence[str] = ()
    vrf: str | None = None
    lock_path: str = "~/.ansible/baremetal.bcm/locks"


@dataclass
class _Batch:
    """Events that are planned together, and what was read for them."""

    before: World
    after: World
    plans: list[Planned]

    def device_of(self) -> dict[int, int]:
        return {plan.interface.id: plan.device.id for plan in self.plans if plan.interface is not None}


@dataclass
class Drive:
    """One run over a list of events. `dry_run` plans and reads only; its ledger tells what a run would do."""

    netbox: NetBox
    settings: Settings
    dry_run: bool = False
    sleep: Callable[[float], None] = time.sleep
    nonce: Callable[[], str] = field(default=lambda: uuid.uuid4().hex)
    ledger: Ledger = field(default_factory=Ledger)
    _allowed: Collection[str] | None = field(default=None, init=False)
    _asked: bool = field(default=False, init=False)

    def apply(self, occurrences: Sequence[Occurrence]) -> Ledger:
        """Apply all events in their order; every one ends with a result. Raises NetBoxError only before the first."""
        begun = False
        vrf_id = read_vrf(self.netbox, self.settings.vrf)
        writer = Writer(self.netbox, self.settings.state_field, vrf_id, self.settings.tags)
        # A dry run is one batch, so that each event sees what those before it would have done.
        size = len(occurrences) if self.dry_run else _BATCH
        for start in range(0, len(occurrences), max(1, size)):
            batch = occurrences[start : start + size]
            try:
                self._apply_batch(batch, writer)
                begun = True
            except NetBoxError as error:
                if not begun:
                    raise
                # Those of the other batches would meet the same; each of the calls was already tried again.
                self._fail([each for each in occurrences if each.number not in self.ledger.results], error)
                break
        return self.ledger

    def _apply_batch(self, occurrences: Sequence[Occurrence], writer: Writer) -> None:
        left: Sequence[Occurrence] = occurrences
        for last in (*[False] * (_ROUNDS - 1), True):
            directory = read_directory(self.netbox, left, self.settings.names)
            found = [(each, find_target(each, directory)) for each in left]
            for each, nobody in found:
                if isinstance(nobody, Nobody):
                    self.ledger.note(Result(each, nobody.outcome, message=nobody.message))
            targets = [(each, target) for each, target in found if isinstance(target, Target)]
            with self._locked({target.device_id for _each, target in targets}):
                stale = self._round(targets, writer)
            left = [each for each, target in targets if target.device_id in stale]
            if not left:
                return
            if last:
                text = f"somebody else changed the device {_ROUNDS} times while this was at work; run it again"
                self._fail(left, NetBoxApiError(text, status=412))

    def _round(self, targets: Sequence[tuple[Occurrence, Target]], writer: Writer) -> set[int]:
        """Plan and write once; answers the devices whose events must be planned anew."""
        batch = self._plan(targets, writer)
        if self.dry_run:
            self._journal(batch, Written())
            return set()
        written = writer.write(batch.before, batch.after, batch.device_of())
        self._journal(batch, written)
        return written.stale

    def _plan(self, targets: Sequence[tuple[Occurrence, Target]], writer: Writer) -> _Batch:
        world = read_world(
            self.netbox,
            {target.device_id for _each, target in targets},
            interface_ids={target.interface.id for _each, target in targets if target.interface is not None},
            hosts={each.ip for each, target in targets if each.ip is not None and target.interface is not None},
            state_field=self.settings.state_field,
            vrf_id=writer.vrf_id,
        )
        batch = _Batch(world.copy(), world, [])
        for each, target in targets:
            if target.device_id not in world.devices:
                self.ledger.note(Result(each, NOT_FOUND, message="the device was deleted meanwhile"))
                continue
            kept = world.copy()
            plan = plan_event(world, each, target, nonce=self.nonce())
            missing = self._missing_states(plan)
            if missing:
                # Before any write: a state that can't be set would leave the address assigned and nothing else.
                world.devices, world.addresses = kept.devices, kept.addresses
                self.ledger.note(Result(each, FAILED, plan=replace(plan, effects=(), entry=None), message=missing))
            else:
                batch.plans.append(plan)
        return batch

    def _missing_states(self, plan: Planned) -> str:
        if plan.after == plan.device.state or self.settings.state_field.custom_field:
            return ""
        if not self._asked:
            self._allowed, self._asked = self.netbox.choices(DEVICES, "status"), True
        if not states_missing([plan.after], self._allowed):
            return ""
        return (
            f"NetBox has no device status {plan.after}: add it to FIELD_CHOICES in its configuration "
            "(netbox_bootstrap says how), or keep the state in a custom field with state_field"
        )

    def _journal(self, batch: _Batch, written: Written) -> None:
        """Write the entries of what succeeded, and the results of all but those that are planned anew."""
        plans = [plan for plan in batch.plans if plan.device.id not in written.stale]
        good = [plan for plan in plans if written.is_good(plan.device.id)]
        lost = [plan for plan in plans if isinstance(written.errors.get(plan.device.id), AddressLost)]
        entries = [*_entries(good), *(_lost_entry(plan, written) for plan in lost)]
        fresh, errors = self._write_entries(entries)
        self.ledger.note_changes(batch.before, batch.after, batch.plans, {plan.device.id for plan in good}, fresh)
        for plan in plans:
            error = written.errors.get(plan.device.id)
            if error is not None:
                outcome = CONFLICT if isinstance(error, AddressLost) else FAILED
                self.ledger.note(Result(plan.occurrence, outcome, plan=_undone(plan), message=str(error)))
            elif plan.entry in errors:
                message = f"{plan.message} But the journal entry could not be written: {errors[plan.entry]}"
                self.ledger.note(Result(plan.occurrence, FAILED, plan=plan, message=message))
            else:
                journal = plan.entry.text if plan.entry is not None and plan.entry in fresh else ""
                self.ledger.note(Result(plan.occurrence, plan.outcome, plan=plan, journal=journal))

    def _write_entries(self, entries: Sequence[Entry]) -> tuple[set[Entry], dict[Entry, NetBoxError]]:
        """Write those that are not there; answers them, and why others could not be written."""
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

    def _fail(self, occurrences: Sequence[Occurrence], error: NetBoxError) -> None:
        for each in occurrences:
            self.ledger.note(Result(each, FAILED, message=str(error)))


def _entries(plans: Sequence[Planned]) -> Iterator[Entry]:
    return (plan.entry for plan in plans if plan.entry is not None)


def _undone(plan: Planned) -> Planned:
    """The plan as far as it is certain: nothing of it."""
    return replace(plan, effects=(), after=plan.device.state, entry=None)


def _lost_entry(plan: Planned, written: Written) -> Entry:
    text = f"{plan.occurrence.event.value} in state {plan.device.state}: {written.errors[plan.device.id]}"
    key = entry_key("problem", plan.device.id, text)
    return Entry(plan.device.id, key, WARNING, f"{text} (conflict, nothing was changed).")
