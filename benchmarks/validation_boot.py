# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a validation costs from power on to its verdict: the CPU time of a server in QEMU, which emulates all of it.

Run as root as `PYTHONPATH=.collections python benchmarks/validation_boot.py`; it needs what `make boots` needs. One
server with one disk, the profile of the bench; NetBox is the one in memory.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView
from ansible_collections.baremetal.bcm.tests.system.support.validation_lab import ValidationLab, build_image
from ansible_collections.baremetal.bcm.tests.system.support.validation_netbox import Inventory
from ansible_collections.baremetal.bcm.tests.tools.demo_intake import end_when_asked

_SERVER = {
    "name": "measured",
    "serial": "SN-1",
    "mac": "02:00:00:be:00:01",
    "port": "Ethernet1/1",
    "bmc": {"address": "127.9.8.1"},
    "disks": [{"kind": "virtio", "serial": "DISK-1"}],
}
# What the server's console says then.
_MARKS = {"first step": "01-init begins", "end of the last step": "all is done"}
_TICKS = os.sysconf("SC_CLK_TCK")


class Watch(threading.Thread):
    """Notes the CPU time of a server and the time since its start when its console comes to a mark, and at the end."""

    def __init__(self, lab: ValidationLab) -> None:
        super().__init__(daemon=True)
        self._lab = lab
        (self._server,) = lab.spec.servers
        self.noted: dict[str, tuple[float, float]] = {}
        self.over = threading.Event()

    def run(self) -> None:
        begun_s = 0.0
        last = (0.0, 0.0)
        while not self.over.wait(0.1):
            cpu_s = _cpu_s(self._lab.directory / self._server.name / "pid")
            if cpu_s is None:
                continue
            begun_s = begun_s or time.monotonic()
            last = (cpu_s, time.monotonic() - begun_s)
            console = self._lab.console(self._server)
            for name, mark in _MARKS.items():
                if mark in console:
                    self.noted.setdefault(name, last)
        self.noted["power off"] = last


def main() -> None:
    end_when_asked()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    build_image()
    with served(FakeNetBox(NEW)) as fake, tempfile.TemporaryDirectory() as directory:
        netbox = NetBoxView(fake.url, TOKEN)
        lab = ValidationLab({"servers": [_SERVER]}, Path(directory))
        inventory = Inventory(netbox, lab.spec)
        inventory.add()
        watch = Watch(lab)
        try:
            lab.start()
            lab.carry_to(netbox)
            watch.start()
            lab.boot_all(inventory)
            watch.over.set()
            watch.join()
        finally:
            lab.close()
        for name, (cpu_s, wall_s) in watch.noted.items():
            print(f"power on to {name:21} {cpu_s:6.1f} s of CPU {wall_s:6.0f} s")  # noqa: T201
        print(f"NetBox has it as {netbox.state('measured')}")  # noqa: T201


def _cpu_s(pid_file: Path) -> float | None:
    """Return the CPU time of a process, None where it is not there."""
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == "__main__":
    main()
