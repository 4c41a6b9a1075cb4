# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manifest of BMC MAC addresses does in NetBox itself: its rules, its journal, its playbook."""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible import runner as opening
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import NetBoxTransport
from ansible_collections.baremetal.bcm.tests.integration.support.documentation import (
    never_seen,
    returned,
    section,
    undocumented,
)
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import DROP, FakeNetBox, Reply, Request
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab, Server
from ansible_collections.baremetal.bcm.tests.unit.child_process import run

ACTION = "ansible_collections.baremetal.bcm.plugins.action.netbox_bmc_mac"
ROOT = Path(__file__).resolve().parents[2]
HEADER = "server_serial,server_bmc_mac"
Result = dict[str, Any]


class Manifests:
    """Loads manifests into a lab: the whole action in this process, real HTTP."""

    def __init__(self, lab: Lab, ledger_path: Path) -> None:
        self.lab = lab
        self._ledger_path = str(ledger_path)

    def load(self, *rows: tuple[str, str], check: bool = False, **options: Any) -> Result:
        """The result, failed rows and all."""
        content = "\n".join([HEADER, *(f"{serial},{mac}" for serial, mac in rows)])
        wanted = {"url": self.lab.url, "token": self.lab.token, "content": content, "fail_on_error": False}
        wanted |= {"ledger_path": self._ledger_path, **options}
        given = {name: value for name, value in wanted.items() if value is not None}
        task = SimpleNamespace(args=given, check_mode=check, async_val=0, diff=True, action="x", environment=None)
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
        action = importlib.import_module(ACTION).ActionModule
        # Patience is not what is tested here.
        transport = functools.partial(NetBoxTransport, sleep=lambda _seconds: None)
        with mock.patch.object(opening, "NetBoxTransport", transport):
            result: Result = action(task, connection, SimpleNamespace(check_mode=check), None, None, None).run(None, {})
        return result

    def row(self, serial: str, mac: str, **options: Any) -> Result:
        """Load one row; what became of it."""
        (row,) = self.load((serial, mac), **options)["rows"]
        return dict(row)

    def new(self, *, serial: str = "", **options: Any) -> tuple[Server, str]:
        """Put a server without a BMC MAC address in; return it and its serial number."""
        serial = serial or self.lab.new_name("SN")
        return self.lab.server(with_mac=False, serial=serial, **options), serial

    def macs(self, server: Server) -> tuple[str | None, list[str]]:
        """The MAC address NetBox shows for a server's BMC, and those by which it is found there."""
        port = self.lab.get("dcim/interfaces", server.interface_id)
        objects = port.get("mac_addresses", [])
        return port["mac_address"], [each["mac_address"] for each in objects]

    def holders(self, mac: str) -> list[int]:
        """The interfaces that NetBox finds by a MAC address."""
        return [each["id"] for each in self.lab.find("dcim/interfaces", mac_address=mac)]


@pytest.fixture
def manifests(lab: Lab, tmp_path: Path) -> Manifests:
    return Manifests(lab, tmp_path / "ledger")


def test_a_bmc_without_an_address_gets_it_and_the_journal_one_success(lab: Lab, manifests: Manifests) -> None:
    (server, serial), mac = manifests.new(), lab.new_mac()

    row = manifests.row(serial, mac.lower().replace(":", ""))

    assert (row["outcome"], row["device"], row["interface"], row["mac"]) == ("set", server.name, "iLO", mac)
    assert manifests.macs(server)[0] == mac
    assert manifests.holders(mac) == [server.interface_id]
    assert lab.kinds(server) == ["success"]
    (entry,) = lab.journal(server)
    assert entry["comments"].startswith(f"BMC MAC address {mac} was set on interface iLO, from line 2 of a manifest.")


def test_the_same_again_changes_nothing_at_all(lab: Lab, manifests: Manifests) -> None:
    (server, serial), mac = manifests.new(), lab.new_mac()
    manifests.load((serial, mac))
    before = (lab.everything(server), lab.get("dcim/interfaces", server.interface_id))

    result = manifests.load((serial, mac))

    assert (result["changed"], result["diff"]) == (False, [])
    assert result["rows"][0]["outcome"] == "unchanged"
    assert (lab.everything(server), lab.get("dcim/interfaces", server.interface_id)) == before


