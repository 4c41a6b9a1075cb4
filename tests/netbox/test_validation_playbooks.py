# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""validate.yml and readmit.yml, run for real."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.netbox.test_bmc_macs import run_playbook
from ansible_collections.baremetal.bcm.tests.netbox.validating import Place


@pytest.fixture(name="place")
def _place(modules: Modules, tmp_path: Path) -> Any:
    with served(FakeNetBox(NEW)) as netbox:
        lab = Lab(netbox.url, TOKEN)
        modules.good("netbox_bootstrap", lab, validation=True, fail_on_missing=False)
        place = Place(lab, tmp_path)
        yield place
        place.close()


def play(place: Place, playbook: str, variables: dict[str, Any], hosts: list[str], *options: str) -> tuple[int, str]:
    """Run a playbook on these hosts."""
    inventory = place.directory / "inventory.yml"
    inventory.write_text(json.dumps({"bcm_nodes": {"hosts": {host: {} for host in hosts}}}), encoding="utf-8")
    connection = {"url": place.lab.url, "token": TOKEN}
    return run_playbook(
        place.directory,
        {**variables, "bcm_netbox": connection},
        "--inventory",
        str(inventory),
        *options,
        url=place.lab.url,
        token=TOKEN,
        playbook=playbook,
    )


def test_a_failed_server_is_readmitted_with_its_reason_in_the_journal_and_a_check_writes_nothing(place: Place) -> None:
    machine, other = place.machine("failed"), place.machine("active")
    variables = {"readmit_servers": [machine.server.name], "readmit_reason": "DIMM A2: replaced"}
    settings = {**variables, "bcm_netbox": {}}

    status, said = play(place, "readmit", settings, [], "--check")
    assert (status, place.lab.state(machine.server)) == (0, "failed"), said
    status, said = play(place, "readmit", variables, [])
    assert (status, place.lab.state(machine.server)) == (0, "discovered"), said
    assert "DIMM A2: replaced" in place.lab.journal(machine.server)[-1]["comments"]

    status, said = play(place, "readmit", {**variables, "readmit_servers": [other.server.name]}, [])
    assert status != 0
    assert "readmitted is not expected in state active" in said


def test_servers_to_readmit_may_be_one_text_as_a_survey_gives_it(place: Place) -> None:
    machines = [place.machine("failed"), place.machine("failed")]
    variables = {
        "readmit_servers": f"{machines[0].server.name}, {machines[1].server.name},",
        "readmit_reason": "repaired",
    }

    status, said = play(place, "readmit", variables, [])
    none, refused = play(place, "readmit", {**variables, "readmit_servers": " , "}, [])

    assert (status, [place.lab.state(each.server) for each in machines]) == (0, ["discovered"] * 2), said
    assert none != 0
    assert "Say which servers" in refused


def test_readmitting_takes_a_reason(place: Place) -> None:
    status, said = play(place, "readmit", {"readmit_servers": ["dgx-05"]}, [])

    assert status != 0
    assert "why they may be tried again" in said


def test_validating_reports_on_each_server_and_fails_exactly_those_that_did_not_pass(place: Place) -> None:
    machine, active = place.machine(), place.machine("active")
    page = place.directory / "validation.html"
    variables = {"validation_report_html": str(page), "validation_report_path": str(place.directory / "r.json")}

    status, said = play(place, "validate", variables, [machine.server.name, active.server.name])

    assert status != 0
    assert "2 servers: 1 refused, 1 pending" in said
    assert f"{active.server.name}: it is active; only a discovered server is validated" in said
    assert "failed=1" in next(
        line for line in said.splitlines() if line.startswith(active.server.name) and "ok=" in line
    )
    assert "failed=0" in next(
        line for line in said.splitlines() if line.startswith(machine.server.name) and "ok=" in line
    )
    assert active.server.name in page.read_text(encoding="utf-8")
    assert json.loads((place.directory / "r.json").read_text())["servers"][machine.server.name]["outcome"] == "pending"


def test_validating_an_empty_group_fails(place: Place) -> None:
    status, said = play(place, "validate", {}, [])

    assert status != 0
    assert "has no servers" in said
