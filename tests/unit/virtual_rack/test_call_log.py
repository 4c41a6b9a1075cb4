# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from virtual_rack.call_log import CallLog, LoggedCall


def call(number: int, *, size_bytes: int = 100) -> LoggedCall:
    return LoggedCall(0.0, "admin", "cmstatus", "getStatus", None, (number,), size_bytes)


def kept(log: CallLog) -> list[int]:
    return [shown["args"][0] for shown in log.last(10_000)]


def test_the_last_two_thousand_calls_are_kept_and_all_are_counted() -> None:
    log = CallLog()
    for number in range(2100):
        log.add(call(number))
    assert kept(log) == list(range(100, 2100))
    assert log.counts()["total"] == 2100


def test_of_large_calls_fewer_are_kept_but_always_the_last() -> None:
    log = CallLog()
    for number in range(100):
        log.add(call(number, size_bytes=1024 * 1024))
    assert kept(log) == list(range(84, 100))
    log.add(call(100, size_bytes=64 * 1024 * 1024))
    assert kept(log) == [100]
    log.add(call(101))
    assert kept(log) == [101]
    log.clear()
    assert kept(log) == []
