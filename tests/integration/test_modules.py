# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module promises, for all modules there are: one without a case in `support` fails.

The modules for NetBox keep the same promises with a NetBox in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.cases import CASES, Case
from ansible_collections.baremetal.bcm.tests.integration.support.documentation import (
    module_names,
    never_seen,
    returned,
    undocumented,
)
from ansible_collections.baremetal.bcm.tests.integration.support.netbox import NETBOX_CASES, netbox_site
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Ansible, Run, TaskResult
from ansible_collections.baremetal.bcm.tests.integration.support.rack import RackFile, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.redfish import (
    REDFISH_MODULES,
    redfish_cases,
    redfish_site,
)
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN
from ansible_collections.baremetal.bcm.tests.unit.plugins.fake_certificates import PASSPHRASE

SECRETS = ("demo-bmc-password", "another-bmc-password", "demo-head-node", "demo-redfish-password", TOKEN, PASSPHRASE)
# What servers write down by themselves: where a node's daemon listens, and when an object was changed.
THE_SERVERS_OWN = {"cmdaemonUrl", "last_updated"}
# Talks to a file; tests/unit/plugins/modules/test_dhcp_spool.py holds it to the same.
WITHOUT_SERVER = {"dhcp_spool"}


def prepared_rack() -> RackFile:
    """Give a rack where two nodes are UP, two are off and one is not registered."""
    rack = demo_rack(devices=["dgx-05", "dgx-06", "cpu-03", "cpu-05"])
    for machine in rack["machines"]:
        if machine["name"] in ("dgx-06", "cpu-05"):
            machine["power"] = "on"
    return rack


@dataclass(frozen=True)
class Shown:
    """A case, and the results of a check, of the run, and of the same again."""

    case: Case
    checked: TaskResult
    applied: TaskResult
    again: TaskResult


@dataclass(frozen=True)
class Performance:
    """All cases of a module in one run at the highest verbosity, and the files it left."""

    module: str
    run: Run
    shown: Sequence[Shown]
    files: str


def tasks_of(module: str, case: Case) -> Iterator[dict[str, Any]]:
    for name, check_mode in (("check", True), ("apply", False), ("again", False)):
        yield {"name": f"{case.name}: {name}", f"baremetal.bcm.{module}": dict(case.options), "check_mode": check_mode}


def perform(module: str, cases: Sequence[Case], ansible: Ansible, directory: Path, **play: Any) -> Performance:
    """Run all cases of a module; `play` is what the play has beside its tasks, and the environment."""
    tasks = [task for case in cases for task in tasks_of(module, case)]
    run = ansible.tasks(tasks, "-vvvv", "--diff", **play)
    assert run.rc == 0, run.output
    results = run.of(module)
    shown = [Shown(case, *results[3 * index : 3 * index + 3]) for index, case in enumerate(cases)]
    reports = [path.read_text(encoding="utf-8") for path in directory.rglob("report*.json")]
    return Performance(module, run, shown, "".join(reports))


def test_every_module_has_its_cases() -> None:
    assert CASES.keys() | NETBOX_CASES.keys() | set(REDFISH_MODULES) | WITHOUT_SERVER == set(module_names())


