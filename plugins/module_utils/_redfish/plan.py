# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is to be written to a BMC so that it meets its profile, in which order, and what that disturbs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .adapters import Check, foreign_pending
from .controls import Stage
from .decide import Finding, State, plain
from .roles import BIOS, BIOS_PENDING, DELL_JOBS
from .values import MISSING, Path, at, merged, placed
from .view import Body, View

# A server in another state may be in use.
MAY_REBOOT = ("staged", "ready")
_DISRUPTION = {
    Stage.FIRMWARE: "none",
    Stage.BIOS: "reboot",
    Stage.SETTINGS: "none",
    Stage.CUTTING: "cuts off who uses it",
    Stage.LOCKDOWN: "locks the configuration",
}
_JOBS_DONE = frozenset({"Completed", "CompletedWithErrors", "CompletedWithWarnings", "Failed", "RebootCompleted"})


@dataclass(frozen=True)
class Change:
    """One property to be set, or with `post` one member to be made. `is_pending` needs the boot alone, no write."""

    control: str
    stage: Stage
    role: str
    uri: str
    path: Path
    before: Any
    after: Any
    is_pending: bool = False
    post: Mapping[str, Any] | None = None

    @property
    def property(self) -> str:
        """Return the path as people write it."""
        return ".".join(self.path)

    def to_ansible(self) -> dict[str, Any]:
        """Return the change as modules return it."""
        return {
            "control": self.control,
            "uri": self.uri,
            "property": self.property,
            "before": plain(self.before),
            "after": plain(self.after),
            "pending": self.is_pending,
            "disruption": _DISRUPTION[self.stage],
        }


@dataclass(frozen=True)
class Plan:
    """What is to be done with one server, in order; `left` says by control why something is not done."""

    changes: tuple[Change, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)

    @property
    def reboots(self) -> bool:
        """Return whether it takes a reboot, of which there is one for all."""
        return bool(self.of(Stage.BIOS))

    def of(self, stage: Stage) -> list[Change]:
        """Return the changes of one stage."""
        return [change for change in self.changes if change.stage is stage]


def plan(findings: Iterable[Finding], *, reboot_refused: str = "") -> Plan:
    """Return what is to be written; with `reboot_refused`, the reason, nothing that takes effect at a boot."""
    changes: list[Change] = []
    left: dict[str, str] = {}
    for finding in findings:
        if finding.state is not State.DRIFT:
            continue
        control = finding.control
        for check in finding.failed:
            if check.needs_boot and reboot_refused:
                left[control.name] = reboot_refused
            elif check.is_writable or check.is_pending:
                changes.append(_change(control.name, control.stage, check))
            else:
                left[control.name] = check.note or control.by_hand or "the BMC offers no way to change it"
    return Plan(tuple(sorted(changes, key=lambda change: change.stage)), left)


def _change(name: str, stage: Stage, check: Check) -> Change:
    role = BIOS_PENDING if check.role == BIOS else check.role
    return Change(name, stage, role, check.uri, check.path, check.seen, check.wanted, check.is_pending, check.post)


def body_of(changes: Sequence[Change]) -> Body:
    """Return one change of a resource that sets all of these and names nothing else."""
    body: Body = {}
    for change in changes:
        body = merged(body, placed(change.path, change.after))
    return body


def by_uri(changes: Iterable[Change]) -> list[list[Change]]:
    """Return changes that go into one request together, in order."""
    found: dict[str, list[Change]] = {}
    for number, change in enumerate(changes):
        found.setdefault(change.uri if change.post is None else f"{change.uri} {number}", []).append(change)
    return list(found.values())


def obstacles(view: View, findings: Iterable[Finding], serial: str) -> list[str]:
    """Return why nothing may be written to this server at all: it is another one, or somebody else is at it.

    Raises NotRead where BIOS or jobs were not read yet.
    """
    found = []
    seen = next((at(each.body, "SerialNumber") for each in view.all("System") or ()), MISSING)
    if serial and seen != serial:
        found.append(f"its serial number is {plain(seen)}, not {serial}: this is another server")
    ours = [check.path[-1] for finding in findings for check in finding.checks if check.role == BIOS]
    foreign = foreign_pending(view, ours)
    if foreign:
        found.append(f"somebody else's BIOS values are pending: {', '.join(map(str, map(plain, foreign[:10])))}")
    if view.vendor == "idrac":
        states = [str(at(job.body, "JobState")) for job in view.all(DELL_JOBS) or ()]
        waiting = [state for state in states if state not in _JOBS_DONE]
        if waiting:
            found.append(f"{len(waiting)} of its jobs have not ended ({plain(waiting[0])})")
    return found


def reboot_refusal(*, allow_reboot: bool, state: str) -> str:
    """Return why a server may not be rebooted, "" where it may. `state` is that of its lifecycle."""
    if state not in MAY_REBOOT:
        known = f"is {state}" if state else "has no known state"
        return f"it needs a reboot, and the server {known}: only {' and '.join(MAY_REBOOT)} ones are rebooted"
    return "" if allow_reboot else "it needs a reboot: allow_reboot, or hardening_allow_reboot for the playbook"
