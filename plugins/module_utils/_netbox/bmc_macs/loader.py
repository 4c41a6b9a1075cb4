# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Loads a manifest's MAC addresses into NetBox: a few calls for many rows, and a result for each row."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from ..._values.duration import format_duration
from ..._values.mac import canonical_mac
from ..._values.names import count
from ..api.client import DEVICES, MAC_ADDRESSES, NetBox, Raw
from ..api.errors import NetBoxAuthError, NetBoxError
from ..api.interfaces import BMC_NAMES, NEEDED_TO_SET, find_by_mac, find_by_name, macs_of, set_macs
from ..api.journal import JOURNALING, SUCCESS, WARNING, Entry, entry_key, write_new
from ..api.ledger import Ledger
from .manifest import Manifest, ManifestRow
from .owed import OwedEntries, Settled
from .rules import BmcPort, DeviceRef, MacOwner, RowDecision, RowOutcome, decide_row

_VM_INTERFACES = "virtualization/interfaces/"
_INTERFACE = "dcim.interface"
# NetBox being away is not found out anew for every batch of a long file.
_MOST_FAILED_BATCHES = 3
_SAY_EVERY_S = 5.0


@dataclass(frozen=True)
class LoadOptions:
    """How a manifest is loaded; `source` is what journal entries call it."""

    source: str
    interface_names: tuple[str, ...] = BMC_NAMES
    batch_size: int = 50
    parallel_batches: int = 4
    check_mode: bool = False


@dataclass(frozen=True)
class RowResult:
    """What became of one line. `before` is the MAC address there was, `entry` is new text for the journal."""

    line: int
    serial: str
    mac: str
    outcome: RowOutcome
    message: str
    device: str = ""
    interface: str = ""
    before: str = ""
    is_set: bool = False
    entry: str = ""

    @property
    def changed(self) -> bool:
        """Return whether something was written to NetBox, or would be without check mode."""
        return self.is_set or bool(self.entry)


@dataclass
class _Batch:
    """Rows on their way: what was decided, which were set, which entries the journal got, and what went wrong."""

    decisions: dict[ManifestRow, RowDecision] = field(default_factory=dict)
    is_set: set[ManifestRow] = field(default_factory=set)
    entries: dict[ManifestRow, Entry] = field(default_factory=dict)
    error: NetBoxError | None = None

    def with_outcome(self, *outcomes: RowOutcome) -> dict[ManifestRow, RowDecision]:
        return {row: each for row, each in self.decisions.items() if each.outcome in outcomes}

    def fail(self, row: ManifestRow, message: str) -> None:
        self.decisions[row] = replace(self.decisions[row], outcome=RowOutcome.FAILED, message=message)

    def result_of(self, row: ManifestRow) -> RowResult:
        decision, entry = self.decisions[row], self.entries.get(row)
        return RowResult(
            line=row.line,
            serial=row.serial,
            mac=row.mac,
            outcome=decision.outcome,
            message=decision.message,
            device=decision.device.name if decision.device else "",
            interface=decision.port.name if decision.port else "",
            before=decision.port.mac if decision.port else "",
            is_set=row in self.is_set,
            entry=entry.text if entry else "",
        )


