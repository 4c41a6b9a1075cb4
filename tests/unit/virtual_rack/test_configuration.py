# SPDX-License-Identifier: GPL-3.0-or-later
"""What categories and nodes say about kernel, disks and scripts is what machines do."""

from __future__ import annotations

import hashlib
import json
import uuid as uuids
from typing import Any

import pytest

from virtual_rack.entities.fields import Entity
from virtual_rack.faults import FaultError
from virtual_rack.in_process import Bench
from virtual_rack.nodes.disk_setup import Partition, read_disk_setup
from virtual_rack.nodes.machine import Machine, ScriptRun
from virtual_rack.rack_file import RackSpec
from virtual_rack.rack_reader import rack_from

GPU_DISKS = """<?xml version="1.0" encoding="UTF-8"?>
<diskSetup>
  <device>
    <blockdev>/dev/nvme0n1</blockdev><blockdev>/dev/sda</blockdev>
    <partition id="a1"><size>100G</size><filesystem>xfs</filesystem><mountPoint>/</mountPoint></partition>
    <partition id="a2"><size>max</size><type>linux raid</type></partition>
  </device>
  <raid id="r0">
    <member>a2</member><level>0</level><filesystem>ext4</filesystem><mountPoint>/scratch</mountPoint>
  </raid>
  <volumeGroup>
    <name>vg0</name>
    <volumes><volume><name>data</name><size>1T</size><filesystem>xfs</filesystem></volume></volumes>
  </volumeGroup>
</diskSetup>
"""
CPU_DISKS = "<diskSetup><device><blockdev>/dev/sda</blockdev><partition id='b1'/></device></diskSetup>"


def category(bench: Bench, name: str, **fields: Any) -> str:
    """Make a category with the image of `default`; give its uuid."""
    default: Entity = bench.call("cmdevice", "getCategory", "default")
    proxy = {**default["softwareImageProxy"], "uuid": str(uuids.uuid4())}
    body = {"baseType": "Category", "uuid": str(uuids.uuid4()), "name": name, "softwareImageProxy": proxy, **fields}
    assert bench.call("cmdevice", "addCategory", body, 0)["success"]
    return str(body["uuid"])


def machine(bench: Bench, name: str) -> Machine:
    found = bench.head.machines.named(name)
    assert found is not None
    return found


def boot(bench: Bench, *names: str) -> None:
    for name in names:
        bench.power(name, "RESET" if machine(bench, name).power else "ON")
    bench.step(1000)


def ran(runs: tuple[ScriptRun, ...]) -> list[tuple[int, str, str, int, bool]]:
    return [(run.order, run.phase, run.owner, run.exit_status, run.after_copy) for run in runs]


def test_a_disk_setup_lists_partitions_raids_and_volumes() -> None:
    assert read_disk_setup(GPU_DISKS) == (
        Partition("partition", "a1", "/dev/nvme0n1", "100G", "xfs", "/"),
        Partition("partition", "a2", "/dev/nvme0n1", "max", "", ""),
        Partition("raid", "r0", "", "", "ext4", "/scratch"),
        Partition("volume", "data", "", "1T", "xfs", ""),
    )
    assert read_disk_setup(" ") == ()
    assert read_disk_setup("<diskSetup>") is None
    assert read_disk_setup("<disks/>") is None


@pytest.mark.parametrize(
    ("of_node", "of_category", "expected"),
    [
        ("", "", "rd.driver.blacklist=nouveau"),
        ("", "iommu=pt", "iommu=pt"),
        ("console=ttyS1", "iommu=pt", "console=ttyS1"),
    ],
)
def test_a_kernel_starts_with_the_parameters_of_its_node_else_category_else_image(
    bench: Bench, of_node: str, of_category: str, expected: str
) -> None:
    bench.register("node1", category=category(bench, "gpu", kernelParameters=of_category), kernelParameters=of_node)
    assert machine(bench, "node1").kernel_parameters is None
    boot(bench, "node1")
    assert machine(bench, "node1").kernel_parameters == expected


def test_other_kernel_parameters_hold_from_the_next_boot_on(bench: Bench) -> None:
    bench.register("node1")
    boot(bench, "node1")
    bench.update("node1", kernelParameters="quiet")
    bench.step(1000)
    assert machine(bench, "node1").kernel_parameters == "rd.driver.blacklist=nouveau"
    boot(bench, "node1")
    assert machine(bench, "node1").kernel_parameters == "quiet"
    bench.power("node1", "OFF")
    bench.step(10)
    assert machine(bench, "node1").kernel_parameters is None


def test_a_boot_from_the_disk_starts_the_kernel_as_it_was_installed(bench: Bench) -> None:
    bench.register("node1")
    boot(bench, "node1")
    bench.update("node1", kernelParameters="quiet")
    bench.head.boots.set_boot_device(machine(bench, "node1"), "default")
    boot(bench, "node1")
    assert bench.status("node1")["status"] == "UP"
    assert machine(bench, "node1").kernel_parameters == "rd.driver.blacklist=nouveau"


def test_two_categories_make_two_layouts_and_a_node_s_own_wins(bench: Bench) -> None:
    gpu, cpu = category(bench, "gpu", disksetup=GPU_DISKS), category(bench, "cpu", disksetup=CPU_DISKS)
    bench.register("node1", category=gpu)
    bench.register("node2", category=cpu)
    bench.register("node3", category=cpu, disksetup=GPU_DISKS)
    assert machine(bench, "node1").disk.partitions == ()
    boot(bench, "node1", "node2", "node3")
    bench.step(1000)
    points = {
        name: [partition.name for partition in machine(bench, name).disk.partitions]
        for name in ("node1", "node2", "node3")
    }
    assert points == {"node1": ["a1", "a2", "r0", "data"], "node2": ["b1"], "node3": ["a1", "a2", "r0", "data"]}


