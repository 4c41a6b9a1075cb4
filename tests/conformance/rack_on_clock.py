# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual rack and the collection in one process, both on the rack's clock.

Time passes only where somebody waits, or a call is made: what is measured does not depend on the computer.
"""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import dataclass
from typing import Any

import httpx

from virtual_rack.clock import Clock
from virtual_rack.in_process import Bench
from virtual_rack.rack_reader import rack_from

Raw = dict[str, Any]


class RackClock:
    """The rack's clock as the collection sees it: whoever sleeps moves it on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now_s(self) -> float:
        return self._clock.now_s

    def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)

    def wall_s(self) -> int:
        return 1_763_640_000 + int(self._clock.now_s)


@dataclass(frozen=True)
class Call:
    """A call that has come, and when."""

    at_s: float
    name: str
    args: list[Any]


class RackOnClock:
    """A head node whose every call takes `call_s` of its own time; `transport` leads to it, `clock` is its time."""

    def __init__(self, content: Raw, *, call_s: float) -> None:
        self.bench = Bench(rack_from(content), monotonic_s=lambda: self.bench.clock.now_s)
        self.clock = RackClock(self.bench.clock)
        self.calls: list[Call] = []
        self._call_s = call_s
        self._one_at_a_time = threading.Lock()

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def machine(self, name: str) -> Any:
        """Give a machine, to look at what it really did."""
        return self.bench.head.machines.named(name)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        content = request.content
        if request.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        with self._one_at_a_time:
            self.bench.step(self._call_s)
            return self._answer(json.loads(content))

    def _answer(self, body: Raw) -> httpx.Response:
        if body["service"] == "login":
            return httpx.Response(200, json=True, headers={"Set-Cookie": "cm-login-token=0123;path=/;Secure"})
        call = Call(self.clock.now_s(), body["call"], body["args"])
        self.calls.append(call)
        if call.name == "waitForEvents":
            return httpx.Response(200, json=self._wait_for_events(*call.args))
        try:
            return httpx.Response(200, json=self.bench.call(body["service"], call.name, *call.args))
        except LookupError:
            return httpx.Response(400, text="Bad Request\n")

    def _wait_for_events(self, session: str, timeout_s: float) -> list[Raw]:
        until_s = self.clock.now_s() + timeout_s
        while True:
            events: list[Raw] = self.bench.call("cmsession", "waitForEvents", session, 0)
            left_s = until_s - self.clock.now_s()
            if events or left_s <= 0:
                return events
            next_s = self.bench.clock.next_due_s()
            self.bench.step(left_s if next_s is None else min(left_s, next_s - self.clock.now_s()))
