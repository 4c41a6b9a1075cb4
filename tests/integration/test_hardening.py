# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of hardening, run for real against BMCs on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.netbox import prepare_hardening
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Run
from ansible_collections.baremetal.bcm.tests.integration.support.redfish import RedfishSite, firmware_of, redfish_site
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.unit.plugins.fake_bmc import PUSH


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RedfishSite]:
    with redfish_site(tmp_path) as where:
        yield where


def test_an_audit_writes_its_files_and_nothing_to_any_bmc(site: RedfishSite, tmp_path: Path) -> None:
    files = {kind: str(tmp_path / f"audit.{kind}") for kind in ("json", "xml", "html")}

    variables = {
        "hardening_report_path": files["json"],
        "hardening_report_junit": files["xml"],
        "hardening_report_html": files["html"],
    }
    run = site.ansible.play("audit", variables=variables)

    assert run.rc == 0, run.output
    assert [bmc.writes for bmc in site.bmcs.values()] == [[], [], []]
    servers = json.loads(Path(files["json"]).read_text(encoding="utf-8"))["servers"]
    assert {name: server["vendor"] for name, server in servers.items()} == {
        "dgx-05": "idrac",
        "dgx-06": "supermicro",
        "cpu-03": "ilo",
    }
    suites = ElementTree.parse(files["xml"]).getroot()
    assert {suite.get("name") for suite in suites} == set(servers)
    assert "ipmi over lan" in Path(files["html"]).read_text(encoding="utf-8")
    assert "3 servers: 0 compliant" in run.output


def test_an_audit_fails_where_compliance_is_asked_for_and_missing(site: RedfishSite) -> None:
    run = site.ansible.play("audit", variables={"hardening_require_compliance": True})

    assert run.rc != 0
    assert "0 of 3 servers are compliant" in run.output


def test_an_audit_of_no_server_fails(site: RedfishSite) -> None:
    run = site.ansible.play("audit", variables={"hardening_target": "no_such_group"})

    assert run.rc != 0
    assert "nothing is audited" in run.output


@pytest.fixture
def netbox() -> Iterator[tuple[str, Lab]]:
    """A NetBox in which dgx-05 and dgx-06 are staged and cpu-03 is active."""
    with served(FakeNetBox(NEW)) as found:
        lab = Lab(found.url, TOKEN)
        prepare_hardening(lab)
        for name, state in (("dgx-05", "staged"), ("dgx-06", "staged"), ("cpu-03", "active")):
            lab.change("dcim/devices", lab.server(state).id, name=name)
        yield found.url, lab


def hardened(site: RedfishSite, url: str, *options: str, **more: Any) -> Run:
    variables = {
        "hardening_netbox": {"url": url, "token": TOKEN},
        "hardening_allow_reboot": True,
        "hardening_bundle_path": str(site.directory / "bundles"),
        "hardening_lock_path": str(site.directory / "locks"),
        "hardening_ledger_path": str(site.directory / "ledger"),
        "hardening_profile": {"controls": {"telnet": None}},
        **more,
    }
    return site.ansible.play("harden", *options, variables=variables)


def states_in(lab: Lab) -> dict[str, str]:
    return {each["name"]: each["status"]["value"] for each in lab.find("dcim/devices")}


def test_staged_servers_become_ready_and_an_active_one_is_not_rebooted(
    site: RedfishSite, netbox: tuple[str, Lab]
) -> None:
    url, lab = netbox

    checked = hardened(site, url, "--check", "--diff")
    assert checked.rc == 0, checked.output
    assert [bmc.writes for bmc in site.bmcs.values()] == [[], [], []]
    assert states_in(lab) == {"dgx-05": "staged", "dgx-06": "staged", "cpu-03": "active"}
    run = hardened(site, url)

    assert run.rc == 0, run.output
    assert states_in(lab) == {"dgx-05": "ready", "dgx-06": "ready", "cpu-03": "active"}
    assert {name: bmc.boots for name, bmc in site.bmcs.items()} == {"dgx-05": 1, "dgx-06": 1, "cpu-03": 0}
    writes = [len(bmc.writes) for bmc in site.bmcs.values()]
    again = hardened(site, url)
    assert again.rc == 0, again.output
    assert [len(bmc.writes) for bmc in site.bmcs.values()] == writes


