# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes that apply events to the same servers at the same moment."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import INTERFACES, NetBox
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import (
    NetBoxConnection,
    NetBoxTransport,
)
from ansible_collections.baremetal.bcm.tests.netbox.conftest import ack
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

PATIENCE_S = 400
RACER = Path(__file__).with_name("racer.py")
COLLECTIONS = Path(__file__).parents[2] / ".collections"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(COLLECTIONS)}


def race(lab: Lab, events: Sequence[Sequence[dict[str, Any]]], lock_paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Apply each list of events in a process of its own, all at once; return the results."""
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as stack:
        runners = []
        for own, lock_path in zip(events, lock_paths, strict=True):
            task = {"url": lab.url, "token": lab.token, "events": own, "lock_path": str(lock_path)}
            command = [sys.executable, str(RACER), json.dumps(task)]
            racer = started(command, limit_s=PATIENCE_S, stdin=pipe, stdout=pipe, env=ENVIRONMENT)
            runners.append(stack.enter_context(racer))
        for runner in runners:
            assert runner.stdout is not None
            assert runner.stdout.readline() == "ready\n"
        for runner in runners:
            assert runner.stdin is not None
            runner.stdin.write("go\n")
            runner.stdin.flush()
        return [json.loads(runner.communicate(timeout=PATIENCE_S)[0]) for runner in runners]


@pytest.mark.parametrize("computers", [1, 3], ids=["one computer", "three computers"])
def test_defect_10_racing_acknowledgements_converge(lab: Lab, tmp_path: Path, computers: int) -> None:
    servers = [lab.server() for _number in range(3)]
    ips = [lab.new_ip() for _server in servers]
    events = [ack(server.mac, ip) for server, ip in zip(servers, ips, strict=True)]

    result = race(lab, [events] * 3, [tmp_path / str(number % computers) for number in range(3)])

    for server, ip in zip(servers, ips, strict=True):
        assert lab.state(server) == "discovered"
        assert len(lab.objects_of(ip)) == 1
        assert lab.ips(server) == [ip]
    assert all(not each["failures"] for each in result), result
    if computers == 1 or lab.version >= (4, 6):
        # Without If-Match, runs on several computers may both journal the same change.
        assert [lab.kinds(server) for server in servers] == [["success"]] * 3


@pytest.mark.parametrize("computers", [1, 2], ids=["one computer", "two computers"])
def test_an_address_that_two_servers_claim_at_once_goes_to_one(lab: Lab, tmp_path: Path, computers: int) -> None:
    one, other, ip = lab.server(), lab.server(), lab.new_ip()
    claims = [[ack(each.mac, ip)] for each in (one, other)]

    result = race(lab, claims, [tmp_path / str(number % computers) for number in range(2)])

    assert sorted(each["events"][0]["outcome"] for each in result) == ["changed", "conflict"], result
    assert len([each for each in lab.objects_of(ip) if each["assigned_object_id"]]) == 1
    winner, loser = (one, other) if lab.ips(one) else (other, one)
    assert (lab.ips(winner), lab.ips(loser)) == ([ip], [])
    assert (lab.state(winner), lab.state(loser)) == ("discovered", "offline")
    assert (lab.kinds(winner), lab.kinds(loser)) == (["success"], ["warning"])


def test_runs_that_want_the_same_locks_in_another_order_wait_for_each_other(lab: Lab, tmp_path: Path) -> None:
    servers = lab.servers(4)
    events = [ack(each.mac, lab.new_ip()) for each in servers]

    result = race(lab, [events, list(reversed(events))], [tmp_path, tmp_path])

    outcomes = sorted(each["outcome"] for one in result for each in one["events"])
    assert outcomes == ["changed"] * 4 + ["unchanged"] * 4


def test_devices_deleted_between_two_readings_do_not_keep_the_rest_from_being_listed(
    lab: Lab,
) -> None:
    servers = lab.servers(5)
    for gone in (servers[0], servers[3]):
        lab.call("DELETE", f"dcim/devices/{gone.id}")

    with closing(NetBox(NetBoxTransport(NetBoxConnection(lab.url, lab.token)))) as netbox:
        found = netbox.find(INTERFACES, device_id=[server.id for server in servers])
        of_the_gone = netbox.find(INTERFACES, device_id=[servers[0].id, servers[3].id])

    left = {servers[place].interface_id for place in (1, 2, 4)}
    assert left <= {raw["id"] for raw in found}
    assert {raw["device"]["id"] for raw in found} == {servers[place].id for place in (1, 2, 4)}
    assert of_the_gone == []
