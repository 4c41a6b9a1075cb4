# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts who tries to log in, from nothing but the packets that pass.

A log-in is a RAKP 1 message: somebody gives a user name. With a wrong password the client finds out first, because
the BMC's RAKP 2 proves knowledge of it; clients then say so in RAKP 3, or say nothing more. Silence after a RAKP 2
therefore counts as refused once it has lasted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from virtual_rack.bmc.packets import Kind, Packet

# The next step of a log-in takes milliseconds.
SILENCE_S = 2.0


@dataclass
class _LogIn:
    session: int
    proven_s: float | None = None  # when the BMC answered RAKP 1, until the client goes on


class Logins:
    """The log-ins at one BMC."""

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.users: Counter[str] = Counter()
        self._refused = 0
        self._monotonic_s = monotonic_s
        self._open: dict[Hashable, _LogIn] = {}

    @property
    def total(self) -> int:
        """How many there were, however they ended."""
        return self.users.total()

    @property
    def refused(self) -> int:
        """How many of them the BMC or the client gave up for a wrong user name or password."""
        late_s = self._monotonic_s() - SILENCE_S
        silent = sum(login.proven_s is not None and login.proven_s <= late_s for login in self._open.values())
        return self._refused + silent

    def note_client(self, client: Hashable, packet: Packet) -> None:
        """Take in what a client sent."""
        login = self._open.get(client)
        if packet.kind is Kind.RAKP1 and (login is None or login.session != packet.session):
            self.forget(client)
            self.users[packet.username] += 1
            self._open[client] = _LogIn(packet.session)
        elif packet.kind is Kind.RAKP3 and login is not None:
            login.proven_s = None
            if packet.status:
                self._end(client, refused=True)

    def note_bmc(self, client: Hashable, packet: Packet) -> None:
        """Take in what the BMC answered to a client."""
        login = self._open.get(client)
        if login is None:
            return
        if packet.kind is Kind.RAKP4:
            self._end(client, refused=packet.status != 0)
        elif packet.kind is Kind.RAKP2 and packet.status:
            self._end(client, refused=True)
        elif packet.kind is Kind.RAKP2:
            login.proven_s = self._monotonic_s()

    def forget(self, client: Hashable) -> None:
        """End what a client began and left."""
        login = self._open.get(client)
        if login is not None:
            self._end(client, refused=login.proven_s is not None)

    def _end(self, client: Hashable, *, refused: bool) -> None:
        del self._open[client]
        self._refused += refused
