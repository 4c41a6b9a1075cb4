# SPDX-License-Identifier: GPL-3.0-or-later
"""The definitions for AWX keep their contract, and what breaks it is found."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from .controller_contract import MODULES, NODES, Tree, problems_of, read_definitions

Raw = dict[str, Any]
TREE = Tree.of_checkout()
ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(not (ROOT / "extensions/molecule").is_dir(), reason="the artifact ships no tests")


def template(definitions: Raw, name: str) -> Raw:
    return next(each for each in definitions["controller_templates"] if each["name"] == name)


def question(definitions: Raw, of: str, variable: str) -> Raw:
    return next(each for each in template(definitions, of)["survey_spec"]["spec"] if each["variable"] == variable)


def node(definitions: Raw, identifier: str) -> Raw:
    nodes = definitions["controller_workflows"][0][NODES]
    return next(each for each in nodes if each["identifier"] == identifier)


def test_the_definitions_keep_their_contract() -> None:
    assert problems_of(read_definitions(), TREE) == []


def test_a_playbook_without_a_template_is_found() -> None:
    grown = replace(TREE, playbooks=TREE.playbooks | {"retire.yml"})

    assert problems_of(read_definitions(), grown) == ["playbook retire.yml has no template"]


PLANTED: dict[str, tuple[Callable[[Raw], Any], str]] = {
    "a misspelt argument": (
        lambda all_: template(all_, "Status").update(ask_job_typ_on_launch=True),
        "ask_job_typ_on_launch is no argument",
    ),
    "a misspelt argument of a node": (
        lambda all_: node(all_, "check").update(extra_vars={}),
        "check: extra_vars is no argument",
    ),
    "a playbook that does not exist": (
        lambda all_: template(all_, "Status").update(playbook="playbooks/statuses.yml"),
        "template of statuses.yml, which does not exist",
    ),
    "a credential that is not defined": (
        lambda all_: template(all_, "Status").update(credentials=["Head node"]),
        "credentials Head node is not defined",
    ),
    "a run as the default": (
        lambda all_: template(all_, "Provision").update(job_type="run"),
        "its default must be a check",
    ),
    "a choice that the role does not have": (
        lambda all_: question(all_, "Provision", "bcm_provisioning_mode")["choices"].append("batch"),
        "its choices are ['sequential', 'parallel', 'batch']",
    ),
    "another type than the role's": (
        lambda all_: question(all_, "Provision", "bcm_max_nodes").update(type="text"),
        "it is asked for as text, and is int",
    ),
    "leave by default": (
        lambda all_: question(all_, "Provision", "bcm_enable_power_action").update(default="true"),
        "its default is true, and must be false",
    ),
    "all nodes by default": (
        lambda all_: question(all_, "Provision", "bcm_target").update(default="bcm_nodes"),
        "bcm_target must have no default",
    ),
    "all servers to be hardened by default": (
        lambda all_: question(all_, "Harden", "bcm_target").update(default="bcm_nodes"),
        "template Harden: bcm_target must have no default",
    ),
    "hosts that need not be named": (
        lambda all_: question(all_, "Power", "bcm_target").update(min=0),
        "template Power: bcm_target must be asked for and not be empty",
    ),
    "a limit, which may be empty": (
        lambda all_: template(all_, "Provision").update(ask_limit_on_launch=True),
        "template Provision: nodes are chosen by bcm_target, which can't be empty",
    ),
    "a job that is sliced": (
        lambda all_: template(all_, "Provision").update(job_slice_count=4),
        "template Provision: a job is not to be sliced",
    ),
    "servers that need not be named": (
        lambda all_: question(all_, "Readmit", "readmit_servers").update(required=False),
        "readmit_servers must be asked for and not be empty",
    ),
    "a schedule without an answer that is required": (
        lambda all_: all_["controller_schedules"][0].update(unified_job_template="Power", extra_data={}),
        "schedule Status every hour: bcm_target is required and not given",
    ),
    "a schedule that counts on a default": (
        lambda all_: all_["controller_schedules"][2]["extra_data"].pop("hardening_require_compliance"),
        "schedule Audit every night: hardening_require_compliance is required and not given",
    ),
    "an injected name that nothing reads": (
        lambda all_: all_["controller_credential_types"][0]["injectors"]["env"].update(BCM_HEADNODE="{{ head_node }}"),
        "nothing reads BCM_HEADNODE",
    ),
    "a way to a job that does not exist": (
        lambda all_: node(all_, "check").update(failure_nodes=["repair"]),
        "check leads to repair, which does not exist",
    ),
    "jobs that lead back to each other": (
        lambda all_: node(all_, "report").update(always_nodes=["intake"]),
        "its jobs lead back to each other",
    ),
    "power without approval": (
        lambda all_: node(all_, "check").update(success_nodes=["provision"]),
        "provision powers nodes without approval",
    ),
    "a reboot without approval": (
        lambda all_: node(all_, "check").update(success_nodes=["harden"]),
        "harden powers nodes without approval",
    ),
    "power to validate without approval": (
        lambda all_: node(all_, "validate")["extra_data"].update(validation_enable_power_action="true"),
        "validate powers nodes without approval",
    ),
    "a secret that is shown": (
        lambda all_: all_["controller_credential_types"][1]["inputs"]["fields"][-1].pop("secret"),
        "password must be secret",
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_an_error_is_found(planted: str) -> None:
    definitions = copy.deepcopy(read_definitions())
    plant, message = PLANTED[planted]

    plant(definitions)

    assert message in "\n".join(problems_of(definitions, TREE))


def test_every_list_is_applied_with_all_that_it_says() -> None:
    tasks = yaml.safe_load((ROOT / "playbooks/tasks/controller_awx.yml").read_text(encoding="utf-8"))
    *lists, schedules = [next(key for key in task if key.startswith("awx.awx.")) for task in tasks]
    nodes = lists[-2:]
    applied = dict(zip([*lists[:-2], schedules], [*tasks[:-3], tasks[-1]], strict=True))

    for kind, entries in read_definitions().items():
        task = applied[f"awx.awx.{MODULES[kind]}"]
        said = {key for entry in entries for key in entry}
        assert task["loop"] == f"{{{{ {kind} }}}}"
        assert set(task[f"awx.awx.{MODULES[kind]}"]) == said - {NODES}
    assert list(applied) == [f"awx.awx.{module}" for module in MODULES.values()]
    # First all nodes, then the ways between them, because a way leads to a node that is there.
    assert nodes == ["awx.awx.workflow_job_template_node"] * 2
    said = {key for node in read_definitions()["controller_workflows"][0][NODES] for key in node}
    made, linked = (set(task[nodes[0]]) - {"workflow_job_template", "organization"} for task in tasks[-3:-1])
    assert made | linked == said
