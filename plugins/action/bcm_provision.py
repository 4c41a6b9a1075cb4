# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action of bcm_provision, which runs on the controller so that progress is printed while nodes install."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import NAMES, Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.options import (
    PROVISION,
    job_of,
    pace_of,
    result_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run import Provisioner, plan_lines
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.plugin_utils.head_node_action import HeadNodeAction


class ActionModule(HeadNodeAction):
    """An action that decides for a set of nodes, powers them and watches them until they are UP."""

    SPEC: ClassVar[Spec] = {**NAMES, **PROVISION}

    def work(self, params: Mapping[str, Any], head_node: HeadNode, check_mode: bool) -> dict[str, Any]:
        """Provision the nodes, or only decide; returns the result as bcm_provision documents it. Raises BcmError.

        Running again is safe: it goes on with what is left.
        """
        job, pace = job_of(params), pace_of(params)
        if not check_mode:
            job = replace(job, assignments={}, expected=job.assignments)
        provisioner = Provisioner(head_node, SystemClock(), pace, self.say, owner_of(params["owner"] or ""))
        if not params["decide_only"]:
            run = provisioner.plan(job) if check_mode else provisioner.run(job)
            return result_of(run, pace, fail_on_error=params["fail_on_error"])
        run = provisioner.plan(job)
        for line in plan_lines(run):
            self.say(line)
        return {**result_of(run, pace, fail_on_error=params["fail_on_error"]), "changed": False, "diff": []}
