# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""When to ring. Pure: time is an argument.

News ring after `gather_s`, so that a burst is one ring, and not more often than `every_s`. What still waits for
somebody to lease it rings again every `again_s`: the ring before may have reached nobody. The first ring needs no
news: rows may wait from before.
"""

from __future__ import annotations


class Doorbell:
    def __init__(self, now_s: float, *, gather_s: float = 1.0, every_s: float = 5.0, again_s: float = 60.0) -> None:
        self._gather_s = gather_s
        self._every_s = every_s
        self._again_s = again_s
        self._may_ring_s = now_s
        self._news_due_s: float | None = None
        self._again_due_s = now_s
        self.news = 0

    def tell(self, count: int, now_s: float) -> None:
        """There is something new."""
        self.news += count
        if self._news_due_s is None:
            self._news_due_s = now_s + self._gather_s

    @property
    def due_s(self) -> float:
        """When it is time to look whether something waits, and to ring if so."""
        if self._news_due_s is None:
            return self._again_due_s
        return min(max(self._news_due_s, self._may_ring_s), self._again_due_s)

    def looked(self, now_s: float) -> int:
        """Begin anew, having rung or found nothing waiting; give the news since the last time."""
        news, self.news = self.news, 0
        self._news_due_s = None
        self._may_ring_s = now_s + self._every_s
        self._again_due_s = now_s + self._again_s
        return news
