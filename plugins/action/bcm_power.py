# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action of bcm_power: on the controller it works there, to print what goes on; elsewhere it runs the module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.modules.bcm_power import SPEC, switch_power
from ansible_collections.baremetal.bcm.plugins.plugin_utils.head_node_action import HeadNodeAction


class ActionModule(HeadNodeAction):
    """An action that powers nodes. BMCs may be reachable from another host only, so that the task may run there."""

    SPEC: ClassVar[Spec] = SPEC
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do the work here where the task's host is the controller, else let its host do it; returns the result."""
        if self._connection.transport == "local":
            return super().run(tmp, task_vars)
        ActionBase.run(self, tmp, task_vars)
        result: dict[str, Any] = self._execute_module(task_vars=task_vars)
        return result

    def work(self, params: Mapping[str, Any], head_node: HeadNode, check_mode: bool) -> dict[str, Any]:
        """Power the nodes; returns the result as bcm_power documents it. Raises BcmError."""
        result = switch_power(params, head_node, check_mode=check_mode, say=self.say)
        given = [params["redfish_password"], *(bmc["password"] for bmc in params["bmcs"])]
        given.append((params["redfish_netbox"] or {}).get("token"))
        passwords = [password for password in given if password]
        scrubbed: dict[str, Any] = remove_values(result, passwords)
        return scrubbed
