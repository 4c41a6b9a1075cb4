"""An option of an entity reaches its module through the roles, none is left on the way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.plugins.filter.desired_device import desired_device
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import DEVICE, Spec

ROLES = Path(__file__).parents[2] / "roles"
# A host in the inventory is a node that should exist.
OF_A_HOST = {option: spec for option, spec in DEVICE.items() if option != "state"}
# The whole list, or the name of a role alone.
IN_SHORT = {"bcm_roles": {"type": "list", "elements": "raw"}}


def read_yaml(path: str) -> Any:
    return yaml.safe_load((ROLES / path).read_text(encoding="utf-8"))


def variables_of(role: str) -> dict[str, Spec]:
    variables: dict[str, Spec] = read_yaml(f"{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    return variables


def task_of(role: str, module: str) -> dict[str, Any]:
    """The options that a role gives to a module, as they stand."""
    (task,) = (task for task in read_yaml(f"{role}/tasks/main.yml") if f"baremetal.bcm.{module}" in task)
    options: dict[str, Any] = task[f"baremetal.bcm.{module}"]
    return options


@pytest.mark.parametrize(
    ("role", "module", "variable"),
    [
        ("category", "bcm_categories", "category_list"),
        ("preflight", "bcm_preflight", "preflight_categories"),
        ("devices", "bcm_devices", "devices_categories"),
    ],
)
def test_categories_reach_the_module_as_they_are(role: str, module: str, variable: str) -> None:
    assert task_of(role, module)["categories"] == f"{{{{ {variable} }}}}"
    assert read_yaml(f"{role}/defaults/main.yml")[variable] == "{{ bcm_categories | default([]) }}"
    # The module knows the options of an element, and refuses others by name; here they would be written once more.
    assert [variables_of(role)[name].keys() for name in (variable, "bcm_categories")] == [
        {"description", "type", "elements", "default"}
    ] * 2


@pytest.mark.parametrize(("role", "module"), [("preflight", "bcm_preflight"), ("devices", "bcm_devices")])
def test_nodes_reach_the_module_as_the_filter_makes_them(role: str, module: str) -> None:
    steps = [step.strip(" {}\n") for step in task_of(role, module)["devices"].split("|")]

    assert [step.split("(")[0] for step in steps] == [f"{role}_hosts", "map", "map", "list"]
    assert [step for step in steps if "baremetal.bcm.desired_device" in step] == steps[2:3]


@pytest.mark.parametrize("option", OF_A_HOST)
def test_every_option_of_a_node_has_a_variable_of_its_host(option: str) -> None:
    value = [{"name": "x"}] if OF_A_HOST[option]["type"] == "list" else {"x": 1}

    assert desired_device({"inventory_hostname": "n", f"bcm_{option}": value})[option] == value


@pytest.mark.parametrize("role", ["preflight", "devices"])
def test_the_roles_document_the_variable_of_every_option_of_a_node(role: str) -> None:
    variables = variables_of(role)

    for option, spec in OF_A_HOST.items():
        known = {**spec, **IN_SHORT.get(f"bcm_{option}", {})}
        said = variables[f"bcm_{option}"]
        assert {key: said.get(key) for key in ("type", "elements")} == {
            key: known.get(key) for key in ("type", "elements")
        }
        assert set(said.get("choices", [])) == set(known.get("choices", []))


# What a playbook's first play finds out for the role provision, and what concerns the result alone.
HANDED_ON = {"names", "reassigned", "assignments", "planned", "failed_before", "fail_on_error"}


def test_playbook_and_role_take_the_options_of_a_run_from_the_same_variables() -> None:
    (block, *_others) = read_yaml("provision/tasks/main.yml")
    given = block["block"][0]["baremetal.bcm.bcm_provision"]
    (prepared, *_rest) = read_yaml("../playbooks/provision.yml")[0]["tasks"]
    said = prepared["baremetal.bcm.bcm_prepare"]

    assert given.keys() - HANDED_ON <= said.keys()
    for option in given.keys() - HANDED_ON:
        assert run_variables_in(said[option]) == run_variables_in(given[option]), option


def run_variables_in(template: str) -> set[str]:
    """The variables of a run that a template takes its value from, also by way of the role's own names."""
    defaults = read_yaml("provision/defaults/main.yml")
    found = set(re.findall(r"bcm_[a-z_]+", template))
    for own in re.findall(r"provision_[a-z_]+", template):
        found |= run_variables_in(str(defaults[own])) if own in defaults and f"bcm_{own}" not in template else set()
    return found
