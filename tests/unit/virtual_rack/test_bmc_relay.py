# SPDX-License-Identifier: GPL-3.0-or-later
"""The relay over real sockets, with an engine that sends everything back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from virtual_rack.bmc import relay as relay_module
from virtual_rack.bmc.packets import PRESENCE_PING, Kind, Packet
from virtual_rack.bmc.relay import Relay, Weather

IN_SESSION = bytes.fromhex("0600ff0706c0") + b"\x01" + bytes(40)


class Echo(asyncio.DatagramProtocol):
    """An engine that sends every packet back, or a client that keeps what it gets."""

    def __init__(self, *, echo: bool) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.senders: set[Any] = set()
        self._echo = echo

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.put_nowait(data)
        self.senders.add(addr)
        if self._echo:
            self.transport.sendto(data, addr)


class Lab:
    """A relay, its engine and as many clients as are asked for."""

    def __init__(self, relay: Relay, engine: Echo, place: Any) -> None:
        self.relay, self.engine, self.place = relay, engine, place
        self.clients: list[Echo] = []

    async def client(self) -> Echo:
        _transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Echo(echo=False), remote_addr=self.place
        )
        self.clients.append(client)
        return client


def run(weather: Weather, scene: Callable[[Lab], Awaitable[None]]) -> None:
    async def whole() -> None:
        loop = asyncio.get_running_loop()
        transport, engine = await loop.create_datagram_endpoint(lambda: Echo(echo=True), local_addr=("127.0.0.1", 0))
        relay = Relay(weather=lambda: weather)
        lab = Lab(relay, engine, relay.open(("127.0.0.1", 0)))
        relay.connect(transport.get_extra_info("sockname"))
        try:
            async with asyncio.timeout(10):
                await scene(lab)
        finally:
            relay.close()
            for owner in (engine, *lab.clients):
                owner.transport.close()
            await asyncio.sleep(0)  # sockets are closed by the loop

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("weather", "kind", "lost"),
    [
        (Weather(), Kind.IN_SESSION, []),
        (Weather(silent=True), Kind.OUTSIDE, [1, 2, 3, 4, 5, 6]),
        (Weather(hangs=True), Kind.IN_SESSION, [1, 2, 3, 4, 5, 6]),
        (Weather(hangs=True), Kind.RAKP3, []),
        (Weather(drop_every=3), Kind.RAKP1, [3, 6]),
    ],
)
def test_the_weather_decides_what_is_lost(weather: Weather, kind: Kind, lost: list[int]) -> None:
    assert [n for n in range(1, 7) if weather.swallows(Packet(kind), number=n)] == lost


def test_each_client_gets_its_own_answers() -> None:
    async def scene(lab: Lab) -> None:
        first, second = await lab.client(), await lab.client()
        first.transport.sendto(PRESENCE_PING + b"1")
        second.transport.sendto(PRESENCE_PING + b"2")
        assert (await first.received.get())[-1:] == b"1"
        assert (await second.received.get())[-1:] == b"2"
        assert lab.relay.packets == 2
        assert len(lab.engine.senders) == 2

    run(Weather(), scene)


def test_a_slow_bmc_answers_later() -> None:
    async def scene(lab: Lab) -> None:
        client = await lab.client()
        began_s = asyncio.get_running_loop().time()
        client.transport.sendto(PRESENCE_PING)
        await client.received.get()
        assert asyncio.get_running_loop().time() - began_s >= 0.1

    run(Weather(delay_s=0.1), scene)


def test_what_is_lost_is_counted_but_not_passed_on() -> None:
    async def scene(lab: Lab) -> None:
        client = await lab.client()
        client.transport.sendto(IN_SESSION)
        client.transport.sendto(PRESENCE_PING)
        assert await client.received.get() == PRESENCE_PING
        assert lab.relay.packets == 2
        assert lab.engine.received.qsize() == 1

    run(Weather(hangs=True), scene)


def test_an_engine_that_is_not_there_is_a_silent_bmc() -> None:
    async def scene(lab: Lab) -> None:
        client = await lab.client()
        lab.relay.connect(None)
        client.transport.sendto(PRESENCE_PING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.received.get()
        assert (lab.relay.packets, client.received.qsize()) == (1, 0)

    run(Weather(), scene)


def test_a_client_that_is_idle_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "IDLE_S", 0.5)

    async def scene(lab: Lab) -> None:
        forgotten = asyncio.Event()
        monkeypatch.setattr(lab.relay.logins, "forget", lambda _client: forgotten.set())
        client = await lab.client()
        client.transport.sendto(PRESENCE_PING)
        await client.received.get()
        await forgotten.wait()
        client.transport.sendto(PRESENCE_PING)
        await client.received.get()
        assert len(lab.engine.senders) == 2

    run(Weather(), scene)


def test_a_port_that_is_taken_is_told() -> None:
    async def scene(lab: Lab) -> None:
        with pytest.raises(OSError, match="in use"):
            Relay(weather=Weather).open(lab.place)

    run(Weather(), scene)
