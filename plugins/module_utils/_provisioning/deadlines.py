# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How long a node may stay in each phase. Which deadline holds in which phase stands in entities/phases. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .._head_node.entities.phases import Limit, row_of

_OPTIONS = {
    Limit.NONE: None,
    Limit.GRACEFUL: "graceful_s",
    Limit.BOOT: "boot_s",
    Limit.INSTALL: "install_s",
    Limit.INIT: "init_s",
}


@dataclass(frozen=True)
class Deadlines:
    """The deadlines of phases, in seconds. Waiting for a slot has none: other nodes come first."""

    boot_s: float = 1200.0
    install_s: float = 1800.0
    init_s: float = 600.0
    graceful_s: float = 300.0  # how long a node that was asked to restart may stay UP
    settle_s: float = 120.0  # how long a node that was not seen to leave UP must stay so to be believed

    @property
    def whole_s(self) -> float:
        """Return the limit for all phases but the queue: an installer that reboots for ever never stays long in one."""
        return self.boot_s + self.install_s + self.init_s + self.graceful_s

    def of(self, phase: str) -> float | None:
        """Return the deadline of a phase in seconds; None where it has none."""
        option = _OPTIONS[row_of(phase).limit]
        return None if option is None else getattr(self, option)
