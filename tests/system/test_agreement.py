# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection, ipmitool and the machines themselves agree, whichever way power takes."""

from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site
from ansible_collections.baremetal.bcm.tests.system.support.hall import (
    PASSWORD,
    USERNAME,
    Ipmitool,
    ask_bmcs,
    bmc_counters,
    change_account,
    failures_of,
    hosts_of,
    ipmi_rack,
    nodes_of,
    power_nodes,
    powered,
)

WAYS = ("ipmi", "head_node")
NAMES = ("node001", "node002", "node003")
ACCOUNT = {"username": USERNAME, "password": PASSWORD}
# BCM's words for ours.
WORDS = {"username": "userName", "password": "password"}


@pytest.fixture(scope="class")
def hall(open_class_site: OpenSite) -> Site:
    rack = ipmi_rack(len(NAMES))
    return open_class_site(rack, inventory=hosts_of(rack))


@pytest.mark.parametrize("via", WAYS, scope="class")
class TestEveryWayOfPower:
    @pytest.mark.parametrize(
        ("action", "before", "sent", "after"),
        [
            ("on", "OFF", "on", "ON"),
            ("on", "ON", "none", "ON"),
            ("cycle", "ON", "cycle", "ON"),
            ("reset", "ON", "reset", "ON"),
            ("status", "ON", "none", "ON"),
            ("off", "ON", "off", "OFF"),
            ("off", "OFF", "none", "OFF"),
            ("reset", "OFF", "none", "OFF"),
            ("cycle", "OFF", "on", "ON"),
        ],
    )
    def test_what_ipmitool_sees_before_and_after_is_what_the_playbook_reports(
        self, hall: Site, via: str, action: str, before: str, sent: str, after: str
    ) -> None:
        tool = Ipmitool(hall.rack)
        for name in NAMES:
            tool.run(name, "chassis", "power", before.lower())
        assert {tool.power(name) for name in NAMES} == {before}

        run = power_nodes(hall, action, via=via)

        assert run.rc == 0, run.output
        told = {(node["before"], node["action"], node["after"]) for node in nodes_of(run).values()}
        assert told == {(before, sent, after)}
        assert {tool.power(name) for name in NAMES} == {after}
        assert set(powered(hall.rack).values()) == {after}

    def test_a_cycle_and_a_reset_start_the_machine_anew(self, hall: Site, via: str) -> None:
        power_nodes(hall, "on", via=via)
        hall.rack.let_pass(3600)
        starts = {name: node["boots"] for name, node in hall.rack.nodes().items()}

        for number, action in enumerate(("cycle", "reset"), start=1):
            assert power_nodes(hall, action, via=via).rc == 0
            hall.rack.let_pass(3600)
            assert {name: node["boots"] for name, node in hall.rack.nodes().items()} == {
                name: count + number for name, count in starts.items()
            }

    @pytest.mark.parametrize(
        "wrong", [{"password": "wrong"}, {"username": "nobody"}], ids=lambda wrong: next(iter(wrong))
    )
    def test_a_wrong_account_is_reported_as_such_and_two_bmcs_are_asked(
        self, hall: Site, via: str, wrong: dict[str, str]
    ) -> None:
        tool = Ipmitool(hall.rack, **ACCOUNT | wrong)
        assert tool.run("node001", "chassis", "power", "status").returncode != 0
        change_account(hall.rack, NAMES, **{WORDS[word]: value for word, value in wrong.items()})
        before = bmc_counters(hall.rack, "logins")

        run = power_nodes(hall, "on", via=via)
        change_account(hall.rack, NAMES, userName=USERNAME, password=PASSWORD)

        assert run.rc != 0
        assert failures_of(nodes_of(run)) == {
            "node001": "credentials",
            "node002": "credentials",
            "node003": "not tried",
        }
        after = bmc_counters(hall.rack, "logins")
        assert [name for name in NAMES if after[name] > before[name]] == ["node001", "node002"]
        assert after["node003"] == before["node003"]
        (one, two, *_rest) = (node["address"] for node in nodes_of(run).values())
        told = nodes_of(run)["node003"]["error"]
        assert f"its credentials were refused by node001 ({one}), node002 ({two})" in told
        assert PASSWORD not in run.output
        assert "wrong" not in told


