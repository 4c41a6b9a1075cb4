# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.baremetal.bcm.plugins.filter.head_node_of import head_node_of
from ansible_collections.baremetal.bcm.plugins.filter.variable_problems import FilterModule, variable_problems

ROLES = Path(__file__).parents[4] / "roles"
CHECKED = ("preflight", "category", "devices", "provision", "report")
SPECS = [
    yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"][
        "options"
    ]
    for role in CHECKED
]


def problems(**variables: Any) -> list[str]:
    return variable_problems(variables, SPECS)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"bcm_max_nodes": "many"}, "bcm_max_nodes must be a whole number, not 'many'"),
        ({"bcm_max_nodes": -1}, "bcm_max_nodes must not be negative, as -1 is"),
        ({"bcm_max_nodes": "-1"}, "bcm_max_nodes must not be negative, as -1 is"),
        ({"bcm_adopt": "perhaps"}, "bcm_adopt must be true or false, not 'perhaps'"),
        (
            {"bcm_provisioning_mode": "paralel"},
            "bcm_provisioning_mode must be one of sequential, parallel, not 'paralel'",
        ),
        ({"bcm_boot_timeout": [1]}, "bcm_boot_timeout must be a number, not a list"),
        ({"bcm_categories": "default"}, "bcm_categories must be a list, not a text"),
        ({"bcm_categories": {"name": "default"}}, "bcm_categories must be a list, not a dictionary"),
        (
            {"bcm_categories": [{"name": "default", "bmc_settings": {"usernme": "hidden", "password": "hidden"}}]},
            "bcm_categories[default].bmc_settings has no option 'usernme', but username",
        ),
        ({"bcm_connection": "hidden"}, "bcm_connection must be a dictionary, not a text"),
        ({"bcm_connection": {"passwd": "hidden"}}, "bcm_connection has no option 'passwd', but password"),
    ],
)
def test_a_bad_variable_is_one_sentence_with_its_value_and_what_is_allowed(
    variables: dict[str, Any], sentence: str
) -> None:
    assert problems(**variables) == [sentence]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"bcm_max_nodes": "4", "bcm_adopt": "yes", "bcm_boot_timeout": 60},
        {"bcm_categories": [{"name": "default", "modules": ["nvidia"], "roles": ["boot"]}]},
        {"bcm_categories": []},
        {"bcm_mac": ["is checked as the node's"], "bcm_of_somebody_else": 1},
    ],
)
def test_what_fits_and_what_is_not_of_a_run_is_left_alone(variables: dict[str, Any]) -> None:
    assert problems(**variables) == []


def test_every_problem_is_told_at_once() -> None:
    assert len(problems(bcm_max_nodes="many", bcm_adopt="perhaps", bcm_connection="hidden")) == 3


def test_the_role_checks_against_the_roles_of_a_run() -> None:
    tasks = (ROLES / "preflight/tasks/main.yml").read_text(encoding="utf-8")

    assert str(list(CHECKED)) in tasks


def test_a_connection_that_is_no_dictionary_is_refused_without_its_value() -> None:
    with pytest.raises(AnsibleFilterError, match="bcm_connection must be a dictionary") as refused:
        head_node_of({"bcm_connection": "hidden"})

    assert "hidden" not in str(refused.value)


def test_the_filter_has_the_name_it_is_documented_under() -> None:
    assert FilterModule().filters() == {"variable_problems": variable_problems}
