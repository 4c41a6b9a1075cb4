# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lease of a BMC does in every state, in NetBox itself."""

from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules, ack
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab


def test_an_offline_server_becomes_discovered_and_its_bmc_has_the_address(lab: Lab, modules: Modules) -> None:
    server, ip = lab.server("offline"), lab.new_ip()

    result = modules.event(lab, ack(server.mac, ip))

    assert (result["outcome"], result["state_before"], result["state_after"]) == ("changed", "offline", "discovered")
    assert (result["device"], result["interface"]) == (server.name, "iLO")
    assert result["effects"] == [f"{ip} assigned to iLO"]
    assert lab.state(server) == "discovered"
    assert lab.ips(server) == [ip]
    assert lab.kinds(server) == ["success"]
    (entry,) = lab.journal(server)
    assert entry["comments"].startswith(f"offline → discovered (dhcp_ack): {ip} assigned to iLO.")


def test_the_address_has_the_prefix_of_the_lease_and_the_status_dhcp(lab: Lab, modules: Modules) -> None:
    server, ip, other = lab.server(), lab.new_ip(), lab.server()

    modules.events(lab, ack(server.mac, ip, prefix_length=22), {**ack(other.mac, lab.new_ip()), "prefix_length": None})

    (made,) = lab.objects_of(ip)
    assert made["address"] == f"{ip}/22"
    assert made["status"]["value"] == "dhcp"
    assert lab.find("ipam/ip-addresses", interface_id=other.interface_id)[0]["address"].endswith("/32")


def test_a_discovered_server_gets_its_address_refreshed_and_the_old_one_released(lab: Lab, modules: Modules) -> None:
    old, new = lab.new_ip(), lab.new_ip()
    server = lab.server("discovered", ip=old)

    result = modules.event(lab, ack(server.mac, new))

    assert result["outcome"] == "changed"
    assert lab.state(server) == "discovered"
    assert lab.ips(server) == [new]
    assert [each["assigned_object_id"] for each in lab.objects_of(old)] == [None]
    assert lab.kinds(server) == ["info"]


def test_a_discovered_server_with_the_same_address_is_left_alone(lab: Lab, modules: Modules) -> None:
    ip = lab.new_ip()
    server = lab.server("discovered", ip=ip)

    assert modules.event(lab, ack(server.mac, ip))["outcome"] == "unchanged"
    assert lab.kinds(server) == []


def test_an_active_server_without_an_address_gets_it_and_stays_active(lab: Lab, modules: Modules) -> None:
    server, ip = lab.server("active"), lab.new_ip()

    assert modules.event(lab, ack(server.mac, ip))["outcome"] == "changed"
    assert lab.state(server) == "active"
    assert lab.ips(server) == [ip]


def test_an_active_server_with_the_same_address_is_left_alone(lab: Lab, modules: Modules) -> None:
    ip = lab.new_ip()
    server = lab.server("active", ip=ip)

    assert modules.event(lab, ack(server.mac, ip))["outcome"] == "unchanged"
    assert (lab.state(server), lab.ips(server), lab.kinds(server)) == ("active", [ip], [])


def test_an_active_server_with_another_address_keeps_it_and_its_journal_warns(lab: Lab, modules: Modules) -> None:
    old, new = lab.new_ip(), lab.new_ip()
    server = lab.server("active", ip=old)

    result = modules.event(lab, ack(server.mac, new))

    assert result["outcome"] == "conflict"
    assert (lab.state(server), lab.ips(server), lab.kinds(server)) == ("active", [old], ["warning"])
    (entry,) = lab.journal(server)
    assert new in entry["comments"]
    assert old in entry["comments"]


@pytest.mark.parametrize("state", ["staged", "ready", "failed", "planned", "inventory", "decommissioning"])
def test_in_any_other_state_the_journal_warns_and_nothing_changes(lab: Lab, modules: Modules, state: str) -> None:
    server = lab.server(state)

    result = modules.event(lab, ack(server.mac, lab.new_ip()))

    assert result["outcome"] == "refused"
    assert (lab.state(server), lab.ips(server), lab.kinds(server)) == (state, [], ["warning"])


@pytest.mark.parametrize("state", ["offline", "discovered", "active"])
def test_an_address_of_another_server_is_never_taken(lab: Lab, modules: Modules, state: str) -> None:
    ip = lab.new_ip()
    owner, server = lab.server("active", ip=ip), lab.server(state)

    result = modules.event(lab, ack(server.mac, ip))

    assert result["outcome"] == "conflict"
    assert owner.name in result["message"]
    assert (lab.state(server), lab.ips(server), lab.kinds(server)) == (state, [], ["warning"])
    assert lab.ips(owner) == [ip]
    assert lab.kinds(owner) == []


