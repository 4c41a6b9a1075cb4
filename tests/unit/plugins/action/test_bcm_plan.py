# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.draw_up import PLAN
from ansible_collections.baremetal.bcm.plugins.modules import bcm_plan

from ..fake_head_node import PASSWORD, FakeHeadNode
from ..objects import make_device
from .acting import Actions, documented_options

SECRET = "new-bmc-secret"
SETTINGS = {"username": "secret-user", "password": SECRET}
DEVICES: list[dict[str, Any]] = [
    {"hostname": "node001", "notes": "new", "bmc_settings": SETTINGS},
    {"hostname": "node003"},
]
CATEGORIES = [{"name": "gpu", "kernel_parameters": "quiet"}]
ON: dict[str, Any] = {"enable_power_action": True, "power_action": "power_cycle"}


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "plans" / "plan.json")


def agree(actions: Actions, file: str, **options: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"devices": DEVICES, "categories": CATEGORIES, "path": file, **ON, **options}
    return actions.run("bcm_plan", **given)


def test_check_mode_writes_the_plan_and_nothing_on_the_head_node(
    actions: Actions, head: FakeHeadNode, file: str
) -> None:
    result = agree(actions, file, check=True)

    written = json.loads(Path(file).read_text(encoding="utf-8"))
    assert not head.writes
    assert result["changed"] is False
    assert written["digest"] == result["digest"]
    assert written["nodes"]["node001"]["action"] == "power_on"
    assert written["devices"]["node001"]["changes"]["notes"] == {"before": "", "after": "new"}
    assert Path(file).stat().st_mode & 0o777 == 0o600
    assert f"written to {file}, digest {result['digest']}" in actions.said[-1]


def test_no_secret_is_in_the_file_in_the_result_or_on_screen(actions: Actions, file: str) -> None:
    result = agree(actions, file, check=True)

    shown = Path(file).read_text(encoding="utf-8") + json.dumps(result) + "".join(actions.said)
    for secret in (SECRET, "secret-user", "bmc-secret", PASSWORD):
        assert secret not in shown


def test_what_has_not_changed_holds_and_nothing_is_written(actions: Actions, head: FakeHeadNode, file: str) -> None:
    agreed = agree(actions, file, check=True)

    held = agree(actions, file)

    assert not head.writes
    assert not held.get("failed"), held
    assert held["planned"] == agreed["planned"]


def test_the_word_stands_for_the_file_in_check_mode_too(actions: Actions, head: FakeHeadNode, file: str) -> None:
    word = agree(actions, file, check=True)["content"]
    head.device("node001")["notes"] = "by hand"

    for check in (False, True):
        assert "the plan no longer holds" in agree(actions, file, check=check, content=word)["msg"]


def test_a_run_that_was_interrupted_goes_on_with_the_same_file(actions: Actions, head: FakeHeadNode, file: str) -> None:
    planned = agree(actions, file, check=True)["planned"]
    actions.run("bcm_provision", names=["node001"], planned=planned, **ON)

    held = agree(actions, file)

    assert not held.get("failed"), held
    assert head.operations() == ["ON"]


def close(head: FakeHeadNode) -> None:
    head.node("node001").flags["closed"] = True


def change_notes(head: FakeHeadNode) -> None:
    head.device("node001")["notes"] = "by hand"


def change_category(head: FakeHeadNode) -> None:
    head.category("gpu")["kernelParameters"] = "splash"


def switch_on(head: FakeHeadNode) -> None:
    head.bring_up("node001")


def replace_cluster(head: FakeHeadNode) -> None:
    head.partitions = {"another": {**next(iter(head.partitions.values())), "uuid": "another"}}


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        (close, "node001: the plan says power_on default-image, now it is skip"),
        (switch_on, "node001: the plan says power_on default-image, now it is skip (unrecorded"),
        (change_notes, 'device node001: notes would change from "by hand" to "new"'),
        (change_category, 'category gpu: kernel_parameters would change from "splash" to "quiet"'),
        (replace_cluster, "it was made for another cluster"),
    ],
)
def test_what_differs_since_is_named_and_nothing_is_written(
    meanwhile: Any, said: str, actions: Actions, head: FakeHeadNode, file: str
) -> None:
    agree(actions, file, check=True)
    meanwhile(head)

    result = agree(actions, file)

    assert result["failed"]
    assert result["msg"].startswith("the plan no longer holds, nothing was changed, 1 difference: ")
    assert said in result["msg"]
    assert not head.writes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"devices": DEVICES[:1]}, "1 node of the plan not in this run: node003"),
        ({"devices": [*DEVICES, {"hostname": "node002"}]}, "1 node of this run not in the plan: node002"),
        ({"devices": [{**DEVICES[0], "notes": "newer"}, DEVICES[1]]}, "device node001: its variables have changed"),
        ({"categories": []}, "1 category of the plan not in this run: gpu"),
        ({"power_action": "power_on"}, 'bcm_power_action is "power_on", the plan has "power_cycle"'),
        ({"reprovision_token": "again"}, 'bcm_reprovision_token is "again", the plan has null'),
        ({"enable_power_action": False}, "bcm_enable_power_action is false, the plan has true"),
    ],
)
def test_a_run_that_asks_for_something_else_is_refused(
    options: dict[str, Any], said: str, actions: Actions, file: str
) -> None:
    agree(actions, file, check=True)

    assert said in agree(actions, file, **options)["msg"]


