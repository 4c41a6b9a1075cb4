# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The rollout of a run: takes its nodes from claim to verdict; admits, powers, watches and records them.

One loop for all nodes; a turn is one status call, whatever their number. Power is sent and confirmed through the events
of one session, whose long poll is also the pause between two turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .._head_node.api.bulk import BulkCalls
from .._head_node.api.errors import BcmApiError, BcmError, BcmProtocolError, BcmTransportError
from .._head_node.changes.read import StatusReader
from .._head_node.entities.fields import Raw
from .._head_node.entities.phases import Phase, Status
from .._head_node.entities.record import assignment_of
from .._head_node.entities.references import Names, References
from .._head_node.entities.slots import Slots
from .._head_node.entities.status import DeviceStatus
from .._head_node.power.channel import targets_of
from .._head_node.power.operations import HeadNodePower
from .._values.names import count, shorten
from .admission import Admission, FailureLimit, Pipeline, count_admitted, left_s
from .claim_nodes import Claims
from .console import Console, PollTimer, RunStatus
from .deadlines import Deadlines
from .decide import Action
from .gather_facts import FactGathering
from .node_run import NodeResult, NodeRun, conclude, devices_of, fail, leave_out, spoil, values_to_write
from .power_nodes import NodePower
from .watch import NodeWatch, cut_power, give_up, observe, start_watch

_WRITE_EVERY_S = 10.0


@dataclass(frozen=True)
class Pace:
    """The pace of a run: deadlines, pauses and numbers. `workers` bounds the writes in flight."""

    deadlines: Deadlines = field(default_factory=Deadlines)
    run_s: float | None = None  # for the whole run; derived from the slots where not given
    poll_interval_s: float = 10.0
    power_timeout_s: float = 60.0
    stagger_s: float = 0.0
    outage_s: float = 300.0  # how long the head node may not answer in the middle of a run
    claim_s: float = 300.0
    workers: int = 1
    bulk: BulkCalls = BulkCalls.NEVER
    graceful: bool = True
    admission: Admission = field(default_factory=Admission)
    failure_limit: FailureLimit = field(default_factory=FailureLimit)
    failed_before: int = 0  # nodes that failed in earlier batches of the same run

    def run_deadline_s(self, nodes: int, pipeline: Pipeline) -> float:
        """Return the deadline of the run in seconds: given, or longer than any run in which no node fails."""
        if self.run_s is not None:
            return self.run_s
        most = self.admission.limit or nodes
        turns = max(math.ceil(nodes / max(1, pipeline.slots)), math.ceil(nodes / most))
        each = self.deadlines
        return turns * (each.boot_s + each.install_s + each.init_s + each.graceful_s)


