# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers in QEMU boot the image from the network, and NetBox is told what is broken in them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView
from ansible_collections.baremetal.bcm.tests.system.support.validation_lab import ValidationLab
from ansible_collections.baremetal.bcm.tests.system.support.validation_netbox import Inventory

STEPS = ("01-init", "02-memory", "03-disk", "04-lldp", "05-report")
Raw = dict[str, Any]
# By server: its faults, in the order of their boots. Those of one server are each in a part of their own.
SERVERS: dict[str, list[Raw]] = {
    # It takes the longest, and most of that its disk lets it wait.
    "limping": [
        {"kind": "memory_bits", "after": "02-memory begins"},
        {"kind": "slow_disk", "bytes_per_second": "393216"},
    ],
    "sound": [],
    "broken": [
        {"kind": "bad_sector"},
        {"kind": "smart_warning"},
        {"kind": "wrong_port", "port": "Ethernet1/9"},
        {"kind": "machine_check", "after": "02-memory begins"},
    ],
    "hung": [{"kind": "hang", "after": "03-disk begins", "seconds": 4}],
    "dead": [{"kind": "death", "after": "02-memory begins", "seconds": 2}],
}
# By fault that a step finds: the server that has it, the step, and what its reason names.
FOUND = {
    "bad_sector": ("broken", "03-disk", "vda"),
    "smart_warning": ("broken", "03-disk", "nvme0n1"),
    "wrong_port": ("broken", "04-lldp", "Ethernet1/9"),
    "memory_bits": ("limping", "02-memory", "numa0: memtester"),
    "machine_check": ("broken", "02-memory", "bank8"),
    "slow_disk": ("limping", "03-disk", "vda: disk_seq_read_mib_s"),
}
# By fault that leaves silence: the server that has it, and the step that it was last heard in.
SILENT = {"hang": ("hung", "03-disk"), "death": ("dead", "02-memory")}
FIRMWARES = ("bios", "uefi")
SOAK_BOOTS = int(os.environ.get("SOAK_BOOTS", "20"))
pytestmark = pytest.mark.boots


def server(name: str, number: int, bmc: str, **changes: Any) -> Raw:
    disks = [{"kind": kind, "serial": f"DISK-{number}-{kind}"} for kind in ("virtio", "nvme")]
    return {
        "name": name,
        "serial": f"SN-{number}",
        "mac": f"02:00:00:5e:00:{number:02x}",
        "port": f"Ethernet1/{number}",
        "bmc": {"address": bmc},
        "disks": disks,
        **changes,
    }


def bench(firmware: str, names: Collection[str]) -> Raw:
    """Benches of two kinds of firmware may run at the same time."""
    network = 4 + FIRMWARES.index(firmware)
    servers = [
        server(name, number, f"127.9.{network}.{number}", faults=SERVERS[name])
        for number, name in enumerate((name for name in SERVERS if name in names), start=1)
    ]
    return {"firmware": firmware, "servers": servers}


def validate(netbox: NetBoxView, lab: ValidationLab) -> dict[str, Raw]:
    """Let each server of a bench boot and be judged; give what each said first of itself."""
    inventory = Inventory(netbox, lab.spec)
    inventory.add()
    try:
        lab.start()
        lab.carry_to(netbox)
        lab.boot_all(inventory)
        runs = {each.name: netbox.fields(each.name)["validation_result"]["run"] for each in lab.spec.servers}
        return {name: dict(lab.state.results(run)[0].body) for name, run in runs.items()}
    finally:
        lab.close()