def test_where_something_can_not_be_planned_there_is_no_plan(actions: Actions, file: str) -> None:
    result = agree(actions, file, check=True, devices=[{"hostname": "node001", "category": "no"}])

    assert result["msg"].startswith("could not plan, nothing was changed, 1 problem: ")
    assert not Path(file).exists()


def test_a_plan_that_is_not_there_is_one_sentence(actions: Actions, file: str) -> None:
    message = agree(actions, file)["msg"]

    assert message.startswith(f"could not read the plan {file}: No such file")


def test_file_or_content_has_to_be_given(actions: Actions) -> None:
    result = actions.run("bcm_plan", devices=DEVICES)

    assert result["failed"] is True
    assert "path, content" in result["msg"]


def test_a_plain_word_is_the_name_of_a_role_here_too(actions: Actions, file: str) -> None:
    devices = [{"hostname": "node001", "roles": ["boot"]}]

    assert agree(actions, file, check=True, devices=devices)["planned"]


def test_a_node_that_differs_when_its_turn_comes_is_refused_alone(
    actions: Actions, head: FakeHeadNode, file: str
) -> None:
    devices = [{"hostname": "node001"}, {"hostname": "node002"}]
    planned = agree(actions, file, check=True, devices=devices)["planned"]
    close(head)

    result = actions.run("bcm_provision", names=["node001", "node002"], planned=planned, fail_on_error=False, **ON)

    assert {name: node["action"] for name, node in result["nodes"].items()} == {
        "node001": "refuse",
        "node002": "power_on",
    }
    assert "the plan says power_on" in result["failures"]["node001"]
    assert head.operations() == ["ON"]


@pytest.mark.parametrize("planned", [{"node001": {"colour": "blue"}}, {"node001": {"action": "dance"}}])
def test_what_is_no_plan_of_nodes_is_refused(planned: Any, actions: Actions) -> None:
    assert (
        "planned must be what bcm_plan returned"
        in actions.run("bcm_provision", names=["node001"], planned=planned)["msg"]
    )


def test_a_node_that_the_plan_does_not_know_is_left_alone(actions: Actions, head: FakeHeadNode) -> None:
    result = actions.run("bcm_provision", names=["node001"], planned={}, **ON, fail_on_error=False)

    assert result["nodes"]["node001"]["action"] == "refuse"
    assert not head.writes


def big_head(nodes: int) -> FakeHeadNode:
    return FakeHeadNode(*(make_device(f"node{number:04d}", number % 250) for number in range(nodes)))


@pytest.mark.parametrize("check", [True, False])
def test_the_number_of_calls_does_not_grow_with_the_nodes(
    check: bool, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    counts = []
    for nodes in (2, 200):
        head = big_head(nodes)
        actions = Actions(head, capsys)
        devices = [{"hostname": raw["hostname"], "notes": "n"} for raw in head.devices.values() if "category" in raw]
        result = agree(actions, file, check=True, devices=devices)
        if not check:
            head.calls.clear()
            result = agree(actions, file, devices=devices)
        assert not result.get("failed"), result
        assert len(result["planned"]) == nodes
        counts.append(len(head.calls))

    assert counts[0] == counts[1] < 25


def test_documentation_has_every_option_and_says_the_same_of_each() -> None:
    documented = documented_options(bcm_plan.DOCUMENTATION)
    keys = ("type", "default", "choices")

    assert documented.keys() == PLAN.keys()
    for option in PLAN.keys() - {"devices", "categories"}:
        said, spec = documented[option], PLAN[option]
        assert {key: said.get(key) for key in keys} == {key: spec.get(key) for key in keys}, option
