# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receiver over HTTP: bounds, headers, and what survives its death."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._spool.spool import Spool, SpoolError
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import sign, signing_key
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server import app as app_module
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.events import AcceptedEvent
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.openapi import describe
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.receiver import Receiver
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.settings import Settings, SettingsError
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

from .damaged_bodies import HELLO, MAC, SERIAL, make_receiver, message

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
_PATIENCE_S = 60.0
_CODE = Path(str(app_module.__file__)).parents[2]


class Agent:
    """Sends signed requests with any client."""

    def __init__(self, script: str) -> None:
        words = dict(word.split("=", 1) for word in script.split() if word.startswith("bm."))
        self.run, self._key = words["bm.run"], signing_key(words["bm.token"])
        self.events = f"/v1/runs/{self.run}/events"

    def headers(self, method: str, path: str, number: int, body: bytes) -> dict[str, str]:
        signature = sign(self._key, method, path, number, body)
        return {"X-Validation-Sequence": str(number), "X-Validation-Signature": signature}


@pytest.fixture(name="receiver")
def _receiver(tmp_path: Path) -> Receiver:
    return make_receiver(tmp_path, time.time)


def over_http(receiver: Receiver, story: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    async def tell() -> Any:
        transport = httpx.ASGITransport(app_module.Application(receiver).to_asgi())
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
            return await story(client)

    return asyncio.run(tell())


def test_a_machine_gets_script_and_task_and_its_messages_are_stored(receiver: Receiver) -> None:
    async def story(client: httpx.AsyncClient) -> list[int]:
        script = (await client.get("/boot/ipxe", params={"mac": MAC.replace(":", "-"), "serial": SERIAL})).text
        agent = Agent(script)
        task_path = f"/v1/runs/{agent.run}/task"
        task = await client.get(task_path, headers=agent.headers("GET", task_path, 0, b""))
        assert task.json()["deadline_seconds"] == 600
        hello = message("hello", 1, HELLO)
        log_path, log = f"/v1/runs/{agent.run}/steps/02-memory/log/0", gzip.compress(b"<script>1</script>")
        answers = [
            task,
            await client.post(agent.events, content=hello, headers=agent.headers("POST", agent.events, 1, hello)),
            await client.put(log_path, content=log, headers=agent.headers("PUT", log_path, 2, log)),
            await client.get(f"/v1/runs/{agent.run}/steps/02-memory/log"),
        ]
        listed = await client.get(f"/v1/runs/{agent.run}")
        assert listed.json()["logs"] == {"02-memory": f"/v1/runs/{agent.run}/steps/02-memory/log"}
        assert (await client.get(f"/v1/runs/{uuid.uuid4()}")).status_code == 404
        assert answers[-1].text == "<script>1</script>"
        assert answers[-1].headers["content-type"].startswith("text/plain")
        assert answers[-1].headers["x-content-type-options"] == "nosniff"
        return [answer.status_code for answer in answers]

    assert over_http(receiver, story) == [200, 202, 202, 200]
    (row,) = receiver.spool.peek(9)
    assert row.item.kind == "hello"


@pytest.mark.parametrize("says_its_length", [True, False])
def test_a_body_that_is_too_large_is_refused_before_it_is_read_whole(
    receiver: Receiver, *, says_its_length: bool
) -> None:
    sent = []

    async def parts() -> Any:
        for _part in range(64):
            sent.append(1)
            yield bytes(1024 * 1024)

    async def story(client: httpx.AsyncClient) -> int:
        body: Any = bytes(3 * 1024 * 1024) if says_its_length else parts()
        return (await client.post(f"/v1/runs/{'0' * 36}/events", content=body)).status_code

    assert over_http(receiver, story) == 413
    assert len(sent) <= 3


def test_an_unknown_run_and_a_wrong_signature_get_the_same_answer(receiver: Receiver) -> None:
    agent = Agent(receiver.boot(MAC, SERIAL))

    async def story(client: httpx.AsyncClient) -> list[tuple[int, str]]:
        answers = []
        for path in (agent.events, "/v1/runs/00000000-0000-4000-8000-000000000000/events"):
            headers = {"X-Validation-Sequence": "1", "X-Validation-Signature": "0" * 64}
            answer = await client.post(path, content=b"{}", headers=headers)
            answers.append((answer.status_code, answer.text))
        return answers

    one, other = over_http(receiver, story)
    assert one == other
    assert one[0] == 401


@pytest.mark.parametrize(
    "path",
    ["/image/../state.sqlite", "/image/%2e%2e%2fstate.sqlite", "/image/.hidden", "/v1/runs/../steps/01-init/log"],
)
def test_no_path_leads_to_other_files(receiver: Receiver, path: str) -> None:
    async def story(client: httpx.AsyncClient) -> int:
        return (await client.get(path)).status_code

    assert over_http(receiver, story) == 404


def test_firmware_that_boots_by_http_is_told_how_long_the_loader_is_and_what(tmp_path: Path) -> None:
    receiver = make_receiver(tmp_path, time.time, image_directory=str(tmp_path))
    for name in ("ipxe.efi", "initrd"):
        (tmp_path / name).write_bytes(b"MZ" + bytes(98))

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.head("/image/ipxe.efi"), await client.get("/image/initrd")]

    head, initrd = over_http(receiver, story)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "100")
    types = [each.headers["content-type"] for each in (head, initrd)]
    assert types == ["application/efi", "application/octet-stream"]


