# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Decisions: what to do with a node, and why. Pure: facts and a request in, a decision out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from .._head_node.entities.phases import FAILED_STATUSES, INSTALLING_STATUSES, Status
from .._head_node.entities.record import Assignment, Record

_KEEPING_MODES = frozenset({"NOSYNC", "SKIP", "MAIN"})


class Action(str, Enum):
    """The action of a run on one node."""

    NOTHING = "nothing"  # it is as it should be
    ADOPT = "adopt"  # write down what is there
    POWER_ON = "power_on"
    REPROVISION = "reprovision"
    RESTART = "restart"  # what is installed is right; only a restart is needed
    WATCH = "watch"  # our power operation was sent by an earlier run
    PENDING = "pending"  # something is to be done, but power was not opted in
    SKIP = "skip"  # left alone; the reason says why
    BMC_FAILED = "bmc_failed"  # its BMC does not answer or refuses: nothing can be done
    REFUSE = "refuse"  # asked for, but not safe: the run fails for this node
    NOT_FOUND = "not_found"

    @property
    def acts(self) -> bool:
        """Return whether the run works on the node: powers or watches it."""
        return self.powers or self is Action.WATCH

    @property
    def powers(self) -> bool:
        """Return whether the run sends power to the node, or asks it to restart."""
        return self in (Action.POWER_ON, Action.REPROVISION, Action.RESTART)


@dataclass(frozen=True)
class Request:
    """The user's request, the same for all nodes of a run."""

    enable_power_action: bool = False
    power_action: str = "power_on"  # or power_cycle
    token: str = ""
    next_boot_install_mode: str = ""
    adopt: bool = False
    max_nodes: int | None = None
    include_closed: bool = False


@dataclass(frozen=True)
class Planned:
    """What a plan says of one node; `digest` is `digest_of` what it is assigned."""

    action: str = Action.NOTHING.value
    digest: str = ""
    image: str = ""
    install_mode: str = ""
    reason: str = ""  # for people


def digest_of(assignment: Assignment | None) -> str:
    """Return one word for what a node is to be installed and started with; "" for nothing."""
    return f"{assignment.digest}-{assignment.kernel}" if assignment else ""


@dataclass(frozen=True)
class Facts:
    """The facts about one node. `power` is ON, OFF or UNKNOWN.

    `reassigned`: this run changed what is to be installed. `claimed_by` names another run that works on the node:
    its owner and the end of its claim. `planned` is None where the run has no plan to hold to.
    """

    assignment: Assignment | None
    record: Record = field(default_factory=Record)
    status: str = Status.DOWN
    closed: bool = False
    restart_required: bool = False
    power: str = "UNKNOWN"
    power_error: str = ""  # why it is unknown
    install_mode: str = "AUTO"
    data_node: bool = False
    reassigned: bool = False
    power_sent_since_intent: bool = False
    power_cut_since_intent: bool = (
        False  # the last that was sent was an OFF: whoever switched it on again left no trace
    )
    claimed_by: str = ""
    planned: Planned | None = None
    expected: Assignment | None = None  # what it was assigned when the run began


@dataclass(frozen=True)
class Decision:
    """The action, a reason in words, and the install mode to set for the next boot ("" leaves it)."""

    action: Action
    reason: str
    next_boot_install_mode: str = ""
    is_off_plan: bool = False


def decide(facts: Facts | None, request: Request) -> Decision:
    """Return the decision for one node; None stands for a node that BCM does not know."""
    if facts is None:
        return Decision(Action.NOT_FOUND, "no such device on the head node")
    decision = _decide_known(facts, request)
    return decision if facts.planned is None else _hold_to_plan(decision, facts, facts.planned)


def _decide_known(facts: Facts, request: Request) -> Decision:
    if facts.assignment is None:
        return Decision(Action.REFUSE, "it has no software image, neither of its own nor from its category")
    if facts.closed and not request.include_closed:
        return Decision(Action.SKIP, "it is CLOSED in BCM; open it first, or allow it with bcm_include_closed")
    if facts.expected is not None and facts.expected.digest != facts.assignment.digest:
        decision = Decision(
            Action.REFUSE,
            f"it was assigned {facts.assignment.image} by others since this run began with {facts.expected.image}; "
            "this run leaves it alone",
        )
    else:
        decision = _decide_alone(facts, facts.assignment, request)
    if facts.claimed_by and (decision.action.acts or decision.action in (Action.ADOPT, Action.REFUSE)):
        return Decision(Action.REFUSE, f"claimed by {facts.claimed_by}, and longer while that run works on it")
    return decision


