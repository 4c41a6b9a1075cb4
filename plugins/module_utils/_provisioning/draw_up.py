# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The plan of a whole run, categories and devices included, drawn up without a write; and holding a run to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._head_node.api.client import HeadNode
from .._head_node.api.errors import BcmConfigError, BcmError
from .._head_node.changes.categories import apply_categories
from .._head_node.changes.devices import apply_devices
from .._head_node.changes.guards import require_names
from .._head_node.changes.occupancy import Occupancy
from .._head_node.changes.options import DECLARED_CATEGORIES, DEVICES, Spec
from .._head_node.entities.fields import Json
from .._values.clock import Clock
from .._values.names import count
from .._values.owner import Owner
from .decide import Request
from .node_run import Job
from .options import PROVISION, assignments_of, request_of
from .plan_file import PlannedEntity, RunPlan, differences, entity_of, node_of
from .rollout import Pace
from .run import Provisioner, Run

# The options that decide what is done, by the variable of a run that they come from.
DECIDING = {
    "enable_power_action": "bcm_enable_power_action",
    "power_action": "bcm_power_action",
    "restart": "bcm_restart",
    "reprovision_token": "bcm_reprovision_token",
    "next_boot_install_mode": "bcm_next_boot_install_mode",
    "adopt": "bcm_adopt",
    "include_closed": "bcm_include_closed",
    "max_nodes": "bcm_max_nodes",
}
PLAN: Spec = {
    **DEVICES,
    **DECLARED_CATEGORIES,
    "allow_member_change": {"type": "bool", "default": False},
    "path": {"type": "path"},
    "content": {"type": "str"},
    "owner": PROVISION["owner"],
    "power_timeout": PROVISION["power_timeout"],
    **{option: PROVISION[option] for option in DECIDING},
}


class PlanDrawer:
    """A drawer of the plan of one run. `head_node` must be read-only: what is drawn up is what would be written."""

    def __init__(
        self, head_node: HeadNode, clock: Clock, params: Mapping[str, Any], owner: Owner, say: Callable[[str], None]
    ) -> None:
        self._head_node = head_node
        self._params = params
        self._names: Sequence[str] = [str(device["hostname"]) for device in params["devices"]]
        pace = Pace(power_timeout_s=params["power_timeout"])
        self._occupancy = Occupancy(head_node, owner, clock)
        self._provisioner = Provisioner(head_node, clock, pace, say, owner)

    def draw(self) -> RunPlan:
        """Return what a run would do now.

        Raises BcmConfigError for an empty set and where a category or device can't be planned, and BcmError as the
        calls do; drawing again is safe.
        """
        return self._draw(Job(self._names, self._request))[0]

    def hold(self, planned: RunPlan) -> RunPlan:
        """Return what a run would do now, which is `planned`, or what is left of it.

        Raises BcmConfigError, which names what differs, where it is anything else; and as `draw` does.
        """
        now, run = self._draw(Job(self._names, self._request, planned=planned.nodes))
        found = differences(planned, now, run.results)
        if found:
            raise BcmConfigError(
                f"the plan no longer holds, nothing was changed, {count(len(found), 'difference')}: {'; '.join(found)}"
            )
        return now

    @property
    def _request(self) -> Request:
        return request_of(self._params)

    def _draw(self, job: Job) -> tuple[RunPlan, Run]:
        require_names(self._names)
        params = self._params
        categories: Mapping[str, Any] = {"categories": {}, "diff": [], "failures": {}, "reassigned": []}
        if params["categories"]:
            categories = apply_categories(
                self._head_node,
                params["categories"],
                check_mode=True,
                occupancy=self._occupancy,
                members=self._names,
                allow_member_change=params["allow_member_change"],
            )
        devices = apply_devices(
            self._head_node,
            params["devices"],
            check_mode=True,
            occupancy=self._occupancy,
            try_credentials=_try_nothing,
            declared_categories=params["categories"],
            reassigned=categories["reassigned"],
            remember_reassigned=True,
        )
        failures = {**categories["failures"], **devices["failures"]}
        if failures:
            listed = "; ".join(map(str, failures.values()))
            raise BcmConfigError(f"could not plan, nothing was changed, {count(len(failures), 'problem')}: {listed}")
        job = replace(job, reassigned=devices["reassigned"], assignments=assignments_of(devices["assignments"]))
        run = self._provisioner.plan(job)
        plan = RunPlan(
            cluster=self._cluster(),
            request={variable: params[option] for option, variable in DECIDING.items()},
            categories=_entities("category", "name", params["categories"], categories),
            devices=_entities("device", "hostname", params["devices"], devices),
            nodes={name: node_of(result) for name, result in run.results.items()},
        )
        return plan, run

    def _cluster(self) -> Json:
        """Return what tells this cluster from others, by whatever address it is reached."""
        return ", ".join(sorted(str(raw["uuid"]) for raw in self._head_node.get_partitions()))


def _try_nothing(*_arguments: object) -> Mapping[str, BcmError]:
    """Try no credentials: nothing is written here."""
    return {}


def _entities(
    kind: str, name_option: str, wanted: Sequence[Mapping[str, Any]], result: Mapping[str, Any]
) -> dict[str, PlannedEntity]:
    diffs = {diff["before_header"]: diff for diff in result["diff"]}
    shown = result[{"category": "categories", "device": "devices"}[kind]]
    return {
        str(options[name_option]): entity_of(
            options, shown[options[name_option]], diffs.get(f"{kind} {options[name_option]}")
        )
        for options in wanted
    }
