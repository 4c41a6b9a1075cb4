# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a BMC's first lease to `discovered`: real DHCP, a real rule engine, a real NetBox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ansible_collections.baremetal.bcm.tests.system.support.dhcp_lab import INTERFACES, NETWORKS, VLAN, Bmc, DhcpLab
from ansible_collections.baremetal.bcm.tests.system.support.intake import Intake, Program, intake, until
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView, Server

# Plugged in directly, behind a relay, and on a VLAN.
BMCS = {
    f"first-{where}": Bmc(f"02:00:00:f1:00:{number:02x}", where, f"ilo-{where}")
    for number, where in enumerate(INTERFACES)
}
BURST = {f"burst-{number:02d}": f"02:00:00:f2:00:{number:02x}" for number in range(40)}
PLAY = "PLAY [Bring what was seen to NetBox]"


@dataclass(frozen=True)
class Scene:
    """An intake whose rule engine runs, and the addresses the first BMCs were given."""

    intake: Intake
    engine: Program
    netbox: NetBoxView
    addresses: dict[str, str]

    @property
    def runs(self) -> int:
        """Return how many playbooks the rule engine has started."""
        return self.engine.said.count(PLAY)

    def journals(self) -> dict[str, list[str]]:
        return {name: self.netbox.journal(name) for name in BMCS}


class TestFirstLease:
    @pytest.fixture(scope="class")
    @staticmethod
    def scene(dhcp_lab: DhcpLab, netbox: NetBoxView, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
        names = [*BMCS, *BURST]
        netbox.remove(names)
        netbox.add([Server(name, bmc.mac) for name, bmc in BMCS.items()])
        netbox.add([Server(name, mac) for name, mac in BURST.items()])
        door = dhcp_lab.server.door(("127.0.0.1", netbox.port))
        with intake(dhcp_lab, netbox, tmp_path_factory.mktemp("intake")) as one:
            engine = one.engine()
            assert until(one.spool_path.exists), engine.said
            addresses = {name: dhcp_lab.lease(bmc) for name, bmc in BMCS.items()}
            assert until(one.is_done), engine.said
            yield Scene(one, engine, netbox, addresses)
        door.close()
        netbox.remove(names)

    def test_each_bmc_makes_its_server_discovered(self, scene: Scene) -> None:
        assert scene.netbox.states("first-") == dict.fromkeys(BMCS, "discovered"), scene.engine.said

    def test_its_address_is_recorded_with_the_length_of_its_prefix(self, scene: Scene) -> None:
        recorded = {name: scene.netbox.addresses(name) for name in BMCS}

        assert recorded == {
            name: [f"{address}/{NETWORKS[BMCS[name].where].prefixlen}"] for name, address in scene.addresses.items()
        }

    def test_the_journal_has_one_entry_about_it(self, scene: Scene) -> None:
        for name, (entry,) in scene.journals().items():
            assert "offline → discovered" in entry
            assert scene.addresses[name] in entry

    def test_the_tag_of_the_vlan_was_seen(self, scene: Scene) -> None:
        assert re.search(rf"'vlan': {VLAN}\b", scene.engine.said)

    def test_renewals_change_nothing_and_leave_no_trace(self, scene: Scene) -> None:
        before = scene.journals()
        done = scene.intake.stats().acknowledged

        def is_renewed() -> bool:
            """Renew, and return whether the tap counted it: it counts the same lease within ten seconds once."""
            for bmc in BMCS.values():
                scene.intake.lab.lease(bmc)
            return scene.intake.stats().acknowledged >= done + len(BMCS)

        assert until(is_renewed), scene.engine.said
        assert scene.journals() == before
        assert set(scene.netbox.states("first-").values()) == {"discovered"}

    def test_a_burst_is_brought_in_few_runs(self, scene: Scene) -> None:
        # Renewals of others may still be on their way, and be counted.
        assert until(lambda: not scene.intake.stats().rows), scene.engine.said
        before, discovered = scene.runs, dict.fromkeys(BURST, "discovered")
        scene.intake.lab.lease_many(list(BURST.values()))

        assert until(lambda: scene.netbox.states("burst-") == discovered), scene.engine.said
        assert until(lambda: not scene.intake.stats().rows), scene.engine.said
        # A run that was under way takes what came meanwhile, so that there may be none of its own.
        assert scene.runs - before <= 3

    def test_a_machine_that_netbox_does_not_know_is_kept_until_it_does(self, scene: Scene) -> None:
        stranger, name = Bmc("02:00:00:f3:00:01", hostname="ilo-stranger"), "first-stranger"
        scene.netbox.remove([name])
        scene.intake.lab.lease(stranger)
        assert scene.engine.said_within("not_found, kept"), scene.engine.said
        assert scene.intake.stats().rows == 1

        scene.netbox.add([Server(name, stranger.mac)])

        try:
            assert until(scene.intake.is_done), scene.engine.said
            assert scene.netbox.state(name) == "discovered"
            assert len(scene.netbox.journal(name)) == 1
        finally:
            scene.netbox.remove([name])

    def test_the_rule_engine_still_runs_after_all_of_it(self, scene: Scene) -> None:
        assert scene.engine.is_running
        assert "Traceback" not in scene.engine.said
        assert scene.netbox.environment["NETBOX_TOKEN"] not in scene.engine.said
