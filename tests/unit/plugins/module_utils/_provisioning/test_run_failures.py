# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs in which a node, or the head node, fails."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmTransportError

from ...fake_head_node import BOOT, Call, FakeHeadNode, answer, refusal
from .driving import actions, boot_up_to, make_rack, names_of, outcomes, provision, record_of


def vanish(head: FakeHeadNode) -> httpx.Response | None:
    """Remove node003 from outside the run, once power is sent."""
    if head.operations() and "node003" in names_of(head):
        del head.devices[head.device("node003")["uuid"]]
    return None


FAILURES: dict[str, tuple[Callable[[FakeHeadNode], None], str]] = {
    "installer": (
        lambda head: setattr(head.node("node003"), "boot", boot_up_to(5, ("INSTALLER_FAILED", "no space left"))),
        "INSTALLER_FAILED.*no space left",
    ),
    "unreachable": (
        lambda head: setattr(head.node("node003"), "boot", boot_up_to(5, ("INSTALLER_UNREACHABLE", ""))),
        "INSTALLER_UNREACHABLE",
    ),
    "waits for a person": (
        lambda head: setattr(head.node("node003"), "boot", boot_up_to(3, ("INSTALLING", "waiting for user input"))),
        "would wait for ever",
    ),
    "never boots": (
        lambda head: setattr(head.node("node003"), "boot", boot_up_to(1)),
        "hung in phase powered.*boot order",
    ),
    "hangs": (
        lambda head: setattr(head.node("node003"), "boot", boot_up_to(5)),
        "hung in phase installing",
    ),
    "goes down": (
        lambda head: setattr(head.node("node003"), "boot", boot_up_to(5, ("DOWN", ""))),
        "went DOWN in phase installing",
    ),
    "dead BMC": (lambda head: setattr(head.node("node003"), "bmc", "silent"), "unreachable, BMC 10.148.0.3"),
    "BMC refuses": (lambda head: setattr(head.node("node003"), "bmc", "refuses"), "chassis is busy"),
    "BMC locked": (lambda head: setattr(head.node("node003"), "bmc", "locked"), "credentials, BMC 10.148.0.3"),
    "BMC does nothing": (lambda head: setattr(head.node("node003"), "bmc", "idle"), "not confirmed"),
    "no BMC": (lambda head: head.device("node003").update(powerControl="none"), "no result|powerControl"),
    "no image": (lambda head: head.device("node003").update(category="gone"), "no software image"),
    "vanishes": (
        lambda head: head.instead.update(getStatusForDevices=lambda _call: vanish(head)),
        "no longer known",
    ),
    "intent refused": (
        lambda head: head.instead.update(
            updateDevice=lambda call: (
                answer(refusal("BAD_VALUE", "extra_values", "too large"))
                if call.args[0]["hostname"] == "node003"
                else None
            )
        ),
        "too large",
    ),
}


@pytest.mark.parametrize(("break_", "words"), FAILURES.values(), ids=FAILURES)
def test_one_failing_node_of_ten_leaves_nine(break_: Callable[[FakeHeadNode], None], words: str) -> None:
    head = make_rack(10)
    break_(head)

    results = provision(head)

    failed = {name: result.message for name, result in results.items() if result.failed}
    assert list(failed) == ["node003"]
    assert re.search(words, failed["node003"])
    assert sorted(outcomes(results).values()).count("successful") == 9
    assert not head.sessions


def test_nodes_that_fail_in_the_same_look_are_one_line_of_the_run() -> None:
    head = make_rack(30)
    said: list[str] = []
    for number in range(1, 26):
        head.node(f"node{number:03d}").boot = boot_up_to(5, ("INSTALLER_FAILED", "no space left"))

    results = provision(head, said=said)

    (line,) = [line for line in said if "no space left" in line]
    assert "FAILED: 25 nodes (node001, " in line
    assert "and 15 more)" in line
    assert sum(result.failed for result in results.values()) == 25


def test_a_failed_node_is_tried_again_by_the_next_run() -> None:
    head = make_rack(2)
    head.node("node001").boot = boot_up_to(5, ("INSTALLER_FAILED", "no space left"))
    provision(head)
    head.node("node001").boot = BOOT

    results = provision(head)

    assert actions(results) == {"node001": "reprovision", "node002": "nothing"}
    assert outcomes(results) == {"node001": "successful", "node002": "successful"}


def test_a_node_that_was_given_up_is_started_anew_whatever_its_status() -> None:
    head = make_rack(1)
    head.node("node001").boot = boot_up_to(2)
    given_up = provision(head)
    head.node("node001").boot = BOOT

    results = provision(head)

    assert given_up["node001"].failed
    assert record_of(head).intent_failed == ""
    assert actions(results) == {"node001": "reprovision"}
    assert outcomes(results) == {"node001": "successful"}


def test_why_a_node_was_given_up_is_recorded_until_a_run_works_on_it_again() -> None:
    head = make_rack(1)
    head.node("node001").boot = boot_up_to(5, ("INSTALLER_FAILED", "no space left"))
    result = provision(head)["node001"]
    failed = record_of(head)
    head.node("node001").boot = BOOT
    provision(head)

    assert (failed.failed_phase, failed.failed_message) == (result.phase, result.message)
    assert "no space left" in failed.failed_message
    assert record_of(head).failed_phase == ""


def test_a_node_whose_power_failed_is_recorded_as_failed_and_not_as_given_up() -> None:
    head = make_rack(1)
    head.node("node001").bmc = "idle"
    result = provision(head)["node001"]

    assert (record_of(head).failed_phase, record_of(head).failed_message) == ("power", result.message)
    assert record_of(head).intent_failed == ""


def test_a_record_that_can_not_be_written_fails_its_node() -> None:
    head = make_rack(2)

    def refuse(call: Call) -> httpx.Response | None:
        done = "baremetal_provisioned_digest" in (call.args[0]["extra_values"] or {})
        return answer(refusal("X", "extra_values", "no")) if done and call.args[0]["hostname"] == "node001" else None

    head.instead["updateDevice"] = refuse
    results = provision(head)

    assert outcomes(results) == {"node001": "failed", "node002": "successful"}
    assert results["node001"].message.startswith("UP after 10s, but that could not be recorded on it: ")


def test_the_head_node_may_be_away_for_a_while_in_the_middle_of_a_watch() -> None:
    head = make_rack(2)
    away = [0]
    said: list[str] = []

    def answer_late(_call: Call) -> httpx.Response | None:
        if head.operations() and away[0] < 9:
            away[0] += 1
            return httpx.Response(503)
        return None

    head.instead["getStatusForDevices"] = answer_late
    results = provision(head, said=said)

    assert set(outcomes(results).values()) == {"successful"}
    assert len([line for line in said if "HTTP 503" in line]) == 1


def test_a_head_node_that_stays_away_ends_the_run_and_the_next_goes_on() -> None:
    head = make_rack(2)
    head.instead["getStatusForDevices"] = lambda _call: httpx.Response(503) if head.operations() else None

    with pytest.raises(BcmTransportError):
        provision(head)
    head.revive()
    results = provision(head)

    assert set(actions(results).values()) == {"watch"}
    assert head.operations() == ["ON"]
