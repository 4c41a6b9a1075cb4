# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends faults on time in a rack that is served; without it they end when somebody looks."""

from __future__ import annotations

import asyncio

from virtual_rack.clock import Pacer
from virtual_rack.faults import Faults


class FaultTimer:
    """Sleeps until the next fault ends, so that those who depend on faults hear of it then."""

    def __init__(self, faults: Faults, *, pacer: Pacer) -> None:
        self._faults = faults
        self._pacer = pacer
        self._handle: asyncio.TimerHandle | None = None
        faults.listen(self._plan)
        self._plan()

    def stop(self) -> None:
        """End nothing any more."""
        self._faults.unlisten(self._plan)
        self._cancel()

    def _plan(self) -> None:
        self._cancel()
        left_s = self._faults.next_end_in_s()
        if left_s is not None:
            self._handle = asyncio.get_running_loop().call_later(left_s, self._end)

    def _end(self) -> None:
        # What follows from the end of a fault is timed from the clock's now.
        self._pacer.catch_up()
        self._faults.end_due()
        # A timer may be a little early.
        self._plan()

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