class Promises:
    """The promises of all modules; subclasses choose the modules and the site."""

    def test_each_case_does_what_it_is_there_for(self, performance: Performance) -> None:
        assert [(shown.case.name, shown.applied.changed) for shown in performance.shown] == [
            (shown.case.name, shown.case.changed) for shown in performance.shown
        ]

    def test_check_mode_sends_no_mutating_call_and_changes_nothing(self, performance: Performance) -> None:
        for shown in performance.shown:
            assert shown.checked.before["mutating"] == shown.checked.after["mutating"], shown.case.name
            assert list(differences(shown.checked.before, shown.checked.after)) == [], shown.case.name

    def test_check_mode_returns_the_same_change_and_diff_as_the_run(self, performance: Performance) -> None:
        for shown in performance.shown:
            told = [(shown.case.name, each.changed, each.result.get("diff")) for each in (shown.checked, shown.applied)]
            assert told[0] == told[1]

    def test_a_change_shows_a_diff_and_no_change_shows_none(self, performance: Performance) -> None:
        for shown in performance.shown:
            for each in (shown.applied, shown.again):
                assert bool(each.result.get("diff")) is each.changed, shown.case.name

    def test_applying_twice_changes_nothing(self, performance: Performance) -> None:
        for shown in performance.shown:
            assert shown.again.changed is shown.case.repeats, shown.case.name
            if not shown.case.repeats:
                assert list(differences(shown.again.before, shown.again.after)) == [], shown.case.name
                assert shown.again.before["mutating"] == shown.again.after["mutating"], shown.case.name

    def test_what_no_option_names_is_byte_identical_afterwards(self, performance: Performance) -> None:
        for shown in performance.shown:
            before, after = shown.applied.before, shown.applied.after
            touched = dict(differences(before, after))
            assert set(touched) <= set(shown.case.touches), shown.case.name
            for name, keys in shown.case.touches.items():
                allowed = set(keys) if keys is not None else touched[name]
                assert touched[name] <= allowed, (shown.case.name, name)
                assert keys is None or touched[name] == set(keys), (shown.case.name, name)
            assert list(lost_elements(before, after, json.dumps(shown.case.options))) == [], shown.case.name

    def test_no_secret_is_printed_returned_or_left_in_a_file(self, performance: Performance) -> None:
        texts = [performance.run.output, performance.files]
        texts += [json.dumps(task.result) for task in performance.run.tasks]
        assert [secret for secret in SECRETS if any(secret in text for text in texts)] == []

    def test_every_key_that_comes_back_is_documented(self, performance: Performance) -> None:
        documented = returned(performance.module)
        found = {
            key for task in performance.run.of(performance.module) for key in undocumented(task.result, documented)
        }
        assert sorted(found) == []

    def test_every_documented_key_comes_back(self, performance: Performance) -> None:
        results = [task.result for task in performance.run.of(performance.module)]
        assert sorted(set(never_seen(results, returned(performance.module)))) == []


class TestEveryModule(Promises):
    @pytest.fixture(scope="class", params=module_names("bcm_"))
    @staticmethod
    def performance(request: pytest.FixtureRequest, open_class_site: OpenSite) -> Performance:
        module: str = request.param
        where = open_class_site(prepared_rack())
        environment = {"INTEGRATION_SNAPSHOTS": "1"}
        return perform(module, CASES[module], where.ansible, where.directory, environment=environment)


class TestEveryNetBoxModule(Promises):
    @pytest.fixture(scope="class", params=module_names("netbox_"))
    @staticmethod
    def performance(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Performance]:
        module: str = request.param
        directory = tmp_path_factory.mktemp("netbox")
        with netbox_site(directory) as where:
            play = {"environment": where.snapshots, "module_defaults": where.module_defaults}
            yield perform(module, NETBOX_CASES[module], where.ansible, directory, **play)


class TestEveryRedfishModule(Promises):
    @pytest.fixture(scope="class", params=module_names("redfish_"))
    @staticmethod
    def performance(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Performance]:
        module: str = request.param
        directory = tmp_path_factory.mktemp("redfish")
        with redfish_site(directory) as where:
            yield perform(module, redfish_cases(where)[module], where.ansible, directory, environment=where.snapshots)


def kinds(snapshot: dict[str, Any]) -> list[str]:
    """Name the kinds of objects that a snapshot has, each by name."""
    return [kind for kind, objects in snapshot.items() if isinstance(objects, dict)]


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Give the entities that differ, by name, each with the keys that differ; byte by byte."""
    for kind in kinds(before):
        for name in before[kind].keys() | after[kind].keys():
            old, new = before[kind].get(name, {}), after[kind].get(name, {})
            keys = {key for key in old.keys() | new.keys() if json.dumps(old.get(key)) != json.dumps(new.get(key))}
            keys -= THE_SERVERS_OWN
            if keys:
                yield name, keys


def lost_elements(before: dict[str, Any], after: dict[str, Any], mentioned: str) -> Iterator[str]:
    """Return the elements of lists that the options do not name, but that have changed."""
    for kind in kinds(before):
        for name in before[kind].keys() & after[kind].keys():
            for key, elements in before[kind][name].items():
                for element in elements if isinstance(elements, list) else []:
                    known = element.get("name", element.get("mountpoint")) if isinstance(element, dict) else element
                    if f'"{known}"' not in mentioned and element not in after[kind][name][key]:
                        yield f"{name}.{key}.{known}"
