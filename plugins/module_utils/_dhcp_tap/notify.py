# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""When to notify. Pure: time is an argument.

News is notified after `gather_s`, so that a burst is one notification, and at most every `every_s`. Rows that still
wait to be leased are notified again every `again_s`, because the notification before may have been lost. The first one
needs no news: rows may wait from before.
"""

from __future__ import annotations


class Notifier:
    """Decides when the next notification is due; the caller sends it. All times are seconds of one clock."""

    def __init__(self, now_s: float, *, gather_s: float = 1.0, every_s: float = 5.0, again_s: float = 60.0) -> None:
        self._gather_s = gather_s
        self._every_s = every_s
        self._again_s = again_s
        self._not_before_s = now_s
        self._news_due_s: float | None = None
        self._again_due_s = now_s
        self._news = 0

    def add_news(self, count: int, now_s: float) -> None:
        """Count sightings that the next notification is to report."""
        self._news += count
        if self._news_due_s is None:
            self._news_due_s = now_s + self._gather_s

    @property
    def due_s(self) -> float:
        """Give the time at which to look for waiting rows, and to notify if there are any."""
        if self._news_due_s is None:
            return self._again_due_s
        return min(max(self._news_due_s, self._not_before_s), self._again_due_s)

    def take_news(self, now_s: float) -> int:
        """Give the news since the last look, and plan the next look from now."""
        news, self._news = self._news, 0
        self._news_due_s = None
        self._not_before_s = now_s + self._every_s
        self._again_due_s = now_s + self._again_s
        return news
