# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NetBox that does what it is asked and does not say so, or dies: the journal has each change, once."""

from __future__ import annotations

import copy
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.journal import SUCCESS, Entry
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.ledger import Due, Ledger
from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules, ack
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import FakeNetBox, Reply
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab, Server
from ansible_collections.baremetal.bcm.tests.netbox.lossy import LossyNetBox, lossy
from ansible_collections.baremetal.bcm.tests.netbox.test_bmc_macs import Manifests
from ansible_collections.baremetal.bcm.tests.netbox.test_races import ENVIRONMENT, RACER
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

LOST = {"504": 504, "dropped": 0}


@pytest.fixture
def lost(lab: Lab) -> Iterator[tuple[LossyNetBox, Lab]]:
    """A NetBox that loses answers, and the same one's address for who should get them."""
    with lossy(lab.url) as netbox:
        yield netbox, lab


def through(netbox: LossyNetBox, lab: Lab) -> Lab:
    """The lab, as it is reached through the proxy."""
    other = copy.copy(lab)
    other.url = netbox.url
    return other


@pytest.mark.parametrize("status", LOST.values(), ids=LOST)
@pytest.mark.parametrize("performed", [True, False], ids=["performed", "not performed"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_whichever_answer_is_lost_the_next_run_leaves_one_entry_for_each_server(
    lost: tuple[LossyNetBox, Lab], modules: Modules, number: int, performed: bool, status: int
) -> None:
    netbox, lab = lost
    far = through(netbox, lab)
    servers = lab.servers(5)
    ips = [lab.new_ip() for _server in servers]
    events = [ack(server.mac, ip) for server, ip in zip(servers, ips, strict=True)]
    netbox.lose(number, performed=performed, status=status)

    broken = modules.run("netbox_lifecycle", far, events=events)
    netbox.mend()
    checked = modules.good("netbox_lifecycle", far, events=events, check=True)
    result = modules.good("netbox_lifecycle", far, events=events)

    assert broken["failed"]
    assert broken["changed"]
    # What was performed last was the journal itself.
    is_done = performed and number == 3
    assert result["changed"] is not is_done
    assert (checked["changed"], checked["diff"]) == (not is_done, result["diff"])
    for server, ip in zip(servers, ips, strict=True):
        assert (lab.state(server), lab.ips(server), lab.kinds(server)) == ("discovered", [ip], ["success"])
        assert f"offline → discovered (dhcp_ack): {ip} assigned to iLO" in lab.journal(server)[0]["comments"]
    assert not modules.good("netbox_lifecycle", far, events=events)["changed"]


def test_an_entry_that_is_due_is_written_by_whichever_run_comes_next(
    lost: tuple[LossyNetBox, Lab], modules: Modules
) -> None:
    netbox, lab = lost
    far, server = through(netbox, lab), lab.server("discovered")
    netbox.lose(1, performed=True)
    modules.bad("netbox_lifecycle", far, events=[{"event": "validation_passed", "device": server.name}])
    netbox.mend()

    result = modules.good("netbox_lifecycle", far, events=[])

    assert result["changed"]
    assert [each["before_header"] for each in result["diff"]] == [f"device {server.name}"]
    assert "discovered → staged (validation_passed)" in result["diff"][0]["after"]["journal"][0]
    assert (lab.state(server), lab.kinds(server)) == ("staged", ["success"])


def test_a_server_that_was_moved_on_meanwhile_has_both_entries(lost: tuple[LossyNetBox, Lab], modules: Modules) -> None:
    netbox, lab = lost
    far, server = through(netbox, lab), lab.server()
    netbox.lose(2, performed=True)
    modules.bad("netbox_lifecycle", far, events=[ack(server.mac, lab.new_ip())])
    netbox.mend()

    modules.event(far, {"event": "validation_passed", "device": server.name})

    texts = [each["comments"].split(":")[0].split(" (")[0] for each in lab.journal(server)]
    assert texts == ["offline → discovered", "discovered → staged"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_run_that_is_killed_after_a_write_leaves_one_entry_for_each_server(
    lost: tuple[LossyNetBox, Lab], modules: Modules, tmp_path: Path, number: int
) -> None:
    netbox, lab = lost
    servers = lab.servers(3)
    events = [ack(server.mac, lab.new_ip()) for server in servers]
    task = {"url": netbox.url, "token": lab.token, "events": events, "lock_path": str(tmp_path / "own")}
    words = [sys.executable, str(RACER), json.dumps(task)]
    with started(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, limit_s=240) as run:
        assert run.stdout is not None
        assert run.stdin is not None
        assert run.stdout.readline() == "ready\n"
        netbox.lose(number, performed=True, then=run.kill)
        run.stdin.write("go\n")
        run.stdin.flush()
        assert run.wait(timeout=240) == -signal.SIGKILL
    netbox.mend()

    modules.good("netbox_lifecycle", through(netbox, lab), events=events, ledger_path=str(tmp_path / "own"))

    assert [(lab.state(server), lab.kinds(server)) for server in servers] == [("discovered", ["success"])] * 3


def test_a_refused_journal_is_written_when_netbox_allows_it_again(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    lab, server, ip = broken_lab, broken_lab.server(), broken_lab.new_ip()
    fake.faults.append(lambda each: Reply(403, {}) if each.method == "POST" and "journal" in each.path else None)

    first = modules.run("netbox_lifecycle", lab, events=[ack(server.mac, ip)])
    second = modules.run("netbox_lifecycle", lab, events=[ack(server.mac, ip)])
    fake.faults.clear()
    third = modules.good("netbox_lifecycle", lab, events=[ack(server.mac, ip)])

    assert "the journal entry could not be written" in first["failures"][server.name]
    assert "an earlier change is not in the journal yet" in second["failures"][server.name]
    assert (first["changed"], second["changed"], third["changed"]) == (True, False, True)
    assert lab.kinds(server) == ["success"]


def test_a_change_that_was_never_made_is_not_claimed(lost: tuple[LossyNetBox, Lab], modules: Modules) -> None:
    netbox, lab = lost
    far, server = through(netbox, lab), lab.server("discovered")
    netbox.lose(1, performed=False)
    modules.bad("netbox_lifecycle", far, events=[{"event": "validation_passed", "device": server.name}])
    netbox.mend()

    assert not modules.good("netbox_lifecycle", far, events=[])["changed"]
    assert modules.event(far, {"event": "validation_failed", "device": server.name})["outcome"] == "changed"
    assert not modules.good("netbox_lifecycle", far, events=[])["changed"]

    assert (lab.state(server), lab.kinds(server)) == ("failed", ["danger"])


def test_checking_neither_writes_what_is_due_nor_forgets_it(lost: tuple[LossyNetBox, Lab], modules: Modules) -> None:
    netbox, lab = lost
    far, server = through(netbox, lab), lab.server("discovered")
    netbox.lose(1, performed=True)
    modules.bad("netbox_lifecycle", far, events=[{"event": "validation_passed", "device": server.name}])
    netbox.mend()

    assert [modules.good("netbox_lifecycle", far, events=[], check=True)["changed"] for _time in range(2)] == [True] * 2
    assert lab.kinds(server) == []
    assert modules.good("netbox_lifecycle", far, events=[])["changed"]


@pytest.mark.parametrize("performed", [True, False], ids=["performed", "not performed"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_manifest_whose_load_was_cut_off_has_one_entry_for_each_row(
    lost: tuple[LossyNetBox, Lab], tmp_path: Path, number: int, performed: bool
) -> None:
    netbox, lab = lost
    near, far = Manifests(lab, tmp_path), Manifests(through(netbox, lab), tmp_path)
    servers = [near.new() for _row in range(4)]
    rows = [(serial, lab.new_mac()) for _server, serial in servers]
    netbox.lose(number, performed=performed)

    broken = far.load(*rows)
    netbox.mend()
    far.load(*rows[:2])
    far.load(*rows)

    assert broken["changed"]
    assert [lab.kinds(server) for server, _serial in servers] == [["success"]] * 4
    assert not far.load(*rows)["changed"]


def test_a_ledger_that_can_not_be_used_is_a_clear_failure(lab: Lab, modules: Modules) -> None:
    server: Server = lab.server()

    message = modules.bad("netbox_lifecycle", lab, events=[ack(server.mac, lab.new_ip())], ledger_path="/dev/null/x")

    assert "could not use ledger_path /dev/null/x" in message
    assert lab.state(server) == "offline"


REMEMBERS = """
import sys
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.journal import Entry
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.ledger import Due, Ledger
ledger = Ledger(sys.argv[1], "http://netbox", "test")
ledger.remember([Due(Entry(1, "key", "info", "text"), {"a": 1})])
print("remembered", flush=True)
sys.stdin.read()
"""


def test_a_run_that_lives_keeps_its_entries_and_one_that_was_killed_leaves_them(tmp_path: Path) -> None:
    words = [sys.executable, "-c", REMEMBERS, str(tmp_path)]
    with started(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, limit_s=240) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "remembered\n"
        while_it_lives = Ledger(str(tmp_path), "http://netbox", "test")
        assert while_it_lives.left_behind() == []
        run.send_signal(signal.SIGKILL)
    elsewhere = Ledger(str(tmp_path), "http://elsewhere", "test")
    assert elsewhere.left_behind() == []

    (due,) = while_it_lives.left_behind()

    assert (due.entry, due.proof) == (Entry(1, "key", "info", "text"), {"a": 1})
    while_it_lives.forget([due.entry])
    while_it_lives.close()
    assert Ledger(str(tmp_path), "http://netbox", "test").left_behind() == []


def test_what_does_not_show_for_an_hour_was_never_made(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path), "http://netbox", "test", now_s=lambda: 5000.0)

    assert ledger.age_s(Due(Entry(1, "key", SUCCESS, "text"), {}, since=1000.0)) == 4000.0
