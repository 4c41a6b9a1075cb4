# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Many BMCs at once, each with its own deadline; credentials that two refuse are shown to no other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from .._bmc.schedule import Limits, Schedule
from .._https.call_log import OnCall
from .._values.clock import Clock
from .connection import BmcLogin
from .errors import Failure, RedfishAuthError, RedfishError
from .register import Register
from .session import Redfish

_T = TypeVar("_T")
_LONGEST_WAIT_S = 1.0


@dataclass(frozen=True)
class Batch:
    """How a batch is talked to. `deadline_s` bounds one BMC from its first login to its end, all tries included.

    With `tries` a BMC that gives no usable answer is tried again, `retry_delay_s` later, by the same work. `guard` is
    asked before every write, with the server's name. `pins` has the SHA-256 of certificates by server, each the only
    one that is trusted; None where certificates are not pinned.
    """

    deadline_s: float = 120.0
    in_flight: int = 64
    tries: int = 1
    retry_delay_s: float = 10.0
    read_only: bool = True
    guard: Callable[[str], None] | None = None
    register: Register | None = None
    pins: Mapping[str, str] | None = None
    on_call: OnCall | None = None
    http_transport: Any = None


@dataclass(frozen=True)
class End(Generic[_T]):
    """How the talk with one BMC ended: with a value, or with a failure, its phase and a message."""

    value: _T | None = None
    failure: Failure | None = None
    message: str = ""
    requests: int = 0
    writes: int = 0
    seconds: float = 0.0
    fingerprint: str = ""
    phase: str = ""
    tries: int = 1


def talk_to_all(
    bmcs: Mapping[str, BmcLogin], work: Callable[[str, Redfish], _T], batch: Batch, clock: Clock
) -> dict[str, End[_T]]:
    """Log in to each BMC and do the work there, many at once; the results are by name, in the order given.

    Nothing is raised for a BMC that fails. Of all that share credentials one goes first; where two refuse them, no
    other is tried. Raises RedfishConfigError for options that can't be used.
    """
    limits = Limits(
        tries=batch.tries,
        retry_delay_s=batch.retry_delay_s,
        deadline_s=batch.deadline_s,
        in_flight=batch.in_flight,
    )
    schedule = Schedule.of({name: bmc.credentials for name, bmc in bmcs.items()}, limits)
    talks = {name: _open(bmc, batch, clock) for name, bmc in bmcs.items()}
    begun_s: dict[str, float] = {}
    news: queue.Queue[tuple[str, End[_T] | BaseException | None]] = queue.Queue()
    ends: dict[str, End[_T]] = {}
    while schedule.slots:
        now_s = clock.now_s()
        for name in schedule.drop_condemned():
            refused = ", ".join(schedule.refused_by[bmcs[name].credentials])
            text = f"not tried: its credentials were refused by {refused}; correct them first"
            ends[name] = End(failure=Failure.NOT_TRIED, message=text, phase="login", tries=0)
        for name in schedule.due(now_s):
            schedule.start(name, now_s)
            if name in begun_s:
                talks[name] = _open(bmcs[name], batch, clock)
            talks[name].deadline_s = begun_s.setdefault(name, now_s) + batch.deadline_s
            threading.Thread(target=_talk, args=(name, talks[name], work, news), daemon=True).start()
        if not schedule.slots:
            break
        wait_s = min(_LONGEST_WAIT_S, max(0.01, schedule.next_wake_s(now_s)))
        if not any(slot.running for slot in schedule.slots.values()):
            clock.sleep(wait_s)
            continue
        try:
            name, said = news.get(timeout=wait_s)
        except queue.Empty:
            continue
        if isinstance(said, BaseException):
            raise said
        if said is None:
            schedule.hear(name)
            schedule.trust(name)
            continue
        took_s = round(clock.now_s() - begun_s[name], 1)
        ends[name] = replace(said, tries=schedule.slots[name].tries, seconds=max(said.seconds, took_s))
        _note_end(schedule, name, said.failure, clock)
    return {name: ends[name] for name in bmcs}


def _note_end(schedule: Schedule, name: str, failure: Failure | None, clock: Clock) -> None:
    if failure is Failure.CREDENTIALS:
        schedule.refuse(name)
    elif failure is not Failure.UNREACHABLE:
        schedule.finish(name)
    else:
        schedule.retry(name, clock.now_s())


def _open(bmc: BmcLogin, batch: Batch, clock: Clock) -> Redfish:
    return Redfish(
        _pinned(bmc, batch.pins),
        clock,
        deadline_s=0.0,
        read_only=batch.read_only,
        before_write=None if batch.guard is None else partial(batch.guard, bmc.name),
        on_call=batch.on_call,
        http_transport=batch.http_transport,
    )


def _pinned(bmc: BmcLogin, pins: Mapping[str, str] | None) -> BmcLogin:
    pin = (pins or {}).get(bmc.name)
    if bmc.fingerprint or not pin:
        return bmc
    return replace(bmc, fingerprint=pin, pinned_by="the custom field bmc_certificate of its device in NetBox")


def _talk(
    name: str,
    redfish: Redfish,
    work: Callable[[str, Redfish], _T],
    news: queue.Queue[tuple[str, End[_T] | BaseException | None]],
) -> None:
    """Talk to one BMC in a thread of its own; what is no RedfishError is a bug, and raised where the batch waits."""
    begun_s = redfish.clock.now_s()
    value, failure, message = None, None, ""
    try:
        with redfish.logged_in():
            news.put((name, None))
            value = work(name, redfish)
    except RedfishError as error:
        failure, message = error.failure, str(error)
        if not isinstance(error, RedfishAuthError) and failure is Failure.CREDENTIALS:
            failure = Failure.REFUSED
    except BaseException as error:  # noqa: BLE001 - raised again where the batch waits
        news.put((name, error))
        return
    took_s = round(redfish.clock.now_s() - begun_s, 1)
    phase = "" if failure is None else redfish.phase
    news.put((name, End(value, failure, message, redfish.requests, redfish.writes, took_s, redfish.fingerprint, phase)))
