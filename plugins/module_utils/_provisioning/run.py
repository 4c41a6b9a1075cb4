# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One run over a set of nodes: gather facts, decide, roll out.

A run that was killed anywhere goes on when it is started again: the devices hold what was under way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .._head_node.api.client import HeadNode
from .._head_node.api.errors import BcmApiError, BcmAuthError
from .._head_node.changes.apply import Store, converge
from .._head_node.entities.device import DEVICE
from .._head_node.entities.fields import Context
from .._head_node.entities.phases import Phase
from .._values.clock import Clock
from .._values.duration import format_duration
from .._values.names import count, shorten
from .._values.owner import Owner
from .admission import Admission, Pipeline
from .claim_nodes import Claims
from .console import MOST_SINGLE_LINES
from .decide import Action
from .gather_facts import FactGathering
from .node_run import Job, NodeResult, NodeRun, settle, spoil, values_to_write
from .rollout import Pace, Rollout
from .watch import NodeWatch


@dataclass(frozen=True)
class Run:
    """What a run did, or would do. `pipeline` is None where nothing is to be done, or the slots may not be read."""

    results: Mapping[str, NodeResult]
    acting: int = 0
    admission: Admission = field(default_factory=Admission)
    pipeline: Pipeline | None = None
    achieved_s: float | None = None  # from the first power to the last node that came UP
    installed: int = 0  # nodes that came UP by way of a slot

    @property
    def bound_s(self) -> float | None:
        """Return the least time in seconds that the run can take; None where it is not known."""
        return self.pipeline.bound_s(self.acting, self.admission) if self.pipeline else None

    @property
    def efficiency(self) -> float | None:
        """Return bound divided by achieved time for the installed nodes, 1.0 is perfect; None where none was."""
        if self.pipeline is None or self.pipeline.source != "observed" or not self.achieved_s:
            return None
        return self.pipeline.bound_s(self.installed, self.admission) / self.achieved_s

    def plan_line(self) -> str:
        """Return a line with the least time that the run takes, and its terms; "" where that is not known."""
        if self.pipeline is None or self.bound_s is None:
            return ""
        nodes = count(self.acting, "node")
        return f"At least {format_duration(self.bound_s)} for {nodes} on {self.pipeline.describe()}"

    def closing_line(self) -> str:
        """Return a line with the time achieved beside the least time; "" where nothing was installed."""
        if self.efficiency is None or self.achieved_s is None or self.pipeline is None:
            return ""
        bound_s = self.pipeline.bound_s(self.installed, self.admission)
        return (
            f"{self.installed} installed in {format_duration(self.achieved_s)}; at least {format_duration(bound_s)} by "
            f"what was observed: efficiency {self.efficiency:.2f}"
        )


