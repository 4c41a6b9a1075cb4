# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One node in a run: what was asked, what is known, what became of it. Pure."""

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
    given_up_values,
    overtaken_values,
    provisioned_values,
)
from .._head_node.entities.references import References
from .._head_node.entities.status import DeviceStatus
from .._values.duration import format_duration
from .._values.names import count, shorten
from .decide import Action, Decision, Facts, Planned, Request, digest_of
from .outcome import Outcome
from .result_reader import ResultReader
from .timeline import Timeline
from .watch import NodeWatch, timeline_of


@dataclass(frozen=True)
class Job:
    """The job of a run. `reassigned` are the nodes whose image or disk setup this run changed.

    `assignments`, by host name, stand for what the run would have written where check mode wrote nothing. `expected` is
    what the run began with: who assigned something else since is not overruled. `planned` is what may be done with each
    node; None where there is no plan to hold to.
    """

    names: Sequence[str]
    request: Request
    reassigned: Collection[str] = ()
    assignments: Mapping[str, Assignment] = field(default_factory=dict)
    planned: Mapping[str, Planned] | None = None
    expected: Mapping[str, Assignment] = field(default_factory=dict)

    def planned_for(self, name: str) -> Planned | None:
        """Return what the plan says of a node, nothing where it does not know it; None without a plan."""
        return None if self.planned is None else self.planned.get(name, Planned())


@dataclass(frozen=True)
class NodeResult:
    """The result of a run for one node."""

    name: str
    decision: Decision
    outcome: Outcome
    changed: bool = False
    message: str = ""
    status_before: str = ""
    status: str = ""
    image_before: str = ""
    image: str = ""
    assigned: str = ""  # digest_of what it is assigned
    phase: str = ""
    verdict: str = ""  # of its watch: up, failed, or "" where nothing was watched
    power: PowerResult | None = None
    timeline: Timeline | None = None
    seconds: float = 0.0
    overtaken: bool = False  # it was assigned something else while it was installed

    @property
    def failed(self) -> bool:
        """Return whether the run fails for this node; it also does for what was asked for and refused."""
        return self.outcome.is_failure or self.decision.action is Action.REFUSE

    def to_ansible(self) -> dict[str, Any]:
        """Return the result as one of `nodes` of bcm_provision."""
        timeline = self.timeline.to_ansible() if self.timeline else {"started": None, "phases": []}
        return {
            "action": self.decision.action.value,
            "reason": self.decision.reason,
            "outcome": self.outcome.value,
            "failed": self.failed,
            "changed": self.changed,
            "message": self.message,
            "status": self.status,
            "phase": str(self.phase),
            "image": self.image,
            "seconds": self.seconds,
            "power_sent": list(self.power.sent) if self.power else [],
            "started": timeline["started"],
            "timeline": timeline["phases"],
        }

    @classmethod
    def from_ansible(cls, name: str, returned: object) -> NodeResult:
        """Read what `to_ansible` returned; what a node was before the run is not in it.

        Raises BcmConfigError, which names the key, for anything else.
        """
        values = ResultReader(f"the result of {name}", returned)
        timeline = None
        if values.optional("started", values.number) is not None:
            timeline = Timeline.from_ansible({"started": values.number("started"), "phases": values.raw("timeline")})
        sent = values.texts("power_sent")
        result = cls(
            name=name,
            decision=Decision(values.word("action", Action), values.text("reason")),
            outcome=values.word("outcome", Outcome),
            changed=values.flag("changed"),
            message=values.text("message"),
            status=values.text("status"),
            phase=values.text("phase"),
            image=values.text("image"),
            verdict=timeline.verdict if timeline else "",
            power=PowerResult(sent=sent) if sent else None,
            timeline=timeline,
            seconds=values.number("seconds"),
        )
        if values.flag("failed") is not result.failed:
            raise values.refusal(
                f"failed contradicts outcome {result.outcome} and action {result.decision.action.value}"
            )
        return result


@dataclass(frozen=True)
class NodeRun:
    """One node in a run, as far as it is known."""

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
        """Return whether it is UP and nothing will be sent to it, so that its BMC need not be asked."""
        return self.facts is not None and self.facts.status == Status.UP and not self.decision.action.acts


def devices_of(nodes: Mapping[str, NodeRun]) -> dict[str, Raw]:
    """Return the devices behind nodes, by name; nodes that BCM does not know are left out."""
    return {name: node.device for name, node in nodes.items() if node.device is not None}


