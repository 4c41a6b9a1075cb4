# SPDX-License-Identifier: GPL-3.0-or-later
"""Several runs at the same time, in an order that is the same every time: one moves, call by call, all others wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ...fake_head_node import FakeHeadNode

_PATIENCE_S = 30.0  # real time: only a bug makes a run wait so long


@dataclass
class Actor:
    """One run: when it moves next, and its answer or its end."""

    wakes_s: float
    thread: threading.Thread | None = None
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    answer: object = None
    error: BaseException | None = None
    done: bool = False


class Turns:
    """A clock for all runs, and the run that moves. Calls take as long as `latencies` says, one after the other."""

    def __init__(self, head: FakeHeadNode, latencies: Iterator[float]) -> None:
        self._head = head
        self._latencies = latencies
        self._now_s = head.clock.now_s()
        self._actors: list[Actor] = []
        self._current: Actor | None = None
        self._back = threading.Semaphore(0)
        head.clock = self

    def now_s(self) -> float:
        return self._now_s

    def wall_s(self) -> int:
        return 1_700_000_000 + int(self._now_s)

    def sleep(self, seconds: float) -> None:
        """Let the run that moves wait; others move meanwhile."""
        actor = self._current
        if actor is None:
            self._now_s += seconds
            return
        actor.wakes_s = self._now_s + seconds
        self._back.release()
        assert actor.gate.acquire(timeout=_PATIENCE_S)

    def call(self) -> None:
        """To be called before every call."""
        self.sleep(next(self._latencies))

    def play(self, *acts: Callable[[], object], starts_s: tuple[float, ...] = ()) -> list[Actor]:
        """Let all of them come to their end; each starts after so many seconds."""
        for number, act in enumerate(acts):
            actor = Actor(self._now_s + (starts_s[number] if starts_s else 0.0))
            actor.thread = threading.Thread(target=self._act, args=(actor, act), daemon=True)
            self._actors.append(actor)
            actor.thread.start()
        while waiting := [actor for actor in self._actors if not actor.done]:
            actor = min(waiting, key=lambda one: one.wakes_s)
            self._now_s, self._current = max(self._now_s, actor.wakes_s), actor
            actor.gate.release()
            assert self._back.acquire(timeout=_PATIENCE_S)
        self._current = None
        for actor in self._actors:
            assert actor.thread is not None
            actor.thread.join(_PATIENCE_S)
            if actor.error is not None:
                raise actor.error
        return self._actors

    def _act(self, actor: Actor, act: Callable[[], object]) -> None:
        assert actor.gate.acquire(timeout=_PATIENCE_S)
        try:
            actor.answer = act()
        except BaseException as error:  # noqa: BLE001 - it is raised by `play`
            actor.error = error
        actor.done = True
        self._back.release()
