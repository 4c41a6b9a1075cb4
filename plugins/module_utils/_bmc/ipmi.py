# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""IPMI straight to many BMCs at once, from one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .flow import FAILURE_OF, Ask, Flow, IpmiReply, NotConfirmed, Pause, Refused
from .power import End, Failure
from .schedule import Limits, Schedule
from .session import Bmc, Session, SessionEvent, Sessions

_LONGEST_WAIT_S = 1.0


@dataclass
class _Talk:
    """One session and the flow whose requests go over it."""

    name: str
    flow: Flow
    session: Session | None = None
    timer_s: float = 0.0  # when to give up waiting, or to go on after a pause
    pausing: bool = False
    ended: bool = False


class Ipmi:
    """A runner of flows, one per BMC and many at once; `run` may be called again on the same object."""

    def __init__(
        self, limits: Limits, clock: Callable[[], float] = time.monotonic, sessions: Sessions | None = None
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sessions = sessions or Sessions()
        self._talks: dict[str, _Talk] = {}
        self._notes: list[tuple[_Talk, SessionEvent]] = []
        self._ends: dict[str, End] = {}
        self._first_start_s: dict[str, float] = {}

    def run(self, bmcs: Mapping[str, Bmc], flow_of: Callable[[str], Flow], *, tries: int = 0) -> dict[str, End]:
        """Talk to every BMC until its flow has ended, it failed for good, or its deadline passed; return how, by name.

        `flow_of` makes a new flow for each try, of which there are `tries`, or those of the limits. Nothing is raised
        for a BMC that fails; the others go on.
        """
        self._ends, self._first_start_s = {}, {}
        limits = replace(self._limits, tries=tries or self._limits.tries)
        schedule = Schedule.of({name: bmc.credentials for name, bmc in bmcs.items()}, limits)
        try:
            while schedule.slots:
                self._turn(schedule, bmcs, flow_of)
        finally:
            for talk in list(self._talks.values()):
                self._close(talk)
        return self._ends

    # -- one turn of the loop -------------------------------------------------------------------------------------

    def _turn(self, schedule: Schedule, bmcs: Mapping[str, Bmc], flow_of: Callable[[str], Flow]) -> None:
        now_s = self._clock()
        for talk in self._talks.values():
            if talk.session is not None and talk.session.heard:
                schedule.hear(talk.name)
        for name in schedule.overdue(now_s):
            self._give_up(schedule, name)
        for name in schedule.drop_condemned():
            self._end(name, Failure.NOT_TRIED, _not_tried(schedule, bmcs, bmcs[name]), 0)
        for name in schedule.due(now_s):
            schedule.start(name, now_s)
            self._first_start_s.setdefault(name, now_s)
            self._open(schedule, name, bmcs[name], flow_of(name))
        self._check_timers(schedule, now_s)
        while self._notes:
            self._read_notes(schedule)
        if schedule.slots:
            self._sessions.wait(self._wait_s(schedule))
        self._read_notes(schedule)

    def _wait_s(self, schedule: Schedule) -> float:
        now_s = self._clock()
        timers = [talk.timer_s - now_s for talk in self._talks.values()]
        return max(0.0, min([_LONGEST_WAIT_S, schedule.next_wake_s(now_s), *timers]))

    def _check_timers(self, schedule: Schedule, now_s: float) -> None:
        for talk in list(self._talks.values()):
            if talk.timer_s > now_s:
                continue
            if talk.pausing:
                self._advance(schedule, talk, IpmiReply())
            else:
                self._fail_try(schedule, talk, f"no answer within {self._limits.connect_s:g} s")

    def _read_notes(self, schedule: Schedule) -> None:
        notes, self._notes = self._notes, []
        for talk, event in notes:
            if talk.ended:
                continue
            if event.is_login_refused:
                self._refuse(schedule, talk, event.error)
            elif event.error:
                self._fail_try(schedule, talk, event.error)
            else:
                if event.reply is None:
                    schedule.trust(talk.name)
                self._advance(schedule, talk, event.reply)

    # -- sessions -------------------------------------------------------------------------------------------------

    def _open(self, schedule: Schedule, name: str, bmc: Bmc, flow: Flow) -> None:
        talk = _Talk(name, flow, timer_s=self._clock() + self._limits.connect_s)
        self._talks[name] = talk
        try:
            talk.session = self._sessions.open(bmc, lambda event: self._notes.append((talk, event)))
        except OSError as error:
            self._fail_try(schedule, talk, f"no way to {bmc.address}: {error.strerror or error}")

    def _close(self, talk: _Talk) -> None:
        talk.ended = True
        talk.flow.close()
        self._talks.pop(talk.name, None)
        if talk.session is not None:
            self._sessions.close(talk.session)

    # -- flows ----------------------------------------------------------------------------------------------------

    def _advance(self, schedule: Schedule, talk: _Talk, reply: IpmiReply | None) -> None:
        """Give the flow its reply (None starts it) and do what it asks for next."""
        talk.pausing = False
        try:
            request = next(talk.flow) if reply is None else talk.flow.send(reply)
        except StopIteration:
            self._finish(schedule, talk, None, "")
        except (Refused, NotConfirmed) as error:
            self._finish(schedule, talk, FAILURE_OF[type(error)], str(error))
        else:
            self._request(talk, request)

    def _request(self, talk: _Talk, request: Ask | Pause) -> None:
        if isinstance(request, Pause):
            talk.pausing = True
            talk.timer_s = self._clock() + request.seconds
            return
        if talk.session is not None:
            talk.timer_s = self._clock() + self._limits.connect_s
            talk.session.ask(request)

    def _give_up(self, schedule: Schedule, name: str) -> None:
        slot = schedule.slots[name]
        if name in self._talks:
            self._close(self._talks[name])
        schedule.finish(name)
        failure = Failure.TIMED_OUT if slot.heard else Failure.UNREACHABLE
        text = "not done" if slot.heard else "the BMC does not answer: nothing"
        self._end(name, failure, f"{text} within {self._limits.deadline_s:g} s", slot.tries)

    def _finish(self, schedule: Schedule, talk: _Talk, failure: Failure | None, message: str) -> None:
        tries = schedule.slots[talk.name].tries
        self._close(talk)
        schedule.finish(talk.name)
        self._end(talk.name, failure, message, tries)

    def _refuse(self, schedule: Schedule, talk: _Talk, error: str) -> None:
        tries = schedule.slots[talk.name].tries
        self._close(talk)
        schedule.refuse(talk.name)
        text = f"the BMC refuses the login: {error}; not tried again, a locked account looks the same"
        self._end(talk.name, Failure.CREDENTIALS, text, tries)

    def _fail_try(self, schedule: Schedule, talk: _Talk, error: str) -> None:
        tries = schedule.slots[talk.name].tries
        self._close(talk)
        if not schedule.retry(talk.name, self._clock()):
            self._end(talk.name, Failure.UNREACHABLE, f"the BMC does not answer: {error}", tries)

    def _end(self, name: str, failure: Failure | None, message: str, tries: int) -> None:
        started_s = self._first_start_s.get(name, self._clock())
        self._ends[name] = End(failure, message, tries, round(self._clock() - started_s, 1))


def _not_tried(schedule: Schedule, bmcs: Mapping[str, Bmc], bmc: Bmc) -> str:
    refused = ", ".join(f"{name} ({bmcs[name].address})" for name in schedule.refused_by[bmc.credentials])
    return f"not tried: its credentials were refused by {refused}; correct them first"
