# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first process of the validation image: parts of it, with a directory in the place of /sys, /proc and /run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import Task
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import profile

IMAGE = Path(__file__).parents[2] / "validation_image"
INIT = (IMAGE / "init").read_text(encoding="utf-8")
# Its programs are this computer's; sleeping is noted, takes no time, and runs what a test lets happen meanwhile.
_BUSYBOX = 'busybox() { if [ "$1" = sleep ]; then echo "sleep $2" >>{root}/told; meanwhile; else "$@"; fi; }'


def run(part: str, root: Path, *, meanwhile: str = ":") -> list[str]:
    """Run a part of init; what it told, with the seconds that it slept."""
    (root / "bin").mkdir(exist_ok=True)
    modprobe = root / "bin/modprobe"
    modprobe.write_text(f'#!/bin/sh\nfor word; do echo "modprobe $word" >>{root}/told; done\n', encoding="ascii")
    modprobe.chmod(0o755)
    moved = re.sub(r"(?<=[ <>])/(?=(sys|proc|run)/)", f"{root}/", part)
    before = f"PATH={root}/bin:$PATH\nmeanwhile() {{ {meanwhile}; }}\n" + _BUSYBOX.replace("{root}", str(root))
    subprocess.run(["sh", "-c", f"{before}\n{moved}"], cwd=root, check=True, timeout=60)
    told = root / "told"
    return told.read_text(encoding="ascii").splitlines() if told.exists() else []


def part(first: str, last: str) -> str:
    """Give the lines of init from one that begins with a text to the next that is another."""
    found = re.search(rf"^{re.escape(first)}.*?^{re.escape(last)}$", INIT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    for name in ("sys/block/sda", "sys/devices", "proc", "run/validation"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def leave(root: Path, after: int) -> list[str]:
    # Each word to the kernel is told with the sleeps, in their order.
    (root / "proc/sysrq-trigger").symlink_to(root / "told")
    function = part("leave_after() {", "}").replace(">/proc", ">>/proc")
    return run(f"{function}\nleave_after {after}", root)


def test_a_server_without_a_task_leaves_after_an_hour_whatever_blocks(root: Path) -> None:
    assert leave(root, 3600) == ["sleep 3600", "sleep 0", "o", "sleep 60", "b"]


@pytest.mark.parametrize(("deadline_s", "slept"), [(90_000.0, "sleep 90000"), (1800, "sleep 1800")])
def test_a_server_with_a_task_has_all_the_time_of_it(root: Path, deadline_s: float, slept: str) -> None:
    task = Task("run", profile().to_wire(), 15.0, deadline_s, name='"deadline_seconds":1')
    (root / "run/validation/task.json").write_bytes(task.to_bytes())

    assert leave(root, 3600) == ["sleep 3600", slept, "o", "sleep 60", "b"]


def test_the_time_to_leave_runs_before_anything_can_block_and_nothing_waits_for_disks_at_the_end() -> None:
    assert INIT.index("leave_after 3600 &") < INIT.index("\nmodprobe")
    assert INIT.index("leave_after 300 &") < INIT.index("busybox reboot -n -f") < INIT.index("busybox poweroff -n -f")
    assert "busybox sync" not in INIT


def test_a_quotation_mark_in_a_device_s_name_keeps_no_driver_away(root: Path) -> None:
    for name, alias in (("a", "dmi:bvnMaker's:"), ("b", "pci:v00008086d00001533")):
        (root / "sys/devices" / name).mkdir()
        (root / "sys/devices" / name / "modalias").write_text(f"{alias}\n", encoding="ascii")

    told = run(part("for round in 1 2; do", "done"), root)

    assert {"modprobe dmi:bvnMaker's:", "modprobe pci:v00008086d00001533"} <= set(told)


_DISKS = ("starting() {", "done")


def test_disks_that_stand_still_are_waited_for_three_seconds(root: Path) -> None:
    assert run(part(*_DISKS), root) == ["sleep 1"] * 3


def test_a_disk_that_is_found_later_is_waited_for(root: Path) -> None:
    later = f"[ $(wc -l <{root}/told) != 2 ] || mkdir {root}/sys/block/sdb"

    assert run(part(*_DISKS), root, meanwhile=later) == ["sleep 1"] * 5


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("mkdir -p sys/class/scsi_disk/0:0:0:0/device", "mkdir -p sys/class/scsi_disk/0:0:0:0/device/block"),
        (
            "mkdir -p sys/class/nvme/nvme0; echo connecting >sys/class/nvme/nvme0/state",
            "echo live >sys/class/nvme/nvme0/state",
        ),
    ],
    ids=["spins up", "starts"],
)
def test_a_disk_that_is_about_to_be_one_is_waited_for_but_not_for_ever(root: Path, before: str, after: str) -> None:
    later = f"[ $(wc -l <{root}/told) != 20 ] || {{ {after}; }}"
    assert run(f"{before}\n{part(*_DISKS)}", root, meanwhile=later) == ["sleep 1"] * 22

    (root / "told").unlink()
    subprocess.run(["rm", "-r", str(root / "sys/class")], check=True, timeout=10)
    assert run(f"{before}\n{part(*_DISKS)}", root) == ["sleep 1"] * 120


def test_an_address_is_asked_for_and_renewed_as_long_as_the_server_is_on() -> None:
    words = next(line for line in INIT.splitlines() if "busybox udhcpc" in line).split()

    assert "-f" in words
    assert not {"-n", "-q"} & set(words)


@pytest.mark.parametrize("event", ["bound", "renew"])
def test_a_lease_sets_the_address_each_time_it_is_given(root: Path, event: str) -> None:
    ip = root / "bin/ip"
    ip.parent.mkdir()
    ip.write_text(f'#!/bin/sh\necho "ip $*" >>{root}/told\n', encoding="ascii")
    ip.chmod(0o755)
    given = f"set -- {event}; interface=eth0 ip=192.0.2.7 mask=24 router=192.0.2.1\n"

    told = run(given + (IMAGE / "udhcpc").read_text(encoding="utf-8"), root)

    assert told[0] == "ip addr replace 192.0.2.7/24 dev eth0"
    assert told[1] == "ip route add default via 192.0.2.1 dev eth0 metric 100"
