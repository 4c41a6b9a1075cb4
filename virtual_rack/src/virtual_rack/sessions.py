# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of clients that want to hear what happens, and their events."""

from __future__ import annotations

import uuid as uuids
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from virtual_rack.entities.fields import ZERO_UUID, Entity

KEEP_ALIVE_S = 60.0  # ASSUMED: how often a session is asked whether it lives, in real seconds
FORGET_AFTER_S = 600.0  # ASSUMED: when a session that nobody waits on is dropped
_MAX_EVENTS = 10_000
_MAX_BATCH = 500
# These carry lists, so what waits can be put together.
_LISTS: dict[str, tuple[str, ...]] = {
    "DeviceStatusChangedEvent": ("status",),
    "EntitiesChangedEvent": ("updateUuids", "removeUuids"),
    "ProvisioningEvent": (),
}


@dataclass
class Session:
    """One client's queue."""

    uuid: str
    last_seen_s: float
    last_keep_alive_s: float
    events: deque[Entity] = field(default_factory=lambda: deque(maxlen=_MAX_EVENTS))


class Sessions:
    """All sessions. `on_event` wakes whoever waits."""

    def __init__(self, *, monotonic_s: Callable[[], float]) -> None:
        self.on_event: Callable[[], None] = lambda: None
        self._monotonic_s = monotonic_s
        self._sessions: dict[str, Session] = {}

    def register(self) -> str:
        """Open a session."""
        now_s = self._monotonic_s()
        for stale in [s for s in self._sessions.values() if now_s - s.last_seen_s > FORGET_AFTER_S]:
            del self._sessions[stale.uuid]
        uuid = str(uuids.uuid4())
        self._sessions[uuid] = Session(uuid, now_s, now_s)
        return uuid

    def unregister(self, uuid: str) -> bool:
        """Close a session; say whether it was open."""
        return self._sessions.pop(uuid, None) is not None

    def acknowledge(self, uuid: str) -> bool:
        """Note that a client lives."""
        session = self._sessions.get(uuid)
        if session is not None:
            session.last_seen_s = self._monotonic_s()
        return session is not None

    def take(self, uuid: str) -> list[Entity] | None:
        """Give the events that wait (maybe none), None for a session that is not open."""
        session = self._sessions.get(uuid)
        if session is None:
            return None
        session.last_seen_s = now_s = self._monotonic_s()
        if now_s - session.last_keep_alive_s >= KEEP_ALIVE_S:
            session.last_keep_alive_s = now_s
            session.events.append(event("KeepAliveEvent"))
        events, session.events = list(session.events), deque(maxlen=_MAX_EVENTS)
        return events

    def publish(self, child_type: str, **values: Any) -> None:
        """Tell every session."""
        if not self._sessions:
            return
        for session in self._sessions.values():
            if not _join(session.events, child_type, values):
                session.events.append(event(child_type, **values))
        self.on_event()

    def forget_all(self) -> None:
        """Know no session any more; who waits is told so."""
        self._sessions.clear()
        self.on_event()

    def end_all(self, reason: str) -> None:
        """Tell every session that it is over."""
        self.publish("EndOfSessionEvent", reason=reason)


def event(child_type: str, **values: object) -> Entity:
    """Make an event. ASSUMED: the fields beside those that clients read."""
    # Its own lists: events of one session are put together by adding to them.
    own = {name: list(value) if isinstance(value, list) else value for name, value in values.items()}
    return {
        "baseType": "Event",
        "childType": child_type,
        "uuid": str(uuids.uuid4()),
        "sourceUuid": ZERO_UUID,
        **own,
    }


def _join(events: deque[Entity], child_type: str, values: Mapping[str, Any]) -> bool:
    lists = _LISTS.get(child_type)
    last = events[-1] if events else None
    if lists is None or last is None or last["childType"] != child_type:
        return False
    if last.get("entityTypeName") != values.get("entityTypeName"):
        return False
    if any(len(last[name]) >= _MAX_BATCH for name in lists):
        return False
    for name in lists:
        last[name] += values[name]
    return True
