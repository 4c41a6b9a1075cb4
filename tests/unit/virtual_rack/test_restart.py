# SPDX-License-Identifier: GPL-3.0-or-later
"""CMDaemon ends and starts again: what a client sees on the port, and what is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest

from virtual_rack.in_process import Bench
from virtual_rack.rack_reader import rack_from
from virtual_rack.serve import Options, running_rack

from .api_client import Client

Scene = Callable[[Client], Awaitable[None]]


@pytest.fixture
def play(content: dict[str, Any], tmp_path: Path) -> Callable[[Scene], None]:
    """Run a scene with a rack that is up, its clock paused, and a client that has logged in."""

    def play(scene: Scene) -> None:
        content["head_node"]["devices"] = ["node1"]

        async def run() -> None:
            async with running_rack(rack_from(content), Options(port=0, directory=tmp_path / "state")) as running:
                running.pacer.set_paused(True)
                client = Client(running)
                async with client.http, client.admin:
                    await client.log_in()
                    await scene(client)

        asyncio.run(run())

    return play


async def struck(client: Client, *, call: str, seconds: float, asking: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Ask something slow, and return as soon as the head node works on it."""
    began = asyncio.Event()
    client.running.head.faults.add({"kind": "slow", "call": call, "seconds": seconds, "times": 1})
    client.running.head.faults.listen(began.set)
    task = asyncio.create_task(asking)
    async with asyncio.timeout(10):
        await began.wait()
    return task


def test_a_head_node_that_restarts_is_gone_and_comes_back_on_its_port_with_its_database(
    play: Callable[[Scene], None],
) -> None:
    async def scene(client: Client) -> None:
        device = await client.call("cmdevice", "getDevice", "node1")
        await client.call("cmdevice", "updateDevice", {**device, "extra_values": {"owner": "me"}}, 0)
        left = (await client.admin.post("/head_node", json={"away_s": 3600})).json()
        assert (left["listening"], left["restarts"], 3000 < left["back_in_s"] <= 3600) == (False, 0, True)
        with pytest.raises(httpx.ConnectError):
            await client.ask("cmdevice", "getDevice", "node1")
        again = await client.admin.post("/head_node", json={"away_s": 1})
        assert (again.status_code, "away already" in again.json()["error"]) == (400, True)
        assert (await client.admin.post("/head_node", json={"away_s": 0})).json()["listening"] is True
        here = (await client.admin.get("/head_node")).json()
        assert (here["listening"], here["back_in_s"], here["restarts"]) == (True, None, 1)
        assert "text/html" in (await client.ask("cmdevice", "getDevice", "node1")).headers["content-type"]
        await client.log_in()
        assert (await client.call("cmdevice", "getDevice", "node1"))["extra_values"] == {"owner": "me"}

    play(scene)


def test_who_waits_for_events_is_cut_off_and_his_session_is_not_known_afterwards(play: Callable[[Scene], None]) -> None:
    async def scene(client: Client) -> None:
        session = await client.call("cmsession", "registerSession", 6)
        asking = client.call("cmsession", "waitForEvents", session, 60)
        waiting = await struck(client, call="waitForEvents", seconds=0.001, asking=asking)
        await client.admin.post("/head_node", json={"away_s": 3600})
        with pytest.raises(httpx.HTTPError):
            await waiting
        await client.admin.post("/head_node", json={"away_s": 0})
        await client.log_in()
        (ended,) = await client.call("cmsession", "waitForEvents", session, 60)
        assert ended["childType"] == "EndOfSessionEvent"

    play(scene)


