# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers in memory that give one answer after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from ansible_collections.baremetal.bcm.plugins.module_utils._https.call_log import CallLine
from ansible_collections.baremetal.bcm.plugins.module_utils._https.client import HttpsClient
from ansible_collections.baremetal.bcm.plugins.module_utils._https.exchange import HttpRequest, Patience
from ansible_collections.baremetal.bcm.plugins.module_utils._https.tls import Tls

from ...fake_clock import FakeClock

CALL = HttpRequest("POST", "/json", "service.call", content=b"12345")


class Peer:
    """Answers requests one after the other, the last one for ever; what is not a response is raised."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.clock = FakeClock()
        self.lines: list[CallLine] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.clock.sleep(0.25)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **options: Any) -> HttpsClient:
        given = {"patience": Patience(), "on_call": self.lines.append, **options}
        return HttpsClient(
            "https://peer.example",
            Tls(),
            sleep=self.clock.sleep,
            now_s=self.clock.now_s,
            http_transport=httpx.MockTransport(self.handle),
            **given,
        )


class Pieces(httpx.SyncByteStream):
    """A body that comes in equal pieces, each after some time; `given` counts them."""

    def __init__(self, piece: bytes, count: int, clock: FakeClock | None = None, every_s: float = 0.0) -> None:
        self._piece, self._count = piece, count
        self._clock, self._every_s = clock or FakeClock(), every_s
        self.given = 0

    def __iter__(self) -> Iterator[bytes]:
        for _number in range(self._count):
            self._clock.sleep(self._every_s)
            self.given += 1
            yield self._piece
