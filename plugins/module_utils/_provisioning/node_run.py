# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One node on its way through a run: what was asked, what is known, what became of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._bmc.power import PowerResult
from .._head_node.api.errors import BcmConfigError
from .._head_node.entities.fields import Json, Raw
from .._head_node.entities.phases import Phase, Status
from .._head_node.entities.record import (
    Assignment,
    Record,
    assignment_of,
    failed_values,
    overtaken_values,
    provisioned_values,
)
from .._head_node.entities.references import References
from .._head_node.entities.status import DeviceStatus
from .._values.duration import format_duration
from .._values.names import shorten
from .decide import Action, Decision, Facts, Request
from .timeline import Timeline
from .watch import NodeWatch, timeline_of


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
    verdict: str = ""  # of its watch: up, failed, or "" where nothing was watched
    power: PowerResult | None = None
    timeline: Timeline | None = None
    seconds: float = 0.0
    overtaken: bool = False  # somebody assigned it something else while it was installed


@dataclass(frozen=True)
class Case:
    """One node on its way through a run."""

    name: str
    device: Raw | None
    facts: Facts | None
    decision: Decision
    status: DeviceStatus | None = None
    last_power_ms: int = 0
    last_power: str = ""  # the operation of that time
    power: PowerResult = field(default_factory=PowerResult)

    @property
    def is_settled_up(self) -> bool:
        """UP, and nothing is going to be powered: its BMC is left in peace."""
        return self.facts is not None and self.facts.status == Status.UP and not self.decision.action.acts


def devices_of(cases: Mapping[str, Case]) -> dict[str, Raw]:
    """The devices behind cases; those that BCM does not know are left out."""
    return {name: case.device for name, case in cases.items() if case.device is not None}


def values_to_write(case: Case, result: NodeResult, wall_s: int) -> dict[str, Json]:
    """What the device is to remember of this run; a claim is given back by whoever took it."""
    if case.facts is None or case.facts.assignment is None:
        return {}
    timeline = result.timeline.to_words() if result.timeline else ""
    if result.overtaken:
        return overtaken_values()
    if case.decision.action is Action.ADOPT:
        return provisioned_values(case.facts.assignment, wall_s=wall_s)
    if result.verdict == Phase.UP:
        # What an earlier run started was started with that run's kernel parameters.
        kernel = case.facts.record.intent_kernel if case.decision.action is Action.WATCH else ""
        return provisioned_values(case.facts.assignment, wall_s=wall_s, kernel=kernel, timeline=timeline)
    return failed_values(result.phase, timeline) if result.verdict == Phase.FAILED else {}


def refuse_too_many(cases: Mapping[str, Case], most: int | None) -> None:
    acting = [name for name, case in cases.items() if case.decision.action.powers]
    if most is not None and len(acting) > most:
        raise BcmConfigError(
            f"{len(acting)} nodes would be powered, more than max_nodes {most}; nothing was sent: {shorten(acting)}"
        )


def facts_of(
    name: str,
    device: Raw | None,
    references: References,
    status: DeviceStatus | None,
    job: Job,
    *,
    claimed_by: str = "",
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
        status=status.status if status else Status.DOWN,
        closed=bool(status and status.closed),
        restart_required=bool(status and status.restart_required),
        install_mode=str(device.get("installMode") or category.get("installMode") or "AUTO"),
        data_node=bool(device.get("dataNode") or category.get("dataNode")),
        reassigned=name in job.reassigned,
        claimed_by=claimed_by,
    )


OUTCOMES = {
    Action.NOTHING: "successful",
    Action.ADOPT: "successful",
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
        changed=action is Action.ADOPT or action.acts,
        message=f"would {action.value}: {case.decision.reason}" if action.acts else case.decision.reason,
        status_before=case.status.status if case.status else "",
        status=case.status.status if case.status else "",
        image_before=case.facts.record.provisioned_image if case.facts else "",
        image=case.facts.assignment.image if case.facts and case.facts.assignment else "",
        phase=Phase.POWER if action is Action.BMC_FAILED else (case.status.phase if case.status else ""),
    )


def fail(case: Case, message: str) -> NodeResult:
    return replace(settle(case), outcome="failed", failed=True, changed=False, message=message, phase=Phase.POWER)


def leave_out(case: Case, reason: str) -> NodeResult:
    """The result of a node that was to act and was not started."""
    return replace(settle(case), outcome="skipped", changed=False, message=f"not started: {reason}")


def conclude(case: Case, watch: NodeWatch, report: PowerResult | None, started_wall_s: float) -> NodeResult:
    """The result of a node that was watched to its verdict."""
    up = watch.verdict == Phase.UP
    return replace(
        settle(case),
        outcome="successful" if up else "failed",
        failed=not up,
        message=f"UP after {format_duration(watch.seconds)}" if up else watch.reason,
        status=watch.status,
        phase=watch.phase,
        verdict=watch.verdict,
        power=report,
        timeline=timeline_of(watch, started_wall_s),
        seconds=round(watch.seconds, 1),
    )


def spoil(result: NodeResult, reason: str, *, status: str = "", overtaken: bool = False) -> NodeResult:
    """The result of a node that came UP, and about which something came to light after that."""
    message = f"{result.message}, but {reason}"
    return replace(
        result,
        outcome="failed",
        failed=True,
        message=message,
        status=status or result.status,
        overtaken=result.overtaken or overtaken,
    )


def result_to_ansible(result: NodeResult) -> dict[str, Any]:
    """One node's result as the module returns it."""
    timeline = result.timeline.to_ansible() if result.timeline else {"started": None, "phases": []}
    return {
        "action": result.decision.action.value,
        "reason": result.decision.reason,
        "outcome": result.outcome,
        "failed": result.failed,
        "changed": result.changed,
        "message": result.message,
        "status": result.status,
        "phase": str(result.phase),
        "image": result.image,
        "seconds": result.seconds,
        "power_sent": list(result.power.sent) if result.power else [],
        "started": timeline["started"],
        "timeline": timeline["phases"],
    }
