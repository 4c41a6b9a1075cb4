# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.decide import State
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.matrix import (
    draw_findings,
    draw_junit,
    draw_matrix,
    summarize,
)

from .test_page import HOSTILE, Reader


def finding(control: str, state: str, **more: Any) -> dict[str, Any]:
    told = {"title": control, "seen": {}, "wanted": {}, "uris": [], "pending": False, "reference": "a guide"}
    return {"control": control, "state": state, **told, "message": "", **more}


def server(*controls: dict[str, Any], **more: Any) -> dict[str, Any]:
    good = all(each["state"] in ("compliant", "not_applicable") for each in controls)
    told = {"model": "R760", "vendor": "idrac", "failure": None, "error": "", "compliant": good}
    return {**told, "controls": list(controls), **more}


DRIFT = finding("ssh", "drift", seen={"SSH.ProtocolEnabled": True}, wanted={"SSH.ProtocolEnabled": False})
SERVERS = {
    "dgx-05": server(*(finding(f"control_{state}", str(state)) for state in State)),
    "dgx-06": server(DRIFT, finding("kvm", "compliant")),
    "dgx-07": server(finding("kvm", "error"), failure="unreachable", error="no usable answer"),
}


def test_the_table_has_what_is_not_met_and_what_was_seen() -> None:
    lines = draw_findings(SERVERS)

    assert lines[0].split() == ["SERVER", "CONTROL", "STATE", "SEEN", "AND", "WANTED"]
    assert "dgx-06  ssh              drift    SSH.ProtocolEnabled is on, wanted off" in lines
    assert not [line for line in lines if line.startswith("dgx-07")]
    assert draw_findings({"a": server(finding("kvm", "compliant"))}) == []


def test_the_summary_counts_servers_and_findings_and_names_failures() -> None:
    assert summarize(SERVERS) == [
        "3 servers: 0 compliant; findings: 2 compliant, 2 drift, 1 not applicable, 1 unknown, 2 error",
        "dgx-07: no usable answer",
    ]


def test_junit_counts_drift_and_unknown_as_failures() -> None:
    root = ElementTree.fromstring(draw_junit(SERVERS))

    suites = {each.get("name"): each for each in root}
    numbers = {key: suites["dgx-05"].get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert numbers == {"tests": "5", "failures": "2", "errors": "1", "skipped": "1"}
    assert [len(case) for case in suites["dgx-06"]] == [1, 0]


def test_the_page_has_a_cell_for_each_finding_with_its_state_and_says_what_it_was_before() -> None:
    earlier = {"dgx-06": server(finding("kvm", "drift"), finding("ssh", "drift"))}

    page = draw_matrix(SERVERS, earlier, heading="Racks", written="now")

    assert [page.count(f'class="cell {state}') for state in State] == [2, 2, 1, 1, 2]
    assert "kvm: compliant (was drift)" in page
    assert [page.count(text) for text in ('class="cell compliant was_drift"', "drift was_")] == [1, 0]
    assert "SSH.ProtocolEnabled is on, wanted off" in page


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_a_bmc_says_becomes_markup(text: str) -> None:
    hostile = finding(text, text, title=text, seen={text: text}, wanted={text: text}, reference=text, message=text)
    servers = {text: server(hostile, DRIFT, model=text, error=text, failure="refused")}

    harmless = draw_matrix({"a": server(finding("x", "error"), DRIFT)}, {}, heading="Audit", written="now")
    page = draw_matrix(servers, servers, heading=text, written="now")

    allowed = {element for element, _attributes in Reader(harmless).elements}
    assert {element for element, _attributes in Reader(page).elements} <= allowed | {"i", "p"}
    assert not [name for _element, attributes in Reader(page).elements for name in attributes if name.startswith("on")]
    assert ElementTree.fromstring(draw_junit(servers)) is not None
