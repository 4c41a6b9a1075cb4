# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action of bcm_claim, which runs on the controller so that claims are those of the ansible-playbook that runs."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.bulk import BulkCalls
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.hold import Hold, nodes_to_change
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.occupancy import Occupancy
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import (
    CLAIM,
    PARALLEL,
    TAKES_WORDS,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.plugin_utils.head_node_action import HeadNodeAction


class ActionModule(HeadNodeAction):
    """An action that claims the nodes that are to be changed, or gives back all claims of this run."""

    SPEC: ClassVar[Spec] = {**CLAIM, **PARALLEL}
    TAKES_WORDS: ClassVar[Container[str]] = TAKES_WORDS

    def work(self, params: Mapping[str, Any], head_node: HeadNode, check_mode: bool) -> dict[str, Any]:
        """Claim, or give back; returns the result as bcm_claim documents it. Raises BcmError; trying again is safe."""
        if params["claim_time"] <= 0:
            raise BcmConfigError(f"claim_time must be more than 0 seconds, not {params['claim_time']:g}")
        owner, clock = owner_of(params["owner"] or ""), SystemClock()
        hold = Hold(
            head_node,
            clock,
            owner,
            lasts_s=params["claim_time"],
            workers=params["parallel_calls"],
            bulk=BulkCalls(params["bulk_calls"]),
        )
        told = {"run": owner.run, "owner": owner.name, "changed": False}
        if params["state"] == "absent":
            return {**told, "claimed": [], "refused": {}, "given_back": hold.give_back(check_mode=check_mode)}
        due = nodes_to_change(
            head_node,
            Occupancy(head_node, owner, clock),
            params["devices"],
            params["categories"],
            allow_member_change=params["allow_member_change"],
        )
        held = hold.take(due, check_mode=check_mode)
        return {**told, "claimed": [*held.claimed], "refused": {**held.refused}, "given_back": []}
