# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The intake's playbook on a spool and a NetBox in memory, and the examples of dhcp_spool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool, Stats
from ansible_collections.baremetal.bcm.tests.integration.support.documentation import (
    never_seen,
    returned,
    section,
    undocumented,
)
from ansible_collections.baremetal.bcm.tests.integration.support.netbox import NetBoxSite, netbox_site
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT

# Servers of the site, and one that NetBox does not know.
OFFLINE, OTHER, ACTIVE, STRANGER = (f"a0:36:9f:7c:05:{last}" for last in ("00", "04", "10", "ff"))


@dataclass(frozen=True)
class Place:
    """A NetBox, and a spool in which machines wait for it."""

    site: NetBoxSite
    spool: Path

    def see(self, mac: str, ip: str) -> None:
        with Spool(self.spool) as spool:
            spool.offer(Sighting(mac=mac, ip=ip, hostname="ilo"))

    @property
    def stats(self) -> Stats:
        with Spool(self.spool) as spool:
            return spool.stats()

    def play(self, *options: str, environment: dict[str, str] | None = None, **variables: Any) -> Run:
        given = {"intake_spool": str(self.spool), "intake_networks": ["10.229.10.0/24"], **variables}
        return self.site.ansible.play("intake_discovered", *options, variables=given, environment=environment)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with netbox_site(tmp_path) as site:
        place = Place(site, tmp_path / "spool.sqlite")
        for last, mac in enumerate((OFFLINE, OTHER, ACTIVE, STRANGER), start=1):
            place.see(mac, f"10.229.10.{last}")
        yield place


def lines_of(run: Run) -> dict[str, str]:
    """Return what a run printed about each machine, by MAC address."""
    lines = [line for task in run.of("debug") for line in task.result["msg"]]
    return {line.split()[0]: line for line in lines}


class TestPlaybook:
    def test_what_waits_is_brought_and_what_netbox_does_not_know_is_kept(self, place: Place) -> None:
        run = place.play()

        assert run.rc == 0, run.output
        lines = lines_of(run)
        assert "dgx-05  offline -> discovered  changed" in lines[OFFLINE]
        assert "conflict" in lines[ACTIVE]
        assert "not_found, kept" in lines[STRANGER]
        assert (place.stats.rows, place.stats.available, place.stats.acknowledged) == (1, 0, 3)

    def test_the_second_run_finds_nothing_and_changes_nothing(self, place: Place) -> None:
        place.play()

        again = place.play()

        assert (again.rc, again.changed_tasks) == (0, [])

    def test_a_machine_unknown_to_netbox_is_acknowledged_once_it_has_waited_long_enough(self, place: Place) -> None:
        place.play(intake_unknown_seconds=0)

        assert place.stats.rows == 0

    def test_small_batches_empty_the_spool_too(self, place: Place) -> None:
        run = place.play(intake_batch_size=1)

        assert (run.rc, len(run.of("netbox_lifecycle"))) == (0, 4)
        assert place.stats.acknowledged == 3

    def test_a_run_ends_when_it_has_done_its_batches(self, place: Place) -> None:
        place.play(intake_batch_size=1, intake_max_batches=2)

        assert place.stats.acknowledged == 2

    def test_checking_takes_nothing_and_brings_nothing(self, place: Place) -> None:
        checked = place.play("--check", "--diff")
        untouched = place.stats
        run = place.play()

        assert checked.rc == 0, checked.output
        assert (untouched.available, untouched.acknowledged) == (4, 0)
        assert lines_of(checked).keys() == lines_of(run).keys()
        assert "offline -> discovered" in lines_of(checked)[OFFLINE]

    def test_a_netbox_that_is_away_fails_the_run_and_loses_nothing(self, place: Place) -> None:
        run = place.play(environment={"NETBOX_URL": "http://127.0.0.1:9"}, intake_retry_seconds=0)

        assert run.rc != 0
        assert "Machines that were seen and are not in NetBox: 4. The spool keeps them" in run.failures[-1]
        assert "127.0.0.1:9" in run.failures[-1]
        assert (place.stats.rows, place.stats.available) == (4, 4)

    def test_a_host_without_a_tap_fails_with_a_clear_message(self, place: Place) -> None:
        run = place.play(intake_spool="/nonexistent/spool")

        assert "does the tap run on this host?" in run.failures[-1]


class TestModule:
    @pytest.fixture(scope="class")
    @staticmethod
    def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
        """Give a run of the examples as they stand, but for the path of the spool."""
        directory = tmp_path_factory.mktemp("spool")
        with netbox_site(directory) as site:
            place = Place(site, directory / "spool.sqlite")
            place.see(OFFLINE, "10.229.10.1")
            tasks = examples()
            for task in tasks:
                task["baremetal.bcm.dhcp_spool"]["path"] = str(place.spool)
            yield site.ansible.tasks(tasks)

    def test_every_example_runs_and_changes_what_it_says(self, run: Run) -> None:
        assert run.rc == 0, run.output
        assert [(task.task, task.changed) for task in run.tasks] == [
            (task["name"], task["name"] != "See how much waits") for task in examples()
        ]

    def test_what_comes_back_is_what_is_documented(self, run: Run) -> None:
        results, documented = [task.result for task in run.tasks], returned("dhcp_spool")

        assert [key for result in results for key in undocumented(result, documented)] == []
        assert list(never_seen(results, documented)) == []


def examples() -> list[dict[str, Any]]:
    """Read the examples of the module."""
    tasks: list[dict[str, Any]] = section(ROOT / "plugins/modules/dhcp_spool.py", "EXAMPLES")
    return tasks
