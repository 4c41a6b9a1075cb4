# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The power path straight to the BMCs, by IPMI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .flow import Flow, Progress, read_details, read_power, switch_power
from .ipmi import End, Ipmi
from .power import Failure, PowerResult
from .session import Bmc


@dataclass
class IpmiPower:
    """A PowerPath straight to the BMCs of a set of nodes. A BMC that refused a login is never asked again."""

    bmcs: Mapping[str, Bmc]
    engine: Ipmi
    timeout_s: float = 60.0
    interval_s: float = 1.0
    boot_device: str = ""
    _refused: dict[str, PowerResult] = field(default_factory=dict)

    def states(self, names: Sequence[str]) -> dict[str, PowerResult]:
        """Return the power state of each node, as PowerPath.states."""
        return self._switch(dict.fromkeys(names, "status"), {})

    def run(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        """Perform actions as PowerPath.run; each state is read on the same session first, so `before` may be empty."""
        return self._switch(actions, before)

    def details(self) -> dict[str, tuple[PowerResult, Progress]]:
        """Return for each node how the talk with its BMC ended, and what the BMC reported of itself."""
        progress = {name: Progress() for name in self.bmcs}
        results = self._talk(progress, lambda name: read_details(progress[name]))
        return {name: (results[name], progress[name]) for name in self.bmcs}

    def _switch(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        progress = {name: Progress(before=before[name].before if name in before else "UNKNOWN") for name in actions}

        def flow_of(name: str) -> Flow:
            if actions[name] == "status":
                return read_power(progress[name])
            return switch_power(
                actions[name],
                progress[name],
                timeout_s=self.timeout_s,
                interval_s=self.interval_s,
                boot_device=self.boot_device,
            )

        return self._talk(progress, flow_of)

    def _talk(self, progress: Mapping[str, Progress], flow_of: Callable[[str], Flow]) -> dict[str, PowerResult]:
        asked = {name: self.bmcs[name] for name in progress if name not in self._refused}
        ends = self.engine.run(asked, flow_of)
        results = {name: _result(progress[name], ends[name], bmc) for name, bmc in asked.items()}
        gone = (Failure.CREDENTIALS, Failure.NOT_TRIED)
        self._refused.update({name: result for name, result in results.items() if result.failure in gone})
        return {name: self._refused.get(name) or results[name] for name in progress}


def _result(progress: Progress, end: End, bmc: Bmc) -> PowerResult:
    return PowerResult(
        before=progress.before,
        after=progress.after,
        sent=tuple(progress.sent),
        failure=end.failure,
        message=end.message,
        address=bmc.address,
        tries=end.tries,
        seconds=end.seconds,
    )
