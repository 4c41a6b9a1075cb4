# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What all runs see of a server's BMC, on whatever computer they run: which run changes it, and its certificate.

Both stand in custom fields of the device, which netbox_bootstrap creates. A claim names its run and ends at a time, and
is renewed while the run works. From NetBox 4.6 on two runs can't take one device, by If-Match. Before, a run writes,
waits for a moment and reads again: of two that wrote at the same time the last one has it.
"""

from __future__ import annotations

import calendar
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..._values.clock import Clock
from ..._values.owner import Owner
from ..._values.text import cut, printable
from .client import DEVICES, NetBox, Raw
from .errors import NetBoxConfigError, NetBoxError, NetBoxStale
from .unchanged import update_unchanged

CLAIM = "bmc_claim"
CERTIFICATE = "bmc_certificate"
# How long a claim holds after its run was killed where nobody can know of it, and was last renewed.
LEASE_S = 600.0

_FIELDS = "id,name,status,custom_fields,last_updated"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_TRIES = 4
# How long a rival's write may be under way that was decided upon before ours was seen.
_SETTLE_S = 2.0
_LONGEST_NAME = 100
_RESTLESS = "others keep changing its device in NetBox; nothing was written, try again"


@dataclass(frozen=True)
class _Record:
    """One device as it was read last. `run` is empty where nobody claims it, `until_s` is Unix time."""

    id: int
    stamp: str
    owner: str = ""
    run: str = ""
    until_s: float = 0.0
    certificate: str = ""

    @classmethod
    def from_api(cls, raw: Raw) -> _Record:
        """Read a device as NetBox returns it. Raises NetBoxConfigError without the custom fields."""
        fields = raw["custom_fields"]
        missing = [name for name in (CLAIM, CERTIFICATE) if name not in fields]
        if missing:
            raise NetBoxConfigError(
                f"devices have no custom field {' and '.join(missing)}: run netbox_bootstrap with hardening: true"
            )
        stamp, certificate = str(raw.get("last_updated") or ""), str(fields[CERTIFICATE] or "").strip()
        claim = fields[CLAIM]
        if not isinstance(claim, dict) or not claim.get("run"):
            return cls(raw["id"], stamp, certificate=certificate)
        owner = cut(printable(claim.get("owner") or ""), _LONGEST_NAME) or "another run"
        return cls(raw["id"], stamp, owner, str(claim["run"]), _time_of(claim.get("until")), certificate)

    @property
    def words(self) -> str:
        """Return the claim as it stands in a sentence."""
        return f"{self.owner} until {time.strftime('%H:%M:%S', time.gmtime(self.until_s))} UTC"


class DeviceRegister:
    """Claims and certificates of devices, by their names in NetBox.

    Methods may raise NetBoxError where NetBox can't be used at all; what is wrong with one device is returned. One
    thread may renew while another gives back: what was given back stays so.
    """

    def __init__(self, netbox: NetBox, clock: Clock, owner: Owner, *, lease_s: float = LEASE_S) -> None:
        self._netbox = netbox
        self._clock = clock
        self._owner = owner
        self.lease_s = lease_s
        self._turn = threading.Lock()
        self._asked: set[str] = set()
        self._held: dict[str, _Record] = {}
        self._lost: dict[str, str] = {}

    def certificates(self, names: Collection[str]) -> dict[str, str]:
        """Return the pinned certificates, as SHA-256, of those devices that have one."""
        return {name: each.certificate for name, each in self._read(names)[0].items() if each.certificate}

    def claim(self, names: Collection[str]) -> dict[str, str]:
        """Claim these devices; return why some can't be had, by name."""
        self._asked |= set(names)
        refused: dict[str, str] = {}
        due: Sequence[str] = list(names)
        for _try in range(_TRIES):
            records, unknown = self._read(due)
            refused.update(unknown)
            free = {}
            for name, record in records.items():
                if self._is_rival(record):
                    refused[name] = _in_use(record)
                else:
                    free[name] = record
            due = self._put(free, self._claims(free), refused)
            if not due:
                break
        refused.update(dict.fromkeys(due, _RESTLESS))
        if not self._netbox.has_etags and self._held:
            self._clock.sleep(_SETTLE_S)
            self._drop_taken()
            refused.update(self._lost)
        return refused

    def renew(self) -> None:
        """Let the claims hold for longer. NetBox's errors are left to the next time; what is lost is remembered."""
        with self._turn:
            try:
                if not self._netbox.has_etags:
                    self._drop_taken()
                due = dict(self._held)
                for _try in range(_TRIES):
                    stale = self._put(due, self._claims(due), {})
                    if not stale:
                        break
                    self._drop_taken()
                    due = {name: self._held[name] for name in stale if name in self._held}
            except NetBoxError:
                return

    def problem(self, name: str) -> str:
        """Return why the claim on a device does not hold any more; empty while it does."""
        record = self._held.get(name)
        if record is None:
            return self._lost.get(name, "it is not claimed")
        if self._clock.wall_s() >= record.until_s:
            return f"NetBox could not be reached to renew the claim since {record.words.rpartition(' until ')[2]}"
        return ""

    def pin(self, shown: Mapping[str, str]) -> dict[str, str]:
        """Keep the certificates of claimed devices that have none yet; return why some were not, by name."""
        refused: dict[str, str] = {}
        due: Sequence[str] = [name for name in shown if name in self._held]
        for _try in range(_TRIES):
            new = {}
            for name in due:
                kept = self._held[name].certificate
                if not kept:
                    new[name] = self._held[name]
                elif shown[name] not in _digests(kept):
                    refused[name] = f"NetBox has another certificate by now ({kept}), it shows {shown[name]}"
            due = self._put(new, {name: {CERTIFICATE: shown[name]} for name in new}, refused)
            if not due:
                return refused
            self._drop_taken()
            due = [name for name in due if name in self._held]
        return {**refused, **dict.fromkeys(due, _RESTLESS)}

    def expect(self, certificates: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """Let the claimed devices that have a certificate have another one beside it; return why some can't.

        Each is given with the one that it shows and the one that it is about to get.
        """
        refused: dict[str, str] = {}

        def beside(name: str, kept: str) -> str:
            shown, coming = certificates[name]
            if shown not in _digests(kept):
                refused[name] = f"NetBox has another certificate ({kept}) than it shows ({shown})"
                return kept
            return kept if coming in _digests(kept) else f"{kept} {coming}"

        return {**self._rewrite(certificates, beside), **refused}

    def settle(self, shown: Mapping[str, str]) -> None:
        """Keep of several certificates of claimed devices the one that each shows.

        NetBox's errors are left to the next time: until then each of them is trusted.
        """
        try:
            self._rewrite(shown, lambda name, kept: shown[name] if shown[name] in _digests(kept) else kept)
        except NetBoxError:
            return

    def release(self, names: Collection[str] | None = None) -> bool:
        """Remove our claims on these devices, or on all, whatever became of them; return whether NetBox did it.

        Where NetBox can't be reached they end by themselves, and calling again tries again.
        """
        with self._turn:
            given = self._asked if names is None else self._asked.intersection(names)
            due: Collection[str] = given
            refused: dict[str, str] = {}
            try:
                for _try in range(_TRIES):
                    records, _unknown = self._read(due)
                    ours = {name: each for name, each in records.items() if each.run == self._owner.run}
                    due = self._put(ours, {name: {CLAIM: None} for name in ours}, refused)
                    if not due:
                        break
                left = {*due, *refused}
                self._asked = self._asked.difference(given) | left
            except NetBoxError:
                return False
            finally:
                for name in given:
                    self._held.pop(name, None)
            return not left

    # -- inside -------------------------------------------------------------------------------------------------

    def _rewrite(self, names: Iterable[str], rewritten: Callable[[str, str], str]) -> dict[str, str]:
        """Write certificates anew, of those claimed devices that have one; return why some were not."""
        refused: dict[str, str] = {}
        due: Sequence[str] = list(names)
        for _try in range(_TRIES):
            with self._turn:
                due = [name for name in due if name in self._held]
                fields = {}
                for name in due:
                    kept = self._held[name].certificate
                    new = rewritten(name, kept) if kept else ""
                    if new and new.split() != kept.split():
                        fields[name] = {CERTIFICATE: new}
                due = self._put({name: self._held[name] for name in fields}, fields, refused)
                if not due:
                    return refused
                self._drop_taken()
        return {**refused, **dict.fromkeys(due, _RESTLESS)}

    def _read(self, names: Iterable[str]) -> tuple[dict[str, _Record], dict[str, str]]:
        """Read devices by name, and say which are none, or several."""
        found: dict[str, list[Raw]] = {name: [] for name in names}
        for raw in self._netbox.find(DEVICES, name=list(found), fields=_FIELDS):
            if raw.get("name") in found:
                found[raw["name"]].append(raw)
        records = {name: _Record.from_api(raws[0]) for name, raws in found.items() if len(raws) == 1}
        problems = {
            name: f"NetBox has {len(raws) or 'no'} device{'s' if raws else ''} called {name}; nothing was written"
            for name, raws in found.items()
            if len(raws) != 1
        }
        return records, problems

    def _is_rival(self, record: _Record) -> bool:
        if record.run in ("", self._owner.run) or record.until_s <= self._clock.wall_s():
            return False
        return not self._owner.is_dead(record.run)

    def _claims(self, names: Iterable[str]) -> dict[str, Raw]:
        until = time.strftime(_TIME, time.gmtime(self._clock.wall_s() + self.lease_s))
        claim = {"owner": self._owner.name, "run": self._owner.run, "until": until}
        return {name: {CLAIM: claim} for name in names}

    def _put(self, records: Mapping[str, _Record], fields: Mapping[str, Raw], refused: dict[str, str]) -> Sequence[str]:
        """Write custom fields of devices that are as they were read; return those that were changed since."""
        changes = {each.id: {"custom_fields": fields[name]} for name, each in records.items()}
        stamps = {each.id: each.stamp for each in records.values()}
        made = update_unchanged(self._netbox, DEVICES, changes, stamps)
        stale = []
        for name, record in records.items():
            result = made[record.id]
            if isinstance(result, NetBoxStale):
                stale.append(name)
            elif isinstance(result, NetBoxError):
                refused[name] = str(result)
            elif any(result["custom_fields"].get(key) != value for key, value in fields[name].items()):
                refused[name] = (
                    f"NetBox answered success, but did not keep {' and '.join(fields[name])}; nothing was written"
                )
            else:
                self._held[name] = _Record.from_api(result)
        return stale

    def _drop_taken(self) -> None:
        """Read what is held again, and drop what somebody else has by now."""
        records, unknown = self._read(self._held)
        for name in list(self._held):
            record = records.get(name)
            if record is not None and record.run == self._owner.run:
                self._held[name] = record
                continue
            why = unknown.get(name) or "its claim was removed in NetBox"
            self._lost[name] = _in_use(record) if record is not None and record.run else why
            del self._held[name]


def _digests(kept: str) -> list[str]:
    """Return the fingerprints of a field as certificates show them; people write them with colons, too."""
    return [each.lower().replace("sha256", "").replace(":", "").lstrip("=") for each in kept.split()]


def _in_use(record: _Record) -> str:
    said = f"{record.words} is changing this BMC, says {CLAIM} of its device in NetBox"
    return f"{said}; nothing was written, try again once that run has ended"


def _time_of(value: object) -> float:
    try:
        return float(calendar.timegm(time.strptime(str(value), _TIME)))
    except (ValueError, OverflowError):
        return 0.0
