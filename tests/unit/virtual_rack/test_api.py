# SPDX-License-Identifier: GPL-3.0-or-later
"""The head node over its real TLS port, and the admin API over its own."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from virtual_rack.certificates import issue_client, open_authority, write_pair
from virtual_rack.rack_reader import rack_from
from virtual_rack.serve import Options, greeting, running_rack

from .api_client import Client

Scene = Callable[[Client], Awaitable[None]]


@pytest.fixture
def play(content: dict[str, Any], tmp_path: Path) -> Callable[..., None]:
    """Run a scene with a rack that is up, its clock paused."""

    def play(scene: Scene, *, log_in: bool = True, certificate: str | None = None, **head_node: Any) -> None:
        content["head_node"] |= {"devices": ["node1"], **head_node}
        options = Options(port=0, directory=tmp_path / "state")

        async def run() -> None:
            async with running_rack(rack_from(content), options) as running:
                running.pacer.set_paused(True)
                client = Client(running, certificate=certificate)
                async with client.http, client.admin:
                    if log_in and certificate is None:
                        assert (await client.log_in()).json() is True
                    await scene(client)

        asyncio.run(run())

    return play


def test_a_login_answers_true_with_a_cookie_and_closes(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        answer = await client.log_in()
        assert (answer.status_code, answer.text, answer.headers["connection"]) == (200, "true", "close")
        pattern = r"cm-login-token=[A-Za-z0-9]{32};path=/;Secure;httponly"
        assert re.fullmatch(pattern, answer.headers["set-cookie"])
        assert answer.headers["content-type"].startswith("application/json")

    play(scene, log_in=False)


def test_without_a_login_the_answer_is_a_page(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        answer = await client.ask("cmdevice", "getDevices")
        assert answer.headers["content-type"].startswith("text/html")
        wrong = await client.log_in(password="wrong")
        assert (wrong.json(), "set-cookie" in wrong.headers) == (False, False)
        assert (await client.ask("cmdevice", "getDevices")).headers["content-type"].startswith("text/html")

    play(scene, log_in=False)


def test_without_a_login_the_answer_can_be_an_errormessage(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        assert "errormessage" in await client.call("cmdevice", "getDevices")

    play(scene, log_in=False, unauthenticated="errormessage")


def test_sessions_expire_when_the_administrator_says_so(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        assert len(await client.call("cmdevice", "getDevices")) == 2
        assert (await client.admin.post("/sessions/expire")).json() == {"expired": 1}
        assert "text/html" in (await client.ask("cmdevice", "getDevices")).headers["content-type"]

    play(scene)


def test_a_client_certificate_needs_no_login(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        assert len(await client.call("cmdevice", "getDevices")) == 2

    play(scene, certificate="admin")


def test_service_names_are_taken_with_and_without_cm_in_any_case(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        for service in ("cmdevice", "CMDevice", "device", "Device"):
            assert len(await client.call(service, "getDevices")) == 2
        body = {"service": "cmdevice", "call": "getNode", "arg": "master"}
        assert (await client.http.post("/json", json=body)).json()["childType"] == "HeadNode"

    play(scene)


def test_unknown_services_and_calls_are_refused_each_in_its_way(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        assert await client.call("cmfake", "x") == {"errormessage": "No such service: '(cm)fake'\n"}
        assert (await client.ask("cmdevice", "listNodes")).status_code == 400
        assert (await client.ask("cmdevice", "getdevices")).status_code == 400
        assert (await client.http.post("/json", content=b"nonsense")).status_code == 400
        assert await client.call("cmdevice", "getDevice", "nobody") is None

    play(scene)


@pytest.mark.parametrize(("denied", "status"), [("errormessage", 200), ("635", 635), ("640", 640)])
def test_a_profile_that_may_not_call_is_told_so(play: Callable[..., None], denied: str, status: int) -> None:
    async def scene(client: Client) -> None:
        await client.log_in("guest", "guest-secret")
        assert len(await client.call("cmdevice", "getDevices")) == 2
        answer = await client.ask("cmdevice", "removeDevice", "x", 0)
        assert answer.status_code == status
        text = "Your certificate (profile:readonly) does not allow access to CMDevice::removeDevice\n"
        assert answer.json() == {"errormessage": text}

    play(scene, log_in=False, denied=denied)


def test_larger_answers_are_compressed_for_those_who_take_it_and_requests_may_be(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        packed = await client.ask("cmdevice", "getDevices")
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["x-u"]) == len(packed.content)
        plain = await client.http.post(
            "/json",
            content=gzip.compress(json.dumps({"service": "cmdevice", "call": "getDevices"}).encode()),
            headers={"Content-Encoding": "gzip", "Accept-Encoding": "identity"},
        )
        assert "content-encoding" not in plain.headers
        assert plain.json() == packed.json()

    play(scene)


def test_minify_leaves_out_what_has_its_default(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        small = await client.call("cmdevice", "getDevice", "node1", minify=True)
        whole = await client.call("cmdevice", "getDevice", "node1")
        assert (
            small.items() <= {**whole, "interfaces": small["interfaces"], "bmcSettings": small["bmcSettings"]}.items()
        )
        assert small["hostname"] == "node1"
        assert not {"notes", "roles", "modified"} & small.keys()

    play(scene)


def test_the_version_is_told_to_certificates_and_passwords(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        answer = await client.http.get("/rest/v1/version", auth=("admin", "head-secret"))
        assert answer.json()["cm_version"] == "11.0"
        refused = await client.http.get("/rest/v1/version", auth=("admin", "wrong"))
        assert "text/html" in refused.headers["content-type"]

    play(scene, log_in=False)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_refused_client_certificate_ends_with_an_alert_that_says_why(
    play: Callable[..., None], tmp_path: Path, newest: ssl.TLSVersion
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_pair(issue_client(open_authority(elsewhere), user="admin", profile="admin"), elsewhere, "admin")

    def connect(context: ssl.SSLContext, port: int) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            connection.sendall(b"GET /rest/v1/version HTTP/1.1\r\nHost: head\r\n\r\n")
            return connection.recv(1000)

    async def scene(client: Client) -> None:
        context = ssl.create_default_context(cafile=client.running.directory / "ca.pem")
        context.maximum_version = newest
        context.load_cert_chain(elsewhere / "admin.pem", elsewhere / "admin.key")
        with pytest.raises(ssl.SSLError, match="alert"):
            await asyncio.to_thread(connect, context, client.running.port)
        # The port goes on to serve others.
        assert len(await client.call("cmdevice", "getDevices")) == 2

    play(scene)


@pytest.mark.parametrize(("version", "ready"), [("10", "ready"), ("11", "v2")])
def test_clients_are_told_that_the_head_node_is_ready_and_how_to_ask(
    play: Callable[..., None], version: str, ready: str
) -> None:
    async def scene(client: Client) -> None:
        asked = await client.http.get("/ready?version=query")
        assert (asked.status_code, asked.text) == (200, ready)
        assert (await client.http.get("/ready?name=cod")).status_code == 200
        fault = {"kind": "call_fails", "call": "ready", "answer": {"http_status": 503}, "times": 1}
        await client.admin.post("/faults", json=fault)
        assert (await client.http.get("/ready?name=cod")).status_code == 503
        assert (await client.http.get("/ready?name=cod")).status_code == 200

    play(scene, log_in=False, version=version)


@pytest.mark.parametrize(
    "body",
    [
        b'{"service": "cmdevice", "call": "getDevice", "args": [5]}',
        b'{"service": "cmdevice", "call": "powerOperation", "args": [{"operation": "ON", "devices": 5}]}',
        b'{"service": "cmdevice", "call": "powerOperation", "args": [{"operation": "ON", "delay": "x"}]}',
        b'{"service": "cmdevice", "call": "powerOperation", "args": [{"operation": "ON", "delay": NaN}]}',
        b'{"service": "cmdevice", "call": "powerOperation", "args": [{"operation": "ON", "delay": 1e999}]}',
        b'{"service": "cmsession", "call": "waitForEvents", "args": ["x", "long"]}',
        b'{"service": "cmdevice", "call": "getDevice", "args": {"name": "node1"}}',
        b'{"service": "cmdevice", "call": "validateDevice", "args": [' + b"[" * 100_000,
        b'{"service": "cmdevice", "call": "validateDevice", "args": [' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"]}",
        b'{"service": ["cmdevice"], "call": "getDevices"}',
        b"\xff\xfe",
    ],
    ids=lambda body: body[:90].decode("latin-1"),
)
def test_arguments_of_the_wrong_kind_are_a_bad_request(
    play: Callable[..., None], body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(client: Client) -> None:
        answer = await client.http.post("/json", content=body)
        assert (answer.status_code, answer.text) == (400, "Bad Request\n")

    play(scene)
    assert caplog.records == []


def test_a_password_that_is_no_text_is_a_wrong_one(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        for password in ('"\\ud800"', "[]", "null", "5"):
            body = f'{{"service": "login", "username": "admin", "password": {password}}}'
            answer = await client.http.post("/json", content=body)
            assert (answer.status_code, answer.json()) == (200, False)

    play(scene, log_in=False)


def test_a_certificate_can_be_for_another_name(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await client.log_in()

    play(scene, log_in=False, tls_names="mismatch")


def test_waiting_for_events_ends_when_something_happens(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        session = await client.call("cmsession", "registerSession", 6)
        waiting = asyncio.create_task(client.call("cmsession", "waitForEvents", session, 60))
        uuid = (await client.call("cmdevice", "getDevice", "node1"))["uuid"]
        await client.call("cmdevice", "powerOperation", {"operation": "ON", "devices": [uuid]})
        await client.admin.post("/clock", json={"step_s": 3})
        assert [event["childType"] for event in await waiting] == ["PowerStatusChangedEvent"]
        assert await client.call("cmsession", "waitForEvents", session, 0) == []
        assert await client.call("cmsession", "acknowledgeKeepAlive", session, 0) is True
        ended = await client.call("cmsession", "waitForEvents", "nobody", 0)
        assert ended[0]["childType"] == "EndOfSessionEvent"

    play(scene)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        ({"http_status": 503, "body": "busy"}, 503, "busy"),
        ({"errormessage": "no\n"}, 200, '{"errormessage": "no\\n"}'),
        ("not_json", 200, "<html>not JSON</html>"),
    ],
)
def test_a_call_fails_the_way_a_fault_says_and_others_do_not(
    play: Callable[..., None], answer: Any, status: int, body: str
) -> None:
    async def scene(client: Client) -> None:
        fault = {"kind": "call_fails", "service": "cmdevice", "call": "getDevice", "answer": answer, "times": 1}
        assert (await client.admin.post("/faults", json=fault)).status_code == 201
        assert len(await client.call("cmdevice", "getDevices")) == 2
        broken = await client.ask("cmdevice", "getDevice", "node1")
        assert (broken.status_code, broken.text) == (status, body)
        assert (await client.call("cmdevice", "getDevice", "node1"))["hostname"] == "node1"

    play(scene)


def test_a_call_that_fails_for_a_time_works_again_by_itself(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        uuid = (await client.call("cmdevice", "getDevice", "node1"))["uuid"]
        ended = asyncio.Event()
        answer = {"http_status": 503}
        fault = {"kind": "call_fails", "call": "getStatusForDevices", "answer": answer}
        lasting = (await client.admin.post("/faults", json={**fault, "seconds": 3600})).json()
        for _ in range(2):
            assert (await client.ask("cmstatus", "getStatusForDevices", [uuid])).status_code == 503
        await client.admin.post("/faults", json={**fault, "seconds": 0.01})
        await client.admin.delete(f"/faults/{lasting['id']}")

        def look() -> None:
            if not client.running.head.faults.all():
                ended.set()

        client.running.head.faults.listen(look)
        look()
        async with asyncio.timeout(10):
            await ended.wait()
        assert (await client.call("cmstatus", "getStatusForDevices", [uuid]))[0]["status"] == "DOWN"
        assert (await client.admin.get("/faults")).json() == []

    play(scene)


@pytest.mark.parametrize("answer", ["nothing", "half"])
def test_a_connection_can_break_instead_of_an_answer(play: Callable[..., None], answer: str) -> None:
    async def scene(client: Client) -> None:
        await client.admin.post("/faults", json={"kind": "call_fails", "answer": answer, "times": 1})
        with pytest.raises(httpx.RemoteProtocolError):
            await client.ask("cmdevice", "getDevices")

    play(scene)


def test_a_call_can_hang(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        await client.admin.post("/faults", json={"kind": "call_fails", "answer": "hang", "times": 1})
        with pytest.raises(httpx.ReadTimeout):
            await client.http.post(
                "/json", json={"service": "cmdevice", "call": "getDevices"}, timeout=httpx.Timeout(10, read=0.1)
            )

    play(scene)


def test_the_administrator_sees_each_machine(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        assert (await client.admin.get("/health")).json()["status"] == "ok"
        first, second = (await client.admin.get("/nodes")).json()[:2]
        assert first == {
            "name": "node1",
            "mac": "02:00:00:00:00:01",
            "serial": "",
            "power": "OFF",
            "boot_device": "none",
            "hostname": "node1",
            "device_uuid": (await client.call("cmdevice", "getDevice", "node1"))["uuid"],
            "status": "DOWN",
            "message": "",
            "running_image": None,
            "kernel_parameters": None,
            "partitions": [],
            "scripts": [],
            "power_operations": 0,
            "boots": 0,
            "installs": 0,
            "last_install_mode": None,
            "redfish": None,
            "bmc": {
                "engine": "direct",
                "address": "10.148.0.1",
                "port": None,
                "logins": 0,
                "refused_logins": 0,
                "users": {},
                "packets": 0,
                "restarts": 0,
                "problem": None,
            },
        }
        assert (second["hostname"], second["status"]) == (None, None)
        device = await client.call("cmdevice", "getDevice", "node1")
        await client.call("cmdevice", "updateDevice", {**device, "finalize": "date"}, 0)
        await client.admin.post("/nodes/node1", json={"power": "on"})
        await client.admin.post("/clock", json={"step_s": 600})
        node = (await client.admin.get("/nodes/node1")).json()
        assert (node["power"], node["status"], node["boots"], node["installs"]) == ("ON", "UP", 1, 1)
        assert node["running_image"]["name"] == "default-image"
        assert node["kernel_parameters"] == "rd.driver.blacklist=nouveau"
        assert node["partitions"][1] == {
            "kind": "partition",
            "name": "a1",
            "device": "/dev/sda",
            "size": "max",
            "filesystem": "xfs",
            "mount_point": "/",
        }
        (script,) = node["scripts"]
        assert {**script, "sha256": ""} == {
            "order": 1,
            "phase": "finalize",
            "owner": "device node1",
            "sha256": "",
            "exit_status": 0,
            "after_copy": True,
        }
        assert (await client.admin.get("/nodes/nobody")).status_code == 404
        assert (await client.admin.post("/nodes/node1", json={"power": "up"})).status_code == 400

    play(scene)


def test_a_bmc_that_is_away_for_a_time_comes_back(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        gone = asyncio.Event()
        faults = client.running.head.faults

        def look() -> None:
            if not faults.all():
                gone.set()

        faults.listen(look)
        spec = {"kind": "bmc_away", "node": "node1", "seconds": 0.05}
        assert (await client.admin.post("/faults", json=spec)).status_code == 201
        async with asyncio.timeout(10):
            await gone.wait()

    play(scene)


def test_calls_are_counted_by_operation_and_passwords_are_blanked(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        assert (await client.admin.delete("/calls")).json() == {"total": 0, "mutating": 0, "calls": []}
        device = await client.call("CMDevice", "getDevice", "node1")
        for operation in ("STATUS", "STATUS", "ON"):
            await client.call("device", "powerOperation", {"operation": operation, "devices": [device["uuid"]]})
        await client.call("cmdevice", "updateDevice", device, 0)
        counts = (await client.admin.get("/calls")).json()
        assert (counts["total"], counts["mutating"]) == (5, 2)
        status = {"service": "cmdevice", "call": "powerOperation", "operation": "STATUS", "count": 2, "mutating": False}
        assert status in counts["calls"]
        last = (await client.admin.get("/calls/log?limit=1")).json()
        assert last[0]["args"][0]["bmcSettings"]["password"] == "********"
        assert "bmc-secret" not in (await client.admin.get("/calls/log")).text

    play(scene)


def test_faults_are_listed_and_taken_away(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        refused = await client.admin.post("/faults", json={"kind": "gremlins"})
        assert refused.status_code == 400
        assert "never_boots" in refused.json()["error"]
        fault = (await client.admin.post("/faults", json={"kind": "never_boots", "node": "node1"})).json()
        assert (await client.admin.get("/faults")).json() == [fault]
        assert (await client.admin.delete(f"/faults/{fault['id']}")).json() == []
        assert (await client.admin.delete(f"/faults/{fault['id']}")).status_code == 404
        await client.admin.post("/faults", json={"kind": "never_boots"})
        assert (await client.admin.delete("/faults")).json() == []

    play(scene)


def test_the_clock_is_paused_stepped_and_sped_up_over_the_admin_api(play: Callable[..., None]) -> None:
    async def scene(client: Client) -> None:
        before = (await client.admin.get("/clock")).json()
        assert before["paused"] is True
        after = (await client.admin.post("/clock", json={"step_s": 10})).json()
        assert after["now_s"] == pytest.approx(before["now_s"] + 10)
        answer = await client.admin.post("/clock", json={"speed": 5, "pause": False})
        assert (answer.json()["speed"], answer.json()["paused"]) == (5, False)
        for wrong in ({}, {"speed": 0}, {"stop": True}, {"step_s": "x"}, [1]):
            assert (await client.admin.post("/clock", json=wrong)).status_code == 400

    play(scene)


def test_a_rack_that_is_ready_has_written_its_environment_and_a_stopped_one_its_state(
    play: Callable[..., None], tmp_path: Path
) -> None:
    async def scene(client: Client) -> None:
        lines = (tmp_path / "state" / "env").read_text().splitlines()
        assert lines == [
            "export BCM_HEAD_NODE=127.0.0.1",
            f"export BCM_PORT={client.running.port}",
            f"export BCM_CA_PATH={tmp_path}/state/ca.pem",
            "export BCM_USERNAME=admin",
            "export BCM_PASSWORD=head-secret",
            f"export VIRTUAL_RACK_ADMIN=http://127.0.0.1:{client.running.admin_port}",
        ]
        assert "\n".join(lines) in greeting(client.running)
        device = await client.call("cmdevice", "getDevice", "node1")
        await client.call("cmdevice", "updateDevice", {**device, "notes": "kept"}, 0)

    async def later(client: Client) -> None:
        assert (await client.call("cmdevice", "getDevice", "node1"))["notes"] == "kept"

    play(scene)
    authority = (tmp_path / "state" / "ca.pem").read_bytes()
    assert not (tmp_path / "state" / "env").exists()
    play(later)
    assert (tmp_path / "state" / "ca.pem").read_bytes() == authority
