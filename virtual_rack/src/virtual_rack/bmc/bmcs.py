# SPDX-License-Identifier: GPL-3.0-or-later
"""All BMCs of a rack: their engines, the network in front of them, and what faults do to both."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

from virtual_rack.bmc.chassis import ChassisWires
from virtual_rack.bmc.engine import Engine, Users, missing_programs
from virtual_rack.bmc.logins import Logins
from virtual_rack.bmc.relay import Relay, Weather
from virtual_rack.clock import Pacer
from virtual_rack.entities.database import Change
from virtual_rack.faults import Fault, Faults
from virtual_rack.head_node import HeadNode
from virtual_rack.nodes.machine import BOOT_DEVICES, Machine

_CLEAR = Weather()
_SOCKETS = 65_536
# What an account is accepted with while `bmc_refuses_credentials` holds; no rack file can have this password.
_UNKNOWN_PASSWORD = "\x7f" * 8


class Bmcs:
    """The BMCs of a rack that have engines; the others have none of this and are told apart by `has`."""

    def __init__(self, head: HeadNode, *, pacer: Pacer, directory: Path, port: int) -> None:
        self.port = port
        self.notes: list[str] = []
        self._head = head
        self._pacer = pacer
        self._wires = ChassisWires(directory, act=self._act)
        self._bmcs: dict[str, _Bmc] = {}
        self._by_number: dict[int, Machine] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start all; returns when each answers or is known not to. Raises OSError for a port that is taken."""
        self._head.faults.listen(self._apply_faults)
        chosen = [machine for machine in self._head.machines.all if machine.spec.bmc.engine == "ipmi"]
        missing = missing_programs() if chosen else []
        if missing:
            self.notes.append(
                f"{', '.join(missing)} not found (Debian package openipmi): no BMC speaks IPMI, "
                "machines are powered directly."
            )
        if missing or not chosen:
            return
        _allow_many_sockets()
        self._wires.open()
        self._head.boots.listen(self._show)
        for number, machine in enumerate(chosen, start=1):
            self._attach(machine, number)
            await asyncio.sleep(0)  # the web sites go on
        self._head.database.listen(self._on_database_change)
        self._apply_faults()
        await asyncio.gather(*(bmc.engine.ready() for bmc in self._bmcs.values()))
        self.notes += [f"BMC of {n}: {bmc.engine.problem}" for n, bmc in self._bmcs.items() if bmc.engine.problem]
        await self.settle()

    def stop(self) -> None:
        """End all engines and stop listening."""
        if self._bmcs:
            self._head.boots.unlisten(self._show)
        self._head.faults.unlisten(self._apply_faults)
        for bmc in self._bmcs.values():
            bmc.engine.stop()
            bmc.relay.close()
        self._wires.close()

    def __len__(self) -> int:
        return len(self._bmcs)

    def has(self, address: str) -> bool:
        """Say whether the BMC at an address has an engine."""
        machine = self._head.machines.behind_bmc(address)
        return machine is not None and machine.spec.name in self._bmcs

    def show(self, machine: Machine) -> dict[str, Any]:
        """Show a machine's BMC to an administrator."""
        logins = self._head.direct_power.logins_at(machine.spec.bmc.address)
        bmc = self._bmcs.get(machine.spec.name)
        relayed = bmc.relay.logins if bmc else Logins()
        return {
            "engine": "ipmi" if bmc else "direct",
            "address": machine.spec.bmc.address,
            "port": self.port if bmc else None,
            "logins": logins.total + relayed.total,
            "refused_logins": logins.refused + relayed.refused,
            "users": dict(logins.users + relayed.users),
            "packets": bmc.relay.packets if bmc else 0,
            "restarts": bmc.engine.restarts if bmc else 0,
            "problem": (bmc and bmc.engine.problem) or None,
        }

    def note_accounts(self) -> None:
        """Take over what was changed at BMCs by another way than IPMI."""
        self._apply_faults()

    async def settle(self) -> None:
        """Wait until the faults that are on have come into effect, and those that are off have gone."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _attach(self, machine: Machine, number: int) -> None:
        bmc = self._bmcs[machine.spec.name] = _Bmc(self._head, machine, number, self._wires.attach(number))
        self._by_number[number] = machine
        self._show(machine)
        # With port 0 the first one finds a port for all.
        self.port = bmc.open(self.port)
        bmc.engine.start()

    def _show(self, machine: Machine) -> None:
        bmc = self._bmcs.get(machine.spec.name)
        if bmc is not None:
            self._wires.show(bmc.number, power=machine.power, boot=machine.boot_device)

    def _act(self, number: int, what: str, value: str) -> bool:
        self._pacer.catch_up()
        machine = self._by_number[number]
        names = self._head.registry.names_of(machine)
        if what in ("power", "reset", "shutdown") and self._head.faults.strike("bmc_accepts_and_ignores", node=names):
            return True
        return act_on_board(self._head, machine, what, value)

    def _on_database_change(self, change: Change) -> None:
        # A fault may name a machine by the host name that it has just been given.
        if change.kind == "Device" and self._head.faults.all():
            self._apply_faults()

    def _apply_faults(self) -> None:
        for bmc in self._bmcs.values():
            bmc.be_away(bmc.suffers("bmc_away") is not None, port=self.port)
            if bmc.must_change_accounts():
                task = asyncio.create_task(bmc.change_accounts())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)


def act_on_board(head: HeadNode, machine: Machine, what: str, value: str) -> bool:
    """Do what a BMC asks of its machine; say whether that was possible."""
    if what == "power":
        head.press_power(machine, power=value == "1")
    elif what == "reset" and machine.power:
        head.boots.reset(machine)
    elif what == "shutdown" and machine.power:
        head.boots.press_soft_off(machine)
    elif what == "boot" and value in BOOT_DEVICES:
        head.boots.set_boot_device(machine, value)
    else:
        return what in ("identify", "shutdown")
    return True


class _Bmc:
    """One BMC: an engine and the network in front of it."""

    def __init__(self, head: HeadNode, machine: Machine, number: int, directory: Path) -> None:
        self.number = number
        self.relay = Relay(weather=self._weather)
        self.engine = Engine(machine.spec.bmc, number=number, directory=directory, on_place=self.relay.connect)
        self._machine = machine
        self._faults: Faults = head.faults
        self._names: Callable[[Machine], tuple[str, ...]] = head.registry.names_of

    def open(self, port: int) -> int:
        """Listen; gives the port."""
        address = self._machine.spec.bmc.address
        try:
            return self.relay.open((address, port))[1]
        except OSError as error:
            raise OSError(error.errno, f"BMC {address} port {port}: {error.strerror}") from None

    def suffers(self, kind: str) -> Fault | None:
        """Find a lasting fault that means this BMC."""
        return self._faults.find(kind, node=self._names(self._machine)) if self._faults.all() else None

    def be_away(self, away: bool, *, port: int) -> None:
        """Leave the network, or come back."""
        if away:
            self.relay.close()
        elif not self.relay.is_open:
            self.open(port)
            self.relay.connect(self.engine.place)

    def must_change_accounts(self) -> bool:
        """Say whether the engine accepts other accounts than it should by now."""
        return self.engine.users != self._users()

    async def change_accounts(self) -> None:
        """Refuse the accounts that there are, or accept them again."""
        await self.engine.use_accounts(self._users())

    def _users(self) -> Users:
        own = self._machine.spec.bmc
        if self.suffers("bmc_refuses_credentials"):
            return ((own.username, _UNKNOWN_PASSWORD),)
        front = self._machine.front
        return front.ipmi_users() if front else ((own.username, own.password),)

    def _weather(self) -> Weather:
        if self._machine.front is not None and not self._machine.front.speaks_ipmi:
            return Weather(silent=True)
        if not self._faults.all():
            return _CLEAR
        slow, drops = self.suffers("bmc_slow"), self.suffers("bmc_drops")
        return Weather(
            silent=self.suffers("bmc_silent") is not None,
            delay_s=float(slow.options["seconds"]) if slow else 0.0,
            drop_every=int(drops.options["every"]) if drops else 0,
            hangs=self.suffers("bmc_hangs") is not None,
        )


def _allow_many_sockets() -> None:
    """A rack of 200 BMCs with a few clients each has more sockets than programs may have by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, _SOCKETS)), hard))
