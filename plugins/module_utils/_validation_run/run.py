# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One validation of many servers: look at NetBox, switch them on into PXE, follow them there until each has a verdict.

It never talks to the validation server: what that found stands in NetBox. A server is claimed there from before its BMC
is asked until NetBox shows that it is at work, or that nothing comes of it: from then on any other run sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .._bmc.power import PowerPath, PowerResult, plan_power
from .._bmc.renewal import renewed
from .._netbox.api.client import DEVICES, NetBox, Raw
from .._netbox.api.errors import NetBoxTransportError
from .._netbox.api.register import DeviceRegister
from .._netbox.lifecycle.state import StateField
from .._netbox.lifecycle.transitions import State
from .._values.clock import Clock
from .._values.duration import format_duration
from .._values.names import count
from .._values.text import cut, printable

RESULT_FIELD = "validation_result"
_OF_DEVICES = "id,name,display,status,custom_fields"
PASSED, FAILED, REFUSED, NOT_FOUND, PENDING = "passed", "failed", "refused", "not_found", "pending"
OUTCOMES = (PASSED, FAILED, REFUSED, NOT_FOUND, PENDING)
_LONGEST_REASON = 300
_RESULT_WITHIN_S = 60.0
_IS_ON = "it is on; watch_only follows it if it boots the image already, allow_on lets its power be cut"


@dataclass
class ServerRow:
    """One server: what became of it. `seconds` is from its start to its verdict, None without one."""

    name: str
    outcome: str = PENDING
    state: str = ""
    step: str = ""
    verdict: str = ""
    steps: dict[str, str] = field(default_factory=dict)
    message: str = ""
    powered: bool = False
    run: str = ""
    seconds: float | None = None
    device_id: int = 0

    def to_ansible(self) -> dict[str, Any]:
        """Return the row as one of `servers` of netbox_validation."""
        return {name: value for name, value in vars(self).items() if name not in ("name", "device_id")}


@dataclass(frozen=True)
class RunOptions:
    """How a run goes; times are in seconds. `boot_timeout_s` is from power on to the first sign in NetBox."""

    state_field: StateField
    watch_only: bool = False
    enable_power_action: bool = False
    allow_on: bool = False
    max_servers: int | None = None
    boot_timeout_s: float = 1200.0
    timeout_s: float = 14400.0
    poll_interval_s: float = 10.0


