# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs: the first, the second, and those that write nothing."""

from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Assignment
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Request
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import OUTCOMES, Job
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run import Provisioner, Run, plan_lines

from ...objects import make_proxy
from .driving import CYCLE, ON, actions, boot_up_to, make_rack, names_of, outcomes, provision, record_of


def test_a_first_run_brings_nodes_that_are_off_up() -> None:
    head = make_rack(3)
    said: list[str] = []

    results = provision(head, said=said)

    assert set(outcomes(results).values()) == {"successful"}
    assert all(result.changed and not result.failed for result in results.values())
    assert head.operations() == ["ON"]
    assert not head.sessions
    assert (
        said[0] == "Provisioning 3 of 3 nodes as a run without a name. Interrupted? Start the same again: it goes on."
    )
    steps = [step["phase"] for step in results["node001"].to_ansible()["timeline"]]
    assert steps == ["powered", "booting", "installer", "queued", "installing", "init", "up"]
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

    assert actions(results) == {"node001": "nothing", "node002": "reprovision"}
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

    assert actions(forced) == {"node001": "reprovision"}
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


def test_without_permission_to_power_nothing_is_powered_and_no_bmc_is_asked() -> None:
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
    drive = Provisioner(head.client(), head.clock, Pace(), lambda _line: None)

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


def test_deadlines_are_those_of_the_pace() -> None:
    head = make_rack(1)
    head.node("node001").boot = boot_up_to(5)

    results = provision(head, pace=Pace(deadlines=Deadlines(install_s=30)))

    assert "hung in phase installing for 30 s" in results["node001"].message
    assert head.clock.now_s() < 200


def test_the_calls_do_not_grow_with_the_number_of_nodes_but_for_the_writes() -> None:
    def calls(count: int) -> list[str]:
        head = make_rack(count)
        provision(head)
        return sorted(call.name for call in head.calls if call.name != "updateDevice")

    few, many = calls(3), calls(40)

    assert len(many) == len(few)


def test_a_plan_of_few_is_a_line_per_node_and_of_many_a_line_per_action() -> None:
    few, many = make_rack(2), make_rack(25)

    assert plan_lines(Run(provision(few, check=True))) == [
        "Plan: power_on node001 (install default-image)",
        "Plan: power_on node002 (install default-image)",
    ]
    (line,) = plan_lines(Run(provision(many, check=True)))
    assert line.startswith("Plan: power_on 25 nodes: node001, ")
    assert line.endswith("and 15 more")


def test_a_plan_for_one_node_of_many_speaks_of_one() -> None:
    head = make_rack(25)

    lines = plan_lines(Run(provision(head, ON, *names_of(head), "node099", check=True)))

    assert lines[1] == "Plan: not_found 1 node: node099"


def test_every_action_has_an_outcome() -> None:
    assert set(OUTCOMES) | {action for action in Action if action.acts} == set(Action)
