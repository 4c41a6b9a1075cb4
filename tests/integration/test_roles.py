# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles by themselves, as a playbook of the user's own composes them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site


class TestCategory:
    """Two categories, the second one a copy of the first."""

    CATEGORIES = (
        {"name": "worker", "clone_from": "default", "kernel_parameters": "iommu=pt", "modules": [{"name": "nvidia"}]},
        {"name": "worker-debug", "clone_from": "worker", "kernel_output_console": "ttyS0"},
    )

    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        site: Site = open_class_site(demo_rack(devices="all"))
        return site

    @pytest.fixture(scope="class")
    @staticmethod
    def runs(where: Site) -> dict[str, Run]:
        """Check, do it, and do it again."""
        play = TestCategory.play
        return {
            "checked": play(where, [*TestCategory.CATEGORIES], "--check", "--diff"),
            "done": play(where, [*TestCategory.CATEGORIES], "--diff"),
            "again": play(where, [*TestCategory.CATEGORIES], "--diff"),
        }

    @staticmethod
    def play(where: Site, categories: list[dict[str, Any]], *options: str) -> Run:
        role = {"name": "Prepare", "ansible.builtin.import_role": {"name": "baremetal.bcm.category"}}
        run: Run = where.ansible.tasks([role], *options, vars={"bcm_categories": categories})
        return run

    def test_all_are_done_in_one_task_and_shown_one_by_one_before_too(self, runs: dict[str, Run]) -> None:
        assert {name: run.rc for name, run in runs.items()} == dict.fromkeys(runs, 0), runs["done"].output
        assert [run.changed_tasks for run in runs.values()] == [["bcm_categories"], ["bcm_categories"], []]
        for name in ("checked", "done"):
            for category in self.CATEGORIES:
                assert f"+++ after: category {category['name']} (create)" in runs[name].output

    def test_a_copy_has_the_options_of_its_model_and_its_own(self, runs: dict[str, Run]) -> None:
        for run in runs.values():
            (task,) = run.of("bcm_categories")
            category = task.result["categories"]["worker-debug"]["category"]
            assert (category["kernel_parameters"], category["kernel_output_console"]) == ("iommu=pt", "ttyS0")
            assert [module["name"] for module in category["modules"]] == ["nvidia"]

    def test_an_option_that_the_module_does_not_have_fails_with_its_name(self, where: Site) -> None:
        where.rack.forget_calls()
        run = self.play(where, [{"name": "worker", "kernel_paramaters": "quiet"}])

        assert run.rc != 0
        assert "kernel_paramaters" in run.failures[0]
        assert where.rack.mutating_calls() == []

    def test_nothing_is_done_where_no_category_is_declared(self, where: Site) -> None:
        run = self.play(where, [])

        assert run.rc == 0, run.output
        assert run.of("bcm_categories") == []


def test_what_is_left_by_one_run_is_not_done_by_the_next_in_the_same_playbook(open_site: OpenSite) -> None:
    where = open_site(demo_rack())
    provision = str(ROOT / "playbooks/provision.yml")
    file = where.directory / "twice.yml"
    runs = [
        {"ansible.builtin.import_playbook": provision, "vars": {"bcm_target": name}} for name in ("dgx-05", "cpu-03")
    ]
    file.write_text(yaml.safe_dump([*runs, *runs]), encoding="utf-8")

    run = where.ansible.play(str(file), variables=PARALLEL)

    assert run.rc == 0, run.output
    assert [[*task.result["nodes"]] for task in run.of("bcm_provision")] == [["dgx-05"], ["cpu-03"]]
    assert where.rack.power_operations()["dgx-05"] == where.rack.power_operations()["cpu-03"] == 1