def test_health_metrics_and_the_interface_are_shown(receiver: Receiver) -> None:
    receiver.boot(MAC, SERIAL)

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.get(path) for path in ("/healthz", "/metrics", "/openapi.json", "/docs")]

    health, metrics, document, page = over_http(receiver, story)
    assert health.json()["status"] == "ok"
    assert 'baremetal_validation_requests_total{outcome="boot image"} 1' in metrics.text
    assert re.fullmatch(r"(# (HELP|TYPE) .*\n|[a-z_]+(\{[^}]*\})? [0-9.]+\n)*", metrics.text)
    assert document.json() == describe()
    assert "POST /v1/runs/{run}/events" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_every_route_is_in_the_openapi_document(receiver: Receiver) -> None:
    routes = {route.path for route in app_module.Application(receiver).to_asgi().routes}

    assert routes - {"/openapi.json", "/docs", "/image/{name}"} == {*describe()["paths"]}


def test_a_full_spool_answers_503_and_the_message_is_not_taken(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Agent(receiver.boot(MAC, SERIAL))
    hello = message("hello", 1, HELLO)

    def full(_items: Any) -> Any:
        raise SpoolError("the disk is full")

    monkeypatch.setattr(receiver.spool, "offer_all", full)

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(agent.events, content=hello, headers=agent.headers("POST", agent.events, 1, hello))

    answer = over_http(receiver, story)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    run = receiver.state.run(agent.run)
    assert run is not None
    assert run.sequence == 0


@pytest.fixture(name="served")
def _served(tmp_path: Path) -> Iterator[Callable[[], Any]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "config.json"
    settings = {"url": f"http://127.0.0.1:{port}", "data_directory": str(tmp_path), "host": "127.0.0.1", "port": port}
    config.write_text(json.dumps(settings), encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(_CODE)!r}); import runpy; "
    code += f"sys.argv = ['x', 'receiver', '--config', {str(config)!r}]; "
    code += "runpy.run_module('module_utils._validation_server', run_name='__main__')"
    running: list[Any] = []

    def start() -> tuple[Any, str]:
        context = started([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        process = context.__enter__()
        running.append(context)
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        return process, f"http://127.0.0.1:{port}"

    yield start
    for context in running:
        context.__exit__(None, None, None)


def test_what_was_answered_202_is_there_after_kill_9_and_what_was_not_can_be_sent_again(
    served: Callable[[], Any], tmp_path: Path
) -> None:
    make_receiver(tmp_path, time.time)
    process, base = served()
    agent = Agent(httpx.get(f"{base}/boot/ipxe", params={"mac": MAC, "serial": SERIAL}).text)
    bodies = [message("hello", 1, HELLO)]
    bodies += [message("step_started", number, {}, "02-memory") for number in range(2, 20)]

    def post(number: int) -> int:
        body = bodies[number - 1]
        headers = agent.headers("POST", agent.events, number, body)
        return httpx.post(f"{base}{agent.events}", content=body, headers=headers).status_code

    for number in range(1, 10):
        assert post(number) == 202
    process.kill()
    process.wait(_PATIENCE_S)
    process, base = served()
    assert post(9) == 202
    for number in range(10, 20):
        assert post(number) == 202

    with Spool(tmp_path / "spool.sqlite", read_item=AcceptedEvent.from_dict, create=False) as spool:
        assert [row.item.sequence for row in spool.peek(99)] == list(range(1, 20))


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://x; reboot"}, {"kernel": "../vmlinuz"}, {"kernel_arguments": ["a b"]}, {"port": "80"},
        {"leave": "explode"}, {"heartbeat_seconds": 0}, {"no_such": 1}, {"write_cables": "yes"},
    ],
)  # fmt: skip
def test_settings_that_can_not_be_used_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Settings.from_mapping({"url": "http://192.0.2.1:8080", "data_directory": "/x", **given})
