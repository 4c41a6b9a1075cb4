# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hall of 200 BMCs, some of which do not answer, and one typo in the vault that must not lock them all."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Run
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site
from ansible_collections.baremetal.bcm.tests.system.support.hall import (
    bmc_counters,
    failures_of,
    hosts_of,
    ipmi_rack,
    nodes_of,
    power_nodes,
    powered,
)

SIZE = 200
WAYS = ("ipmi", "head_node")
DEADLINE_S = 20
# Dead ones stand in front, where they are asked first.
DEAD = ("node001", "node002", "node100", "node139", "node177")
WRONG = ("node042", "node121", "node199")
IDLE = ("node081", "node158")
FAULTS = {
    **dict.fromkeys(DEAD[:3], "bmc_silent"),
    **dict.fromkeys(DEAD[3:], "bmc_away"),
    **dict.fromkeys(WRONG, "bmc_refuses_credentials"),
    **dict.fromkeys(IDLE, "bmc_accepts_and_ignores"),
}
CLASSES = {
    **dict.fromkeys(DEAD, "unreachable"),
    **dict.fromkeys(WRONG, "credentials"),
    **dict.fromkeys(IDLE, "not confirmed"),
}
# A hundred asks through one head node take their time on one computer; no test waits for it where all is well.
HALL: dict[str, Any] = {"bcm_ipmi_deadline": DEADLINE_S, "bcm_power_timeout": 12}
THROUGH_HEAD_NODE: dict[str, Any] = {"bcm_power_timeout": 60}


def timed(hall: Site, action: str, what: str, *, via: str, **variables: Any) -> Run:
    """Run power.yml and print how long it took; nothing is asserted about that."""
    given = {**HALL, **(THROUGH_HEAD_NODE if via == "head_node" else {}), **variables}
    started_s = time.monotonic()
    run = power_nodes(hall, action, via=via, **given)
    took_s = time.monotonic() - started_s
    print(f"\npower {action} via {via}, {what}: {took_s:.1f} s")  # noqa: T201 - a figure for people
    return run


@pytest.fixture(scope="class")
def hall(open_class_site: OpenSite) -> Site:
    rack = ipmi_rack(SIZE)
    return open_class_site(rack, inventory=hosts_of(rack))


@pytest.fixture(scope="class")
def hall_run(hall: Site) -> Run:
    assert timed(hall, "off", "200 that are well and off", via="ipmi").rc == 0
    for name, kind in FAULTS.items():
        hall.rack.break_something(kind, node=name)
    return timed(hall, "on", "190 that are well, 5 dead, 3 that refuse the login, 2 that do nothing", via="ipmi")


class TestAHallWithTenThatFail:
    def test_the_ten_are_named_with_their_classes(self, hall_run: Run) -> None:
        assert failures_of(nodes_of(hall_run)) == CLASSES
        assert hall_run.failed_hosts == sorted(FAULTS)

    def test_all_others_are_powered(self, hall: Site, hall_run: Run) -> None:
        on = {name for name, power in powered(hall.rack).items() if power == "ON"}

        assert len(on) == SIZE - len(FAULTS)
        assert not on & set(FAULTS)

    def test_each_bmc_that_answers_is_logged_in_to_once_also_one_that_refuses(self, hall: Site, hall_run: Run) -> None:
        # The first run has asked each once too.
        logins = bmc_counters(hall.rack, "logins")

        assert {logins[name] for name in logins if name not in DEAD} == {2}
        assert {name for name, node in nodes_of(hall_run).items() if node["tries"] > 1} <= set(DEAD)


class TestAHallWithAWrongPassword:
    @pytest.mark.parametrize("via", WAYS)
    def test_two_bmcs_are_touched(self, hall: Site, via: str) -> None:
        if not hall.rack._admin("GET", "/faults"):
            hall.rack.break_something("bmc_refuses_credentials")
        before = bmc_counters(hall.rack, "logins"), bmc_counters(hall.rack, "packets")

        run = timed(hall, "on", "a wrong password for all 200", via=via)

        after = bmc_counters(hall.rack, "logins"), bmc_counters(hall.rack, "packets")
        touched = [{name for name in now if now[name] != then[name]} for then, now in zip(before, after, strict=True)]
        assert touched == [{"node001", "node002"}] * 2
        assert {name: after[0][name] - before[0][name] for name in touched[0]} == {"node001": 1, "node002": 1}
        nodes = nodes_of(run)
        assert len(nodes) == SIZE
        assert failures_of(nodes) == {
            name: "credentials" if name in touched[0] else "not tried" for name in powered(hall.rack)
        }
        assert set(powered(hall.rack).values()) == {"OFF"}


class TestAHallThroughTheHeadNode:
    def test_ten_that_fail_are_named_and_all_others_are_powered(self, hall: Site) -> None:
        for name, kind in FAULTS.items():
            hall.rack.break_something(kind, node=name)

        run = timed(hall, "on", "190 that are well, 10 that fail", via="head_node")

        assert failures_of(nodes_of(run)) == CLASSES
        assert {name for name, power in powered(hall.rack).items() if power == "ON"} == set(powered(hall.rack)) - set(
            FAULTS
        )
