# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""BMCs that lose packets, are slow, silent, away or lie: each fails with its class and address, and no other does."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Run
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site
from ansible_collections.baremetal.bcm.tests.system.support.hall import (
    PASSWORD,
    address_of,
    ask_bmcs,
    bmc_counters,
    failures_of,
    hosts_of,
    ipmi_rack,
    nodes_of,
    power_nodes,
    powered,
)

WAYS = ("ipmi", "head_node")
# What is wrong with which BMC: the fault, its options, and the class of failure on each way ("": none).
TROUBLES: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "node003": ("bmc_silent", {}, {"ipmi": "unreachable", "head_node": "unreachable"}),
    "node004": ("bmc_slow", {"seconds": 0.3}, {"ipmi": "", "head_node": ""}),
    "node005": ("bmc_hangs", {}, {"ipmi": "unreachable", "head_node": "unreachable"}),
    "node006": ("bmc_refuses_credentials", {}, {"ipmi": "credentials", "head_node": "credentials"}),
    "node007": ("bmc_accepts_and_ignores", {}, {"ipmi": "not confirmed", "head_node": "not confirmed"}),
    "node008": ("bmc_away", {}, {"ipmi": "unreachable", "head_node": "unreachable"}),
    "node009": ("bmc_drops", {"every": 10}, {"ipmi": "", "head_node": ""}),
}
HEALTHY = ("node001", "node002", "node010")


@pytest.fixture(scope="class")
def hall(open_class_site: OpenSite) -> Site:
    rack = ipmi_rack(10)
    return open_class_site(rack, inventory=hosts_of(rack))


@pytest.fixture(scope="class")
def troubled_run(hall: Site, via: str) -> Run:
    for name in powered(hall.rack):
        hall.rack.press_power(name, "off")
    hall.rack.repair()
    for name, (kind, options, _classes) in TROUBLES.items():
        hall.rack.break_something(kind, node=name, **options)
    # A BMC that is slow needs some two seconds, on a machine that has time.
    return power_nodes(hall, "on", via=via, bcm_power_timeout=12, bcm_ipmi_deadline=40)


@pytest.mark.parametrize("via", WAYS, scope="class")
class TestEveryWayInTrouble:
    def test_each_fails_with_its_class(self, troubled_run: Run, via: str) -> None:
        expected = {name: classes[via] for name, (_kind, _options, classes) in TROUBLES.items() if classes[via]}

        assert failures_of(nodes_of(troubled_run)) == expected
        assert troubled_run.failed_hosts == sorted(expected)

    def test_the_message_names_the_bmc_and_the_class(self, hall: Site, troubled_run: Run, via: str) -> None:
        messages = {name: node["error"] for name, node in nodes_of(troubled_run).items() if node["failure"]}

        assert messages
        for name, message in messages.items():
            assert message.endswith(f"({TROUBLES[name][2][via]}, BMC {address_of(hall.rack, name)})")
            assert message in troubled_run.failures

    def test_all_others_are_powered(self, hall: Site, troubled_run: Run, via: str) -> None:
        failed = failures_of(nodes_of(troubled_run))
        on = {name for name, power in powered(hall.rack).items() if power == "ON"}

        assert on == set(powered(hall.rack)) - set(failed)
        assert set(HEALTHY) <= on

    def test_a_bmc_that_refuses_the_login_is_asked_once(self, troubled_run: Run, via: str) -> None:
        assert nodes_of(troubled_run)["node006"]["tries"] == 1

    def test_no_password_is_printed(self, troubled_run: Run, via: str) -> None:
        assert PASSWORD not in troubled_run.output


class TestTroubleOverIpmi:
    def test_information_distinguishes_unreachable_bmcs_from_refused_credentials(self, hall: Site) -> None:
        for name, (kind, options, _classes) in TROUBLES.items():
            hall.rack.break_something(kind, node=name, **options)

        bmcs = ask_bmcs(hall, [*HEALTHY, *TROUBLES])
        hall.rack.repair()

        assert {name: (bmc["reachable"], bmc["credentials_good"]) for name, bmc in bmcs.items()} == {
            **dict.fromkeys((*HEALTHY, "node004", "node007", "node009"), (True, True)),
            "node003": (False, None),
            "node005": (False, None),
            "node006": (True, False),
            "node008": (False, None),
        }
        for name in ("node003", "node005", "node008"):
            assert address_of(hall.rack, name) in bmcs[name]["error"]

    def test_a_bmc_that_comes_back_in_time_is_powered(self, hall: Site) -> None:
        hall.rack.repair()
        hall.rack.press_power("node003", "off")
        hall.rack.break_something("bmc_away", node="node003", seconds=4)

        run = power_nodes(hall, "on", via="ipmi", bcm_ipmi_tries=30)

        assert run.rc == 0, run.output
        assert powered(hall.rack)["node003"] == "ON"

    def test_one_that_never_answers_ends_at_its_deadline_and_delays_no_other(self, hall: Site) -> None:
        hall.rack.repair()
        for name in ("node001", "node004"):
            hall.rack.press_power(name, "off")
        # The first one is the canary.
        hall.rack.break_something("bmc_silent", node="node001")

        run = power_nodes(hall, "on", via="ipmi", bcm_ipmi_connect_timeout=9, bcm_ipmi_deadline=4)
        nodes = nodes_of(run)
        hall.rack.repair()

        assert failures_of(nodes) == {"node001": "unreachable"}
        assert "nothing within 4 s" in nodes["node001"]["error"]
        assert max(node["seconds"] for name, node in nodes.items() if name != "node001") < nodes["node001"]["seconds"]
        assert powered(hall.rack)["node004"] == "ON"


@pytest.mark.parametrize("via", WAYS, scope="class")
class TestEveryWayWithLoss:
    def test_all_succeed_though_every_tenth_packet_is_lost(self, hall: Site, via: str) -> None:
        hall.rack.repair()
        hall.rack.break_something("bmc_drops", every=10)

        for action, power in (("on", "ON"), ("cycle", "ON"), ("off", "OFF"))[:: 1 if via == "ipmi" else 2]:
            run = power_nodes(hall, action, via=via)
            assert run.rc == 0, run.output
            assert set(powered(hall.rack).values()) == {power}
            assert set(nodes_of(run)) == set(bmc_counters(hall.rack, "packets"))