def test_an_address_of_another_port_of_the_same_server_is_never_taken(lab: Lab, modules: Modules) -> None:
    server, ip = lab.server("discovered"), lab.new_ip()
    port = lab.port(server.id, "eth0")
    lab.add("ipam/ip-addresses", address=f"{ip}/24", assigned_object_type="dcim.interface", assigned_object_id=port)

    assert modules.event(lab, ack(server.mac, ip))["outcome"] == "conflict"
    assert lab.ips(server) == []


def test_an_address_that_lies_about_unassigned_is_used(lab: Lab, modules: Modules) -> None:
    server, ip = lab.server(), lab.new_ip()
    known = lab.add("ipam/ip-addresses", address=f"{ip}/20", description="BMC of the new rack")

    modules.event(lab, ack(server.mac, ip))

    (kept,) = lab.objects_of(ip)
    assert kept["id"] == known["id"]
    assert kept["assigned_object_id"] == server.interface_id
    assert (kept["address"], kept["description"]) == (f"{ip}/20", "BMC of the new rack")


def test_an_address_with_a_role_is_not_released(lab: Lab, modules: Modules) -> None:
    server, kept, new = lab.server("discovered"), lab.new_ip(), lab.new_ip()
    lab.change("ipam/ip-addresses", lab.give(server, kept)["id"], role="secondary")

    modules.event(lab, ack(server.mac, new))

    assert lab.ips(server) == sorted([kept, new])


def test_an_address_that_the_server_is_known_by_is_followed_by_the_new_one(lab: Lab, modules: Modules) -> None:
    server, old, new = lab.server("discovered"), lab.new_ip(), lab.new_ip()
    name = "oob_ip" if lab.version >= (4, 0) else "primary_ip4"
    lab.change("dcim/devices", server.id, **{name: lab.give(server, old)["id"]})

    result = modules.event(lab, ack(server.mac, new))

    assert result["outcome"] == "changed"
    assert f"{name} follows to {new}" in result["effects"]
    assert lab.get("dcim/devices", server.id)[name]["address"] == f"{new}/24"
    assert lab.ips(server) == [new]


def test_an_address_may_pass_from_one_bmc_to_another_in_the_same_run(lab: Lab, modules: Modules) -> None:
    first, second = lab.new_ip(), lab.new_ip()
    one, other = lab.server("discovered", ip=first), lab.server("offline")

    result = modules.events(lab, ack(one.mac, second), ack(other.mac, first))

    assert [each["outcome"] for each in result] == ["changed", "changed"]
    assert (lab.ips(one), lab.ips(other)) == ([second], [first])


def test_a_server_that_netbox_does_not_know_is_reported_and_never_created(lab: Lab, modules: Modules) -> None:
    mac, ip = lab.new_mac(), lab.new_ip()
    known = lab.server()

    result = modules.events(lab, ack(mac, ip), ack(known.mac, lab.new_ip()))

    assert [each["outcome"] for each in result] == ["not_found", "changed"]
    assert mac in result[0]["message"]
    assert lab.objects_of(ip) == []


def test_ipv6_leaves_ipv4_alone(lab: Lab, modules: Modules) -> None:
    old = lab.new_ip()
    server = lab.server("discovered", ip=old)
    ip = f"fd00:{lab.tag[:4]}:{lab.tag[2:6]}::10"

    result = modules.event(lab, {"event": "dhcp_ack", "mac": server.mac, "ip": ip, "prefix_length": 64})

    assert result["outcome"] == "changed"
    assert sorted([old, result["ip"]]) == lab.ips(server)


def test_a_vrf_of_its_own_is_looked_at_alone(lab: Lab, modules: Modules) -> None:
    vrf = lab.add("ipam/vrfs", name=lab.new_name("vrf"))
    ip = lab.new_ip()
    lab.server("active", ip=ip)
    server = lab.server()

    assert modules.event(lab, ack(server.mac, ip), vrf=vrf["name"])["outcome"] == "changed"
    (ours,) = lab.find("ipam/ip-addresses", interface_id=server.interface_id)
    assert ours["vrf"] == vrf["id"] if isinstance(ours["vrf"], int) else ours["vrf"]["id"] == vrf["id"]


def test_a_vrf_that_is_not_there_is_a_clear_failure(lab: Lab, modules: Modules) -> None:
    message = modules.bad("netbox_lifecycle", lab, events=[ack(lab.new_mac(), lab.new_ip())], vrf="nowhere")

    assert message == "NetBox has 0 VRFs called nowhere; vrf must name exactly one"
