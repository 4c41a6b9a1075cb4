# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NetBox refuses of one server: the others are done, the journal has it once, and every conflict is told."""

from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules, ack
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import FakeNetBox, Reply, Request
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab

ALL = (
    "dcim.view_device",
    "dcim.change_device",
    "dcim.view_interface",
    "ipam.view_ipaddress",
    "ipam.add_ipaddress",
    "ipam.change_ipaddress",
    "extras.view_journalentry",
    "extras.add_journalentry",
)


@pytest.mark.parametrize("status", [400, 403, 404, 409])
@pytest.mark.parametrize("what", ["the address", "the device"])
def test_only_the_culprit_fails_whatever_the_status(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules, what: str, status: int
) -> None:
    lab = broken_lab
    servers = lab.servers(11)
    ips = [lab.new_ip() for _server in servers]
    path, method, mark = {
        "the address": ("addresses", "POST", f"{ips[5]}/24"),
        "the device": ("devices", "PATCH", servers[5].id),
    }[what]

    def fault(request: Request) -> Reply | None:
        bodies = request.body if request.method == method and path in request.path else []
        return Reply(status, {"detail": "no"}) if any(mark in body.values() for body in bodies) else None

    fake.faults.append(fault)
    events = [ack(server.mac, ip) for server, ip in zip(servers, ips, strict=True)]

    results = [modules.run("netbox_lifecycle", lab, events=events) for _time in range(3)]

    assert [list(result["failures"]) for result in results] == [[servers[5].name]] * 3
    assert results[0]["counts"]["changed"] == 10
    is_lasting = status != 404
    assert [result["events"][5]["lasting"] for result in results] == [is_lasting] * 3
    assert [result["changed"] for result in results] == [True, False, False]
    assert lab.kinds(servers[5]) == ["warning"] * is_lasting
    assert [lab.kinds(server) for server in servers[:5] + servers[6:]] == [["success"]] * 10


def test_a_server_that_a_constraint_keeps_from_the_token_fails_alone(lab: Lab, modules: Modules) -> None:
    servers = lab.servers(5)
    mine = {"dcim.change_device": {"id__in": [server.id for server in servers[:4]]}}
    few = lab.restricted(*ALL, *(("dcim.view_macaddress",) if lab.has_macs else ()), constraints=mine)
    ips = [lab.new_ip() for _server in servers]
    events = [ack(server.mac, ip) for server, ip in zip(servers, ips, strict=True)]

    result = modules.run("netbox_lifecycle", few, events=events)

    assert list(result["failures"]) == [servers[4].name]
    assert [lab.state(each) for each in servers] == ["discovered"] * 4 + ["offline"]
    assert "deleted" not in result["failures"][servers[4].name]


def test_a_lease_in_a_populated_range_is_journaled_once_and_recorded_where_its_object_is(
    lab: Lab, modules: Modules
) -> None:
    if lab.version < (4, 3):
        pytest.skip("NetBox marks ranges as populated since 4.3")
    server, known, ip, there = lab.server(), lab.server(), lab.new_ip(), lab.new_ip()
    lab.add("ipam/ip-addresses", address=f"{there}/24")
    network = ip.rpartition(".")[0]
    lab.add(
        "ipam/ip-ranges",
        start_address=f"{network}.1/24",
        end_address=f"{network}.250/24",
        status="active",
        mark_populated=True,
    )
    events = [ack(server.mac, ip), ack(known.mac, there)]

    results = [modules.run("netbox_lifecycle", lab, events=events) for _time in range(2)]

    assert [result["events"][0]["lasting"] for result in results] == [True, True]
    assert f"Cannot create IP address {ip}/24 inside range" in results[0]["failures"][server.name]
    assert (lab.kinds(server), lab.state(server)) == (["warning"], "offline")
    assert ip in lab.journal(server)[0]["comments"]
    assert (lab.ips(known), lab.state(known), lab.kinds(known)) == ([there], "discovered", ["success"])


