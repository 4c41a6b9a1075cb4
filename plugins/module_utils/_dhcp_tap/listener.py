# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Listening on several interfaces at once, some of which may be away."""

from __future__ import annotations

import logging
import selectors
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from .capture import Captured, open_capture
from .frame import Rejected
from .log_line import log_line
from .packet import read_frame
from .sighting import Sighting

_logger = logging.getLogger("dhcp_tap")

_OPEN_AGAIN_S = 1.0
_MOST_AT_ONCE = 4096  # frames of one interface: the kernel's buffer is emptied before any is parsed


class Source(Protocol):
    """What is listened on; `capture.Capture` is one."""

    @property
    def interface(self) -> str:
        """Give the interface's name."""

    def fileno(self) -> int:
        """Give the file descriptor to wait for."""

    def read(self, most: int) -> Sequence[Captured]:
        """Give up to `most` frames that have arrived."""

    def drops(self) -> int:
        """Give the number of frames that were lost since the last call."""

    def close(self) -> None:
        """Stop listening."""


class Listener:
    """Turns frames into sightings, and counts the frames that hold none. One thread steps it; any thread may wake it.

    An interface that can't be opened, or goes away, is tried again every second for as long as it takes.
    """

    def __init__(
        self,
        interfaces: Sequence[str],
        clock: Callable[[], float],
        open_source: Callable[[str], Source] = open_capture,
    ) -> None:
        self._clock = clock
        self._open_source = open_source
        self._selector = selectors.DefaultSelector()
        self._awake, self._waker = socket.socketpair()
        self._awake.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._awake, selectors.EVENT_READ)
        self._away = dict.fromkeys(interfaces, clock())  # when to try again
        self._logged: dict[str, str] = {}  # why an interface is away, so that it is logged once
        self.frames = 0
        self.kernel_drops = 0
        self.rejected: Counter[str] = Counter()

    def wake(self) -> None:
        """End the wait of the step that is under way; from any thread."""
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            return  # enough wake-ups are on their way

    def step(self, wait_s: float) -> list[Sighting]:
        """Wait for frames at most `wait_s` seconds, and give the sightings in them."""
        self._open_due()
        if self._away:
            wait_s = min(wait_s, max(0.0, min(self._away.values()) - self._clock()))
        sightings: list[Sighting] = []
        for key, _events in self._selector.select(wait_s):
            if key.data is None:
                self._awake.recv(4096)
            else:
                sightings += self._read(key.data)
        return sightings

    def count_drops(self) -> int:
        """Count the packets that the kernel had no room for; give the total so far."""
        for source in self._sources():
            try:
                self.kernel_drops += source.drops()
            except OSError as error:
                self._lose(source, error)
        return self.kernel_drops

    def close(self) -> None:
        """Close all sources."""
        for source in self._sources():
            source.close()
        self._selector.close()
        self._awake.close()
        self._waker.close()

    def _sources(self) -> list[Source]:
        return [key.data for key in list(self._selector.get_map().values()) if key.data is not None]

    def _read(self, source: Source) -> list[Sighting]:
        try:
            captured = source.read(_MOST_AT_ONCE)
        except OSError as error:
            self._lose(source, error)
            return []
        self.frames += len(captured)
        sightings = []
        for one in captured:
            outcome = read_frame(one.frame, vlan=one.vlan, interface=source.interface)
            if isinstance(outcome, Rejected):
                self.rejected[outcome.reason.value] += 1
            else:
                sightings.append(outcome)
        return sightings

    def _open_due(self) -> None:
        now_s = self._clock()
        for interface in [name for name, at_s in self._away.items() if at_s <= now_s]:
            try:
                source = self._open_source(interface)
            except OSError as error:
                self._stay_away(interface, error)
                continue
            del self._away[interface]
            self._logged.pop(interface, None)
            self._selector.register(source, selectors.EVENT_READ, source)
            _logger.info(log_line("listening", interface=interface))

    def _lose(self, source: Source, error: OSError) -> None:
        self._selector.unregister(source)
        source.close()
        self._stay_away(source.interface, error)

    def _stay_away(self, interface: str, error: OSError) -> None:
        self._away[interface] = self._clock() + _OPEN_AGAIN_S
        reason = error.strerror or str(error)
        if self._logged.get(interface) != reason:
            self._logged[interface] = reason
            advice = "give it CAP_NET_RAW" if isinstance(error, PermissionError) else "waiting for it"
            _logger.error(log_line("not_listening", interface=interface, reason=reason, then=advice))
