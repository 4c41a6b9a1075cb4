# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Power through the head node: sent for a whole set, confirmed node by node through the session's events.

powerOperation answers before anything happened; the outcome of each node arrives as a PowerStatus event, and an
outcome "ON" is only what the BMC answered. So an action counts when a later STATUS shows it (bcm-api.md 2.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from .client import HeadNode, Raw
from .clock import Clock
from .errors import BcmApiError, BcmError, BcmTransportError

ACTIONS = ("on", "off", "cycle", "reset", "status")
# What the head node is asked for, step by step; each step's state is confirmed before the next (no CYCLE in BCM).
_STEPS = {"on": ("ON",), "off": ("OFF",), "cycle": ("OFF", "ON"), "reset": ("RESET",)}
_STATE_AFTER = {"ON": "ON", "OFF": "OFF", "RESET": "ON"}
_LONG_POLL_S = 10


@dataclass(frozen=True)
class PowerReport:
    """One node: what its power was and is, what was sent, and why it failed. States are ON, OFF or UNKNOWN."""

    before: str = "UNKNOWN"
    after: str = "UNKNOWN"
    sent: tuple[str, ...] = ()
    error: str = ""


@contextmanager
def open_session(head_node: HeadNode) -> Iterator[str]:
    """A session of ours, closed whatever happens."""
    session = head_node.register_session()
    try:
        yield session
    finally:
        # The session ends by itself; what happened inside matters more than this.
        with suppress(BcmError):
            head_node.unregister_session(session)


@dataclass(frozen=True)
class Power:
    """Power of a set of devices (name → uuid) through one session."""

    head_node: HeadNode
    session: str
    clock: Clock
    timeout_s: float = 60.0
    interval_s: float = 2.0

    def states(self, devices: Mapping[str, str]) -> dict[str, Raw]:
        """Ask for the power state; one PowerStatus a node, FAILED or UNKNOWN where the BMC did not tell."""
        return self._perform("STATUS", devices)

    def run(self, action: str, devices: Mapping[str, str], before: Mapping[str, Raw]) -> dict[str, PowerReport]:
        """Perform on, off, cycle or reset on all devices and prove it; a node that fails leaves the others alone."""
        reports = {name: PowerReport(before=_state(before.get(name, {}))) for name in devices}
        left = dict(devices)
        for operation in _STEPS[action]:
            if not left:
                break
            outcomes = self._perform(operation, left)
            for name in left:
                reports[name] = _sent(reports[name], operation, outcomes[name])
            left = {name: uid for name, uid in left.items() if not reports[name].error}
            reports.update(self._confirm(operation, left, reports))
            left = {name: uid for name, uid in left.items() if not reports[name].error}
        return reports

    def _confirm(
        self, operation: str, devices: Mapping[str, str], reports: Mapping[str, PowerReport]
    ) -> dict[str, PowerReport]:
        """Ask for STATUS until it shows the wanted state, or the time is up."""
        wanted = _STATE_AFTER[operation]
        deadline = self.clock.now_s() + self.timeout_s
        confirmed: dict[str, PowerReport] = {}
        left = dict(devices)
        while left:
            seen = self.states(left)
            late = self.clock.now_s() >= deadline
            for name in list(left):
                state = _state(seen[name])
                if state == wanted or late:
                    del left[name]
                    error = "" if state == wanted else self._not_confirmed(operation, seen[name])
                    confirmed[name] = PowerReport(reports[name].before, state, reports[name].sent, error)
            if left:
                self.clock.sleep(self.interval_s)
        return confirmed

    def _not_confirmed(self, operation: str, seen: Raw) -> str:
        detail = _message(seen)
        return f"power {operation} was accepted, but {self.timeout_s:g} s later the power state is {_state(seen)}" + (
            f" ({detail})" if detail else ""
        )

    def _perform(self, operation: str, devices: Mapping[str, str]) -> dict[str, Raw]:
        """Send one operation and collect a PowerStatus for each device."""
        if not devices:
            return {}
        answer = self.head_node.power_operation(operation, list(devices.values()), self.session)
        if not answer.get("count"):
            raise BcmApiError(
                f"could not send power {operation}: the head node started nothing for {', '.join(devices)}; "
                "their powerControl must name a BMC interface",
                call="cmdevice.powerOperation",
            )
        return self._collect(operation, int(answer["index"]), devices)

    def _collect(self, operation: str, index: int, devices: Mapping[str, str]) -> dict[str, Raw]:
        names = {uid: name for name, uid in devices.items()}
        outcomes: dict[str, Raw] = {}
        deadline = self.clock.now_s() + self.timeout_s
        while len(outcomes) < len(devices):
            left_s = deadline - self.clock.now_s()
            if left_s <= 0:
                break
            for status in self._next_statuses(max(1, min(_LONG_POLL_S, int(left_s)))):
                name = names.get(status.get("device", ""))
                if name and index in (status.get("indexes") or []) and status.get("state") != "PENDING":
                    outcomes[name] = status
        text = f"no result of power {operation} within {self.timeout_s:g} s; the BMC may be unreachable"
        return {name: outcomes.get(name, {"state": "FAILED", "msg": text}) for name in devices}

    def _next_statuses(self, timeout_s: int) -> list[Raw]:
        statuses: list[Raw] = []
        for event in self.head_node.wait_for_events(self.session, timeout_s):
            kind = event.get("childType")
            if kind == "KeepAliveEvent":
                self.head_node.acknowledge_keep_alive(self.session)
            elif kind == "EndOfSessionEvent":
                raise BcmTransportError(f"the head node ended our session: {event.get('reason') or 'no reason given'}")
            elif kind == "PowerStatusChangedEvent":
                statuses += event.get("status") or []
        return statuses


def _state(status: Raw) -> str:
    state = status.get("state")
    return str(state) if state in ("ON", "OFF") else "UNKNOWN"


def _message(status: Raw) -> str:
    parts = (str(status.get("msg") or "").strip(), str(status.get("extendedMsg") or "").strip())
    return ": ".join(dict.fromkeys(part for part in parts if part))


def _sent(report: PowerReport, operation: str, outcome: Raw) -> PowerReport:
    state = outcome.get("state")
    error = ""
    if state not in (operation, _STATE_AFTER[operation]):
        error = f"power {operation} failed: {_message(outcome) or f'the head node reports {state}'}"
    return PowerReport(report.before, report.before, (*report.sent, operation), error)


def plan_power(action: str, state: str) -> str:
    """What must be sent to a node whose power is `state` (ON, OFF, UNKNOWN): the action, or "none". Pure."""
    if action == "status" or (action, state) in (("on", "ON"), ("off", "OFF"), ("reset", "OFF")):
        return "none"
    return "on" if (action, state) == ("cycle", "OFF") else action


def power_states(reports: Mapping[str, Raw]) -> dict[str, str]:
    """Name → ON, OFF or UNKNOWN."""
    return {name: _state(status) for name, status in reports.items()}


def power_errors(reports: Mapping[str, Raw]) -> dict[str, str]:
    """Why a STATUS told no state, by name."""
    return {name: _message(status) for name, status in reports.items() if _state(status) == "UNKNOWN"}