@dataclass
class ValidationRun:
    """One run. `power` gives the path to the BMCs of named servers; `say` prints a line at once.

    Only what `register` could claim is powered; a dry run claims nothing. `guard` is asked before power is sent and in
    each turn, and raises where nothing more is to be done.
    """

    netbox: NetBox
    options: RunOptions
    power: Callable[[Sequence[str]], PowerPath]
    clock: Clock
    say: Callable[[str], None]
    register: DeviceRegister
    dry_run: bool = False
    guard: Callable[[], None] = lambda: None
    _claimed: set[str] = field(default_factory=set)
    _changed_s: dict[str, float] = field(default_factory=dict)

    def perform(self, names: Sequence[str]) -> list[ServerRow]:
        """Do it; returns a row for each name. Raises NetBoxError; again is safe, servers at work are followed."""
        rows = {name: ServerRow(name) for name in dict.fromkeys(names)}
        devices = self._find(rows)
        due = [row for row in rows.values() if row.outcome == PENDING]
        with self._giving_back():
            switched = self._switch(due)
            if not self.dry_run:
                left = [row for row in due if row.outcome == PENDING and (row.name in switched or self._follows(row))]
                self._give_back(due)
                self._watch(left, devices, switched)
        return list(rows.values())

    def _follows(self, row: ServerRow) -> bool:
        return self.options.watch_only or bool(row.run)

    # -- before ---------------------------------------------------------------------------------------------------

    def _find(self, rows: Mapping[str, ServerRow]) -> dict[int, str]:
        """Find the devices; returns names by id."""
        found: dict[str, list[Raw]] = {name: [] for name in rows}
        for raw in self.netbox.find(DEVICES, name=sorted(rows), fields=_OF_DEVICES, exclude="config_context"):
            if raw.get("name") in found:
                found[raw["name"]].append(raw)
        for name, row in rows.items():
            if len(found[name]) != 1:
                row.outcome = NOT_FOUND
                row.message = f"NetBox has {len(found[name]) or 'no'} devices of this name"
                continue
            row.device_id = found[name][0]["id"]
            self._admit(row, found[name][0])
        return {row.device_id: row.name for row in rows.values() if row.device_id}

    def _admit(self, row: ServerRow, raw: Raw) -> None:
        self._read(row, raw)
        if row.state != State.DISCOVERED:
            row.outcome = REFUSED
            row.message = f"it is {row.state or '(unset)'}; only a discovered server is validated"
            row.message += ", readmit.yml takes a failed one back" if row.state == State.FAILED else ""

    def _read(self, row: ServerRow, raw: Raw) -> bool:
        """Take over what NetBox has of a server; says whether its result is still that of a run under way."""
        row.state = str(self.options.state_field.of(raw))
        result = raw["custom_fields"].get(RESULT_FIELD)
        shown = result if isinstance(result, dict) else {}
        # What an earlier run left says nothing of this one.
        under_way = shown.get("state") == "running"
        if not under_way and row.state == State.DISCOVERED:
            return False
        row.run = printable(shown.get("run") or "")
        row.step = printable(shown.get("step") or "")
        row.verdict = printable(shown.get("verdict") or "")
        steps = shown.get("steps")
        # NetBox's database keeps the order of no object.
        row.steps = {printable(name): printable(verdict) for name, verdict in sorted((steps or {}).items())}
        reasons = [printable(reason) for reason in shown.get("reasons") or ()]
        row.message = cut("; ".join(reasons), _LONGEST_REASON)
        return under_way

    def _switch(self, due: Sequence[ServerRow]) -> set[str]:
        """Switch servers on, into PXE once; gives those that were to be switched and are on now.

        Those that run already or that a person switches on are left alone.
        """
        wanted = {row.name: row for row in due if not self._follows(row)}
        if not wanted or not self._may_power(list(wanted.values())):
            return set()
        path = self.power(list(wanted))
        self._claim(wanted)
        before = path.states([name for name, row in wanted.items() if row.outcome == PENDING])
        for name, result in before.items():
            if result.failure is not None:
                wanted[name].outcome, wanted[name].message = FAILED, result.error
        self._look_again([row for row in wanted.values() if row.outcome == PENDING])
        left = {name: row for name, row in wanted.items() if row.outcome == PENDING and not self._follows(row)}
        self._refuse(left.values(), before)
        actions = {
            name: plan_power("cycle", before[name].after) for name, row in left.items() if row.outcome == PENDING
        }
        if self.dry_run or not actions:
            for name in actions:
                wanted[name].powered = True
            return set()
        self.guard()
        self.say(f"Switching {count(len(actions), 'server')} on, once into PXE")
        for name, result in path.run(actions, before).items():
            # Somebody else may have switched it on meanwhile: then it is followed.
            wanted[name].powered = bool(result.sent)
            if result.failure is not None:
                wanted[name].outcome, wanted[name].message = FAILED, result.error
        return set(actions)

    def _refuse(self, rows: Iterable[ServerRow], before: Mapping[str, PowerResult]) -> None:
        """Refuse those whose power must not be cut, and those whose claims are gone."""
        for row in rows:
            problem = "" if self.dry_run else self.register.problem(row.name)
            if before[row.name].after == "ON" and not self.options.allow_on:
                row.outcome, row.message = REFUSED, _IS_ON
            elif problem:
                row.outcome, row.message = REFUSED, f"nothing was powered, this run has lost its claim: {problem}"

    def _claim(self, wanted: Mapping[str, ServerRow]) -> None:
        """Keep other runs away from the BMCs of these servers; those that can't be had are refused."""
        if self.dry_run:
            return
        self.guard()
        self.netbox.require([("PATCH", DEVICES)])
        refused = self.register.claim(list(wanted))
        self._claimed = {*wanted} - {*refused}
        for name, why in refused.items():
            wanted[name].outcome, wanted[name].message = REFUSED, why

    @contextmanager
    def _giving_back(self) -> Iterator[None]:
        """Renew the claims while the block lasts, and give back what is left at its end, however it ends."""
        if self.dry_run or self.options.watch_only:
            yield
            return
        try:
            with renewed(self.register):
                yield
        finally:
            if not self.register.release() and self._claimed:
                minutes = format_duration(self.register.lease_s)
                self.say(f"Claims could not be given back to NetBox; they end by themselves within {minutes}")

    def _give_back(self, rows: Iterable[ServerRow]) -> None:
        """Give back what NetBox shows to be at work, or nothing comes of; what can't be is due the next time."""
        over = {row.name for row in rows if row.run or row.outcome != PENDING} & self._claimed
        if over and self.register.release(over):
            self._claimed -= over

    def _look_again(self, rows: Sequence[ServerRow]) -> None:
        """Read NetBox once more before power is sent: asking many BMCs, some silent, has taken minutes."""
        by_id = {row.device_id: row for row in rows}
        found = self.netbox.find(DEVICES, id=sorted(by_id), fields=_OF_DEVICES, exclude="config_context")
        for raw in found:
            self._admit(by_id[raw["id"]], raw)
        for device_id in {*by_id} - {raw["id"] for raw in found}:
            by_id[device_id].outcome, by_id[device_id].message = NOT_FOUND, "it was deleted from NetBox"

    def _may_power(self, rows: Sequence[ServerRow]) -> bool:
        """Say whether these may be powered; says why not in their rows."""
        most = self.options.max_servers
        if not self.options.enable_power_action:
            for row in rows:
                row.message = "nothing was powered: enable_power_action was not set"
            return False
        if most is not None and len(rows) > most:
            for row in rows:
                row.outcome, row.message = REFUSED, f"{len(rows)} would be powered, max_servers is {most}"
            return False
        return True

    # -- watching -------------------------------------------------------------------------------------------------

    def _watch(self, rows: Sequence[ServerRow], names: Mapping[int, str], switched: Collection[str]) -> None:
        begun_s = self.clock.now_s()
        left = {row.device_id: row for row in rows}
        if left:
            self.say(f"Following {count(len(left), 'server')}; a run that is cut off goes on by starting it again")
        while left:
            raws = self._devices(left, begun_s)
            took_s = self.clock.now_s() - begun_s
            for raw in raws:
                self._follow(left[raw["id"]], raw, took_s)
            for device_id in {*left} - {raw["id"] for raw in raws}:
                left[device_id].outcome, left[device_id].message = FAILED, f"{names[device_id]} was deleted from NetBox"
            self._give_up(left.values(), took_s, switched)
            self._give_back(left.values())
            left = {device_id: row for device_id, row in left.items() if row.outcome == PENDING}
            if left:
                self.clock.sleep(self.options.poll_interval_s)

    def _devices(self, device_ids: Collection[int], begun_s: float) -> list[Raw]:
        """Read devices; a NetBox that is away is asked again until the time of the run is over."""
        away = False
        while True:
            self.guard()
            try:
                raws = self.netbox.find(DEVICES, id=sorted(device_ids), fields=_OF_DEVICES, exclude="config_context")
            except NetBoxTransportError as error:
                # Servers go on meanwhile, and what they found waits for NetBox.
                if self.clock.now_s() - begun_s > self.options.timeout_s:
                    raise
                if not away:
                    self.say(f"{error}; it is asked again until the time is over")
                away = True
                self.clock.sleep(self.options.poll_interval_s)
                continue
            if away:
                self.say("NetBox answers again")
            return raws

    def _follow(self, row: ServerRow, raw: Raw, took_s: float) -> None:
        was = (row.step, dict(row.steps))
        under_way = self._read(row, raw)
        if (row.step, row.steps) != was and row.state == State.DISCOVERED:
            done = ", ".join(f"{step} {verdict}" for step, verdict in row.steps.items())
            self.say(f"{row.name}: {row.step or 'begun'}{f' ({done})' if done else ''}, {format_duration(took_s)}")
        if row.state == State.DISCOVERED:
            return
        # The state is written first, then the result; somebody else may have changed the state, and none comes.
        if under_way and took_s - self._changed_s.setdefault(row.name, took_s) < _RESULT_WITHIN_S:
            return
        row.outcome = PASSED if row.state in (State.STAGED, State.READY, State.ACTIVE) else FAILED
        row.message = row.message or (f"it is {row.state} now" if row.outcome == FAILED else "")
        row.seconds = round(took_s, 1)
        why = f": {row.message}" if row.message else ""
        self.say(f"{row.name}: {row.outcome}, {row.state}, {format_duration(took_s)}{why}")

    def _give_up(self, rows: Iterable[ServerRow], took_s: float, switched: Collection[str]) -> None:
        for row in rows:
            if row.outcome != PENDING:
                continue
            if row.name in switched and not row.run and took_s > self.options.boot_timeout_s:
                row.outcome = FAILED
                row.message = (
                    f"nothing was heard of it within {format_duration(self.options.boot_timeout_s)} of power on"
                )
            elif took_s > self.options.timeout_s:
                row.outcome = FAILED
                row.message = f"no verdict within {format_duration(self.options.timeout_s)}" + (
                    f", it is in {row.step}" if row.step else ""
                )
