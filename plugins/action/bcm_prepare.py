# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action of bcm_prepare, which runs on the controller, where the variables of all hosts are."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.filter.failed_results import failed_nodes
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import guard_parent, open_remembering
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.remembering import RememberingHeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.inspection import Inspection
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import DEVICES, TAKES_WORDS
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Planned
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.draw_up import PLAN, PlanDrawer
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.options import (
    PROVISION,
    pace_of,
    planned_of,
    request_of,
    result_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.preparation import (
    Declared,
    InventoryRefused,
    Preparation,
    Prepared,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run import plan_lines
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.plugin_utils.head_node_action import HeadNodeAction
from ansible_collections.baremetal.bcm.plugins.plugin_utils.inventory_hosts import read_devices_of
from ansible_collections.baremetal.bcm.plugins.plugin_utils.plan_agreement import PlanAgreement
from ansible_collections.baremetal.bcm.plugins.plugin_utils.reporter import REPORT, Reporter
from ansible_collections.baremetal.bcm.plugins.plugin_utils.run_variables import find_variable_problems

# Options of bcm_provision that this action finds out for it, or that concern its result alone.
_OF_LATER = frozenset({"decide_only", "failed_before", "reassigned", "assignments", "planned", "fail_on_error"})


class ActionModule(HeadNodeAction):
    """An action that brings hosts of the inventory to where only power is left to be done, and else reports on them."""

    SPEC: ClassVar[Spec] = {
        "hosts": {"type": "list", "elements": "str", "required": True},
        **{option: each for option, each in PLAN.items() if option not in ("devices", "path", "content")},
        **{option: each for option, each in PROVISION.items() if option not in _OF_LATER},
        "plan": PLAN["path"],
        "plan_content": PLAN["content"],
        "allow_mac_change": {"type": "bool", "default": False},
        **{f"report_{option}": REPORT[option] for option in ("path", "html")},
    }
    TAKES_WORDS: ClassVar[Container[str]] = TAKES_WORDS
    _node_names: Mapping[str, str]  # by inventory name

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the variables of the run, by their own names, before the options that are made of them."""
        problems = find_variable_problems(task_vars or {}, self._templar.template)
        if problems:
            return {"failed": True, "msg": f"Nothing was changed: {'; '.join(problems)}"}
        return super().run(tmp, task_vars)

    def act(self, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        """Prepare, and report where nothing is left to be done; returns the result as bcm_prepare documents it.

        Raises BcmError. Running again is safe: it goes on with what is left.
        """
        params = {**params, **self._devices_of(params["hosts"])}
        pace = pace_of({**params, "names": params["devices"], "failed_before": 0})
        with open_remembering(
            params, check_mode=check_mode, before_write=guard_parent(), on_call=self.log_calls(params)
        ) as head_node:
            owner, agreed = owner_of(params["owner"] or ""), {"planned": None, "content": None}

            def agree(devices: Sequence[dict[str, Any]]) -> Mapping[str, Planned] | None:
                if params["plan"] is None and params["plan_content"] is None:
                    return None
                agreement = PlanAgreement(params["plan"], params["plan_content"])
                drawer = PlanDrawer(head_node.reader(), SystemClock(), {**params, "devices": devices}, owner, self.say)
                shown = agreement.agree(drawer, self.say, check_mode=check_mode)
                agreed.update(planned=shown["planned"], content=shown["content"])
                return planned_of(shown["planned"])

            preparation = Preparation(
                head_node, SystemClock(), owner, pace, check_mode=check_mode, say=self.say, warn=self.warn
            )
            declared = Declared(
                params["devices"],
                params["categories"],
                allow_mac_change=params["allow_mac_change"],
                allow_member_change=params["allow_member_change"],
            )
            try:
                prepared = preparation.prepare(declared, request_of(params), agree=agree, certificate_files=params)
            except InventoryRefused as refused:
                return {"failed": True, "msg": str(refused), **_found(refused.inspection)}
            for line in plan_lines(prepared.run):
                self.say(line)
            return {
                **self._shown(prepared, pace),
                **agreed,
                "report": {} if prepared.left else self._report(params, head_node, prepared, check_mode),
            }

    def _devices_of(self, hosts: Sequence[str]) -> dict[str, Any]:
        """Return the option DEVICES as the hosts' variables say.

        Raises BcmConfigError for no hosts and for hosts of several head nodes, OptionsRefused for variables that are
        not those of a node.
        """
        devices = read_devices_of(self._task_vars.get("hostvars", {}), hosts)
        validated = self.validated(DEVICES, {"devices": list(devices.values())})
        self._node_names = {host: str(device["hostname"]) for host, device in zip(devices, validated["devices"])}
        return validated

    def _shown(self, prepared: Prepared, pace: Pace) -> dict[str, Any]:
        decided = result_of(prepared.run, pace, fail_on_error=False)
        unregistered = {name: result.to_ansible() for name, result in _unregistered(prepared).items()}
        left, names = set(prepared.left), self._node_names
        return {
            "changed": bool(prepared.categories["changed"] or prepared.devices["changed"]),
            "diff": [*prepared.categories["diff"], *prepared.devices["diff"]],
            **_found(prepared.inspection),
            "node_names": names,
            "claimed": list(prepared.claimed),
            "categories": prepared.categories.get("categories", {}),
            "failures": {**prepared.devices["failures"], **decided["failures"]},
            "refused": list(prepared.devices["refused"]),
            "reassigned": list(prepared.devices["reassigned"]),
            "assignments": {name: each for name, each in prepared.devices["assignments"].items() if name in left},
            "nodes": {**unregistered, **decided["nodes"]},
            "run": decided["run"],
            "left": [host for host, name in names.items() if name in left],
        }

    def _report(
        self, params: Mapping[str, Any], head_node: RememberingHeadNode, prepared: Prepared, check_mode: bool
    ) -> dict[str, Any]:
        reporter = Reporter(
            head_node,
            self.say,
            params["report_path"],
            params["report_html"],
            power_timeout_s=params["power_timeout"],
        )
        results = {**_unregistered(prepared), **prepared.run.results}
        return reporter.report(self._node_names.values(), results, None, is_run=bool(results), write=not check_mode)


def _found(inspection: Inspection) -> dict[str, Any]:
    found = inspection.to_ansible()
    return {key: found[key] for key in ("problems", "remarks", "to_check", "version")}


def _unregistered(prepared: Prepared) -> dict[str, NodeResult]:
    """Return a failed result for each node that could not be registered."""
    return failed_nodes(prepared.devices["failures"], refused=prepared.devices["refused"])
