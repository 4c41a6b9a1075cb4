# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair of head nodes, one of which takes over while nodes are installed."""

from __future__ import annotations

import threading

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL
from ansible_collections.baremetal.bcm.tests.integration.support.rack import DEMO_NODES, demo_rack


def test_nodes_come_up_although_the_active_head_node_is_lost_while_they_are_installed(open_site: OpenSite) -> None:
    where = open_site(demo_rack(passive="bcm-head2"))
    assert where.rack.environment["BCM_HEAD_NODE"] == "127.0.0.1,127.0.0.2"

    def lose_it() -> None:
        where.rack.wait_for_calls("ON", "waitForEvents")
        where.rack.take_over(away_s=3600)

    loser = threading.Thread(target=lose_it)
    loser.start()
    run = where.ansible.play("provision", variables=PARALLEL)
    loser.join(timeout=60)

    assert run.rc == 0, run.output
    assert where.rack.states() == dict.fromkeys(DEMO_NODES, "UP")
    assert where.rack.power_operations() == dict.fromkeys(DEMO_NODES, 1)

    where.rack.forget_calls()
    again = where.ansible.play("provision", variables=PARALLEL)

    assert again.rc == 0, again.output
    assert where.rack.mutating_calls() == []
