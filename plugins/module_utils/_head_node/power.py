# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Power through the head node: sent for a whole set, confirmed node by node through the session's events.

powerOperation answers before anything happened; the outcome of each node arrives as a PowerStatus event, and an
outcome "ON" is only what the BMC answered. So an action counts when a later STATUS shows it (bcm-api.md 2.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from .._bmc.power import STATE_AFTER, STEPS, Failure, PowerResult
from .._bmc.schedule import Limits, Schedule
from .client import HeadNode, Raw
from .clock import Clock
from .entities.device import bmc_ip, bmc_settings
from .errors import BcmError, BcmTransportError
from .references import References

_LONG_POLL_S = 10
_NOT_STARTED = "not started"  # no state of BCM's: it started the operation for none of the nodes
# ASSUMED: words in the text of a FAILED PowerStatus that tell a refused login, or a BMC that does not answer. The texts
# of a live head node are not known; one wrong password and one unplugged BMC there would settle it.
_CREDENTIALS_WORDS = ("password", "credential", "unauthorized", "authentication", "privilege", "login", "rakp")
_UNREACHABLE_WORDS = ("unreachable", "no answer", "no response", "timeout", "timed out", "no route", "establish")


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
class Target:
    """One node as its power needs it: BMC address for messages, and what tells BMCs with the same credentials."""

    uuid: str
    address: str = ""
    username: str = ""
    password: str = field(default="", repr=False)


def targets_of(devices: Mapping[str, Raw], references: References) -> dict[str, Target]:
    """The targets behind devices, with the credentials the head node will use."""
    targets = {}
    for name, raw in devices.items():
        settings = bmc_settings(raw, references) or {}
        targets[name] = Target(
            uuid=str(raw["uuid"]),
            address=bmc_ip(raw) or "",
            username=str(settings.get("userName") or ""),
            password=str(settings.get("password") or ""),
        )
    return targets


@dataclass
class HeadNodePower:
    """The power path through a head node, over one session. Remembers which credentials BMCs have accepted."""

    head_node: HeadNode
    session: str
    clock: Clock
    targets: Mapping[str, Target]
    timeout_s: float = 60.0
    interval_s: float = 2.0

    def states(self, names: Sequence[str]) -> dict[str, PowerResult]:
        """Ask for the power state, one BMC of each set of credentials first (see Schedule)."""
        results: dict[str, PowerResult] = {}
        credentials = {name: (self.targets[name].username, self.targets[name].password) for name in names}
        schedule = Schedule.of(credentials, Limits(tries=1, in_flight=len(names)))
        while schedule.slots:
            for name in schedule.drop_condemned():
                refused_by = schedule.refused_by[credentials[name]]
                results[name] = self._fail(PowerResult(tries=0), name, Failure.NOT_TRIED, self._not_tried(refused_by))
            due = schedule.due(0.0)
            for name in due:
                schedule.start(name, 0.0)
            for name, status in self._perform("STATUS", due).items():
                results[name] = self._read(name, status)
                if results[name].failure is Failure.CREDENTIALS:
                    schedule.refuse(name)
                    continue
                if results[name].failure is None:
                    schedule.trust(name)
                else:
                    # A BMC that is silent costs the head node's whole patience: not one after the other.
                    schedule.widen(name)
                schedule.finish(name)
        return results

    def run(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        """Perform on, off, cycle or reset for each node and prove it; a node that fails leaves the others alone."""
        results = {name: before[name] for name in actions}
        for action in dict.fromkeys(actions.values()):
            left = [name for name in actions if actions[name] == action]
            for operation in STEPS[action]:
                started_s = self.clock.now_s()
                for name, status in self._perform(operation, left).items():
                    results[name] = self._sent(name, results[name], operation, status)
                chosen, left = left, [name for name in left if results[name].failure is None]
                results.update(self._confirm(operation, left, results))
                left = [name for name in left if results[name].failure is None]
                took_s = round(self.clock.now_s() - started_s, 1)
                for name in chosen:
                    results[name] = replace(results[name], seconds=results[name].seconds + took_s)
        return results

    def _confirm(
        self, operation: str, names: Sequence[str], results: Mapping[str, PowerResult]
    ) -> dict[str, PowerResult]:
        """Ask for STATUS until it shows the wanted state, or the time is up."""
        wanted = STATE_AFTER[operation]
        deadline = self.clock.now_s() + self.timeout_s
        confirmed: dict[str, PowerResult] = {}
        left = list(names)
        while left:
            seen = self._perform("STATUS", left)
            late = self.clock.now_s() >= deadline
            for name in list(left):
                state = _state(seen[name])
                if state == wanted or late:
                    left.remove(name)
                    confirmed[name] = replace(results[name], after=state)
                    if state != wanted:
                        text = self._not_confirmed(operation, seen[name])
                        confirmed[name] = self._fail(confirmed[name], name, Failure.NOT_CONFIRMED, text)
            if left:
                self.clock.sleep(self.interval_s)
        return confirmed

    # -- one operation ----------------------------------------------------------------------------------------------

    def _perform(self, operation: str, names: Sequence[str]) -> dict[str, Raw]:
        """Send one operation and collect a PowerStatus for each node."""
        if not names:
            return {}
        uuids = [self.targets[name].uuid for name in names]
        answer = self.head_node.power_operation(operation, uuids, self.session)
        if not answer.get("count"):
            # Of these nodes alone: a canary without a BMC must not end the run of the others.
            text = "the head node started nothing; its powerControl must name a BMC interface"
            return {name: {"state": _NOT_STARTED, "msg": text} for name in names}
        return self._collect(operation, int(answer["index"]), names)

    def _collect(self, operation: str, index: int, names: Sequence[str]) -> dict[str, Raw]:
        by_uuid = {self.targets[name].uuid: name for name in names}
        outcomes: dict[str, Raw] = {}
        deadline = self.clock.now_s() + self.timeout_s
        while len(outcomes) < len(names):
            left_s = deadline - self.clock.now_s()
            if left_s <= 0:
                break
            for status in self._next_statuses(max(1, min(_LONG_POLL_S, int(left_s)))):
                name = by_uuid.get(status.get("device", ""))
                if name and index in (status.get("indexes") or []) and status.get("state") != "PENDING":
                    outcomes[name] = status
        text = f"no result of power {operation} within {self.timeout_s:g} s: no answer"
        return {name: outcomes.get(name, {"state": "FAILED", "msg": text}) for name in names}

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

    # -- what was answered ------------------------------------------------------------------------------------------

    def _read(self, name: str, status: Raw) -> PowerResult:
        state = _state(status)
        result = PowerResult(before=state, after=state, address=self.targets[name].address)
        if state != "UNKNOWN":
            return result
        return self._fail(result, name, _failure_of(status), f"the power state is unknown: {_message(status)}")

    def _sent(self, name: str, result: PowerResult, operation: str, status: Raw) -> PowerResult:
        if status.get("state") != _NOT_STARTED:
            result = replace(result, sent=(*result.sent, operation))
        if status.get("state") in (operation, STATE_AFTER[operation]):
            return result
        return self._fail(result, name, _failure_of(status), f"power {operation} failed: {_message(status)}")

    def _fail(self, result: PowerResult, name: str, failure: Failure, message: str) -> PowerResult:
        return replace(result, failure=failure, message=message, address=self.targets[name].address)

    def _not_confirmed(self, operation: str, seen: Raw) -> str:
        return (
            f"power {operation} was accepted, but {self.timeout_s:g} s later the power state is {_state(seen)}"
            f"{'' if _state(seen) != 'UNKNOWN' else f' ({_message(seen)})'}"
        )

    def _not_tried(self, refused_by: Sequence[str]) -> str:
        refused = ", ".join(f"{name} ({self.targets[name].address})" for name in refused_by)
        user = self.targets[refused_by[0]].username
        return f"not tried: the credentials of user {user} were refused by {refused}; correct them in BCM first"


def _state(status: Raw) -> str:
    state = status.get("state")
    return str(state) if state in ("ON", "OFF") else "UNKNOWN"


def _message(status: Raw) -> str:
    parts = (str(status.get("msg") or "").strip(), str(status.get("extendedMsg") or "").strip())
    return ": ".join(dict.fromkeys(part for part in parts if part)) or f"the head node reports {status.get('state')}"


def _failure_of(status: Raw) -> Failure:
    text = _message(status).lower()
    if any(word in text for word in _UNREACHABLE_WORDS):
        return Failure.UNREACHABLE
    return Failure.CREDENTIALS if any(word in text for word in _CREDENTIALS_WORDS) else Failure.REFUSED