def values_to_write(node: NodeRun, result: NodeResult, wall_s: int) -> dict[str, Json]:
    """Return the `extra_values` that record this run on the device, claims apart; `wall_s` is Unix time."""
    if node.facts is None or node.facts.assignment is None:
        return {}
    timeline = result.timeline.to_words() if result.timeline else ""
    if result.overtaken:
        return overtaken_values()
    if node.decision.action is Action.ADOPT:
        return provisioned_values(node.facts.assignment, wall_s=wall_s)
    if result.verdict == Phase.UP:
        # What an earlier run started was started with that run's kernel parameters.
        kernel = node.facts.record.intent_kernel if node.decision.action is Action.WATCH else ""
        return provisioned_values(node.facts.assignment, wall_s=wall_s, kernel=kernel, timeline=timeline)
    if result.verdict == Phase.FAILED:
        return given_up_values(result.phase, result.message, timeline)
    # What was sent before its power failed may have worked, so the next run looks again.
    return failed_values(result.phase, result.message) if result.outcome is Outcome.FAILED else {}


def refuse_too_many(nodes: Mapping[str, NodeRun], most: int | None) -> None:
    """Raise BcmConfigError where more nodes would be powered than `most`."""
    acting = [name for name, node in nodes.items() if node.decision.action.powers]
    if most is not None and len(acting) > most:
        raise BcmConfigError(
            f"{count(len(acting), 'node')} would be powered, more than max_nodes {most}; nothing was sent: "
            f"{shorten(acting)}"
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
    """Return what is known of a node; None where BCM does not know it and no assignment stands for it."""
    assumed = job.assignments.get(name)
    if device is None:
        if assumed is None:
            return None
        return Facts(assignment=replace(assumed, token=job.request.token), planned=job.planned_for(name))
    assignment = assumed or assignment_of(device, references)
    category = references.categories.raw.get(device.get("category", ""), {})
    record = Record.from_api(device.get("extra_values"))
    # Without a token nothing is forced: the one that was used last stays valid.
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
        planned=job.planned_for(name),
        expected=replace(expected, token=token) if (expected := job.expected.get(name)) else None,
    )


OUTCOMES = {
    Action.NOTHING: Outcome.SUCCESSFUL,
    Action.ADOPT: Outcome.SUCCESSFUL,
    Action.PENDING: Outcome.PENDING,
    Action.SKIP: Outcome.SKIPPED,
    Action.REFUSE: Outcome.SKIPPED,
    Action.BMC_FAILED: Outcome.FAILED,
    Action.NOT_FOUND: Outcome.NOT_FOUND,
}


def settle(node: NodeRun) -> NodeResult:
    """Return the result of a node by its decision alone; where the run would act, what it would do."""
    action = node.decision.action
    return NodeResult(
        name=node.name,
        decision=node.decision,
        outcome=OUTCOMES.get(action, Outcome.PENDING),
        changed=action is Action.ADOPT or action.acts,
        message=f"would {action.value}: {node.decision.reason}" if action.acts else node.decision.reason,
        # Of a node that a check assumes to be registered: what BCM says of a new one.
        status_before=node.facts.status if node.facts else "",
        status=node.status.status if node.status else "",
        image_before=node.facts.record.provisioned_image if node.facts else "",
        image=node.facts.assignment.image if node.facts and node.facts.assignment else "",
        assigned=digest_of(node.facts.assignment if node.facts else None),
        phase=Phase.POWER if action is Action.BMC_FAILED else (node.status.phase if node.status else ""),
    )


def fail(node: NodeRun, message: str) -> NodeResult:
    """Return the result of a node that could not be claimed or powered."""
    return replace(settle(node), outcome=Outcome.FAILED, changed=False, message=message, phase=Phase.POWER)


def leave_out(node: NodeRun, reason: str) -> NodeResult:
    """Return the result of a node that was to be started and was not."""
    return replace(settle(node), outcome=Outcome.SKIPPED, changed=False, message=f"not started: {reason}")


def conclude(node: NodeRun, watch: NodeWatch, report: PowerResult | None, started_wall_s: float) -> NodeResult:
    """Return the result of a node that was watched to its verdict; `started_wall_s` is Unix time."""
    up = watch.verdict == Phase.UP
    return replace(
        settle(node),
        outcome=Outcome.SUCCESSFUL if up else Outcome.FAILED,
        message=f"UP after {format_duration(watch.seconds)}" if up else watch.reason,
        status=watch.status,
        phase=watch.phase,
        verdict=watch.verdict,
        power=report,
        timeline=timeline_of(watch, started_wall_s),
        seconds=round(watch.seconds, 1),
    )


def spoil(result: NodeResult, reason: str, *, status: str = "", overtaken: bool = False) -> NodeResult:
    """Return the result of a node that came UP and fails all the same, for what was found out after that."""
    message = f"{result.message}, but {reason}"
    return replace(
        result,
        outcome=Outcome.FAILED,
        message=message,
        status=status or result.status,
        overtaken=result.overtaken or overtaken,
    )
