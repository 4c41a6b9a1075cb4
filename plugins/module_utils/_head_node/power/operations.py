# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Power through the head node: sent for a whole set, confirmed node by node through the session's events.

powerOperation returns before anything has happened; the outcome of each node arrives as a PowerStatus event, and an
outcome "ON" is only what the BMC answered. So an action counts when a later STATUS shows it (bcm-api.md 2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..._bmc.power import LEFT_ON, STATE_AFTER, STEPS, Failure, FindOccupied, PowerResult
from ..._values.names import shorten
from ..api.calls import Raw
from ..api.errors import BcmTransportError, BcmUnreachable
from .channel import LONG_POLL_S, NOT_STARTED, PowerChannel, failure_of, message_of, state_of
from .read_states import ask_states

# After these the status of devices is worth a reading (bcm-api.md 2.1). A slot that is given shows in a message.
_NEWS = ("DeviceStatusChangedEvent", "ProvisioningEvent")
# Until so many seconds have passed, a node that shuts down is asked after so many intervals; then after _RAREST.
_RARER, _RAREST = ((30.0, 1), (60.0, 2)), 4


@dataclass(frozen=True)
class _NodeAction:
    """One node's progress through the operations of an action.

    `steps[0]` is sent, its outcome awaited, and STATUS asked for until that shows the state; then comes the next step.
    `index` is that of the operation whose result is awaited.
    """

    steps: tuple[str, ...]
    result: PowerResult
    begun_s: float
    index: int | None = None
    asking: bool = False  # the operation was sent; what is sent or awaited now is a STATUS
    is_leaving: bool = False  # nothing was sent yet: it shuts down by itself, and `steps[0]` is sent if it does not
    until_s: float = 0.0  # for the result awaited, or for the state to show
    wake_s: float = 0.0  # not to be asked again before


@dataclass
class HeadNodePower(PowerChannel):
    """The power path through a head node.

    `run` performs actions and returns when they have ended. A caller that has other work meanwhile uses `begin`, and
    `step` while it `is_busy`.
    `interval_s` is the pause before a BMC is asked again.
    """

    interval_s: float = 2.0
    say: Callable[[str], None] = lambda _line: None
    find_occupied: FindOccupied = lambda _names: {}
    _actions: dict[str, _NodeAction] = field(default_factory=dict)
    _stayed: list[str] = field(default_factory=list)  # to be named as nodes that did not shut down

    def states(self, names: Sequence[str]) -> dict[str, PowerResult]:
        """Ask for the power state of each node; returns results by name. Raises as `ask_states` does."""
        return ask_states(self, names)

    def run(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        """Perform on, off, cycle or reset for each node and prove it; returns results by name.

        `before` has what was read of each node. A node that fails does not stop the others. Raises BcmError as the
        calls do; what was sent until then is not returned, so read the states before running it again.
        """
        self.begin(actions, before)
        return self.finish(list(actions))

    def finish(self, names: Sequence[str]) -> dict[str, PowerResult]:
        """Go on until all that was begun has ended; returns the results of these nodes by name. Raises as `run`."""
        results: dict[str, PowerResult] = {}
        while self.is_busy:
            results.update(self.step(LONG_POLL_S)[0])
        return {name: results[name] for name in names}

    @property
    def is_busy(self) -> bool:
        """Return whether any node is not finished."""
        return bool(self._actions)

    def begin(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> None:
        """Add these actions, which the next `step` sends; `before` has what was read of each node."""
        now_s = self.clock.now_s()
        for name, action in actions.items():
            self._actions[name] = _NodeAction(STEPS[action], before[name], now_s)

    def watch_shutdown(self, before: Mapping[str, PowerResult], patience_s: float) -> None:
        """Add nodes that were asked to shut down; the power of those that are not off in time is cut."""
        now_s = self.clock.now_s()
        for name, result in before.items():
            self._actions[name] = _NodeAction(
                STEPS["off"],
                _with_sent(result, "SHUTDOWN"),
                now_s,
                asking=True,
                is_leaving=True,
                until_s=now_s + patience_s,
                wake_s=now_s + min(self.interval_s, patience_s),
            )

    def step(self, wait_s: float) -> tuple[dict[str, PowerResult], bool]:
        """Send what is due, and wait for events for at most `wait_s`.

        Returns the results by name of nodes that are finished, and whether the status of any device changed. Raises
        BcmError as the calls do; calling again goes on, after SessionLost once `resume` was called.
        """
        finished: dict[str, PowerResult] = {}
        self._send_due(finished)
        changed = False
        by_uuid = {self.targets[name].uuid: name for name in self._actions}
        for event in self.events(self._patience_s(wait_s)):
            if event.get("childType") in _NEWS:
                changed = True
            elif event.get("childType") == "PowerStatusChangedEvent":
                for status in event.get("status") or []:
                    name = by_uuid.get(status.get("device", ""))
                    if name in self._actions and name is not None:
                        self._hear(name, status, finished)
        self._miss_overdue(finished)
        self._spare_occupied(finished)
        return finished, changed

    def _spare_occupied(self, finished: dict[str, PowerResult]) -> None:
        """Leave on, of the nodes that did not shut down, those that somebody has begun to work on meanwhile."""
        if not self._stayed:
            return
        for name, words in self.find_occupied(self._stayed).items():
            self._lose(name, self._actions[name], f"{LEFT_ON}: {words}", Failure.REFUSED, finished)
        cut = [name for name in self._stayed if name in self._actions]
        if cut:
            self.say(f"Did not shut down in time, power is cut: {shorten(cut)}")
        self._stayed = []

    def so_far(self, name: str) -> PowerResult | None:
        """Return the result so far of a node whose action is not finished; None for any other."""
        return self._actions[name].result if name in self._actions else None

    def resume(self, session: str) -> None:
        """Go on in another session: results awaited in the old one never come, so STATUS is asked for instead."""
        self.session = session
        now_s = self.clock.now_s()
        for name, action in self._actions.items():
            if action.index is not None:
                # BCM itself keeps the stagger: a node's turn may come long after the operation was taken.
                asking = self._about_to_ask(action, now_s)
                self._actions[name] = replace(asking, until_s=max(asking.until_s, action.until_s))

    # -- actions ----------------------------------------------------------------------------------------------------

    def _send_due(self, finished: dict[str, PowerResult]) -> None:
        now_s = self.clock.now_s()
        due: dict[str, list[str]] = {}
        for name, action in self._actions.items():
            if action.index is None and action.wake_s <= now_s:
                due.setdefault("STATUS" if action.asking else action.steps[0], []).append(name)
        for operation, names in due.items():
            try:
                index = self.send(operation, names)
            except BcmUnreachable:
                raise
            except BcmTransportError:
                # It may have been performed, so it is not sent twice: STATUS shows whether it was.
                for name in names:
                    action = self._actions[name]
                    if not action.asking:
                        result = _with_sent(action.result, operation)
                        action = replace(action, result=result, asking=True, until_s=now_s + self._time_for(names))
                    self._actions[name] = replace(action, index=None)
                raise
            for name in names:
                action = self._actions[name]
                if index is None:
                    # Only these nodes fail: one without a BMC must not end the actions of the others.
                    self._lose(name, action, f"power {operation} failed: {NOT_STARTED}", Failure.REFUSED, finished)
                    continue
                # A state may take until the deadline to show, however often it is asked.
                until_s = action.until_s if action.asking else now_s + self._time_for(names)
                sent = action.result if action.asking else _with_sent(action.result, operation)
                self._actions[name] = replace(action, result=sent, index=index, until_s=until_s)

    def _hear(self, name: str, status: Raw, finished: dict[str, PowerResult]) -> None:
        if self._actions[name].index not in (status.get("indexes") or []) or status.get("state") == "PENDING":
            return
        action = self._actions[name]
        if action.asking:
            self._hear_state(name, action, status, finished)
            return
        operation = action.steps[0]
        if status.get("state") in (operation, STATE_AFTER[operation]):
            self._actions[name] = self._about_to_ask(action, self.clock.now_s())
            return
        self._lose(name, action, f"power {operation} failed: {message_of(status)}", failure_of(status), finished)

    def _hear_state(self, name: str, action: _NodeAction, status: Raw, finished: dict[str, PowerResult]) -> None:
        now_s, state = self.clock.now_s(), state_of(status)
        action = replace(action, index=None, result=replace(action.result, after=state))
        if state == STATE_AFTER[action.steps[0]]:
            left = action.steps[1:]
            self._actions[name] = replace(action, steps=left, asking=False)
            if not left:
                self._finish(name, finished)
        elif now_s >= action.until_s and action.is_leaving:
            self._stayed.append(name)
            self._actions[name] = replace(action, is_leaving=False, asking=False, wake_s=now_s)
        elif now_s >= action.until_s:
            text = self._not_confirmed(action.steps[0], status)
            self._lose(name, action, text, Failure.NOT_CONFIRMED, finished)
        else:
            self._actions[name] = replace(action, wake_s=self._next_look_s(action, now_s))

    def _miss_overdue(self, finished: dict[str, PowerResult]) -> None:
        now_s = self.clock.now_s()
        for name, action in list(self._actions.items()):
            if action.index is None or now_s < self._overdue_s(action):
                continue
            missed = {"state": "FAILED", "msg": f"no result within {self.timeout_s:g} s: no answer"}
            if action.asking:
                self._hear_state(name, action, missed, finished)
            else:
                self._lose(
                    name, action, f"power {action.steps[0]} failed: {message_of(missed)}", Failure.UNREACHABLE, finished
                )

    def _next_look_s(self, action: _NodeAction, now_s: float) -> float:
        """Return when to ask a BMC again. Nodes that shut down are looked at together, and ever more rarely."""
        if not action.is_leaving:
            return now_s + self.interval_s
        waited_s = now_s - action.begun_s
        pause_s = self.interval_s * next((times for until_s, times in _RARER if waited_s < until_s), _RAREST)
        return min(action.begun_s + (waited_s // pause_s + 1) * pause_s, action.until_s)

    def _overdue_s(self, action: _NodeAction) -> float:
        """Return when a result that is awaited is missed. A node that may have shut down in time is asked once more."""
        return action.until_s + (self.timeout_s if action.is_leaving else 0.0)

    def _about_to_ask(self, action: _NodeAction, now_s: float) -> _NodeAction:
        until_s = action.until_s if action.asking else now_s + self.timeout_s
        return replace(action, index=None, asking=True, until_s=until_s)

    def _lose(
        self, name: str, action: _NodeAction, message: str, failure: Failure, finished: dict[str, PowerResult]
    ) -> None:
        self._actions[name] = replace(action, result=self.fail(action.result, name, failure, message))
        self._finish(name, finished)

    def _finish(self, name: str, finished: dict[str, PowerResult]) -> None:
        action = self._actions.pop(name)
        finished[name] = replace(action.result, seconds=round(self.clock.now_s() - action.begun_s, 1))

    def _time_for(self, names: Sequence[str]) -> float:
        return self.timeout_s + self.stagger_s * (len(names) - 1)

    def _patience_s(self, wait_s: float) -> float:
        """Return how long to wait for events, so that nothing that is due is missed."""
        now_s = self.clock.now_s()
        times = [
            action.wake_s if action.index is None else self._overdue_s(action) for action in self._actions.values()
        ]
        return max(0.0, min([wait_s, *(time_s - now_s for time_s in times)]))

    # -- messages ----------------------------------------------------------------------------------------------------

    def _not_confirmed(self, operation: str, seen: Raw) -> str:
        return (
            f"power {operation} was accepted, but {self.timeout_s:g} s later the power state is {state_of(seen)}"
            f"{'' if state_of(seen) != 'UNKNOWN' else f' ({message_of(seen)})'}"
        )


def _with_sent(result: PowerResult, operation: str) -> PowerResult:
    return replace(result, sent=(*result.sent, operation))
