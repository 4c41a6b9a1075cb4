# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""validate.yml against real BMCs: who is switched on into PXE, once, and what is said of each."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.system.support.validation_rack import (
    ROOT,
    Node,
    ValidationRack,
    validation_rack,
)
from ansible_collections.baremetal.bcm.tests.system.virtual_rack.served import PASSWORD, wait_until
from ansible_collections.baremetal.bcm.tests.unit.child_process import started
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.machine import TOOLS

LEAVE = {"validation_enable_power_action": True}


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValidationRack]:
    with validation_rack(tmp_path_factory.mktemp("validation"), 13) as running:
        yield running


def recap(printed: str, node: Node, word: str) -> int:
    """Give a number of a host's line at the end of a playbook."""
    found = re.search(rf"^{re.escape(node.name)} +:.* {word}=(\d+)", printed, re.MULTILINE)
    assert found is not None, printed
    return int(found[1])


def outcome(printed: str, node: Node) -> str:
    """Give what the table says became of a server."""
    found = re.search(
        rf"^ *\"?{re.escape(node.name)} +(passed|failed|refused|pending|not found) ", printed, re.MULTILINE
    )
    assert found is not None, printed
    return found[1]


class TestOneRunOverAllKinds:
    """A sound server, one with bad memory, one whose BMC is silent, one at work for somebody."""

    @pytest.fixture(scope="class")
    @staticmethod
    def nodes(rack: ValidationRack) -> list[Node]:
        sound, broken, silent, active = (
            rack.node(number, state) for number, state in enumerate([*["discovered"] * 3, "active"], start=1)
        )
        broken.agent.tool("memtester", "cat {recorded}/memtester-failure.txt; exit 4")
        rack.rack.admin("POST", "/faults", {"kind": "bmc_silent", "node": "node003"})
        return [sound, broken, silent, active]

    @pytest.fixture(scope="class")
    @staticmethod
    def checked(rack: ValidationRack, nodes: list[Node]) -> str:
        status, printed = rack.validate(nodes, "--check", validation_report_path="r.json", **LEAVE)
        assert status != 0, printed
        # Whoever is switched on now was switched on by it.
        assert [rack.power(node) for node in nodes] == ["OFF"] * 4
        return printed

    @pytest.fixture(scope="class")
    @staticmethod
    def ran(rack: ValidationRack, nodes: list[Node], checked: str) -> str:
        assert checked
        directory = rack.directory
        files = {
            "validation_report_path": str(directory / "report.json"),
            "validation_report_html": str(directory / "report.html"),
        }
        status, printed = rack.validate(nodes, **files, **LEAVE)
        assert status != 0, printed
        return printed

    def test_check_mode_asks_bmcs_and_powers_nothing(
        self, rack: ValidationRack, nodes: list[Node], checked: str
    ) -> None:
        assert [outcome(checked, node) for node in nodes] == ["pending", "pending", "failed", "refused"]
        assert not list(rack.directory.glob("play-*/r.json"))
        assert [recap(checked, node, "failed") for node in nodes] == [0, 0, 1, 1]

    def test_each_server_ends_as_it_should_and_exactly_those_that_did_not_pass_fail(
        self, rack: ValidationRack, nodes: list[Node], ran: str
    ) -> None:
        _sound, _broken, silent, active = nodes
        assert [outcome(ran, node) for node in nodes] == ["passed", "failed", "failed", "refused"]
        assert [recap(ran, node, "failed") for node in nodes] == [0, 1, 1, 1]
        states = [rack.lab.state(node.server) for node in nodes]
        assert states == ["staged", "failed", "discovered", "active"]
        assert [rack.boots[node.number] for node in nodes] == [1, 1, 0, 0]
        assert [rack.power(node) for node in (silent, active)] == ["OFF", "OFF"]

    def test_a_bmc_of_a_server_that_is_not_discovered_is_not_asked(
        self, rack: ValidationRack, nodes: list[Node], ran: str
    ) -> None:
        assert ran
        # The test's own, which set its boot device.
        assert rack.bmc(nodes[3], "logins") == 1

    def test_it_tells_each_step_while_it_goes_on(self, nodes: list[Node], ran: str) -> None:
        sound, broken, silent, _active = nodes
        assert "Switching 2 servers on, once into PXE" in ran
        assert re.search(rf"{sound.name}: passed, staged", ran)
        assert re.search(rf"{broken.name}: failed, failed, .*memtester", ran)
        assert re.search(rf"failed: {silent.name}: .*BMC does not answer", ran)
        assert "4 servers: 1 passed, 2 failed, 1 refused" in ran

    def test_the_reports_have_all_of_them(self, rack: ValidationRack, nodes: list[Node], ran: str) -> None:
        assert ran
        servers = json.loads((rack.directory / "report.json").read_text(encoding="utf-8"))["servers"]
        page = (rack.directory / "report.html").read_text(encoding="utf-8")
        assert {name: each["powered"] for name, each in servers.items()} == dict(
            zip([node.name for node in nodes], [True, True, False, False], strict=True)
        )
        # NetBox does not know the switch that was recorded.
        assert servers[nodes[0].name]["steps"] == {"01-init": "pass", "02-memory": "pass", "04-lldp": "warn"}
        assert all(node.name in page for node in nodes)


