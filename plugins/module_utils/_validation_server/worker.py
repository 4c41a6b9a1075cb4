# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carries results from the spool to NetBox, gives up machines that fell silent, and keeps who may boot the image.

A turn is for all runs at once. Each of its steps may be done again: entries have keys, the lifecycle converges, and
rows leave the spool only after NetBox has what they say. There is one worker for a spool.
"""

from __future__ import annotations

import fcntl
import os
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._netbox.api.client import DEVICES, NetBox
from .._netbox.api.errors import NetBoxApiError, NetBoxError
from .._netbox.api.journal import Entry, write_entries
from .._netbox.lifecycle.apply_events import EventRun, EventSettings
from .._netbox.lifecycle.reported_event import ReportedEvent, journal_text
from .._netbox.lifecycle.state import StateField
from .._netbox.lifecycle.transitions import Event, EventOutcome
from .._spool.spool import Row, Spool, SpoolError
from .._validation.judging import RunVerdict, StepVerdict, judge_run, sibling_metrics
from .._validation.messages import MessageError, StepResult
from .._validation.profile import Profile, ProfileError
from . import accounts
from .checks import CABLE_STEP, Checks, cable_body, chassis_names, check_run
from .events import CONFLICT, AcceptedEvent
from .grub_files import GrubFiles
from .image import ImageError
from .logs import Logs
from .messenger import Messenger, Post
from .netbox_side import RESULT_FIELD, Details, Recorded, read_admitted, read_devices_recorded, read_switch_ports
from .notices import finished_event
from .settings import Settings, SettingsError
from .state import LOST, Run, State

_HOLDER = "worker"
_LEASE_S = 3600.0
_ROWS = 500
CABLES = "dcim/cables/"
_GONE = "NetBox has the device no more"


@dataclass
class _Account:
    """One run as far as it came: its results by step, and what is said of it."""

    run: Run
    results: dict[str, StepResult] = field(default_factory=dict)
    events: list[AcceptedEvent] = field(default_factory=list)
    new_steps: list[str] = field(default_factory=list)
    checks: Checks = field(default_factory=Checks)
    profile: Profile | None = None
    verdict: RunVerdict | None = None
    has_moved: bool = False
    trouble: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether all that was accepted of a finished run is here."""
        last = [event for event in self.events if event.kind == "finished"]
        return bool(last) and len(self.events) >= last[0].ordinal

    @property
    def conflict(self) -> str:
        """Why it is another server; "" where it is the one."""
        return next((str(each.body.get("reason", "")) for each in self.events if each.kind == CONFLICT), "")

    @property
    def lost(self) -> str:
        """Why it was given up; "" where it was not."""
        return self.run.closed.partition(": ")[2] if self.run.closed.startswith(LOST) else ""

    @property
    def is_over(self) -> bool:
        """Whether there is something to end it with."""
        return bool(self.conflict or self.lost) or self.is_whole

    @property
    def step(self) -> str:
        """The steps that are under way, several where they run side by side; else the one it was last heard in."""
        return ", ".join(_under_way(self.events)) or self.run.step

    @property
    def steps(self) -> dict[str, StepVerdict]:
        """The verdicts of its steps so far, of those that have a result."""
        known = self.verdict.steps if self.verdict else ()
        return {each.step: each for each in known if each.step in self.results or self.is_over}

    @property
    def words(self) -> dict[str, str]:
        """The verdicts of its steps as words."""
        return {step: each.verdict for step, each in self.steps.items()}

    @property
    def ending(self) -> tuple[Event, str, str, Sequence[str]]:
        """Give the lifecycle's event with its reason, the verdict in a word, and all reasons."""
        if self.conflict:
            reason = accounts.lost_reason(self.run, self.step, f"identity conflict: {self.conflict}")
            return Event.QUARANTINED, reason, "conflict", [self.conflict]
        if self.lost or self.verdict is None:
            why = self.lost or self.trouble or _GONE
            return Event.VALIDATION_FAILED, accounts.lost_reason(self.run, self.step, why), "lost", [why]
        event = Event.VALIDATION_PASSED if self.verdict.passed else Event.VALIDATION_FAILED
        return event, accounts.verdict_reason(self.run, self.verdict), self.verdict.verdict, self.verdict.reasons


