# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The power path straight to BMCs, whatever they speak: what is done with a set, and how nodes are shut down."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from .._values.clock import Clock, SystemClock
from .._values.names import shorten
from .power import LEFT_ON, UEFI, End, Failure, FindOccupied, PowerResult, Progress

# How rarely at most the power state of a machine that shuts down is asked for.
_RAREST_S = 10.0
# What a BMC is asked beside on, off, cycle and reset.
STATUS, SHUTDOWN, DETAILS = "status", "shutdown", "details"


class _HasAddress(Protocol):
    """A BMC of any kind."""

    @property
    def address(self) -> str:
        """Return its address, as results name it."""


_Bmc = TypeVar("_Bmc", bound=_HasAddress)
_Engine = TypeVar("_Engine")


@dataclass
class StraightPower(ABC, Generic[_Bmc, _Engine]):
    """A PowerPath straight to the BMCs of a set of nodes. A BMC that refused a login is never asked again."""

    bmcs: Mapping[str, _Bmc]
    engine: _Engine
    timeout_s: float = 60.0
    interval_s: float = 1.0
    boot_device: str = ""
    boot_mode: str = UEFI
    clock: Clock = field(default_factory=SystemClock)
    say: Callable[[str], None] = lambda _line: None
    find_occupied: FindOccupied = lambda _names: {}
    _refused: dict[str, PowerResult] = field(default_factory=dict)

    @abstractmethod
    def ask(self, words: Mapping[str, str], progress: Mapping[str, Progress], *, tries: int) -> dict[str, End]:
        """Talk to BMCs, many at once: each is asked one of on, off, cycle, reset, STATUS, SHUTDOWN and DETAILS.

        `tries` is how often, or 0 for what the engine's limits say. Nothing is raised for a BMC that fails.
        """

    def states(self, names: Sequence[str]) -> dict[str, PowerResult]:
        """Return the power state of each node, as PowerPath.states."""
        return self._switch(dict.fromkeys(names, STATUS), {})

    def run(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        """Perform actions as PowerPath.run; each state is read on the same session first, so `before` may be empty."""
        return self._switch(actions, before)

    def shut_down(self, names: Sequence[str], patience_s: float) -> dict[str, PowerResult]:
        """Ask machines to shut down by themselves, and cut the power of those that are still on after `patience_s`.

        All are asked, then all that are left are looked at together every few seconds: no connection is held meanwhile.
        """
        progress = {name: Progress() for name in names}
        results = self._talk(dict.fromkeys(names, SHUTDOWN), progress)
        begun_s = self.clock.now_s()
        on = [name for name in names if results[name].after == "ON" and results[name].failure is None]
        leaving = [name for name in on if results[name].sent]
        if leaving:
            self.say(f"Asked to shut down, power is cut after {patience_s:g} s: {shorten(leaving)}")
        results.update(self._cut([name for name in on if name not in leaving], results))
        results.update(self._await_off(leaving, results, begun_s + patience_s))
        staying = [name for name in leaving if results[name].after == "ON"]
        for name, words in (self.find_occupied(staying) if staying else {}).items():
            results[name] = replace(results[name], failure=Failure.REFUSED, message=f"{LEFT_ON}: {words}")
        staying = [name for name in staying if results[name].failure is None]
        if staying:
            self.say(f"Did not shut down in time, power is cut: {shorten(staying)}")
        for name in staying:
            results[name] = replace(results[name], seconds=results[name].seconds + patience_s)
        results.update(self._cut(staying, results))
        return {name: replace(result, seconds=round(result.seconds, 1)) for name, result in results.items()}

    def _await_off(
        self, names: Sequence[str], results: Mapping[str, PowerResult], until_s: float
    ) -> dict[str, PowerResult]:
        """Return the results of those of these machines that are off by then."""
        begun_s, left, off = self.clock.now_s(), list(names), dict[str, PowerResult]()
        while len(off) < len(names) and (left_s := until_s - self.clock.now_s()) > 0:
            pause_s = max(self.interval_s, (self.clock.now_s() - begun_s) / 8)
            self.clock.sleep(min(left_s, pause_s, _RAREST_S))
            # One that does not answer is tried once and not looked at again, so that it hardly delays the others.
            seen = self._switch(dict.fromkeys(left, STATUS), {}, tries=1) if left else {}
            left = [name for name in left if seen[name].after == "ON" and seen[name].failure is None]
            took_s = self.clock.now_s() - begun_s
            for name, result in seen.items():
                if result.after == "OFF":
                    off[name] = replace(results[name], after="OFF", seconds=results[name].seconds + took_s)
        return off

    def _cut(self, names: Sequence[str], results: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        """Cut the power of machines that are on; one that has gone off meanwhile is left alone."""
        done = self._switch(dict.fromkeys(names, "off"), {}) if names else {}
        return {
            name: replace(
                result,
                before="ON",
                sent=(*results[name].sent, *result.sent),
                seconds=results[name].seconds + result.seconds,
            )
            for name, result in done.items()
        }

    def details(self) -> dict[str, tuple[PowerResult, Progress]]:
        """Return for each node how the talk with its BMC ended, and what the BMC reported of itself."""
        progress = {name: Progress() for name in self.bmcs}
        results = self._talk(dict.fromkeys(self.bmcs, DETAILS), progress)
        return {name: (results[name], progress[name]) for name in self.bmcs}

    def _switch(
        self, actions: Mapping[str, str], before: Mapping[str, PowerResult], *, tries: int = 0
    ) -> dict[str, PowerResult]:
        progress = {name: Progress(before=before[name].before if name in before else "UNKNOWN") for name in actions}
        return self._talk(actions, progress, tries=tries)

    def _talk(
        self, words: Mapping[str, str], progress: Mapping[str, Progress], *, tries: int = 0
    ) -> dict[str, PowerResult]:
        asked = {name: word for name, word in words.items() if name not in self._refused}
        ends = self.ask(asked, progress, tries=tries)
        results = {name: _result(progress[name], ends[name], self.bmcs[name].address) for name in asked}
        gone = (Failure.CREDENTIALS, Failure.NOT_TRIED)
        self._refused.update({name: result for name, result in results.items() if result.failure in gone})
        return {name: self._refused.get(name) or results[name] for name in words}


def _result(progress: Progress, end: End, address: str) -> PowerResult:
    return PowerResult(
        before=progress.before,
        after=progress.after,
        sent=tuple(progress.sent),
        failure=end.failure,
        message=end.message,
        address=address,
        tries=end.tries,
        seconds=end.seconds,
    )
