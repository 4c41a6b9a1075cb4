# SPDX-License-Identifier: GPL-3.0-or-later
"""03-disk beside disks that change while it measures: what is written is what was looked at right before."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.judging import ERROR, PASS, judge_step
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import (
    NotApplicable,
    StepResult,
    Task,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.steps import blank, disk
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.steps.context import Context, call
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.machine import (
    TOOLS,
    Machine,
    make_machine,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.outputs import output
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import profile

MIB = 1024 * 1024
SIZE = 600 * MIB
WRITES = ("disk_seq_write_mib_s", "disk_rand_write_iops")


@pytest.fixture(name="machine")
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = make_machine(tmp_path)
    monkeypatch.setenv("PATH", f"{machine.tools}:/usr/bin:/bin")
    return machine


def _take(machine: Machine, **options: Any) -> StepResult:
    """Run the step with leave to write the disks with the serial numbers D1 and D3."""
    policy = profile(disk={"options": {"write": "when_empty", **options}})
    task = Task("run", policy.to_wire(), heartbeat_seconds=1.0, deadline_seconds=100.0, writable_disks=("D1", "D3"))
    return disk.take(Context(task, policy, policy.steps[2], machine.root, machine.work, 60.0))


def _written(machine: Machine) -> list[str]:
    return [call for call in machine.calls("fio") if "--readonly" not in call]


def _left_out(result: StepResult) -> dict[str, str]:
    """Return why each kind of writing was left out of the disk that the task lists."""
    given = {each.metric: each.reason for each in result.not_applicable if each.component == "nvme0n1"}
    return {metric: given[metric] for metric in WRITES if metric in given}


@pytest.mark.parametrize(("smart", "verdict"), [("if_present", PASS), ("required", ERROR)])
def test_a_disk_behind_a_raid_controller_has_no_smart_and_says_why(machine: Machine, smart: str, verdict: str) -> None:
    machine.tool("smartctl", "cat {recorded}/smartctl-megaraid.json; exit 2")
    result = replace(_take(machine, write="never", smart=smart), seconds=1.0)
    (left_out,) = (each for each in result.not_applicable if each.metric == "disk_smart_ok")
    assert left_out == NotApplicable(
        "disk_smart_ok", "sda", "it is behind a RAID controller, which does not pass SMART on"
    )
    policy = profile(disk={"options": {"smart": smart}}).steps[2]
    inventory = {"disks": [{"name": "nvme0n1", "serial": "D1"}, {"name": "sda", "serial": "D2"}]}
    judged = judge_step(policy, result, inventory=inventory)
    assert judged.verdict == verdict
    assert any(left_out.reason in check.text for check in judged.checks)


@pytest.mark.parametrize(
    ("mode", "recorded", "words"),
    [("randread", "fio-rand-read.json", "reading at random"), ("write", "fio-seq-write.json", "writing in sequence")],
)
@pytest.mark.parametrize(("longest_s", "fails"), [(29.9, False), (60.9, True)])
def test_a_disk_that_lets_a_request_wait_until_linux_gives_it_up_fails(
    machine: Machine, mode: str, recorded: str, words: str, longest_s: float, fails: bool
) -> None:
    told = json.loads(output(recorded))
    told["jobs"][0]["read"]["clat_ns"]["max"] = int(longest_s * 1e9)
    path = machine.root / "slow.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    machine.tool("fio", f'case "$*" in *nvme0n1*--rw={mode}\\ *) cat {path}; exit;; esac\n{TOOLS["fio"]}')
    findings = _take(machine).findings
    expected = [("nvme0n1", "fail", f"fio: {words}: a request took 61 s")] * fails
    assert [(each.component, each.verdict, each.text) for each in findings] == expected


BLOCK = "{root}/sys/block"
CHANGES = {
    "another disk in its place": (f"echo STRANGER >{BLOCK}/nvme0n1/device/serial", "another disk is in its place"),
    "another disk that is listed too": (f"echo D3 >{BLOCK}/nvme0n1/device/serial", "another disk is in its place"),
    "a second path to it": (f"cp -r {BLOCK}/nvme0n1 {BLOCK}/sdb", "several disks have its serial number"),
    "nothing": (f"rm -rf {BLOCK}/nvme0n1", "it is not there any more"),
}


@pytest.mark.parametrize(("change", "reason"), CHANGES.values(), ids=CHANGES)
def test_a_disk_that_changed_since_the_step_began_is_not_written(machine: Machine, change: str, reason: str) -> None:
    change = change.replace("{root}", str(machine.root))
    machine.tool("fio", f'case "$*" in *nvme0n1*=randread*) {change};; esac\n{TOOLS["fio"]}')
    result = _take(machine)
    assert not _written(machine)
    assert _left_out(result) == dict.fromkeys(WRITES, reason)


@pytest.mark.parametrize(("write", "read"), [("never", set()), ("when_empty", {"nvme0n1"})])
def test_only_a_disk_that_is_to_be_written_is_read_for_data(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, write: str, read: set[str]
) -> None:
    looked_at: set[str] = set()
    monkeypatch.setattr(disk, "is_blank", lambda path, *_end, **_own: looked_at.add(path.name))
    _take(machine, write=write)
    assert looked_at == read


@pytest.mark.parametrize(("readable", "most"), [(MIB // 4, 1), (8 * MIB, 8), (10**12, 64)])
def test_a_disk_that_limps_is_not_read_much_longer_for_data_than_it_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readable: int, most: int
) -> None:
    read: list[int] = []

    def pread(disk: int, length: int, at: int, really: Callable[..., bytes] = os.pread) -> bytes:
        read.append(length)
        return really(disk, length, at)

    monkeypatch.setattr(os, "pread", pread)
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(4096 * MIB)

    assert blank.is_blank(path, 17 * MIB, readable)
    assert sum(read) == (17 + most + 1) * MIB


def test_a_disk_that_has_grown_is_written_where_it_was_looked_at_alone(machine: Machine) -> None:
    grow = f"echo {SIZE // 512} >{machine.root}/sys/block/nvme0n1/size"
    machine.tool("fio", f'case "$*" in *nvme0n1*=randread*) {grow};; esac\n{TOOLS["fio"]}')
    _take(machine)
    sizes = {int(word.partition("=")[2]) for call in _written(machine) for word in call.split() if "--size=" in word}
    assert max(sizes) == 63 * MIB


def test_a_disk_that_vanishes_never_becomes_a_file(machine: Machine) -> None:
    _take(machine)
    assert _written(machine)
    assert all("--allow_file_create=0" in call for call in _written(machine))


# Writes what fio would: something, or zeros, between the bounds that it is given.
_WRITING_FIO = """case "$*" in *--readonly*) ;; *)
for word; do case $word in
    --offset=*) offset=${word#*=};; --size=*) size=${word#*=};; --filename=*) path=${word#*=};;
esac; done
case "$*" in *--zero_buffers*) from=/dev/zero;; *) from=/dev/urandom;; esac
dd if=$from of=$path bs=1M seek=$((offset / 1048576)) count=$((size / 1048576)) conv=notrunc 2>/dev/null
esac
"""


def _put(machine: Machine, offset: int) -> None:
    with (machine.root / "dev/nvme0n1").open("r+b") as stream:
        stream.seek(offset)
        stream.write(b"a raw database".ljust(3 * MIB, b"x")[: min(3 * MIB, SIZE - offset)])


@pytest.mark.parametrize(
    "offset", [0, 2 * MIB - 20, 8 * MIB, 300 * MIB, SIZE - 20], ids=["start", "second MiB", "written", "rest", "end"]
)
def test_a_disk_with_data_is_not_written_wherever_they_are(machine: Machine, offset: int) -> None:
    with (machine.root / "dev/nvme0n1").open("r+b") as stream:
        stream.truncate(SIZE)
    (machine.root / "sys/block/nvme0n1/size").write_text(f"{SIZE // 512}\n")
    _put(machine, offset)
    result = _take(machine, size_mib=8)
    assert not _written(machine)
    assert _left_out(result) == dict.fromkeys(WRITES, "it is not blank")


def test_a_disk_that_can_not_be_read_whole_is_not_written(machine: Machine) -> None:
    with (machine.root / "dev/nvme0n1").open("r+b") as stream:
        stream.truncate(10 * MIB)
    result = _take(machine)
    assert not _written(machine)
    assert _left_out(result) == dict.fromkeys(WRITES, "it could not be found out whether it is blank")


@pytest.mark.parametrize(
    ("wipefs", "why"),
    [
        ("exit 1", "wipefs ended with exit status 1"),
        ("echo {", "the output's JSON can't be read"),
        ("sleep 9", "wipefs did not end within 0 s"),
    ],
)
def test_where_the_signatures_can_not_be_told_the_reason_says_why(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, wipefs: str, why: str
) -> None:
    hurried = 0.3 if "sleep" in wipefs else 60.0
    monkeypatch.setattr(
        disk, "call", lambda words, limit_s=60.0: call(words, hurried if words[0] == "wipefs" else limit_s)
    )
    machine.tool("wipefs", wipefs)
    result = _take(machine)
    assert not _written(machine)
    for reason in _left_out(result).values():
        assert reason.startswith(f"it could not be found out whether it carries a signature: {why}")
    assert set(_left_out(result)) == set(WRITES)


def test_a_disk_is_blank_after_the_step_and_may_be_written_again(machine: Machine) -> None:
    machine.tool("fio", _WRITING_FIO + TOOLS["fio"])
    for _run in range(2):
        result = _take(machine, size_mib=8)
        assert not _left_out(result)
        assert not result.findings
        assert not any((machine.root / "dev/nvme0n1").read_bytes().strip(b"\0"))
    assert len(_written(machine)) == 8


def test_a_disk_that_could_not_be_made_blank_again_warns_and_is_not_written_a_second_time(machine: Machine) -> None:
    machine.tool("fio", f'case "$*" in *--zero_buffers*) exit 1;; esac\n{_WRITING_FIO}{TOOLS["fio"]}')
    result = _take(machine, size_mib=8)
    reason = "what was written to it could not be made blank again: fio ended with exit status 1"
    (finding,) = result.findings
    assert (finding.component, finding.verdict, finding.text) == ("nvme0n1", "warn", reason)
    # Not that it is not blank, which would excuse it.
    assert _left_out(result) == {"disk_rand_write_iops": reason}


def test_a_disk_that_is_swapped_after_it_was_written_is_not_made_blank(machine: Machine) -> None:
    serial = machine.root / "sys/block/nvme0n1/device/serial"
    machine.tool("fio", f'case "$*" in *=write*) echo D3 >{serial};; esac\n{TOOLS["fio"]}')
    result = _take(machine)
    assert len(_written(machine)) == 1
    assert "another disk is in its place" in result.findings[0].text
