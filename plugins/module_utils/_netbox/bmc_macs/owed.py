# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Journal entries that MAC addresses still owe: remembered before they are set, written by whichever run comes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..._values.mac import canonical_mac
from ..api.client import INTERFACES, NetBox
from ..api.errors import NetBoxError
from ..api.journal import Entry, write_new
from ..api.ledger import Due, Ledger

WORK = "bmc_macs"
# After that, no request can be under way any more: a MAC address that does not show was never set.
_IN_DOUBT_S = 3600.0


@dataclass(frozen=True)
class Settled:
    """An entry that an earlier run owed, and why it still does; None where it was written."""

    device: str
    interface: str
    mac: str
    text: str
    error: NetBoxError | None = None


class OwedEntries:
    """What earlier runs owed the journal, and what this run will. Safe to share between threads after `settle`."""

    def __init__(self, netbox: NetBox, ledger: Ledger) -> None:
        self._netbox = netbox
        self._ledger = ledger
        self._in_doubt: dict[int, list[Entry]] = {}

    def settle(self, *, dry_run: bool) -> dict[str, Settled]:
        """Write the entries of MAC addresses that NetBox shows; give them by MAC address. Raises errors of reading."""
        dues = self._ledger.left_behind()
        if not dues:
            return {}
        ports = {raw["id"]: raw for raw in self._netbox.find(INTERFACES, id=[due.proof["interface"] for due in dues])}
        shown = []
        for due in dues:
            raw = ports.get(due.proof["interface"])
            if raw is not None and canonical_mac(raw["mac_address"] or "") == due.proof["mac"]:
                shown.append(due)
            elif self._ledger.age_s(due) > _IN_DOUBT_S:
                self._ledger.forget([due.entry])
            else:
                self._in_doubt.setdefault(due.entry.device_id, []).append(due.entry)
        written, errors = write_new(self._netbox, [due.entry for due in shown], dry_run=dry_run)
        self._ledger.forget(due.entry for due in shown if due.entry not in errors)
        settled = {}
        for due in shown:
            if due.entry in written or due.entry in errors:
                raw, mac, error = ports[due.proof["interface"]], due.proof["mac"], errors.get(due.entry)
                settled[mac] = Settled(str(raw["device"]["name"]), raw["name"], mac, due.entry.text, error)
        return settled

    def remember(self, macs: Mapping[Entry, tuple[int, str]]) -> None:
        """Keep the entries of MAC addresses that are about to be set, each with the interface's id and the address."""
        self._ledger.forget(old for entry in macs for old in self._in_doubt.get(entry.device_id, ()))
        self._ledger.remember(Due(entry, {"interface": port, "mac": mac}) for entry, (port, mac) in macs.items())

    def forget(self, entries: Iterable[Entry], *, but: Collection[Entry] = ()) -> None:
        """Drop entries that were written, or whose MAC addresses were refused, except those in `but`."""
        self._ledger.forget(entry for entry in entries if entry not in but)
