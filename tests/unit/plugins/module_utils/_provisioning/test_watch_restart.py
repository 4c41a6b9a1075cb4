# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching nodes that were UP and asked to restart by themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.watch import (
    NodeWatch,
    cut_power,
    give_up,
    observe,
    start_watch,
)

DEADLINES = Deadlines(boot_s=100, install_s=200, init_s=50, graceful_s=60)
Seen = tuple[float, str]


def status(name: str) -> DeviceStatus:
    return DeviceStatus("uuid", name, "")


def restart(*seen: Seen) -> NodeWatch:
    """The watch of a node that was UP and asked to restart."""
    watch = start_watch("node001", 0.0, "UP", graceful=True)
    for at_s, name in seen:
        watch = observe(watch, status(name), at_s, DEADLINES)
    return watch


def test_a_graceful_restart_goes_down_before_it_boots() -> None:
    watch = restart((1, "UP"), (5, "GOING_DOWN"), (20, "DOWN"), (40, "BOOTING"), (60, "UP"))

    assert watch.verdict == "up"
    assert [(step.phase, step.at_s) for step in watch.steps] == [
        ("restarting", 0),
        ("powered", 20),
        ("booting", 40),
        ("up", 60),
    ]


@pytest.mark.parametrize("seen", ["UP", "GOING_DOWN"])
def test_a_node_that_does_not_restart_is_not_given_up_but_has_its_power_cut(seen: str) -> None:
    watch = restart((1, seen), (60, seen))
    cut = cut_power(watch, 61)

    assert (watch.verdict, watch.is_stuck_up(59, DEADLINES), watch.is_stuck_up(60, DEADLINES)) == ("", False, True)
    assert (cut.phase, cut.steps[-1].at_s, cut.is_stuck_up(9999, DEADLINES)) == ("powered", 61, False)
    assert observe(cut, status(seen), 161, DEADLINES) == cut
    assert "hung in phase powered" in observe(cut, status(seen), 162, DEADLINES).reason


def test_a_node_given_up_is_not_stuck_and_keeps_the_phase_it_failed_in() -> None:
    watch = give_up(restart((1, "UP")), "why", 7)

    assert not watch.is_stuck_up(9999, DEADLINES)
    assert (watch.phase, watch.verdict, watch.reason) == ("restarting", "failed", "why")
    assert (watch.steps[-1].phase, watch.steps[-1].message, watch.seconds) == ("failed", "why", 7)


def reset(*seen: tuple[float, str, bool], outdated: bool = True) -> NodeWatch:
    """The watch of a node that was UP, changed, and reset; whether BCM wants a restart is third."""
    watch = start_watch("node001", 0.0, "UP", outdated=outdated)
    for at_s, name, required in seen:
        watch = observe(watch, replace(status(name), restart_required=required), at_s, replace(DEADLINES, settle_s=60))
    return watch


def test_a_node_that_was_up_again_before_anybody_looked_is_believed_once_that_has_lasted() -> None:
    assert reset((1, "UP", True), (9, "UP", False), (68, "UP", False)).verdict == ""
    assert reset((1, "UP", True), (9, "UP", False), (69, "UP", False)).verdict == "up"
    # The head node was away until then.
    assert reset((30, "UP", False), (89, "UP", False)).verdict == ""
    assert reset((30, "UP", False), (90, "UP", False)).verdict == "up"


def test_a_node_that_stays_up_with_what_it_ran_before_is_never_believed() -> None:
    assert reset((1, "UP", True), (99, "UP", True)).verdict == ""
    assert "hung in phase powered" in reset((1, "UP", True), (101, "UP", True)).reason
    assert reset((1, "UP", False), (99, "UP", False), outdated=False).verdict == ""
