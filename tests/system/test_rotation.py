# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotation of passwords on the rack's BMCs, one of each vendor, by processes that are really killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Ansible
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, Rack
from ansible_collections.baremetal.bcm.tests.integration.support.redfish import STORE
from ansible_collections.baremetal.bcm.tests.system.virtual_rack.served import (
    PASSWORD,
    USERNAME,
    ServedRack,
    address_of,
    served,
)
from virtual_rack.new_rack import new_rack_text

FIRST, SECOND = "bmc-first", "bmc-second"
RACK = yaml.safe_load((ROOT / "virtual_rack/racks/vendors.yml").read_text(encoding="utf-8"))
# Thirteen steps, and a mark for each of the two logins that were accepted. The last one, before the account of the
# factory is disabled, is made on a server that is new, so that it comes first.
MARKS = 15


@pytest.fixture
def two_faces(tmp_path: Path) -> Iterator[ServedRack]:
    """A rack whose two BMCs speak IPMI with the head node, and Redfish."""
    machines = yaml.safe_load(new_rack_text(2, engine="ipmi"))["machines"]
    for machine, mode in zip(machines, ("idrac", "ilo"), strict=True):
        machine["bmc"]["redfish"] = {"mode": mode}
    with served(tmp_path / "rack", 2, machines=machines, redfish_port=0) as running:
        yield running


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[ServedRack]:
    with served(tmp_path / "rack", 1, **{**RACK, "redfish_port": 0}) as running:
        yield running


def options_of(rack: ServedRack, directory: Path, number: int) -> dict[str, Any]:
    """Give the options of a rotation, on another vendor's BMC each, in a generation of its own."""
    machine = RACK["machines"][number % len(RACK["machines"])]
    bmc, port = machine["bmc"], rack.environment["VIRTUAL_RACK_REDFISH_PORT"]
    server = {"name": machine["name"], "address": f"{bmc['address']}:{port}", "serial": machine["serial"]}
    return {
        "servers": [{**dict.fromkeys(("username", "password", "tls_fingerprint", "device_type")), **server}],
        "username": bmc["username"],
        "password": bmc["password"],
        "ca_path": rack.environment["BCM_CA_PATH"],
        "validate_certs": True,
        "timeout": 30.0,
        "first": FIRST,
        "second": SECOND,
        "generation": str(number),
        "factory_accounts": [bmc["username"]],
        "password_length": 16,
        "store_command": [sys.executable, "-S", str(STORE), str(directory / "store")],
        "store_timeout": 60.0,
        "state_path": str(directory / "state"),
        "lock_path": str(directory / "locks"),
    }


def test_a_rotation_that_is_killed_at_any_mark_is_finished_by_the_next_run_without_a_failed_login(
    rack: ServedRack, tmp_path: Path
) -> None:
    runs = [options_of(rack, tmp_path, number) for number in range(MARKS)]
    program = ROOT / "tests/system/support/rotation_kills.py"

    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")},
        input=json.dumps(runs),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert [(each["killed"], each["next"]) for each in json.loads(done.stdout)] == [(True, 0)] * MARKS, done.stderr
    shown = {machine["name"]: rack.node(machine["name"])["redfish"] for machine in RACK["machines"]}
    assert {name: each["refused_logins"] for name, each in shown.items()} == dict.fromkeys(shown, 0)
    for name in shown:
        record = json.loads((tmp_path / f"store/{name}.json").read_text(encoding="utf-8"))
        assert (record["username"], record["pending"]) == (FIRST, [])


def test_the_playbook_rotates_by_vaulted_files_and_the_head_node_powers_with_the_new_logins(
    two_faces: ServedRack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The one that other tests talk to knows nothing of these servers.
    monkeypatch.delenv("NETBOX_URL", raising=False)
    rack, store, password = two_faces, tmp_path / "store", tmp_path / "vault-password"
    devices = [rack.register(number) for number in (1, 2)]
    password.write_text("site-vault-password\n", encoding="utf-8")
    port = rack.environment["VIRTUAL_RACK_REDFISH_PORT"]
    hosts = {f"node{number:03d}": {"hardening_bmc_address": f"{address_of(number)}:{port}"} for number in (1, 2)}
    local = {"hosts": {"localhost": {"ansible_connection": "local"}}}
    inventory = tmp_path / "servers.yml"
    inventory.write_text(json.dumps({"all": local, "bcm_nodes": {"hosts": hosts}}), encoding="utf-8")
    variables = {
        "hardening_connection": {
            "username": USERNAME,
            "password": PASSWORD,
            "ca_path": rack.environment["BCM_CA_PATH"],
        },
        "hardening_lock_path": str(tmp_path / "locks"),
        "rotation_generation": "2026-11",
        "rotation_factory_accounts": [USERNAME],
        "rotation_state_path": str(tmp_path / "state"),
        "rotation_store_command": [
            sys.executable,
            str(ROOT / "extensions/credential_stores/vaulted_files.py"),
            str(store),
            str(password),
        ],
        "rotation_stored": "{{ lookup('unvault', site_store ~ inventory_hostname ~ '.json') | from_json }}",
        "site_store": f"{store}/",
    }
    ansible = Ansible(cast(Rack, SimpleNamespace(environment=rack.environment)), tmp_path / "ansible", inventory)
    unlock = ("--vault-password-file", str(password))

    checked = ansible.play("rotate", "--check", "--diff", *unlock, variables=variables)
    assert checked.rc == 0, checked.output
    assert not store.exists()
    without = {name: value for name, value in variables.items() if name != "rotation_stored"}
    # As far as a run comes that is killed before it tells the head node.
    first = ansible.play("rotate", "--diff", "-vvv", *unlock, variables=without)
    assert first.rc == 0, first.output
    run = ansible.play("rotate", "--diff", "-vvv", *unlock, variables=variables)
    assert run.rc == 0, run.output
    again = ansible.play("rotate", *unlock, variables=variables)

    assert again.rc == 0, again.output
    assert "changed=0" in again.output
    settings = [rack.call("cmdevice", "getDevice", f"node{number:03d}")["bmcSettings"] for number in (1, 2)]
    assert [each["userName"] for each in settings] == [FIRST, FIRST]
    for number, device in enumerate(devices, start=1):
        assert rack.head_node_power(device, "STATUS")["state"] == "OFF"
        assert rack.node(f"node{number:03d}")["redfish"]["refused_logins"] == 0
    texts = (
        run.output
        + first.output
        + checked.output
        + "".join(path.read_text("utf-8") for path in (tmp_path / "state").iterdir())
    )
    assert [each for each in settings if each["password"] in texts] == []