class TestBootDevice:
    def test_it_is_what_the_next_boot_uses(self, hall: Site) -> None:
        for name, device in (("node001", "pxe"), ("node002", "bios")):
            run = power_nodes(hall, "on", "--limit", f"{name},localhost", via="ipmi", bcm_boot_device=device)
            assert run.rc == 0, run.output

        hall.rack.let_pass(3600)

        assert hall.rack.nodes()["node001"]["status"] == "UP"
        assert hall.rack.nodes()["node002"]["power"] == "ON"
        assert hall.rack.nodes()["node002"]["boots"] == hall.rack.nodes()["node003"]["boots"] == 0

    def test_it_is_for_one_boot_alone(self, hall: Site) -> None:
        assert ask_bmcs(hall, ["node002"])["node002"]["boot_device"] == "none"

    def test_the_head_node_can_not_set_it(self, hall: Site) -> None:
        run = power_nodes(hall, "on", via="head_node", bcm_boot_device="pxe")

        assert "boot_device and bmcs need via: ipmi" in " ".join(run.failures)


class TestInformation:
    def test_a_boot_device_counts_as_long_as_ipmitool_finds_it_valid(self, hall: Site) -> None:
        tool = Ipmitool(hall.rack)
        assert tool.run("node001", "chassis", "bootdev", "pxe").returncode == 0

        # OpenIPMI keeps the device without the mark that it is valid (IPMI 2.0, table 28-14, parameter 5).
        read = tool.run("node001", "chassis", "bootparam", "get", "5").stdout
        expected = "none" if "Boot Flag Invalid" in read else "pxe"
        assert ask_bmcs(hall, ["node001"])["node001"]["boot_device"] == expected

    def test_firmware_and_power_are_those_that_ipmitool_reads(self, hall: Site) -> None:
        tool = Ipmitool(hall.rack)
        tool.run("node002", "chassis", "power", "on")

        bmcs = ask_bmcs(hall, NAMES)

        for name in NAMES:
            lines = tool.run(name, "mc", "info").stdout.splitlines()
            (firmware,) = (line.split(":")[1].strip() for line in lines if line.startswith("Firmware Revision"))
            assert bmcs[name]["firmware"] == firmware
            assert bmcs[name]["power"] == tool.power(name)
            assert (bmcs[name]["reachable"], bmcs[name]["credentials_good"]) == (True, True)
            assert (bmcs[name]["failure"], bmcs[name]["error"], bmcs[name]["tries"]) == (None, "", 1)

    def test_an_account_is_tried_before_it_is_spread(self, hall: Site) -> None:
        given = [{"name": name, "password": "new-password"} for name in NAMES]

        bmcs = ask_bmcs(hall, NAMES, bmcs=given)

        assert [bmc["credentials_good"] for bmc in bmcs.values()] == [False, False, None]
        assert [bmc["reachable"] for bmc in bmcs.values()] == [True, True, None]
        assert failures_of(bmcs) == {"node001": "credentials", "node002": "credentials", "node003": "not tried"}


class TestSpreadingAnAccount:
    @pytest.mark.parametrize(
        "wrong", [{"password": "wrong"}, {"username": "nobody"}], ids=lambda given: next(iter(given))
    )
    def test_one_that_two_bmcs_refuse_goes_nowhere_else_and_is_put_back(
        self, hall: Site, wrong: dict[str, str]
    ) -> None:
        before = bmc_counters(hall.rack, "packets"), hall.rack.head_node.devices()
        devices = [{"hostname": name, "bmc_settings": ACCOUNT | wrong} for name in NAMES]

        run = hall.ansible.tasks([{"baremetal.bcm.bcm_devices": {"devices": devices}}])

        assert run.rc != 0
        assert "refused by the BMCs of node001, node002" in " ".join(run.failures)
        assert bmc_counters(hall.rack, "packets")["node003"] == before[0]["node003"]
        after = hall.rack.head_node.devices()
        assert {name: after[name]["bmcSettings"]["password"] for name in NAMES} == dict.fromkeys(NAMES, PASSWORD)
        assert {name: after[name]["bmcSettings"]["userName"] for name in NAMES} == dict.fromkeys(NAMES, USERNAME)
        assert PASSWORD not in run.output
