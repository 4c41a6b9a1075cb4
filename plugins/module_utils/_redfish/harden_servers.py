# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of redfish_harden: audit all, plan, keep what was there, write, and audit again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from .._values.clock import Clock
from . import roles
from .audit import Audit, Identity, identify, judge
from .claim import exclusive
from .connection import BmcLogin, link_in
from .controls import BY_NAME, Stage
from .decide import Finding
from .errors import Failure, RedfishApiError, RedfishConfigError, RedfishError, RedfishProtocolError
from .fleet import Batch, End, talk_to_all
from .harden import Hardening, Progress, Reboots
from .options import SERVERS, Result, Spec, audited, count_states, ended, failures_of, logins_of, profiles_of, today_of
from .plan import Change, Plan, obstacles, plan, reboot_refusal
from .profile import Profile
from .reader import Reader
from .session import Redfish
from .values import MISSING

_SERVER: Spec = {**SERVERS["servers"], "options": {**SERVERS["servers"]["options"], "state": {"type": "str"}}}

SERVERS_WITH_STATE: Spec = {**SERVERS, "servers": _SERVER}

HARDEN: Spec = {
    **SERVERS_WITH_STATE,
    "profile": {"type": "dict", "default": {}},
    "deadline": {"type": "float", "default": 3600.0},
    "allow_reboot": {"type": "bool", "default": False},
    "max_rebooting": {"type": "int", "default": 8},
    "max_failures": {"type": "int"},
    "reboot_timeout": {"type": "float", "default": 1800.0},
    "bundle_path": {"type": "path", "default": "~/.ansible/baremetal.bcm/rollback"},
    "rollback": {"type": "path"},
    "options_only": {"type": "bool", "default": False},
    "lock_path": {"type": "path", "default": "~/.ansible/baremetal.bcm/locks"},
}
_T = TypeVar("_T")
_FORMAT = "baremetal.bcm rollback 1"


@dataclass(frozen=True)
class Preview:
    """What one server is, what was found of it, and what is to be done."""

    identity: Identity
    findings: tuple[Finding, ...]
    plan: Plan


@dataclass
class Job:
    """One task: options, batch, and what is known of each server so far."""

    params: Mapping[str, Any]
    batch: Batch
    clock: Clock
    logins: Mapping[str, BmcLogin] = field(init=False)
    profiles: Mapping[str, Profile] = field(init=False)

    def __post_init__(self) -> None:
        self.logins = logins_of(self.params)
        self.profiles = profiles_of(self.params)
        self.given = {server["name"]: server for server in self.params["servers"]}
        self.today = today_of(self.clock)
        for option in ("max_rebooting", "reboot_timeout"):
            if self.params[option] <= 0:
                raise RedfishConfigError(f"{option} must be above 0")

    def preview(self, name: str, redfish: Redfish) -> Preview:
        """Audit one server and plan what to do. Raises RedfishError where nothing may be written to it."""
        serial = self.given[name]["serial"] or ""
        reader = Reader(redfish, serial)
        findings = judge(reader, self.profiles[name], self.today)
        reader.read(roles.BIOS_PENDING)
        if reader.vendor == "idrac":
            reader.read(roles.DELL_JOBS)
        refusal = reboot_refusal(allow_reboot=self.params["allow_reboot"], state=self.given[name]["state"] or "")
        planned = plan(findings, reboot_refused=refusal)
        if planned.changes:
            redfish.phase = "preflight"
            found = obstacles(reader.view, findings, serial)
            if found:
                raise RedfishApiError(f"nothing was written: {'; '.join(found)}")
        return Preview(identify(reader), findings, planned)


