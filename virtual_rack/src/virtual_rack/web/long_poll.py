# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for events without blocking anybody else."""

from __future__ import annotations

import asyncio

from virtual_rack.entities.fields import Entity
from virtual_rack.sessions import Sessions, event

_MAX_WAIT_S = 300.0


class LongPoll:
    """Lets callers wait until something happens in their session or the time is up."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._bell = asyncio.Event()
        sessions.on_event = self._ring

    async def wait(self, session: str, timeout_s: float) -> list[Entity]:
        """Give the next events of a session; the list is empty when the time is up."""
        deadline_s = asyncio.get_running_loop().time() + min(timeout_s, _MAX_WAIT_S)
        while True:
            bell = self._bell
            events = self._sessions.take(session)
            if events is None:
                # ASSUMED: what a session gets that is not known (any more).
                return [event("EndOfSessionEvent", reason="unknown session")]
            left_s = deadline_s - asyncio.get_running_loop().time()
            if events or left_s <= 0:
                return events
            try:
                await asyncio.wait_for(bell.wait(), left_s)
            except TimeoutError:
                return []

    def _ring(self) -> None:
        self._bell.set()
        self._bell = asyncio.Event()
