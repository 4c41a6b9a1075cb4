# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times that operators ask for, of whole playbooks and on the rack's clock, which only their calls move."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, POWER, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import GIVE_UP_S, Rack, inventory_of, new_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

MINUTE = 60.0
# What a call takes of the rack's time, and a wait for events: both longer than they are.
CALL_S, WAIT_S = 1.0, 2 * MINUTE
# Servers that test their memory, and are copied a large image.
TIMES = {"post": 180, "boot": 60, "install_full": 1020, "install_sync": 900, "init": 90}
NODES = [f"node{number:03d}" for number in range(1, 17)]


@dataclass
class Ticker:
    """Moves the rack's clock by what the calls of a run take, and notes when all of its nodes were UP."""

    rack: Rack
    nodes: list[str]
    up_s: float | None = None
    _seen: dict[str, int] = field(default_factory=dict)

    def tick(self) -> None:
        counts = self.rack.call_counts()
        new = {name: count - self._seen.get(name, 0) for name, count in counts.items()}
        self._seen = counts
        passed_s = sum(count * (WAIT_S if name == "waitForEvents" else CALL_S) for name, count in new.items())
        if passed_s:
            self.rack.let_pass(passed_s)
        if self.up_s is None and {self.rack.states()[name] for name in self.nodes} == {"UP"}:
            self.up_s = self.rack.now_s()


@contextmanager
def ticking(ticker: Ticker) -> Iterator[None]:
    """Tick for as long as the block lasts, and once more."""
    is_over = threading.Event()

    def tick_on() -> None:
        while not is_over.wait(0.05):
            ticker.tick()

    thread = threading.Thread(target=tick_on)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(GIVE_UP_S)
        ticker.tick()


@dataclass(frozen=True)
class Measured:
    """A run, how long it took on the rack's clock, and how much of that came after the last node was UP."""

    run: Run
    took_s: float
    after_up_s: float


def measure(where: Site, playbook: str, nodes: list[str], variables: dict[str, Any]) -> Measured:
    where.rack.forget_calls()
    began_s = where.rack.now_s()
    ticker = Ticker(where.rack, nodes)
    with ticking(ticker):
        run = where.ansible.play(playbook, "--limit", ",".join(nodes), variables=variables)
    ended_s = where.rack.now_s()
    assert run.rc == 0, run.output
    return Measured(run, ended_s - began_s, ended_s - (ticker.up_s or began_s))


class TestOnTheRacksClock:
    @pytest.fixture(scope="class")
    @staticmethod
    def runs(open_class_site: OpenSite) -> dict[str, Measured]:
        rack = {**new_rack(len(NODES)), "times": TIMES}
        rack["head_node"]["images"] = ["default-image", "other-image"]
        where = open_class_site(rack, inventory=inventory_of(rack))
        where.rack.stop_time()
        another = {**POWER, "bcm_software_image": "other-image"}
        return {
            "one": measure(where, "provision", NODES[:1], POWER),
            "again": measure(where, "reprovision", NODES[:1], another),
            "five": measure(where, "provision", NODES[1:6], POWER),
            "ten": measure(where, "provision", NODES[6:], PARALLEL),
        }

    def test_a_new_node_is_up_within_30_minutes(self, runs: dict[str, Measured]) -> None:
        assert sum(TIMES.values()) - TIMES["install_sync"] < runs["one"].took_s <= 30 * MINUTE

    def test_a_node_is_installed_anew_within_30_minutes(self, runs: dict[str, Measured]) -> None:
        assert runs["again"].run.results[NODES[0]]["outcome"] == "successful"
        assert runs["again"].took_s <= 30 * MINUTE

    def test_five_nodes_one_after_the_other_are_up_within_150_minutes(self, runs: dict[str, Measured]) -> None:
        assert runs["five"].took_s <= 150 * MINUTE

    def test_ten_nodes_on_ten_slots_are_up_within_60_minutes(self, runs: dict[str, Measured]) -> None:
        assert set(runs["ten"].run.actions) == set(NODES[6:])
        assert runs["ten"].took_s <= 60 * MINUTE

    @pytest.mark.parametrize("name", ["one", "ten"])
    def test_the_report_is_there_within_a_minute_of_the_last_verdict(
        self, runs: dict[str, Measured], name: str
    ) -> None:
        assert 0 < runs[name].after_up_s <= MINUTE
        assert runs[name].run.summary["failed"] == 0
