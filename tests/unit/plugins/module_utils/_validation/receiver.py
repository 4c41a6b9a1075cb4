# SPDX-License-Identifier: GPL-3.0-or-later
"""A receiver that keeps to the contract and can be away, lose answers, or be killed and come back on its port."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import (
    MAX_PIECE_BYTES,
    SEQUENCE_HEADER,
    SIGNATURE_HEADER,
    Event,
    StepResult,
    Task,
    is_signed,
    log_path,
    signing_key,
    task_path,
)

RUN = "0f4f2a58-7b8c-4d1e-9a51-0123456789ab"
TOKEN = "5a" * 32


@dataclass
class Receiver:
    """What it was told. `away` answers nothing at all, `lose_answers` takes so many messages without an answer."""

    task: Task
    then: str = "poweroff"
    events: list[Event] = field(default_factory=list)
    logs: dict[tuple[str, int], bytes] = field(default_factory=dict)
    away: threading.Event = field(default_factory=threading.Event)
    lose_answers: int = 0
    status: int = 0  # what to answer in place of the truth, for the messages of `status_for`
    status_for: str = ""
    says: dict[str, Any] | None = None
    next: int = 1
    last: bytes = b""
    forget_repeats: bool = False
    on_event: Any = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def results(self) -> dict[str, StepResult]:
        """The results, by step; one that came twice is an AssertionError."""
        found: dict[str, StepResult] = {}
        for event in self.events:
            if isinstance(event.body, StepResult) and event.step:
                assert event.step not in found, f"{event.step} has two results"
                found[event.step] = event.body
        return found

    def kinds(self) -> list[str]:
        """Return the kinds of events without heartbeats, with their steps."""
        return [f"{each.kind} {each.step or ''}".strip() for each in self.events if each.kind != "heartbeat"]

    def log(self, step: str) -> str:
        """Return a step's log."""
        numbers = sorted(number for name, number in self.logs if name == step)
        assert numbers == list(range(len(numbers)))
        return b"".join(gzip.decompress(self.logs[step, number]) for number in numbers).decode()

    def take(self, method: str, path: str, sequence: int, body: bytes) -> tuple[int, dict[str, Any] | None]:
        """Take a signed message; return status and answer."""
        if self.forget_repeats or sequence != self.next - 1 or body != self.last:
            if sequence != self.next:
                return 409, {"expected": self.next}
            kind = "log" if method == "PUT" else Event.from_bytes(body).kind
            if self.status and kind == self.status_for:
                status, self.status = self.status, 0
                return status, self.says
            self._keep(method, path, body)
            self.next, self.last = self.next + 1, body
        return 202, {"then": self.then} if b'"finished"' in body[:20] else {}

    def _keep(self, method: str, path: str, body: bytes) -> None:
        if method == "PUT":
            assert len(body) <= MAX_PIECE_BYTES
            parts = path.split("/")
            assert path == log_path(RUN, parts[5], int(parts[7]))
            self.logs[parts[5], int(parts[7])] = body
            return
        event = Event.from_bytes(body)
        assert event.sequence == self.next
        self.events.append(event)
        if self.on_event:
            self.on_event(event)


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def _answer(self, method: str) -> None:
        receiver = self.receiver
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        sequence = int(self.headers[SEQUENCE_HEADER])
        if receiver.away.is_set():
            self.close_connection = True
            return
        signature = self.headers[SIGNATURE_HEADER]
        if not is_signed(signature, signing_key(TOKEN), method, self.path, sequence, body):
            self._send(401, b"{}")
            return
        with receiver.lock:
            if method == "GET":
                assert (self.path, sequence) == (task_path(RUN), 0)
                self._send(200, receiver.task.to_bytes())
                return
            status, answer = receiver.take(method, self.path, sequence, body)
            if status == 202 and receiver.lose_answers:
                receiver.lose_answers -= 1
                return
        self._send(status, json.dumps(answer).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(receiver: Receiver, port: int = 0) -> Iterator[int]:
    """Serve on a loopback port, which is given."""
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"receiver": receiver}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=30)