def test_another_layout_is_made_before_the_image_is_copied_and_takes_the_old_system_away(bench: Bench) -> None:
    bench.register("node1")
    boot(bench, "node1")
    bench.update("node1", disksetup=CPU_DISKS)
    assert [partition.name for partition in machine(bench, "node1").disk.partitions] == ["a0", "a1"]
    bench.head.faults.add({"kind": "slots_taken", "slots": 2})
    boot(bench, "node1")
    assert bench.status("node1")["infoMessage"] == "waiting for FULL provisioning to start"
    disk = machine(bench, "node1").disk
    assert ([partition.name for partition in disk.partitions], disk.image) == (["b1"], None)


def test_a_disk_setup_that_is_none_ends_the_installation(bench: Bench) -> None:
    bench.register("node1", disksetup="<diskSetup>")
    boot(bench, "node1")
    seen = bench.status("node1")
    assert (seen["status"], seen["infoMessage"]) == ("INSTALLER_FAILED", "disk setup cannot be read")


SCRIPTS = {"initialize": "#!/bin/sh\nmodprobe x\n", "finalize": "#!/bin/sh\ntouch /localdisk/done\n"}
OWN = {"initialize": "#!/bin/sh\ntrue\n", "finalize": "#!/bin/sh\ndate\n"}


def test_scripts_run_before_and_after_the_copy_those_of_the_category_first(bench: Bench) -> None:
    bench.register("node1", category=category(bench, "gpu", **SCRIPTS), **OWN)
    bench.register("node2", category=category(bench, "cpu", finalize="exit 0"))
    boot(bench, "node1", "node2")
    assert ran(machine(bench, "node1").scripts) == [
        (1, "initialize", "category gpu", 0, False),
        (2, "initialize", "device node1", 0, False),
        (3, "finalize", "category gpu", 0, True),
        (4, "finalize", "device node1", 0, True),
    ]
    digests = [hashlib.sha256(text[phase].encode()).hexdigest() for phase in SCRIPTS for text in (SCRIPTS, OWN)]
    assert [run.sha256 for run in machine(bench, "node1").scripts] == digests
    assert ran(machine(bench, "node2").scripts) == [(1, "finalize", "category cpu", 0, True)]


def test_initialize_scripts_end_before_the_disks_are_looked_at_and_finalize_scripts_after_all_else(
    bench: Bench,
) -> None:
    bench.register("node1", **OWN)
    done: list[tuple[str, int]] = []
    bench.head.board.listen(lambda seen: done.append((seen.info_message, len(machine(bench, "node1").scripts))))
    boot(bench, "node1")
    assert done[1:3] == [("node-installer started", 0), ("checking disks", 1)]
    assert done[-3:] == [("initializing SELinux", 1), ("switching to local root", 2), ("", 2)]


def test_scripts_run_at_every_boot_also_where_nothing_is_copied(bench: Bench) -> None:
    bench.register("node1", **OWN)
    boot(bench, "node1")
    bench.update("node1", installMode="NOSYNC")
    boot(bench, "node1")
    after = [(1, "initialize", "device node1", 0, False), (2, "finalize", "device node1", 0, False)]
    assert ran(machine(bench, "node1").scripts) == after


@pytest.mark.parametrize(
    ("phase", "message"), [("initialize", "node-installer started"), ("finalize", "initializing SELinux")]
)
def test_a_script_that_fails_ends_the_installation_with_its_phase_and_status(
    bench: Bench, phase: str, message: str
) -> None:
    bench.register("node1", category=category(bench, "gpu", **SCRIPTS), **OWN)
    seen: list[tuple[str, str]] = []
    bench.head.board.listen(lambda status: seen.append((status.status, status.info_message)))
    bench.head.faults.add({"kind": "script_fails", "node": "node1", "script": phase, "exit_status": 3, "times": 1})
    boot(bench, "node1")
    text = f"{phase} script of category gpu failed with exit status 3"
    assert seen[-2:] == [("INSTALLING", message), ("INSTALLER_FAILED", text)]
    assert bench.status("node1")["provisioningFailed"] is True
    last = machine(bench, "node1").scripts[-1]
    assert (last.phase, last.owner, last.exit_status) == (phase, "category gpu", 3)
    boot(bench, "node1")
    assert bench.status("node1")["status"] == "UP"
    assert [run.exit_status for run in machine(bench, "node1").scripts] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "wrong", [{"script": "install"}, {"exit_status": 0}, {"exit_status": "no"}, {"exit_status": 256}]
)
def test_a_script_fault_that_cannot_be_is_refused(bench: Bench, wrong: Entity) -> None:
    with pytest.raises(FaultError, match="script_fails: "):
        bench.head.faults.add({"kind": "script_fails", **wrong})


def test_what_a_machine_was_started_with_outlives_the_program(bench: Bench, rack: RackSpec) -> None:
    bench.register("node1", kernelParameters="quiet", disksetup=GPU_DISKS, **OWN)
    boot(bench, "node1")
    again = Bench(rack, state=json.loads(json.dumps(bench.head.to_state())))
    for name in ("kernel_parameters", "disk", "scripts"):
        assert getattr(machine(again, "node1"), name) == getattr(machine(bench, "node1"), name)


def test_a_machine_that_is_up_from_the_start_was_started_as_its_category_says(content: dict[str, Any]) -> None:
    content["head_node"]["devices"] = ["node1"]
    content["machines"][0]["power"] = "on"
    bench = Bench(rack_from(content))
    assert machine(bench, "node1").kernel_parameters == "rd.driver.blacklist=nouveau"
    assert [partition.name for partition in machine(bench, "node1").disk.partitions] == ["a0", "a1"]
