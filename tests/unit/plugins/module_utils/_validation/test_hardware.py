# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardware that is not as most is: drives without a capacity, memory without processors; and memory that fails."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.judging import judge_run, judge_step
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import Task
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.steps import disk, hardware, memory
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.steps.context import Context
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.machine import (
    TOOLS,
    Machine,
    make_machine,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.receiver import RUN
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import profile, results


@pytest.fixture(name="machine")
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = make_machine(tmp_path)
    machine.work.mkdir()
    monkeypatch.setenv("PATH", f"{machine.tools}:/usr/bin:/bin")
    return machine


def _context(machine: Machine, step: str, options: dict[str, Any]) -> Context:
    chosen = profile(**{step: {"options": options}})
    (policy,) = (each for each in chosen.steps if each.name.endswith(step))
    task = Task(RUN, chosen.to_wire(), 15.0, 600.0, writable_disks=("D1", "D2", "D3"))
    return Context(task, chosen, policy, machine.root, machine.work, 60.0)


def _block(machine: Machine, name: str, *, size: str = "0", removable: str = "0") -> None:
    block = machine.root / "sys/block" / name
    for inner, text in (("size", size), ("ro", "0"), ("removable", removable), ("device/serial", "D3")):
        (block / inner).parent.mkdir(parents=True, exist_ok=True)
        (block / inner).write_text(f"{text}\n", encoding="utf-8")
    (machine.root / "dev" / name).touch()


@pytest.mark.parametrize("size", ["0", ""])
@pytest.mark.parametrize("name", ["sdb", "nvme1n1"])
def test_a_drive_whose_capacity_can_not_be_read_is_not_written_and_passes_no_server(
    machine: Machine, name: str, size: str
) -> None:
    _block(machine, name, size=size)
    fio = (machine.tools / "fio").read_text(encoding="utf-8").partition("\n")[2].partition("\n")[2]
    machine.tool("fio", f'case "$*" in *dev/{name}*) exit 1;; esac\n{fio}')
    context = _context(machine, "disk", {"write": "when_empty"})

    found = disk.take(context)

    assert not [call for call in machine.calls("fio") if f"dev/{name}" in call and "--readonly" not in call]
    seen = {**(results()["01-init"].inventory or {}), "disks": hardware.disks(context)}
    for inventory in (seen, results()["01-init"].inventory):
        verdict = judge_step(context.policy, replace(found, seconds=1.0), inventory=inventory)
        assert verdict.verdict == "error"
        assert f"{name}: disk_seq_read_mib_s is missing" in verdict.reasons


@pytest.mark.parametrize("name", ["loop0", "ram0", "zram0", "sr0", "fd0", "nbd0", "dm-0", "md0", "nvme0c0n1"])
def test_what_is_no_drive_and_has_no_size_is_no_disk(machine: Machine, name: str) -> None:
    _block(machine, name)
    _block(machine, "sdc", removable="1")

    assert [each["name"] for each in hardware.disks(_context(machine, "disk", {}))] == ["nvme0n1", "sda"]


def _node(machine: Machine, number: int, cpus: str) -> None:
    path = machine.root / f"sys/devices/system/node/node{number}"
    path.mkdir()
    (path / "meminfo").write_text(f"Node {number} MemTotal: 1009000 kB\nNode {number} MemFree: 900000 kB\n")
    (path / "cpulist").write_text(f"{cpus}\n", encoding="utf-8")


def test_memory_of_a_node_without_processors_is_tested_by_those_of_others(machine: Machine) -> None:
    _node(machine, 1, "")
    # As numactl does for a node without processors.
    machine.tool(
        "numactl",
        'case "$*" in *--cpunodebind=1*) echo "libnuma: Invalid argument" >&2; exit 1;; esac\n'
        'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
    )

    found = memory.take(_context(machine, "memory", {"slices": 3}))

    assert {each.component for each in found.measurements if each.name == "memory_tested_mib"} == {"numa0", "numa1"}
    bound = [re.sub(r"memtester.*", "", call).split()[1:] for call in machine.calls("numactl")]
    assert sorted(bound) == [["--membind=0", "--cpunodebind=0"]] * 2 + [["--membind=1"]] * 3


def test_errors_of_stressapptest_fail_a_server_whatever_its_profile_says_of_them(machine: Machine) -> None:
    context = _context(machine, "memory", {"stress_seconds": 1})
    run = {**results(), "02-memory": replace(memory.take(context), seconds=1.0)}
    assert judge_run(context.profile, run).passed

    machine.tool("stressapptest", "sed 's/, 1 errors/, 4711 errors/' {recorded}/stressapptest-fail.txt; exit 1")
    run["02-memory"] = replace(memory.take(context), seconds=1.0)
    verdict = judge_run(context.profile, run)

    assert verdict.verdict == "fail"
    assert verdict.reasons[0] == "02-memory: stressapptest: errors and hardware incidents: 4712"


@pytest.mark.parametrize(("rasdaemon", "told"), [("exit 1", True), ("exec sleep 600", False)])
def test_a_rasdaemon_that_does_not_listen_to_the_end_is_told(machine: Machine, rasdaemon: str, told: bool) -> None:
    begun = machine.root / "rasdaemon-has-begun"
    machine.tool("rasdaemon", f"touch {begun}; {rasdaemon}")
    machine.tool("memtester", f"until [ -e {begun} ]; do sleep 0.1; done; sleep 1; {TOOLS['memtester']}")
    findings = memory.take(_context(machine, "memory", {})).findings
    text = (
        "rasdaemon ended by itself with exit status 1: hardware errors are known from the kernel's log and EDAC alone"
    )
    assert [(each.component, each.verdict, each.text) for each in findings] == [("", "warn", text)] * told
