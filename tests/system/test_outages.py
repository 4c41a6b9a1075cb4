# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A head node that is away for a minute, and one whose status calls fail for another, in real seconds."""

from __future__ import annotations

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL
from ansible_collections.baremetal.bcm.tests.integration.support.rack import inventory_of, new_rack, wait_until

MINUTE_S = 60
NODES = [f"node{number:03d}" for number in range(1, 5)]


def test_two_minutes_of_outage_fail_no_node_and_power_none_twice(open_site: OpenSite) -> None:
    rack = new_rack(len(NODES), slots=2)
    # The first two install all through the outage of the head node, and it has no slots to give until it is back.
    rack["times"] = {"post": 10, "boot": 60, "install_full": 24_000, "install_sync": 24_000, "init": 600}
    where = open_site(rack, inventory=inventory_of(rack))

    with where.ansible.start("provision", variables={**PARALLEL, "bcm_poll_interval": 5}) as started:
        wait_until(lambda: where.rack.head_node.provisioning() == (2, 2), "two nodes that install and two that wait")
        where.rack.end_head_node(away_s=MINUTE_S)
        wait_until(where.rack.is_listening, "the head node")
        where.rack.forget_calls()
        where.rack.wait_for_calls("getStatusForDevices")
        where.rack.break_something(
            "call_fails", call="getStatusForDevices", answer={"http_status": 503}, seconds=MINUTE_S
        )
        run = started.end()

    machines = where.rack.nodes()
    assert run.rc == 0, run.output
    assert run.output.count("the nodes go on meanwhile") == 2, run.output
    assert {machine["status"] for machine in machines.values()} == {"UP"}
    for count in ("power_operations", "boots", "installs"):
        assert {machine[count] for machine in machines.values()} == {1}, count
