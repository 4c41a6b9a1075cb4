# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a node where a plan was agreed on before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Assignment, Record
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import (
    Action,
    Decision,
    Facts,
    Planned,
    Request,
    decide,
    digest_of,
)

from .assigning import all_facts, recorded, requests

OLD = Assignment("old-uuid", "old-image", -1, "disks")
NEW = Assignment("new-uuid", "new-image", -1, "disks")
CYCLE = Request(enable_power_action=True, power_action="power_cycle")


def as_planned(decision: Decision, facts: Facts) -> Planned:
    """What a plan says that was made of this decision."""
    image = facts.assignment.image if facts.assignment else ""
    return Planned(
        decision.action.value, digest_of(facts.assignment), image, decision.next_boot_install_mode, decision.reason
    )


@given(all_facts, requests)
def test_what_has_not_changed_is_done_as_planned(facts: Facts, request: Request) -> None:
    decision = decide(facts, request)

    assert decide(replace(facts, planned=as_planned(decision, facts)), request) == decision


@given(all_facts, requests, all_facts)
def test_nothing_is_ever_done_that_the_plan_does_not_say(facts: Facts, request: Request, then: Facts) -> None:
    planned = as_planned(decide(then, request), then)

    decision = decide(replace(facts, planned=planned), request)

    if decision.action.powers:
        assert Action(planned.action).powers
        assert facts.assignment is not None
        assert (digest_of(facts.assignment), decision.next_boot_install_mode) == (planned.digest, planned.install_mode)
        assert decision.action.value == planned.action or facts.status != "UP"
    if decision.action is Action.ADOPT:
        assert planned.action == "adopt"


def facts(status: str, record: Record, power: str, *, sent: bool = False, assignment: Assignment = NEW) -> Facts:
    return Facts(assignment, record, status, power=power, power_sent_since_intent=sent)


OFF, RUNNING = facts("DOWN", recorded(None), "OFF"), facts("UP", recorded(OLD), "ON")
BEGUN = recorded(OLD, intent=NEW)
# what was planned for, what is there now, whether it goes on, the action
LATER: dict[str, tuple[Facts, Facts, bool, Action]] = {
    "is done": (OFF, facts("UP", recorded(NEW), "ON"), True, Action.NOTHING),
    "is under way": (OFF, facts("INSTALLING", recorded(None, NEW), "ON", sent=True), True, Action.WATCH),
    "was cut off between OFF and ON": (RUNNING, facts("DOWN", BEGUN, "OFF", sent=False), True, Action.POWER_ON),
    "was given up": (
        OFF,
        facts("DOWN", replace(recorded(None, NEW), intent_failed="booting"), "ON", sent=True),
        True,
        Action.REPROVISION,
    ),
    "is UP by now": (OFF, RUNNING, False, Action.REFUSE),
    "is UP with what was begun, and was not seen to be": (OFF, facts("UP", BEGUN, "ON"), False, Action.REFUSE),
    "was installed by someone with something else": (OFF, facts("UP", recorded(OLD), "ON"), False, Action.REFUSE),
    "has another image": (OFF, facts("DOWN", recorded(None), "OFF", assignment=OLD), False, Action.REFUSE),
    "has other kernel parameters": (OFF, replace(OFF, assignment=replace(NEW, kernel="other")), False, Action.REFUSE),
    "is switched on": (OFF, replace(OFF, power="ON", status="INSTALLER_FAILED"), False, Action.REFUSE),
    "is closed": (OFF, replace(OFF, closed=True), False, Action.REFUSE),
    "is claimed": (OFF, replace(OFF, claimed_by="bob until 12:00"), False, Action.REFUSE),
    "went down": (facts("UP", recorded(NEW), "ON"), facts("DOWN", recorded(NEW), "OFF"), False, Action.REFUSE),
    "has other disks": (
        replace(RUNNING, assignment=replace(NEW, disksetup="other")),
        replace(RUNNING, record=recorded(NEW), assignment=replace(NEW, disksetup="third")),
        False,
        Action.REFUSE,
    ),
}


@pytest.mark.parametrize(("then", "now", "goes_on", "action"), LATER.values(), ids=LATER)
def test_a_node_that_differs_is_refused_and_what_the_plan_began_goes_on(
    then: Facts, now: Facts, goes_on: bool, action: Action
) -> None:
    decision = decide(replace(now, planned=as_planned(decide(then, CYCLE), then)), CYCLE)

    assert (decision.action, decision.is_off_plan) == (action, not goes_on)


def test_the_refusal_says_what_was_planned_and_what_would_be_done() -> None:
    decision = decide(replace(RUNNING, planned=as_planned(decide(OFF, CYCLE), OFF)), CYCLE)

    assert decision.reason == (
        "the plan says power_on new-image, now it is reprovision (new-image instead of old-image)"
    )


def test_the_refusal_says_so_where_only_what_is_installed_differs() -> None:
    now = replace(OFF, assignment=replace(NEW, kernel="other"), planned=as_planned(decide(OFF, CYCLE), OFF))

    assert decide(now, CYCLE).reason.endswith("with another image, disk setup, token or other kernel parameters")
