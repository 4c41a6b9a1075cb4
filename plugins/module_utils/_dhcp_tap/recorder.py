# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From sightings to the spool, and from the spool to notifications."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from .log_line import log_line
from .notify import Notifier
from .rate_limit import Handling, RateLimit
from .sighting import Sighting
from .spool import Offered, Spool, SpoolError, Stats

_logger = logging.getLogger("dhcp_tap")

_SPOOL_AGAIN_S = 2.0
_MAX_PENDING = 50_000  # machines held in memory while the spool can't be written

# What docs/dhcp-tap.md shows as JSON: `spool`, `waiting` and `dhcp`.
Notification = dict[str, Any]
Notify = Callable[[Notification], None]


class Recorder:
    """Stores sightings within the rate limit, holds those that can't be stored yet, and notifies. One thread uses it.

    `open_spool` opens the spool, and is called again after it failed; `notify` must return at once. `counts` has what
    became of sightings, under the names that the log line `counted` shows.
    """

    def __init__(
        self,
        open_spool: Callable[[], Spool],
        notify: Notify,
        clock: Callable[[], float],
        *,
        rate_limit: RateLimit | None = None,
        notifier: Notifier | None = None,
        is_wanted: Callable[[Sighting], bool] = lambda _sighting: True,
        vendor_of: Callable[[str], str] = lambda _mac: "",
        max_pending: int = _MAX_PENDING,
    ) -> None:
        self._open_spool = open_spool
        self._notify = notify
        self._clock = clock
        self._rate_limit = rate_limit or RateLimit()
        self._notifier = notifier or Notifier(clock())
        self._is_wanted = is_wanted
        self._vendor_of = vendor_of
        self._max_pending = max_pending
        self._spool: Spool | None = None
        self._try_again_s = clock()
        self._logged_error = ""
        self._pending: dict[str, Sighting] = {}
        self._news_pending = 0
        self._newest: Sighting | None = None
        self._was_full = False
        self.counts: Counter[str] = Counter()

    def take(self, sightings: Iterable[Sighting]) -> None:
        """Apply the filter and the rate limit to sightings, and hold those that `step` is to store."""
        now_s = self._clock()
        for sighting in sightings:
            if not self._is_wanted(sighting):
                self.counts["unwanted"] += 1
                continue
            handling = self._rate_limit.decide(sighting, now_s)
            if handling in (Handling.DUPLICATE, Handling.LIMITED):
                self.counts[handling.value] += 1
            elif len(self._pending) >= self._max_pending and sighting.mac not in self._pending:
                self.counts["lost"] += 1
            else:
                self._pending[sighting.mac] = replace(sighting, vendor=self._vendor_of(sighting.mac))
                self._news_pending += handling is Handling.STORE_AND_NOTIFY

    def step(self) -> float:
        """Store and notify as far as it is due; give the seconds until there may be more to do."""
        now_s = self._clock()
        if now_s >= self._try_again_s:
            try:
                self._store(now_s)
                self._notify_if_due(now_s)
            except SpoolError as error:
                self._lose_spool(error)
        return max(0.0, max(self._notifier.due_s, self._try_again_s) - self._clock())

    def close(self) -> None:
        """Store what is held, even if the next try of the spool is not due yet, and close the spool."""
        self._try_again_s = self._clock()
        try:
            self._store(self._try_again_s)
        except SpoolError as error:
            self._lose_spool(error)
        if self._pending:
            _logger.error(log_line("unstored", sightings=len(self._pending)))
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _opened(self) -> Spool:
        if self._spool is None:
            self._spool = self._open_spool()
            if self._logged_error:
                self._logged_error = ""
                _logger.info(log_line("spool_usable", spool=self._spool.path))
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
                _logger.info(log_line("first_sighting", **_fields_of(sighting)))
            elif outcome is Offered.REFUSED:
                _logger.error(
                    log_line("first_sighting_refused", **_fields_of(sighting), then="make room for the spool")
                )
        if self._news_pending:
            self._notifier.add_news(self._news_pending, now_s)
            self._news_pending = 0
        if stored[Offered.DROPPED.value] or stored[Offered.REFUSED.value]:
            self._watch_fullness(spool.stats())

    def _notify_if_due(self, now_s: float) -> None:
        if now_s < self._notifier.due_s:
            return
        stats = self._opened().stats()
        news = self._notifier.take_news(now_s)
        self._watch_fullness(stats)
        if not stats.available:
            return
        self._notify(notification_of(self._opened().path, stats, news=news, newest=self._newest if news else None))
        _logger.info(log_line("rung", waiting=stats.available, news=news, oldest_s=int(stats.oldest_age_s)))

    def _watch_fullness(self, stats: Stats) -> None:
        """Raise the alarm when the spool has become full, and log when it is not full any more."""
        if stats.full == self._was_full:
            return
        self._was_full = stats.full
        if not stats.full:
            _logger.info(log_line("spool_not_full", rows=stats.rows))
            return
        _logger.error(log_line("spool_full", rows=stats.rows, first=stats.rows_first, dropped=stats.dropped))
        self.counts["alarms"] += 1
        self._notify(notification_of(self._opened().path, stats, alarm="spool_full"))

    def _lose_spool(self, error: SpoolError) -> None:
        self._try_again_s = self._clock() + _SPOOL_AGAIN_S
        self.counts["spool_errors"] += 1
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        if self._logged_error != str(error):
            self._logged_error = str(error)
            _logger.error(log_line("spool_unusable", reason=error, held=len(self._pending)))


def notification_of(
    spool: str, stats: Stats, *, news: int = 0, newest: Sighting | None = None, alarm: str = ""
) -> Notification:
    """Build a notification: the path of the spool, how many rows wait there, and the newest sighting.

    Shape: `spool`, `waiting`, and in `dhcp` the keys `news`, `first_waiting`, `oldest_age_s`, `full`, `dropped` and
    `refused`, with `alarm` and `newest` where they are given.
    """
    dhcp: dict[str, Any] = {
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


def _fields_of(sighting: Sighting) -> dict[str, object]:
    found: dict[str, object] = {"mac": sighting.mac, "ip": sighting.ip, "interface": sighting.interface}
    for name in ("relay", "vlan"):
        if getattr(sighting, name) is not None:
            found[name] = getattr(sighting, name)
    return found
