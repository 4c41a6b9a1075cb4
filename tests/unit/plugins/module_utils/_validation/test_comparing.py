# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server has and where its cables lead, beside what NetBox says."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.bom import (
    Expected,
    ExpectedDisk,
    bom_digest,
    compare_bom,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.cables import (
    Interface,
    Port,
    compare_cables,
    is_port,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.lldpcli import read_neighbours
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.outputs import output
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import inventory

NVME, SATA = inventory()["disks"]
EXPECTED = Expected("S1", 1, 65536, ["A0:36:9F:7C:05:00"], [ExpectedDisk("D1", 960), ExpectedDisk(size_gb=4000)])


def _worse(expected: Expected, **changes: Any) -> list[tuple[str, str]]:
    seen = {**inventory(), **changes}
    return [(check.verdict, check.component) for check in compare_bom(expected, seen) if check.verdict != "pass"]


def test_a_server_as_netbox_has_it_is_no_difference() -> None:
    assert _worse(EXPECTED) == []
    assert compare_bom(Expected(), inventory()) == []


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"system": {"serial": "S2"}}, ("fail", "system")),
        ({"system": {}}, ("fail", "system")),
        ({"cpus": []}, ("fail", "cpus")),
        ({"memory_mib": 49152}, ("fail", "memory")),
        ({"memory_mib": 131072}, ("warn", "memory")),
        ({"memory_mib": None}, ("fail", "memory")),
        ({"memory_mib": "a lot"}, ("fail", "memory")),
        ({"nics": []}, ("fail", "nics")),
        ({"disks": [NVME]}, ("fail", "disks")),
        ({"disks": [NVME, SATA, {"name": "sdb", "size_bytes": 1}]}, ("warn", "sdb")),
        (
            {"disks": [{**inventory()["disks"][0], "size_bytes": 480_000_000_000}, inventory()["disks"][1]]},
            ("fail", "nvme0n1"),
        ),
    ],
    ids=str,
)
def test_a_difference_names_what_differs(changes: dict[str, Any], difference: tuple[str, str]) -> None:
    assert _worse(EXPECTED, **changes) == [difference]


def test_a_little_less_memory_is_no_difference() -> None:
    assert _worse(EXPECTED, memory_mib=64000) == []


def test_servers_of_one_make_have_one_digest_whatever_their_serials_and_names() -> None:
    other = copy.deepcopy(inventory())
    other["system"].update(serial="S2", uuid="v", bios_version="2")
    other["disks"] = [{**disk, "serial": "other", "name": f"x{disk['name']}"} for disk in reversed(other["disks"])]
    other["nics"][0]["mac"] = "A0:36:9F:7C:05:01"
    assert bom_digest(other) == bom_digest(inventory())
    other["modules"].append({"name": "DIMM 1", "size_mib": 65536, "speed_mts": 4800})
    assert bom_digest(other) != bom_digest(inventory())


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "mac", "serial"]), inner),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["system", "cpus", "memory_mib", "disks", "nics", "modules"]), _JUNK))
def test_whatever_a_machine_calls_its_inventory_it_is_compared(seen: dict[str, Any]) -> None:
    assert any(check.verdict == "fail" for check in compare_bom(EXPECTED, seen))
    assert len(bom_digest(seen)) == 64


PORT = Port("leaf-r12-1", "Ethernet1/7")
HEARD = {"interface": "eno1", "mac": "52:54:00:12:34:56", "chassis_name": "leaf-r12-1", "port_id": "Ethernet1/7"}


@pytest.mark.parametrize(
    ("port", "neighbour", "same"),
    [
        (PORT, {}, True),
        (PORT, {"chassis_name": "LEAF-R12-1.dc1.example.net"}, True),
        (PORT, {"port_id": "Eth1/7"}, True),
        (PORT, {"port_id": "ethernet 1/7"}, True),
        (PORT, {"port_id": "00:1c:73:aa:bb:d3", "port_description": "Ethernet1/7"}, True),
        (Port("leaf-r12-1", "7", mac="00:1C:73:AA:BB:D3"), {"port_id": "001c.73aa.bbd3"}, True),
        (Port("leaf-r12-1", "7", description="to rack 12"), {"port_description": "to rack 12"}, True),
        (PORT, {"port_id": "Ethernet1/17"}, False),
        (PORT, {"port_id": "Ethernet1/70"}, False),
        (PORT, {"chassis_name": "leaf-r12-2"}, False),
        (PORT, {"chassis_name": ""}, False),
        (PORT, {"port_id": ""}, False),
        (Port("leaf-r12-1", "Management1/7"), {}, False),
    ],
    ids=str,
)
def test_a_neighbour_is_a_port_by_id_description_or_mac(port: Port, neighbour: dict[str, str], same: bool) -> None:
    assert is_port(port, {**HEARD, **neighbour}) == same


