# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The facts of a run about its nodes, and a decision for each. A constant number of calls, none of which writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from .._bmc.power import PowerResult
from .._head_node.api.client import HeadNode
from .._head_node.changes.guards import select_nodes
from .._head_node.changes.read import read_devices, read_references, read_statuses
from .._head_node.entities.claim import Claim, ends_of, rival_of
from .._head_node.entities.fields import Raw
from .._head_node.entities.record import Assignment, Record, assignment_of
from .._head_node.entities.references import Names, References
from .._head_node.entities.slots import Slots
from .._head_node.entities.status import DeviceStatus
from .._head_node.power.read_states import read_power_states
from .._values.clock import Clock
from .._values.owner import Owner
from .admission import Pipeline
from .decide import Action, decide
from .node_run import Job, NodeRun, facts_of, refuse_too_many
from .timeline import Timeline

# Operations in the power history after which a node is off (bcm-api.md 5).
_WAYS_OFF = frozenset({"OFF", "SHUTDOWN"})


@dataclass
class FactGathering:
    """What one run reads about one set of nodes. Nothing is written, so that trying again after an error is safe."""

    head_node: HeadNode
    clock: Clock
    job: Job
    owner: Owner
    power_timeout_s: float = 60.0
    references: References = field(default_factory=References)
    held: dict[str, Raw] = field(default_factory=dict)  # all devices that this run claims
    _recorded: list[Timeline | None] = field(default_factory=list)

    def gather(self) -> dict[str, NodeRun]:
        """Read all that is known and return a decision for every node, by name.

        Raises BcmConfigError for an empty set, for a device that is no node, and for more nodes to power than allowed.
        """
        self.references = read_references(self.head_node, networks=False, partitions=False)
        devices = read_devices(self.head_node)
        self._recorded = [
            Timeline.from_words(Record.from_api(raw.get("extra_values")).timeline) for raw in devices.values()
        ]
        self.held = {name: raw for name, raw in devices.items() if _run_on(raw) == self.owner.run}
        selection = select_nodes(devices, self.job.names)
        statuses = read_statuses(self.head_node, selection.devices)
        claims = self._claims(devices.values(), selection.devices)
        nodes = {
            name: self._node_run(name, selection.devices.get(name), statuses.get(name), claims.get(name, ""))
            for name in dict.fromkeys(self.job.names)
        }
        nodes = self._look_closer(nodes)
        refuse_too_many(nodes, self.job.request.max_nodes)
        return nodes

    def gather_again(self, nodes: Mapping[str, NodeRun], statuses: Mapping[str, DeviceStatus]) -> dict[str, NodeRun]:
        """Return new decisions for nodes whose turn has come: two calls. The power states are those of `gather`."""
        names = {str(node.device["uuid"]): name for name, node in nodes.items() if node.device is not None}
        devices = {names[raw["uuid"]]: raw for raw in self.head_node.get_devices_by_uuids(list(names))}
        # Another run renews its claims on one of its devices: the claims on its others look as if they had ended.
        everywhere = read_devices(self.head_node) if ends_of(devices.values()).keys() - {self.owner.run} else devices
        claims = self._claims(everywhere.values(), devices)
        history = self.last_power(devices)
        again = {}
        for name, node in nodes.items():
            fresh = self._node_run(name, devices.get(name), statuses.get(name, node.status), claims.get(name, ""))
            if fresh.facts is not None and node.facts is not None:
                facts = replace(fresh.facts, power=node.facts.power, power_error=node.facts.power_error)
                fresh = replace(fresh, facts=facts, power=node.power)
                fresh = self._with_history(fresh, history.get(name, (0, "")))
            again[name] = fresh
        return again

    def pipeline(self) -> Pipeline:
        """Return the provisioning slots, and what phases took in earlier runs on this cluster; one call."""
        return Pipeline.of(Slots.from_api(self.head_node.get_provisioning_status()), self._recorded)

    def assignments_of(self, devices: Mapping[str, Raw], nodes: Mapping[str, NodeRun]) -> dict[str, Assignment | None]:
        """Return what these nodes are assigned by now, given their devices; one call, because categories decide too."""
        categories = Names.from_api("category", self.head_node.get_categories())
        self.references = replace(self.references, categories=categories)
        tokens = {
            name: node.facts.assignment.token for name, node in nodes.items() if node.facts and node.facts.assignment
        }
        return {
            name: assignment_of(devices[name], self.references, token=token)
            for name, token in tokens.items()
            if name in devices
        }

    def last_power(self, devices: Mapping[str, Raw]) -> dict[str, tuple[int, str]]:
        """Return when power was last sent to each node, in ms by BCM's clock, and what; STATUS does not count."""
        names = {str(raw["uuid"]): name for name, raw in devices.items()}
        last: dict[str, tuple[int, str]] = {}
        for entry in self.head_node.power_operation_history(list(names)) if names else []:
            name = names.get(str(entry.get("ref_device_uuid")))
            operation = str(entry.get("operation"))
            if name and operation != "STATUS":
                last[name] = max(last.get(name, (0, "")), (int(entry.get("executionTime") or 0), operation))
        return last

    # -- parts ------------------------------------------------------------------------------------------------------

    def _node_run(self, name: str, device: Raw | None, status: DeviceStatus | None, claimed_by: str) -> NodeRun:
        facts = facts_of(name, device, self.references, status, self.job, claimed_by=claimed_by)
        return NodeRun(name, device, facts, decide(facts, self.job.request), status)

    def _claims(self, everywhere: Iterable[Raw], devices: Mapping[str, Raw]) -> dict[str, str]:
        """Return which run works on each device, in words; those that are free are left out."""
        ends, now_s = ends_of(everywhere), self.clock.wall_s()
        rivals = {name: rival_of(raw, self.owner, ends, now_s) for name, raw in devices.items()}
        return {name: rival.words for name, rival in rivals.items() if rival is not None}

    def _look_closer(self, nodes: dict[str, NodeRun]) -> dict[str, NodeRun]:
        """Read power state and history where the decision depends on them, and decide again."""
        open_nodes = {
            name: node
            for name, node in nodes.items()
            if node.device is not None
            and node.facts is not None
            # What differs from a plan may do so for want of the power state alone.
            and (node.decision.action.acts or node.decision.is_off_plan or node.facts.record.intent_digest)
        }
        history = self.last_power({name: node.device for name, node in open_nodes.items() if node.device})
        open_nodes = {name: self._with_history(node, history.get(name, (0, ""))) for name, node in open_nodes.items()}
        powers = self._power_states(open_nodes) if open_nodes and self.job.request.enable_power_action else {}
        for name, node in open_nodes.items():
            if node.facts is not None:
                power = powers.get(name, PowerResult())
                facts = replace(node.facts, power=power.after, power_error=power.error)
                nodes[name] = replace(node, facts=facts, power=power, decision=decide(facts, self.job.request))
        # Nodes that turn out to have power: another run may have claimed and powered them since they were read.
        doubtful = {
            name: nodes[name]
            for name, node in open_nodes.items()
            if node.decision.action.powers and nodes[name].decision.action is Action.REFUSE
        }
        if doubtful:
            devices = {name: node.device for name, node in doubtful.items() if node.device is not None}
            nodes.update(self.gather_again(doubtful, read_statuses(self.head_node, devices)))
        return nodes

    def _with_history(self, node: NodeRun, last: tuple[int, str]) -> NodeRun:
        if node.facts is None:
            return node
        last_ms, operation = last
        is_since = last_ms > node.facts.record.intent_power_ms
        # After an OFF a node does not come UP, whatever its status still says: a cycle was cut in half.
        is_off = operation in _WAYS_OFF
        facts = replace(
            node.facts,
            power_sent_since_intent=is_since and not is_off,
            power_cut_since_intent=is_since and is_off,
        )
        return replace(
            node, facts=facts, decision=decide(facts, self.job.request), last_power_ms=last_ms, last_power=operation
        )

    def _power_states(self, nodes: Mapping[str, NodeRun]) -> dict[str, PowerResult]:
        """Read the power states before anything is powered: a BMC that is dead or refuses fails its own node here."""
        devices = {name: node.device for name, node in nodes.items() if node.device and not node.is_settled_up}
        return read_power_states(
            self.head_node,
            self.clock,
            devices,
            self.references.categories,
            timeout_s=self.power_timeout_s,
            # BCM answers nothing for a CLOSED device, not even its state.
            force=self.job.request.include_closed,
        )


def _run_on(device: Raw) -> str:
    claim = Claim.from_api(device.get("extra_values"))
    return claim.run if claim else ""
