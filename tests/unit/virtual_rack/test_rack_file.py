# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from virtual_rack.inventory import inventory_text
from virtual_rack.new_rack import new_rack_text
from virtual_rack.rack_file import DURATIONS, RackSpec, Times
from virtual_rack.rack_reader import RackFileError, rack_from, read_rack

DEMO = Path(__file__).parents[3] / "virtual_rack" / "racks" / "demo.yml"


def test_the_demo_rack_has_five_machines_that_are_switched_off() -> None:
    rack = read_rack(DEMO)
    assert [machine.name for machine in rack.machines] == ["dgx-05", "dgx-06", "cpu-03", "cpu-05", "cpu-06"]
    assert not any(machine.power for machine in rack.machines)
    assert rack.head_node.users[0].username == "admin"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("machines", 0, "mac"), "zz", "r: machines[0].mac: not a MAC address: 'ZZ'"),
        (("machines", 1, "mac"), "02:00:00:00:00:01", "r: machines[1].mac: '02:00:00:00:00:01' is used twice"),
        (("machines", 0, "color"), "red", "r: machines[0].color: unknown key"),
        (("machines", 0, "name"), 5, "r: machines[0].name: expected text, found a number"),
        (("machines", 0, "power"), "maybe", "r: machines[0].power: expected one of on, off, found 'maybe'"),
        (("machines", 0, "bmc", "address"), "x", "r: machines[0].bmc.address: not an IPv4 address: 'x'"),
        (("machines", 0, "times"), {"boot": -1}, "r: machines[0].times.boot: a time cannot be negative"),
        (("times",), {"jitter": 1}, "r: times.jitter: expected 0 or more, and less than 1"),
        (("times",), {"jitter": -0.1}, "r: times.jitter: expected 0 or more, and less than 1"),
        (("head_node", "version"), "9", "r: head_node.version: expected one of 10, 11, found '9'"),
        (("head_node", "users"), [], "r: head_node.users: at least one user is required"),
        (("head_node", "slots"), 0, "r: head_node.slots: at least 1 is required"),
        (("head_node", "devices"), ["x"], "r: head_node.devices: no machine is called 'x'"),
        (("head_node", "categories"), [{"name": "c", "image": "no"}], "r: head_node.categories: c: no image 'no'"),
        (("head_node", "networks"), 1, "r: head_node.networks: expected a list, found a number"),
        (("extra",), 1, "r: extra: unknown key"),
        (
            ("machines", 0, "bmc", "engine"),
            "ilo",
            "r: machines[0].bmc.engine: expected one of direct, ipmi, found 'ilo'",
        ),
        (("ipmi_port",), 70000, "r: ipmi_port: expected 0 to 65535"),
        (("ipmi_timeout_s",), 0, "r: ipmi_timeout_s: expected a number above 0"),
        (("head_node", "bond_members"), "x", "r: head_node.bond_members: expected one of interfaces, none, found 'x'"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(
    content: dict[str, Any], path: tuple[str | int, ...], value: object, message: str
) -> None:
    place: Any = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(RackFileError) as caught:
        rack_from(content, name="r")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("address", "10.1.1.1", "engine ipmi listens on this computer only: expected 127.x.x.x, found 10.1.1.1"),
        ("username", "sixteen-letters-", "engine ipmi takes 1 to 15 ASCII characters"),
        ("password", "twenty-characters-pw", "engine ipmi takes 1 to 19 ASCII characters"),
        ("password", "", "engine ipmi takes 1 to 19 ASCII characters"),
        ("password", "two words", "but no blank, quote, # or \\"),
        ("password", 'quo"te', "but no blank, quote, # or \\"),
    ],
)
def test_an_ipmi_engine_takes_only_what_it_can(content: dict[str, Any], key: str, value: str, message: str) -> None:
    good = {"engine": "ipmi", "address": "127.0.20.1", "username": "bmcadmin", "password": "nineteen-characters"}
    content["machines"][0]["bmc"] = good
    assert rack_from(content).machines[0].bmc.engine == "ipmi"
    content["machines"][0]["bmc"] = good | {key: value}
    with pytest.raises(RackFileError) as caught:
        rack_from(content, name="r")
    assert str(caught.value).startswith(f"r: machines[0].bmc.{key}: ")
    assert message in str(caught.value)


