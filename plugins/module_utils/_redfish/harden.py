# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Applying of a plan to one BMC: stage by stage, every write read back, lockdown last."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from .._values.names import count
from . import roles
from .adapters import same
from .audit import judge
from .connection import link_in
from .controls import Stage
from .decide import Finding, plain
from .errors import (
    Failure,
    NotKept,
    RedfishApiError,
    RedfishAuthError,
    RedfishError,
    RedfishTimeout,
    RedfishTransportError,
    SessionLost,
    Unfinished,
)
from .plan import Change, Plan, body_of, by_uri
from .profile import Profile
from .quirks import apply_time_of
from .reader import Reader
from .session import Redfish
from .values import MISSING, at
from .view import Body, Resource

_T = TypeVar("_T")

# How often a server that boots, or a BMC that starts its services anew, is looked at.
_POLL_S = 5.0
_SETTLE_S = 120.0


@dataclass
class Reboots:
    """The leave to reboot, shared by all servers of a batch: so many at once, and none after `max_failures`."""

    at_once: int
    max_failures: int | None = None
    failed: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._slots = threading.Semaphore(self.at_once)

    @contextmanager
    def one(self, name: str, timeout_s: float) -> Iterator[None]:
        """Hold one slot; a server that fails with it is counted before the next one gets it.

        Raises RedfishTimeout where none comes free, and RedfishApiError after too many failures.
        """
        if not self._slots.acquire(timeout=max(0.0, timeout_s)):
            raise RedfishTimeout("not rebooted: others took all its time")
        try:
            with self._lock:
                if self.max_failures is not None and len(self.failed) > self.max_failures:
                    raise RedfishApiError(f"not rebooted: {count(len(self.failed), 'server')} failed before it")
            yield
        except RedfishError:
            self.note_failure(name)
            raise
        finally:
            self._slots.release()

    def note_failure(self, name: str) -> None:
        """Count one server that failed; once, however often it is told."""
        with self._lock:
            self.failed.add(name)


@dataclass
class Progress:
    """What was done with one server, also where it then failed."""

    done: list[Change] = field(default_factory=list)
    rebooted: bool = False
    problems: list[str] = field(default_factory=list)
    # Of the first problem.
    failure: Failure = Failure.NOT_KEPT
    phase: str = ""

    def note(self, problem: str, failure: Failure, phase: str) -> None:
        """Add a problem, after which the rest goes on."""
        if not self.problems:
            self.failure, self.phase = failure, phase
        self.problems.append(problem)


