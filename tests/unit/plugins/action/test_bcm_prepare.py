# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.action.bcm_prepare import ActionModule
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.remembering import RememberingHeadNode
from ansible_collections.baremetal.bcm.plugins.modules import bcm_prepare

from ..fake_head_node import FakeHeadNode, Node, answer, refusal
from ..objects import make_device
from .acting import Actions, documented_options

Raw = dict[str, Any]
SECRET = "new-bmc-secret"
ON: dict[str, Any] = {"enable_power_action": True}


def host(name: str, **variables: Any) -> Raw:
    return {"inventory_hostname": name, **variables}


# node001 and node003 exist and are off.
HOSTS = {
    "node001.example.org": host("node001.example.org", bcm_notes="new", bcm_bmc_password=SECRET),
    "the-other": host("the-other", bcm_hostname="node003"),
}


def prepare(actions: Actions, hosts: dict[str, Raw] | None = None, *, check: bool = False, **options: Any) -> Raw:
    """The result for the hosts of an inventory; variables of the run are those of the first host."""
    known = HOSTS if hosts is None else hosts
    task_vars = {"hostvars": known, **next(iter(known.values()), {})}
    given = {"hosts": list(known), **options}
    result: Raw = actions.run("bcm_prepare", check=check, task_vars=task_vars, **given)
    return result


def claims_on(head: FakeHeadNode) -> list[str]:
    return [
        raw["hostname"] for raw in head.devices.values() if "baremetal_claim_run" in (raw.get("extra_values") or {})
    ]


class TestNothingIsLeft:
    """Power is not allowed, so that there is nothing to be done but registering."""

    def test_it_registers_reports_and_leaves_no_claim(self, actions: Actions, head: FakeHeadNode) -> None:
        result = prepare(actions)

        assert not result.get("failed"), result
        assert result["changed"] is True
        assert head.device("node001")["notes"] == "new"
        assert result["left"] == []
        assert [*result["report"]["nodes"]] == ["node001", "node003"]
        assert result["claimed"] == ["node001"]
        assert claims_on(head) == []

    def test_a_second_time_changes_nothing(self, actions: Actions, head: FakeHeadNode) -> None:
        prepare(actions)
        head.calls.clear()

        result = prepare(actions)

        assert (result["changed"], result["diff"], head.writes) == (False, [], [])

    def test_a_check_writes_nothing_and_says_what_the_run_then_says(self, actions: Actions, head: FakeHeadNode) -> None:
        checked = prepare(actions, check=True)
        assert not head.writes

        done = prepare(actions)

        for key in ("changed", "diff", "claimed", "left", "failures", "nodes"):
            assert checked[key] == done[key], key

    def test_a_node_that_cannot_be_registered_fails_alone(self, actions: Actions, head: FakeHeadNode) -> None:
        head.instead["updateDevice"] = lambda call: (
            answer(refusal("FORMAT", "notes", "no")) if call.args[0]["notes"] == "new" else None
        )

        result = prepare(actions)

        assert not result.get("failed"), result
        assert [*result["failures"]] == ["node001"]
        assert [*result["report"]["failures"]] == ["node001"]
        assert result["nodes"]["node001"]["failed"] is True


class TestSomethingIsLeft:
    def test_the_hosts_are_named_their_claims_kept_and_nothing_is_powered(
        self, actions: Actions, head: FakeHeadNode
    ) -> None:
        result = prepare(actions, **ON)

        assert result["left"] == ["node001.example.org"]
        assert result["report"] == {}
        assert claims_on(head) == ["node001"]
        assert head.operations() == []
        assert {name: node["action"] for name, node in result["nodes"].items()} == {
            "node001": "power_on",
            "node003": "skip",
        }
        assert set(result["assignments"]) == {"node001"}

    def test_a_failure_gives_the_claims_back(self, actions: Actions, head: FakeHeadNode) -> None:
        result = prepare(actions, max_nodes=0, **ON)

        assert "more than max_nodes 0" in result["msg"]
        assert claims_on(head) == []

    def test_a_category_that_fails_ends_it_before_any_node_is_changed(
        self, actions: Actions, head: FakeHeadNode
    ) -> None:
        head.instead["updateCategory"] = lambda _call: answer(refusal("FORMAT", "notes", "no"))

        result = prepare(actions, categories=[{"name": "gpu", "notes": "x"}], **ON)

        assert result["failed"] is True
        assert head.device("node001")["notes"] != "new"
        assert claims_on(head) == []


