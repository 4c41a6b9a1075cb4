# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Provisions a set of nodes and watches them: facts, decisions, intent, power, phases, record.

Every step is one call, or one call a node that changes, for the whole set; the watch is one status call a tick.
Killed anywhere, the same run started again goes on: the intent on the device tells what was under way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .._bmc.power import PowerResult
from .apply import Outcome, Store, converge
from .case import (
    Case,
    Job,
    NodeResult,
    conclude,
    facts_of,
    fail,
    refuse_too_many,
    settle,
    shorten,
    values_to_write,
)
from .client import HeadNode
from .clock import Clock
from .entities.device import DEVICE
from .entities.fields import Context, Raw
from .entities.status import DeviceStatus
from .errors import BcmTransportError
from .power import HeadNodePower, open_session, targets_of
from .progress import progress_lines
from .provision import Action, Request, decide
from .record import intent_values
from .references import References
from .snapshot import read_devices, read_references, read_statuses, select_nodes
from .watch import Deadlines, NodeWatch, observe, start_watch

# Operations in the power history after which a node is off (bcm-api.md 5).
_WAYS_OFF = frozenset({"OFF", "SHUTDOWN"})


@dataclass(frozen=True)
class Pace:
    """How long and how often; `workers` bounds the writes in flight."""

    deadlines: Deadlines = field(default_factory=Deadlines)
    poll_interval_s: float = 10.0
    power_timeout_s: float = 60.0
    outage_s: float = 300.0  # how long the head node may be away in the middle of a watch
    workers: int = 1
    bulk: bool = False


