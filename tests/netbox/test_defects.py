# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How intake scripts fail on NetBox, and that this does not. Defect 10 is with the races, 11 with the faults."""

from __future__ import annotations

from contextlib import closing

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import NetBox
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import (
    NetBoxConnection,
    NetBoxTransport,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.interfaces import set_macs
from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules, ack
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab


def test_defect_05_lease_renewals_leave_one_journal_entry(lab: Lab, modules: Modules) -> None:
    server, ip = lab.server(), lab.new_ip()
    mismatched, staged = lab.server("active", ip=lab.new_ip()), lab.server("staged")
    events = [ack(server.mac, ip), ack(mismatched.mac, lab.new_ip()), ack(staged.mac, lab.new_ip())]

    result = [modules.good("netbox_lifecycle", lab, events=events) for _renewal in range(3)]

    assert [lab.kinds(each) for each in (server, mismatched, staged)] == [["success"], ["warning"], ["warning"]]
    assert [each["changed"] for each in result] == [True, False, False]
    assert [each["journal"] for each in result[1]["events"]] == [None, None, None]


def test_defect_06_the_journal_claims_no_address_that_was_not_assigned(lab: Lab, modules: Modules) -> None:
    server = lab.server()

    # NetBox refuses to create an address with a tag that it does not have.
    result = modules.run("netbox_lifecycle", lab, events=[ack(server.mac, lab.new_ip())], tags=["no such tag"])

    assert result["failed"]
    assert result["events"][0]["outcome"] == "failed"
    assert "no such tag" in result["failures"][server.name]
    assert lab.journal(server) == []


def test_defect_07_an_address_that_netbox_refuses_twice_is_not_taken_from_its_owner(lab: Lab, modules: Modules) -> None:
    ip = lab.new_ip()
    owner, server = lab.server("active", ip=ip), lab.server()

    for _time in range(2):
        assert modules.event(lab, ack(server.mac, ip))["outcome"] == "conflict"

    assert (lab.ips(owner), lab.ips(server)) == ([ip], [])
    assert lab.kinds(server) == ["warning"]


def test_defect_08_addresses_do_not_pile_up_and_all_of_them_are_compared(lab: Lab, modules: Modules) -> None:
    server, active = lab.server("discovered"), lab.server("active")
    leases = [lab.new_ip() for _renewal in range(3)]
    recorded = [lab.new_ip() for _address in range(2)]
    for ip in recorded:
        lab.give(active, ip)

    for ip in leases:
        modules.event(lab, ack(server.mac, ip))
    result = [modules.event(lab, ack(active.mac, ip))["outcome"] for ip in recorded]

    assert lab.ips(server) == leases[-1:]
    assert result == ["unchanged", "unchanged"]


def test_defect_09_a_server_is_not_discovered_before_it_has_its_address(lab: Lab, modules: Modules) -> None:
    server, ip = lab.server(), lab.new_ip()

    modules.bad("netbox_lifecycle", lab, events=[ack(server.mac, ip)], tags=["no such tag"])
    assert (lab.state(server), lab.ips(server)) == ("offline", [])

    assert modules.event(lab, ack(server.mac, ip))["outcome"] == "changed"
    assert (lab.state(server), lab.ips(server), lab.kinds(server)) == ("discovered", [ip], ["success"])


def test_defect_12_a_mac_address_is_set_in_the_form_that_this_netbox_keeps(lab: Lab) -> None:
    plain, known = lab.server(with_mac=False), lab.server(with_mac=False)
    macs = {plain.interface_id: lab.new_mac(), known.interface_id: lab.new_mac()}
    if lab.has_macs:
        # One whose object lies about unused.
        lab.add("dcim/mac-addresses", mac_address=macs[known.interface_id])

    with closing(NetBox(NetBoxTransport(NetBoxConnection(lab.url, lab.token)))) as netbox:
        errors = set_macs(netbox, macs)

    assert errors == {plain.interface_id: None, known.interface_id: None}
    for interface_id, mac in macs.items():
        assert lab.get("dcim/interfaces", interface_id)["mac_address"] == mac
        if lab.has_macs:
            assert len(lab.find("dcim/mac-addresses", mac_address=mac)) == 1


@pytest.mark.parametrize("name", ["bmc", "iLO", "iDRAC", "BMC"])
def test_defect_13_the_bmc_of_a_server_with_many_ports_is_found(lab: Lab, modules: Modules, name: str) -> None:
    server, ip = lab.server(interface=name, others=70, with_mac=False), lab.new_ip()

    result = modules.event(lab, {"event": "dhcp_ack", "device": server.name, "ip": ip, "prefix_length": 24})

    assert (result["outcome"], result["interface"]) == ("changed", name)
    assert lab.ips(server) == [ip]
