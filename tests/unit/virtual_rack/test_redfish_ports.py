# SPDX-License-Identifier: GPL-3.0-or-later
"""The network side of the rack's Redfish: what clients meet when something is wrong with it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from virtual_rack.certificates import open_authority
from virtual_rack.clock import Pacer
from virtual_rack.in_process import Bench
from virtual_rack.rack_reader import rack_from
from virtual_rack.redfish.redfishes import Redfishes

ACCOUNT = ("bmcadmin", "bmc-secret")
NETWORK = "/redfish/v1/Managers/1/NetworkProtocol"


class Site:
    """A rack whose BMCs listen, and a client that trusts its authority."""

    def __init__(self, bench: Bench, redfishes: Redfishes, client: httpx.AsyncClient) -> None:
        self.bench, self.redfishes, self._client = bench, redfishes, client

    async def ask(
        self, method: str, path: str, *, number: int = 1, limit_s: float | httpx.Timeout = 5.0, **options: Any
    ) -> httpx.Response:
        """Ask a BMC over the network."""
        url = f"https://127.0.45.{number}:{self.redfishes.port}{path}"
        return await self._client.request(method, url, auth=ACCOUNT, timeout=limit_s, **options)

    async def fault(self, kind: str, **options: Any) -> None:
        """Break something at the first BMC."""
        self.bench.head.faults.add({"kind": kind, "node": "node1", **options})
        await self.redfishes.settle()

    async def mend(self) -> None:
        """Let everything be well again."""
        self.bench.head.faults.clear()
        await self.redfishes.settle()

    def show(self, number: int = 1) -> dict[str, Any]:
        """Look at a BMC as the admin API does."""
        machine = self.bench.head.machines.named(f"node{number}")
        assert machine is not None
        shown = self.redfishes.show(machine)
        assert shown is not None
        return shown


Play = Callable[[Callable[[Site], Awaitable[None]]], None]


@pytest.fixture
def play(content: dict[str, Any], tmp_path: Path) -> Play:
    """Run a scene at a site of two BMCs."""
    del content["machines"][2:]
    for number, machine in enumerate(content["machines"], start=1):
        machine["bmc"] |= {"address": f"127.0.45.{number}", "redfish": {"mode": "dmtf"}}

    @contextlib.asynccontextmanager
    async def site() -> AsyncIterator[Site]:
        bench = Bench(rack_from(content))
        pacer = Pacer(bench.clock, speed=600)
        redfishes = Redfishes(bench.head, pacer=pacer, directory=tmp_path / "redfish", port=0, on_accounts=lambda: None)
        await redfishes.start(open_authority(tmp_path))
        pace = asyncio.create_task(pacer.run())
        try:
            trusted = ssl.create_default_context(cafile=tmp_path / "ca.pem")
            async with httpx.AsyncClient(verify=trusted, trust_env=False) as client:
                yield Site(bench, redfishes, client)
        finally:
            pace.cancel()
            await redfishes.stop()

    def run(scene: Callable[[Site], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with site() as here:
                await scene(here)

        asyncio.run(whole())

    return run


def test_each_bmc_answers_at_its_address_with_a_certificate_of_the_rack(play: Play) -> None:
    async def scene(site: Site) -> None:
        for number in (1, 2):
            answer = await site.ask("GET", "/redfish/v1/Systems/1", number=number)
            assert answer.json()["EthernetInterfaces"]["@odata.id"].startswith("/redfish/v1/Systems/1")
            assert (answer.status_code, answer.headers["OData-Version"]) == (200, "4.0")
        root = await site.ask("GET", "/redfish/v1/")
        assert root.headers["Content-Type"] == "application/json; charset=utf-8"
        assert (site.show()["requests"], site.show()["writes"], site.show()["users"]) == (2, 0, {"bmcadmin": 1})

    play(scene)


@pytest.mark.parametrize(("kind", "is_done"), [("redfish_resets", False), ("redfish_answer_lost", True)])
def test_a_connection_that_is_cut_leaves_open_whether_it_was_done(play: Play, kind: str, *, is_done: bool) -> None:
    async def scene(site: Site) -> None:
        await site.fault(kind, method="PATCH", times=1)
        body = {"SSH": {"ProtocolEnabled": False}}
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await site.ask("PATCH", NETWORK, json=body)
        found = (await site.ask("GET", NETWORK)).json()["SSH"]["ProtocolEnabled"]
        assert found is not is_done
        assert (await site.ask("PATCH", NETWORK, json=body)).status_code == 200

    play(scene)


def test_a_service_can_be_unavailable_for_a_while_and_says_how_long(play: Play) -> None:
    async def scene(site: Site) -> None:
        await site.fault("redfish_unavailable", path="/redfish/v1/Managers", retry_after=7, times=1)
        assert (await site.ask("GET", "/redfish/v1/Systems")).status_code == 200
        answer = await site.ask("GET", NETWORK)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
        assert "ServiceTemporarilyUnavailable" in answer.json()["error"]["code"]
        assert (await site.ask("GET", NETWORK)).status_code == 200

    play(scene)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("bmc_away", httpx.ConnectError),
        ("bmc_silent", httpx.ConnectTimeout),
        ("bmc_hangs", httpx.ReadTimeout),
        ("redfish_other_certificate", httpx.ConnectError),
    ],
)
def test_a_bmc_that_cannot_be_used_is_found_out_and_comes_back(play: Play, kind: str, error: type[Exception]) -> None:
    async def scene(site: Site) -> None:
        await site.fault(kind)
        with pytest.raises(error):
            await site.ask("GET", NETWORK, limit_s=httpx.Timeout(5, connect=2, read=0.5))
        assert (await site.ask("GET", NETWORK, number=2)).status_code == 200
        await site.mend()
        assert (await site.ask("GET", NETWORK)).status_code == 200

    play(scene)


def test_a_bmc_can_be_slow(play: Play) -> None:
    async def scene(site: Site) -> None:
        await site.fault("bmc_slow", seconds=0.6)
        with pytest.raises(httpx.ReadTimeout):
            await site.ask("GET", NETWORK, limit_s=httpx.Timeout(5, read=0.3))
        assert (await site.ask("GET", NETWORK)).status_code == 200

    play(scene)


def test_every_password_is_wrong_while_credentials_are_refused(play: Play) -> None:
    async def scene(site: Site) -> None:
        await site.fault("bmc_refuses_credentials")
        assert (await site.ask("GET", NETWORK)).status_code == 401
        assert (site.show()["logins"], site.show()["refused_logins"]) == (1, 1)
        assert (await site.ask("GET", NETWORK, number=2)).status_code == 200

    play(scene)


def test_a_bmc_that_is_reset_answers_first_and_is_away_until_it_has_started_again(play: Play) -> None:
    async def scene(site: Site) -> None:
        await site.fault("redfish_reboot_hangs")
        reset = "/redfish/v1/Managers/1/Actions/Manager.Reset"
        assert (await site.ask("POST", reset, json={"ResetType": "ForceRestart"})).status_code == 204
        await site.redfishes.settle()
        await asyncio.sleep(0.3)
        assert site.show()["away"]
        with pytest.raises(httpx.ConnectError):
            await site.ask("GET", NETWORK)
        await site.mend()
        assert (await site.ask("GET", NETWORK)).status_code == 200

    play(scene)


def test_a_method_that_nobody_knows_is_answered_with_501(play: Play) -> None:
    async def scene(site: Site) -> None:
        answer = await site.ask("FAKEMETHOD", "/redfish/v1/")
        assert answer.status_code == 501
        assert "UnsupportedMethod" in answer.json()["error"]["code"]

    play(scene)


def test_an_image_is_pushed_in_parts(play: Play) -> None:
    async def scene(site: Site) -> None:
        image = b"virtual-rack-firmware NIC 23.1.0\n" + bytes(range(256)) * 100
        parts = {
            "UpdateParameters": (None, "{}", "application/json"),
            "UpdateFile": ("nic.bin", image, "application/octet-stream"),
        }
        push = (await site.ask("GET", "/redfish/v1/UpdateService")).json()["MultipartHttpPushUri"]
        assert (await site.ask("POST", push, files=parts)).status_code == 202
        site.bench.step(60)
        inventory = "/redfish/v1/UpdateService/FirmwareInventory/NIC"
        assert (await site.ask("GET", inventory)).json()["Version"] == "23.1.0"

    play(scene)
