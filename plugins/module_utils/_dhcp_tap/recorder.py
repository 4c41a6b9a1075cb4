# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From sightings to the spool, and from the spool to the doorbell."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from .log_line import line
from .notify import Doorbell
from .rate_limit import Gate, Verdict
from .sighting import Sighting
from .spool import Offered, Spool, SpoolError, Stats

_logger = logging.getLogger("dhcp_tap")

_SPOOL_AGAIN_S = 2.0
_MAX_PENDING = 50_000  # machines held in memory while the spool can't be written

Event = dict[str, Any]
Ring = Callable[[Event], None]


class Keeper:
    """Stores what is let through, holds what can't be stored yet, and rings. One thread uses it.

    `open_spool` opens the spool, and is called again after it failed; `ring` must not wait for anybody.
    """

    def __init__(
        self,
        open_spool: Callable[[], Spool],
        ring: Ring,
        clock: Callable[[], float],
        *,
        gate: Gate | None = None,
        doorbell: Doorbell | None = None,
        is_wanted: Callable[[Sighting], bool] = lambda _sighting: True,
        vendor_of: Callable[[str], str] = lambda _mac: "",
        max_pending: int = _MAX_PENDING,
    ) -> None:
        self._open_spool = open_spool
        self._ring = ring
        self._clock = clock
        self._gate = gate or Gate()
        self._doorbell = doorbell or Doorbell(clock())
        self._is_wanted = is_wanted
        self._vendor_of = vendor_of
        self._max_pending = max_pending
        self._spool: Spool | None = None
        self._try_again_s = clock()
        self._told = ""
        self._pending: dict[str, Sighting] = {}
        self._rings_pending = 0
        self._newest: Sighting | None = None
        self._was_full = False
        self.counts: Counter[str] = Counter()

    def take(self, sightings: Iterable[Sighting]) -> None:
        """Judge sightings, and hold those that are to be stored until `step`."""
        now_s = self._clock()
        for sighting in sightings:
            if not self._is_wanted(sighting):
                self.counts["unwanted"] += 1
                continue
            verdict = self._gate.judge(sighting, now_s)
            if verdict in (Verdict.DUPLICATE, Verdict.LIMITED):
                self.counts[verdict.value] += 1
            elif len(self._pending) >= self._max_pending and sighting.mac not in self._pending:
                self.counts["lost"] += 1
            else:
                self._pending[sighting.mac] = replace(sighting, vendor=self._vendor_of(sighting.mac))
                self._rings_pending += verdict is Verdict.STORE

    def step(self) -> float:
        """Store and ring as far as it is time to; give the seconds until there may be more to do."""
        now_s = self._clock()
        if now_s >= self._try_again_s:
            try:
                self._store(now_s)
                self._ring_if_due(now_s)
            except SpoolError as error:
                self._lose_spool(error)
        return max(0.0, max(self._doorbell.due_s, self._try_again_s) - self._clock())

    def close(self) -> None:
        """Store what is held, whether or not it is time to try the spool again."""
        self._try_again_s = self._clock()
        try:
            self._store(self._try_again_s)
        except SpoolError as error:
            self._lose_spool(error)
        if self._pending:
            _logger.error(line("unstored", sightings=len(self._pending)))
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _opened(self) -> Spool:
        if self._spool is None:
            self._spool = self._open_spool()
            if self._told:
                self._told = ""
                _logger.info(line("spool_usable", spool=self._spool.path))
        return self._spool

    def _store(self, now_s: float) -> None:
        spool = self._opened()
        if not self._pending:
            return
        held = list(self._pending.values())
        offered = spool.offer_all(held)
        stored = Counter(outcome.value for outcome in offered)
        self._pending.clear()
        self.counts.update(stored)
        self._newest = held[-1]
        for sighting, outcome in zip(held, offered):
            if outcome is Offered.FIRST:
                _logger.info(line("first_sighting", **_told_of(sighting)))
            elif outcome is Offered.REFUSED:
                _logger.error(line("first_sighting_refused", **_told_of(sighting), then="make room for the spool"))
        if self._rings_pending:
            self._doorbell.tell(self._rings_pending, now_s)
            self._rings_pending = 0
        if stored[Offered.DROPPED.value] or stored[Offered.REFUSED.value]:
            self._watch_fullness(spool.stats())

    def _ring_if_due(self, now_s: float) -> None:
        if now_s < self._doorbell.due_s:
            return
        stats = self._opened().stats()
        news = self._doorbell.looked(now_s)
        self._watch_fullness(stats)
        if not stats.available:
            return
        self._ring(event_of(self._opened().path, stats, news=news, newest=self._newest if news else None))
        _logger.info(line("rung", waiting=stats.available, news=news, oldest_s=int(stats.oldest_age_s)))

    def _watch_fullness(self, stats: Stats) -> None:
        """Raise the alarm when the spool has become full, and tell when it is not any more."""
        if stats.full == self._was_full:
            return
        self._was_full = stats.full
        if not stats.full:
            _logger.info(line("spool_not_full", rows=stats.rows))
            return
        _logger.error(line("spool_full", rows=stats.rows, first=stats.rows_first, dropped=stats.dropped))
        self.counts["alarms"] += 1
        self._ring(event_of(self._opened().path, stats, alarm="spool_full"))

    def _lose_spool(self, error: SpoolError) -> None:
        self._try_again_s = self._clock() + _SPOOL_AGAIN_S
        self.counts["spool_errors"] += 1
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        if self._told != str(error):
            self._told = str(error)
            _logger.error(line("spool_unusable", reason=error, held=len(self._pending)))


def event_of(spool: str, stats: Stats, *, news: int = 0, newest: Sighting | None = None, alarm: str = "") -> Event:
    """Make the doorbell's event: where rows wait, how many, and a glimpse of the newest one."""
    dhcp: Event = {
        "news": news,
        "first_waiting": stats.rows_first,
        "oldest_age_s": int(stats.oldest_age_s),
        "full": stats.full,
        "dropped": stats.dropped,
        "refused": stats.refused,
    }
    if alarm:
        dhcp["alarm"] = alarm
    if newest is not None:
        dhcp["newest"] = {name: value for name, value in newest.to_dict().items() if value not in ("", None)}
    return {"dhcp": dhcp, "spool": spool, "waiting": stats.available}


def _told_of(sighting: Sighting) -> dict[str, object]:
    told: dict[str, object] = {"mac": sighting.mac, "ip": sighting.ip, "interface": sighting.interface}
    for name in ("relay", "vlan"):
        if getattr(sighting, name) is not None:
            told[name] = getattr(sighting, name)
    return told
