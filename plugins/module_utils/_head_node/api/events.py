# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Sessions of a head node and their events, which are waited for by long polls (bcm-api.md 2.1)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..._values.text import cut, printable
from . import shapes
from .calls import Caller, Raw
from .errors import BcmError, BcmTransportError

PYTHON_CLIENT = 6  # client_type of registerSession (bcm-api.md 2.1)


class SessionLost(BcmTransportError):
    """The session is gone: a new one has to be opened, and events that were not read yet are lost."""


class SessionCalls(Caller):
    """The calls of a session. Each may raise BcmAuthError, BcmTransportError, BcmProtocolError and BcmApiError.

    None changes the cluster: all count as reads, and are sent again where no usable answer comes.
    """

    def register_session(self) -> str:
        """Open a session; returns its uuid."""
        # A session changes nothing in the cluster, so it is allowed in check mode.
        session: str = self._call(
            "cmsession",
            "registerSession",
            [PYTHON_CLIENT],
            reads=True,
            action="open a session",
            shape=shapes.SESSION,
        )
        return session

    def unregister_session(self, session: str) -> None:
        """End a session."""
        self._call("cmsession", "unregisterSession", [session], reads=True, action="close the session")

    def wait_for_events(self, session: str, timeout_s: int) -> list[Raw]:
        """Wait until there are events, for at most `timeout_s`; the type of each stands in its `childType`."""
        events: list[Raw] = self._call(
            "cmsession",
            "waitForEvents",
            [session, timeout_s],
            reads=True,
            action="wait for events",
            shape=shapes.EVENTS,
            read_timeout_s=timeout_s + self._transport.connection.read_timeout_s,
        )
        return events

    def acknowledge_keep_alive(self, session: str) -> None:
        """Acknowledge a KeepAliveEvent, as the head node asks for."""
        self._call("cmsession", "acknowledgeKeepAlive", [session, 0], reads=True, action="keep the session")


@contextmanager
def open_session(head_node: SessionCalls) -> Iterator[str]:
    """Open a session for as long as the block lasts and yield its uuid. Raises as `register_session` does."""
    session = head_node.register_session()
    try:
        yield session
    finally:
        # A session that is not closed ends by itself; an error raised inside matters more than one raised here.
        with suppress(BcmError):
            head_node.unregister_session(session)


def next_events(head_node: SessionCalls, session: str, wait_s: float) -> list[Raw]:
    """Wait for events for at most `wait_s`, in whole seconds, and keep the session where the head node asks for it.

    Raises SessionLost where the head node ended the session, and what the calls raise.
    """
    # CMDaemon counts whole seconds.
    events = head_node.wait_for_events(session, max(1, math.ceil(wait_s)))
    for event in events:
        if event.get("childType") == "KeepAliveEvent":
            head_node.acknowledge_keep_alive(session)
        elif event.get("childType") == "EndOfSessionEvent":
            reason = cut(printable(event.get("reason") or "no reason given"), 500)
            raise SessionLost(f"the head node ended our session: {reason}")
    return events
