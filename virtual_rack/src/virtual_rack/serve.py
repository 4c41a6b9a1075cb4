# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a rack, tells the user how to reach it, ends it cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from virtual_rack.bmc.bmcs import Bmcs
from virtual_rack.call_log import CallLog
from virtual_rack.certificates import issue_client, issue_server, open_authority, server_context, write_pair
from virtual_rack.clock import Clock, Pacer
from virtual_rack.fault_timer import FaultTimer
from virtual_rack.head_node import HeadNode
from virtual_rack.power.by_address import PowerByAddress
from virtual_rack.power.ipmi import IpmiPower, has_program
from virtual_rack.rack_file import HeadNodeSpec, RackSpec
from virtual_rack.redfish.redfishes import Redfishes
from virtual_rack.state_file import load_state, save_state, write_atomically
from virtual_rack.web.access import Access
from virtual_rack.web.admin import Admin
from virtual_rack.web.api import Api
from virtual_rack.web.api_port import ApiPort

ADDRESS = "127.0.0.1"
# Of the second head node of a pair, which has the same port.
SECOND_ADDRESS = "127.0.0.2"
_GOODBYE_S = 0.2


@dataclass(frozen=True)
class Options:
    """How to serve a rack; port 0 means any that is free. None means the rack file's."""

    port: int = 8081
    admin_port: int = 0
    speed: float = 1.0
    ipmi_port: int | None = None
    redfish_port: int | None = None
    directory: Path | None = None
    faults: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Running:
    """A rack that is up."""

    head: HeadNode
    pacer: Pacer
    bmcs: Bmcs
    redfishes: Redfishes
    api_ports: Mapping[str, ApiPort]
    port: int
    admin_port: int
    directory: Path

    def environment(self) -> dict[str, str]:
        """Give the variables by which clients find the rack."""
        user = self.head.spec.users[0]
        addresses = (ADDRESS, SECOND_ADDRESS)[: len(self.api_ports)]
        ipmi = {"VIRTUAL_RACK_IPMI_PORT": str(self.bmcs.port)} if len(self.bmcs) else {}
        redfish = {"VIRTUAL_RACK_REDFISH_PORT": str(self.redfishes.port)} if len(self.redfishes) else {}
        return {
            "BCM_HEAD_NODE": ",".join(addresses),
            "BCM_PORT": str(self.port),
            "BCM_CA_PATH": str(self.directory / "ca.pem"),
            "BCM_USERNAME": user.username,
            "BCM_PASSWORD": user.password,
            "VIRTUAL_RACK_ADMIN": f"http://{ADDRESS}:{self.admin_port}",
            **ipmi,
            **redfish,
        }


def exports(environment: dict[str, str]) -> str:
    """Write variables as lines for a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


@contextlib.asynccontextmanager
async def running_rack(rack: RackSpec, options: Options) -> AsyncIterator[Running]:
    """Run a rack for as long as the block lasts; its state is saved at the end."""
    with _directory(options.directory) as directory:
        head = HeadNode(rack, clock=Clock())
        state = load_state(directory / "state.json")
        if state is None:
            head.fill()
        else:
            head.load_state(state)
        for fault in options.faults:
            head.faults.add(fault)
        async with _listening(head, rack, options, directory) as running:
            write_atomically(directory / "env", exports(running.environment()))
            try:
                yield running
            finally:
                (directory / "env").unlink(missing_ok=True)
                save_state(directory / "state.json", head.to_state())


async def serve(rack: RackSpec, options: Options) -> None:
    """Run a rack until somebody ends the program."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with running_rack(rack, options) as running:
        print(greeting(running), flush=True)
        await ended.wait()
        running.head.sessions.end_all("CMDaemon stopped")
        await asyncio.sleep(_GOODBYE_S)
    print("The rack is switched off.", flush=True)


def greeting(running: Running) -> str:
    """Tell the user what is there and how to reach it."""
    spec, machines = running.head.spec, running.head.machines.all
    speed = "" if running.pacer.speed == 1 else f", {running.pacer.speed:g} times as fast as real"
    notes = "".join(f"{note}\n" for note in running.bmcs.notes)
    return (
        f"Virtual rack is up: head node {spec.hostname} (BCM {spec.version}), {len(machines)} machines{speed}.\n"
        f"{notes}\n"
        f"{exports(running.environment())}\n"
        f"The same lines are in {running.directory / 'env'} (use: . {running.directory / 'env'}).\n"
        f"Client certificate: {running.directory / 'admin.pem'} and admin.key. Ctrl-C ends the rack."
    )


