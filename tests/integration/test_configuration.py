# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Categories with kernel parameters, disk setups and scripts: from the inventory to what machines did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import DEMO_NODES, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

pytestmark = pytest.mark.one_core

GPU_NODES, CPU_NODES = DEMO_NODES[:2], DEMO_NODES[2:]
GPU_DISKS = (
    "<diskSetup><device><blockdev>/dev/nvme0n1</blockdev>"
    "<partition id='g1'><size>max</size><filesystem>xfs</filesystem><mountPoint>/</mountPoint></partition>"
    "</device></diskSetup>"
)
CPU_DISKS = (
    "<diskSetup><device><blockdev>/dev/sda</blockdev><partition id='c1'><size>20G</size></partition>"
    "<partition id='c2'><size>max</size></partition></device></diskSetup>"
)
GPU_KERNEL, CPU_KERNEL = "nvidia-drm.modeset=1 iommu=pt", "console=ttyS1"
CATEGORIES = [
    {
        "name": "dgx-worker",
        "clone_from": "default",
        "kernel_parameters": GPU_KERNEL,
        "disksetup": GPU_DISKS,
        "initialize": "#!/bin/sh\nmodprobe mlx5_core\n",
        "finalize": "#!/bin/sh\ntouch /localdisk/etc/gpu\n",
    },
    {
        "name": "control-plane",
        "clone_from": "default",
        "kernel_parameters": CPU_KERNEL,
        "disksetup": CPU_DISKS,
        "finalize": "#!/bin/sh\ndate\n",
    },
]
VARIABLES = {**PARALLEL, "bcm_categories": CATEGORIES}


@dataclass(frozen=True)
class Moment:
    """A run, and what the machines had come to right after it."""

    run: Run
    machines: dict[str, dict[str, Any]]

    def of(self, key: str) -> dict[str, Any]:
        """Give one thing of every machine."""
        return {name: self.machines[name][key] for name in DEMO_NODES}

    def partitions(self) -> dict[str, list[str]]:
        return {name: [one["name"] for one in found] for name, found in self.of("partitions").items()}

    def scripts(self, name: str) -> list[tuple[Any, ...]]:
        keys = ("order", "phase", "owner", "exit_status", "after_copy")
        return [tuple(run[key] for key in keys) for run in self.machines[name]["scripts"]]


def moment(where: Site, playbook: str, **variables: Any) -> Moment:
    run = where.ansible.play(playbook, variables={**VARIABLES, **variables})
    return Moment(run, where.rack.nodes())


def by_category(gpu: object, cpu: object) -> dict[str, object]:
    return {**dict.fromkeys(GPU_NODES, gpu), **dict.fromkeys(CPU_NODES, cpu)}


class TestTwoCategories:
    @pytest.fixture(scope="class")
    @staticmethod
    def moments(open_class_site: OpenSite) -> dict[str, Moment]:
        where = open_class_site(demo_rack())
        where.rack.break_something("script_fails", node="dgx-05", script="finalize", exit_status=7, times=1)
        failed = moment(where, "provision")
        mended = moment(where, "provision")
        restarted = moment(where, "reprovision", bcm_kernel_parameters="quiet")
        return {"failed": failed, "mended": mended, "restarted": restarted}

    def test_a_finalize_script_that_fails_fails_its_node_alone_and_is_named_with_its_status(
        self, moments: dict[str, Moment]
    ) -> None:
        failed = moments["failed"]
        assert (failed.run.rc != 0, failed.run.failed_hosts) == (True, ["dgx-05"])
        row = failed.run.rows["dgx-05"]
        assert (row["outcome"], row["state"]) == ("failed", "failed")
        assert "finalize script of category dgx-worker failed with exit status 7" in row["message"]
        assert "finalize script of category dgx-worker failed with exit status 7" in failed.run.failures[-1]
        assert failed.of("status") == {**dict.fromkeys(DEMO_NODES, "UP"), "dgx-05": "INSTALLER_FAILED"}
        assert failed.scripts("dgx-05")[-1] == (2, "finalize", "category dgx-worker", 7, True)

    def test_the_same_run_again_brings_it_up(self, moments: dict[str, Moment]) -> None:
        mended = moments["mended"]
        assert mended.run.rc == 0, mended.run.output
        assert mended.of("status") == dict.fromkeys(DEMO_NODES, "UP")
        assert mended.of("boots") == {**dict.fromkeys(DEMO_NODES, 1), "dgx-05": 2}

    def test_each_node_boots_with_the_kernel_parameters_of_its_category(self, moments: dict[str, Moment]) -> None:
        assert moments["mended"].of("kernel_parameters") == by_category(GPU_KERNEL, CPU_KERNEL)

    def test_each_node_has_the_partitions_of_its_category(self, moments: dict[str, Moment]) -> None:
        assert moments["mended"].partitions() == by_category(["g1"], ["c1", "c2"])

    def test_scripts_ran_before_and_after_the_copy_of_the_image(self, moments: dict[str, Moment]) -> None:
        for name in GPU_NODES:
            assert moments["mended"].scripts(name) == [
                (1, "initialize", "category dgx-worker", 0, False),
                (2, "finalize", "category dgx-worker", 0, True),
            ]
        for name in CPU_NODES:
            assert moments["mended"].scripts(name) == [(1, "finalize", "category control-plane", 0, True)]

    def test_kernel_parameters_of_nodes_win_at_a_restart_and_the_disks_stay_as_they_are(
        self, moments: dict[str, Moment]
    ) -> None:
        restarted = moments["restarted"]
        assert restarted.run.rc == 0, restarted.run.output
        assert set(restarted.run.actions.values()) == {"restart"}
        assert restarted.of("kernel_parameters") == dict.fromkeys(DEMO_NODES, "quiet")
        assert restarted.partitions() == moments["mended"].partitions()
        assert restarted.of("last_install_mode") == dict.fromkeys(DEMO_NODES, "SYNC")