def _hold_to_plan(decision: Decision, facts: Facts, planned: Planned) -> Decision:
    """Return the decision where it is the plan's or what is left of that; else refuse it."""
    action, was = decision.action, Action(planned.action)
    does, did = (one.acts or one is Action.ADOPT for one in (action, was))
    if not does and not did:
        return decision
    same = digest_of(facts.assignment) == planned.digest
    digest = facts.assignment.digest if facts.assignment else ""
    if did and same:
        if action is was and decision.next_boot_install_mode == planned.install_mode:
            return decision
        # What the plan began may be done by now, or be under way.
        if action is Action.NOTHING or (action is Action.WATCH and facts.record.intent_digest == digest):
            return decision
        # Or it was cut off or given up, and nothing runs on the node.
        begun = facts.record.intent_digest == digest and facts.status != Status.UP
        if begun and action.powers and was.powers and decision.next_boot_install_mode == planned.install_mode:
            return decision
    said = f"{was.value} {planned.image}" if did else was.value
    now = f"{action.value} ({decision.reason})"
    if action is was and not same:
        now = f"{now}, with another image, disk setup, token or other kernel parameters"
    return Decision(Action.REFUSE, f"the plan says {said}, now it is {now}", is_off_plan=True)


def _decide_alone(facts: Facts, assignment: Assignment, request: Request) -> Decision:
    if facts.status in INSTALLING_STATUSES:
        return _decide_installing(facts, assignment, request)
    if facts.status == Status.UP:
        return _decide_up(facts, assignment, request)
    return _decide_not_up(facts, assignment, request)


def _decide_installing(facts: Facts, assignment: Assignment, request: Request) -> Decision:
    if facts.record.intent_digest == assignment.digest:
        if facts.record.intent_failed:
            return _decide_again(facts, assignment, request)
        if not request.enable_power_action:
            return Decision(
                Action.PENDING, f"{facts.status} for an earlier run; not watched without bcm_enable_power_action"
            )
        return Decision(Action.WATCH, f"{facts.status} already, from an earlier run")
    claimant = facts.claimed_by or "another run or a person"
    return Decision(
        Action.SKIP, f"{facts.status} for {claimant}; an installation is never cut: run again when it has ended"
    )


def _decide_up(facts: Facts, assignment: Assignment, request: Request) -> Decision:
    record = facts.record
    if record.provisioned_digest == assignment.digest and not _begun_with_another(facts, assignment):
        return _decide_provisioned(facts, assignment, request)
    if _sent_by_earlier_run(facts, assignment):
        if not request.enable_power_action:
            return Decision(
                Action.PENDING, "UP after an earlier run had sent power; not watched without bcm_enable_power_action"
            )
        return Decision(Action.WATCH, "an earlier run sent power")
    reassigned = facts.reassigned or record.reassigned or _begun_with_another(facts, assignment)
    if not record.provisioned_digest and not reassigned and request.adopt:
        return Decision(Action.ADOPT, f"adopted: {assignment.image} recorded as provisioned, the node left alone")
    if not record.provisioned_digest and not reassigned and not request.token:
        return Decision(
            Action.SKIP, "unrecorded: UP, but not provisioned by this collection; bcm_adopt: true records it as it is"
        )
    return _decide_reprovision(facts, assignment, request)


def _decide_provisioned(facts: Facts, assignment: Assignment, request: Request) -> Decision:
    """Decide for a node that is UP with what it is assigned: at most it has to restart."""
    note = "; BCM says a restart is required" if facts.restart_required else ""
    if facts.record.provisioned_kernel in ("", assignment.kernel):
        return Decision(Action.NOTHING, f"UP with {assignment.image}{note}")
    if request.power_action != "power_cycle":
        note = "; other kernel parameters wait for a restart, which power_cycle does"
        return Decision(Action.NOTHING, f"UP with {assignment.image}{note}")
    reason = f"restart for other kernel parameters, {assignment.image} stays"
    if not request.enable_power_action:
        return Decision(Action.PENDING, f"needs a {reason}; not without bcm_enable_power_action")
    if _sent_by_earlier_run(facts, assignment) and facts.record.intent_kernel == assignment.kernel:
        return Decision(Action.WATCH, "an earlier run restarted it")
    if facts.power_error:
        return Decision(Action.BMC_FAILED, facts.power_error)
    return Decision(Action.RESTART, reason)