def _compare(
    cabled_to: Port | None,
    *heard: dict[str, str],
    ports: tuple[Port, ...] = (PORT,),
    taken: dict[Port, str] | None = None,
) -> tuple[list[tuple[str, str]], list[Port]]:
    interfaces = [Interface("eth0", "52:54:00:12:34:56", cabled_to)]
    compared = compare_cables(interfaces, heard, ports, taken or {})
    return [(check.verdict, check.component) for check in compared.checks], [each.port for each in compared.proposals]


def test_a_cable_as_netbox_has_it_passes() -> None:
    assert _compare(PORT, HEARD) == ([("pass", "eth0")], [])


def test_a_cable_that_netbox_lacks_is_proposed() -> None:
    assert _compare(None, HEARD) == ([("pass", "eth0")], [PORT])


def test_a_cable_in_the_wrong_port_is_a_conflict_and_proposes_nothing() -> None:
    assert _compare(PORT, {**HEARD, "port_id": "Ethernet1/8"}) == ([("fail", "eth0")], [])


def test_a_port_that_netbox_gives_to_another_server_is_a_conflict_and_proposes_nothing() -> None:
    assert _compare(None, HEARD, taken={PORT: "node002 eth0"}) == ([("fail", "eth0")], [])


def test_a_cable_on_which_nobody_is_heard_is_no_evidence() -> None:
    assert _compare(PORT) == ([("error", "eth0")], [])


def test_a_neighbour_that_netbox_does_not_know_or_knows_twice_warns() -> None:
    assert _compare(None, HEARD, ports=()) == ([("warn", "eth0")], [])
    twice = (PORT, Port("leaf-r12-1", "Eth1/7"))
    assert _compare(None, HEARD, ports=twice) == ([("warn", "eth0")], [])
    assert _compare(None, {**HEARD, "mac": "52:54:00:00:00:99"}) == ([("warn", "eno1")], [])


def test_neighbours_without_port_or_name_are_compared_too() -> None:
    heard = [vars(each) for each in read_neighbours(output("lldpcli-cumulus-arista.json"))]
    compared = compare_cables([Interface("enp1s0f1", "", Port("leaf02", "Ethernet7"))], heard, (), {})
    assert [(check.verdict, check.component) for check in compared.checks] == [
        ("warn", "enp1s0f0"),
        ("pass", "enp1s0f1"),
    ]
    assert _compare(PORT, {"interface": "eth0", "mac": "52:54:00:12:34:56"}) == ([("fail", "eth0")], [])


_TEXTS = st.sampled_from(["", "eth0", "leaf1", "Ethernet1/7", "Eth1/7", "7", "/", "52:54:00:12:34:56"]) | st.text(
    max_size=6
)
_KEYS = st.sampled_from([*HEARD, "port_description", "chassis_mac"])


@settings(max_examples=300, deadline=None)
@given(
    heard=st.lists(st.dictionaries(_KEYS, _TEXTS), max_size=4),
    cabled=st.none() | st.builds(Port, _TEXTS, _TEXTS, _TEXTS, _TEXTS),
    ports=st.lists(st.builds(Port, _TEXTS, _TEXTS), max_size=3),
    taken=st.booleans(),
)
def test_whatever_switches_say_a_port_that_is_taken_or_a_cable_that_is_there_is_never_proposed(
    heard: list[dict[str, str]], cabled: Port | None, ports: list[Port], taken: bool
) -> None:
    interface = Interface("eth0", "52:54:00:12:34:56", cabled)
    compared = compare_cables([interface], heard, ports, dict.fromkeys(ports, "other") if taken else {})
    assert not (compared.proposals and (taken or cabled is not None))
