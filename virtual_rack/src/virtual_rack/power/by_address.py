# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the way to a BMC by its address."""

from __future__ import annotations

from collections.abc import Callable

from virtual_rack.power.driver import BmcAccess, BmcAction, BmcAnswer, PowerDriver


class PowerByAddress:
    """A driver that asks over the network where a BMC is on the network, and directly everywhere else."""

    def __init__(self, *, direct: PowerDriver, network: PowerDriver, on_network: Callable[[str], bool]) -> None:
        self._direct = direct
        self._network = network
        self._on_network = on_network

    def perform(self, access: BmcAccess, action: BmcAction, *, answer: Callable[[BmcAnswer], None]) -> None:
        """See `PowerDriver`."""
        driver = self._network if self._on_network(access.address) else self._direct
        driver.perform(access, action, answer=answer)
