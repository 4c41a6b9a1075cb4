# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run, made at its end and later: table, file, page, statistics, verdict, and the calls it costs."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, POWER, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import DEMO_NODES, ROOT, Rack, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site, site

pytestmark = pytest.mark.meets_ansible

WORDS = "1763640000 powered:0 booting:12 installer:20 queued:40 installing:100 init:400 up:430"
READS = {"getDevices": 1, "getCategories": 1, "getSoftwareImages": 1, "getStatusForDevices": 1}
_PLAYBOOKS = ROOT / "playbooks"
WIDEST = 120
FILES = ("bcm_report_path", "bcm_report_html")


def record(rack: Rack, name: str, words: str) -> None:
    """Write a time-line on a device, as a run does."""
    device = rack.head_node.devices()[name]
    device["extra_values"] = {**(device["extra_values"] or {}), "baremetal_timeline": words}
    assert rack.head_node.call("cmdevice", "updateDevice", device, False)["success"]


def table_of(run: Run) -> list[str]:
    table: list[str] = run.report["table"]
    return table


@dataclass(frozen=True)
class Look:
    """A run that only reads, the calls it sent and the files it left."""

    run: Run
    counts: dict[str, int]
    mutating: list[str]
    files: dict[str, Path]


def look(where: Site, label: str, playbook: str, *options: str) -> Look:
    files = {variable: where.directory / label / variable for variable in FILES}
    where.rack.forget_calls()
    run = where.ansible.play(playbook, *options, variables={name: str(path) for name, path in files.items()})
    return Look(run, where.rack.call_counts(), where.rack.mutating_calls(), files)


class TestStatus:
    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        where = open_class_site(demo_rack(devices="all", power=True))
        where.rack.let_pass(3600)
        assert where.rack.states() == dict.fromkeys(DEMO_NODES, "UP")
        record(where.rack, "dgx-05", WORDS)
        record(where.rack, "dgx-06", "1763726400 powered:0 failed:1200")
        record(where.rack, "cpu-03", "<script>alert(1)</script>")
        return where

    @pytest.fixture(scope="class")
    @staticmethod
    def seen(where: Site) -> Look:
        return look(where, "status", "status")

    @pytest.fixture(scope="class")
    @staticmethod
    def checked(where: Site) -> Look:
        return look(where, "check", "status", "--check")

    def test_the_last_run_is_shown_beside_the_present_state(self, seen: Look) -> None:
        assert seen.run.rc == 0, seen.run.output
        lines = {line.split()[0]: line for line in table_of(seen.run)}
        assert "active" in lines["dgx-05"]
        assert "2025-11-20 12:00Z  7m10s           installing 5m00s" in lines["dgx-05"]
        assert "2025-11-21 12:00Z  20m00s, failed  powered 20m00s" in lines["dgx-06"]
        assert lines["cpu-03"].endswith("-")

    def test_the_table_fits_a_terminal(self, seen: Look) -> None:
        assert max(map(len, table_of(seen.run))) <= WIDEST
        assert set(table_of(seen.run)) <= set(seen.run.output.splitlines())

    def test_nothing_is_written_on_the_head_node(self, seen: Look, checked: Look) -> None:
        assert seen.mutating == []
        assert checked.mutating == []

    def test_a_login_and_four_calls_are_all_it_asks(self, seen: Look) -> None:
        assert seen.counts == {**READS, "login": 1}

    def test_a_node_that_failed_in_an_earlier_run_fails_no_host_now(self, seen: Look) -> None:
        assert seen.run.failed_hosts == []
        assert seen.run.summary["successful"] == len(DEMO_NODES)

    def test_page_and_file_show_the_recorded_runs_and_are_private(self, seen: Look) -> None:
        nodes = json.loads(seen.files["bcm_report_path"].read_text(encoding="utf-8"))["nodes"]
        assert [span["phase"] for span in nodes["dgx-06"]["timeline"]] == ["powered", "failed"]
        assert nodes["cpu-03"]["timeline"] == []
        page = seen.files["bcm_report_html"].read_text(encoding="utf-8")
        assert "Last recorded run of each node" in page
        assert "<script" not in page
        assert {stat.S_IMODE(path.stat().st_mode) for path in seen.files.values()} == {0o600}

    def test_a_check_writes_no_file(self, checked: Look) -> None:
        assert checked.run.rc == 0, checked.run.output
        assert not [path for path in checked.files.values() if path.exists()]