def test_a_wrong_password_is_shown_to_two_bmcs_at_most(rack: ValidationRack) -> None:
    nodes = [rack.node(number) for number in (5, 6, 7)]
    before = [rack.bmc(node, "packets") for node in nodes]
    status, printed = rack.validate(nodes, validation_bmc_password="not-" + PASSWORD[:5], **LEAVE)

    assert status != 0
    assert [outcome(printed, node) for node in nodes] == ["failed"] * 3
    asked = [rack.bmc(node, "packets") > packets for node, packets in zip(nodes, before, strict=True)]
    assert sorted(asked) == [False, True, True]
    assert "not tried: its credentials were refused by" in printed
    assert [rack.power(node) for node in nodes] == ["OFF"] * 3


def test_a_run_that_was_killed_and_is_started_again_follows_the_server_it_switched_on(rack: ValidationRack) -> None:
    node = rack.node(8)
    followed = node.agent.root / "followed"
    # At work until the second run has found it so.
    node.agent.tool("memtester", f"while [ ! -e {followed} ]; do sleep 0.1; done; {TOOLS['memtester']}")
    words, process = rack.words([node], **LEAVE)
    with started(words, limit_s=120, stdout=subprocess.DEVNULL, **process) as playbook:
        wait_until(lambda: bool(_result(rack, node).get("run")), "a run in NetBox", limit_s=60)
        os.killpg(playbook.pid, signal.SIGKILL)
    words, process = rack.words([node], validation_allow_on=True, **LEAVE)
    with started(words, limit_s=240, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **process) as playbook:
        assert playbook.stdout is not None
        printed = ""
        for line in playbook.stdout:
            printed += line
            if "Following 1 server" in line:
                followed.touch()
        playbook.wait(timeout=30)

    assert (playbook.returncode, outcome(printed, node)) == (0, "passed"), printed
    assert rack.boots[8] == 1


def test_a_server_that_a_technician_switches_on_is_followed(rack: ValidationRack) -> None:
    node = rack.node(9)
    words, process = rack.words([node], validation_watch_only=True)
    before = rack.bmc(node, "logins")
    with started(words, limit_s=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **process) as playbook:
        assert playbook.stdout is not None
        printed = ""
        for line in playbook.stdout:
            printed += line
            if "Following 1 server" in line:
                rack.press(node)
        playbook.wait(timeout=10)

    assert (playbook.returncode, outcome(printed, node)) == (0, "passed"), printed
    # The technician's own.
    assert rack.bmc(node, "logins") == before + 1


def test_a_server_that_is_on_is_refused_and_with_leave_cut_and_switched_on_into_pxe(rack: ValidationRack) -> None:
    node = rack.node(10)
    rack.rack.admin("POST", "/nodes/node010", {"power": "on"})
    status, refused = rack.validate([node], **LEAVE)
    assert (status != 0, outcome(refused, node)) == (True, "refused"), refused
    assert rack.power(node) == "ON"

    status, printed = rack.validate([node], validation_allow_on=True, **LEAVE)
    assert (status, outcome(printed, node)) == (0, "passed"), printed


def test_of_two_runs_at_once_with_leave_to_cut_power_one_switches_a_server_on_and_the_other_leaves_it_alone(
    rack: ValidationRack,
) -> None:
    node = rack.node(13)
    rack.rack.admin("POST", "/nodes/node013", {"power": "on"})
    with contextlib.ExitStack() as running:
        both = [
            running.enter_context(
                started(words, limit_s=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **process)
            )
            for words, process in [rack.words([node], validation_allow_on=True, **LEAVE) for _run in range(2)]
        ]
        printed = [each.communicate(timeout=110)[0] for each in both]

    ended = sorted((outcome(each, node), "Switching 1 server on" in each) for each in printed)
    # Who comes second is refused, or, where the server is at work by then, follows it.
    assert ended in ([("passed", True), ("refused", False)], [("passed", False), ("passed", True)]), printed
    assert rack.boots[13] == 1
    (refused,) = [each for each in printed if outcome(each, node) == "refused"] or ["is changing this BMC"]
    assert "is changing this BMC" in refused
    assert rack.lab.get("dcim/devices", node.server.id)["custom_fields"]["bmc_claim"] is None


def test_what_a_survey_of_the_controller_gives_is_taken(rack: ValidationRack) -> None:
    nodes = [rack.node(11), rack.node(12)]
    templates = yaml.safe_load((ROOT / "extensions/controller/templates.yml").read_text(encoding="utf-8"))
    (template,) = (each for each in _templates(templates) if each.get("playbook") == "playbooks/validate.yml")
    survey = template["survey_spec"]["spec"]
    answers = {each["variable"]: each["default"] for each in survey if each["variable"] != "bcm_target"}
    given = {**answers, "validation_enable_power_action": "true", "validation_max_servers": 1}
    assert given.keys() == answers.keys()

    _status, refused = rack.validate(nodes, **given)
    assert [outcome(refused, node) for node in nodes] == ["refused", "refused"]
    status, limited = rack.validate(nodes, "--limit", nodes[0].name, **given)
    assert (status, outcome(limited, nodes[0])) == (0, "passed"), limited
    assert (rack.boots[11], rack.boots[12], rack.power(nodes[1])) == (1, 0, "OFF")


def _result(rack: ValidationRack, node: Node) -> dict[str, Any]:
    return rack.lab.get("dcim/devices", node.server.id)["custom_fields"]["validation_result"] or {}


def _templates(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        yield content
        for each in content.values():
            yield from _templates(each)
    elif isinstance(content, list):
        for each in content:
            yield from _templates(each)