class TestRefusals:
    def test_no_hosts_are_never_all_hosts(self, actions: Actions, head: FakeHeadNode) -> None:
        assert "An empty set never means all nodes" in prepare(actions, {})["msg"]
        assert head.calls == []

    def test_a_host_that_the_inventory_does_not_know_is_named(self, actions: Actions) -> None:
        result = actions.run("bcm_prepare", hosts=["nobody"], task_vars={"hostvars": HOSTS})

        assert result["msg"] == "nobody is no host of the inventory"

    def test_hosts_of_several_head_nodes_are_refused(self, actions: Actions, head: FakeHeadNode) -> None:
        hosts = {
            name: host(name, bcm_connection={"head_node": f"{name}.example", "password": SECRET}) for name in ("a", "b")
        }

        result = prepare(actions, hosts)

        assert "these have several: a.example:8081, b.example:8081" in result["msg"]
        assert SECRET not in json.dumps(result)
        assert head.calls == []

    def test_a_variable_of_the_run_that_is_wrong_is_named_before_anything_is_sent(
        self, actions: Actions, head: FakeHeadNode
    ) -> None:
        hosts = {"node001": host("node001", bcm_provisioning_mode="both")}

        result = prepare(actions, hosts)

        assert "Nothing was changed: bcm_provisioning_mode must be one of sequential, parallel" in result["msg"]
        assert head.calls == []

    def test_what_is_wrong_with_a_host_has_its_name_and_no_value(self, actions: Actions, head: FakeHeadNode) -> None:
        hosts = {"node001": host("node001", bcm_bmc_settings={"pasword": SECRET})}

        result = prepare(actions, hosts)

        assert "devices[node001].bmc_settings has no option 'pasword', but password" in result["msg"]
        assert SECRET not in json.dumps(result)
        assert head.calls == []

    def test_problems_of_the_inventory_change_nothing(self, actions: Actions, head: FakeHeadNode) -> None:
        hosts = {**HOSTS, "node001": host("node001", bcm_category="nowhere")}

        result = prepare(actions, hosts)

        assert "nothing was changed" in result["msg"]
        assert not head.writes


def test_calls_do_not_grow_with_the_number_of_nodes(actions: Actions, head: FakeHeadNode) -> None:
    counts = []
    for number in (3, 40):
        raws = [
            make_device(f"more{number:02}{index:03}", mac=f"02:00:00:01:{number:02}:{index:02}")
            for index in range(number)
        ]
        head.devices.update({raw["uuid"]: raw for raw in raws})
        head.nodes.update({raw["uuid"]: Node() for raw in raws})
        head.bring_up(*(raw["hostname"] for raw in raws))
        hosts = {raw["hostname"]: host(raw["hostname"]) for raw in raws}
        head.calls.clear()
        result = prepare(actions, hosts)
        assert not result.get("failed"), result
        counts.append(len(head.calls))

    assert counts[0] == counts[1] <= 10


def test_no_step_changes_an_answer_that_the_next_one_is_given(
    actions: Actions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers: list[tuple[Any, Any]] = []
    ask = RememberingHeadNode._call

    def noting(self: RememberingHeadNode, *arguments: Any, **options: Any) -> Any:
        given = ask(self, *arguments, **options)
        answers.append((given, copy.deepcopy(given)))
        return given

    monkeypatch.setattr(RememberingHeadNode, "_call", noting)
    plan = str(tmp_path / "plan.json")
    categories = [{"name": "gpu", "kernel_parameters": "quiet"}]
    prepare(actions, check=True, plan=plan, categories=categories, **ON)
    prepare(actions, plan=plan, categories=categories, **ON)

    assert len(answers) > 20
    assert [given for given, before in answers if given != before] == []


def test_no_secret_is_in_the_result_or_on_screen(actions: Actions) -> None:
    for options in ({}, ON):
        shown = json.dumps(prepare(actions, check=True, **options)) + "".join(actions.said)
        assert SECRET not in shown


@pytest.mark.parametrize("option", [*ActionModule.SPEC])
def test_documentation_has_every_option_and_says_the_same(option: str) -> None:
    documented = documented_options(bcm_prepare.DOCUMENTATION)
    keys = ("default", "choices") if option == "categories" else ("type", "elements", "required", "default", "choices")

    assert documented.keys() == ActionModule.SPEC.keys()
    assert {key: documented[option].get(key) for key in keys} == {
        key: ActionModule.SPEC[option].get(key) for key in keys
    }
