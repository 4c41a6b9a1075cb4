# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables of a run, which the roles' argument specs describe, checked without a role being run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.baremetal.bcm.plugins.filter.variable_problems import variable_problems

_ROLES = Path(__file__).parents[2] / "roles"
# Those that a provisioning run is made of.
_PROVISIONING = ("preflight", "category", "devices", "provision", "report")


def find_variable_problems(task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> list[str]:
    """Return what is wrong with the variables of a provisioning run, one sentence each; see `variable_problems`."""
    specs = [_options_of(role) for role in _PROVISIONING]
    names = {name for options in specs for name in options if name.startswith("bcm_") and name in task_vars}
    return variable_problems({name: template(task_vars[name]) for name in sorted(names)}, specs)


@cache
def _options_of(role: str) -> Mapping[str, Any]:
    text = (_ROLES / role / "meta/argument_specs.yml").read_text(encoding="utf-8")
    # By libyaml where there is one: it takes a tenth of the time.
    options: Mapping[str, Any] = yaml_load(text)["argument_specs"]["main"]["options"]
    return options