class Provisioner:
    """A provisioner of nodes at one head node. `say` prints a line for the user; `owner` is named in claims."""

    def __init__(
        self,
        head_node: HeadNode,
        clock: Clock,
        pace: Pace,
        say: Callable[[str], None],
        owner: Owner | None = None,
    ) -> None:
        self._head_node = head_node
        self._clock = clock
        self._pace = pace
        self._say = say
        self._owner = owner or Owner()

    def plan(self, job: Job) -> Run:
        """Return what `run` would do, without a single write. Raises BcmError; trying again is safe."""
        gathering = self._survey(job)
        nodes = gathering.gather()
        return self._sized(nodes, {name: settle(node) for name, node in nodes.items()}, gathering)

    def run(self, job: Job) -> Run:
        """Decide and act for every node; the failure of one does not stop the others.

        Raises BcmError only for what concerns all of them, such as a head node that does not answer; starting again is
        then safe.
        """
        gathering = self._survey(job)
        nodes = gathering.gather()
        run = self._sized(nodes, {name: settle(node) for name, node in nodes.items()}, gathering)
        acting = {name: node for name, node in nodes.items() if node.decision.action.acts}
        if acting:
            run = self._act(run, acting, gathering)
        return replace(run, results=self._adopt(nodes, run.results))

    def _survey(self, job: Job) -> FactGathering:
        return FactGathering(self._head_node, self._clock, job, self._owner, self._pace.power_timeout_s)

    def _sized(self, nodes: Mapping[str, NodeRun], results: Mapping[str, NodeResult], gathering: FactGathering) -> Run:
        """Return the run with its number of nodes and its bound."""
        acting = sum(1 for node in nodes.values() if node.decision.action.acts)
        return Run(results, acting, self._pace.admission, self._pipeline(gathering) if acting else None)

    def _pipeline(self, gathering: FactGathering) -> Pipeline | None:
        try:
            return gathering.pipeline()
        except (BcmApiError, BcmAuthError) as error:
            self._say(f"{error}; how long it takes at least is not known")
            return None

    def _act(self, run: Run, acting: Mapping[str, NodeRun], gathering: FactGathering) -> Run:
        self._say(
            f"Provisioning {len(acting):,} of {count(len(run.results), 'node')} as {self._owner.name}. "
            "Interrupted? Start the same again: it goes on."
        )
        if len(acting) > 1 and run.plan_line():
            self._say(run.plan_line())
        failed = sum(1 for result in run.results.values() if result.outcome.counts_against_limit)
        pace = replace(self._pace, failed_before=self._pace.failed_before + failed)
        claims = Claims(
            self._head_node,
            self._clock,
            self._owner,
            gathering,
            lasts_s=pace.claim_s,
            workers=pace.workers,
            bulk=pace.bulk,
        )
        pipeline = run.pipeline or Pipeline(slots=len(acting), provisioning_nodes=0)
        rollout = Rollout(gathering, claims, pace, pipeline, acting, self._say)
        results = {**run.results, **rollout.work()}
        watches = list(rollout.watches.values())
        seen = run.pipeline.observing(watches) if run.pipeline else None
        done = _measured(replace(run, results=results, pipeline=seen), watches)
        if done.closing_line():
            self._say(done.closing_line())
        return done

    def _adopt(self, nodes: Mapping[str, NodeRun], results: Mapping[str, NodeResult]) -> dict[str, NodeResult]:
        """Record what runs on nodes that are adopted; nothing is sent to the nodes themselves."""
        adopted = {name: node for name, node in nodes.items() if node.decision.action is Action.ADOPT}
        wanted = {
            name: {"hostname": name, "extra_values": values_to_write(node, results[name], self._clock.wall_s())}
            for name, node in adopted.items()
        }
        changed = dict(results)
        if wanted:
            store = Store(self._head_node, DEVICE, self._head_node.get_devices, self._pace.workers, self._pace.bulk)
            for name, outcome in converge(store, wanted, Context()).items():
                if outcome.error is not None:
                    changed[name] = spoil(results[name], f"that could not be recorded on it: {outcome.error}")
        return changed


def _measured(run: Run, watches: list[NodeWatch]) -> Run:
    """Return the run with how long its installations took together."""
    installed = [
        watch
        for watch in watches
        if watch.verdict == Phase.UP and any(step.phase is Phase.INSTALLING for step in watch.steps)
    ]
    if not installed:
        return run
    began_s = min(watch.started_s for watch in watches)
    ended_s = max(watch.started_s + watch.seconds for watch in installed)
    return replace(run, achieved_s=round(ended_s - began_s, 1), installed=len(installed))


def plan_lines(run: Run) -> list[str]:
    """Return the plan as lines: one per node up to MOST_SINGLE_LINES nodes, one per action above; then the bound."""
    by_action: dict[str, list[str]] = {}
    for name, result in run.results.items():
        by_action.setdefault(result.decision.action.value, []).append(name)
    if len(run.results) > MOST_SINGLE_LINES:
        lines = [f"Plan: {action} {count(len(names), 'node')}: {shorten(names)}" for action, names in by_action.items()]
    else:
        lines = [
            f"Plan: {result.decision.action.value} {name} ({result.decision.reason})"
            for name, result in run.results.items()
        ]
    return [*lines, run.plan_line()] if run.plan_line() else lines