class Drive:
    """One run over one set of nodes."""

    def __init__(self, head_node: HeadNode, clock: Clock, pace: Pace, say: Callable[[str], None]) -> None:
        self._head_node = head_node
        self._clock = clock
        self._pace = pace
        self._say = say
        self._store = Store(head_node, DEVICE, head_node.get_devices, pace.workers, pace.bulk)

    def plan(self, job: Job) -> dict[str, NodeResult]:
        """What `run` would do, without a single write."""
        cases = self._read(job)
        return {name: settle(case) for name, case in cases.items()}

    def run(self, job: Job) -> dict[str, NodeResult]:
        """Decide and act for every node; a node that fails leaves the others alone.

        Raises BcmError only for what concerns all of them, such as a head node that went away; starting again is
        then safe.
        """
        cases = self._read(job)
        results = {name: settle(case) for name, case in cases.items()}
        acting = {name: case for name, case in cases.items() if case.decision.action.acts}
        if acting:
            self._say(
                f"Provisioning {len(acting)} of {len(cases)} nodes. Interrupted? Start the same again: it goes on."
            )
            results.update(self._act(acting))
        self._write_records(job, cases, results)
        return results

    # -- read and decide ------------------------------------------------------------------------------------------

    def _read(self, job: Job) -> dict[str, Case]:
        references = read_references(self._head_node)
        selection = select_nodes(read_devices(self._head_node), job.names)
        statuses = read_statuses(self._head_node, selection.devices)
        cases = {}
        for name in dict.fromkeys(job.names):
            device = selection.devices.get(name)
            facts = facts_of(name, device, references, statuses.get(name), job)
            cases[name] = Case(name, device, facts, decide(facts, job.request), statuses.get(name))
        cases = self._look_closer(cases, job.request, references)
        refuse_too_many(cases, job.request.max_nodes)
        return cases

    def _look_closer(self, cases: dict[str, Case], request: Request, references: References) -> dict[str, Case]:
        """Ask for power state and history where the decision depends on them, and decide again."""
        open_cases = {
            name: case
            for name, case in cases.items()
            if case.device is not None
            and case.facts is not None
            and (case.decision.action.acts or case.facts.record.intent_digest)
        }
        if not open_cases:
            return cases
        history = self._last_power({name: str(case.device["uuid"]) for name, case in open_cases.items() if case.device})
        powers = self._power_states(open_cases, references) if request.enable_power_action else {}
        for name, case in open_cases.items():
            if case.facts is None:
                continue
            last_ms, operation = history.get(name, (0, ""))
            facts = replace(
                case.facts,
                power=powers[name].after if name in powers else "UNKNOWN",
                power_error=powers[name].error if name in powers else "",
                # After an OFF a node is on no way to UP, whatever its status still says: a cycle was cut in half.
                power_sent_since_intent=last_ms > case.facts.record.intent_power_ms and operation not in _WAYS_OFF,
            )
            cases[name] = replace(
                case,
                facts=facts,
                decision=decide(facts, request),
                last_power_ms=last_ms,
                power=powers.get(name, PowerResult()),
            )
        return cases

    def _last_power(self, uuids: Mapping[str, str]) -> dict[str, tuple[int, str]]:
        """When power was last sent to each node, in ms of the head node's clock, and what; STATUS does not count."""
        names = {uid: name for name, uid in uuids.items()}
        last: dict[str, tuple[int, str]] = {}
        for entry in self._head_node.power_operation_history(list(names)):
            name = names.get(str(entry.get("ref_device_uuid")))
            operation = str(entry.get("operation"))
            if name and operation != "STATUS":
                last[name] = max(last.get(name, (0, "")), (int(entry.get("executionTime") or 0), operation))
        return last

    def _power_states(self, cases: Mapping[str, Case], references: References) -> dict[str, PowerResult]:
        """The probe before anything is powered: a dead BMC, or one that refuses, fails its own node here."""
        devices = {name: case.device for name, case in cases.items() if case.device and not case.is_settled_up}
        if not devices:
            return {}
        with open_session(self._head_node) as session:
            targets = targets_of(devices, references)
            return HeadNodePower(self._head_node, session, self._clock, targets, self._pace.power_timeout_s).states(
                list(devices)
            )

    # -- act --------------------------------------------------------------------------------------------------------

    def _act(self, cases: Mapping[str, Case]) -> dict[str, NodeResult]:
        results: dict[str, NodeResult] = {}
        to_power = {name: case for name, case in cases.items() if case.decision.action is not Action.WATCH}
        for name, outcome in self._write_intents(to_power).items():
            if outcome.error is not None:
                results[name] = fail(to_power[name], str(outcome.error))
        to_power = {name: case for name, case in to_power.items() if name not in results}
        # Deadlines count from power, not from the writes before it.
        started_s = self._clock.now_s()
        reports = self._send_power(to_power)
        for name, report in reports.items():
            if report.failure is not None:
                results[name] = replace(fail(to_power[name], report.error), power=report, changed=bool(report.sent))
        watched = {name: case for name, case in cases.items() if name not in results}
        for name, watch in self._watch(watched, started_s).items():
            results[name] = conclude(watched[name], watch, reports.get(name), self._clock.now_s() - started_s)
        return results

    def _write_intents(self, cases: Mapping[str, Case]) -> dict[str, Outcome]:
        wanted = {}
        for name, case in cases.items():
            if case.facts is None or case.facts.assignment is None:
                continue
            values = intent_values(case.facts.assignment, wall_s=self._clock.wall_s(), last_power_ms=case.last_power_ms)
            options = {"hostname": name, "extra_values": values}
            if case.decision.next_boot_install_mode:
                options["next_boot_install_mode"] = case.decision.next_boot_install_mode
            wanted[name] = options
        return converge(self._store, wanted, Context()) if wanted else {}

    def _send_power(self, cases: Mapping[str, Case]) -> dict[str, PowerResult]:
        if not cases:
            return {}
        verbs = {name: "on" if case.decision.action is Action.POWER_ON else "cycle" for name, case in cases.items()}
        for verb in dict.fromkeys(verbs.values()):
            self._say(f"Power {verb}: {shorten([name for name in verbs if verbs[name] == verb])}")
        devices = {name: case.device for name, case in cases.items() if case.device is not None}
        with open_session(self._head_node) as session:
            # The probe has been through the credentials, so that these may go without.
            targets = targets_of(devices, References())
            power = HeadNodePower(self._head_node, session, self._clock, targets, self._pace.power_timeout_s)
            reports = power.run(verbs, {name: case.power for name, case in cases.items()})
        for name, report in reports.items():
            if report.failure is not None:
                self._say(f"{name}: FAILED ({report.error})")
        return reports

    def _watch(self, cases: Mapping[str, Case], started_s: float) -> dict[str, NodeWatch]:
        watches = {
            name: start_watch(
                name,
                started_s,
                case.facts.status if case.facts else "",
                resumed=case.decision.action is Action.WATCH,
            )
            for name, case in cases.items()
        }
        devices = {name: case.device for name, case in cases.items() if case.device is not None}
        while not all(watch.done for watch in watches.values()):
            left = {name: devices[name] for name, watch in watches.items() if not watch.done}
            statuses = self._read_statuses(left)
            now_s = self._clock.now_s()
            after = {
                name: observe(watch, statuses.get(name), now_s, self._pace.deadlines) if name in left else watch
                for name, watch in watches.items()
            }
            for line in progress_lines(watches, after, now_s - started_s):
                self._say(line)
            watches = after
            if not all(watch.done for watch in watches.values()):
                self._clock.sleep(self._pace.poll_interval_s)
        return watches

    def _read_statuses(self, devices: Mapping[str, Raw]) -> dict[str, DeviceStatus]:
        """Nodes install on their own: a head node that restarts meanwhile is waited for."""
        away_since_s = self._clock.now_s()
        said = False
        while True:
            try:
                return read_statuses(self._head_node, devices)
            except BcmTransportError as error:
                if self._clock.now_s() - away_since_s >= self._pace.outage_s:
                    raise
                if not said:
                    self._say(f"{error}; the nodes go on meanwhile, asking again for {self._pace.outage_s:g} s")
                said = True
            self._clock.sleep(self._pace.poll_interval_s)

    # -- record -----------------------------------------------------------------------------------------------------

    def _write_records(self, job: Job, cases: Mapping[str, Case], results: dict[str, NodeResult]) -> None:
        """Write down what is installed now, on every node that came UP or was adopted, and which were given up."""
        now_s = self._clock.wall_s()
        wanted = {}
        for name, case in cases.items():
            values = values_to_write(case, results[name], now_s)
            if values:
                wanted[name] = {"hostname": name, "extra_values": values}
        if not wanted:
            return
        for name, outcome in converge(self._store, wanted, Context()).items():
            if outcome.error is not None and not results[name].failed:
                text = f"it is UP, but that could not be recorded on it: {outcome.error}"
                results[name] = replace(results[name], outcome="failed", failed=True, message=text)
