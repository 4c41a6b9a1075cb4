# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts on the machines without a network between."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from virtual_rack.faults import Faults
from virtual_rack.nodes.boot import Boots
from virtual_rack.nodes.machine import Machine, Machines
from virtual_rack.nodes.registry import Registry
from virtual_rack.power.driver import BmcAccess, BmcAction, BmcAnswer

_UNREACHABLE_BY = ("bmc_away", "bmc_silent", "bmc_hangs")


@dataclass
class DirectLogins:
    """Who tried to log in at a BMC; every operation is a log-in."""

    users: Counter[str] = field(default_factory=Counter)
    refused: int = 0

    @property
    def total(self) -> int:
        """How many there were, however they ended."""
        return self.users.total()


class DirectPower:
    """A driver that finds the machine by the address of its BMC and checks the account as a BMC would."""

    def __init__(self, *, machines: Machines, boots: Boots, registry: Registry, faults: Faults) -> None:
        self._machines = machines
        self._boots = boots
        self._registry = registry
        self._faults = faults
        self._logins: dict[str, DirectLogins] = defaultdict(DirectLogins)

    def logins_at(self, address: str) -> DirectLogins:
        """Tell who tried to log in at a BMC."""
        return self._logins[address]

    def perform(self, access: BmcAccess, action: BmcAction, *, answer: Callable[[BmcAnswer], None]) -> None:
        """See `PowerDriver`."""
        answer(self._act(access, action))

    def _act(self, access: BmcAccess, action: BmcAction) -> BmcAnswer:
        machine = self._machines.behind_bmc(access.address)
        if machine is None or self._has_fault(machine, *_UNREACHABLE_BY) or not _speaks_ipmi(machine):
            return BmcAnswer(error=f"No response from BMC {access.address}")
        logins = self._logins[access.address]
        logins.users[access.username] += 1
        if not _accepts(machine, access.username, access.password) or self._has_fault(
            machine, "bmc_refuses_credentials"
        ):
            logins.refused += 1
            return BmcAnswer(error=f"BMC {access.address} refused user name or password")
        if action is BmcAction.RESET and not machine.power:
            return BmcAnswer(error="Reset is not possible while the power is off")
        return BmcAnswer(is_on=self._switch(machine, action))

    def _has_fault(self, machine: Machine, *kinds: str) -> bool:
        names = self._registry.names_of(machine)
        return any(self._faults.find(kind, node=names) for kind in kinds)

    def _switch(self, machine: Machine, action: BmcAction) -> bool:
        if action is BmcAction.STATUS:
            return machine.power
        if self._faults.strike("bmc_accepts_and_ignores", node=self._registry.names_of(machine)):
            return action is not BmcAction.OFF
        if action is BmcAction.ON:
            self._boots.power_on(machine)
        elif action is BmcAction.OFF:
            self._boots.power_off(machine)
        else:
            self._boots.reset(machine)
        return machine.power


def _speaks_ipmi(machine: Machine) -> bool:
    """Say whether IPMI over LAN is on at a machine's BMC."""
    return machine.front is None or machine.front.speaks_ipmi


def _accepts(machine: Machine, name: str, password: str) -> bool:
    """Say whether a machine's BMC knows an account."""
    if machine.front is not None:
        return machine.front.accepts(name, password)
    return (name, password) == (machine.spec.bmc.username, machine.spec.bmc.password)
