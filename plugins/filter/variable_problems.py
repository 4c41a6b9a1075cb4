# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter that checks the variables of a run against the argument specs of roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import CONNECTION, IPMI, Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.validation import find_problems, name_words
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.host_variables import HOST_VARIABLES
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import CATEGORIES, TAKES_WORDS

# The options inside of structures, which the argument specs of roles leave to the modules.
_STRUCTURES: Spec = {
    "bcm_bmcs": IPMI["bmcs"],
    "bcm_categories": CATEGORIES["categories"],
    "bcm_connection": {"type": "dict", "options": CONNECTION},
}
_NOT_NEGATIVE = "bcm_max_nodes"


def variable_problems(variables: Mapping[str, Any], argument_specs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with the variables of a run, one sentence each.

    `argument_specs` are the options of roles. Variables that are not in these, and those of single hosts, are left
    alone. A plain value is quoted, what is inside of a structure and a secret never.
    """
    known = {name: option for options in argument_specs for name, option in options.items() if name in variables}
    spec = {name: {**option, **_STRUCTURES.get(name, {})} for name, option in known.items() if _is_of_a_run(name)}
    given = name_words(spec, {name: variables[name] for name in spec}, TAKES_WORDS)
    problems = find_problems(spec, given, "", shown=True)
    most = given.get(_NOT_NEGATIVE)
    if not problems and most is not None and int(most) < 0:
        problems.append(f"{_NOT_NEGATIVE} must not be negative, as {most} is")
    return problems


def _is_of_a_run(name: str) -> bool:
    return name.startswith("bcm_") and name not in HOST_VARIABLES


class FilterModule:
    """The plugin with the filter variable_problems."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"variable_problems": variable_problems}
