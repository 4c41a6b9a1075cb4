# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/controller.yml with the real modules of awx.awx, on an AWX in memory, twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Ansible, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, demo_rack, running
from ansible_collections.baremetal.bcm.tests.system.support.fake_awx import FakeAwx, served
from ansible_collections.baremetal.bcm.tests.unit.extensions.controller_contract import (
    MODULES,
    NODES,
    read_definitions,
)

SECRET = "pl4nted-s3cret"
SITE: dict[str, Any] = {
    "bcm_controller": {
        "image": "registry.example.com/bcm-ee:1",
        "head_node": {"head_node": "bcm.example.com", "port": "8081", "ca": "A", "cert": "B", "key": SECRET},
        "netbox": {"url": "https://netbox.example.com", "token": SECRET},
        "bmcs": {"username": "bmcadmin", "password": SECRET},
        "webhook": "https://chat.example.com/hook",
    }
}
KINDS = {"controller_notifications": "notification_templates", "controller_templates": "job_templates"}
KINDS |= {"controller_workflows": "workflow_job_templates", "aap_organizations": "organizations"}
WAYS = ("success_nodes", "failure_nodes", "always_nodes")


class TestController:
    @pytest.fixture(scope="class")
    @staticmethod
    def awx() -> FakeAwx:
        return FakeAwx("awx-t0ken")

    @pytest.fixture(scope="class")
    @staticmethod
    def writes() -> list[int]:
        """How many writes AWX had of each run."""
        return []

    @pytest.fixture(scope="class")
    @staticmethod
    def runs(awx: FakeAwx, writes: list[int], tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
        """The playbook twice."""
        found = sorted((ROOT / ".venv-controller/lib").glob("python3*/site-packages/ansible_collections/awx"))
        if not found and os.environ.get("CONTROLLER_REQUIRE_ALL") == "1":
            pytest.fail("missing: make .venv-controller")
        if not found:
            pytest.skip("missing: make .venv-controller")
        directory = tmp_path_factory.mktemp("controller")
        collections = directory / "collections/ansible_collections"
        collections.mkdir(parents=True)
        for name, source in (("awx", found[0]), ("baremetal", ROOT / ".collections/ansible_collections/baremetal")):
            (collections / name).symlink_to(source)
        with served(awx) as url, running(demo_rack(), directory / "rack") as rack:
            environment = {
                "CONTROLLER_HOST": url,
                "CONTROLLER_OAUTH_TOKEN": awx.token,
                "ANSIBLE_COLLECTIONS_PATH": str(directory / "collections"),
            }
            ansible = Ansible(rack, directory / "ansible")
            runs = []
            for _time in range(2):
                before = len(awx.writes)
                runs.append(ansible.play("controller", "-v", variables=SITE, environment=environment))
                writes.append(len(awx.writes) - before)
        return runs

    def test_all_that_is_defined_is_made(self, runs: list[Run], awx: FakeAwx) -> None:
        assert runs[0].rc == 0, runs[0].output
        for kind, entries in read_definitions().items():
            made = awx.named(KINDS.get(kind, kind.removeprefix("controller_")))
            assert {entry["name"] for entry in entries} <= set(made), kind
        assert set(MODULES) == set(read_definitions())

    def test_surveys_credentials_and_the_ways_of_the_workflow_are_made(self, runs: list[Run], awx: FakeAwx) -> None:
        definitions = read_definitions()
        templates = awx.named("job_templates")
        for template in definitions["controller_templates"]:
            made = templates[template["name"]]
            assert awx.surveys[f"{made['url']}survey_spec"] == template["survey_spec"]
            assert len(awx.associations[f"{made['url']}credentials"]) == len(template["credentials"])
        nodes = awx.named("workflow_job_template_nodes")
        for node in definitions["controller_workflows"][0][NODES]:
            for way in WAYS:
                linked = awx.associations[f"{nodes[node['identifier']]['url']}{way}"]
                assert linked == [nodes[each]["id"] for each in node.get(way, [])]
        assert len(runs) == 2

    def test_applied_twice_nothing_is_changed_or_written(self, runs: list[Run], writes: list[int]) -> None:
        assert runs[1].rc == 0, runs[1].output
        assert runs[1].changed_tasks == []
        assert runs[1].recap["localhost"]["changed"] == 0
        assert writes[0] > 0
        assert writes[1] == 0

    def test_no_secret_is_printed(self, runs: list[Run]) -> None:
        assert SECRET not in runs[0].output + runs[1].output


def test_a_site_that_does_not_say_where_is_told_what_is_missing(tmp_path: Path) -> None:
    with running(demo_rack(), tmp_path / "rack") as rack:
        run = Ansible(rack, tmp_path / "ansible").play("controller")

    assert run.rc != 0
    assert "Say where and with what" in " ".join(run.failures)
