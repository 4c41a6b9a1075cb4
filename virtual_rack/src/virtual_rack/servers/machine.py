# SPDX-License-Identifier: GPL-3.0-or-later
"""One server of the bench: a QEMU process that its BMC switches, and what breaks in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from virtual_rack.servers import qemu
from virtual_rack.servers.bench_file import AT_ONCE, ServerFault, ServerSpec
from virtual_rack.servers.memory import forget
from virtual_rack.servers.wire import Wire

_LOOK_S = 0.3
# A kernel that sets up its checks meanwhile drops what it finds: the error comes again.
_AGAIN_S = 3.0
# A corrected error of the memory controller in bank 8, at an address that the guest prints.
_MACHINE_CHECK = "mce 0 8 0x9c00004000010090 0 0x12345000 0x86"


class Server:
    """A server. `on_change` is called when its power or its boot device has changed."""

    def __init__(
        self, spec: ServerSpec, number: int, wire: Wire, directory: Path, *, on_change: Callable[[Server], None]
    ) -> None:
        self.spec = spec
        self.number = number
        self.boot_device = "none"
        self._wire = wire
        self._directory = directory
        self._on_change = on_change
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._reset = False
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def power(self) -> bool:
        """Say whether it is on."""
        return self._task is not None

    @property
    def console(self) -> str:
        """Give what it has written to its console since it was last switched on or reset."""
        path = self._directory / "console"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def act(self, what: str, value: str) -> bool:
        """Do what the BMC asks; says whether that was possible."""
        if what == "power":
            (self._switch_on if value == "1" else self.switch_off)()
        elif what == "reset" and self.power:
            self._reset = True
            self._kill()
        elif what == "shutdown" and self.power:
            self.switch_off()
        elif what == "boot":
            self.boot_device = value
            self._on_change(self)
        else:
            return what in ("identify", "shutdown")
        return True

    def switch_off(self) -> None:
        """Take its current."""
        self._reset = False
        self._kill()

    async def ended(self) -> None:
        """Wait until it is off."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _switch_on(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._off)
            self._on_change(self)

    def _off(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            (self._directory / "problem").write_text(f"{task.exception()}\n", encoding="utf-8")
        self._on_change(self)

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _run(self) -> None:
        again = True
        while again:
            self._reset = False
            # What a BMC sets counts for one boot.
            network, self.boot_device = self.boot_device == "pxe", "none"
            self._on_change(self)
            again = await self._run_once(network=network) or self._reset

    async def _run_once(self, *, network: bool) -> bool:
        for name in ("console", "qmp", "ram"):
            (self._directory / name).unlink(missing_ok=True)
        # Memory that is a file is one in memory.
        ram = Path("/dev/shm") / f"{self._wire.namespace}-{self.spec.name}"  # noqa: S108
        (self._directory / "ram").symlink_to(ram)
        if self.spec.fault("memory_bits"):
            # QEMU makes no file through a link that leads nowhere: it tries for ever.
            with ram.open("wb") as empty:
                empty.truncate(self.spec.memory * 2**20)
        words = qemu.command(self.spec, self.number, self._directory, network=network)
        launch = self._wire.command("setpriv", "--pdeathsig", "KILL", *words)
        with (self._directory / "qemu.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *launch, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        (self._directory / "pid").write_text(f"{self._process.pid}\n", encoding="ascii")
        suffering = asyncio.create_task(self._suffer())
        try:
            await self._process.wait()
            _note_cost(self._directory)
        finally:
            ram.unlink(missing_ok=True)
            # It ends with the monitor's connection, when it has read why the machine ended.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(suffering, timeout=5)
        return self._was_reset()

    def _was_reset(self) -> bool:
        log = self._directory / "events"
        events = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return bool(events and "guest-reset" in events[-1])

    async def _suffer(self) -> None:
        """Watch the machine: note why it ends, and let happen what shall."""
        (self._directory / "events").write_text("", encoding="utf-8")
        reader, writer = await self._monitor()
        waiting = [fault for fault in self.spec.faults if fault.kind in AT_ONCE]
        if self.spec.fault("smart_warning"):
            index = next(index for index, disk in enumerate(self.spec.disks) if disk.kind == "nvme")
            values = {"path": f"/machine/peripheral/disk{index}", "property": "smart_critical_warning", "value": 4}
            _send(writer, "qom-set", values)
        listening = asyncio.create_task(self._listen(reader))
        forgetting = asyncio.create_task(asyncio.to_thread(self._forget, wanted=lambda: not listening.done()))
        try:
            while not listening.done():
                for fault in [each for each in waiting if each.after in self.console]:
                    waiting.remove(fault)
                    asyncio.get_running_loop().call_later(fault.seconds, self._happen, fault, writer)
                await asyncio.sleep(_LOOK_S)
        finally:
            listening.cancel()
            writer.close()
            await forgetting

    def _forget(self, *, wanted: Callable[[], bool]) -> None:
        fault = self.spec.fault("memory_bits")
        while fault and wanted() and fault.after not in self.console:
            time.sleep(_LOOK_S)
        if fault and wanted():
            flips = forget(self._directory / "ram", wanted=wanted)
            (self._directory / "flips").write_text(f"{flips}\n", encoding="ascii")

    def _happen(self, fault: ServerFault, writer: asyncio.StreamWriter) -> None:
        if writer.is_closing():
            return
        if fault.kind == "machine_check":
            _send(writer, "human-monitor-command", {"command-line": _MACHINE_CHECK})
            asyncio.get_running_loop().call_later(_AGAIN_S, self._happen, fault, writer)
        elif fault.kind == "hang":
            _send(writer, "stop", {})
        elif fault.kind == "death":
            self.switch_off()

    async def _monitor(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._directory / "qmp")
            except OSError:
                await asyncio.sleep(0.1)
                continue
            _send(writer, "qmp_capabilities", {})
            return reader, writer

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        async for line in reader:
            if b'"SHUTDOWN"' in line or b'"error"' in line:
                with (self._directory / "events").open("ab") as log:
                    log.write(line)


def _send(writer: asyncio.StreamWriter, command: str, arguments: dict[str, Any]) -> None:
    writer.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")


def _note_cost(directory: Path) -> None:
    """Write down the processor time of all machines that have ended, in seconds."""
    times = os.times()
    (directory / "cpu").write_text(f"{times.children_user + times.children_system:.1f}\n", encoding="ascii")
