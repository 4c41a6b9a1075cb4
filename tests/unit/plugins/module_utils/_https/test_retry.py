# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._https.errors import (
    MaybePerformed,
    NeverSent,
    NoAnswer,
    NotAccepted,
    Silent,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._https.retry import Retry

from .peers import CALL, Peer

CAUTIOUS = Retry(attempts=3)
BOLD = Retry(attempts=3, if_performed=True, statuses=frozenset({503}))

NEVER_SENT = {
    "refused": (httpx.ConnectError("refused"), NeverSent),
    "not in time": (httpx.ConnectTimeout("slow"), NotAccepted),
}
MAYBE_PERFORMED = {
    "silent": (httpx.ReadTimeout("slow"), Silent),
    "could not be sent whole": (httpx.WriteError("reset"), MaybePerformed),
    "half an answer": (httpx.RemoteProtocolError("gone"), MaybePerformed),
}


@pytest.mark.parametrize(("error", "kind"), NEVER_SENT.values(), ids=NEVER_SENT)
@pytest.mark.parametrize("retry", [CAUTIOUS, BOLD], ids=["cautious", "bold"])
def test_what_was_never_sent_is_sent_again(error: Exception, kind: type[NoAnswer], retry: Retry) -> None:
    peer = Peer(error)

    with pytest.raises(kind):
        peer.client().send(CALL, retry)

    assert len(peer.requests) == 3


@pytest.mark.parametrize(("error", "kind"), MAYBE_PERFORMED.values(), ids=MAYBE_PERFORMED)
@pytest.mark.parametrize(("retry", "times"), [(CAUTIOUS, 1), (BOLD, 3)], ids=["cautious", "bold"])
def test_what_may_have_been_performed_is_sent_again_only_where_that_does_no_harm(
    error: Exception, kind: type[NoAnswer], retry: Retry, times: int
) -> None:
    peer = Peer(error)

    with pytest.raises(kind):
        peer.client().send(CALL, retry)

    assert len(peer.requests) == times


def test_by_default_nothing_is_sent_again() -> None:
    peer = Peer(httpx.ConnectError("refused"))

    with pytest.raises(NeverSent):
        peer.client().send(CALL, Retry())

    assert len(peer.requests) == 1


def test_an_answer_is_asked_for_again_only_where_its_status_says_so() -> None:
    peer = Peer(httpx.Response(503), httpx.Response(500))

    assert peer.client().send(CALL, BOLD).status == 500
    assert len(peer.requests) == 2


def test_the_last_answer_is_an_answer_whatever_its_status() -> None:
    assert Peer(httpx.Response(503)).client().send(CALL, BOLD).status == 503


@pytest.mark.parametrize(
    ("retry_after", "heeded", "paused_s"),
    [("7", True, [7.0, 7.0]), ("900", True, [30.0, 30.0]), ("7", False, [0.5, 1.0]), ("soon", True, [0.5, 1.0])],
)
def test_pauses_double_unless_the_other_side_asks_for_longer_ones(
    retry_after: str, heeded: bool, paused_s: list[float]
) -> None:
    retry = Retry(attempts=3, statuses=frozenset({503}), heeds_retry_after=heeded)
    peer = Peer(httpx.Response(503, headers={"Retry-After": retry_after}))
    slept_s: list[float] = []
    client = peer.client()
    client._sleep = slept_s.append

    client.send(CALL, retry)

    assert slept_s == paused_s
