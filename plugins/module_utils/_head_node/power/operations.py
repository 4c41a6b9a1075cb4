# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Power through the head node: sent for a whole set, confirmed node by node through the session's events.

powerOperation answers before anything happened; the outcome of each node arrives as a PowerStatus event, and an
outcome "ON" is only what the BMC answered. So an action counts when a later STATUS shows it (bcm-api.md 2.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..._bmc.power import STATE_AFTER, STEPS, Failure, PowerResult
from ..._bmc.schedule import Limits, Schedule
from ..._values.clock import Clock
from ..api.calls import Raw
from ..api.client import HeadNode
from ..api.errors import BcmTransportError, BcmUnreachable
from ..api.events import next_events
from ..entities.device import bmc_ip, bmc_settings
from ..entities.references import References

_LONG_POLL_S = 10
_NOT_STARTED_TEXT = "the head node started nothing; its powerControl must name a BMC interface"
# ASSUMED: words in the text of a FAILED PowerStatus that tell a refused login, or a BMC that does not answer. The texts
# of a live head node are not known; one wrong password and one unplugged BMC there would settle it.
_CREDENTIALS_WORDS = ("password", "credential", "unauthorized", "authentication", "privilege", "login", "rakp")
_UNREACHABLE_WORDS = ("unreachable", "no answer", "no response", "timeout", "timed out", "no route", "establish")


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


@dataclass(frozen=True)
class _Errand:
    """One node's way through the operations of an action. It sends `steps[0]`, hears the outcome, and asks for STATUS
    until that shows the state; then comes the next step. `index` is that of the operation whose result is awaited."""

    steps: tuple[str, ...]
    result: PowerResult
    begun_s: float
    index: int | None = None
    asking: bool = False  # the operation was sent; what is sent or awaited now is a STATUS
    until_s: float = 0.0  # for the result awaited, or for the state to show
    wake_s: float = 0.0  # not to be asked again before


@dataclass
class HeadNodePower:
    """The power path through a head node, over one session.

    `run` does it all. A caller with other things to do meanwhile uses `begin`, and `step` until nothing `is_busy`.
    `stagger_s` is BCM's own pause between two nodes of one operation; `force` acts on CLOSED devices too.
    """

    head_node: HeadNode
    session: str
    clock: Clock
    targets: Mapping[str, Target]
    timeout_s: float = 60.0
    interval_s: float = 2.0
    stagger_s: float = 0.0
    force: bool = False
    _errands: dict[str, _Errand] = field(default_factory=dict)

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
            for name, status in self._ask(due).items():
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
        self.begin(actions, before)
        results: dict[str, PowerResult] = {}
        while self.is_busy:
            results.update(self.step(_LONG_POLL_S)[0])
        return {name: results[name] for name in actions}

    @property
    def is_busy(self) -> bool:
        return bool(self._errands)

    def begin(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> None:
        """Take these actions on; the next `step` sends them."""
        now_s = self.clock.now_s()
        for name, action in actions.items():
            self._errands[name] = _Errand(STEPS[action], before[name], now_s)

    def step(self, wait_s: float) -> tuple[dict[str, PowerResult], bool]:
        """Send what is due, and wait for events for at most so long; answers who is finished, and whether the status
        of some device changed. Raises BcmError as the calls do; calling again goes on."""
        finished: dict[str, PowerResult] = {}
        self._send_due(finished)
        changed = False
        by_uuid = {self.targets[name].uuid: name for name in self._errands}
        for event in next_events(self.head_node, self.session, self._patience_s(wait_s)):
            if event.get("childType") == "DeviceStatusChangedEvent":
                changed = True
            elif event.get("childType") == "PowerStatusChangedEvent":
                for status in event.get("status") or []:
                    name = by_uuid.get(status.get("device", ""))
                    if name in self._errands and name is not None:
                        self._hear(name, status, finished)
        self._miss_overdue(finished)
        return finished, changed

    def so_far(self, name: str) -> PowerResult | None:
        """What is known of a node whose action is not finished; None for any other."""
        return self._errands[name].result if name in self._errands else None

    def resume(self, session: str) -> None:
        """Go on in another session: results awaited in the old one never come, STATUS tells what became of it."""
        self.session = session
        now_s = self.clock.now_s()
        for name, errand in self._errands.items():
            if errand.index is not None:
                # BCM itself keeps the stagger: a node's turn may come long after the operation was taken.
                asking = self._about_to_ask(errand, now_s)
                self._errands[name] = replace(asking, until_s=max(asking.until_s, errand.until_s))

    # -- errands ----------------------------------------------------------------------------------------------------

    def _send_due(self, finished: dict[str, PowerResult]) -> None:
        now_s = self.clock.now_s()
        due: dict[str, list[str]] = {}
        for name, errand in self._errands.items():
            if errand.index is None and errand.wake_s <= now_s:
                due.setdefault("STATUS" if errand.asking else errand.steps[0], []).append(name)
        for operation, names in due.items():
            try:
                index = self._send(operation, names)
            except BcmUnreachable:
                raise
            except BcmTransportError:
                # It may have been sent. It is not sent twice: STATUS tells.
                for name in names:
                    errand = self._errands[name]
                    if not errand.asking:
                        result = _with_sent(errand.result, operation)
                        errand = replace(errand, result=result, asking=True, until_s=now_s + self._time_for(names))
                    self._errands[name] = replace(errand, index=None)
                raise
            for name in names:
                errand = self._errands[name]
                if index is None:
                    # Of these nodes alone: one without a BMC must not end the run of the others.
                    self._lose(
                        name, errand, f"power {operation} failed: {_NOT_STARTED_TEXT}", Failure.REFUSED, finished
                    )
                    continue
                # A state may take until the deadline to show, however often it is asked.
                until_s = errand.until_s if errand.asking else now_s + self._time_for(names)
                sent = errand.result if errand.asking else _with_sent(errand.result, operation)
                self._errands[name] = replace(errand, result=sent, index=index, until_s=until_s)

    def _hear(self, name: str, status: Raw, finished: dict[str, PowerResult]) -> None:
        if self._errands[name].index not in (status.get("indexes") or []) or status.get("state") == "PENDING":
            return
        errand = self._errands[name]
        if errand.asking:
            self._hear_state(name, errand, status, finished)
            return
        operation = errand.steps[0]
        if status.get("state") in (operation, STATE_AFTER[operation]):
            self._errands[name] = self._about_to_ask(errand, self.clock.now_s())
            return
        self._lose(name, errand, f"power {operation} failed: {_message(status)}", _failure_of(status), finished)

    def _hear_state(self, name: str, errand: _Errand, status: Raw, finished: dict[str, PowerResult]) -> None:
        now_s, state = self.clock.now_s(), _state(status)
        errand = replace(errand, index=None, result=replace(errand.result, after=state))
        if state == STATE_AFTER[errand.steps[0]]:
            left = errand.steps[1:]
            self._errands[name] = replace(errand, steps=left, asking=False)
            if not left:
                self._finish(name, finished)
        elif now_s >= errand.until_s:
            text = self._not_confirmed(errand.steps[0], status)
            self._lose(name, errand, text, Failure.NOT_CONFIRMED, finished)
        else:
            self._errands[name] = replace(errand, wake_s=now_s + self.interval_s)

    def _miss_overdue(self, finished: dict[str, PowerResult]) -> None:
        now_s = self.clock.now_s()
        for name, errand in list(self._errands.items()):
            if errand.index is None or now_s < errand.until_s:
                continue
            missed = {"state": "FAILED", "msg": f"no result within {self.timeout_s:g} s: no answer"}
            if errand.asking:
                self._hear_state(name, errand, missed, finished)
            else:
                self._lose(
                    name, errand, f"power {errand.steps[0]} failed: {_message(missed)}", Failure.UNREACHABLE, finished
                )

    def _about_to_ask(self, errand: _Errand, now_s: float) -> _Errand:
        until_s = errand.until_s if errand.asking else now_s + self.timeout_s
        return replace(errand, index=None, asking=True, until_s=until_s)

    def _lose(
        self, name: str, errand: _Errand, message: str, failure: Failure, finished: dict[str, PowerResult]
    ) -> None:
        self._errands[name] = replace(errand, result=self._fail(errand.result, name, failure, message))
        self._finish(name, finished)

    def _finish(self, name: str, finished: dict[str, PowerResult]) -> None:
        errand = self._errands.pop(name)
        finished[name] = replace(errand.result, seconds=round(self.clock.now_s() - errand.begun_s, 1))

    def _time_for(self, names: Sequence[str]) -> float:
        return self.timeout_s + self.stagger_s * (len(names) - 1)

    def _patience_s(self, wait_s: float) -> float:
        """How long to wait for events, so that nothing that is due is missed."""
        now_s = self.clock.now_s()
        times = [errand.wake_s if errand.index is None else errand.until_s for errand in self._errands.values()]
        return max(0.0, min([wait_s, *(time_s - now_s for time_s in times)]))

    # -- calls ------------------------------------------------------------------------------------------------------

    def _send(self, operation: str, names: Sequence[str]) -> int | None:
        """The index of the operation; None where the head node started it for none of the nodes."""
        answer = self.head_node.power_operation(
            operation,
            [self.targets[name].uuid for name in names],
            self.session,
            delay_s=0.0 if operation == "STATUS" else self.stagger_s,
            force=self.force,
        )
        return int(answer["index"]) if answer.get("count") else None

    def _ask(self, names: Sequence[str]) -> dict[str, Raw]:
        """Ask for STATUS once and collect an answer for each node."""
        if not names:
            return {}
        index = self._send("STATUS", names)
        if index is None:
            return {name: {"state": "FAILED", "msg": _NOT_STARTED_TEXT} for name in names}
        by_uuid = {self.targets[name].uuid: name for name in names}
        outcomes: dict[str, Raw] = {}
        deadline_s = self.clock.now_s() + self.timeout_s
        while len(outcomes) < len(names) and self.clock.now_s() < deadline_s:
            for event in next_events(self.head_node, self.session, min(_LONG_POLL_S, deadline_s - self.clock.now_s())):
                for status in event.get("status") or []:
                    name = by_uuid.get(status.get("device", ""))
                    if name and index in (status.get("indexes") or []) and status.get("state") != "PENDING":
                        outcomes[name] = status
        text = f"no result of power STATUS within {self.timeout_s:g} s: no answer"
        return {name: outcomes.get(name, {"state": "FAILED", "msg": text}) for name in names}

    # -- what was answered ------------------------------------------------------------------------------------------

    def _read(self, name: str, status: Raw) -> PowerResult:
        state = _state(status)
        result = PowerResult(before=state, after=state, address=self.targets[name].address)
        if state != "UNKNOWN":
            return result
        return self._fail(result, name, _failure_of(status), f"the power state is unknown: {_message(status)}")

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


def _with_sent(result: PowerResult, operation: str) -> PowerResult:
    return replace(result, sent=(*result.sent, operation))


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
