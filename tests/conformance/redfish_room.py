# SPDX-License-Identifier: GPL-3.0-or-later
"""BMCs of the rack that speak Redfish, asked by the collection in the same process, on the rack's clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from ansible_collections.baremetal.bcm.tests.unit.virtual_rack.redfish_wire import PASSWORD, USERNAME, Wire
from virtual_rack.in_process import Bench
from virtual_rack.rack_reader import rack_from
from virtual_rack.redfish import ports
from virtual_rack.redfish.service import Request


class RackClock:
    """The rack's time, which passes where somebody waits."""

    def __init__(self, bench: Bench, lock: threading.RLock) -> None:
        self._bench, self._lock = bench, lock
        self._begun_s = bench.clock.now_s

    def now_s(self) -> float:
        return self._bench.clock.now_s - self._begun_s

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._bench.step(seconds)

    def wall_s(self) -> int:
        return 1_763_006_515 + int(self.now_s())


class Room(httpx.BaseTransport):
    """One server whose BMC is of a mode; `sent` are the requests that write, `before` may do something at each one."""

    def __init__(self, directory: Path, mode: str, *, power: str = "on") -> None:
        machine = {
            "name": "node1",
            "mac": "02:00:00:00:00:01",
            "management_ip": "10.141.0.1",
            "power": power,
            "bmc": {"address": "127.0.20.1", "username": USERNAME, "password": PASSWORD},
        }
        users = [{"username": "admin", "password": "head-secret"}]
        networks = [
            {"name": "internalnet", "base_address": "10.141.0.0", "netmask_bits": 16, "management": True},
            {"name": "ipminet", "base_address": "127.0.20.0", "netmask_bits": 24},
        ]
        head_node = {"users": users, "images": ["default-image"], "networks": networks}
        self.bench = Bench(rack_from({"head_node": head_node, "machines": [machine], "times": {"post": 10}}))
        self.wire = Wire(self.bench, directory, mode)
        self.wire.real_s = 0.0
        self._lock = threading.RLock()
        self.clock = RackClock(self.bench, self._lock)
        self.sent: list[tuple[str, str]] = []
        self.before: Callable[[httpx.Request], None] = lambda _request: None
        self.largest_piece = 0

    @property
    def versions(self) -> Mapping[str, str]:
        return self.wire.bmc.updates.versions

    def fault(self, kind: str, **options: Any) -> None:
        self.bench.head.faults.add({"kind": kind, **options})

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        content = b""
        for piece in request.stream:  # type: ignore[union-attr]
            self.largest_piece = max(self.largest_piece, len(piece))
            content += piece
        with self._lock:
            self.bench.step(0.05)
            return self._handle(request, content)

    def _handle(self, request: httpx.Request, content: bytes) -> httpx.Response:
        self.before(request)
        path, method, hands = request.url.path, request.method, self.wire.bmc.hands
        self.wire.bmc.come_back()
        if self.wire.bmc.is_away:
            raise httpx.ConnectError("connection refused", request=request)
        if hands.strikes("redfish_resets", path=path, method=method):
            raise httpx.ReadError("connection reset", request=request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        parts: dict[str, bytes] = {}
        if headers.get("content-type", "").startswith("multipart/form-data"):
            assert headers["content-length"] == str(len(content))
            parts, content = ports._parts(headers["content-type"], content), b""
        if method not in ("GET", "HEAD") and "Session" not in path:
            self.sent.append((method, path))
        asked = Request(method, path, dict(request.url.params), headers, content, parts)
        answer = asyncio.run(self.wire._service.answer(asked))
        if hands.strikes("redfish_answer_lost", path=path, method=method):
            raise httpx.ReadError("connection reset", request=request)
        body = None if answer.body is None else answer.body
        return httpx.Response(answer.status, headers=dict(answer.headers), json=body)
