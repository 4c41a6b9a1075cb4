# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One node on its way through a run: what was asked, what is known, what became of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._bmc.power import PowerResult
from .entities.fields import Json, Raw
from .entities.status import DeviceStatus
from .errors import BcmConfigError
from .progress import MOST_SINGLE_LINES, format_duration
from .provision import Action, Decision, Facts, Request
from .record import Assignment, Record, assignment_of, failed_values, provisioned_values
from .references import References
from .watch import NodeWatch


@dataclass(frozen=True)
class Job:
    """What to provision. `reassigned` are the nodes whose image or disk setup this run changed; `assignments` stand in,
    in check mode, for what the run would have written."""

    names: Sequence[str]
    request: Request
    reassigned: Collection[str] = ()
    assignments: Mapping[str, Assignment] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeResult:
    """What became of one node. `outcome` is successful, failed, skipped, pending or not_found."""

    name: str
    decision: Decision
    outcome: str
    failed: bool = False
    changed: bool = False
    message: str = ""
    status_before: str = ""
    status: str = ""
    image_before: str = ""
    image: str = ""
    phase: str = ""
    watch: NodeWatch | None = None
    power: PowerResult | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Case:
    """One node on its way through a run."""

    name: str
    device: Raw | None
    facts: Facts | None
    decision: Decision
    status: DeviceStatus | None = None
    last_power_ms: int = 0
    power: PowerResult = field(default_factory=PowerResult)

    @property
    def is_settled_up(self) -> bool:
        """UP, and nothing is going to be powered: its BMC is left in peace."""
        return self.facts is not None and self.facts.status == "UP" and not self.decision.action.acts


def values_to_write(case: Case, result: NodeResult, wall_s: int) -> dict[str, Json]:
    if case.facts is None or case.facts.assignment is None or case.decision.action is Action.NOTHING:
        return {}
    if result.outcome == "successful":
        return provisioned_values(case.facts.assignment, wall_s=wall_s)
    if result.watch is not None and result.watch.verdict == "failed":
        return failed_values(result.watch.phase)
    return {}


def refuse_too_many(cases: Mapping[str, Case], most: int | None) -> None:
    acting = [name for name, case in cases.items() if case.decision.action in (Action.POWER_ON, Action.POWER_CYCLE)]
    if most is not None and len(acting) > most:
        raise BcmConfigError(
            f"{len(acting)} nodes would be powered, more than max_nodes {most}; nothing was sent: {shorten(acting)}"
        )


def facts_of(
    name: str, device: Raw | None, references: References, status: DeviceStatus | None, job: Job
) -> Facts | None:
    assumed = job.assignments.get(name)
    if device is None:
        return Facts(assignment=replace(assumed, token=job.request.token)) if assumed else None
    assignment = assumed or assignment_of(device, references)
    category = references.categories.raw.get(device.get("category", ""), {})
    record = Record.from_api(device.get("extra_values"))
    # No token given means no wish to force: the one that was used last stays in force.
    token = job.request.token or record.provisioned_token
    return Facts(
        assignment=replace(assignment, token=token) if assignment else None,
        record=record,
        status=status.status if status else "DOWN",
        closed=bool(status and status.closed),
        restart_required=bool(status and status.restart_required),
        install_mode=str(device.get("installMode") or category.get("installMode") or "AUTO"),
        data_node=bool(device.get("dataNode") or category.get("dataNode")),
        reassigned=name in job.reassigned,
    )


OUTCOMES = {
    Action.NOTHING: "successful",
    Action.RECORD: "successful",
    Action.PENDING: "pending",
    Action.SKIP: "skipped",
    Action.REFUSE: "skipped",
    Action.BMC_FAILED: "failed",
    Action.NOT_FOUND: "not_found",
}


def settle(case: Case) -> NodeResult:
    """The result of a node as far as the decision tells; for one that acts, what would be done."""
    action = case.decision.action
    return NodeResult(
        name=case.name,
        decision=case.decision,
        outcome=OUTCOMES.get(action, "pending"),
        failed=action in (Action.REFUSE, Action.NOT_FOUND, Action.BMC_FAILED),
        changed=action is Action.RECORD or action.acts,
        message=f"would {action.value}: {case.decision.reason}" if action.acts else case.decision.reason,
        status_before=case.status.status if case.status else "",
        status=case.status.status if case.status else "",
        image_before=case.facts.record.provisioned_image if case.facts else "",
        image=case.facts.assignment.image if case.facts and case.facts.assignment else "",
        phase="power" if action is Action.BMC_FAILED else (case.status.phase if case.status else ""),
    )


def fail(case: Case, message: str) -> NodeResult:
    return replace(settle(case), outcome="failed", failed=True, changed=False, message=message, phase="power")


def conclude(case: Case, watch: NodeWatch, report: PowerResult | None, seconds: float) -> NodeResult:
    up = watch.verdict == "up"
    took_s = watch.timeline[-1].at_s if watch.timeline else seconds
    return replace(
        settle(case),
        outcome="successful" if up else "failed",
        failed=not up,
        message=f"UP after {format_duration(took_s)}" if up else watch.reason,
        status=watch.status,
        phase=watch.phase,
        watch=watch,
        power=report,
        seconds=round(took_s, 1),
    )


def shorten(names: Collection[str], most: int = 10) -> str:
    shown = ", ".join(list(names)[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def result_to_ansible(result: NodeResult) -> dict[str, Any]:
    """One node's result as the module returns it."""
    timeline = result.watch.timeline if result.watch else ()
    return {
        "action": result.decision.action.value,
        "reason": result.decision.reason,
        "outcome": result.outcome,
        "failed": result.failed,
        "changed": result.changed,
        "message": result.message,
        "status": result.status,
        "phase": result.phase,
        "image": result.image,
        "seconds": result.seconds,
        "power_sent": list(result.power.sent) if result.power else [],
        "timeline": [{"phase": step.phase, "seconds": step.at_s, "message": step.message} for step in timeline],
    }


def plan_lines(results: Mapping[str, NodeResult]) -> list[str]:
    """What a run is going to do: a line a node up to MOST_SINGLE_LINES, a line an action above."""
    by_action: dict[str, list[str]] = {}
    for name, result in results.items():
        by_action.setdefault(result.decision.action.value, []).append(name)
    if len(results) > MOST_SINGLE_LINES:
        return [f"Plan: {action} {len(names)} nodes: {shorten(names)}" for action, names in by_action.items()]
    return [
        f"Plan: {result.decision.action.value} {name} ({result.decision.reason})" for name, result in results.items()
    ]