class Rollout:
    """One run over the nodes that it works on. It is used once; `watches` are the nodes started so far, by name."""

    def __init__(
        self,
        gathering: FactGathering,
        claims: Claims,
        pace: Pace,
        pipeline: Pipeline,
        nodes: Mapping[str, NodeRun],
        say: Callable[[str], None],
    ) -> None:
        self._head_node, self._clock = gathering.head_node, gathering.clock
        self._references = gathering.references
        self._claims = claims
        self._pace = pace
        self._pipeline = pipeline
        self._say = say
        self._reader = StatusReader(gathering.head_node)
        self._console = Console(say)
        # A turn in which nothing moves must not outlast the claims, which are renewed after a third of their time.
        self._timer = PollTimer(min(pace.poll_interval_s, pace.claim_s / 6))
        self._devices = devices_of(nodes)
        power = HeadNodePower(
            gathering.head_node,
            "",
            gathering.clock,
            targets_of(self._devices, References()),
            pace.power_timeout_s,
            stagger_s=pace.stagger_s,
            force=gathering.job.request.include_closed,
        )
        self._may_cut = gathering.job.request.power_action == "power_cycle"
        self._node_power = NodePower(power, gathering.clock, say, pace.deadlines.graceful_s)
        self._waiting = dict(nodes)
        self._under_way: dict[str, NodeRun] = {}
        self._unwritten: dict[str, NodeRun] = {}
        self._results: dict[str, NodeResult] = {}
        self._untold: dict[str, str] = {}  # reasons of failures that were not printed yet
        self._statuses: dict[str, DeviceStatus] = {}
        self._taken_on: dict[str, int] = {}  # Unix time
        self.watches: dict[str, NodeWatch] = {}
        self._began_s = self._written_s = gathering.clock.now_s()
        self._run_s = pace.run_deadline_s(len(nodes), pipeline)
        self._away_since_s: float | None = None

    def work(self) -> dict[str, NodeResult]:
        """Bring all nodes to a verdict and return their results by name; the failure of one does not stop the others.

        Raises BcmError only for what concerns all of them, such as a head node that does not come back; starting a new
        run is then safe.
        """
        try:
            while self._waiting or self._under_way or self._unwritten:
                self._try_turn()
            self._look_back()
        finally:
            self._tell_failures()
            self._node_power.close()
        return self._results

    # -- one turn ---------------------------------------------------------------------------------------------------

    def _try_turn(self) -> None:
        """Do one turn; a head node that restarts meanwhile is waited for, because nodes go on installing without it."""
        try:
            self._turn()
            self._away_since_s = None
        except BcmTransportError as error:
            now_s = self._clock.now_s()
            if self._away_since_s is None:
                self._away_since_s = now_s
                self._say(f"{error}; the nodes go on meanwhile, asking again for {self._pace.outage_s:g} s")
            if now_s - self._away_since_s >= self._pace.outage_s:
                raise
            self._clock.sleep(min(self._pace.poll_interval_s, 5.0))

    def _turn(self) -> None:
        # A run whose controller was killed ends here: it has nothing left to report to.
        self._head_node.confirm_leave()
        self._start_due()
        self._wait()
        self._look()
        self._cut_power_of_stuck()
        self._tell_failures()
        self._show_progress()
        self._write_down()
        self._claims.renew(self._under_way)

    def _start_due(self) -> None:
        if not self._waiting:
            return
        failed = self._pace.failed_before + sum(
            1 for result in self._results.values() if result.outcome.counts_against_limit
        )
        if self._pace.failure_limit.is_reached(failed):
            reason = f"{count(failed, 'node')} failed, the limit is bcm_max_failures"
            self._say(f"No further node is started, {reason}: {shorten(list(self._waiting))}")
            self._leave_out_waiting(reason)
            return
        watches = list(self.watches.values())
        admitted = count_admitted(
            self._pace.admission,
            self._pipeline.observing(watches),
            len(self._waiting),
            watches,
            self._clock.now_s(),
            self._pace.poll_interval_s,
        )
        if admitted:
            self._start({name: self._waiting[name] for name in list(self._waiting)[:admitted]})

    def _leave_out_waiting(self, reason: str) -> None:
        self._results.update({name: leave_out(node, reason) for name, node in self._waiting.items()})
        self._waiting = {}

    def _start(self, nodes: Mapping[str, NodeRun]) -> None:
        taken, others = self._claims.take(nodes, self._statuses)
        self._results.update(others)
        self._waiting = {name: node for name, node in self._waiting.items() if name not in nodes}
        self._under_way.update(taken)
        self._note_failures(others)
        now_s, wall_s = self._clock.now_s(), self._clock.wall_s()
        graceful = [name for name, node in taken.items() if self._is_graceful(node)]
        for name, node in taken.items():
            status = self._statuses.get(name, node.status)
            resumed = node.decision.action is Action.WATCH
            seen = status.status if status else ""
            asked = name in graceful or (resumed and seen == Status.UP and node.last_power == "REBOOT")
            outdated = status is not None and status.restart_required
            self.watches[name] = start_watch(name, now_s, seen, resumed=resumed, graceful=asked, outdated=outdated)
            self._taken_on[name] = wall_s
        self._node_power.start(taken, graceful)
        self._timer.hurry(now_s)

    def _is_graceful(self, node: NodeRun) -> bool:
        is_up = node.facts is not None and node.facts.status == Status.UP
        return self._pace.graceful and is_up and node.decision.action in (Action.REPROVISION, Action.RESTART)

    def _wait(self) -> None:
        """Wait until the next reading of the status is due; a node whose power failed is settled at once."""
        if not self._under_way:
            return
        for name in self._node_power.wait(self._timer):
            if name in self._under_way:
                node, report = self._under_way.pop(name), self._node_power.report_of(name)
                self.watches[name] = give_up(self.watches[name], report.error, self._clock.now_s())
                self._settle(name, node, replace(fail(node, report.error), power=report, changed=bool(report.sent)))

    def _look(self) -> None:
        now_s = self._clock.now_s()
        if now_s < self._timer.due_s or not self._under_way:
            return
        try:
            self._statuses = self._reader.read(devices_of({**self._under_way, **self._waiting}))
        except (BcmApiError, BcmProtocolError) as error:
            # It is the same as no answer: the status is read again.
            raise BcmTransportError(str(error)) from error
        now_s, moved = self._clock.now_s(), False
        for name in list(self._under_way):
            watch = observe(self.watches[name], self._statuses.get(name), now_s, self._pace.deadlines)
            if not watch.done and now_s - self._began_s >= self._run_s:
                watch = give_up(watch, f"the run's {self._run_s:g} s are over, it was {watch.phase}", now_s)
            moved = moved or watch is not self.watches[name]
            self.watches[name] = watch
            if watch.done:
                self._conclude(name)
        if now_s - self._began_s >= self._run_s:
            self._leave_out_waiting(f"the run's {self._run_s:g} s are over")
        self._timer.note_reading(now_s, moved=moved)

    def _conclude(self, name: str) -> None:
        node, report = self._under_way.pop(name), self._node_power.report_of(name)
        self._settle(name, node, conclude(node, self.watches[name], report, self._taken_on[name]))

    def _settle(self, name: str, node: NodeRun, result: NodeResult) -> None:
        self._results[name] = result
        self._unwritten[name] = node
        self._note_failures({name: result})

    def _note_failures(self, results: Mapping[str, NodeResult]) -> None:
        """Keep failures until the end of the turn: those of one reason are one line."""
        self._untold.update({name: result.message for name, result in results.items() if result.failed})

    def _tell_failures(self) -> None:
        self._console.show_failures(self._elapsed_s(), self._untold)
        self._untold = {}

    def _cut_power_of_stuck(self) -> None:
        """Cut the power of nodes that were asked to restart and are still UP, where this run may."""
        now_s = self._clock.now_s()
        stuck = [name for name in self._under_way if self.watches[name].is_stuck_up(now_s, self._pace.deadlines)]
        if self._may_cut:
            self.watches.update({name: cut_power(self.watches[name], now_s) for name in stuck})
            self._node_power.cut(stuck)
            return
        for name in stuck:
            reason = "an earlier run asked it to restart and it did not; power_cycle cuts its power"
            self.watches[name] = give_up(self.watches[name], reason, now_s)
            self._conclude(name)

    def _show_progress(self) -> None:
        elapsed_s = self._elapsed_s()
        if not self._console.is_due(elapsed_s, self.watches):
            return
        watches = list(self.watches.values())
        pipeline = self._pipeline.observing(watches)
        # Assumed durations are too rough to show a time that is left.
        is_known = bool(self._under_way and pipeline.slots and pipeline.source != "assumed")
        remaining_s = left_s(pipeline, len(self._waiting), watches, self._clock.now_s()) if is_known else None
        status = RunStatus(elapsed_s, self.watches, len(self._waiting), self._slots(), remaining_s)
        self._console.show(status)

    def _slots(self) -> tuple[int, int] | None:
        """Return (used, total) right now; None where they can't be read, because the line is for information only."""
        try:
            slots = Slots.from_api(self._head_node.get_provisioning_status())
        except BcmError:
            return None
        return slots.used, slots.capacity

    # -- written on the devices -------------------------------------------------------------------------------------

    def _write_down(self) -> None:
        """Record results on the devices every few seconds, so that a run after a kill has less to find out."""
        now_s = self._clock.now_s()
        if not self._unwritten or (self._under_way and now_s - self._written_s < _WRITE_EVERY_S):
            return
        uuids = [str(raw["uuid"]) for raw in devices_of(self._unwritten).values()]
        devices = {raw["hostname"]: raw for raw in self._head_node.get_devices_by_uuids(uuids)}
        self._note_what_was_overtaken(devices)
        values = {
            name: values_to_write(node, self._results[name], self._clock.wall_s())
            for name, node in self._unwritten.items()
            if name in devices
        }
        outcomes = self._claims.give_back(values, devices, self._under_way)
        for name, outcome in outcomes.items():
            if outcome.error is not None and not self._results[name].failed:
                self._results[name] = spoil(self._results[name], f"that could not be recorded on it: {outcome.error}")
        self._unwritten, self._written_s = {}, now_s

    def _note_what_was_overtaken(self, devices: Mapping[str, Raw]) -> None:
        """Fail nodes that came UP and are assigned something else by now: which of the two they run is not known."""
        references = replace(self._references, categories=Names.from_api("category", self._head_node.get_categories()))
        for name, node in self._unwritten.items():
            result = self._results[name]
            if result.verdict != Phase.UP or node.facts is None or node.facts.assignment is None:
                continue
            if name not in devices:
                self._results[name] = spoil(result, "it was deleted since")
                continue
            wanted = node.facts.assignment
            now = assignment_of(devices[name], references, token=wanted.token)
            if now is None or now.digest != wanted.digest:
                image = now.image if now else "no image"
                reason = f"it was assigned {image} meanwhile, so what it runs is not certain; run again"
                self._results[name] = spoil(result, reason, overtaken=True)

    def _look_back(self) -> None:
        """Read the status of nodes that came UP early once more: they may have gone down again."""
        last_s = max((watch.started_s + watch.seconds for watch in self.watches.values()), default=0.0)
        early = [
            name
            for name, watch in self.watches.items()
            if watch.verdict == Phase.UP and watch.started_s + watch.seconds < last_s
        ]
        devices = {name: device for name in early if (device := self._devices.get(name)) is not None}
        try:
            statuses = self._reader.read(devices)
        except (BcmTransportError, BcmApiError):
            return
        for name, status in statuses.items():
            if status.status != Status.UP and not self._results[name].failed:
                reason = f"it is {status.status} now"
                self._results[name] = spoil(self._results[name], reason, status=status.status)
                self._note_failures({name: self._results[name]})
        self._tell_failures()

    def _elapsed_s(self) -> float:
        return self._clock.now_s() - self._began_s
