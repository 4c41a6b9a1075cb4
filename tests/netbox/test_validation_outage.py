# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's own uploader against the receiver while nothing gets through for a minute, on a clock that the test
moves: every two seconds of it the worker works."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.agent.link import Answer, Link, LinkError
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.agent.uploader import Uploader
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import Hello, StepResult
from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.netbox.validating import STEPS, Machine, Place

AWAY_S, TIME_OUT_S = 60.0, 15.0
# What a message meets, and how long the agent waits to know.
WAYS: dict[str, tuple[Callable[[], Answer], float]] = {
    "the port is refused": (lambda: _no_answer("ConnectionRefusedError"), 0.0),
    "packets are dropped": (lambda: _no_answer("TimeoutError"), TIME_OUT_S),
    "503": (lambda: Answer(503, b"", 0.0), 0.0),
    "503 with Retry-After": (lambda: Answer(503, b"", 30.0), 0.0),
    "something else answers 408": (lambda: Answer(408, b"{}", 0.0), 0.0),
    "answers are lost": (lambda: _no_answer("TimeoutError"), TIME_OUT_S),
}


def _no_answer(kind: str) -> Answer:
    raise LinkError(f"no answer from receiver: {kind}")


class Network:
    """What stands between a machine and the receiver; a Link, and the time that the agent waits in."""

    def __init__(self, place: Place, machine: Machine, way: str) -> None:
        self._place, self._machine, self._way = place, machine, way
        self._away_until = 0.0

    def fail(self) -> None:
        """Let nothing through from now on, for a minute."""
        self._away_until = self._place.clock.now + AWAY_S

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in which the worker works."""
        until = self._place.clock.now + seconds
        while self._place.clock.now < until:
            self._place.pass_time(min(2.0, until - self._place.clock.now))
            self._place.worker.turn()

    def request(self, method: str, path: str, sequence: int, body: bytes = b"") -> Answer:
        """Send a request, as a Link does."""
        is_away = self._place.clock.now < self._away_until
        if is_away and self._way != "answers are lost":
            answer, takes_s = WAYS[self._way]
            self.pass_time(takes_s)
            return answer()
        given = self._place.send(self._machine.asked(method, path, sequence, body))
        if is_away:
            self.pass_time(TIME_OUT_S)
            _no_answer("TimeoutError")
        return Answer(given.status, b"", float(given.retry_after_s))


class Pauses(threading.Event):
    """The agent's pauses, which pass on the test's clock."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    def wait(self, timeout: float | None = None) -> bool:
        self._network.pass_time(timeout or 0.0)
        return self.is_set()


@pytest.fixture(name="place")
def _place(modules: Modules, lab: Lab, tmp_path: Path) -> Iterator[Place]:
    modules.good("netbox_bootstrap", lab, validation=True, fail_on_missing=False)
    made = Place(lab, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_receiver_that_is_out_of_reach_for_a_minute_in_each_step_has_each_result_once(place: Place, way: str) -> None:
    machine = place.machine()
    place.turn()
    assert machine.boot()
    network = Network(place, machine, way)
    clock = place.clock
    until = clock.now + 3600.0
    uploader = Uploader(
        cast(Link, network), machine.run, now=clock, uptime=lambda: clock.now - 1_790_000_000.0, deadline=until
    )
    cast(Any, uploader)._ended = Pauses(network)

    def tell(*event: Any) -> None:
        uploader.event(*event)
        assert uploader.drain(until), uploader.over

    with contextlib.closing(uploader):
        tell("hello", None, Hello(machine.serial, "u", (machine.mac,), "uefi", True, None, "", "1"))
        for step in STEPS:
            tell("step_started", step)
            tell("heartbeat", step)
            # The longest silence: nothing gets through from right before the next heartbeat on.
            network.pass_time(place.settings.heartbeat_seconds - 1.0)
            network.fail()
            network.pass_time(1.0)
            tell("heartbeat", step)
            tell("step_finished", step, StepResult.from_wire(machine.good(step)))
        tell("finished")
    place.turn(2)

    assert place.lab.state(machine.server) == "staged", place.result(machine)
    told = [entry["comments"].partition(":")[0].partition(" (")[0] for entry in place.lab.journal(machine.server)]
    assert sorted(told) == sorted([*(f"Validation {step}" for step in STEPS), "discovered → staged"])
