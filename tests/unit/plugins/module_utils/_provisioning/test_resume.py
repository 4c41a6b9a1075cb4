# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that were killed, and the ones that were started after them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Request

from ...fake_head_node import FakeHeadNode, Killed
from ...objects import make_proxy
from .driving import CYCLE, ON, actions, make_rack, outcomes, provision, record_of


def kill_before_power(head: FakeHeadNode) -> None:
    head.instead["powerOperation"] = lambda call: head.die() if call.writes else None


def kill_between_off_and_on(head: FakeHeadNode) -> None:
    head.instead["powerOperation"] = lambda call: head.die() if call.args[0]["operation"] == "ON" else None


def kill_after_power(head: FakeHeadNode) -> None:
    before = len(head.operations())
    head.instead["getStatusForDevices"] = lambda _call: (
        head.die() if head.operations()[before:] and head.operations()[-1] == "ON" else None
    )


def kill_while_installing(head: FakeHeadNode) -> None:
    head.instead["getStatusForDevices"] = lambda _call: (
        head.die() if any(node.steps[0][0] == "INSTALLING" for node in head.nodes.values()) else None
    )


def kill_before_the_record(head: FakeHeadNode) -> None:
    head.instead["updateDevice"] = lambda call: (
        head.die() if not call.args[0]["extra_values"].get("baremetal_intent_digest") else None
    )


KILLS = [kill_before_power, kill_after_power, kill_while_installing, kill_before_the_record]


def run_killed(head: FakeHeadNode, request: Request, kill: Callable[[FakeHeadNode], None]) -> None:
    kill(head)
    with pytest.raises(Killed):
        provision(head, request)
    head.revive()


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.__name__)
def test_a_killed_run_is_started_again_and_power_is_sent_once(kill: Callable[[FakeHeadNode], None]) -> None:
    head = make_rack(3)

    run_killed(head, ON, kill)
    results = provision(head)

    assert set(outcomes(results).values()) == {"successful"}
    assert [entry["operation"] for entry in head.history] == ["ON"] * 3
    assert record_of(head).provisioned_image == "default-image"
    assert record_of(head).intent_digest == ""
    assert set(actions(provision(head)).values()) == {"nothing"}


@pytest.mark.parametrize("kill", [*KILLS, kill_between_off_and_on], ids=lambda kill: kill.__name__)
def test_a_killed_restart_is_started_again_and_ends_with_the_new_image(kill: Callable[[FakeHeadNode], None]) -> None:
    head = make_rack(1)
    provision(head)
    head.device("node001")["softwareImageProxy"] = make_proxy("node001", "other-image")
    before = len(head.history)

    run_killed(head, CYCLE, kill)
    results = provision(head, CYCLE)

    assert set(outcomes(results).values()) == {"successful"}
    assert head.node("node001").power == "ON"
    installed = [entry["operation"] for entry in head.history[before:]].count("ON")
    assert installed == 1
    assert record_of(head).provisioned_image == "other-image"


def test_a_restart_that_was_killed_right_after_power_is_not_taken_for_done_while_the_old_status_still_shows() -> None:
    head = make_rack(1)
    provision(head)
    head.device("node001")["softwareImageProxy"] = make_proxy("node001", "other-image")

    run_killed(head, CYCLE, kill_after_power)
    results = provision(head, CYCLE)

    assert actions(results) == {"node001": "watch"}


def test_what_an_earlier_run_powered_is_watched_and_not_powered_again() -> None:
    head = make_rack(2)

    run_killed(head, ON, kill_while_installing)
    results = provision(head)

    assert set(actions(results).values()) == {"watch"}


def test_what_came_up_without_us_is_recorded_once_its_up_has_lasted() -> None:
    head = make_rack(1)

    run_killed(head, ON, kill_while_installing)
    head.bring_up("node001")
    before_s = head.clock.now_s()
    results = provision(head)

    assert actions(results) == {"node001": "watch"}
    assert head.clock.now_s() - before_s >= Deadlines().settle_s
    assert head.operations() == ["ON"]
    assert record_of(head).provisioned_image == "default-image"


def test_another_image_after_a_kill_is_not_taken_for_the_first() -> None:
    head = make_rack(1)

    run_killed(head, ON, kill_while_installing)
    head.bring_up("node001")
    head.device("node001")["softwareImageProxy"] = make_proxy("node001", "other-image")
    results = provision(head, CYCLE, reassigned=["node001"])

    assert actions(results) == {"node001": "reprovision"}


@pytest.mark.parametrize("kill", [*KILLS, kill_between_off_and_on], ids=lambda kill: kill.__name__)
def test_the_image_of_before_is_installed_anew_if_another_was_begun(kill: Callable[[FakeHeadNode], None]) -> None:
    head = make_rack(1)
    provision(head)
    head.device("node001")["softwareImageProxy"] = make_proxy("node001", "other-image")
    run_killed(head, CYCLE, kill)
    head.bring_up("node001")
    head.device("node001")["softwareImageProxy"] = make_proxy("node001", "default-image")

    results = provision(head, CYCLE)

    assert actions(results) == {"node001": "nothing" if kill is kill_before_power else "reprovision"}
    assert record_of(head).provisioned_image == "default-image"
    assert set(actions(provision(head)).values()) == {"nothing"}
