# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers in QEMU boot the image from the network, and NetBox is told what is broken in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView
from ansible_collections.baremetal.bcm.tests.system.support.validation_lab import ValidationLab
from ansible_collections.baremetal.bcm.tests.system.support.validation_netbox import Inventory

STEPS = ("01-init", "02-memory", "03-disk", "04-lldp", "05-report")
# By fault: the step that finds it, and what its reason names. One server has them all, each in a part of its own.
FAULTS = {
    "bad_sector": ("03-disk", "vda"),
    "smart_warning": ("03-disk", "nvme0n1"),
    "wrong_port": ("04-lldp", "Ethernet1/9"),
}


def bench(firmware: str) -> dict[str, Any]:
    """A sound server, and with BIOS one with all faults. Benches of two kinds of firmware may run at the same time."""
    network = 4 if firmware == "bios" else 5
    faults: list[dict[str, Any]] = [{"kind": kind} for kind in FAULTS if kind != "wrong_port"]
    faults.append({"kind": "wrong_port", "port": "Ethernet1/9"})
    parts: dict[str, list[dict[str, Any]]] = {"sound": [], "broken": faults} if firmware == "bios" else {"sound": []}
    servers = []
    for number, (name, broken) in enumerate(parts.items(), start=1):
        disks = [{"kind": kind, "serial": f"DISK-{number}-{kind}"} for kind in ("virtio", "nvme")]
        servers.append(
            {
                "name": name,
                "serial": f"SN-{number}",
                "mac": f"02:00:00:5e:00:{number:02x}",
                "port": f"Ethernet1/{number}",
                "bmc": {"address": f"127.9.{network}.{number}"},
                "disks": disks,
                "faults": broken,
            }
        )
    return {"firmware": firmware, "servers": servers}


@pytest.mark.usefixtures("image")
class TestBoots:
    @pytest.fixture(scope="class")
    @staticmethod
    def netbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetBoxView]:
        """Give NetBox after each server was validated once."""
        with served(FakeNetBox(NEW)) as fake:
            netbox = NetBoxView(fake.url, TOKEN)
            lab = ValidationLab(bench(request.param), tmp_path_factory.mktemp("lab"))
            inventory = Inventory(netbox, lab.spec)
            inventory.add()
            try:
                lab.start()
                lab.carry_to(netbox)
                for server in lab.spec.servers:
                    lab.boot(server)
                lab.await_verdicts(inventory)
                yield netbox
            finally:
                lab.close()

    @pytest.mark.parametrize("netbox", ["bios"], indirect=True)
    def test_a_sound_server_passes_each_step_and_is_staged(self, netbox: NetBoxView) -> None:
        result = netbox.fields("sound")["validation_result"]

        assert (result["verdict"], result["reasons"]) == ("pass", [])
        assert result["steps"] == dict.fromkeys(STEPS, "pass")
        assert netbox.state("sound") == "staged"

    @pytest.mark.parametrize("netbox", ["bios"], indirect=True)
    def test_its_journal_has_an_entry_for_each_step(self, netbox: NetBoxView) -> None:
        journal = netbox.journal("sound")

        for step in STEPS:
            assert sum(entry.startswith(f"Validation {step}: **pass**") for entry in journal) == 1, journal

    @pytest.mark.parametrize("netbox", ["bios"], indirect=True)
    def test_a_broken_server_fails(self, netbox: NetBoxView) -> None:
        result = netbox.fields("broken")["validation_result"]

        assert (result["verdict"], netbox.state("broken")) == ("fail", "failed")
        assert (result["steps"]["01-init"], result["steps"]["05-report"]) == ("pass", "pass")

    @pytest.mark.parametrize("netbox", ["bios"], indirect=True)
    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_fault_is_found_in_the_part_that_has_it(self, netbox: NetBoxView, fault: str) -> None:
        step, part = FAULTS[fault]
        result = netbox.fields("broken")["validation_result"]

        assert result["steps"][step] == "fail"
        reasons = [reason for reason in result["reasons"] if reason.startswith(f"{step}: ") and part in reason]
        assert reasons, result["reasons"]
