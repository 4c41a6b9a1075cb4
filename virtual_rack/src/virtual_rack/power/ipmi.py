# SPDX-License-Identifier: GPL-3.0-or-later
"""Powers machines over the network, as a head node does: with ipmitool and the account that BCM knows."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable

from virtual_rack.clock import Pacer
from virtual_rack.power.driver import BmcAccess, BmcAction, BmcAnswer

AT_ONCE = 16
_WORDS = {BmcAction.ON: "on", BmcAction.OFF: "off", BmcAction.RESET: "reset", BmcAction.STATUS: "status"}
_REFUSED = ("RAKP 2 HMAC is invalid", "unauthorized name", "RAKP 4 message has invalid")


def has_program() -> bool:
    """Say whether IPMI can be spoken at all."""
    return shutil.which("ipmitool") is not None


class IpmiPower:
    """A driver that asks BMCs by IPMI 2.0, a few at a time, and answers later."""

    def __init__(self, *, pacer: Pacer, port: Callable[[], int], timeout_s: float) -> None:
        self._pacer = pacer
        self._port = port
        self._timeout_s = timeout_s
        self._free = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def perform(self, access: BmcAccess, action: BmcAction, *, answer: Callable[[BmcAnswer], None]) -> None:
        """See `PowerDriver`."""
        task = asyncio.create_task(self._perform(access, action, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def give_up(self) -> None:
        """Give up what is under way or waits; nobody is answered for that any more."""
        for task in self._tasks:
            task.cancel()

    async def stop(self) -> None:
        """Give up, and wait until nothing is under way."""
        self.give_up()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _perform(self, access: BmcAccess, action: BmcAction, answer: Callable[[BmcAnswer], None]) -> None:
        async with self._free:
            try:
                result = await self._ask(access, action)
            except OSError as error:
                result = BmcAnswer(error=f"ipmitool cannot be run: {error.strerror}")
            except ValueError:
                # What was stored as name or password has characters that no program can be given.
                result = BmcAnswer(error=f"User name or password cannot be sent to BMC {access.address}")
        self._pacer.catch_up()
        answer(result)

    async def _ask(self, access: BmcAccess, action: BmcAction) -> BmcAnswer:
        process = await asyncio.create_subprocess_exec(
            *("ipmitool", "-v", "-I", "lanplus", "-C", "3", "-H", access.address, "-p", str(self._port())),
            *("-U", access.username, "-E", "chassis", "power", _WORDS[action]),
            # The password is nowhere in the list of processes.
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "IPMI_PASSWORD": access.password},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                said, _ = await process.communicate()
        except TimeoutError:
            return BmcAnswer(error=f"No response from BMC {access.address}")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return understand(said.decode("utf-8", "replace"), action, address=access.address, status=process.returncode)


def understand(said: str, action: BmcAction, *, address: str, status: int | None) -> BmcAnswer:
    """Make an answer out of what ipmitool printed and its exit status."""
    if status == 0:
        return BmcAnswer(is_on="Chassis Power is on" in said if action is BmcAction.STATUS else action.value != "OFF")
    if any(text in said for text in _REFUSED):
        return BmcAnswer(error=f"BMC {address} refused user name or password")
    if action is BmcAction.RESET and "Set Chassis Power Control" in said:
        return BmcAnswer(error="Reset is not possible while the power is off")
    if "Unable to establish" in said:
        return BmcAnswer(error=f"No response from BMC {address}")
    last = [line for line in said.splitlines() if line.strip()][-1:]
    return BmcAnswer(error=f"BMC {address}: {''.join(last) or f'ipmitool ended with {status}'}")