class Worker:
    """The worker. `clock` gives Unix time; `say` writes a line to the log; `post` sends events, None where none are."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        spool: Spool[AcceptedEvent],
        logs: Logs,
        netbox: NetBox,
        profiles: Mapping[str, Profile],
        *,
        clock: Callable[[], float],
        say: Callable[[str], None],
        post: Post | None = None,
    ) -> None:
        self._settings = settings
        self._state = state
        self._spool = spool
        self._logs = logs
        self._netbox = netbox
        self._details = Details(netbox, clock)
        self._profiles = profiles
        self._clock = clock
        self._say = say
        self._messenger = Messenger(state, post, clock, say) if post is not None else None
        self._grub = GrubFiles(settings, state, clock)
        self._state_field = StateField(settings.state_field)
        self._admitted_at = 0.0
        self._told: dict[str, str] = {}
        self._damaged = ""
        self._lock = _only_one(Path(settings.data_directory) / "worker.lock")
        spool.take_back(_HOLDER)

    def close(self) -> None:
        """Let another worker begin."""
        if self._messenger is not None:
            self._messenger.close()
        os.close(self._lock)

    def turn(self) -> int:
        """Do all that is due; returns how many messages NetBox has now. Raises NetBoxError and SpoolError.

        After an error the same is due in the next turn.
        """
        self._grub.remove_old()
        rows = self._spool.lease(_ROWS, _LEASE_S, _HOLDER)
        try:
            self._work(rows)
        except BaseException:
            self._spool.release(rows, _HOLDER)
            raise
        done = self._spool.acknowledge(rows, _HOLDER)
        if abs(self._clock() - self._admitted_at) >= self._settings.admit_seconds:
            self._admit()
            self._admitted_at = self._clock()
        if self._messenger is not None:
            self._messenger.turn()
        return done

    # -- results --------------------------------------------------------------------------------------------------

    def _work(self, rows: Sequence[Row[AcceptedEvent]]) -> None:
        events = [row.item for row in rows]
        new = self._state.keep(events)
        gathered = self._accounts(events)
        self._give_up(gathered)
        due = [each for each in gathered.values() if each.new_steps or each.is_over]
        if due:
            self._judge(due)
            self._create_cables(due)
            # What was kept before may have been told NetBox before: it is looked for.
            self._journal(due, new)
        self._end([each for each in due if each.is_over])
        self._show_progress([each for each in gathered.values() if each.has_moved and not each.is_over])

    def _accounts(self, events: Sequence[AcceptedEvent]) -> dict[str, _Account]:
        """Gather the runs that these messages are of, and those that are over and not in NetBox yet."""
        came: dict[str, list[AcceptedEvent]] = defaultdict(list)
        for event in events:
            came[event.run].append(event)
        closed = [run.run for run in self._state.open_runs() if run.closed]
        found = self._state.runs(*dict.fromkeys([*came, *closed]))
        return {run.run: self._account(run, came[run.run]) for run in found if not run.done}

    def _account(self, run: Run, came: Sequence[AcceptedEvent] = ()) -> _Account:
        account = _Account(run, events=self._state.results(run.run), has_moved=bool(came))
        for event in account.events:
            if event.kind == "step_finished":
                try:
                    account.results[event.step] = StepResult.from_wire(event.body)
                except MessageError as error:
                    account.trouble = f"its results could not be judged: {event.step}: {error}"
        account.new_steps = [event.step for event in came if event.kind == "step_finished"]
        return account

    def _judge(self, due: Sequence[_Account]) -> None:
        recorded = read_devices_recorded(self._netbox, {each.run.device for each in due})
        cabled = [each.results[CABLE_STEP] for each in due if CABLE_STEP in each.results]
        ports = read_switch_ports(self._netbox, chassis_names(cabled))
        for account in due:
            of_device = recorded.get(account.run.device)
            if of_device is None or account.trouble:
                continue
            try:
                self._judge_one(account, of_device, ports)
            except ProfileError as error:
                account.trouble = f"this version can't read its profile: {error}"
            except SpoolError:
                raise
            except Exception as error:  # noqa: BLE001 - a bug that one machine's results meet holds up no other
                account.verdict, account.checks = None, Checks()
                account.trouble = f"its results could not be judged: {type(error).__name__}: {error}"
                self._say(f"{account.run.name}: {account.trouble}\n{traceback.format_exc()}")

    def _judge_one(self, account: _Account, recorded: Recorded, ports: Sequence[Mapping[str, Any]]) -> None:
        """Judge one run by its results. Raises ProfileError and SpoolError."""
        profile = account.profile = Profile.from_wire(account.run.task["profile"])
        account.checks = check_run(recorded, account.results, ports, creates=self._settings.write_cables)
        siblings = None
        if account.is_whole:
            siblings = self._state.siblings(account.run.device, self._kind_of(recorded, account))
        account.verdict = judge_run(
            profile,
            account.results,
            writable_disks=account.run.task["expected"]["writable_disks"],
            checks=account.checks.by_step,
            siblings=siblings,
        )
        if account.is_whole and account.verdict.passed:
            metrics = sibling_metrics(profile, account.results)
            self._state.remember_metrics(account.run.device, self._kind_of(recorded, account), account.run.run, metrics)

    @staticmethod
    def _kind_of(recorded: Recorded, account: _Account) -> str:
        return f"{recorded.device_type}/{account.checks.digest}"

    def _journal(self, due: Sequence[_Account], new: Iterable[str]) -> None:
        """Write the entries of steps that finished; those that may be there already are looked for."""
        fresh = {*new}
        entries: list[Entry] = []
        for account in due:
            keys = {event.step: event.key for event in account.events if event.kind == "step_finished"}
            for step in account.new_steps:
                verdict = account.steps.get(step)
                if verdict is not None and account.profile is not None:
                    result, notes = account.results[step], account.checks.notes.get(step, ())
                    awaits = not account.is_whole and bool(sibling_metrics(account.profile, {step: result}))
                    entry = accounts.step_entry(
                        account.run, verdict, result, self._log_url, notes, awaits_siblings=awaits
                    )
                    entries.append(replace(entry, is_new=keys[step] in fresh))
        self._raise_first(write_entries(self._netbox, entries))

    def _create_cables(self, due: Sequence[_Account]) -> None:
        """Create the cables that step 04 of these runs found, before its entry says so."""
        ends = [pair for each in due if CABLE_STEP in each.new_steps for pair in each.checks.cables]
        if ends:
            version = self._netbox.version
            made = self._netbox.create_many(CABLES, [cable_body(pair, version) for pair in ends])
            self._raise_first({pair: each if isinstance(each, NetBoxError) else None for pair, each in zip(ends, made)})

    def _raise_first(self, results: Mapping[Any, NetBoxError | None]) -> None:
        """Raise what may be over the next time; what NetBox refuses for good is said, and left."""
        for error in results.values():
            if isinstance(error, NetBoxApiError) and error.is_lasting:
                self._say(str(error))
            elif error is not None:
                raise error

    # -- ends -----------------------------------------------------------------------------------------------------

    def _give_up(self, gathered: dict[str, _Account]) -> None:
        """Close runs whose machines fell silent, or took too long, and gather them."""
        since, at = self._state.life("receiver")
        now = self._clock()
        # While no receiver listens, nobody can be heard.
        if now - at > 3 * self._settings.heartbeat_seconds:
            return
        for run in self._state.open_runs():
            why = "" if run.closed else self._why_lost(run, now, since)
            if why:
                self._state.end([run.run], f"{LOST}: {why}")
                (closed,) = self._state.runs(run.run)
                if closed.closed.startswith(LOST):
                    account = gathered.get(run.run) or self._account(closed)
                    account.run = closed
                    gathered[run.run] = account

    def _why_lost(self, run: Run, now: float, listening_since: float) -> str:
        limit = self._settings.silence_seconds
        if not run.started:
            late = now - max(run.minted, listening_since) > self._settings.boot_seconds
            return (
                f"it was given the image and was not heard within {self._settings.boot_seconds:.0f} s" if late else ""
            )
        # What was heard later than now was so before the clock was set.
        silent = now - max(run.heard if run.heard <= now else 0.0, listening_since)
        if silent > limit:
            return f"it has been silent for {limit:.0f} s"
        if now > run.expires:
            return "it took longer than the budgets of all its steps"
        return self._over_budget(run, now)

    def _over_budget(self, run: Run, now: float) -> str:
        if now - run.step_since <= self._settings.silence_seconds:
            return ""
        try:
            profile = Profile.from_wire(run.task["profile"])
        except ProfileError as error:
            return f"this version can't read its profile: {error}"
        for step, since in _under_way(self._state.results(run.run)).items():
            policy = profile.step(step)
            limit = (policy.budget_s if policy else 0.0) + self._settings.silence_seconds
            if now - since > limit:
                return f"{step} began {limit:.0f} s ago and is still not over"
        return ""

    def _end(self, over: Sequence[_Account]) -> None:
        """Let the lifecycle decide, then write what came of it; what failed is due again."""
        if not over:
            return
        endings = [account.ending for account in over]
        reported = [
            ReportedEvent(
                number, event, device=str(account.run.device), mac=account.run.mac, reason=journal_text(reason)
            )
            for number, (account, (event, reason, _verdict, _reasons)) in enumerate(zip(over, endings))
        ]
        settings = EventSettings(
            state_field=self._state_field, lock_path=self._settings.lock_path, ledger_path=self._settings.ledger_path
        )
        results = EventRun(self._netbox, settings).apply(reported).events
        fields, settled, events = {}, [], []
        for number, (account, (_event, _reason, verdict, reasons)) in enumerate(zip(over, endings)):
            result = results[number]
            self._say(
                f"{account.run.name}: {verdict}: {result.message or (result.plan.message if result.plan else '')}"
            )
            if result.outcome is EventOutcome.FAILED and not result.is_lasting:
                continue
            settled.append(account.run.run)
            shown = accounts.result_field(
                account.run, verdict, step=account.step, steps=account.words, reasons=reasons, log_url=self._log_url,
                siblings=account.verdict.siblings.note if account.verdict and account.verdict.siblings else "",
            )  # fmt: skip
            if result.outcome is not EventOutcome.NOT_FOUND:
                fields[account.run.device] = shown
            after = result.plan.after if result.plan else ""
            events.append(finished_event(account.run, after, shown, self._settings.url, self._clock()))
        self._write_fields(fields)
        self._state.settle(settled, events if self._messenger else ())

    def _show_progress(self, moved: Sequence[_Account]) -> None:
        if moved:
            self._write_fields(
                {each.run.device: accounts.running_field(each.run, each.step, each.words) for each in moved}
            )

    def _write_fields(self, fields: Mapping[int, Mapping[str, Any]]) -> None:
        changes = {device: {"custom_fields": {RESULT_FIELD: shown}} for device, shown in fields.items()}
        made = self._netbox.update_many(DEVICES, changes) if changes else {}
        self._raise_first({device: each if isinstance(each, NetBoxError) else None for device, each in made.items()})

    # -- admission ------------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Renew who may boot the image."""
        admitted = read_admitted(self._netbox, self._details, self._profiles, self._settings)
        under_way = {run.device for run in self._state.open_runs() if run.closed}
        self._state.admit(each for each in admitted.admissions if each.device not in under_way)
        for name, reason in admitted.refused.items():
            if self._told.get(name) != reason:
                self._say(f"{name} can't be validated: {reason}")
        self._told = admitted.refused
        self._renew_grub()
        for run in self._state.forget(self._settings.keep_days * 86400):
            self._logs.remove(run)

    def _renew_grub(self) -> None:
        problem = ""
        try:
            self._grub.renew()
        except ImageError as error:
            problem = str(error)
        if problem and problem != self._damaged:
            self._say(f"no machine is given the image: {problem}")
        self._damaged = problem

    @property
    def _log_url(self) -> str:
        return (self._settings.log_url or self._settings.url).rstrip("/")


def _under_way(events: Iterable[AcceptedEvent]) -> dict[str, float]:
    """Give the steps that have begun and are not over, and when each began (Unix time)."""
    begun: dict[str, float] = {}
    for event in events:
        if event.kind == "step_started":
            begun[event.step] = event.received
        elif event.kind == "step_finished":
            begun.pop(event.step, None)
    return begun


def _only_one(path: Path) -> int:
    """Hold the lock of the one worker for as long as this process lives. Raises SettingsError where there is one."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise SettingsError(f"another worker runs already, which holds {path}") from None
    return file
