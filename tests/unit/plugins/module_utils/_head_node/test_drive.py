# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs against a head node in memory: first, again, killed anywhere and started again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.drive import (
    _OUTCOMES,
    Drive,
    Job,
    NodeResult,
    Pace,
    plan_lines,
    result_to_ansible,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.errors import (
    BcmConfigError,
    BcmTransportError,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.provision import Action, Request
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.record import Assignment, Record
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.watch import Deadlines

from ...fake_head_node import BOOT, Call, FakeHeadNode, Killed, answer, refusal
from ...objects import make_device, make_proxy

ON = Request(enable_power_action=True)
CYCLE = Request(enable_power_action=True, power_action="power_cycle")


def make_rack(count: int = 2) -> FakeHeadNode:
    return FakeHeadNode(*(make_device(f"node{number:03d}", number) for number in range(1, count + 1)))


def names_of(head: FakeHeadNode) -> list[str]:
    return sorted(raw["hostname"] for raw in head.devices.values() if raw["childType"] == "PhysicalNode")


def provision(
    head: FakeHeadNode,
    request: Request = ON,
    *names: str,
    said: list[str] | None = None,
    check: bool = False,
    deadlines: Deadlines | None = None,
    **job: Any,
) -> dict[str, NodeResult]:
    pace = Pace(deadlines=deadlines or Deadlines(), workers=2)
    client = head.client(read_only=check)
    drive = Drive(client, head.clock, pace, (said if said is not None else []).append)
    whole = Job(names or names_of(head), request, **job)
    return drive.plan(whole) if check else drive.run(whole)


def record_of(head: FakeHeadNode, name: str = "node001") -> Record:
    return Record.from_api(head.device(name)["extra_values"])


def outcomes(results: dict[str, NodeResult]) -> dict[str, str]:
    return {name: result.outcome for name, result in results.items()}


def actions(results: dict[str, NodeResult]) -> dict[str, str]:
    return {name: result.decision.action.value for name, result in results.items()}


def test_a_first_run_brings_nodes_that_are_off_up() -> None:
    head = make_rack(3)
    said: list[str] = []

    results = provision(head, said=said)

    assert set(outcomes(results).values()) == {"successful"}
    assert all(result.changed and not result.failed for result in results.values())
    assert head.operations() == ["ON"]
    assert not head.sessions
    assert said[0] == "Provisioning 3 of 3 nodes. Interrupted? Start the same again: it goes on."
    steps = [step["phase"] for step in result_to_ansible(results["node001"])["timeline"]]
    assert steps == ["booting", "installer", "queued", "installing", "init", "up"]
    assert record_of(head).provisioned_image == "default-image"
    assert record_of(head).intent_digest == ""


def test_a_second_run_does_nothing() -> None:
    head = make_rack(2)
    provision(head)
    before = len(head.writes)

    results = provision(head)

    assert set(actions(results).values()) == {"nothing"}
    assert not any(result.changed for result in results.values())
    assert len(head.writes) == before


def test_a_second_run_with_another_power_action_does_nothing_either() -> None:
    head = make_rack(2)
    provision(head)

    assert set(actions(provision(head, CYCLE)).values()) == {"nothing"}


def test_another_image_restarts_the_nodes_that_differ_and_no_others() -> None:
    head = make_rack(2)
    provision(head)
    head.device("node002")["softwareImageProxy"] = make_proxy("node002", "other-image")

    results = provision(head, CYCLE)

    assert actions(results) == {"node001": "nothing", "node002": "power_cycle"}
    assert head.operations() == ["ON", "OFF", "ON"]
    assert head.names("powerOperation")[-1].args[0]["devices"] == [head.device("node002")["uuid"]]
    assert record_of(head, "node002").provisioned_image == "other-image"
    assert set(actions(provision(head, CYCLE)).values()) == {"nothing"}


def test_other_disks_are_installed_in_full_once() -> None:
    head = make_rack(1)
    provision(head)
    head.device("node001")["disksetup"] = "<diskSetup/>"

    provision(head, CYCLE)

    modes = [call.args[0]["nextBootInstallMode"] for call in head.names("updateDevice")]
    assert modes == ["", "", "FULL", "FULL"]
    intent = head.names("updateDevice")[2].args[0]["extra_values"]
    assert intent["baremetal_intent_digest"]


def test_a_token_forces_once_and_stays_in_force() -> None:
    head = make_rack(1)
    provision(head)

    forced = provision(head, Request(enable_power_action=True, power_action="power_cycle", token="2026-01"))
    again = provision(head, Request(enable_power_action=True, power_action="power_cycle", token="2026-01"))
    without = provision(head, CYCLE)

    assert actions(forced) == {"node001": "power_cycle"}
    assert actions(again) == actions(without) == {"node001": "nothing"}


def test_adopting_writes_the_record_and_leaves_the_node_alone() -> None:
    head = make_rack(1)
    head.bring_up("node001")

    assert actions(provision(head)) == {"node001": "skip"}
    results = provision(head, Request(adopt=True))

    assert outcomes(results) == {"node001": "successful"}
    assert not head.operations()
    assert actions(provision(head)) == {"node001": "nothing"}


def test_the_keys_of_others_in_extra_values_stay() -> None:
    head = make_rack(1)
    head.device("node001")["extra_values"] = {"theirs": [1, None]}

    provision(head)

    assert head.device("node001")["extra_values"]["theirs"] == [1, None]


# -- nothing is written -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [Request(), ON, CYCLE, Request(adopt=True)])
def test_planning_writes_nothing(request_: Request) -> None:
    head = make_rack(3)
    head.bring_up("node002")

    results = provision(head, request_, check=True)

    assert not head.writes
    assert not head.sessions
    assert results["node001"].outcome == "pending"


@pytest.mark.parametrize("request_", [ON, CYCLE, Request(), Request(adopt=True)])
def test_a_plan_says_what_the_run_then_does(request_: Request) -> None:
    head = make_rack(3)
    head.bring_up("node002")

    planned = provision(head, request_, check=True)
    done = provision(head, request_)

    assert actions(planned) == actions(done)
    assert {name: result.changed for name, result in planned.items()} == {
        name: result.changed for name, result in done.items()
    }


def test_without_the_leave_to_power_nothing_is_powered_and_no_bmc_is_asked() -> None:
    head = make_rack(2)

    results = provision(head, Request())

    assert set(outcomes(results).values()) == {"pending"}
    assert not head.writes
    assert not head.names("powerOperation")
    assert not any(result.failed for result in results.values())


def test_more_nodes_than_allowed_are_refused_before_anything_is_written() -> None:
    head = make_rack(3)

    with pytest.raises(BcmConfigError, match="3 nodes would be powered, more than max_nodes 2; nothing was sent"):
        provision(head, Request(enable_power_action=True, max_nodes=2))

    assert not head.writes
    assert provision(head, Request(enable_power_action=True, max_nodes=3))["node001"].outcome == "successful"


def test_nodes_that_need_nothing_do_not_count_for_the_ceiling() -> None:
    head = make_rack(3)
    provision(head, ON, "node001", "node002")

    assert actions(provision(head, Request(enable_power_action=True, max_nodes=1)))["node003"] == "power_on"


def test_an_empty_list_of_nodes_is_an_error_never_all() -> None:
    head = make_rack(2)
    drive = Drive(head.client(), head.clock, Pace(), lambda _line: None)

    with pytest.raises(BcmConfigError, match="an empty list never means all"):
        drive.run(Job([], ON))

    assert not head.writes


def test_a_head_node_is_refused() -> None:
    head = make_rack(1)

    with pytest.raises(BcmConfigError, match=r"not: head \(HeadNode\)"):
        provision(head, ON, "node001", "head")

    assert not head.writes


def test_an_unknown_node_fails_alone() -> None:
    head = make_rack(1)

    results = provision(head, ON, "node001", "node404")

    assert outcomes(results) == {"node001": "successful", "node404": "not_found"}
    assert results["node404"].failed


def test_a_node_that_a_check_run_would_only_create_is_planned_with_what_it_would_be() -> None:
    head = make_rack(1)
    assumed = {"node009": Assignment("u", "new-image", -1, "d")}

    results = provision(head, ON, "node009", check=True, assignments=assumed)

    assert actions(results) == {"node009": "power_on"}
    assert "new-image" in results["node009"].message


# -- failures ---------------------------------------------------------------------------------------------------------


def boot_up_to(count: int, *then: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (*BOOT[:count], *then)


def vanish(head: FakeHeadNode) -> httpx.Response | None:
    """Once power is sent, somebody removes node003."""
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


def test_a_failed_node_is_tried_again_by_the_next_run() -> None:
    head = make_rack(2)
    head.node("node001").boot = boot_up_to(5, ("INSTALLER_FAILED", "no space left"))
    provision(head)
    head.node("node001").boot = BOOT

    results = provision(head)

    assert actions(results) == {"node001": "power_cycle", "node002": "nothing"}
    assert outcomes(results) == {"node001": "successful", "node002": "successful"}


def test_a_node_that_was_given_up_is_started_anew_whatever_its_status() -> None:
    head = make_rack(1)
    head.node("node001").boot = boot_up_to(2)
    given_up = provision(head)
    head.node("node001").boot = BOOT

    results = provision(head)

    assert given_up["node001"].failed
    assert record_of(head).intent_failed == ""
    assert actions(results) == {"node001": "power_cycle"}
    assert outcomes(results) == {"node001": "successful"}


def test_a_record_that_can_not_be_written_fails_its_node() -> None:
    head = make_rack(2)

    def refuse(call: Call) -> httpx.Response | None:
        done = "baremetal_provisioned_digest" in (call.args[0]["extra_values"] or {})
        return answer(refusal("X", "extra_values", "no")) if done and call.args[0]["hostname"] == "node001" else None

    head.instead["updateDevice"] = refuse
    results = provision(head)

    assert outcomes(results) == {"node001": "failed", "node002": "successful"}
    assert results["node001"].message.startswith("it is UP, but that could not be recorded on it: ")


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


# -- killed and started again -----------------------------------------------------------------------------------------


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

    assert actions(results) == {"node001": "power_cycle"}


# -- deadlines, words, calls ------------------------------------------------------------------------------------------


def test_deadlines_are_those_of_the_pace() -> None:
    head = make_rack(1)
    head.node("node001").boot = boot_up_to(4)

    results = provision(head, deadlines=Deadlines(queue_s=30))

    assert "hung in phase queued for 30 s" in results["node001"].message
    assert head.clock.now_s() < 200


def test_the_calls_do_not_grow_with_the_number_of_nodes_but_for_the_writes() -> None:
    def calls(count: int) -> list[str]:
        head = make_rack(count)
        provision(head)
        return sorted(call.name for call in head.calls if call.name != "updateDevice")

    few, many = calls(3), calls(40)

    assert len(many) == len(few)


def test_a_plan_of_few_is_a_line_a_node_and_of_many_a_line_an_action() -> None:
    few, many = make_rack(2), make_rack(25)

    assert plan_lines(provision(few, check=True)) == [
        "Plan: power_on node001 (install default-image)",
        "Plan: power_on node002 (install default-image)",
    ]
    (line,) = plan_lines(provision(many, check=True))
    assert line.startswith("Plan: power_on 25 nodes: node001, ")
    assert line.endswith("and 15 more")


def test_every_action_has_an_outcome() -> None:
    assert set(_OUTCOMES) | {action for action in Action if action.acts} == set(Action)
