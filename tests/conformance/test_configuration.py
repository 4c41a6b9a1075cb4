# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters, disk setups and scripts: from the options of modules to what machines did."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.conformance.room import Room

GPU = {
    "name": "gpu",
    "software_image": "default-image",
    "kernel_parameters": "iommu=pt nvidia-drm.modeset=1",
    "disksetup": "<diskSetup><device><blockdev>/dev/nvme0n1</blockdev>"
    "<partition id='g1'><size>max</size><filesystem>xfs</filesystem><mountPoint>/</mountPoint></partition>"
    "</device></diskSetup>",
    "initialize": "#!/bin/sh\nmodprobe mlx5_core\n",
    "finalize": "#!/bin/sh\nsystemctl enable nvidia-persistenced\n",
}
CPU = {
    "name": "cpu",
    "software_image": "default-image",
    "kernel_parameters": "console=ttyS1",
    "disksetup": "<diskSetup><device><blockdev>/dev/sda</blockdev>"
    "<partition id='c1'><size>20G</size></partition><partition id='c2'><size>max</size></partition>"
    "</device></diskSetup>",
    "finalize": "#!/bin/sh\ndate\n",
}


@pytest.fixture
def room(capsys: pytest.CaptureFixture[str]) -> Room:
    """Two categories, and a node of each."""
    room = Room(2, capsys)
    room.modules.good("bcm_categories", categories=[GPU, CPU])
    room.register({"node01": {"category": "gpu"}, "node02": {"category": "cpu"}})
    return room


def ran(machine: Any) -> list[tuple[str, str, int, bool]]:
    return [(run.phase, run.owner, run.exit_status, run.after_copy) for run in machine.scripts]


def test_nodes_of_two_categories_get_the_kernel_the_disks_and_the_scripts_of_their_own(room: Room) -> None:
    room.provision("node01", "node02")

    gpu, cpu = room.rack.machine("node01"), room.rack.machine("node02")
    assert (gpu.kernel_parameters, cpu.kernel_parameters) == (GPU["kernel_parameters"], CPU["kernel_parameters"])
    assert [partition.name for partition in gpu.disk.partitions] == ["g1"]
    assert [partition.name for partition in cpu.disk.partitions] == ["c1", "c2"]
    assert ran(gpu) == [("initialize", "category gpu", 0, False), ("finalize", "category gpu", 0, True)]
    assert ran(cpu) == [("finalize", "category cpu", 0, True)]


def test_other_kernel_parameters_are_what_a_restart_starts_with_and_nothing_is_parted_anew(room: Room) -> None:
    room.provision("node01", "node02")
    room.modules.good("bcm_device", hostname="node02", kernel_parameters="quiet")
    before = room.rack.machine("node01").boots

    result = room.provision("node01", "node02", power_action="power_cycle")

    assert {name: node["action"] for name, node in result["nodes"].items()} == {
        "node01": "nothing",
        "node02": "restart",
    }
    assert room.rack.machine("node02").kernel_parameters == "quiet"
    assert room.rack.machine("node02").last_install_mode == "SYNC"
    assert room.rack.machine("node01").boots == before


def test_another_category_is_another_layout_and_other_scripts(room: Room) -> None:
    room.provision("node01", "node02")
    room.modules.good("bcm_device", hostname="node01", category="cpu")

    room.provision("node01", power_action="power_cycle")

    machine = room.rack.machine("node01")
    assert [partition.name for partition in machine.disk.partitions] == ["c1", "c2"]
    assert (machine.kernel_parameters, machine.last_install_mode) == ("console=ttyS1", "FULL")
    assert ran(machine) == [("finalize", "category cpu", 0, True)]


@pytest.mark.parametrize(("script", "phase"), [("initialize", "installer"), ("finalize", "installing")])
def test_a_script_that_fails_fails_its_node_with_the_phase_and_a_later_run_brings_it_up(
    room: Room, script: str, phase: str
) -> None:
    room.rack.bench.head.faults.add({"kind": "script_fails", "node": "node01", "script": script, "times": 1})

    failed = room.actions.run("bcm_provision", names=room.names, enable_power_action=True)

    node = failed["nodes"]["node01"]
    assert (node["outcome"], node["phase"], failed["nodes"]["node02"]["outcome"]) == ("failed", phase, "successful")
    assert f"{script} script of category gpu failed with exit status 1" in node["message"]
    assert f"{script} script of category gpu" in failed["msg"]
    room.provision("node01")
    assert [run.exit_status for run in room.rack.machine("node01").scripts] == [0, 0]
