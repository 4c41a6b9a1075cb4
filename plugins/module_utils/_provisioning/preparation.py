# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""All that comes before power, with one reading of the cluster: check, claim, register, decide.

`head_node` should be one that remembers, so that the steps share what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._head_node.api.client import HeadNode
from .._head_node.api.errors import BcmConfigError
from .._head_node.changes.categories import apply_categories
from .._head_node.changes.devices import apply_devices
from .._head_node.changes.hold import Hold, nodes_to_change
from .._head_node.changes.host_variables import follow_category
from .._head_node.changes.inspection import Inspection, inspect
from .._head_node.changes.occupancy import Occupancy
from .._head_node.changes.preflight_nodes import warn_of_aliases
from .._head_node.power.credentials import spread_credentials
from .._values.clock import Clock
from .._values.owner import Owner
from .._values.sentences import sentences
from .decide import Planned, Request
from .node_run import Job
from .options import assignments_of
from .rollout import Pace
from .run import Provisioner, Run

# Entities by kind as a result of apply_categories and apply_devices.
_NOTHING: Mapping[str, Any] = {
    "changed": False,
    "diff": [],
    "failures": {},
    "refused": [],
    "reassigned": [],
    "assignments": {},
}
# (devices, head node) → what may be done with each node; see draw_up.
Agree = Callable[[Sequence[dict[str, Any]]], "Mapping[str, Planned] | None"]


@dataclass(frozen=True)
class Declared:
    """What the inventory declares: options of bcm_device and of bcm_category, and what they may do."""

    devices: Sequence[dict[str, Any]]
    categories: Sequence[dict[str, Any]] = ()
    allow_mac_change: bool = False
    allow_member_change: bool = False

    @property
    def names(self) -> list[str]:
        """Return the host names of the nodes."""
        return [str(device["hostname"]) for device in self.devices]


@dataclass(frozen=True)
class Prepared:
    """What was found, done and decided. `categories` and `devices` are results as those of their modules."""

    inspection: Inspection
    categories: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    devices: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    run: Run = field(default_factory=lambda: Run({}))
    claimed: Sequence[str] = ()

    @property
    def left(self) -> list[str]:
        """Return the host names of the nodes that something is still to be done with."""
        return [name for name, result in self.run.results.items() if result.changed]


class InventoryRefused(BcmConfigError):
    """The inventory or the head node is not in order, and nothing was changed; `inspection` has all that was found."""

    def __init__(self, inspection: Inspection) -> None:
        super().__init__(inspection.refusal)
        self.inspection = inspection


class Preparation:
    """A preparation of one run. `say` prints a line, `warn` a warning.

    In check mode nothing is written, and `head_node` must be read-only.
    """

    def __init__(
        self,
        head_node: HeadNode,
        clock: Clock,
        owner: Owner,
        pace: Pace,
        *,
        check_mode: bool,
        say: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self._head_node = head_node
        self._check_mode = check_mode
        self._warn = warn
        self._pace = pace
        self._occupancy = Occupancy(head_node, owner, clock)
        self._clock = clock
        self._hold = Hold(head_node, clock, owner, lasts_s=pace.claim_s, workers=pace.workers, bulk=pace.bulk)
        self._provisioner = Provisioner(head_node, clock, pace, say, owner)

    def prepare(
        self,
        declared: Declared,
        request: Request,
        *,
        agree: Agree,
        certificate_files: Mapping[str, str | None] | None = None,
    ) -> Prepared:
        """Check, claim, register and decide; nodes that nothing is left to be done with are given back.

        `agree` is called before anything is written, with the devices as they will be. Raises InventoryRefused for
        what is wrong with the inventory, and BcmError as the calls do; then no claim of this run is left, and starting
        again is safe. A node that can't be registered fails alone, in `devices`.
        """
        inspection = inspect(
            self._head_node,
            self._clock,
            declared.devices,
            declared.categories,
            allow_mac_change=declared.allow_mac_change,
            certificate_files=certificate_files,
        )
        for warning in inspection.warnings:
            self._warn(warning)
        if inspection.problems:
            raise InventoryRefused(inspection)
        images = {str(each["name"]): each["software_image"] for each in declared.categories if each["software_image"]}
        devices = [follow_category(device, {**inspection.category_images, **images}) for device in declared.devices]
        for entities in (declared.categories, devices):
            warn_of_aliases(self._warn, entities)
        planned = agree(devices)
        due = nodes_to_change(
            self._head_node,
            self._occupancy,
            devices,
            declared.categories,
            allow_member_change=declared.allow_member_change,
        )
        claimed = self._hold.take(due, check_mode=self._check_mode).claimed
        prepared = Prepared(inspection, claimed=claimed)
        try:
            prepared = self._change_and_decide(prepared, devices, declared, request, planned)
        finally:
            if claimed and not prepared.left:
                self._hold.give_back(check_mode=self._check_mode)
        return prepared

    def _change_and_decide(
        self,
        prepared: Prepared,
        devices: Sequence[dict[str, Any]],
        declared: Declared,
        request: Request,
        planned: Mapping[str, Planned] | None,
    ) -> Prepared:
        categories = self._categories(declared) if declared.categories else _NOTHING
        registered = apply_devices(
            self._head_node,
            devices,
            check_mode=self._check_mode,
            occupancy=self._occupancy,
            try_credentials=spread_credentials,
            declared_categories=declared.categories,
            reassigned=categories["reassigned"],
            remember_reassigned=True,
            workers=self._pace.workers,
            bulk=self._pace.bulk,
        )
        names = [name for name in declared.names if name not in registered["failures"]]
        run = Run({})
        if names:
            assigned = assignments_of(registered["assignments"])
            # A check stands on what would be written, a run on what was.
            would, has = (assigned, {}) if self._check_mode else ({}, assigned)
            run = self._provisioner.plan(
                Job(names, request, registered["reassigned"], assignments=would, planned=planned, expected=has)
            )
        return Prepared(prepared.inspection, categories, registered, run, prepared.claimed)

    def _categories(self, declared: Declared) -> Mapping[str, Any]:
        result = apply_categories(
            self._head_node,
            declared.categories,
            check_mode=self._check_mode,
            occupancy=self._occupancy,
            members=declared.names,
            allow_member_change=declared.allow_member_change,
        )
        if result["failures"]:
            raise BcmConfigError("; ".join(sentences(result["failures"], "category", "categories")))
        return result
