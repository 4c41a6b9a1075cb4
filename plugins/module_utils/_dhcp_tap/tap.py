# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The tap as a whole: one thread listens, one records. The kernel's buffer is small, and a disk may be slow."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .capture import open_capture
from .listener import Listener, Source
from .log_line import log_line
from .notify import Notifier
from .recorder import Notify, Recorder
from .sighting import Sighting
from .spool import MAX_ROWS, Spool
from .vendor import vendor_filter, vendor_of

_logger = logging.getLogger("dhcp_tap")

_LONGEST_WAIT_S = 1.0
_REPORT_S = 60.0
_AFTER_A_BUG_S = 1.0
_MAX_QUEUED = 50_000  # sightings between the two threads


@dataclass(frozen=True)
class Settings:
    """What a tap does; the event source documents it for users. Durations are in seconds."""

    interfaces: Sequence[str]
    spool: str
    only_vendors: Sequence[str] = ()
    max_rows: int = MAX_ROWS
    gather_s: float = 1.0
    every_s: float = 5.0
    again_s: float = 60.0


class Queue:
    """Sightings on their way from one thread to the other, bounded: past `most`, they are counted and lost."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sightings: list[Sighting] = []
        self._changed = threading.Condition()
        self.lost = 0

    def put(self, sightings: Sequence[Sighting]) -> None:
        """Add sightings as far as there is room, and count the rest as lost."""
        with self._changed:
            fitting = sightings[: max(0, self._most - len(self._sightings))]
            self._sightings += fitting
            self.lost += len(sightings) - len(fitting)
            self._changed.notify()

    def take(self, wait_s: float) -> list[Sighting]:
        """Take all sightings, after waiting for the first at most `wait_s` seconds."""
        with self._changed:
            if not self._sightings:
                self._changed.wait(wait_s)
            taken, self._sightings = self._sightings, []
            return taken


class Tap:
    """Runs until it is stopped; nothing that happens to interfaces, spool or packets ends it.

    `notify` is called with each notification by the thread that runs the tap, and must return at once. Raises
    VendorConfigError.
    """

    def __init__(
        self,
        settings: Settings,
        notify: Notify,
        *,
        clock: Callable[[], float] = time.monotonic,
        open_source: Callable[[str], Source] = open_capture,
    ) -> None:
        self._clock = clock
        self._queue = Queue(_MAX_QUEUED)
        self._stopping = threading.Event()
        self._report_due_s = clock() + _REPORT_S
        self._reported = ""
        self.recorder = Recorder(
            lambda: Spool(settings.spool, max_rows=settings.max_rows),
            notify,
            clock,
            notifier=Notifier(clock(), gather_s=settings.gather_s, every_s=settings.every_s, again_s=settings.again_s),
            is_wanted=vendor_filter(settings.only_vendors),
            vendor_of=vendor_of,
        )
        self.listener = Listener(settings.interfaces, clock, open_source)

    def stop(self) -> None:
        """End `run`; from any thread, or from a signal's handler."""
        self._stopping.set()
        self.listener.wake()

    def run(self) -> None:
        """Listen and record until stopped; what was seen by then is stored."""
        listening = threading.Thread(target=self._until_stopped, args=(self._listen,), name="dhcp-tap-listener")
        listening.daemon = True
        listening.start()
        self._until_stopped(self._record)
        listening.join()
        self.recorder.take([*self._queue.take(0), *self.listener.step(0)])
        self.recorder.close()
        self._report()
        self.listener.close()

    def _until_stopped(self, step: Callable[[], None]) -> None:
        """Repeat a step for ever: a bug in it must cost one batch, not the tap."""
        while not self._stopping.is_set():
            try:
                step()
            except Exception:
                _logger.exception(log_line("bug", then="going on"))
                self._stopping.wait(_AFTER_A_BUG_S)

    def _listen(self) -> None:
        sightings = self.listener.step(_LONGEST_WAIT_S)
        if sightings:
            self._queue.put(sightings)
        if self._clock() >= self._report_due_s:
            self._report_due_s = self._clock() + _REPORT_S
            self._report()

    def _record(self) -> None:
        wait_s = self.recorder.step()
        self.recorder.take(self._queue.take(min(wait_s, _LONGEST_WAIT_S)))

    def _report(self) -> None:
        """Log the counters, if they have changed."""
        counted = {
            "frames": self.listener.frames,
            "kernel_drops": self.listener.count_drops(),
            "queue_lost": self._queue.lost,
            **dict(sorted(self.recorder.counts.items())),
            **dict(sorted(self.listener.rejected.items())),
        }
        report = log_line("counted", **counted)
        if report != self._reported:
            self._reported = report
            level = logging.WARNING if counted["kernel_drops"] or counted["queue_lost"] else logging.INFO
            _logger.log(level, report)