def harden_servers(params: Mapping[str, Any], batch: Batch, clock: Clock) -> Result:
    """Harden servers, or in a batch that only reads, plan to; the result is what redfish_harden documents.

    Raises RedfishConfigError before anything was written.
    """
    job = Job(params, batch, clock)
    bundle = read_bundle(params["rollback"]) if params["rollback"] else None
    if params["options_only"]:
        check_bundle_path(params["bundle_path"])
        nothing: Result = {"servers": {}, "before": {}, "compliant": [], "failures": {}}
        return {**nothing, "diff": [], "counts": count_states({}), "bundle": None}
    with exclusive(params["lock_path"], job.logins, batch, clock) as (batch, refused):
        job.batch = batch
        free = {name: login for name, login in job.logins.items() if name not in refused}
        reading = replace(batch, read_only=True)

        def look(name: str, redfish: Redfish) -> Preview:
            seen = job.preview(name, redfish)
            return seen if bundle is None else replace(seen, plan=_back(bundle.get(name, []), job, name))

        before = talk_to_all(free, look, reading, clock)
        before.update({name: End(failure=Failure.REFUSED, message=why, phase="claim") for name, why in refused.items()})
        work = {name: end.value for name, end in before.items() if end.value is not None and end.value.plan.changes}
        result = _Result(job, before)
        if work and not batch.read_only:
            result.bundle = write_bundle(params["bundle_path"], work, clock)
            result.apply(work)
    return result.to_ansible()


class _Result:
    """What became of a batch."""

    def __init__(self, job: Job, before: dict[str, End[Preview]]) -> None:
        self._job = job
        self._before = before
        self._after: dict[str, End[tuple[Finding, ...]]] = {}
        self._progress: dict[str, Progress] = {}
        self.bundle: str | None = None

    def apply(self, work: Mapping[str, Preview]) -> None:
        """Write the plans; what fails with one server leaves the others alone."""
        job, params = self._job, self._job.params
        reboots = Reboots(params["max_rebooting"], params["max_failures"])
        self._progress = {name: Progress() for name in work}

        def apply(name: str, redfish: Redfish) -> tuple[Finding, ...]:
            progress = self._progress[name]
            hardening = Hardening(
                redfish,
                work[name].plan,
                reboots,
                progress=progress,
                serial=job.given[name]["serial"] or "",
                reboot_timeout_s=params["reboot_timeout"],
            )
            try:
                hardening.apply()
            except RedfishError as error:
                reboots.note_failure(name)
                self._problems[name] = (error, progress.phase or redfish.phase)
            redfish.phase = "audit"
            return hardening.audit(job.profiles[name], job.today)

        self._problems: dict[str, tuple[RedfishError, str]] = {}
        ends = talk_to_all({name: job.logins[name] for name in work}, apply, job.batch, job.clock)
        self._after = {name: _judged(end, self._problems.get(name)) for name, end in ends.items()}

    def to_ansible(self) -> Result:
        """Return the result as redfish_harden documents it."""
        servers = {name: self._server(name) for name in self._job.logins}
        ends: dict[str, End[Any]] = {**self._before, **self._after}
        plans = {name: end.value.plan.changes for name, end in self._before.items() if end.value is not None}
        changed = any(plans.values()) if self._job.batch.read_only else any(
            each.done or each.rebooted for each in self._progress.values()
        )  # fmt: skip
        return {
            "changed": changed,
            "diff": _diff(plans) if any(plans.values()) else [],
            "servers": servers,
            "before": {name: self._seen_before(name) for name in self._job.logins},
            "counts": count_states(servers),
            "compliant": [name for name, server in servers.items() if server["compliant"]],
            "bundle": self.bundle,
            "failures": failures_of({name: ends[name] for name in self._job.logins}),
        }

    def _seen_before(self, name: str) -> Result:
        end: End[Any] = self._before[name]
        audit = None if end.value is None else Audit(end.value.identity, end.value.findings)
        return {**ended(self._job.logins[name], end), **audited(replace(end, value=audit), self._job.profiles[name])}

    def _server(self, name: str) -> Result:
        before, after = self._before[name], self._after.get(name)
        seen = before.value
        end: End[Any] = before if after is None else replace(
            after, requests=before.requests + after.requests, seconds=round(before.seconds + after.seconds, 1)
        )  # fmt: skip
        findings = seen.findings if seen is not None else ()
        if after is not None and after.value is not None:
            findings = after.value
        audit = None if seen is None else Audit(seen.identity, findings)
        progress = self._progress.get(name, Progress())
        return {
            **ended(self._job.logins[name], end),
            **audited(replace(end, value=audit), self._job.profiles[name]),
            "plan": [change.to_ansible() for change in seen.plan.changes] if seen else [],
            "left": dict(seen.plan.left) if seen else {},
            "written": [change.to_ansible() for change in progress.done],
            "rebooted": progress.rebooted,
        }


