# SPDX-License-Identifier: GPL-3.0-or-later
"""The network in front of one BMC: passes packets on, counts them, and loses or delays them on demand."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

from virtual_rack.bmc.logins import Logins
from virtual_rack.bmc.packets import Kind, Packet, classify

Place = tuple[str, int]
# A client that said nothing for so long is forgotten; the engine ends its session by then.
IDLE_S = 60.0
_MAX_PACKET = 65_535
_MAX_BURST = 64


@dataclass(frozen=True)
class Weather:
    """What the network does to packets at the moment."""

    silent: bool = False
    delay_s: float = 0.0
    drop_every: int = 0
    hangs: bool = False

    def swallows(self, packet: Packet, *, number: int) -> bool:
        """Say whether the `number`-th packet is lost, counted in both directions from 1."""
        if self.silent or (self.hangs and packet.kind is Kind.IN_SESSION):
            return True
        return self.drop_every > 0 and number % self.drop_every == 0


class Relay:
    """Listens where the BMC is meant to be and passes on to where its engine is; each client has a way of its own."""

    def __init__(self, *, weather: Callable[[], Weather]) -> None:
        self.logins = Logins()
        self.packets = 0
        self._weather = weather
        self._passed = 0
        self._front: socket.socket | None = None
        self._engine: Place | None = None
        self._ways: dict[Place, _Way] = {}

    @property
    def is_open(self) -> bool:
        """Say whether anything listens."""
        return self._front is not None

    def open(self, place: Place) -> Place:
        """Listen. Raises OSError when somebody else does. Gives the place with its true port."""
        front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            front.bind(place)
        except OSError:
            front.close()
            raise
        front.setblocking(False)
        self._front = front
        asyncio.get_running_loop().add_reader(front, self._read_clients)
        address: Place = front.getsockname()
        return address

    def close(self) -> None:
        """Stop listening, so that nobody is there at all."""
        self.connect(None)
        if self._front is not None:
            asyncio.get_running_loop().remove_reader(self._front)
            self._front.close()
            self._front = None

    def connect(self, engine: Place | None) -> None:
        """Pass on to this engine from now on; sessions at an earlier one are void."""
        if engine != self._engine:
            self._engine = engine
            for client in list(self._ways):
                self._forget(client)

    def _read_clients(self) -> None:
        for _ in range(_MAX_BURST):
            try:
                raw, client = self._front.recvfrom(_MAX_PACKET) if self._front else (b"", None)
            except OSError:
                return
            if client is None:
                return
            self._from_client(raw, client)

    def _from_client(self, raw: bytes, client: Place) -> None:
        packet = classify(raw)
        self.packets += 1
        self.logins.note_client(client, packet)
        if self._engine is None or self._is_lost(packet):
            return
        if client not in self._ways:
            try:
                self._ways[client] = _Way(client, self._engine, self._from_engine, self._forget)
            except OSError:
                return  # no more sockets: a lost packet
        self._ways[client].send(raw)

    def _from_engine(self, raw: bytes, client: Place) -> None:
        packet = classify(raw)
        if self._is_lost(packet):
            return
        if delay_s := self._weather().delay_s:
            asyncio.get_running_loop().call_later(delay_s, self._answer, raw, packet, client)
        else:
            self._answer(raw, packet, client)

    def _answer(self, raw: bytes, packet: Packet, client: Place) -> None:
        if self._front is not None:
            self.logins.note_bmc(client, packet)
            with contextlib.suppress(OSError):
                self._front.sendto(raw, client)

    def _is_lost(self, packet: Packet) -> bool:
        self._passed += 1
        return self._weather().swallows(packet, number=self._passed)

    def _forget(self, client: Place) -> None:
        self._ways.pop(client).close()
        self.logins.forget(client)


class _Way:
    """One client's way to the engine: a socket of its own, so that answers find back."""

    def __init__(
        self, client: Place, engine: Place, receive: Callable[[bytes, Place], None], idle: Callable[[Place], None]
    ) -> None:
        self._client = client
        self._receive = receive
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect(engine)
        self._loop.add_reader(self._socket, self._read)
        self._used_s = self._loop.time()
        self._timer = self._loop.call_later(IDLE_S, self._look)

    def send(self, raw: bytes) -> None:
        self._used_s = self._loop.time()
        # An engine that is being started again refuses; to the client it is a lost packet.
        with contextlib.suppress(OSError):
            self._socket.send(raw)

    def close(self) -> None:
        self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        try:
            raw = self._socket.recv(_MAX_PACKET)
        except OSError:
            return
        self._receive(raw, self._client)

    def _look(self) -> None:
        left_s = self._used_s + IDLE_S - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
        else:
            self._idle(self._client)
