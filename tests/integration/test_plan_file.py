# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan that is written with --check, looked at, and then carried out; or that no longer holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, POWER, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import DEMO_NODES, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site


@pytest.mark.meets_ansible
class TestAPlan:
    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        return open_class_site(demo_rack())

    @pytest.fixture(scope="class")
    @staticmethod
    def file(where: Site) -> Path:
        return where.directory / "plan.json"

    @pytest.fixture(scope="class")
    @staticmethod
    def planned(where: Site, file: Path) -> Run:
        run: Run = where.ansible.play("provision", "--check", variables={**PARALLEL, "bcm_plan": str(file)})
        assert where.rack.mutating_calls() == []
        return run

    @pytest.fixture(scope="class")
    @staticmethod
    def refused(where: Site, file: Path, planned: Run) -> Run:
        """Someone registers one of the nodes, in another way; one is left out, and restarts are asked for."""
        assert planned.rc == 0
        run: Run = where.ansible.play(
            "reprovision", "--limit", "!cpu-06", variables={**PARALLEL, "bcm_plan": str(file)}
        )
        assert where.rack.mutating_calls() == []
        return run

    @pytest.fixture(scope="class")
    @staticmethod
    def done(where: Site, file: Path, refused: Run) -> Run:
        assert refused.rc != 0
        run: Run = where.ansible.play("provision", variables={**PARALLEL, "bcm_plan": str(file)})
        return run

    @pytest.fixture(scope="class")
    @staticmethod
    def again(where: Site, file: Path, done: Run) -> Run:
        assert done.rc == 0, done.output
        where.rack.forget_calls()
        run: Run = where.ansible.play("provision", variables={**PARALLEL, "bcm_plan": str(file)})
        return run

    def test_the_plan_is_a_file_that_names_what_is_done_with_every_node(self, planned: Run, file: Path) -> None:
        assert planned.rc == 0, planned.output
        plan = json.loads(file.read_text(encoding="utf-8"))
        assert {name: node["action"] for name, node in plan["nodes"].items()} == dict.fromkeys(DEMO_NODES, "power_on")
        assert plan["digest"] in planned.output
        assert "demo-bmc-password" not in json.dumps(plan)
        assert "bmcadmin" not in json.dumps(plan)

    def test_what_differs_is_named_and_nothing_is_done(self, refused: Run) -> None:
        assert len(refused.failures) == 1
        assert 'bcm_power_action is "power_cycle", the plan has "power_on"' in refused.failures[0]
        assert "1 node of the plan not in this run: cpu-06" in refused.failures[0]

    def test_the_plan_is_carried_out(self, where: Site, done: Run) -> None:
        assert done.rc == 0, done.output
        assert where.rack.states() == dict.fromkeys(DEMO_NODES, "UP")

    def test_what_is_done_is_no_difference(self, where: Site, again: Run) -> None:
        assert again.rc == 0, again.output
        assert where.rack.mutating_calls() == []


def test_a_node_that_came_up_since_is_named_and_nothing_is_written(open_site: OpenSite) -> None:
    where = open_site(demo_rack(devices=["dgx-05", "cpu-03"]))
    variables: dict[str, Any] = {**PARALLEL, "bcm_plan": str(where.directory / "plan.json")}
    assert where.ansible.play("provision", "--check", variables=variables).rc == 0
    where.rack.press_power("dgx-05", "on")
    where.rack.wait_for_states("UP", "dgx-05")
    where.rack.forget_calls()

    run = where.ansible.play("provision", variables=variables)

    assert run.rc != 0
    assert "dgx-05: the plan says power_on" in run.failures[0]
    assert where.rack.mutating_calls() == []


def test_a_run_that_was_killed_goes_on_with_the_same_plan(open_site: OpenSite) -> None:
    where = open_site(demo_rack())
    variables: dict[str, Any] = {**PARALLEL, "bcm_plan": str(where.directory / "plan.json")}
    assert where.ansible.play("provision", "--check", variables=variables).rc == 0
    with where.ansible.start("provision", variables=variables) as begun:
        begun.wait_for("Power on:")
        begun.kill()

    run = where.ansible.play("provision", variables=variables)

    assert run.rc == 0, run.output
    assert where.rack.power_operations() == dict.fromkeys(DEMO_NODES, 1)
    assert where.rack.states() == dict.fromkeys(DEMO_NODES, "UP")


def test_a_workflow_hands_the_plan_on_without_a_file(open_site: OpenSite) -> None:
    where = open_site(demo_rack())
    file = where.directory / "plan.json"
    checked = where.ansible.play("provision", "--check", variables={**PARALLEL, "bcm_plan": str(file)})
    word = checked.of("bcm_prepare")[0].result["content"]
    file.unlink()
    statistics = [task.result for task in checked.of("set_stats")]

    run = where.ansible.play("provision", variables={**PARALLEL, "bcm_plan_content": word})

    assert [word] == [
        result["ansible_stats"]["data"]["bcm_plan_content"]
        for result in statistics
        if "bcm_plan_content" in result["ansible_stats"]["data"]
    ]
    assert run.rc == 0, run.output
    assert where.rack.states() == dict.fromkeys(DEMO_NODES, "UP")


class TestAPlanToRestartNodes:
    """One node after the other, as it is without a mode; another image for nodes that are UP."""

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        where = open_class_site(demo_rack(devices="all", power=True))
        assert where.ansible.play("provision", variables={**POWER, "bcm_adopt": True}).rc == 0
        return where

    @pytest.fixture(scope="class")
    @staticmethod
    def variables(where: Site) -> dict[str, Any]:
        image = {"bcm_software_image": "ubuntu-22.04-nvidia-550"}
        return {**POWER, **image, "bcm_plan": str(where.directory / "plan.json")}

    @pytest.fixture(scope="class")
    @staticmethod
    def done(where: Site, variables: dict[str, Any]) -> Run:
        checked = where.ansible.play("reprovision", "--check", "--limit", "dgx-05,cpu-03", variables=variables)
        assert checked.rc == 0, checked.output
        run: Run = where.ansible.play("reprovision", "--limit", "dgx-05,cpu-03", variables=variables)
        return run

    def test_the_nodes_of_the_plan_are_installed_anew_and_no_other(self, where: Site, done: Run) -> None:
        assert done.rc == 0, done.output
        images = where.rack.images()
        assert {name for name, image in images.items() if image == "ubuntu-22.04-nvidia-550"} == {"dgx-05", "cpu-03"}

    def test_the_same_plan_says_nothing_of_other_nodes(self, where: Site, variables: dict[str, Any], done: Run) -> None:
        assert done.rc == 0
        where.rack.forget_calls()

        run = where.ansible.play("reprovision", variables=variables)

        assert run.rc != 0
        assert "3 nodes of this run not in the plan" in run.failures[0]
        assert where.rack.mutating_calls() == []
