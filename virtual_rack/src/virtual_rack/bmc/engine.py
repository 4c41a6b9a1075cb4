# SPDX-License-Identifier: GPL-3.0-or-later
"""One process of OpenIPMI's `ipmi_sim`: a BMC that was written by others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

from virtual_rack.bmc import chassis
from virtual_rack.bmc.packets import PRESENCE_PING
from virtual_rack.rack_file import Bmc

# Pairs of name and password.
Users = tuple[tuple[str, str], ...]
PROGRAMS = ("ipmi_sim", "setpriv", "sh")
READY_WITHIN_S = 20.0
_ASK_AGAIN_S = 0.05
# An engine that ends at once again and again is started at longer and longer intervals.
_RESTART_AFTER_S, _RESTART_AT_MOST_S, _LIVED_S = 0.05, 5.0, 10.0

_LAN = """\
name "bmc"
set_working_mc 0x20
  startlan 1
    addr {address} {port}
    priv_limit admin
    allowed_auths_admin md5
    guid {guid}
  endlan
  chassis_control "{chassis}"
{users}"""
_USER = '  user {number} true "{username}" "{password}" admin 10 md5\n'
_BOARD = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""
# The kernel ends the engine with its parent. A rack that was gone before that was arranged is not the parent.
_LAUNCH = ("setpriv", "--pdeathsig", "KILL", "sh", "-c", '[ "$PPID" = "$1" ] && shift && exec "$@"', "sh")
_PROGRAM = ("ipmi_sim", "-c", "lan.conf", "-f", "board.emu", "-s", "state", "-n")


def missing_programs() -> list[str]:
    """Name the programs without which there are no engines."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


class Engine:
    """A process that is started again when it ends. Must be used from the program's main thread.

    The kernel's signal at the parent's death is bound to the thread that started the child.
    """

    def __init__(self, bmc: Bmc, *, number: int, directory: Path, on_place: Callable[[tuple[str, int]], None]) -> None:
        self.restarts = 0
        self.problem = ""
        self.users: Users = ((bmc.username, bmc.password),)
        self._bmc = bmc
        self._number = number
        self._directory = directory
        self._on_place = on_place
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._began_s = 0.0
        self._pause_s = _RESTART_AFTER_S
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._place = (bmc.address, 0)

    @property
    def place(self) -> tuple[str, int]:
        """Where it listens."""
        return self._place

    def start(self) -> None:
        """Start the process; it does not answer at once."""
        self._place = (self._bmc.address, _free_port(self._bmc.address))
        self._write_settings()
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                (*_LAUNCH, str(os.getpid()), *_PROGRAM),
                cwd=self._directory,
                env={"PATH": os.environ.get("PATH", os.defpath), chassis.NUMBER_VARIABLE: str(self._number)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        (self._directory / "pid").write_text(f"{self._process.pid}\n", encoding="ascii")
        self._pidfd = os.pidfd_open(self._process.pid)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, self._ended)
        self._began_s = loop.time()
        self._on_place(self._place)

    def stop(self) -> None:
        """End the process and wait for that."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._process is not None:
            self._process.kill()
            self._bury()

    async def use_accounts(self, users: Users) -> None:
        """Accept other accounts from now on; open sessions end."""
        self.users = users
        self.stop()
        self.start()
        await self.ready()

    async def ready(self) -> None:
        """Wait until it answers a presence ping; there is a `problem` if it does not."""
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._answered()
        except TimeoutError:
            self.problem = f"does not answer: {self._last_words()}"
        else:
            self.problem = ""

    async def _answered(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pinger:
            pinger.setblocking(False)
            while True:
                with contextlib.suppress(OSError, TimeoutError):
                    # Connected anew each time: an engine that was started again is at another port.
                    pinger.connect(self._place)
                    pinger.send(PRESENCE_PING)
                    async with asyncio.timeout(_ASK_AGAIN_S):
                        await loop.sock_recv(pinger, 1024)
                        return
                await asyncio.sleep(_ASK_AGAIN_S)

    def _ended(self) -> None:
        status = self._bury()
        loop = asyncio.get_running_loop()
        if loop.time() - self._began_s > _LIVED_S:
            self._pause_s = _RESTART_AFTER_S
        self.problem = f"ended with status {status}: {self._last_words()}"
        self._timer = loop.call_later(self._pause_s, self._start_again)
        self._pause_s = min(2 * self._pause_s, _RESTART_AT_MOST_S)

    def _start_again(self) -> None:
        self._timer = None
        self.restarts += 1
        self.start()
        self._waiting = asyncio.create_task(self.ready())

    def _bury(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        status = process.wait()
        (self._directory / "pid").unlink(missing_ok=True)
        return status

    def _last_words(self) -> str:
        log = self._directory / "log"
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
        return " ".join(" ".join(line.split()) for line in lines[-3:] if line.strip()) or "it said nothing"

    def _write_settings(self) -> None:
        # It would remember accounts and boot from the last time; the rack file and the rack know better.
        shutil.rmtree(self._directory / "state", ignore_errors=True)
        (self._directory / "state").mkdir()
        address, port = self._place
        lan = _LAN.format(
            address=address,
            port=port,
            guid=f"{zlib.crc32(address.encode()):032x}",
            chassis=chassis.COMMAND,
            users="".join(
                _USER.format(number=number, username=username, password=password)
                for number, (username, password) in enumerate(self.users, start=2)
            ),
        )
        for name, text in (("lan.conf", lan), ("board.emu", _BOARD)):
            path = self._directory / name
            path.touch(mode=0o600)
            path.write_text(text, encoding="ascii")


def _free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