@pytest.mark.usefixtures("image")
class Boots:
    """Of one kind of firmware, on one bench: those servers that the chosen tests are about."""

    firmware: str

    @pytest.fixture(scope="class")
    @staticmethod
    def booted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetBoxView]:
        """Give NetBox after the servers were validated."""
        chosen = {
            str(item.callspec.params.get("name", "sound")) if hasattr(item, "callspec") else "sound"
            for item in request.session.items
            if isinstance(item, pytest.Function) and item.cls is request.cls
        }
        firmware = request.cls.firmware
        with served(FakeNetBox(NEW)) as fake:
            netbox = NetBoxView(fake.url, TOKEN)
            validate(netbox, ValidationLab(bench(firmware, chosen), tmp_path_factory.mktemp(firmware)))
            yield netbox

    def test_a_sound_server_passes_each_step_and_is_staged(self, booted: NetBoxView) -> None:
        result = booted.fields("sound")["validation_result"]

        assert (result["verdict"], result["reasons"]) == ("pass", [])
        assert result["steps"] == dict.fromkeys(STEPS, "pass")
        assert booted.state("sound") == "staged"

    def test_its_journal_has_an_entry_for_each_step(self, booted: NetBoxView) -> None:
        journal = booted.journal("sound")

        for step in STEPS:
            assert sum(entry.startswith(f"Validation {step}: **pass**") for entry in journal) == 1, journal

    @pytest.mark.parametrize(("name", "step", "part"), FOUND.values(), ids=FOUND)
    def test_a_fault_is_found_in_the_part_that_has_it(
        self, booted: NetBoxView, name: str, step: str, part: str
    ) -> None:
        result = booted.fields(name)["validation_result"]

        assert (result["verdict"], booted.state(name)) == ("fail", "failed")
        assert (result["steps"]["01-init"], result["steps"]["05-report"]) == ("pass", "pass")
        assert result["steps"][step] == "fail"
        reasons = [reason for reason in result["reasons"] if reason.startswith(f"{step}: ") and part in reason]
        assert reasons, result["reasons"]

    @pytest.mark.parametrize(("name", "step"), SILENT.values(), ids=SILENT)
    def test_a_server_that_hangs_or_dies_is_failed_with_the_step_it_was_last_heard_in(
        self, booted: NetBoxView, name: str, step: str
    ) -> None:
        result = booted.fields(name)["validation_result"]

        # 04-lldp runs beside 03-disk, and is over sooner or later than a machine that hangs.
        assert (result["verdict"], booted.state(name)) == ("lost", "failed")
        assert step in result["step"].split(", ")
        assert f" {result['step']} (run" in booted.journal(name)[-1]


class TestBios(Boots):
    firmware = "bios"


class TestUefi(Boots):
    firmware = "uefi"


@pytest.mark.soak
@pytest.mark.parametrize("firmware", FIRMWARES)
@pytest.mark.usefixtures("image")
def test_of_many_boots_of_sound_servers_none_fails(tmp_path: Path, firmware: str) -> None:
    network = 7 + FIRMWARES.index(firmware)
    servers = [
        server(f"sound-{number}", number, f"127.9.{network}.{number}") for number in range(1, SOAK_BOOTS // 2 + 1)
    ]
    with served(FakeNetBox(NEW)) as fake:
        netbox = NetBoxView(fake.url, TOKEN)
        validate(netbox, ValidationLab({"firmware": firmware, "servers": servers}, tmp_path))
        results = {each["name"]: netbox.fields(each["name"])["validation_result"] for each in servers}

    assert {name: result["reasons"] for name, result in results.items() if result["verdict"] != "pass"} == {}
    assert len(results) == SOAK_BOOTS // 2


@pytest.mark.usefixtures("image")
def test_under_secure_boot_a_server_passes_and_its_kernel_is_locked_down(tmp_path: Path) -> None:
    # The card's iPXE is not signed: the firmware boots from the network by itself.
    secure = server("secure", 1, "127.9.6.1", network_boot="firmware", memory=1024)
    with served(FakeNetBox(NEW)) as fake:
        netbox = NetBoxView(fake.url, TOKEN)
        lab = ValidationLab({"firmware": "secure_boot", "next_server": True, "servers": [secure]}, tmp_path)
        hello = validate(netbox, lab)["secure"]

        assert (hello["firmware"], hello["secure_boot"], hello["lockdown"]) == ("uefi", True, "integrity")
        assert (netbox.fields("secure")["validation_result"]["reasons"], netbox.state("secure")) == ([], "staged")


@pytest.mark.usefixtures("image")
def test_a_server_whose_firmware_boots_by_http_is_staged(tmp_path: Path) -> None:
    with served(FakeNetBox(NEW)) as fake:
        netbox = NetBoxView(fake.url, TOKEN)
        by_http = server("by-http", 1, "127.9.9.1", network_boot="http")
        lab = ValidationLab({"firmware": "uefi", "servers": [by_http]}, tmp_path)
        hello = validate(netbox, lab)["by-http"]

        assert (hello["firmware"], netbox.fields("by-http")["validation_result"]["reasons"]) == ("uefi", [])
        assert netbox.state("by-http") == "staged"
        # The offer to the firmware names the address of the loader, and nothing came by TFTP.
        offers = lab.log("dnsmasq")
        assert f"bootfile name: {lab.url}/image/ipxe.efi" in offers
        assert "/tftp/" not in offers.partition("available DHCP")[2]
