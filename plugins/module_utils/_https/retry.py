# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The policy of when a call is sent again."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import MaybePerformed, NeverSent, NoAnswer, TookTooLong, TooLarge
from .exchange import Reply


@dataclass(frozen=True)
class Retry:
    """How often a call is sent in all, after which failures, and after which pauses; each is twice the one before.

    A call that was certainly not performed is sent again in any case; one that may have been performed only with
    `if_performed`, which is for calls that read. `statuses` are the HTTP statuses after which it is sent again. With
    `heeds_retry_after` the server may set the pause by Retry-After in seconds (RFC 9110, 10.2.3), up to
    `longest_pause_s`.
    """

    attempts: int = 1
    if_performed: bool = False
    statuses: frozenset[int] = frozenset()
    heeds_retry_after: bool = False
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0

    def is_due(self, attempt: int, outcome: Reply | NoAnswer) -> bool:
        """Return whether the call is sent again after this attempt, counted from 1."""
        if attempt >= self.attempts:
            return False
        if isinstance(outcome, Reply):
            return outcome.status in self.statuses
        if isinstance(outcome, (TooLarge, TookTooLong)):
            return False
        return isinstance(outcome, NeverSent) or (self.if_performed and isinstance(outcome, MaybePerformed))

    def pause_s(self, attempt: int, outcome: Reply | NoAnswer) -> float:
        """Return how long to wait after this attempt, in seconds."""
        wanted = ""
        if self.heeds_retry_after and isinstance(outcome, Reply):
            wanted = outcome.headers.get("retry-after", "")
        pause_s = float(wanted) if wanted.isascii() and wanted.isdigit() else self.first_pause_s * 2.0 ** (attempt - 1)
        return min(pause_s, self.longest_pause_s)
