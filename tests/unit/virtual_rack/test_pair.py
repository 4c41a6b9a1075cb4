# SPDX-License-Identifier: GPL-3.0-or-later
"""Two head nodes with one database: what the passive one does, and how it takes over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from virtual_rack.rack_reader import RackFileError, rack_from
from virtual_rack.serve import Options, running_rack

from .api_client import Client

Scene = Callable[[Client, Client], Awaitable[None]]


@pytest.fixture
def play(content: dict[str, Any], tmp_path: Path) -> Callable[[Scene], None]:
    """Run a scene with a client of each head node of a pair, both logged in."""

    def play(scene: Scene) -> None:
        content["head_node"].update(devices=["node1"], passive="bcm-head2")

        async def run() -> None:
            async with running_rack(rack_from(content), Options(port=0, directory=tmp_path / "state")) as running:
                running.pacer.set_paused(True)
                first, second = Client(running), Client(running)
                await second.http.aclose()
                second.http = httpx.AsyncClient(
                    base_url=f"https://127.0.0.2:{running.port}", verify=second.context, trust_env=False, timeout=10
                )
                async with first.http, first.admin, second.http, second.admin:
                    await first.log_in()
                    await second.log_in()
                    await scene(first, second)

        asyncio.run(run())

    return play


async def role(client: Client) -> str:
    uuids = await client.call("cmmain", "getActivePassiveUuids")
    own = (await client.call("cmmain", "getVersion"))["ref_node_uuid"]
    return "active" if uuids[0] == own else "passive"


async def rename(client: Client, notes: str) -> Any:
    device = await client.call("cmdevice", "getDevice", "node1")
    return await client.call("cmdevice", "updateDevice", {**device, "notes": notes}, 0)


def test_both_read_the_same_database_and_only_the_active_one_writes(play: Callable[[Scene], None]) -> None:
    async def scene(first: Client, second: Client) -> None:
        assert (await role(first), await role(second)) == ("active", "passive")
        assert (await rename(first, "changed"))["success"] is True
        refused = await rename(second, "lost")
        assert refused["success"] is False
        assert refused["validation"][0]["error_code"] == "NOT_ACTIVE"
        assert (await second.call("cmdevice", "getDevice", "node1"))["notes"] == "changed"
        off = {"baseType": "PowerOperation", "operation": "OFF", "devices": []}
        assert (await second.call("cmdevice", "powerOperation", off))["success"] is False

    play(scene)


def test_the_passive_one_takes_over_and_the_other_is_passive_then(play: Callable[[Scene], None]) -> None:
    async def scene(first: Client, second: Client) -> None:
        shown = (await first.admin.post("/head_node", json={"take_over": True})).json()
        assert (shown["active"], shown["passive"]) == ("bcm-head2", "bcm-head")
        assert (await role(first), await role(second)) == ("passive", "active")
        assert (await rename(second, "changed"))["success"] is True
        assert (await rename(first, "lost"))["success"] is False
        ips = await second.call("cmmain", "getHeadNodeIPs")
        assert (ips["active_head_node_ip"], ips["passive_head_node_ip"]) == (
            "10.141.255.253",
            "10.141.255.254",
        )

    play(scene)


def test_the_active_one_can_be_gone_when_the_passive_one_takes_over(play: Callable[[Scene], None]) -> None:
    async def scene(first: Client, second: Client) -> None:
        session = await first.call("cmsession", "registerSession", 6)
        await first.admin.post("/head_node", json={"take_over": True, "away_s": 3600})
        with pytest.raises(httpx.TransportError):
            await first.log_in()
        assert await role(second) == "active"
        # Its memory is gone with it: the other knows no session of it.
        lost = await second.ask("cmsession", "waitForEvents", session, 1)
        assert [(event["childType"], event["reason"]) for event in lost.json()] == [
            ("EndOfSessionEvent", "unknown session")
        ]
        again = await first.admin.post("/head_node", json={"take_over": True})
        assert again.status_code == 400
        assert "is away" in again.json()["error"]

    play(scene)


def test_a_login_at_the_one_is_none_at_the_other(play: Callable[[Scene], None]) -> None:
    async def scene(first: Client, second: Client) -> None:
        second.http.cookies = first.http.cookies
        assert "Login" in (await second.ask("cmdevice", "getDevices")).text

    play(scene)


def test_the_two_are_devices_and_one_of_them_serves_images(play: Callable[[Scene], None]) -> None:
    async def scene(first: Client, _second: Client) -> None:
        heads = [device for device in await first.call("cmdevice", "getDevices") if device["childType"] == "HeadNode"]
        assert [device["hostname"] for device in heads] == ["bcm-head", "bcm-head2"]
        status = await first.call("cmprov", "getProvisioningStatus", [])
        assert len(status["provisioningNodeStatusList"]) == 1

    play(scene)


def test_where_there_is_one_head_node_none_takes_over(content: dict[str, Any], tmp_path: Path) -> None:
    async def run() -> None:
        async with running_rack(rack_from(content), Options(port=0, directory=tmp_path / "state")) as running:
            client = Client(running)
            async with client.http, client.admin:
                refused = await client.admin.post("/head_node", json={"take_over": True})
                assert refused.status_code == 400
                assert "no passive head node" in refused.json()["error"]
                assert running.environment()["BCM_HEAD_NODE"] == "127.0.0.1"

    asyncio.run(run())


def test_the_passive_head_node_has_a_name_of_its_own(content: dict[str, Any]) -> None:
    content["head_node"]["passive"] = "bcm-head"

    with pytest.raises(RackFileError, match="passive"):
        rack_from(content)
