# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Journal entries that changes still owe: remembered before, recognised and written after, by whichever run comes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..api.client import NetBox
from ..api.journal import Entry, write_new
from ..api.ledger import Due, Ledger
from .plan import EventPlan
from .read import VrfId, read_addresses, read_devices
from .results import Results
from .state import Snapshot, StateField

WORK = "lifecycle"
# After that, no request can be under way any more: a change that does not show was never made.
_IN_DOUBT_S = 3600.0
_BATCH = 100


class OwedEntries:
    """What earlier runs owed the journal, and what this run will."""

    def __init__(self, netbox: NetBox, ledger: Ledger, state_field: StateField, vrf_id: VrfId) -> None:
        self._netbox = netbox
        self._ledger = ledger
        self._state_field = state_field
        self._vrf_id = vrf_id
        self._in_doubt: dict[int, list[Due]] = defaultdict(list)

    def settle(self, results: Results, *, dry_run: bool) -> None:
        """Write the entries of changes that NetBox shows, and keep those in doubt for the plans of this run.

        Raises the errors of reading; an entry that is refused again stays due, and stands in the results' `owed`.
        """
        dues = [due for due in self._ledger.left_behind() if due.proof["state_field"] == self._state_field.name]
        for start in range(0, len(dues), _BATCH):
            self._settle(dues[start : start + _BATCH], results, dry_run=dry_run)

    def _settle(self, dues: Sequence[Due], results: Results, *, dry_run: bool) -> None:
        shown = self._read(dues)
        proven = [due for due in dues if _is_shown(due, shown)]
        written, errors = write_new(self._netbox, [due.entry for due in proven], dry_run=dry_run)
        self._ledger.forget(due.entry for due in proven if due.entry not in errors)
        for due in proven:
            device = shown.devices[due.entry.device_id]
            if due.entry in errors:
                results.owed[device.name] = f"an earlier change is not in the journal yet: {errors[due.entry]}"
            elif due.entry in written:
                results.add_entry(device.name, due.entry)
        for due in dues:
            if due in proven:
                continue
            if self._ledger.age_s(due) > _IN_DOUBT_S:
                self._ledger.forget([due.entry])
            else:
                self._in_doubt[due.entry.device_id].append(due)

    def _read(self, dues: Sequence[Due]) -> Snapshot:
        ports = {int(port) for due in dues for port in due.proof["addresses"]}
        return Snapshot(
            devices=read_devices(self._netbox, {due.entry.device_id for due in dues}, self._state_field),
            addresses=read_addresses(self._netbox, interface_ids=ports, vrf_id=self._vrf_id),
        )

    def take_over(self, plans: Sequence[EventPlan], after: Snapshot) -> list[EventPlan]:
        """Give the plans, with the entry of an earlier run where that began the same change."""
        left = [due for dues in self._in_doubt.values() for due in dues]
        taken = []
        for plan in plans:
            proof = _proof_of(plan, after, self._state_field)
            begun = (due for due in left if due.entry.device_id == plan.device.id and due.proof == proof)
            due = next(begun, None) if plan.is_change else None
            if due is not None:
                left.remove(due)
            taken.append(plan if due is None else replace(plan, entry=due.entry))
        return taken

    def shown_by(self, now: Snapshot) -> list[Entry]:
        """Give the entries that were in doubt, of changes that NetBox shows by now."""
        return [due.entry for each in now.devices for due in self._in_doubt.get(each, ()) if _is_shown(due, now)]

    def remember(self, plans: Iterable[EventPlan], after: Snapshot) -> None:
        """Keep the entries of changes that are about to be made."""
        self._ledger.remember(
            Due(plan.entry, _proof_of(plan, after, self._state_field))
            for plan in plans
            if plan.is_change and plan.entry is not None
        )

    def forget(self, entries: Collection[Entry], *, changed: Collection[int], but: Collection[Entry]) -> None:
        """Drop entries, and what was in doubt about devices that were changed since, except those in `but`."""
        past = [due.entry for each in changed for due in self._in_doubt.get(each, ())]
        gone = {*entries, *past} - {*but}
        for device_id in {entry.device_id for entry in gone} & self._in_doubt.keys():
            self._in_doubt[device_id] = [due for due in self._in_doubt[device_id] if due.entry not in gone]
        self._ledger.forget(gone)


def _proof_of(plan: EventPlan, after: Snapshot, state_field: StateField) -> dict[str, Any]:
    """Say what NetBox shows once the device is as planned, by all of this batch's plans for it."""
    port = plan.interface
    hosts = sorted(str(each.host) for each in after.on_interface(port.id)) if port is not None else []
    return {
        "event": str(plan.reported.event),
        "state_field": state_field.name,
        "before": str(plan.device.state),
        "after": str(after.devices[plan.device.id].state),
        "addresses": {str(port.id): hosts} if port is not None and hosts else {},
    }


def _is_shown(due: Due, now: Snapshot) -> bool:
    device, proof = now.devices.get(due.entry.device_id), due.proof
    if device is None:
        return False
    moved = proof["before"] != proof["after"]
    if not proof["addresses"]:
        return moved and str(device.state) == str(proof["after"])
    for port, hosts in proof["addresses"].items():
        if not {*hosts} <= {str(each.host) for each in now.on_interface(int(port))}:
            return False
    # Others may have moved it on since.
    return not moved or str(device.state) != str(proof["before"])