def test_a_server_that_keeps_nothing_fails_and_one_that_is_not_reached_stays(
    site: RedfishSite, netbox: tuple[str, Lab]
) -> None:
    url, lab = netbox
    site.bmcs["dgx-05"].ignored = {"/redfish/v1/SessionService"}
    site.bmcs["dgx-06"].instead["/redfish/v1"] = lambda _request: httpx.Response(500)

    run = hardened(site, url)

    assert run.rc != 0
    assert "2 of 3 servers failed" in run.output
    assert states_in(lab) == {"dgx-05": "failed", "dgx-06": "staged", "cpu-03": "active"}


def test_firmware_comes_first_and_a_server_whose_update_fails_is_not_hardened(
    site: RedfishSite, netbox: tuple[str, Lab]
) -> None:
    url, lab = netbox
    report = site.directory / "report.json"
    images = [firmware_of(site.directory, "bmc", "2.11.0"), firmware_of(site.directory, "bios", "2.20.1")]
    wanted = {"hardening_firmware": images, "hardening_report_path": str(report)}
    site.bmcs["dgx-06"].instead[PUSH] = lambda _request: httpx.Response(500, json={})

    checked = hardened(site, url, "--check", **wanted)
    assert checked.rc == 0, checked.output
    assert [bmc.writes for bmc in site.bmcs.values()] == [[], [], []]
    planned = json.loads(report.read_text(encoding="utf-8"))["servers"]
    assert {name: server["controls"][0]["state"] for name, server in planned.items()} == dict.fromkeys(planned, "drift")
    run = hardened(site, url, **wanted)

    assert run.rc != 0
    assert "1 of 3 servers failed" in run.output
    servers = json.loads(report.read_text(encoding="utf-8"))["servers"]
    first = {
        name: (server["controls"][0]["control"], server["controls"][0]["state"]) for name, server in servers.items()
    }
    assert first == {
        "dgx-05": ("firmware", "compliant"),
        "dgx-06": ("firmware", "error"),
        "cpu-03": ("firmware", "drift"),
    }
    assert "only staged and ready ones are rebooted" in servers["cpu-03"]["controls"][0]["message"]
    paths = [path for _method, path, _content in site.bmcs["dgx-05"].writes]
    assert paths[0] == PUSH
    assert {path for _method, path, _content in site.bmcs["dgx-06"].writes} == set()
    # Its BMC may have taken the image.
    assert states_in(lab) == {"dgx-05": "ready", "dgx-06": "failed", "cpu-03": "active"}


def test_a_server_that_is_put_into_use_during_the_update_is_not_rebooted_after_it(
    site: RedfishSite, netbox: tuple[str, Lab]
) -> None:
    url, lab = netbox
    (used,) = [each["id"] for each in lab.find("dcim/devices") if each["name"] == "dgx-06"]

    def put_into_use(_request: httpx.Request) -> None:
        lab.change("dcim/devices", used, status="active")

    site.bmcs["dgx-06"].instead[PUSH] = put_into_use
    run = hardened(site, url, hardening_firmware=[firmware_of(site.directory, "bmc", "2.11.0")])

    assert run.rc == 0, run.output
    assert {name: bmc.boots for name, bmc in site.bmcs.items()} == {"dgx-05": 1, "dgx-06": 0, "cpu-03": 0}
    assert states_in(lab) == {"dgx-05": "ready", "dgx-06": "active", "cpu-03": "active"}


def test_a_mistake_in_the_profile_is_found_before_any_firmware_is_sent(
    site: RedfishSite, netbox: tuple[str, Lab]
) -> None:
    url, _lab = netbox
    images = [firmware_of(site.directory, "bmc", "2.11.0")]

    run = hardened(site, url, hardening_firmware=images, hardening_profile={"controls": {"telnets": False}})

    assert run.rc != 0
    assert "controls names one that there is not" in run.output
    assert [bmc.requests for bmc in site.bmcs.values()] == [[], [], []]


