# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The power path straight to the BMCs, by IPMI."""

from __future__ import annotations

from collections.abc import Mapping

from .flow import Flow, ask_to_shut_down, read_details, read_power, switch_power
from .ipmi import Ipmi
from .power import End, Progress
from .session import Bmc
from .straight_power import DETAILS, SHUTDOWN, STATUS, StraightPower

_FLOWS = {STATUS: read_power, SHUTDOWN: ask_to_shut_down, DETAILS: read_details}


class IpmiPower(StraightPower[Bmc, Ipmi]):
    """StraightPower by IPMI."""

    def ask(self, words: Mapping[str, str], progress: Mapping[str, Progress], *, tries: int) -> dict[str, End]:
        """Talk to BMCs, as StraightPower.ask; each state is read and acted on in one session."""

        def flow_of(name: str) -> Flow:
            if words[name] in _FLOWS:
                return _FLOWS[words[name]](progress[name])
            return switch_power(
                words[name],
                progress[name],
                timeout_s=self.timeout_s,
                interval_s=self.interval_s,
                boot_device=self.boot_device,
                boot_mode=self.boot_mode,
            )

        return self.engine.run({name: self.bmcs[name] for name in words}, flow_of, tries=tries)