def test_another_address_stays_and_the_journal_is_warned_once(lab: Lab, manifests: Manifests) -> None:
    serial, mac = lab.new_name("SN"), lab.new_mac()
    server = lab.server(serial=serial)

    rows = [manifests.row(serial, mac) for repetition in range(3)]

    assert [(row["outcome"], row["changed"]) for row in rows] == [
        ("skipped", True),
        ("skipped", False),
        ("skipped", False),
    ]
    assert manifests.macs(server)[0] == server.mac
    assert manifests.holders(mac) == []
    assert lab.kinds(server) == ["warning"]


def test_an_address_of_another_device_is_never_taken(lab: Lab, manifests: Manifests) -> None:
    (server, serial), other = manifests.new(), lab.server(interface="eth7")

    row = manifests.row(serial, other.mac)

    assert row["outcome"] == "failed"
    assert row["message"].startswith(f"{other.mac} belongs to interface eth7 of {other.name} already")
    assert (manifests.macs(server)[0], manifests.macs(other)[0]) == (None, other.mac)
    assert lab.kinds(server) == []


def test_an_address_of_a_virtual_machine_is_never_taken(lab: Lab, manifests: Manifests) -> None:
    (server, serial), mac, name = manifests.new(), lab.new_mac(), lab.new_name("vm")
    kind = lab.add("virtualization/cluster-types", name=name, slug=name)
    cluster = lab.add("virtualization/clusters", name=name, type=kind["id"])
    machine = lab.add("virtualization/virtual-machines", name=name, cluster=cluster["id"])
    field = {} if lab.has_macs else {"mac_address": mac}
    port = lab.add("virtualization/interfaces", virtual_machine=machine["id"], name="vnic0", **field)
    if lab.has_macs:
        holder = {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": port["id"]}
        lab.add("dcim/mac-addresses", mac_address=mac, **holder)

    row = manifests.row(serial, mac)

    assert row["message"].startswith(f"{mac} belongs to interface vnic0 of {name} already")
    assert manifests.macs(server)[0] is None


def test_rows_that_cannot_be_done_fail_alone_and_say_why(lab: Lab, manifests: Manifests) -> None:
    (good, serial), twice, bare, two = manifests.new(), lab.new_name("TWICE"), lab.new_name("BARE"), lab.new_name("TWO")
    twins = [manifests.new(serial=twice)[0], manifests.new(serial=twice)[0]]
    manifests.new(serial=bare, interface="eth0")
    lab.port(manifests.new(serial=two, interface="bmc")[0].id, "iDRAC")
    nobody = lab.new_name("NOBODY")
    rows = [(each, lab.new_mac()) for each in (nobody, twice, bare, two)]

    result = manifests.load(*rows, ("", lab.new_mac()), (serial, lab.new_mac()))

    assert [row["outcome"] for row in result["rows"]] == ["failed"] * 5 + ["set"]
    messages = [row["message"] for row in result["rows"]]
    assert messages[0] == f"NetBox has no device with serial number {nobody}"
    assert messages[1].startswith(f"2 devices have serial number {twice}: ")
    assert all(f"{twin.name} ({twin.id})" in messages[1] for twin in twins)
    assert messages[2].endswith("has no interface named bmc or ilo or idrac")
    assert messages[3].endswith("has 2 BMC interfaces, bmc, iDRAC: say in interface_names which one it is")
    assert messages[4] == "it has no serial number"
    assert list(result["failures"]) == ["2", "3", "4", "5", "6"]
    assert lab.kinds(good) == ["success"]


def test_a_serial_number_is_found_in_any_case(lab: Lab, manifests: Manifests) -> None:
    serial, mac = lab.new_name("Sn"), lab.new_mac()
    server = manifests.new(serial=serial)[0]

    assert manifests.row(serial.swapcase(), mac)["device"] == server.name


def test_defect_12_an_address_is_where_netbox_finds_it_in_either_form(lab: Lab, manifests: Manifests) -> None:
    (server, serial), mac = manifests.new(), lab.new_mac()

    manifests.load((serial, mac))

    assert manifests.macs(server) == (mac, [mac] if lab.has_macs else [])
    assert manifests.holders(mac) == [server.interface_id]


@pytest.mark.parametrize("name", ["BMC", "iLO", "iDRAC", "idrac"])
def test_defect_13_the_bmc_of_a_node_with_a_hundred_ports_is_found_in_any_case(
    name: str, lab: Lab, manifests: Manifests
) -> None:
    (server, serial), mac = manifests.new(interface=name, others=100), lab.new_mac()

    assert manifests.row(serial, mac)["interface"] == name
    assert manifests.holders(mac) == [server.interface_id]


def test_an_object_that_lies_about_unused_is_taken_instead_of_a_second_one(lab: Lab, manifests: Manifests) -> None:
    if not lab.has_macs:
        pytest.skip("before NetBox 4.2 a MAC address is a field")
    (server, serial), mac = manifests.new(), lab.new_mac()
    made = lab.add("dcim/mac-addresses", mac_address=mac)

    assert manifests.row(serial, mac)["outcome"] == "set"
    assert [each["id"] for each in lab.find("dcim/mac-addresses", mac_address=mac)] == [made["id"]]
    assert manifests.macs(server) == (mac, [mac])


def test_what_an_interrupted_run_left_half_done_is_finished(lab: Lab, manifests: Manifests) -> None:
    if not lab.has_macs:
        pytest.skip("before NetBox 4.2 one request does it all")
    (server, serial), mac = manifests.new(), lab.new_mac()
    port = {"assigned_object_type": "dcim.interface", "assigned_object_id": server.interface_id}
    lab.add("dcim/mac-addresses", mac_address=mac, **port)

    assert manifests.row(serial, mac)["outcome"] == "set"
    assert manifests.macs(server) == (mac, [mac])


def test_check_mode_tells_what_the_run_then_does_and_writes_nothing(lab: Lab, manifests: Manifests) -> None:
    (empty, serial), taken = manifests.new(), lab.new_name("SN")
    server = lab.server(serial=taken)
    rows = [(serial, lab.new_mac()), (taken, lab.new_mac()), (lab.new_name("NOBODY"), lab.new_mac())]
    before = [lab.everything(each) for each in (empty, server)]

    checked = manifests.load(*rows, check=True)
    assert [lab.everything(each) for each in (empty, server)] == before
    assert manifests.macs(empty)[0] is None
    done = manifests.load(*rows)

    assert checked == done
    assert done["changed"] is True


def test_many_rows_in_small_batches_at_once_all_arrive(lab: Lab, manifests: Manifests) -> None:
    servers = lab.servers(30)
    for server in servers:
        lab.change("dcim/devices", server.id, serial=f"SN-{server.name}")
    rows = [(f"SN-{server.name}", server.mac) for server in servers]
    fresh = [(manifests.new()[1], lab.new_mac()) for number in range(10)]

    result = manifests.load(*rows, *fresh, batch_size=7, parallel_batches=3)

    assert result["counts"] == {"set": 10, "unchanged": 30, "skipped": 0, "repeated": 0, "failed": 0}
    assert [row["serial"] for row in result["rows"]] == [serial for serial, mac in [*rows, *fresh]]


@pytest.mark.parametrize("performed", [True, False], ids=["performed and not answered", "not performed"])
@pytest.mark.parametrize("lost", range(1, 9))
def test_whichever_write_the_connection_dies_at_the_next_run_finishes_and_the_journal_stays_true(
    lost: int, performed: bool, fake: FakeNetBox, broken_lab: Lab, tmp_path: Path
) -> None:
    manifests = Manifests(broken_lab, tmp_path)
    servers = [manifests.new() for number in range(6)]
    rows = [(serial, broken_lab.new_mac()) for server, serial in servers]
    seen = 0

    def die(request: Request) -> Reply | None:
        nonlocal seen
        seen += request.writes
        if seen < lost:
            return None
        if performed and request.writes and seen == lost:
            fake._perform(request)
        return DROP

    fake.faults.append(die)
    broken = manifests.load(*rows, batch_size=3, parallel_batches=1)
    fake.faults.clear()
    result = manifests.load(*rows, batch_size=3, parallel_batches=1)

    writes_of_a_whole_run = 6 if broken_lab.has_macs else 4
    assert bool(broken.get("failed") or broken["failures"]) is (lost <= writes_of_a_whole_run)
    assert result["failures"] == {}
    assert [manifests.macs(server)[0] for server, serial in servers] == [mac for serial, mac in rows]
    assert [broken_lab.kinds(server) for server, serial in servers] == [["success"]] * 6
    assert (broken["changed"], result["changed"]) == (True, True) or lost > writes_of_a_whole_run - 1
    assert manifests.load(*rows)["changed"] is False
    if broken_lab.has_macs:
        assert [len(broken_lab.find("dcim/mac-addresses", mac_address=mac)) for serial, mac in rows] == [1] * 6


def test_the_examples_run_and_return_what_is_documented(
    fake: FakeNetBox, broken_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    manifests = Manifests(broken_lab, tmp_path / "ledger")
    for serial in ("MXP1111111", "MXP1111112"):
        manifests.new(serial=serial)
    (tmp_path / "manifest.csv").write_text(f"{HEADER}\nMXP1111111,A0:36:9F:7C:05:00\n", encoding="utf-8")
    documented = returned("netbox_bmc_mac")
    results = []
    for task in section(ROOT / "plugins/modules/netbox_bmc_mac.py", "EXAMPLES"):
        options = task["baremetal.bcm.netbox_bmc_mac"]
        results.append(manifests.load(**{"content": None, **options, "url": fake.url, "token": broken_lab.token}))

    assert [result["counts"]["set"] for result in results] == [1, 1]
    assert (tmp_path / "manifest-report.csv").exists()
    assert [key for result in results for key in undocumented(result, documented)] == []
    assert list(never_seen(results, documented)) == []


def playbook_words(
    directory: Path, variables: Result, *options: str, url: str, token: str, playbook: str
) -> tuple[list[str], Result]:
    """What runs a playbook as a person does, or AWX, and the options of its process."""
    bin_directory = Path(sys.executable).parent
    command = [str(bin_directory / "ansible-playbook"), f"baremetal.bcm.{playbook}", *options]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "BCM_", "NETBOX_"))}
    environment = {
        **own,
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "ANSIBLE_HOME": str(directory / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "NETBOX_URL": url,
        "NETBOX_TOKEN": token,
    }
    (directory / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    # A file, because Ansible itself repeats its command line at the highest verbosity.
    (directory / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
    return [*command, "--extra-vars", "@variables.json"], {"cwd": directory, "env": environment}


def run_playbook(
    directory: Path,
    variables: Result,
    *options: str,
    url: str = "http://127.0.0.1:9",
    token: str = "unused",
    playbook: str = "load_bmc_macs",
) -> tuple[int, str]:
    """Run a playbook; its status and what it printed."""
    words, process = playbook_words(directory, variables, *options, url=url, token=token, playbook=playbook)
    done = run(words, limit_s=240, **process)
    assert token not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def test_the_playbook_loads_a_file_writes_a_report_and_ends_well(
    lab: Lab, manifests: Manifests, tmp_path: Path
) -> None:
    (server, serial), mac = manifests.new(), lab.new_mac()
    (tmp_path / "order.csv").write_text(f"{HEADER}\r\n{serial},{mac}\r\n", encoding="utf-8")
    variables = {"bcm_mac_manifest": "order.csv", "bcm_mac_report_path": "report.csv"}

    status, output = run_playbook(tmp_path, variables, url=lab.url, token=lab.token)

    assert status == 0, output
    assert "1 row: 1 set" in output
    assert manifests.macs(server)[0] == mac
    assert (tmp_path / "report.csv").read_text(encoding="utf-8").splitlines()[1].startswith(f"2,{serial},{mac},set,")


def test_the_playbook_ends_with_an_error_if_a_row_failed_and_did_the_others(
    lab: Lab, manifests: Manifests, tmp_path: Path
) -> None:
    (server, serial), mac = manifests.new(), lab.new_mac()
    content = f"{HEADER}\nNOBODY-{lab.tag},{lab.new_mac()}\n{serial},{mac}\n"
    variables = {"bcm_mac_manifest_content": content, "bcm_netbox": {"url": lab.url, "token": lab.token}}

    status, output = run_playbook(tmp_path, variables, "-vvvv", "--diff")

    assert status == 2, output
    assert f"NetBox has no device with serial number NOBODY-{lab.tag}" in output
    assert "Rows that failed: 1 of 2. The list is above." in output
    assert lab.token not in output
    assert manifests.macs(server)[0] == mac


@pytest.mark.parametrize("variables", [{}, {"bcm_mac_manifest": "a.csv", "bcm_mac_manifest_content": "b"}])
def test_the_playbook_does_not_guess_what_is_to_be_loaded(tmp_path: Path, variables: Result) -> None:
    status, output = run_playbook(tmp_path, variables)

    assert status == 2
    assert "Say what to load, one of the two" in output
