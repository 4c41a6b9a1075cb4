# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a node: restarts, claims, closed nodes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Assignment
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Facts, Request, decide

from .assigning import all_facts, recorded, requests

WAS = Assignment("uuid", "image", -1, "disks", kernel="quiet")
NEW = replace(WAS, kernel="verbose")
OTHER_IMAGE = Assignment("other", "other-image", -1, "disks", kernel="verbose")
ON, CYCLE = Request(enable_power_action=True), Request(enable_power_action=True, power_action="power_cycle")
CLOSED_TOO = replace(CYCLE, include_closed=True)
BOB = "bob until 12:00:00 UTC"
CLAIMED = f"^claimed by {BOB}, and longer while that run works on it$"


def up(assignment: Assignment = NEW, *, intent: Assignment | None = None, **values: Any) -> Facts:
    return Facts(assignment, recorded(WAS, intent), "UP", power="ON", **values)


def down(**values: Any) -> Facts:
    return Facts(NEW, power="OFF", **values)


# what is known, what is asked, action, words of the reason
TABLE: dict[str, tuple[Facts, Request, Action, str]] = {
    "other kernel parameters": (up(), CYCLE, Action.RESTART, "^restart for other kernel parameters, image stays$"),
    "the same kernel parameters": (up(WAS), CYCLE, Action.NOTHING, "^UP with image$"),
    "kernel parameters never recorded": (
        replace(up(), record=recorded(replace(WAS, kernel=""))),
        CYCLE,
        Action.NOTHING,
        "^UP with image$",
    ),
    "without power_cycle": (up(), ON, Action.NOTHING, "wait for a restart, which power_cycle does$"),
    "without leave": (
        up(),
        Request(power_action="power_cycle"),
        Action.PENDING,
        "^needs a restart for .*; not without bcm_enable_power_action$",
    ),
    "another image too": (up(OTHER_IMAGE), CYCLE, Action.REPROVISION, "^other-image instead of image$"),
    "dead BMC": (up(power_error="no answer"), CYCLE, Action.BMC_FAILED, "^no answer$"),
    "restarted by an earlier run": (
        up(intent=NEW, power_sent_since_intent=True),
        CYCLE,
        Action.WATCH,
        "^an earlier run restarted it$",
    ),
    "restarted by an earlier run, for others": (
        up(intent=replace(NEW, kernel="others"), power_sent_since_intent=True),
        CYCLE,
        Action.RESTART,
        "restart for other",
    ),
    "intent but not restarted": (up(intent=NEW), CYCLE, Action.RESTART, "restart for other"),
    "a data node may restart": (up(data_node=True), CYCLE, Action.RESTART, "restart for other"),
    "restarting needs no install mode": (up(install_mode="NOSYNC"), CYCLE, Action.RESTART, "restart for other"),
    "claimed, to be restarted": (
        up(claimed_by=BOB),
        CYCLE,
        Action.REFUSE,
        CLAIMED,
    ),
    "claimed, to be powered": (
        down(claimed_by=BOB),
        ON,
        Action.REFUSE,
        CLAIMED,
    ),
    "claimed, to be watched": (
        Facts(NEW, recorded(None, NEW), "INSTALLING", claimed_by=BOB),
        ON,
        Action.REFUSE,
        CLAIMED,
    ),
    "claimed, to be adopted": (
        Facts(NEW, status="UP", claimed_by=BOB),
        Request(adopt=True),
        Action.REFUSE,
        CLAIMED,
    ),
    "claimed, INSTALLING for them": (
        Facts(NEW, recorded(None, OTHER_IMAGE), "INSTALLING", claimed_by=BOB),
        CYCLE,
        Action.SKIP,
        f"^INSTALLING for {BOB}; an installation is never cut",
    ),
    "claimed, needs nothing": (up(WAS, claimed_by=BOB), CYCLE, Action.NOTHING, "^UP with image$"),
    "claimed, no leave": (down(claimed_by=BOB), Request(), Action.PENDING, "not powered without"),
    "closed": (up(closed=True), CYCLE, Action.SKIP, "allow it with bcm_include_closed$"),
    "closed, allowed": (up(closed=True), CLOSED_TOO, Action.RESTART, "restart for other"),
    "closed, allowed, off": (down(closed=True), CLOSED_TOO, Action.POWER_ON, "^install image$"),
    "closed, allowed, claimed": (down(closed=True, claimed_by=BOB), CLOSED_TOO, Action.REFUSE, "works on it"),
}


@pytest.mark.parametrize(("known", "request_", "action", "reason"), TABLE.values(), ids=TABLE)
def test_the_decision(known: Facts, request_: Request, action: Action, reason: str) -> None:
    decision = decide(known, request_)

    assert decision.action is action
    assert re.search(reason, decision.reason)


@given(all_facts, requests)
@settings(max_examples=200)
def test_a_reason_is_one_sentence_without_an_end(known: Facts, request_: Request) -> None:
    reason = decide(known, request_).reason

    assert "\n" not in reason
    assert reason == reason.strip()
    assert not re.search(r"[.!?]( |$)", reason)


@given(all_facts, requests)
@settings(max_examples=200)
def test_what_another_run_works_on_is_never_touched(known: Facts, request_: Request) -> None:
    action = decide(replace(known, claimed_by=BOB), request_).action

    assert not action.acts
    assert action is not Action.ADOPT


@given(all_facts, requests)
@settings(max_examples=200)
def test_a_restart_is_only_for_kernel_parameters_of_a_node_that_runs_its_image(known: Facts, request_: Request) -> None:
    if decide(known, request_).action is Action.RESTART:
        assert known.assignment is not None
        assert (known.status, request_.power_action) == ("UP", "power_cycle")
        assert known.record.provisioned_digest == known.assignment.digest
        assert known.record.provisioned_kernel not in ("", known.assignment.kernel)


@given(all_facts, requests)
@settings(max_examples=200)
def test_a_closed_node_that_may_be_touched_is_like_any_other(known: Facts, request_: Request) -> None:
    allowed = replace(request_, include_closed=True)

    assert decide(replace(known, closed=True), allowed) == decide(replace(known, closed=False), allowed)
