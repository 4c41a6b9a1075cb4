# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning whose power goes through real BMCs."""

from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site
from ansible_collections.baremetal.bcm.tests.system.support.hall import (
    PATIENCE,
    address_of,
    bmc_counters,
    failures_of,
    hosts_of,
    ipmi_rack,
    nodes_of,
    port_of,
    powered,
)

NODES = [f"node{number:03d}" for number in range(1, 6)]
POWER_BY_HEAD_NODE = {**PARALLEL, "bcm_power_timeout": 20}


@pytest.fixture(scope="class")
def new_hall(open_class_site: OpenSite) -> Site:
    rack = ipmi_rack(5, devices=[])
    return open_class_site(rack, inventory=hosts_of(rack))


class TestFiveNewNodes:
    def test_all_come_up_by_one_run(self, new_hall: Site) -> None:
        run = new_hall.ansible.play("provision", variables=POWER_BY_HEAD_NODE)

        assert run.rc == 0, run.output
        assert set(new_hall.rack.states().values()) == {"UP"}
        assert set(new_hall.rack.images().values()) == {"default-image"}

    def test_each_was_powered_by_its_own_bmc(self, new_hall: Site) -> None:
        assert set(bmc_counters(new_hall.rack, "logins")) == set(NODES)
        assert all(logins > 0 for logins in bmc_counters(new_hall.rack, "logins").values())
        assert set(bmc_counters(new_hall.rack, "refused_logins").values()) == {0}

    def test_a_second_run_asks_no_bmc(self, new_hall: Site) -> None:
        before = bmc_counters(new_hall.rack, "packets")

        run = new_hall.ansible.play("provision", variables=POWER_BY_HEAD_NODE)

        assert run.rc == 0, run.output
        assert run.changed_tasks == []
        assert bmc_counters(new_hall.rack, "packets") == before


@pytest.fixture(scope="class")
def sick_hall(open_class_site: OpenSite) -> Site:
    rack = ipmi_rack(5)
    hall = open_class_site(rack, inventory=hosts_of(rack))
    hall.rack.break_something("bmc_silent", node="node004")
    return hall


class TestPreflight:
    def test_nothing_goes_to_a_bmc_without_leave(self, sick_hall: Site) -> None:
        run = sick_hall.ansible.play("preflight")

        assert run.rc == 0, run.output
        assert set(bmc_counters(sick_hall.rack, "packets").values()) == {0}

    @pytest.mark.parametrize("via", ["head_node", "ipmi"])
    def test_a_bmc_that_is_silent_fails_its_node_alone_and_nothing_is_switched(self, sick_hall: Site, via: str) -> None:
        variables = {
            **PATIENCE,
            "bcm_enable_power_action": True,
            "bcm_power_via": via,
            "bcm_ipmi_port": port_of(sick_hall.rack),
        }

        run = sick_hall.ansible.play("preflight", variables=variables)

        assert failures_of(nodes_of(run)) == {"node004": "unreachable"}
        assert run.failed_hosts == ["node004"]
        assert address_of(sick_hall.rack, "node004") in " ".join(run.failures)
        assert set(powered(sick_hall.rack).values()) == {"OFF"}
