# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The claims of a run on its nodes: claim, intent and boot mode in one update each, then a second reading.

The second reading is what makes two runs exclude each other (see `claim`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._head_node.api.bulk import BulkCalls
from .._head_node.api.client import HeadNode
from .._head_node.changes.apply import Applied, BulkFailed, Store, converge
from .._head_node.entities.claim import Claim, claim_values, released_values
from .._head_node.entities.device import DEVICE
from .._head_node.entities.fields import Context, Raw
from .._head_node.entities.record import Assignment, intent_values
from .._head_node.entities.status import DeviceStatus
from .._values.clock import Clock
from .._values.owner import Owner
from .decide import Action, Decision
from .gather_facts import FactGathering
from .node_run import NodeResult, NodeRun, devices_of, fail, settle

Values = Mapping[str, Any]


@dataclass
class Claims:
    """The claims of one run. `lasts_s` is how long one holds where it is not renewed.

    `settle_s` is how long to wait before the second reading: longer than any run takes from reading a device to
    writing it.
    """

    head_node: HeadNode
    clock: Clock
    owner: Owner
    gathering: FactGathering
    lasts_s: float = 300.0
    settle_s: float = 2.0
    workers: int = 1
    bulk: BulkCalls = BulkCalls.NEVER
    _renewed_s: float = field(default=float("-inf"))
    _anchor: str = ""
    _given_back: set[str] = field(default_factory=set)

    def take(
        self, nodes: Mapping[str, NodeRun], statuses: Mapping[str, DeviceStatus]
    ) -> tuple[dict[str, NodeRun], dict[str, NodeResult]]:
        """Claim nodes and write the intent; return the nodes that are ours now, and the results of the others, by name.

        Raises BcmTransportError where the head node does not answer; taking the same nodes again is safe.
        """
        taken: dict[str, NodeRun] = {}
        results: dict[str, NodeResult] = {}
        left = list(nodes)
        while left:
            # More between one reading and the next, and a rival's claim would be overlooked for too long.
            chunk = left[: self._store({}).most_at_once(len(left))]
            fresh = self.gathering.gather_again({name: nodes[name] for name in chunk}, statuses)
            results.update({name: settle(node) for name, node in fresh.items() if not node.decision.action.acts})
            acting = {name: node for name, node in fresh.items() if node.decision.action.acts}
            wanted = {name: self._options(node) for name, node in acting.items()}
            try:
                written = self._write(wanted, devices_of(acting), claims=True)
            except BulkFailed:
                continue
            left = left[len(chunk) :]
            for name, outcome in written.items():
                if outcome.error is None:
                    taken[name] = acting[name]
                else:
                    results[name] = self._explain(acting[name], outcome)
        if taken:
            self.clock.sleep(self.settle_s)
            lost = self._lose_races(taken)
            results.update({name: settle(_refused(taken.pop(name), reason)) for name, reason in lost.items()})
            self._renewed_s = self.clock.now_s()
        return taken, results

    def give_back(
        self, values: Mapping[str, Values], devices: Mapping[str, Raw], still_open: Mapping[str, NodeRun]
    ) -> dict[str, Applied]:
        """Write `values` on devices whose work is over and remove their claims; return what became of each, by name.

        Raises BcmTransportError where the head node does not answer; doing it again is safe.
        """
        self._given_back.update(values)
        if self._anchor in values or not still_open:
            # The claims of the others last as long as this one, those of later batches too.
            self._renewed_s = float("-inf")
            self.renew(still_open)
        wanted = {
            name: {"hostname": name, "extra_values": {**noted, **released_values()}} for name, noted in values.items()
        }
        return self._release(wanted, devices)

    def renew(self, still_open: Mapping[str, NodeRun]) -> None:
        """Keep all claims alive by renewing one, once a third of their time has passed.

        Raises BcmTransportError where the head node does not answer; doing it again is safe.
        """
        if self.clock.now_s() - self._renewed_s < self.lasts_s / 3:
            return
        kept = {name: raw for name, raw in self.gathering.held.items() if name not in self._given_back}
        for name, raw in {**devices_of(still_open), **kept}.items():
            found = self.head_node.get_devices_by_uuids([str(raw["uuid"])])
            devices = dict(zip([name], found))
            if devices and self._write({name: self._claim_on(name)}, devices)[name].error is None:
                self._anchor, self._renewed_s = name, self.clock.now_s()
                return

    # -- parts ------------------------------------------------------------------------------------------------------

    def _options(self, node: NodeRun) -> dict[str, Any]:
        options = self._claim_on(node.name)
        if node.decision.action is not Action.WATCH and node.facts is not None and node.facts.assignment is not None:
            options["extra_values"].update(
                intent_values(node.facts.assignment, wall_s=self.clock.wall_s(), last_power_ms=node.last_power_ms)
            )
        if node.decision.next_boot_install_mode:
            options["next_boot_install_mode"] = node.decision.next_boot_install_mode
        return options

    def _claim_on(self, name: str) -> dict[str, Any]:
        until_s = self.clock.wall_s() + self.lasts_s
        return {"hostname": name, "extra_values": claim_values(self.owner, until_s=until_s)}

    def _store(self, devices: Mapping[str, Raw]) -> Store:
        uuids = [str(raw["uuid"]) for raw in devices.values()]
        return Store(
            self.head_node, DEVICE, lambda: self.head_node.get_devices_by_uuids(uuids), self.workers, self.bulk
        )

    def _write(
        self, wanted: Mapping[str, Values], devices: Mapping[str, Raw], *, claims: bool = False
    ) -> dict[str, Applied]:
        if not wanted:
            return {}
        return converge(self._store(devices), wanted, Context(), stored=devices, claims=claims)

    def _release(self, wanted: Mapping[str, Values], devices: Mapping[str, Raw]) -> dict[str, Applied]:
        """Write what removes our claims; after a lost answer only where they still stand, as others may have come."""
        try:
            return self._write(wanted, devices, claims=True)
        except BulkFailed:
            fresh = {str(raw["hostname"]): raw for raw in self._store(devices).read()}
        claims = {name: Claim.from_api(raw.get("extra_values")) for name, raw in fresh.items()}
        ours = {name: fresh[name] for name, claim in claims.items() if claim and claim.run == self.owner.run}
        written = self._write({name: values for name, values in wanted.items() if name in ours}, ours)
        return {name: written.get(name, Applied(None, fresh.get(name))) for name in wanted}

    def _explain(self, node: NodeRun, outcome: Applied) -> NodeResult:
        """Return the result of a node whose claim could not be written; a rival may have written over it each time."""
        claim = Claim.from_api((outcome.stored or {}).get("extra_values"))
        if claim is not None and claim.run != self.owner.run:
            return settle(_refused(node, f"{claim.owner} claimed it at the same moment"))
        return fail(node, str(outcome.error))

    def _lose_races(self, taken: Mapping[str, NodeRun]) -> dict[str, str]:
        """Return the nodes that another run took at the same moment, with the reason."""
        devices = devices_of(taken)
        uuids = [str(raw["uuid"]) for raw in devices.values()]
        stored = {raw["hostname"]: raw for raw in self.head_node.get_devices_by_uuids(uuids)}
        claims = {name: Claim.from_api(stored.get(name, {}).get("extra_values")) for name in taken}
        reassigned = {
            name: f"it was assigned {now.image if now else 'no image'} at the same moment"
            for name, now in self.gathering.assignments_of(stored, taken).items()
            if not _is_same(now, taken[name])
        }
        history = self.gathering.last_power(devices)
        powered = {
            name: "another run or a person powered it at the same moment"
            for name, node in taken.items()
            if node.decision.action.powers and history.get(name, (0, ""))[0] > node.last_power_ms
        }
        overwritten = {
            name: f"{claim.owner if claim else 'another run'} claimed it at the same moment"
            for name, claim in claims.items()
            if claim is None or claim.run != self.owner.run
        }
        ours = {n: stored[n] for n in {**reassigned, **powered} if n not in overwritten and n in stored}
        self._release({name: {"hostname": name, "extra_values": released_values()} for name in ours}, ours)
        return {**reassigned, **powered, **overwritten}


def _is_same(now: Assignment | None, node: NodeRun) -> bool:
    wanted = node.facts.assignment if node.facts else None
    return now is not None and wanted is not None and (now.digest, now.kernel) == (wanted.digest, wanted.kernel)


def _refused(node: NodeRun, reason: str) -> NodeRun:
    return replace(node, decision=Decision(Action.REFUSE, f"{reason}; this run leaves it alone"))