def test_what_became_of_the_firmware_is_told_also_where_the_hardening_after_it_fails(
    site: RedfishSite, netbox: tuple[str, Lab]
) -> None:
    url, lab = netbox
    report = site.directory / "report.json"

    def take_the_place_of_the_bundles(_request: httpx.Request) -> None:
        (site.directory / "bundles").touch()

    site.bmcs["dgx-05"].instead[PUSH] = take_the_place_of_the_bundles
    site.bmcs["dgx-06"].instead[PUSH] = lambda _request: httpx.Response(500, json={})
    images = [firmware_of(site.directory, "bmc", "2.11.0")]

    run = hardened(site, url, hardening_firmware=images, hardening_report_path=str(report))

    assert run.rc != 0
    assert "could not write a rollback bundle" in run.output
    servers = json.loads(report.read_text(encoding="utf-8"))["servers"]
    assert {name: [each["state"] for each in server["controls"]] for name, server in servers.items()} == {
        "dgx-05": ["compliant"], "dgx-06": ["error"], "cpu-03": ["compliant"]}  # fmt: skip
    assert states_in(lab) == {"dgx-05": "staged", "dgx-06": "failed", "cpu-03": "active"}


def test_a_rollback_moves_no_server(site: RedfishSite, netbox: tuple[str, Lab]) -> None:
    url, lab = netbox
    before = json.dumps(site.bmcs["dgx-05"].body("/redfish/v1/Managers/1/Attributes"))
    hardened(site, url)
    (bundle,) = (site.directory / "bundles").glob("*.json")

    run = hardened(site, url, rollback=str(bundle))

    assert run.rc == 0, run.output
    assert json.dumps(site.bmcs["dgx-05"].body("/redfish/v1/Managers/1/Attributes")) == before
    assert states_in(lab)["dgx-05"] == "ready"


def test_only_servers_in_one_state_are_looked_at_where_that_is_asked_for(
    site: RedfishSite, netbox: tuple[str, Lab]
) -> None:
    url, lab = netbox

    run = hardened(site, url, hardening_only_state="staged")
    asked = len(site.bmcs["dgx-05"].requests)
    again = hardened(site, url, hardening_only_state="staged")

    assert (run.rc, again.rc) == (0, 0), run.output + again.output
    assert states_in(lab) == {"dgx-05": "ready", "dgx-06": "ready", "cpu-03": "active"}
    assert site.bmcs["cpu-03"].requests == []
    assert len(site.bmcs["dgx-05"].requests) == asked


def test_what_the_credentials_of_a_job_inject_is_enough_to_make_a_server_ready(
    site: RedfishSite, netbox: tuple[str, Lab]
) -> None:
    url, lab = netbox
    files = {f"hardening_{name}_path": str(site.directory / name) for name in ("bundle", "lock", "ledger")}
    answers = {"bcm_target": "dgx-05", "hardening_allow_reboot": "true", "hardening_max_rebooting": 8}
    profile = {"hardening_profile": {"controls": {"telnet": None}}}

    run = site.ansible.play(
        "harden", variables={**files, **answers, **profile}, environment={"NETBOX_URL": url, "NETBOX_TOKEN": TOKEN}
    )

    assert run.rc == 0, run.output
    assert states_in(lab) == {"dgx-05": "ready", "dgx-06": "staged", "cpu-03": "active"}
    assert site.bmcs["dgx-06"].requests == []


def test_an_audit_looks_at_the_hosts_that_other_playbooks_would_work_on(site: RedfishSite) -> None:
    run = site.ansible.play("audit", variables={"bcm_target": "cpu-03"})

    assert "1 server: 0 compliant" in run.output, run.output
    assert site.bmcs["dgx-05"].requests == []


@pytest.mark.parametrize(("playbook", "told"), [("audit", "nothing is audited"), ("harden", "nothing is hardened")])
def test_no_hosts_are_never_all_hosts(site: RedfishSite, playbook: str, told: str) -> None:
    run = site.ansible.play(playbook, variables={"bcm_target": ""})

    assert run.rc != 0
    assert told in run.output
    assert [bmc.requests for bmc in site.bmcs.values()] == [[]] * len(site.bmcs)
