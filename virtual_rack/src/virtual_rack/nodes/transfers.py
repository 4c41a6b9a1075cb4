# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying an image to a node: five attempts, and provisioners that vanish meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from virtual_rack.clock import Clock, Timer
from virtual_rack.faults import Faults
from virtual_rack.nodes.provisioning import Provisioning
from virtual_rack.nodes.status import DeviceStatus, StatusBoard

ATTEMPTS = 5
# How long requests are kept for a provisioner that is not there.
VANISHED_S = 180.0
# ASSUMED: an attempt that fails takes half the time of one that does not, and the next follows at once in the same
# slot. The provisioning log of a node whose disk is full settles both.
_FAILS_AFTER = 0.5


@dataclass
class _Transfer:
    """One request that has a slot. `timer` ends the attempt, or the patience while its provisioner is gone."""

    request: str
    source: str
    names: tuple[str, ...]
    seconds: float
    finished: Callable[[], None]
    failed: Callable[[str], None]
    timer: Timer | None = None
    is_stalled: bool = False

    def stop(self) -> None:
        """Let the timer do nothing."""
        if self.timer is not None:
            self.timer.cancel()


class Transfers:
    """Runs the transfers of requests that have a slot."""

    def __init__(self, *, clock: Clock, provisioning: Provisioning, board: StatusBoard, faults: Faults) -> None:
        self._clock = clock
        self._provisioning = provisioning
        self._faults = faults
        self._running: dict[str, _Transfer] = {}
        provisioning.on_finish = self._drop
        board.listen(self._watch)

    def begin(
        self,
        request: str,
        *,
        names: tuple[str, ...],
        seconds: float,
        finished: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        """Copy for so many seconds; ends with one of the two calls, or with none when the request is given up."""
        source = self._provisioning.source_of(request)
        transfer = self._running[request] = _Transfer(request, source, names, seconds, finished, failed)
        self._attempt(transfer)

    def _attempt(self, transfer: _Transfer) -> None:
        fault = self._faults.strike("transfer_fails", node=transfer.names)
        if fault is None:
            transfer.timer = self._clock.call_later(transfer.seconds, lambda: self._end(transfer))
            return
        text = str(fault.options.get("message", "transfer failed"))
        transfer.timer = self._clock.call_later(transfer.seconds * _FAILS_AFTER, lambda: self._fail(transfer, text))

    def _end(self, transfer: _Transfer) -> None:
        del self._running[transfer.request]
        transfer.finished()

    def _fail(self, transfer: _Transfer, text: str) -> None:
        if self._provisioning.note_failure(transfer.request, text) < ATTEMPTS:
            self._attempt(transfer)
        else:
            self._give_up(transfer, text)

    def _give_up(self, transfer: _Transfer, text: str) -> None:
        del self._running[transfer.request]
        transfer.failed(text)

    def _drop(self, request: str) -> None:
        transfer = self._running.pop(request, None)
        if transfer is not None:
            transfer.stop()

    def _watch(self, status: DeviceStatus) -> None:
        """Hear of every device; only provisioners with transfers matter."""
        is_gone = status.status != "UP"
        changed = [t for t in self._running.values() if t.source == status.device and t.is_stalled != is_gone]
        for transfer in changed:
            transfer.is_stalled = is_gone
            transfer.stop()
            if is_gone:
                transfer.timer = self._clock.call_later(VANISHED_S, self._missing(transfer))
            else:
                # ASSUMED: what a provisioner was sending begins anew when it is back in time, and is not counted.
                self._attempt(transfer)

    def _missing(self, transfer: _Transfer) -> Callable[[], None]:
        return lambda: self._give_up(transfer, "provisioning node is not available")