@contextlib.contextmanager
def _directory(chosen: Path | None) -> Any:
    if chosen is None:
        with tempfile.TemporaryDirectory(prefix="virtual-rack-") as made:
            yield Path(made)
        return
    chosen.mkdir(parents=True, exist_ok=True)
    directory = chosen.resolve()
    # Its existence says "ready", so one of an earlier run that did not end cleanly must go first.
    (directory / "env").unlink(missing_ok=True)
    yield directory


@contextlib.asynccontextmanager
async def _listening(head: HeadNode, rack: RackSpec, options: Options, directory: Path) -> AsyncIterator[Running]:
    log = CallLog()
    pacer = Pacer(head.clock, speed=options.speed)
    ipmi_port = rack.ipmi_port if options.ipmi_port is None else options.ipmi_port
    bmcs = Bmcs(head, pacer=pacer, directory=directory / "bmc", port=ipmi_port)
    redfish_port = rack.redfish_port if options.redfish_port is None else options.redfish_port
    redfishes = Redfishes(
        head, pacer=pacer, directory=directory / "redfish", port=redfish_port, on_accounts=bmcs.note_accounts
    )
    context = _certificates(head.spec, directory)
    api_ports = {}
    for name in head.pair.names:
        # A login at the one head node is none at the other.
        access = Access(head.spec.users)
        api = Api(head, name=name, pacer=pacer, access=access, log=log)
        api_ports[name] = ApiPort(api, head=head, pacer=pacer, access=access, context=context)
    admin = Admin(head, pacer=pacer, bmcs=bmcs, redfishes=redfishes, log=log, api_ports=api_ports)
    async with (
        _open(list(api_ports.values()), options.port) as port,
        _site(admin.application(), options.admin_port) as admin_port,
        _powered(head, bmcs, pacer, rack.ipmi_timeout_s),
        _speaking(redfishes, directory),
    ):
        pace, fault_timer = asyncio.create_task(pacer.run()), FaultTimer(head.faults, pacer=pacer)
        try:
            yield Running(head, pacer, bmcs, redfishes, api_ports, port, admin_port, directory)
        finally:
            fault_timer.stop()
            pace.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pace


@contextlib.asynccontextmanager
async def _powered(head: HeadNode, bmcs: Bmcs, pacer: Pacer, timeout_s: float) -> AsyncIterator[None]:
    """Have BMCs, and a head node that reaches them over the network."""
    network = IpmiPower(pacer=pacer, port=lambda: bmcs.port, timeout_s=timeout_s)
    try:
        await bmcs.start()
        if len(bmcs) and not has_program():
            bmcs.notes.append("ipmitool not found: the head node powers machines directly, others by IPMI.")
        elif len(bmcs):
            head.power.on_forget = network.give_up
            head.power.driver = PowerByAddress(direct=head.direct_power, network=network, on_network=bmcs.has)
        yield
    finally:
        await network.stop()
        bmcs.stop()


@contextlib.asynccontextmanager
async def _speaking(redfishes: Redfishes, directory: Path) -> AsyncIterator[None]:
    """Have BMCs that speak Redfish."""
    try:
        await redfishes.start(open_authority(directory))
        yield
    finally:
        await redfishes.stop()


@contextlib.asynccontextmanager
async def _open(api_ports: Sequence[ApiPort], port: int) -> AsyncIterator[int]:
    try:
        for address, api_port in zip((ADDRESS, SECOND_ADDRESS), api_ports, strict=False):
            port = await api_port.open(address, port)
        yield port
    finally:
        for api_port in api_ports:
            await api_port.close()


@contextlib.asynccontextmanager
async def _site(application: web.Application, port: int) -> AsyncIterator[int]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, ADDRESS, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _certificates(spec: HeadNodeSpec, directory: Path) -> ssl.SSLContext:
    authority = open_authority(directory)
    days = spec.certificate_days
    server = issue_server(authority, hostname=spec.hostname, matching=spec.tls_names == "match", days=days)
    write_pair(server, directory, "server")
    write_pair(issue_client(authority, user="admin", profile="admin", days=days), directory, "admin")
    return server_context(directory)
