# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Power and restarts of the nodes of a run, over one session that is opened anew where it is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .._bmc.power import PowerResult
from .._head_node.api.client import HeadNode
from .._head_node.api.errors import BcmApiError, BcmError, BcmTransportError
from .._head_node.api.events import SessionLost
from .._head_node.power.operations import HeadNodePower
from .._head_node.power.restart import ask_to_restart
from .._values.clock import Clock
from .._values.names import shorten
from .console import PollTimer
from .decide import Action
from .node_run import NodeRun, devices_of


class NodePower:
    """The power of the nodes of a run: sends it, follows it, and keeps the result of each node."""

    def __init__(self, power: HeadNodePower, clock: Clock, say: Callable[[str], None], graceful_s: float) -> None:
        self._power = power
        self._head_node: HeadNode = power.head_node
        self._clock = clock
        self._say = say
        self._graceful_s = graceful_s
        self._has_session = False
        self._reports: dict[str, PowerResult] = {}

    def start(self, nodes: Mapping[str, NodeRun], graceful: list[str]) -> None:
        """Begin to power these nodes as decided; those in `graceful` are asked to restart by themselves."""
        verbs = {
            name: "on" if node.decision.action is Action.POWER_ON else "cycle"
            for name, node in nodes.items()
            if node.decision.action.powers and name not in graceful
        }
        self._reports.update({name: replace(node.power, sent=()) for name, node in nodes.items()})
        self._send(verbs)
        if graceful:
            self._restart({name: nodes[name] for name in graceful})

    def cut(self, names: list[str]) -> None:
        """Cut the power of nodes that would not restart."""
        self._send(dict.fromkeys(names, "cycle"))

    def wait(self, timer: PollTimer) -> list[str]:
        """Wait until the next reading of the status is due, or power failed; return the nodes whose power failed.

        Raises BcmTransportError where the head node does not answer, and other BcmErrors where it opens no session that
        power needs. Waiting again is safe: nothing is sent twice.
        """
        self._open_session()
        failed: list[str] = []
        while not failed:
            left_s = timer.due_s - self._clock.now_s()
            if left_s <= 0 and not self._power.is_busy:
                break
            if not self._has_session:
                self._clock.sleep(left_s)
                break
            try:
                finished, changed = self._power.step(max(0.0, left_s))
            except (SessionLost, BcmApiError):
                # The run goes on; the next turn opens another session, and STATUS shows what became of power.
                self._has_session = False
                self._clock.sleep(1.0)
                break
            for name, report in finished.items():
                self._reports[name] = replace(report, sent=(*self.report_of(name).sent, *report.sent))
                failed += [name] if report.failure is not None else []
            if changed:
                timer.hurry(self._clock.now_s())
                if not self._power.is_busy:
                    # More changes will come until the next reading, each ending a long poll.
                    self._clock.sleep(max(0.0, timer.due_s - self._clock.now_s()))
            if timer.due_s <= self._clock.now_s():
                break
        return failed

    def report_of(self, name: str) -> PowerResult:
        """Return what was sent to a node so far, and with which result."""
        known = self._reports.get(name, PowerResult())
        under_way = self._power.so_far(name)
        return known if under_way is None else replace(under_way, sent=(*known.sent, *under_way.sent))

    def close(self) -> None:
        """Close the session. It would end by itself, so a head node that does not answer is no error."""
        if self._has_session:
            try:
                self._head_node.unregister_session(self._power.session)
            except BcmError:
                return

    # -- parts ------------------------------------------------------------------------------------------------------

    def _send(self, verbs: Mapping[str, str]) -> None:
        for verb in dict.fromkeys(verbs.values()):
            self._say(f"Power {verb}: {shorten([name for name in verbs if verbs[name] == verb])}")
        self._power.begin(verbs, {name: replace(self._reports[name], sent=()) for name in verbs})

    def _restart(self, nodes: Mapping[str, NodeRun]) -> None:
        self._say(f"Restart: {shorten(list(nodes))}")
        later = f"their power is cut if they are still UP after {self._graceful_s:g} s"
        reply = ask_to_restart(self._head_node, devices_of(nodes), self._graceful_s)
        if reply.error:
            self._say(f"{reply.error}; {later}")
        if reply.unwilling:
            self._say(f"Did not agree to restart: {shorten(reply.unwilling)}; {later}")
        self._reports.update({name: replace(self._reports[name], sent=("REBOOT",)) for name in reply.agreed})

    def _open_session(self) -> None:
        """Open a session for events; where no power is to be sent, the run goes on without one if it is refused."""
        if self._has_session:
            return
        try:
            session = self._head_node.register_session()
        except BcmTransportError:
            raise
        except BcmError:
            if self._power.is_busy:
                raise
            return
        self._power.resume(session)
        self._has_session = True
