# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that are killed and runs that overlap: nothing that was seen is lost, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.tests.system.support.dhcp_lab import Bmc, DhcpLab
from ansible_collections.baremetal.bcm.tests.system.support.intake import Intake, intake, until
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView, OwnNetBox, Server

TOKEN = "token-of-the-webhook"
# A run is killed as soon as it has printed that it begins with one of these.
TASKS = (
    "Lease rows of the spool",
    "Bring the batch to NetBox",
    "Decide what to do with each row",
    "Acknowledge what NetBox has",
    "Show the outcome of each row",
)


@dataclass(frozen=True)
class Hall:
    """Servers that were not seen yet, the network of their BMCs, and the NetBox that has them."""

    intake: Intake
    own_netbox: OwnNetBox
    bmcs: dict[str, Bmc]

    @property
    def netbox(self) -> NetBoxView:
        return self.own_netbox.view

    def lease(self, *numbers: int) -> list[str]:
        """Let some of the BMCs get their addresses; give the names of their servers."""
        names = [list(self.bmcs)[number] for number in numbers]
        for name in names:
            self.intake.lab.lease(self.bmcs[name])
        return names

    def work_off(self) -> str:
        """Run the playbook until the spool is empty; returns its output."""
        said = ""
        for _run in range(10):
            run = self.intake.playbook()
            run.end()
            said += run.said
            if not self.intake.stats().rows:
                return said
            until(lambda: self.intake.stats().available, 30)
        raise AssertionError(said)

    def assert_discovered_once(self, names: list[str]) -> None:
        """Check that each server is discovered, with one address and one entry in its journal."""
        for name in names:
            assert self.netbox.state(name) == "discovered", name
            assert len(self.netbox.addresses(name)) == 1, name
            assert len(self.netbox.journal(name)) == 1, (name, self.netbox.journal(name))


@pytest.fixture
def hall(dhcp_lab: DhcpLab, netbox: NetBoxView, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Hall]:
    """Yield a hall of twelve servers for this test alone."""
    number = sum(map(ord, request.node.name)) % 256
    bmcs = {f"trouble-{number:03d}-{each:02d}": Bmc(f"02:00:00:f4:{number:02x}:{each:02x}") for each in range(12)}
    netbox.remove(bmcs)
    netbox.add([Server(name, bmc.mac) for name, bmc in bmcs.items()])
    own = OwnNetBox(netbox)
    own.start()
    door = dhcp_lab.server.door(("127.0.0.1", own.view.port))
    try:
        with intake(dhcp_lab, own.view, tmp_path / "intake", {"intake_lease_seconds": 4}) as one:
            yield Hall(one, own, bmcs)
    finally:
        door.close()
        own.stop()
        netbox.remove(bmcs)


class TestTrouble:
    def test_netbox_is_stopped_for_a_while(self, hall: Hall) -> None:
        engine = hall.intake.engine()
        assert until(hall.intake.spool_path.exists), engine.said
        hall.own_netbox.stop()
        names = hall.lease(0, 1, 2)
        assert engine.said_within("The spool keeps them for the next run"), engine.said

        assert hall.intake.stats().rows == len(names)
        hall.own_netbox.start()
        assert until(hall.intake.is_done), engine.said

        assert engine.is_running
        hall.assert_discovered_once(names)

    def test_the_tap_is_killed_ten_times(self, hall: Hall) -> None:
        for number in range(10):
            tap = hall.intake.tap()
            assert tap.said_within("listening"), tap.said
            hall.lease(number)
            assert until(lambda seen=number: hall.intake.stats().rows > seen), tap.said  # type: ignore[misc]
            tap.kill()
        # No tap runs at this one's first lease; its renewal is seen.
        hall.lease(10)
        tap = hall.intake.tap()
        assert tap.said_within("listening"), tap.said
        names = hall.lease(*range(11))
        assert until(lambda: hall.intake.stats().rows == len(names)), tap.said

        hall.work_off()

        hall.assert_discovered_once(names)

    def test_the_rule_engine_is_killed_and_finds_the_waiting_rows_when_it_is_back(self, hall: Hall) -> None:
        tap = hall.intake.tap()
        assert tap.said_within("listening"), tap.said
        names = hall.lease(0, 1)
        assert until(lambda: hall.intake.stats().rows == len(names)), tap.said
        engine = hall.intake.engine()
        assert engine.said_within("Bring the batch to NetBox"), engine.said
        engine.kill()
        names += hall.lease(2)
        assert until(lambda: hall.intake.stats().first_sightings == len(names)), tap.said
        tap.kill()

        engine = hall.intake.engine()

        assert until(hall.intake.is_done), engine.said
        hall.assert_discovered_once(names)

    def test_the_playbook_is_killed_wherever_it_is(self, hall: Hall) -> None:
        tap = hall.intake.tap()
        assert tap.said_within("listening"), tap.said
        names = hall.lease(*range(6))
        assert until(lambda: hall.intake.stats().rows == len(names)), tap.said
        for task in TASKS:
            run = hall.intake.playbook("-v")
            run.said_within(f": {task}]")
            run.kill()
            until(lambda: hall.intake.stats().available or not hall.intake.stats().rows, 30)
        if hall.intake.stats().rows:
            hall.work_off()

        hall.assert_discovered_once(names)

    def test_two_runs_at_once_share_the_work(self, hall: Hall) -> None:
        tap = hall.intake.tap()
        assert tap.said_within("listening"), tap.said
        names = hall.lease(*range(12))
        assert until(lambda: hall.intake.stats().rows == len(names)), tap.said

        runs = [hall.intake.playbook(intake_batch_size=3, intake_lease_seconds=300) for _run in range(2)]

        assert [run.end() for run in runs] == [0, 0], "".join(run.said for run in runs)
        assert not hall.intake.stats().rows
        hall.assert_discovered_once(names)

    def test_checking_brings_nothing_and_takes_nothing(self, hall: Hall) -> None:
        tap = hall.intake.tap()
        assert tap.said_within("listening"), tap.said
        (name,) = hall.lease(0)
        assert until(lambda: hall.intake.stats().rows == 1), tap.said

        run = hall.intake.playbook("--check", "--diff")

        assert run.end() == 0, run.said
        assert "offline -> discovered" in run.said
        assert (hall.netbox.state(name), hall.netbox.addresses(name)) == ("offline", [])
        assert hall.intake.stats().available == 1

    def test_a_tap_elsewhere_notifies_the_webhook(self, hall: Hall) -> None:
        engine = hall.intake.engine("intake_webhook", intake_webhook_port=5099, intake_webhook_token=TOKEN)
        secret = hall.intake.directory / "token"
        secret.write_text(TOKEN, encoding="ascii")
        tap = hall.intake.tap("--webhook", "http://127.0.0.1:5099/endpoint", "--token-file", str(secret))
        assert tap.said_within("listening"), tap.said

        names = hall.lease(0, 1)

        assert until(hall.intake.is_done), engine.said + tap.said
        hall.assert_discovered_once(names)
        assert TOKEN not in tap.said
