# SPDX-License-Identifier: GPL-3.0-or-later
"""A bench that runs: its network, its servers, and the BMCs that switch them."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from virtual_rack.bmc.chassis import ChassisWires
from virtual_rack.bmc.engine import Engine
from virtual_rack.bmc.relay import Relay, Weather
from virtual_rack.servers.bench_file import BenchSpec
from virtual_rack.servers.machine import Server
from virtual_rack.servers.wire import Wire

_CLEAR = Weather()


class Bench:
    """The bench, until it is closed. Needs root. Must be used from the program's main thread."""

    def __init__(self, spec: BenchSpec, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.spec = spec
        self._wire = Wire(spec, directory)
        self._wires = ChassisWires(directory / "bmc", act=lambda number, *asked: self.servers[number - 1].act(*asked))
        self._relays: list[Relay] = []
        self._engines: list[Engine] = []
        self.servers = [
            Server(each, number, self._wire, directory / each.name, on_change=self._show)
            for number, each in enumerate(spec.servers)
        ]

    async def start(self) -> None:
        """Start all but the servers, which wait for their BMCs. Raises OSError."""
        self._wire.open()
        self._wires.open()
        for server in self.servers:
            relay = Relay(weather=lambda: _CLEAR)
            relay.open((server.spec.bmc.address, self.spec.ipmi_port))
            place = self._wires.attach(server.number + 1)
            engine = Engine(server.spec.bmc, number=server.number + 1, directory=place, on_place=relay.connect)
            self._show(server)
            engine.start()
            self._relays.append(relay)
            self._engines.append(engine)
        await asyncio.gather(*(engine.ready() for engine in self._engines))
        for engine in self._engines:
            if engine.problem:
                raise OSError(f"BMC: {engine.problem}")

    async def close(self) -> None:
        """End all of it."""
        for engine in self._engines:
            engine.stop()
        for relay in self._relays:
            relay.close()
        self._wires.close()
        for server in self.servers:
            server.switch_off()
        await asyncio.gather(*(server.ended() for server in self.servers))
        self._wire.close()

    def _show(self, server: Server) -> None:
        if server.number < len(self._engines) + 1:
            self._wires.show(server.number + 1, power=server.power, boot=server.boot_device)


async def serve(spec: BenchSpec, directory: Path) -> None:
    """Run a bench until SIGINT or SIGTERM; says `ready` when its BMCs answer."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    bench = Bench(spec, directory)
    try:
        await bench.start()
        print(f"ready: namespace {spec.namespace}, {len(spec.servers)} servers", flush=True)
        await ended.wait()
    finally:
        await bench.close()
