# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the receiver of validations costs: messages a second beside the bare framework, NetBox's requests per server.

Run as `PYTHONPATH=.collections python benchmarks/validation_receiver.py`. Both kinds of messages come by the same
client over loopback, from as many machines at once; the bare framework reads the body and answers, no more.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
import time
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


def main() -> None:
    bare = _rate(Starlette(routes=[Route("/{path:path}", _accept, methods=["POST"])]), None)
    with tempfile.TemporaryDirectory() as directory:
        receiver = make_receiver(Path(directory), time.time)
        ours = _rate(Application(receiver).to_asgi(), receiver)
    print(f"bare framework  {bare:8,.0f} messages/s")  # noqa: T201
    print(f"receiver        {ours:8,.0f} messages/s, each in the spool, on disk, before its answer")  # noqa: T201
    for count in (1, 100):
        print(f"NetBox requests per server, {count:>3} servers at once: {_requests(count):.2f}")  # noqa: T201


async def _accept(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse({"accepted": 1}, status_code=202)


def _rate(app: Any, receiver: Any) -> float:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            return asyncio.run(_post_all(f"http://127.0.0.1:{listening.getsockname()[1]}", _agents(receiver)))
        finally:
            server.should_exit = True
            thread.join()


def _agents(receiver: Any) -> list[Agent]:
    if receiver is None:
        return [Agent(f"bm.run={number} bm.token={'00' * 32}") for number in range(_MACHINES)]
    task = {"profile": {}, "heartbeat_seconds": 15, "deadline_seconds": 600, "expected": {}}
    macs = [f"02:00:00:00:01:{number:02X}" for number in range(_MACHINES)]
    receiver.state.admit(Admission(mac, number, f"n{number}", "SN1", task) for number, mac in enumerate(macs))
    return [Agent(receiver.boot(mac, "SN1")) for mac in macs]


async def _post_all(base: str, agents: list[Agent]) -> float:
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
