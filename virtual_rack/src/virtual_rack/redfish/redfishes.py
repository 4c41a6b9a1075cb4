# SPDX-License-Identifier: GPL-3.0-or-later
"""All BMCs of a rack that speak Redfish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from virtual_rack.certificates import Pair
from virtual_rack.clock import Pacer
from virtual_rack.entities.database import Change
from virtual_rack.head_node import HeadNode
from virtual_rack.nodes.machine import Machine
from virtual_rack.redfish.ports import RedfishPort


class Redfishes:
    """The Redfish side of a rack's BMCs, on one port at an address each; machines without are left alone.

    `on_accounts` is called when accounts have changed: IPMI has the same.
    """

    def __init__(
        self, head: HeadNode, *, pacer: Pacer, directory: Path, port: int, on_accounts: Callable[[], None]
    ) -> None:
        self.port = port
        self._head, self._pacer, self._directory = head, pacer, directory
        self._on_accounts = on_accounts
        self._ports: dict[str, RedfishPort] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, authority: Pair) -> None:
        """Start all. Raises OSError for a port that is taken."""
        chosen = [machine for machine in self._head.machines.all if machine.spec.bmc.redfish is not None]
        if not chosen:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        for machine in chosen:
            self._attach(machine, authority)
            # With port 0 the first one finds a port for all.
            self.port = await self._ports[machine.spec.name].open(self.port)
        self._head.boots.listen(self._note_machine)
        self._head.faults.listen(self._settle_all)
        self._head.database.listen(self._on_database_change)

    async def stop(self) -> None:
        """Stop listening."""
        if self._ports:
            self._head.boots.unlisten(self._note_machine)
            self._head.faults.unlisten(self._settle_all)
        await self.settle()
        for port in self._ports.values():
            await port.close()

    def __len__(self) -> int:
        return len(self._ports)

    def show(self, machine: Machine) -> dict[str, Any] | None:
        """Show a machine's BMC to an administrator; None for one that does not speak Redfish."""
        port = self._ports.get(machine.spec.name)
        return port.show() if port else None

    async def settle(self) -> None:
        """Wait until the faults that are on have come into effect, and those that are off have gone."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _attach(self, machine: Machine, authority: Pair) -> None:
        self._ports[machine.spec.name] = RedfishPort(
            self._head,
            machine,
            pacer=self._pacer,
            authority=authority,
            directory=self._directory,
            on_presence=lambda: self._settle(machine),
            on_accounts=self._on_accounts,
        )
        machine.front = self._ports[machine.spec.name].bmc

    def _note_machine(self, machine: Machine) -> None:
        port = self._ports.get(machine.spec.name)
        if port is not None:
            port.bmc.note_machine()

    def _settle(self, machine: Machine) -> None:
        task = asyncio.create_task(self._ports[machine.spec.name].settle())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _settle_all(self) -> None:
        for port in self._ports.values():
            self._settle(port.machine)

    def _on_database_change(self, change: Change) -> None:
        # A fault may name a machine by the host name that it has just been given.
        if change.kind == "Device" and self._head.faults.all():
            self._settle_all()