class Hardening:
    """One server: `apply` does what its plan says, and `progress` knows how far that came."""

    def __init__(
        self, redfish: Redfish, plan: Plan, reboots: Reboots, *, progress: Progress, serial: str = "",
        reboot_timeout_s: float = 1800.0,
    ) -> None:  # fmt: skip
        self._redfish = redfish
        self._plan = plan
        self._reboots = reboots
        self._progress = progress
        self._reboot_timeout_s = reboot_timeout_s
        self._serial = serial
        self._reader = Reader(redfish, serial)

    def apply(self) -> None:
        """Do what the plan says, in order. Raises RedfishError with all that went wrong; the rest was done.

        What depends on the past stage is not begun after a failure: lockdown after anything else.
        """
        redfish, progress = self._redfish, self._progress
        lockdown = self._plan.of(Stage.LOCKDOWN)
        redfish.phase = "unlock"
        # A BMC that is locked refuses all the others, so that it is unlocked before them.
        for changes in by_uri(each for each in lockdown if _unlocks(each)):
            self._write(changes)
        bios = self._plan.of(Stage.BIOS)
        if bios:
            redfish.phase = "bios"
            self._guarded(lambda: self._apply_bios(bios))
        redfish.phase = "settings"
        for stage in (Stage.SETTINGS, Stage.CUTTING):
            for changes in by_uri(self._plan.of(stage)):
                self._write(changes)
        if self._plan.of(Stage.CUTTING):
            # Over the path that must survive, by a login of its own.
            redfish.phase = "login"
            self._guarded(lambda: self._settled(redfish.log_in_again))
        redfish.phase = "lockdown"
        lockdown = [each for each in lockdown if not _unlocks(each)]
        if lockdown and progress.problems:
            progress.problems.append("lockdown is left off, because of the failures before it")
        elif lockdown:
            for changes in by_uri(lockdown):
                self._write(changes)
        if progress.problems:
            raise Unfinished("; ".join(dict.fromkeys(progress.problems)), progress.failure)

    def audit(self, profile: Profile, today: str) -> tuple[Finding, ...]:
        """Read all again and judge: the only proof."""
        return self._settled(lambda: judge(Reader(self._redfish, self._serial), profile, today))

    # -- settings -------------------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except RedfishAuthError:
            raise
        except RedfishError as error:
            self._note(str(error), error)

    def _write(self, changes: Sequence[Change]) -> None:
        """Write what goes into one request; where that is refused, each by itself, so that one fails alone."""
        try:
            self._put(changes)
        except RedfishApiError as error:
            if len(changes) == 1:
                self._note(f"{changes[0].control}: {error}", error)
                return
            for change in changes:
                self._guarded(lambda change=change: self._put([change]))  # type: ignore[misc]
        except RedfishAuthError:
            raise
        except RedfishError as error:
            self._note(f"{', '.join(_names(changes))}: {error}", error)

    def _note(self, problem: str, error: RedfishError) -> None:
        self._progress.note(problem, error.failure, self._redfish.phase)

    def _put(self, changes: Sequence[Change]) -> None:
        first = changes[0]
        if first.post is not None:
            self._redfish.finish(self._redfish.post(first.uri, dict(first.post)))
            self._progress.done += changes
            self._check_member(first)
            return
        resource = self._settled(lambda: self._resource(first))
        self._refuse_foreign(resource, changes)
        try:
            self._redfish.finish(self._redfish.patch(resource, body_of(changes)))
        except RedfishTransportError:
            # It starts anew because of an earlier change, perhaps: what is there afterwards tells what became of this.
            resource = self._settled(lambda: self._resource(first))
            if _lost(resource, changes):
                self._redfish.finish(self._redfish.patch(resource, body_of(changes)))
        self._progress.done += changes
        lost = _lost(self._settled(lambda: self._resource(first)), changes)
        if lost:
            raise NotKept(f"the BMC answered success and did not keep {', '.join(_names(lost))}")

    def _check_member(self, change: Change) -> None:
        members = self._settled(lambda: self._reader.read(change.role, again=True)).resources
        if not any(at(each.body, *change.path) == change.after for each in members):
            raise NotKept(f"the BMC answered success and did not keep {change.control}")

    def _refuse_foreign(self, resource: Resource, changes: Sequence[Change]) -> None:
        moved = [each for each in changes if at(resource.body, *each.path) not in (each.before, each.after)]
        if moved:
            raise RedfishApiError(f"somebody else changed {', '.join(_names(moved))} since it was read", status=412)

    def _resource(self, change: Change) -> Resource:
        return self._redfish.get(change.uri)

    def _settled(self, look: Callable[[], _T]) -> _T:
        """Look until the BMC answers: after some changes it starts its services anew, and forgets sessions."""
        until_s = self._redfish.clock.now_s() + _SETTLE_S
        is_lost = False
        while True:
            try:
                if is_lost:
                    # Refused here, the login is not tried again.
                    self._redfish.log_in_again()
                    is_lost = False
                return look()
            except RedfishTransportError as error:
                is_lost = is_lost or isinstance(error, SessionLost)
                if self._redfish.clock.now_s() + _POLL_S > until_s:
                    raise
            self._redfish.pause(_POLL_S)

    # -- BIOS -----------------------------------------------------------------------------------------------------

    def _apply_bios(self, changes: Sequence[Change]) -> None:
        due = [change for change in changes if not change.is_pending]
        for together in by_uri(due):
            refused = {change.control for change in due} - {change.control for change in self._progress.done}
            if together[0].role == roles.SECURE_BOOT and "boot_mode" in refused:
                # No boot would bring it, and it would be waited for in vain.
                why = "secure_boot: not written, because boot_mode was not"
                self._progress.note(why, Failure.NOT_KEPT, self._redfish.phase)
                continue
            self._put_all_pending(together)
        changes = [change for change in changes if change.is_pending or change in self._progress.done]
        if not changes:
            return
        left_s = self._redfish.deadline_s - self._redfish.clock.now_s()
        with self._reboots.one(self._redfish.bmc.name, left_s):
            self._redfish.phase = "reboot"
            self._reboot()
            self._wait_for(changes)

    def _put_all_pending(self, changes: Sequence[Change]) -> None:
        """Write what goes into one request; where that is refused, each by itself, so that one fails alone."""
        try:
            self._put_pending(changes)
        except RedfishApiError as error:
            if len(changes) == 1:
                self._note(f"{changes[0].control}: {error}", error)
                return
            for change in changes:
                self._guarded(lambda change=change: self._put_pending([change]))  # type: ignore[misc]

    def _put_pending(self, changes: Sequence[Change]) -> None:
        """Write what the next boot brings, and see that it is waiting for it."""
        first = changes[0]
        if first.role != roles.BIOS_PENDING:
            self._put(changes)
            return
        body: Body = body_of(changes)
        bios = self._reader.read(roles.BIOS).resources
        apply_time = apply_time_of(self._reader.vendor, bios[0].body if bios else None)
        if apply_time:
            body["@Redfish.SettingsApplyTime"] = {"ApplyTime": apply_time}
        self._redfish.finish(self._redfish.patch(self._resource(first), body))
        self._progress.done += changes
        pending = self._resource(first)
        lost = [change for change in changes if not same(at(pending.body, *change.path), change.after)]
        applied = self._lacking(lost) if lost else []
        if applied:
            raise NotKept(f"the BMC answered success and did not keep {', '.join(_names(applied))}; not rebooted")

    def _reboot(self) -> None:
        system = self._reader.read(roles.SYSTEM, again=True).resources[0]
        action = at(system.body, "Actions", "#ComputerSystem.Reset")
        target = link_in(at(action, "target") or None, system.uri) or f"{system.uri}/Actions/ComputerSystem.Reset"
        offered = at(action, "ResetType@Redfish.AllowableValues")
        wanted = ["On"] if at(system.body, "PowerState") == "Off" else ["ForceRestart", "PowerCycle", "GracefulRestart"]
        kinds = [each for each in wanted if not isinstance(offered, list) or each in offered]
        if not kinds:
            raise RedfishApiError("the BMC offers no way to reboot the server")
        self._progress.rebooted = True
        self._redfish.finish(self._redfish.post(target, {"ResetType": kinds[0]}))

    def _wait_for(self, changes: Sequence[Change]) -> None:
        """Wait until the boot has brought the values; those that are neither there nor waiting were dropped."""
        until_s = self._redfish.clock.now_s() + self._reboot_timeout_s
        while True:
            lacking = self._settled(lambda: self._lacking(changes))
            if not lacking:
                return
            waiting = self._settled(lambda due=lacking: self._waiting(due))  # type: ignore[misc]
            # Those that wait for no boot any more were taken by it, perhaps a moment before they are applied.
            if len(waiting) < len(lacking):
                self._redfish.pause(_POLL_S)
                lacking = self._settled(lambda: self._lacking(changes))
                if not lacking:
                    return
                raise NotKept(f"after the reboot the server has not kept {', '.join(_names(lacking))}")
            if self._redfish.clock.now_s() + _POLL_S > until_s:
                raise RedfishTimeout(f"{', '.join(_names(waiting))} did not come within {self._reboot_timeout_s:g} s")
            self._redfish.pause(_POLL_S)

    def _lacking(self, changes: Sequence[Change]) -> list[Change]:
        """Return the changes whose values are not applied."""
        found = self._reader.read(roles.BIOS, again=True)
        if found.error:
            raise RedfishTransportError(found.error)
        return [change for change in changes if not self._is_applied(change, found.resources)]

    def _is_applied(self, change: Change, bios: Sequence[Resource]) -> bool:
        if change.role == roles.BIOS_PENDING:
            return any(same(at(each.body, *change.path), change.after) for each in bios)
        current = at(self._redfish.get(change.uri).body, "SecureBootCurrentBoot")
        return current in (MISSING, None) or current == ("Enabled" if change.after else "Disabled")

    def _waiting(self, changes: Sequence[Change]) -> list[Change]:
        """Return the changes whose values still wait for a boot."""
        return [change for change in changes if same(at(self._resource(change).body, *change.path), change.after)]


def _unlocks(change: Change) -> bool:
    return change.after in (False, "Disabled")


def _lost(resource: Resource, changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if not _is_kept(at(resource.body, *change.path), change.after)]


def _is_kept(seen: object, wanted: object) -> bool:
    if isinstance(seen, list) and isinstance(wanted, list):
        return [each for each in seen if each] == wanted
    return same(seen, wanted) or (not isinstance(seen, bool) and str(plain(seen)) == str(wanted))


def _names(changes: Sequence[Change]) -> list[str]:
    return [f"{change.control} ({change.property})" for change in changes]