def test_bmcs_are_direct_unless_the_file_says_otherwise(rack: RackSpec) -> None:
    assert {machine.bmc.engine for machine in rack.machines} == {"direct"}
    assert (rack.ipmi_port, rack.ipmi_timeout_s) == (6230, 10.0)


def test_a_missing_key_is_named(content: dict[str, Any]) -> None:
    del content["machines"][2]["bmc"]["password"]
    with pytest.raises(RackFileError, match=r"machines\[2\]\.bmc\.password: is required"):
        rack_from(content)


def test_version_and_power_may_be_written_the_way_yaml_misreads_them(content: dict[str, Any]) -> None:
    content["head_node"]["version"] = 10
    content["machines"][0]["power"] = True
    rack = rack_from(content)
    assert (rack.head_node.version, rack.machines[0].power) == ("10", True)


def test_a_file_that_is_not_yaml_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("a: [1\nb: 2")
    with pytest.raises(RackFileError) as caught:
        read_rack(tmp_path / "bad.yml")
    assert "\n" not in str(caught.value)
    with pytest.raises(RackFileError, match="cannot be read"):
        read_rack(tmp_path / "none.yml")


def test_a_new_rack_can_be_read_back() -> None:
    rack = rack_from(yaml.safe_load(new_rack_text(1000)))
    assert len(rack.machines) == 1000
    assert len({machine.mac for machine in rack.machines}) == 1000


def test_a_new_rack_can_have_bmcs_that_speak_ipmi() -> None:
    rack = rack_from(yaml.safe_load(new_rack_text(200, engine="ipmi")))
    assert {machine.bmc.engine for machine in rack.machines} == {"ipmi"}
    assert rack.machines[199].bmc.address == "127.0.20.200"
    group = yaml.safe_load(inventory_text(rack))["bcm_nodes"]
    assert group["vars"]["bcm_ipmi_port"] == 6230
    assert group["vars"]["bcm_bmc_network"] == "ipminet"
    assert group["hosts"]["node200"]["bcm_bmc_ip"] == "127.0.20.200"


def test_the_inventory_has_the_hosts_and_what_they_share() -> None:
    inventory = yaml.safe_load(inventory_text(read_rack(DEMO)))
    assert inventory["bcm_nodes"]["hosts"]["dgx-05"] == {
        "bcm_mac": "94:6D:AE:5C:05:01",
        "bcm_management_ip": "10.184.162.109",
        "bcm_bmc_ip": "10.229.10.15",
        "bcm_serial_number": "DGX0005",
    }
    assert inventory["bcm_nodes"]["vars"] == {
        "bcm_category": "default",
        "bcm_management_network": "dgxnet",
        "bcm_bmc_network": "oob-mgmt",
        "bcm_bmc_username": "bmcadmin",
        "bcm_bmc_password": "demo-bmc-password",
    }


def test_a_host_that_differs_from_its_group_says_so(content: dict[str, Any]) -> None:
    content["machines"][1]["bmc"]["password"] = "another"
    rack: RackSpec = rack_from(content)
    hosts = yaml.safe_load(inventory_text(rack))["bcm_nodes"]["hosts"]
    assert hosts["node2"]["bcm_bmc_password"] == "another"
    assert "bcm_bmc_password" not in hosts["node1"]


@given(jitter=st.floats(min_value=0, max_value=0.99), name=st.text())
def test_jitter_keeps_every_duration_within_its_part(jitter: float, name: str) -> None:
    plain = Times(jitter=jitter)
    own = plain.of_machine(name)
    for part in DURATIONS:
        middle = getattr(plain, part)
        assert middle * (1 - jitter) <= getattr(own, part) <= middle * (1 + jitter)


def test_machines_differ_by_jitter_and_in_the_same_way_in_every_run(content: dict[str, Any]) -> None:
    assert {machine.times for machine in rack_from(content).machines} == {Times()}
    content["times"] = {"jitter": 0.1}
    content["machines"][1]["times"] = {"jitter": 0, "init": 5}
    first, second, third, _ = rack_from(content).machines
    assert first.times.install_full not in (300.0, third.times.install_full)
    assert first.times.boot / 30 != first.times.install_full / 300
    assert second.times == Times(init=5)
    assert rack_from(content).machines[0].times == first.times
