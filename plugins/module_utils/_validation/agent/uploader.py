# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What goes to the receiver, in order, each message once, whatever becomes of the network.

One message is under way at a time. It keeps its number and its bytes until the receiver has said that it has it, so
that a message whose answer was lost is known there as the same one. A receiver that is away is waited for until the
deadline of the run.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ..messages import BOOT_DISK, CRASHED, POWER_OFF, Event, Hello, StepResult, clean, events_path, log_path
from .link import Answer, Link, LinkError

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_MOST_REFUSALS = 5  # a clock of the receiver's, a restart: a refusal may pass
_MOST_RENUMBERED = 10
_LATER = (408, 429)  # the body came too slowly, or too many came: the message itself is good
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Message:
    """A message without its number yet: an event, or with `piece` a piece of a step's log."""

    kind: str
    step: str | None = None
    body: StepResult | Hello | None = None
    piece: int = 0
    log: bytes = b""


@dataclass
class _Sending:
    """A message under way, and what came back so far."""

    message: _Message
    method: str
    path: str
    sent: bytes
    pause_s: float = _FIRST_PAUSE_S
    wait_s: float = 0.0
    answer_lost: bool = False
    refusals: int = 0
    renumbered: int = 0


class Uploader:
    """Sends in a thread of its own. `now` is a monotonic clock in seconds, `uptime` the machine's."""

    def __init__(
        self, link: Link, run: str, *, now: Callable[[], float], uptime: Callable[[], float], deadline: float
    ) -> None:
        self._link, self._run, self._now, self._uptime = link, run, now, uptime
        self.deadline = deadline
        self._waiting: deque[_Message] = deque()
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._next = 1
        self.over = ""  # why nothing more is sent
        self.then = ""  # what the receiver wants after the run
        self._thread = threading.Thread(target=self._work, name="uploader", daemon=True)
        self._thread.start()

    def event(self, kind: str, step: str | None = None, body: StepResult | Hello | None = None) -> None:
        """Queue an event."""
        self._put(_Message(kind, step, body))

    def heartbeat(self, step: str) -> None:
        """Queue a heartbeat, unless anything waits: that says as much."""
        with self._changed:
            if not self._waiting:
                self._waiting.append(_Message("heartbeat", step))
                self._changed.notify_all()

    def log(self, step: str, piece: int, compressed: bytes) -> None:
        """Queue a piece of a log."""
        self._put(_Message("log", step, piece=piece, log=compressed))

    def drain(self, until: float) -> bool:
        """Wait until all is sent, at most until a time of the clock; say whether it was."""
        with self._changed:
            while self._waiting and not self.over and self._now() < until:
                self._changed.wait(min(1.0, max(0.01, until - self._now())))
            return not self._waiting and not self.over

    def close(self) -> None:
        """Stop sending; what waits is given up."""
        self._ended.set()
        with self._changed:
            self.over = self.over or "the agent ends"
            self._changed.notify_all()
        self._thread.join(timeout=60)

    def _put(self, message: _Message) -> None:
        with self._changed:
            if not self.over:
                self._waiting.append(message)
                self._changed.notify_all()

    def _work(self) -> None:
        while not self._ended.is_set():
            with self._changed:
                while not self._waiting and not self._ended.is_set():
                    self._changed.wait(1.0)
                if self._ended.is_set():
                    return
                message = self._waiting[0]
            over = self._deliver(message)
            with self._changed:
                if over:
                    _LOG.error("nothing more is sent: %s", over)
                    self.over = over
                    self._waiting.clear()
                else:
                    self._waiting.popleft()
                self._changed.notify_all()
            if over:
                return

    def _deliver(self, message: _Message) -> str:
        """Send a message until it is accepted or given up; give the reason why nothing more may be sent, if any."""
        sending = _Sending(message, *self._request(message))
        while not self._ended.is_set():
            if self._now() > self.deadline:
                return "the receiver did not take it before the deadline"
            sending.wait_s = sending.pause_s
            try:
                answer = self._link.request(sending.method, sending.path, self._next, sending.sent)
            except LinkError as error:
                _LOG.warning("%s; trying again", error)
                answer = Answer(0, b"")
            over = self._after(answer, sending)
            if over is not None:
                return over
            self._ended.wait(sending.wait_s)
            sending.pause_s = min(sending.pause_s * 2, _LONGEST_PAUSE_S)
        return "the agent ends"

    def _after(self, answer: Answer, sending: _Sending) -> str | None:
        """Decide what follows from an answer: None to send again, empty for the next message, or why all is over."""
        if 200 <= answer.status < 300:
            return self._accepted(sending.message, answer)
        if answer.status == 410:
            # What ends a run has ended it where only the answer to it was lost.
            if sending.message.kind == "finished" and sending.answer_lost:
                return self._accepted(sending.message, answer)
            self.then = _then(answer.body)
            return _why_over(answer.body)
        if answer.status == 409:
            return self._renumber(answer, sending)
        if answer.status == 401:
            sending.refusals += 1
            refused = "the receiver does not know this run, or refuses its signature"
            return refused if sending.refusals >= _MOST_REFUSALS else None
        if 400 <= answer.status < 500 and answer.status not in _LATER:
            return self._shorten(answer.status, sending)
        sending.answer_lost = True  # whoever answered for the receiver, or no one: it may have the message
        sending.wait_s = answer.retry_after_s or sending.pause_s
        return None

    def _renumber(self, answer: Answer, sending: _Sending) -> str | None:
        expected = _expected(answer.body)
        if sending.answer_lost and expected == self._next + 1:
            return self._accepted(sending.message, answer)
        sending.renumbered += 1
        if expected < 1 or sending.renumbered > _MOST_RENUMBERED:
            return "the receiver and the agent do not agree on the number of messages"
        self._next, sending.wait_s = expected, 0.0
        sending.method, sending.path, sending.sent = self._request(sending.message)
        return None

    def _shorten(self, status: int, sending: _Sending) -> str | None:
        smaller = _without_content(sending.message, status)
        if smaller is None:
            _LOG.error("the receiver refuses a %s with %d, it is given up", sending.message.kind, status)
            return ""
        sending.message, sending.wait_s = smaller, 0.0
        sending.method, sending.path, sending.sent = self._request(smaller)
        return None

    def _request(self, message: _Message) -> tuple[str, str, bytes]:
        if message.kind == "log":
            return "PUT", log_path(self._run, message.step or "", message.piece), message.log
        event = Event(message.kind, self._next, self._uptime(), message.step, message.body)
        return "POST", events_path(self._run), event.to_bytes()

    def _accepted(self, message: _Message, answer: Answer) -> str:
        self._next += 1
        if message.kind == "finished":
            self.then = _then(answer.body)
        return ""


def _without_content(message: _Message, status: int) -> _Message | None:
    """Return what to send in place of a result that the receiver refuses; a step never ends without a result."""
    body = message.body
    if message.kind != "step_finished" or not isinstance(body, StepResult) or body.outcome == CRASHED:
        return None
    reason = clean(f"the receiver refused the step's result with {status}; its outcome was {body.outcome}")
    return _Message(message.kind, message.step, StepResult(CRASHED, reason, body.seconds, log_pieces=body.log_pieces))


def _expected(body: bytes) -> int:
    number = _field(body, "expected")
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _then(body: bytes) -> str:
    word = _field(body, "then")
    return word if isinstance(word, str) and word in (POWER_OFF, BOOT_DISK) else ""


def _why_over(body: bytes) -> str:
    error = _field(body, "error")
    return clean(error, 200) if isinstance(error, str) and error else "the run is over"


def _field(body: bytes, name: str) -> object:
    try:
        read = json.loads(body)
    except ValueError:
        return None
    return read.get(name) if isinstance(read, dict) else None
