# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the receiver of validations costs: messages a second beside the bare framework, NetBox's requests per server.

Run as `PYTHONPATH=.collections python benchmarks/validation_receiver.py`. Both kinds of messages come by the same
client over loopback, from as many machines at once; the bare framework reads the body and answers, no more. CPU is that
of the serving process alone.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.app import Application
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.state import Admission
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.netbox.validating import Place
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation_server.damaged_bodies import (
    HELLO,
    make_receiver,
    message,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation_server.test_app import Agent

_MACHINES = 32
_MESSAGES = 60
_ROUNDS = 3


def main() -> None:
    for _round in range(_ROUNDS):
        bare = _rate(lambda: Starlette(routes=[Route("/{path:path}", _accept, methods=["POST"])]), _agents())
        with tempfile.TemporaryDirectory() as directory:
            place = Path(directory)
            agents = _agents(make_receiver(place, time.time))
            ours = _rate(lambda place=place: Application(make_receiver(place, time.time)).to_asgi(), agents)
        for name, (rate, cpu_ms) in {"bare framework": bare, "receiver": ours}.items():
            print(f"{name:14}  {rate:6,.0f} messages/s  {cpu_ms:5.2f} ms of CPU each")  # noqa: T201
    for count in (1, 100):
        print(f"NetBox requests per server, {count:>3} servers at once: {_requests(count):.2f}")  # noqa: T201


async def _accept(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse({"accepted": 1}, status_code=202)


def _rate(make: Callable[[], Any], agents: Sequence[Agent]) -> tuple[float, float]:
    """Serve an application in a process of its own; give messages a second, and its milliseconds of CPU for each."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(_MACHINES)
        process = multiprocessing.get_context("fork").Process(target=_serve, args=(make, listening))
        process.start()
        before = _cpu_of_children_s()
        try:
            rate = asyncio.run(_post_all(f"http://127.0.0.1:{listening.getsockname()[1]}", agents))
        finally:
            process.terminate()
            process.join()
    return rate, 1000 * (_cpu_of_children_s() - before) / (_MACHINES * _MESSAGES)


def _serve(make: Callable[[], Any], listening: socket.socket) -> None:
    uvicorn.Server(uvicorn.Config(make(), log_level="error", access_log=False)).run(sockets=[listening])


def _cpu_of_children_s() -> float:
    """Return the CPU time of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _agents(receiver: Any = None) -> list[Agent]:
    if receiver is None:
        return [Agent(f"bm.run={number} bm.token={'00' * 32}") for number in range(_MACHINES)]
    task = {"profile": {}, "heartbeat_seconds": 15, "deadline_seconds": 600, "expected": {}}
    macs = [f"02:00:00:00:01:{number:02X}" for number in range(_MACHINES)]
    receiver.state.admit(Admission(mac, number, f"n{number}", "SN1", task) for number, mac in enumerate(macs))
    return [Agent(receiver.boot(mac, "SN1")) for mac in macs]


async def _post_all(base: str, agents: Sequence[Agent]) -> float:
    async with httpx.AsyncClient(base_url=base, limits=httpx.Limits(max_connections=_MACHINES), timeout=60) as client:
        started = time.monotonic()
        await asyncio.gather(*(_post(client, number, agent) for number, agent in enumerate(agents)))
        return _MACHINES * _MESSAGES / (time.monotonic() - started)


async def _post(client: httpx.AsyncClient, machine: int, agent: Agent) -> None:
    for number in range(1, _MESSAGES + 1):
        hello = {**HELLO, "macs": [f"02:00:00:00:01:{machine:02X}"]}
        body = message("hello", 1, hello) if number == 1 else message("step_started", number, {}, "02-memory")
        answer = await client.post(
            agent.events, content=body, headers=agent.headers("POST", agent.events, number, body)
        )
        answer.raise_for_status()


def _requests(count: int) -> float:
    """All requests from the first reading to the verdict, per server, its five messages a turn."""
    with served(FakeNetBox(NEW)) as netbox, tempfile.TemporaryDirectory() as directory:
        lab = Lab(netbox.url, TOKEN)
        lab.add("extras/custom-fields", name="validation_result", type="json", object_types=["dcim.device"])
        place = Place(lab, Path(directory))
        machines = [place.machine() for _number in range(count)]
        before = len(netbox.requests)
        place.turn()
        for machine in machines:
            machine.boot()
            machine.hello()
        place.turn()
        for step in ("01-init", "02-memory", "04-lldp"):
            for machine in machines:
                machine.finish(step)
            place.turn()
        for machine in machines:
            machine.say("finished")
        place.turn()
        asked = len(netbox.requests) - before
        if {lab.state(machine.server) for machine in machines} != {"staged"}:
            raise SystemExit("not every server is staged")
        place.close()
        return asked / count


if __name__ == "__main__":
    main()