class MacLoader:
    """Loads manifests into one NetBox; `say` gets a line every few seconds, `now_s` gives seconds of some clock."""

    def __init__(
        self,
        netbox: NetBox,
        options: LoadOptions,
        *,
        ledger: Ledger,
        now_s: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        self._netbox = netbox
        self._options = options
        self._owed = OwedEntries(netbox, ledger)
        self._now_s = now_s
        self._say = say
        # Entries that an earlier run owed for MAC addresses that are not in the manifest of this one.
        self.settled: list[Settled] = []

    def load(self, manifest: Manifest) -> list[RowResult]:
        """Load all rows; give a result for every line that is not blank, in the file's order.

        Safe to repeat. Raises NetBoxError where nothing was done yet; later errors fail the rows they concern.
        """
        settled = self._owed.settle(dry_run=self._options.check_mode)
        results = [
            RowResult(fault.line, fault.serial, fault.mac, RowOutcome.FAILED, fault.message)
            for fault in manifest.faults
        ]
        for each in manifest.repeats:
            message = f"is the same as line {each.first_line}"
            results.append(RowResult(each.row.line, each.row.serial, each.row.mac, RowOutcome.REPEATED, message))
        results += [_with_owed(each, settled.pop(each.mac, None)) for each in self._load_rows(manifest.rows)]
        self.settled = list(settled.values())
        return sorted(results, key=lambda result: result.line)

    def _load_rows(self, rows: Sequence[ManifestRow]) -> list[RowResult]:
        size = self._options.batch_size
        waiting = deque(rows[start : start + size] for start in range(0, len(rows), size))
        if not waiting:
            return []
        progress = _ProgressLine(len(rows), self._now_s, self._say)
        patience = _Patience()
        # Alone, so that a wrong token or address is one error and not one per row.
        first = self._load_batch(waiting.popleft())
        patience.note(first.error)
        progress.add(len(first.decisions))
        results = [first.result_of(row) for row in first.decisions]
        results += self._load_others(waiting, patience, progress)
        for batch in waiting:
            results += _all_failed(batch, f"not tried: {patience.over}")
        return results

    def _load_others(
        self, waiting: deque[Sequence[ManifestRow]], patience: _Patience, progress: _ProgressLine
    ) -> list[RowResult]:
        """Load batches, several at once, until none is waiting or patience is over."""
        results: list[RowResult] = []
        running: dict[Future[_Batch], Sequence[ManifestRow]] = {}
        with ThreadPoolExecutor(self._options.parallel_batches) as pool:
            while running or (waiting and not patience.over):
                while waiting and not patience.over and len(running) < self._options.parallel_batches:
                    rows = waiting.popleft()
                    running[pool.submit(self._load_batch, rows)] = rows
                for future in wait(running, timeout=_SAY_EVERY_S, return_when=FIRST_COMPLETED).done:
                    rows = running.pop(future)
                    error = future.exception()
                    if isinstance(error, NetBoxError):
                        results += _all_failed(rows, str(error))
                    else:
                        batch = future.result()
                        error = batch.error
                        results += [batch.result_of(row) for row in batch.decisions]
                    patience.note(error)
                    progress.add(len(rows))
                progress.report()
        return results

    def _load_batch(self, rows: Sequence[ManifestRow]) -> _Batch:
        """Load some rows. Raises NetBoxError where nothing was written; errors of writing stand in the batch."""
        batch = _Batch(self._decide(rows))
        if batch.with_outcome(RowOutcome.SET):
            self._netbox.require(NEEDED_TO_SET if self._netbox.has_mac_objects else NEEDED_TO_SET[:1])
        if batch.with_outcome(RowOutcome.SET, RowOutcome.SKIPPED):
            self._netbox.require(JOURNALING)
        self._set(batch)
        self._note(batch)
        return batch

    # -- reading --------------------------------------------------------------------------------------------------

    def _decide(self, rows: Sequence[ManifestRow]) -> dict[ManifestRow, RowDecision]:
        devices = self._devices([row.serial for row in rows])
        single = [found[0].id for found in devices.values() if len(found) == 1]
        ports = find_by_name(self._netbox, single, self._options.interface_names)
        owners = self._owners([row.mac for row in rows])
        decisions = {}
        for row in rows:
            found = devices.get(row.serial.casefold(), [])
            own = ports.get(found[0].id, []) if len(found) == 1 else []
            decisions[row] = decide_row(
                row,
                devices=found,
                ports=[_port_of(raw) for raw in own],
                owners=owners.get(row.mac, []),
                interface_names=self._options.interface_names,
            )
        return decisions

    def _devices(self, serials: Iterable[str]) -> dict[str, list[DeviceRef]]:
        """Find devices by serial number in lower case: NetBox finds them in any."""
        found: dict[str, list[DeviceRef]] = defaultdict(list)
        # The rest of a device would be most of the work. Before NetBox 4.0 only the context can be left out.
        wanted = {"fields": "id,name,display,serial", "exclude": "config_context"}
        for raw in self._netbox.find(DEVICES, serial=sorted(set(serials)), **wanted):
            found[raw["serial"].casefold()].append(DeviceRef(raw["id"], str(raw["name"] or raw["display"])))
        return found

    def _owners(self, macs: Iterable[str]) -> dict[str, list[MacOwner]]:
        """Find the owners of these MAC addresses; addresses of no interface have no owner."""
        wanted = sorted(set(macs))
        found: dict[str, list[MacOwner]] = defaultdict(list)
        if self._netbox.has_mac_objects:
            for raw in self._netbox.find(MAC_ADDRESSES, mac_address=wanted):
                if raw.get("assigned_object_id") is not None:
                    port_id = raw["assigned_object_id"] if raw["assigned_object_type"] == _INTERFACE else None
                    found[canonical_mac(raw["mac_address"])].append(
                        _owner_of(raw.get("assigned_object") or {}, port_id)
                    )
            return found
        for mac, ports in find_by_mac(self._netbox, wanted).items():
            found[mac] += [_owner_of(raw, raw["id"]) for raw in ports]
        for raw in self._netbox.find(_VM_INTERFACES, mac_address=wanted):
            for mac in macs_of(raw):
                found[mac].append(_owner_of(raw, None))
        return found

    # -- writing --------------------------------------------------------------------------------------------------

    def _set(self, batch: _Batch) -> None:
        wanted = {row: each.port.id for row, each in batch.with_outcome(RowOutcome.SET).items() if each.port}
        verdicts: Mapping[int, NetBoxError | None] = {}
        if not self._options.check_mode:
            due = {row: _entry_of(row, batch.decisions[row], self._options.source) for row in wanted}
            self._owed.remember({due[row]: (port_id, row.mac) for row, port_id in wanted.items()})
            try:
                verdicts = set_macs(self._netbox, {port_id: row.mac for row, port_id in wanted.items()})
            except NetBoxError as error:
                batch.error = error
            else:
                self._owed.forget(due[row] for row, port_id in wanted.items() if verdicts.get(port_id))
        for row, port_id in wanted.items():
            refused = batch.error or verdicts.get(port_id)
            if refused:
                batch.fail(row, str(refused))
            else:
                batch.is_set.add(row)

    def _note(self, batch: _Batch) -> None:
        """Write into the journal, once, what was set, and what was not and why."""
        noted = batch.with_outcome(RowOutcome.SET, RowOutcome.SKIPPED)
        entries = {row: _entry_of(row, decision, self._options.source) for row, decision in noted.items()}
        fresh: Collection[Entry] = ()
        try:
            fresh, refused = write_new(self._netbox, list(entries.values()), dry_run=self._options.check_mode)
        except NetBoxError as error:
            batch.error = batch.error or error
            refused = dict.fromkeys(entries.values(), error)
        if not self._options.check_mode:
            self._owed.forget(entries.values(), but=refused)
        for row, entry in entries.items():
            if entry in refused:
                was = "the MAC address was set, but " if row in batch.is_set else ""
                batch.fail(row, f"{was}the journal entry could not be written: {refused[entry]}")
            elif entry in fresh:
                batch.entries[row] = entry


class _Patience:
    """Decides when to stop: at once where access is refused, and after several failed batches in a row."""

    def __init__(self) -> None:
        self.over: NetBoxError | None = None
        self._failed = 0

    def note(self, error: BaseException | None) -> None:
        if not isinstance(error, NetBoxError):
            self._failed = 0
            return
        self._failed += 1
        if isinstance(error, NetBoxAuthError) or self._failed >= _MOST_FAILED_BATCHES:
            self.over = self.over or error


class _ProgressLine:
    """Reports the progress every few seconds."""

    def __init__(self, total: int, now_s: Callable[[], float], say: Callable[[str], None]) -> None:
        self._total = total
        self._now_s = now_s
        self._say = say
        self._began_s = self._reported_s = now_s()
        self._done = 0

    def add(self, rows: int) -> None:
        self._done += rows
        self.report()

    def report(self) -> None:
        now_s = self._now_s()
        if now_s - self._reported_s < _SAY_EVERY_S:
            return
        self._reported_s = now_s
        rate = self._done / (now_s - self._began_s)
        left = f"about {format_duration((self._total - self._done) / rate)} left" if rate else "NetBox is slow"
        self._say(f"{self._done:,} of {count(self._total, 'row')}, {rate:.0f} rows/s, {left}")


def _with_owed(result: RowResult, settled: Settled | None) -> RowResult:
    """Give the result of a row for which an earlier run owed an entry."""
    if settled is None or result.outcome is not RowOutcome.UNCHANGED:
        return result
    if settled.error is None:
        return replace(result, entry=settled.text)
    message = f"the MAC address was set earlier, but its journal entry could not be written: {settled.error}"
    return replace(result, outcome=RowOutcome.FAILED, message=message)


def _port_of(raw: Raw) -> BmcPort:
    return BmcPort(
        raw["id"], raw["name"], canonical_mac(raw["mac_address"] or ""), macs_of(raw), str(raw["last_updated"])
    )


def _owner_of(raw: Raw, port_id: int | None) -> MacOwner:
    """Make the owner of an interface of a device or of a virtual machine."""
    holder = raw.get("device") or raw.get("virtual_machine") or {}
    device = str(holder.get("name") or holder.get("display") or "something not visible")
    return MacOwner(device, str(raw.get("name") or raw.get("display") or "?"), port_id)


def _entry_of(row: ManifestRow, decision: RowDecision, source: str) -> Entry:
    if decision.device is None:
        raise AssertionError("a row without a device has no journal entry")
    origin = f"line {row.line} of {source}"
    if decision.outcome is RowOutcome.SET and decision.port:
        kind, text = SUCCESS, f"BMC MAC address {row.mac} was set on interface {decision.port.name}, from {origin}."
    else:
        kind, text = WARNING, f"BMC MAC address {row.mac} from {origin} was not set: {decision.message}."
    return Entry(decision.device.id, entry_key("bmc mac", *decision.key), kind, text)


def _all_failed(rows: Iterable[ManifestRow], message: str) -> list[RowResult]:
    return [RowResult(row.line, row.serial, row.mac, RowOutcome.FAILED, message) for row in rows]