def _judged(end: End[_T], problem: tuple[RedfishError, str] | None) -> End[_T]:
    """Return how it ended: what went wrong first is what is told first."""
    if problem is None:
        return end
    error, phase = problem
    said = "; ".join(dict.fromkeys(filter(None, (str(error), end.message))))
    return replace(end, failure=error.failure, message=said, phase=phase)


def _diff(plans: Mapping[str, Iterable[Change]]) -> dict[str, Any]:
    told = {
        name: [(f"{change.uri} {change.property}", change.to_ansible()) for change in changes]
        for name, changes in plans.items()
        if changes
    }
    return {
        side: {name: {where: change[side] for where, change in changes} for name, changes in told.items()}
        for side in ("before", "after")
    }


# -- bundles -------------------------------------------------------------------------------------------------------


def check_bundle_path(directory: str) -> None:
    """Raise RedfishConfigError where no bundle could be written there; nothing is made for that."""
    folder = Path(directory).expanduser()
    there = next(each for each in (folder, *folder.parents) if os.access(each, os.F_OK))
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        why = f"{there} is {'not writable' if there.is_dir() else 'no directory'}"
        raise RedfishConfigError(f"could not write a rollback bundle to {directory}: {why}")


def write_bundle(directory: str, work: Mapping[str, Preview], clock: Clock) -> str:
    """Keep all values about to change in a new file, for its owner alone, on disk before this returns; gives its path.

    No control is about a secret, so none is in it. Raises RedfishConfigError where it can't be written.
    """
    servers = {
        name: [
            {"control": each.control, "role": each.role, "uri": each.uri, "path": list(each.path),
             "before": each.before, "after": each.after}
            for each in preview.plan.changes
            if each.before is not MISSING and each.post is None
        ]
        for name, preview in work.items()
    }  # fmt: skip
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock.wall_s()))
    folder = Path(directory).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in range(1000):
            path = folder / f"{stamp}{f'-{number}' if number else ''}.json"
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"format": _FORMAT, "servers": servers}, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            return str(path)
        raise RedfishConfigError(f"could not write a rollback bundle to {directory}: too many of this second")
    except OSError as error:
        raise RedfishConfigError(f"could not write a rollback bundle to {directory}: {error.strerror}") from error


def read_bundle(path: str) -> dict[str, list[Change]]:
    """Read a bundle: the changes that were made, by server. Raises RedfishConfigError for anything else."""
    try:
        kept = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
        changes_of = {_FORMAT: kept["servers"]}[kept["format"]].items()
        return {
            str(name): [
                Change(each["control"], BY_NAME[each["control"]].stage, each["role"], str(link_in(each["uri"], path)),
                       tuple(each["path"]), each["before"], each["after"])
                for each in changes
            ]
            for name, changes in changes_of
        }  # fmt: skip
    except OSError as error:
        raise RedfishConfigError(f"could not read rollback {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RedfishProtocolError) as error:
        raise RedfishConfigError(f"rollback {path} is no bundle that redfish_harden wrote") from error


def _back(changes: Iterable[Change], job: Job, name: str) -> Plan:
    """Return the plan that sets what was there before; what takes a boot only where that is allowed."""
    refusal = reboot_refusal(allow_reboot=job.params["allow_reboot"], state=job.given[name]["state"] or "")
    back, left = [], {}
    for each in changes:
        if each.stage is Stage.BIOS and refusal:
            left[each.control] = refusal
        else:
            back.append(replace(each, before=each.after, after=each.before))
    return Plan(tuple(back), left)
