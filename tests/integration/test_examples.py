# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EXAMPLES of every module and filter, run as they stand; only the connection comes from the environment."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.documentation import module_names, section
from ansible_collections.baremetal.bcm.tests.integration.support.netbox import netbox_site
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, RackFile, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.redfish import (
    STORE,
    RedfishSite,
    directories,
    redfish_site,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.fake_bmc import PASSWORD, USER
from ansible_collections.baremetal.bcm.tests.unit.plugins.fake_certificates import PASSPHRASE, Authority

pytestmark = pytest.mark.meets_ansible

CONNECTION = frozenset({"head_node", "username", "password", "client_cert", "client_key", "ca_path", "url", "token"})
# What a user's vault holds.
VAULT = {
    "vault_bcm_password": "demo-head-node",
    "vault_bmc_password": "demo-bmc-password",
    "vault_auditor_password": "another-bmc-password",
    "vault_authority_passphrase": PASSPHRASE,
}
SITE_NAMES = "DNS:dgx-06-bmc.example.com,IP:10.229.10.16"
# Of the orders that examples speak of.
MANIFEST = "server_serial,server_bmc_mac\nMXP1111113,A0:36:9F:7C:05:0C\n"
# Patience only: the rack is fast, and none of its BMCs speaks IPMI.
ONE_TRY = {"ipmi_connect_timeout": 0.2, "ipmi_tries": 1, "ipmi_deadline": 1}
PATIENCE = {
    "baremetal.bcm.bcm_provision": {"poll_interval": 0.1},
    "baremetal.bcm.bcm_bmc_info": ONE_TRY,
    # A node that an example has switched on may still be booting in the next one.
    "baremetal.bcm.bcm_power": {**ONE_TRY, "allow_claimed": True},
}
VALIDATION = "baremetal.bcm.netbox_validation"
NOBODY_VALIDATES = {**ONE_TRY, "boot_timeout": 1, "timeout_total": 2, "poll_interval": 0.1, "fail_on_error": False}
# Those that begin with nothing, in an order in which nothing is in the way of the next; the rest finds two nodes.
FROM_NOTHING: tuple[str, ...] = ("bcm_image_info", "bcm_network_info", "bcm_category_info", "bcm_category")
FROM_NOTHING += ("bcm_categories", "bcm_devices", "bcm_device")
CATEGORIES = [{"name": name, "image": "default-image"} for name in ("default", "dgx-worker", "control-plane")]


def examples_of(plugin: str) -> list[dict[str, Any]]:
    """Read the examples of a module or filter."""
    sources = (ROOT / f"plugins/modules/{plugin}.py", ROOT / f"plugins/filter/{plugin}.yml")
    tasks: list[dict[str, Any]] = section(next(path for path in sources if path.exists()), "EXAMPLES")
    return tasks


def plugins() -> list[str]:
    """Find the modules that need a head node, and the filters."""
    return [*module_names("bcm_"), *sorted(path.stem for path in (ROOT / "plugins/filter").glob("*.yml"))]


def connected(tasks: Iterable[dict[str, Any]], directory: Path) -> Iterator[dict[str, Any]]:
    """Give tasks without the options of their connection, and with files where tests may write."""
    for task in tasks:
        ours = [key for key in task if key.startswith("baremetal.bcm.")]
        if not ours:
            yield dict(task)
            continue
        (action,) = ours
        options = {key: value for key, value in (task[action] or {}).items() if key not in CONNECTION}
        # That NetBox is elsewhere.
        options.pop("redfish_netbox", None)
        if "path" in options:
            options["path"] = str(directory / Path(options["path"]).name)
        yield {**task, action: options, "ignore_errors": speaks_to_bmcs(task)}


def speaks_to_bmcs(task: dict[str, Any]) -> bool:
    """Say whether a task powers straight by BMCs, which need root to be simulated and are no part of this rack."""
    return (task.get("baremetal.bcm.bcm_power") or {}).get("via") in ("ipmi", "redfish")


def quiet_bmcs(rack: RackFile) -> RackFile:
    """Give the rack BMCs with addresses of this computer, so that no packet leaves it."""
    for machine in rack["machines"]:
        machine["bmc"]["address"] = machine["bmc"]["address"].replace("10.", "127.", 1)
    return rack


class TestExamples:
    @pytest.fixture(scope="class")
    @staticmethod
    def run_from_nothing(open_class_site: OpenSite, tmp_path_factory: pytest.TempPathFactory) -> Run:
        where = open_class_site(demo_rack(categories=[]))
        directory = tmp_path_factory.mktemp("examples")
        tasks = [task for plugin in FROM_NOTHING for task in connected(examples_of(plugin), directory)]
        run: Run = where.ansible.tasks(tasks, module_defaults=PATIENCE, vars=VAULT)
        return run

    @pytest.fixture(scope="class")
    @staticmethod
    def run_with_nodes(open_class_site: OpenSite, tmp_path_factory: pytest.TempPathFactory) -> Run:
        rack = quiet_bmcs(demo_rack(devices=["dgx-05", "dgx-06"], categories=CATEGORIES))
        where = open_class_site(rack)
        directory = tmp_path_factory.mktemp("examples")
        others = [plugin for plugin in plugins() if plugin not in FROM_NOTHING]
        tasks = [task for plugin in others for task in connected(examples_of(plugin), directory)]
        run: Run = where.ansible.tasks(tasks, module_defaults=PATIENCE, vars=VAULT)
        return run

    def test_every_example_that_begins_with_nothing_runs(self, run_from_nothing: Run) -> None:
        assert run_from_nothing.rc == 0, run_from_nothing.output

    def test_every_example_for_registered_nodes_runs(self, run_with_nodes: Run) -> None:
        assert run_with_nodes.rc == 0, run_with_nodes.output

    @pytest.mark.parametrize("plugin", plugins())
    def test_every_example_was_run(self, run_from_nothing: Run, run_with_nodes: Run, plugin: str) -> None:
        tasks = {task.task: task for task in (*run_from_nothing.tasks, *run_with_nodes.tasks)}
        for example in examples_of(plugin):
            task = tasks[example["name"]]
            if speaks_to_bmcs(example):
                assert "127.229.10.15" in task.result["msg"]
            else:
                assert task.status == "ok"

    def test_examples_that_create_or_change_do_so(self, run_from_nothing: Run) -> None:
        changed = {task.task: task.changed for task in run_from_nothing.tasks}
        for name in ("Register two nodes", "Register a DGX worker", "Remove a node from BCM", "Remove it"):
            assert changed[name]


def signed_elsewhere(task: dict[str, Any], authority: Authority, directory: Path) -> dict[str, Any]:
    """Give the task in which a site signs a request by what it has: here by OpenSSL and the authority's key."""
    (directory / "site.pem").write_text(authority.pem, encoding="ascii")
    (directory / "site.key").write_text(authority.key_pem, encoding="ascii")
    command = task["ansible.builtin.command"]
    (directory / "extensions").write_text(f"subjectAltName={SITE_NAMES}\n", encoding="ascii")
    signing = ["openssl", "x509", "-req", "-CA", "site.pem", "-CAkey", "site.key", "-passin", f"pass:{PASSPHRASE}"]
    signing += ["-days", "90", "-set_serial", "7", "-extfile", "extensions"]
    return {**task, "ansible.builtin.command": {"argv": signing, "stdin": command["stdin"], "chdir": str(directory)}}


def with_bmcs(tasks: Iterable[dict[str, Any]], where: RedfishSite, bundle: Path) -> Iterator[dict[str, Any]]:
    """Give tasks whose servers have the BMCs of a site, and whose files are where tests may write."""
    authority = Authority()
    for task in tasks:
        action = next((key for key in task if key.startswith("baremetal.bcm.")), "")
        if not action:
            yield signed_elsewhere(task, authority, bundle.parent)
            continue
        options = {key: value for key, value in task[action].items() if key not in CONNECTION}
        if isinstance(options["servers"], list):
            options["servers"] = [
                {"name": server["name"], "address": where.addresses[server["name"]]} for server in options["servers"]
            ]
        if "rollback" in options:
            options["rollback"] = str(bundle)
        for name in {"path", "junit", "html"} & options.keys():
            options[name] = str(bundle.parent / options[name])
        if action.endswith("_harden"):
            options |= directories(bundle.parent)
        if action.endswith("_certificate"):
            options["authority"] = authority.pem
            options |= {"authority_key": authority.key_pem} if "authority_key" in options else {}
        if action.endswith(("_accounts", "_certificate", "_firmware", "_rotation")):
            options["lock_path"] = str(bundle.parent / "locks")
        if action.endswith("_rotation"):
            options |= {"state_path": str(bundle.parent / "state"), "username": USER, "password": PASSWORD}
            options["store_command"] = [sys.executable, str(STORE), str(bundle.parent / "store")]
        yield {**task, action: options}


class TestRedfishExamples:
    @pytest.fixture(scope="class")
    @staticmethod
    def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
        directory = tmp_path_factory.mktemp("redfish-examples")
        bundle = directory / "bundle.json"
        bundle.write_text('{"format": "baremetal.bcm rollback 1", "servers": {}}', encoding="utf-8")
        with redfish_site(directory) as where:
            examples = [task for name in module_names("redfish_") for task in examples_of(name)]
            yield where.ansible.tasks(list(with_bmcs(examples, where, bundle)), vars=VAULT)

    def test_every_example_runs(self, run: Run) -> None:
        assert run.rc == 0, run.output

    @pytest.mark.parametrize("module", module_names("redfish_"))
    def test_every_example_was_run(self, run: Run, module: str) -> None:
        tasks = {task.task: task for task in run.tasks}
        assert [tasks[example["name"]].status for example in examples_of(module)] == ["ok"] * len(examples_of(module))


class TestNetBoxExamples:
    @pytest.fixture(scope="class")
    @staticmethod
    def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
        directory = tmp_path_factory.mktemp("netbox-examples")
        (directory / "manifest.csv").write_text(MANIFEST, encoding="utf-8")
        # Statuses are missing, as in most NetBoxes; the lifecycle is shown in one where they are not.
        with netbox_site(directory / "bare", extra_statuses=()) as bare, netbox_site(directory / "ready") as ready:
            bootstrap = list(connected(examples_of("netbox_bootstrap"), directory))
            first = bare.ansible.tasks(bootstrap, module_defaults=bare.module_defaults, vars=VAULT)
            others = [name for name in module_names("netbox_") if name != "netbox_bootstrap"]
            rest = [task for name in others for task in connected(examples_of(name), directory)]
            for bmc in (bmc for task in rest for bmc in task.get(VALIDATION, {}).get("bmcs", ())):
                bmc["address"] = "127.0.0.1"  # no packet may leave this computer
            defaults = {**ready.module_defaults, VALIDATION: NOBODY_VALIDATES}
            second = ready.ansible.tasks(rest, module_defaults=defaults, vars=VAULT)
            yield Run(first.rc or second.rc, first.output + second.output, [*first.tasks, *second.tasks])

    def test_every_example_runs(self, run: Run) -> None:
        assert run.rc == 0, run.output

    @pytest.mark.parametrize("module", module_names("netbox_"))
    def test_every_example_was_run(self, run: Run, module: str) -> None:
        tasks = {task.task: task for task in run.tasks}
        assert [tasks[example["name"]].status for example in examples_of(module)] == ["ok"] * len(examples_of(module))

    def test_examples_change_what_they_say(self, run: Run) -> None:
        changed = {task.task for task in run.tasks if task.changed}
        assert {"BMCs were given leases", "A server passed validation", "Take a server out of use"} <= changed