RESULT = {
    "action": "power_on",
    "reason": "install default-image",
    "outcome": "successful",
    "failed": False,
    "changed": True,
    "message": "UP after 7m10s",
    "status": "UP",
    "phase": "up",
    "image": "default-image",
    "seconds": 430.0,
    "power_sent": ["ON"],
    "started": 1763640000.0,
    "timeline": [
        {"phase": "powered", "at": 0.0, "seconds": 430.0, "message": ""},
        {"phase": "up", "at": 430.0, "seconds": 0.0, "message": ""},
    ],
}
FAILED = {**RESULT, "outcome": "failed", "failed": True, "phase": "powered", "message": "it 'hung' {{ 1 + 1 }} \\ {x}"}


class Foreign(str):
    """Text that Ansible must not take for a template, as what a module returns."""

    __slots__ = ()


yaml.SafeDumper.add_representer(Foreign, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


def told_of(where: Site, results: dict[str, Any], *, whole_role: bool) -> Run:
    """Run the report of provision.yml, or the role by itself, after a run that left these results."""
    plays: list[dict[str, Any]] = yaml.safe_load((_PLAYBOOKS / "provision.yml").read_text(encoding="utf-8"))[2:]
    if whole_role:
        role = {"ansible.builtin.import_role": {"name": "baremetal.bcm.report", "rolespec_validate": False}}
        plays = [{**plays[0], "hosts": "bcm_nodes,localhost", "tasks": [role]}]
    left = {name: {**result, "message": Foreign(result["message"])} for name, result in results.items()}
    names = "{{ groups['bcm_nodes'] | baremetal.bcm.node_names(hostvars) }}"
    prepared = {"left": "{{ groups['bcm_nodes'] }}", "node_names": names, "claimed": []}
    stand_in = {
        "name": "Stand in for a run",
        "hosts": "bcm_nodes,localhost",
        "gather_facts": False,
        "tasks": [
            {
                "ansible.builtin.set_fact": {
                    "provision_prepared": prepared,
                    "provision_results": left,
                    "provision_run": {},
                },
                "delegate_to": "localhost",
                "delegate_facts": True,
                "run_once": True,
            }
        ],
    }
    plays = [stand_in, *plays]
    file = where.directory / "told.yml"
    file.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    return where.ansible.play(str(file))


class TestVerdict:
    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        inventory = yaml.safe_dump(
            {
                "bcm_nodes": {
                    "hosts": {
                        "dgx-05.example.org": {},
                        "the-other-dgx": {"bcm_hostname": "dgx-06"},
                        "cpu-03": {},
                    }
                }
            }
        )
        where = open_class_site(demo_rack(devices="all", power=True), inventory=inventory)
        where.rack.let_pass(3600)
        return where

    @pytest.mark.parametrize("whole_role", [False, True], ids=["playbook", "role"])
    def test_exactly_the_hosts_of_failed_nodes_fail_each_with_its_reason(self, where: Site, whole_role: bool) -> None:
        results = {"dgx-05": RESULT, "dgx-06": FAILED, "cpu-03": {**FAILED, "message": "another"}}

        run = told_of(where, results, whole_role=whole_role)

        assert run.rc == 2
        assert run.failed_hosts == ["cpu-03", "the-other-dgx"]
        reasons = {task.host: task.result["msg"] for task in run.of("fail")}
        assert reasons == {"cpu-03": "another", "the-other-dgx": "it 'hung' {{ 1 + 1 }} \\ {x}"}

    @pytest.mark.parametrize("whole_role", [False, True], ids=["playbook", "role"])
    def test_no_host_fails_where_no_node_failed(self, where: Site, whole_role: bool) -> None:
        run = told_of(where, {"dgx-05": RESULT}, whole_role=whole_role)

        assert run.rc == 0, run.output
        assert run.failed_hosts == []
        assert run.of("fail") == []

    def test_hosts_whose_nodes_did_well_are_not_asked_by_the_playbook(self, where: Site) -> None:
        run = told_of(where, {"cpu-03": FAILED}, whole_role=False)

        assert [task.host for task in run.tasks if task.module == "fail"] == ["cpu-03"]


class TestAfterASequentialRun:
    """One node after the other, on a rack slow enough for every phase to be seen."""

    NAMES = ("dgx-05", "dgx-06", "cpu-03")

    @pytest.fixture(scope="class")
    @staticmethod
    def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
        with site(demo_rack(), tmp_path_factory.mktemp("site"), speed=100) as where:
            return where.ansible.play(
                "provision", "--limit", ",".join((*TestAfterASequentialRun.NAMES, "localhost")), variables=POWER
            )

    def test_the_figures_are_those_of_the_whole_run(self, run: Run) -> None:
        assert run.rc == 0, run.output
        figures, rows = run.report["run"], run.rows.values()
        ended = max(row["started"] + row["seconds"] for row in rows)
        assert figures["nodes"] == len(self.NAMES)
        assert figures["achieved_seconds"] == pytest.approx(ended - min(row["started"] for row in rows), abs=1)
        assert figures["achieved_seconds"] > sum(row["seconds"] for row in rows)
        assert figures["durations"]["source"] == "observed"
        # Medians of three phases, each of another node where readings fall so: two of three nodes reach each of them.
        phases = [figures["durations"][key] for key in ("boot_s", "sync_s", "init_s")]
        assert sum(phases) < 1.5 * max(row["seconds"] for row in rows) + 0.2
        assert 0 < figures["efficiency"] <= 1
        assert figures["efficiency"] == pytest.approx(figures["bound_seconds"] / figures["achieved_seconds"], abs=0.01)
        assert "Achieved " in run.output


class TestAfterARun:
    """On a rack slow enough for every phase to be seen."""

    @pytest.fixture(scope="class")
    @staticmethod
    def where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
        with site(demo_rack(), tmp_path_factory.mktemp("site"), speed=100) as where:
            yield where

    @pytest.fixture(scope="class")
    @staticmethod
    def first(where: Site) -> Look:
        where.rack.break_something("power_fails", node="cpu-05", message="BMC is dead")
        files = {variable: where.directory / "first" / variable for variable in FILES}
        variables = {**PARALLEL, **{name: str(path) for name, path in files.items()}}
        run = where.ansible.play("provision", variables=variables, environment={"ANSIBLE_SHOW_CUSTOM_STATS": "1"})
        return Look(run, {}, [], files)

    @pytest.fixture(scope="class")
    @staticmethod
    def later(where: Site, first: Look) -> Look:
        assert first.run.rc
        where.rack.repair()
        return look(where, "later", "status")

    def test_the_file_has_bound_achieved_and_the_phases_of_every_node(self, first: Look) -> None:
        report = json.loads(first.files["bcm_report_path"].read_text(encoding="utf-8"))

        assert report["run"]["nodes"] >= 4
        assert report["run"]["bound_seconds"] > 0
        assert report["run"]["achieved_seconds"] > 0
        for name in set(DEMO_NODES) - {"cpu-05"}:
            node = report["nodes"][name]
            assert node["started"] > 0
            assert node["timeline"][0]["phase"] == "powered"
            assert node["timeline"][-1]["phase"] == "up"

    def test_the_page_draws_every_node_and_puts_the_failure_first(self, first: Look) -> None:
        page = first.files["bcm_report_html"].read_text(encoding="utf-8")

        assert first.run.failed_hosts == ["cpu-05"]
        assert page.index("<title>cpu-05: failed") < page.index("<title>dgx-05: successful")
        assert page.count("<g><title>") == len(DEMO_NODES)
        assert "BMC is dead" in page
        assert "Bound " in page

    def test_the_job_gets_figures_but_not_every_phase_as_statistics(self, first: Look) -> None:
        stats = first.run.output.rpartition("CUSTOM STATS")[2]

        assert "provisioning_run" in stats
        assert "bound_seconds" in stats
        assert "longest_phase" in stats
        assert "timeline" not in stats

    def test_status_shows_that_run_later(self, first: Look, later: Look) -> None:
        told = json.loads(first.files["bcm_report_path"].read_text(encoding="utf-8"))["nodes"]
        recalled = json.loads(later.files["bcm_report_path"].read_text(encoding="utf-8"))["nodes"]

        assert later.run.rc == 0, later.run.output
        assert later.mutating == []
        assert max(map(len, table_of(later.run))) <= WIDEST
        for name in set(DEMO_NODES) - {"cpu-05"}:
            assert recalled[name]["ended"] == "up"
            assert recalled[name]["started"] == pytest.approx(told[name]["started"], abs=1)
            assert recalled[name]["seconds"] == pytest.approx(told[name]["seconds"], abs=2)
