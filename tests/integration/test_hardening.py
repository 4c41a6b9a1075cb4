# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of hardening, run for real against BMCs on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.redfish import RedfishSite, redfish_site


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
    run = site.ansible.play("audit.yml", variables=variables)

    assert run.rc == 0, run.output
    assert [bmc.writes for bmc in site.bmcs.values()] == [[], [], []]
    servers = json.loads(Path(files["json"]).read_text(encoding="utf-8"))["servers"]
    assert {name: server["vendor"] for name, server in servers.items()} == {
        "dgx-05": "idrac",
        "dgx-06": "supermicro",
        "cpu-03": "ilo",
    }
    suites = ElementTree.parse(files["xml"]).getroot()
    assert [suite.get("name") for suite in suites] == list(servers)
    assert "ipmi over lan" in Path(files["html"]).read_text(encoding="utf-8")
    assert "3 servers: 0 compliant" in run.output


def test_an_audit_fails_where_compliance_is_asked_for_and_missing(site: RedfishSite) -> None:
    run = site.ansible.play("audit.yml", variables={"hardening_require_compliance": True})

    assert run.rc != 0
    assert "0 of 3 servers are compliant" in run.output


def test_an_audit_of_no_server_fails(site: RedfishSite) -> None:
    run = site.ansible.play("audit.yml", variables={"hardening_target": "no_such_group"})

    assert run.rc != 0
    assert "nothing is audited" in run.output