def test_a_call_that_was_slow_when_the_head_node_went_is_never_done(play: Callable[[Scene], None]) -> None:
    async def scene(client: Client) -> None:
        device = await client.call("cmdevice", "getDevice", "node1")
        late = client.call("cmdevice", "updateDevice", {**device, "notes": "late"}, 0)
        asking = await struck(client, call="updateDevice", seconds=1, asking=late)
        await client.admin.post("/head_node", json={"away_s": 3600})
        with pytest.raises(httpx.HTTPError):
            await asking
        await client.admin.post("/head_node", json={"away_s": 0})
        await client.log_in()
        # As slow as the one that was cut off, and begun after it.
        reading = client.call("cmdevice", "getDevice", "node1")
        after = await struck(client, call="getDevice", seconds=1, asking=reading)
        assert (await after)["notes"] == ""

    play(scene)


@pytest.mark.parametrize(
    "body", [{}, {"away_s": -1}, {"away_s": "long"}, {"away_s": True}, {"away_s": False}, {"away_s": 1, "x": 1}]
)
def test_an_absence_that_cannot_be_is_refused(play: Callable[[Scene], None], body: dict[str, Any]) -> None:
    async def scene(client: Client) -> None:
        assert (await client.admin.post("/head_node", json=body)).status_code == 400
        assert (await client.admin.get("/head_node")).json()["listening"] is True

    play(scene)


def test_a_head_node_comes_back_by_itself(play: Callable[[Scene], None]) -> None:
    async def scene(client: Client) -> None:
        port = client.running.api_ports["bcm-head"]
        await client.admin.post("/head_node", json={"away_s": 0.05})
        async with asyncio.timeout(10):
            await port.listening.wait()
        assert (await client.log_in()).json() is True

    play(scene)


def test_a_rack_can_end_while_its_head_node_is_away(play: Callable[[Scene], None]) -> None:
    async def scene(client: Client) -> None:
        assert (await client.admin.post("/head_node", json={"away_s": 3600})).status_code == 200

    play(scene)


def test_machines_go_on_installing_while_the_head_node_is_away_but_nobody_gets_a_slot(bench: Bench) -> None:
    names = ("node1", "node2", "node3")
    bench.register(*names)
    for name in names:
        bench.power(name, "ON")
    bench.step(120)
    bench.head.stop_daemon()
    bench.step(1000)
    machines = [bench.head.machines.named(name) for name in names]
    assert [machine and machine.installs for machine in machines] == [1, 1, 0]
    bench.head.start_daemon()
    assert bench.status("node1")["status"] == "UP"
    bench.step(600)
    assert bench.status("node3")["status"] == "UP"


def test_power_operations_whose_turn_had_not_come_are_lost(bench: Bench) -> None:
    bench.register("node1", "node2")
    uuids = [bench.device(name)["uuid"] for name in ("node1", "node2")]
    bench.call("cmdevice", "powerOperation", {"operation": "ON", "devices": uuids, "delay": 60_000})
    bench.step(30)
    bench.head.stop_daemon()
    bench.head.start_daemon()
    bench.step(600)
    assert [machine.power for machine in bench.head.machines.all[:2]] == [True, False]
    history = bench.call("cmdevice", "powerOperationHistory", uuids, False)
    assert [entry["ref_device_uuid"] for entry in history] == uuids[:1]
    bench.power("node2", "ON")
    bench.step(3)
    assert bench.head.machines.all[1].power


def test_the_way_to_the_bmcs_is_told_to_give_up(bench: Bench) -> None:
    told: list[bool] = []
    bench.head.power.on_forget = lambda: told.append(True)
    bench.head.stop_daemon()
    assert told == [True]


def test_a_reset_with_a_pause_that_was_interrupted_leaves_the_machine_off(bench: Bench) -> None:
    bench.register("node1")
    bench.update("node1", bmcSettings={**bench.device("node1")["bmcSettings"], "powerResetDelay": 20})
    bench.head.press_power(bench.head.machines.all[0], power=True)
    bench.power("node1", "RESET")
    bench.step(10)
    bench.head.stop_daemon()
    bench.head.start_daemon()
    bench.step(60)
    assert not bench.head.machines.all[0].power
