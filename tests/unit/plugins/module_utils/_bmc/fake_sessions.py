# SPDX-License-Identifier: GPL-3.0-or-later
"""BMCs behind sessions that open no socket, in time that passes only while a test waits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.flow import Ask, IpmiReply
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.session import Bmc, Listener, SessionEvent, Sessions
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import Clock

_CONTROL = {0: "OFF", 1: "ON"}
_SOFT = Ask(0x00, 0x02, (5,))


@dataclass
class FakeBmc:
    """How a BMC behaves. `logins` are the texts it answers log-ins with, "" for success; the last one stays."""

    power: str = "OFF"
    logins: list[str] = field(default_factory=lambda: [""])
    silent: bool = False
    hangs_after: float = math.inf  # so many requests are answered, no more
    delay_s: float = 0.01
    unreachable: OSError | None = None
    shutdown_s: float = math.inf  # how long its machine takes to shut down; for ever where it ignores that
    refuses_shutdown: bool = False
    requests: list[Ask] = field(default_factory=list)
    opened: int = 0
    _off_at_s: float = math.inf

    def log_in(self) -> SessionEvent | None:
        if self.silent:
            return None
        return SessionEvent(error=self.logins.pop(0) if len(self.logins) > 1 else self.logins[0])

    def answer(self, request: Ask, now_s: float = 0.0) -> SessionEvent | None:
        self.requests.append(request)
        if now_s >= self._off_at_s:
            self.power, self._off_at_s = "OFF", math.inf
        if len(self.requests) > self.hangs_after:
            return None
        if request == _SOFT:
            self._off_at_s = now_s + self.shutdown_s
            return SessionEvent(IpmiReply(code=0xC1 if self.refuses_shutdown else 0))
        if request.command == 0x02:
            self.power = _CONTROL[request.data[0]]
        return SessionEvent(IpmiReply(data=bytes([self.power == "ON", 0, 0])))


class FakeSession:
    def __init__(
        self,
        bmc: FakeBmc,
        listener: Listener,
        say: Callable[[FakeSession, SessionEvent | None], None],
        now_s: Callable[[], float],
    ) -> None:
        self.bmc = bmc
        self._now_s = now_s
        self.listener = listener
        self.closed = False
        self._say = say

    @property
    def heard(self) -> bool:
        return not self.bmc.silent

    def ask(self, request: Ask) -> None:
        assert not self.closed
        self._say(self, self.bmc.answer(request, self._now_s()))


class FakeSessions(Sessions):
    """Sessions that record what is open; `by_address` are the BMCs."""

    def __init__(self, clock: Clock, by_address: dict[str, FakeBmc]) -> None:
        self.clock = clock
        self.by_address = by_address
        self.open_now: list[FakeSession] = []
        self.most_open = 0
        self.accounts: list[Bmc] = []
        self._coming: list[tuple[float, FakeSession, SessionEvent]] = []
        self._telling = False

    def open(self, bmc: Bmc, listener: Listener) -> FakeSession:  # type: ignore[override]
        self._refuse_work_while_telling()
        behind = self.by_address[bmc.address]
        behind.opened += 1
        self.accounts.append(bmc)
        if behind.unreachable is not None:
            raise behind.unreachable
        session = FakeSession(behind, listener, self._say, self.clock.now_s)
        self.open_now.append(session)
        self.most_open = max(self.most_open, len(self.open_now))
        self._say(session, behind.log_in())
        return session

    def close(self, session: Any) -> None:
        self._refuse_work_while_telling()
        assert not session.closed
        session.closed = True
        self.open_now.remove(session)

    def wait(self, timeout_s: float) -> None:
        """Pass the time to the next answer, or all of it."""
        wake_s = min([at_s for at_s, _session, _told in self._coming], default=math.inf)
        self.clock.sleep(max(0.0, min(wake_s - self.clock.now_s(), timeout_s)))
        now = [item for item in self._coming if item[0] <= self.clock.now_s()]
        self._coming = [item for item in self._coming if item[0] > self.clock.now_s()]
        self._telling = True
        for _at_s, session, event in now:
            # Also of a session that was closed meanwhile: the packet had come already.
            session.listener(event)
        self._telling = False

    def _say(self, session: FakeSession, event: SessionEvent | None) -> None:
        self._refuse_work_while_telling()
        if event is not None:
            self._coming.append((self.clock.now_s() + session.bmc.delay_s, session, event))

    def _refuse_work_while_telling(self) -> None:
        assert not self._telling, "a listener only takes notes"
