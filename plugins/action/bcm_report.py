# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action of bcm_report, which runs on the controller to print a table line by line and to write the files there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run_figures import RunFigures
from ansible_collections.baremetal.bcm.plugins.plugin_utils.head_node_action import HeadNodeAction
from ansible_collections.baremetal.bcm.plugins.plugin_utils.inventory_hosts import read_names_of
from ansible_collections.baremetal.bcm.plugins.plugin_utils.reporter import REPORT, Reporter


class ActionModule(HeadNodeAction):
    """An action that reports on a set of nodes: their present state and, where given, what a run did with them."""

    SPEC: ClassVar[Spec] = {
        "names": {"type": "list", "elements": "str"},
        "hosts": {"type": "list", "elements": "str"},
        "results": {"type": "dict", "default": {}},
        "run": {"type": "dict", "default": {}},
        **REPORT,
    }

    RULES: ClassVar[dict[str, Any]] = {
        "required_one_of": [["names", "hosts"]],
        "mutually_exclusive": [["names", "hosts"]],
    }

    def work(self, params: Mapping[str, Any], head_node: HeadNode, check_mode: bool) -> dict[str, Any]:
        """Read, print the table and, outside check mode, write the files; returns the result. Raises BcmError."""
        given, names = params["results"], params["names"]
        if names is None:
            names = list(read_names_of(self._task_vars.get("hostvars", {}), params["hosts"]).values())
        return Reporter.of_options(params, head_node, self.say).report(
            names,
            {name: NodeResult.from_ansible(name, given[name]) for name in names if name in given},
            RunFigures.from_ansible(params["run"]),
            is_run=bool(given),
            write=not check_mode,
        )
