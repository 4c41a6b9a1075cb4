# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Who is at work on a node: a run that claims it, or an installation that nobody claims. Pure; time is an argument.

A claim guards the whole device, its power, and what its category installs. An installation guards what it installs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._values.owner import Owner
from .claim import Claim, rival_of
from .phases import INSTALLING_STATUSES, Phase
from .record import Record
from .status import DeviceStatus

# The options whose change reaches an installation under way: what is installed, how the node starts, and by which way
# the head node reaches it or its BMC. All others (notes, labels, roles, services, …) the head node applies by itself.
REACHES_INSTALLATION: Mapping[str, frozenset[str]] = {
    "device": frozenset(
        {
            *("software_image", "category", "install_mode", "next_boot_install_mode"),
            *("kernel_version", "kernel_parameters", "boot_loader", "boot_loader_protocol"),
            *("mac", "interfaces", "provisioningInterface", "management_network", "bmc_settings", "power_control"),
        }
    ),
    "category": frozenset(
        {
            *("software_image", "install_mode", "new_node_install_mode", "disksetup", "fsmounts"),
            *("initialize", "finalize", "kernel_version", "kernel_parameters", "kernel_output_console", "modules"),
            *("boot_loader", "boot_loader_protocol", "management_network", "bmc_settings"),
        }
    ),
}


@dataclass(frozen=True)
class Occupant:
    """Who is at work on a node: `claim` is None where nobody claims it, `phase` where its status is not known."""

    claim: Claim | None
    phase: Phase | None = None
    is_installing: bool = False

    @property
    def words(self) -> str:
        """Return what the node is: claimed by alice until 12:00:00 UTC, in phase installing."""
        who = f"claimed by {self.claim.words}" if self.claim else "being installed, and claimed by nobody"
        return f"{who}, in phase {self.phase}" if self.phase else who


def occupant_of(
    device: Mapping[str, Any], status: DeviceStatus | None, owner: Owner, ends: Mapping[str, float], now_s: float
) -> Occupant | None:
    """Return who but `owner` is at work on this device; None where nobody is.

    An installation that its run gave up is none. `ends` are those of `claim.ends_of`; `now_s` is Unix time.
    """
    stored = device.get("extra_values")
    own = Claim.from_api(stored)
    if own is not None and own.run == owner.run:
        return None
    claim = rival_of(device, owner, ends, now_s)
    is_under_way = status is not None and status.status in INSTALLING_STATUSES
    is_installing = is_under_way and not Record.from_api(stored).intent_failed
    if claim is None and not is_installing:
        return None
    return Occupant(claim, status.phase if status else None, is_installing)
