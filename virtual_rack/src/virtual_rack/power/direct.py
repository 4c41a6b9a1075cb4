# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts on the machines without a network between."""

from __future__ import annotations

from collections.abc import Callable

from virtual_rack.nodes.boot import Boots
from virtual_rack.nodes.machine import Machine, Machines
from virtual_rack.power.driver import BmcAccess, BmcAction, BmcAnswer


class DirectPower:
    """A driver that finds the machine by the address of its BMC and checks the account as a BMC would."""

    def __init__(self, *, machines: Machines, boots: Boots) -> None:
        self._machines = machines
        self._boots = boots

    def perform(self, access: BmcAccess, action: BmcAction, *, answer: Callable[[BmcAnswer], None]) -> None:
        """See `PowerDriver`."""
        answer(self._act(access, action))

    def _act(self, access: BmcAccess, action: BmcAction) -> BmcAnswer:
        machine = self._machines.behind_bmc(access.address)
        if machine is None:
            return BmcAnswer(error=f"No response from BMC {access.address}")
        account = machine.spec.bmc
        if (access.username, access.password) != (account.username, account.password):
            return BmcAnswer(error=f"BMC {access.address} refused user name or password")
        if action is BmcAction.RESET and not machine.power:
            return BmcAnswer(error="Reset is not possible while the power is off")
        self._switch(machine, action)
        return BmcAnswer(is_on=machine.power)

    def _switch(self, machine: Machine, action: BmcAction) -> None:
        if action is BmcAction.ON:
            self._boots.power_on(machine)
        elif action is BmcAction.OFF:
            self._boots.power_off(machine)
        elif action is BmcAction.RESET:
            self._boots.reset(machine)