def test_one_mac_address_on_two_devices_is_in_the_journal_of_both_once(lab: Lab, modules: Modules) -> None:
    servers = [lab.server(), lab.server(with_mac=False)]
    other = lab.port(servers[1].id, "bmc", servers[0].mac)
    assert other
    events = [ack(servers[0].mac, lab.new_ip())]

    checked = modules.good("netbox_lifecycle", lab, events=events, check=True)
    results = [modules.good("netbox_lifecycle", lab, events=events) for _time in range(2)]

    assert [result["changed"] for result in (checked, *results)] == [True, True, False]
    assert checked["diff"] == results[0]["diff"]
    assert results[0]["events"][0]["outcome"] == "conflict"
    assert f"{servers[0].mac} is recorded on several devices" in results[0]["events"][0]["journal"]
    assert [lab.kinds(server) for server in servers] == [["warning"], ["warning"]]
    assert [lab.state(server) for server in servers] == ["offline", "offline"]


def test_a_mac_address_of_another_device_than_the_named_one_is_in_the_journal_of_both(
    lab: Lab, modules: Modules
) -> None:
    owner, named = lab.server(), lab.server()

    result = modules.event(lab, {**ack(owner.mac, lab.new_ip()), "device": named.name})

    assert result["outcome"] == "conflict"
    assert [lab.kinds(server) for server in (owner, named)] == [["warning"], ["warning"]]


def test_a_conflict_that_can_not_be_journaled_is_a_failure(fake: FakeNetBox, broken_lab: Lab, modules: Modules) -> None:
    lab = broken_lab
    owner, named = lab.server(), lab.server()
    fake.faults.append(lambda each: Reply(400, {}) if each.method == "POST" and "journal" in each.path else None)

    result = modules.run("netbox_lifecycle", lab, events=[{**ack(owner.mac, lab.new_ip()), "device": named.name}])

    assert "the journal entry could not be written" in result["failures"][named.name]


def test_bulk_writes_name_the_etag_of_each_object_and_spare_only_what_was_changed(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    if fake.store.version < (4, 6):
        pytest.skip("NetBox has ETags since 4.6")
    lab = broken_lab
    servers = lab.servers(60)
    events = [ack(server.mac, f"10.62.1.{number}") for number, server in enumerate(servers, 1)]
    left = 1

    def change(request: Request) -> None:
        nonlocal left
        if left and request.method == "PATCH" and "devices" in request.path:
            left -= 1
            fake.store.update("dcim/devices", servers[7].id, {"status": "planned"})

    fake.faults.append(change)
    before = len(fake.writes)

    result = modules.good("netbox_lifecycle", lab, events=events)

    assert result["counts"] == {**result["counts"], "changed": 59, "refused": 1}
    assert lab.state(servers[7]) == "planned"
    patches = [each for each in fake.writes[before:] if each.method == "PATCH" and "devices" in each.path]
    assert [len((each.if_match or "").split(", ")) for each in patches] == [len(each.body) for each in patches]


def test_an_address_that_somebody_was_quicker_to_create_is_a_conflict(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    lab = broken_lab
    servers, other, ip = lab.servers(3), lab.server("active"), lab.new_ip()
    events = [ack(servers[0].mac, ip), *(ack(server.mac, lab.new_ip()) for server in servers[1:])]
    left = 1

    def give(request: Request) -> None:
        nonlocal left
        if left and request.method == "POST" and "addresses" in request.path:
            left -= 1
            theirs = {"assigned_object_type": "dcim.interface", "assigned_object_id": other.interface_id}
            fake.store.create("ipam/ip-addresses", {"address": f"{ip}/24", **theirs})

    fake.faults.append(give)

    result = modules.good("netbox_lifecycle", lab, events=events)

    assert [each["outcome"] for each in result["events"]] == ["conflict", "changed", "changed"]
    assert (lab.ips(servers[0]), lab.ips(other)) == ([], [ip])


def test_of_a_bulk_request_the_culprits_that_netbox_names_are_left_out_at_once(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    lab = broken_lab
    if fake.store.version < (4, 3):
        pytest.skip("the culprits are made with a range that is marked as populated")
    servers = lab.servers(40)
    lab.add("ipam/ip-ranges", start_address="10.61.1.5/24", end_address="10.61.1.6/24", mark_populated=True)
    events = [ack(server.mac, f"10.61.1.{number}") for number, server in enumerate(servers, 1)]
    before = len(fake.writes)

    result = modules.run("netbox_lifecycle", lab, events=events)

    assert result["counts"]["changed"] == 38
    assert sorted(result["failures"]) == sorted(server.name for server in servers[4:6])
    assert len([each for each in fake.writes[before:] if "addresses" in each.path]) == 2