def _sent_by_earlier_run(facts: Facts, assignment: Assignment) -> bool:
    return facts.record.intent_digest == assignment.digest and facts.power_sent_since_intent


def _begun_with_another(facts: Facts, assignment: Assignment) -> bool:
    """Return whether an earlier run that did not end has powered it to install something else: it may run that."""
    powered = facts.power_sent_since_intent or facts.power_cut_since_intent
    return facts.record.intent_digest not in ("", assignment.digest) and powered


def _decide_again(facts: Facts, assignment: Assignment, request: Request) -> Decision:
    """Decide for a node that an earlier run powered and gave up: nothing runs on it that could be lost."""
    reason = f"install {assignment.image}: given up in phase {facts.record.intent_failed} before"
    mode = _next_boot_mode(facts, assignment, request)
    refusal = _refusal(facts, mode)
    if refusal:
        return Decision(Action.REFUSE, refusal)
    if not request.enable_power_action:
        return Decision(Action.PENDING, f"needs to {reason}; not without bcm_enable_power_action")
    if facts.power_error:
        return Decision(Action.BMC_FAILED, facts.power_error)
    return Decision(Action.POWER_ON if facts.power == "OFF" else Action.REPROVISION, reason, mode)


def _decide_reprovision(facts: Facts, assignment: Assignment, request: Request) -> Decision:
    now = facts.record.provisioned_image or "what it runs"
    reason = f"{assignment.image} instead of {now}" if now != assignment.image else f"{assignment.image} anew"
    if _begun_with_another(facts, assignment):
        reason = f"{assignment.image} instead of what an earlier run began to install"
    mode = _next_boot_mode(facts, assignment, request)
    refusal = _refusal(facts, mode)
    if refusal:
        return Decision(Action.REFUSE, refusal)
    if not request.enable_power_action:
        return Decision(Action.PENDING, f"needs {reason}; not without bcm_enable_power_action")
    if request.power_action != "power_cycle":
        return Decision(
            Action.SKIP, f"needs {reason}, but is UP: power_on never restarts a running node, power_cycle does"
        )
    if facts.power_error:
        return Decision(Action.BMC_FAILED, facts.power_error)
    return Decision(Action.REPROVISION, reason, mode)


def _decide_not_up(facts: Facts, assignment: Assignment, request: Request) -> Decision:
    mode = _next_boot_mode(facts, assignment, request)
    refusal = _refusal(facts, mode)
    if refusal:
        return Decision(Action.REFUSE, refusal)
    if not request.enable_power_action:
        return Decision(Action.PENDING, f"{facts.status}; not powered without bcm_enable_power_action")
    if facts.record.intent_digest == assignment.digest and facts.record.intent_failed:
        return _decide_again(facts, assignment, request)
    if _sent_by_earlier_run(facts, assignment) and facts.power == "ON" and facts.status not in FAILED_STATUSES:
        return Decision(Action.WATCH, "power was sent by an earlier run")
    if facts.power_error:
        return Decision(Action.BMC_FAILED, facts.power_error)
    if facts.power == "OFF":
        return Decision(Action.POWER_ON, f"install {assignment.image}", mode)
    if facts.status in FAILED_STATUSES or request.power_action == "power_cycle":
        return Decision(Action.REPROVISION, f"{facts.status}: install {assignment.image}", mode)
    if facts.power == "ON":
        return Decision(
            Action.REFUSE,
            f"it is {facts.status} but powered on: something may still run on it; power_cycle restarts it all the same",
        )
    return Decision(Action.POWER_ON, f"install {assignment.image}", mode)


def _next_boot_mode(facts: Facts, assignment: Assignment, request: Request) -> str:
    """FULL wipes local disks: only when asked for, or when the disk layout that was installed differs."""
    if request.next_boot_install_mode:
        return request.next_boot_install_mode
    known = facts.record.provisioned_disksetup
    return "FULL" if known and known != assignment.disksetup else ""


def _refusal(facts: Facts, mode: str) -> str:
    if mode == "FULL" and facts.data_node:
        return "it is a data node: its installer would wait for a person to confirm the FULL installation"
    effective = mode or facts.install_mode
    # A first installation follows the category's newNodeInstallMode, so only nodes that were installed are judged;
    # one that is UP was, even if not by this collection.
    if effective in _KEEPING_MODES and (facts.record.provisioned_digest or facts.status == Status.UP):
        return (
            f"its install mode {effective} would keep the old image; set bcm_next_boot_install_mode or the install mode"
        )
    return ""
