# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action of bcm_plan, which runs on the controller, where the file of the plan is."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import TAKES_WORDS
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.draw_up import PLAN, PlanDrawer
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.plugin_utils.head_node_action import HeadNodeAction
from ansible_collections.baremetal.bcm.plugins.plugin_utils.plan_agreement import PlanAgreement


class ActionModule(HeadNodeAction):
    """An action that writes what a run would do to a file, or holds a run to such a file."""

    SPEC: ClassVar[Spec] = PLAN
    RULES: ClassVar[dict[str, Any]] = {"required_one_of": [["path", "content"]]}
    TAKES_WORDS: ClassVar[Container[str]] = TAKES_WORDS

    def act(self, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        """Open the head node for reading alone, in check mode or not, and do the work. Raises BcmError."""
        with self.opened(params, read_only=True) as head_node:
            return self.work(params, head_node, check_mode)

    def work(self, params: Mapping[str, Any], head_node: HeadNode, check_mode: bool) -> dict[str, Any]:
        """Write the plan, or compare with it; returns the result as bcm_plan documents it.

        Raises BcmConfigError where the plan no longer holds, with all that differs, and BcmError as the calls do.
        """
        drawer = PlanDrawer(head_node, SystemClock(), params, owner_of(params["owner"] or ""), self.say)
        return PlanAgreement(params["path"], params["content"]).agree(drawer, self.say, check_mode=check_mode)
