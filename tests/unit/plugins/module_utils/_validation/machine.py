# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine in a directory: /sys and /proc of a server with two disks, and tools that print what was recorded."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.unit.child_process import started
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.outputs import FOLDER
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.paths import PACKAGE, STEPS
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.receiver import RUN, TOKEN

_MIB = 1024 * 1024
_FIO = """case "$*" in
*--rw=read*) cat {recorded}/fio-seq-read.json;;
*--rw=randread*) cat {recorded}/fio-rand-read.json;;
*--rw=write*) cat {recorded}/fio-seq-write.json;;
*--rw=randwrite*) cat {recorded}/fio-rand-write.json;;
esac"""
TOOLS = {
    "dmidecode": "cat {recorded}/dmidecode-qemu.txt",
    "memtester": 'sed "s/^got  2MB/got  ${1%M}MB/" {recorded}/memtester-ok.txt',
    "dmesg": "echo nothing of interest",
    "rasdaemon": "exec sleep 600",
    "fio": _FIO,
    "smartctl": "cat {recorded}/smartctl-samsung-sata.json",
    "nvme": "cat {recorded}/nvme-samsung.json",
    "wipefs": "cat {recorded}/wipefs-none.json",
    "ip": "true",
    "lldpd": "exec sleep 600",
    "lldpcli": "sed s/ag0/eno1/ {recorded}/lldpcli-one.json",
    "stressapptest": "cat {recorded}/stressapptest-pass.txt",
}
_FILES = {
    "proc/uptime": "31.42 60.00\n",
    "proc/self/mounts": "rootfs / rootfs rw 0 0\n",
    "proc/swaps": "Filename Type Size Used Priority\n",
    "proc/meminfo": "MemTotal: 1009000 kB\nMemFree: 900000 kB\n",
    "sys/class/dmi/id/product_serial": "QEMU0001\n",
    "sys/class/dmi/id/product_uuid": "C9B1C0DE-0000-4000-8000-000000000001\n",
    "sys/class/net/eno1/address": "52:54:00:12:34:56\n",
    "sys/class/net/eno1/type": "1\n",
    "sys/class/net/eno1/carrier": "1\n",
    "sys/class/net/eno1/speed": "10000\n",
    "sys/class/net/eno1/device/vendor": "0x1af4\n",
    "sys/class/net/lo/address": "00:00:00:00:00:00\n",
    "sys/class/net/lo/type": "772\n",
    "sys/devices/system/node/node0/meminfo": "Node 0 MemTotal: 1009000 kB\nNode 0 MemFree: 900000 kB\n",
    "sys/devices/system/node/node0/cpulist": "0-1\n",
}


@dataclass(frozen=True)
class Machine:
    """A machine below `root`; its disks are files, `tools` are scripts in PATH that note each call."""

    root: Path
    tools: Path
    steps: Path
    work: Path

    def tool(self, name: str, script: str) -> None:
        """Put another script in the place of a tool."""
        path = self.tools / name
        calls = self.root / "calls"
        lines = ["#!/bin/sh", f'echo "{name} $*" >>{calls}', script.replace("{recorded}", str(FOLDER)), ""]
        path.write_text("\n".join(lines), encoding="utf-8")
        path.chmod(0o755)

    def step(self, name: str, script: str, **header: str) -> None:
        """Put a step file, with a header, beside the others or in the place of one."""
        lines = {"summary": "a test", "budget": "600", "metrics": "things", **header}
        path = self.steps / name
        text = "".join(f"# {key}: {value}\n" for key, value in lines.items())
        path.write_text(f"#!/bin/sh\n{text}{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def calls(self, name: str) -> list[str]:
        """Return how a tool was called."""
        noted = (self.root / "calls").read_text(encoding="utf-8").splitlines()
        return [line for line in noted if line.startswith(f"{name} ")]

    def agent(
        self, port: int, token: str = TOKEN, run: str = RUN, *, limit_s: float = 120
    ) -> AbstractContextManager[subprocess.Popen[str]]:
        """Start the agent as the image does: a copy of the package, an interpreter, and no more."""
        cmdline = self.root / "proc/cmdline"
        cmdline.write_text(f"quiet bm.server=http://127.0.0.1:{port} bm.run={run} bm.token={token} panic=10\n")
        arguments = ["--steps", str(self.steps), "--cmdline", str(cmdline), "--work", str(self.work)]
        environment = {"PATH": f"{self.tools}:/usr/bin:/bin", "PYTHONPATH": str(self.root / "lib"), "HOME": "/"}
        return started(
            [str(self.tools / "python3"), "-S", "-m", "validation.agent", *arguments, "--root", str(self.root)],
            limit_s=limit_s,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


def make_machine(path: Path) -> Machine:
    """Build a healthy machine below a directory."""
    machine = Machine(path, path / "tools", path / "steps", path / "work")
    for name, text in _FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    (path / "dev").mkdir()
    for name, serial in (("nvme0n1", "D1"), ("sda", "D2")):
        block = path / "sys/block" / name
        for inner, text in (("size", "131072"), ("ro", "0"), ("removable", "0"), ("device/serial", serial)):
            (block / inner).parent.mkdir(parents=True, exist_ok=True)
            (block / inner).write_text(f"{text}\n", encoding="utf-8")
        with (path / "dev" / name).open("wb") as stream:
            stream.truncate(64 * _MIB)
    machine.tools.mkdir()
    for name, script in TOOLS.items():
        machine.tool(name, script)
    python = machine.tools / "python3"
    python.write_text(f'#!/bin/sh\nexec {json.dumps(sys.executable)} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    shutil.copytree(STEPS, machine.steps)
    shutil.copytree(PACKAGE, path / "lib/validation", ignore=shutil.ignore_patterns("__pycache__"))
    return machine
