# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin API: looking behind the scene, and breaking things on purpose. Plain HTTP for this computer only."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from virtual_rack.bmc.bmcs import Bmcs
from virtual_rack.call_log import CallLog
from virtual_rack.clock import Pacer
from virtual_rack.faults import FaultError
from virtual_rack.head_node import HeadNode
from virtual_rack.nodes.machine import Machine
from virtual_rack.redfish.redfishes import Redfishes
from virtual_rack.web.api_port import ApiPort


class AdminError(Exception):
    """A request that cannot be done; becomes HTTP 400."""


class Admin:
    """Answers an administrator of the rack."""

    def __init__(
        self,
        head: HeadNode,
        *,
        pacer: Pacer,
        bmcs: Bmcs,
        redfishes: Redfishes,
        log: CallLog,
        api_ports: Mapping[str, ApiPort],
    ) -> None:
        self._head = head
        self._bmcs = bmcs
        self._redfishes = redfishes
        self._pacer = pacer
        self._log = log
        self._api_ports = api_ports

    @property
    def _api_port(self) -> ApiPort:
        return self._api_ports[self._head.pair.active]

    def application(self) -> web.Application:
        """Make the web application."""
        application = web.Application(middlewares=[_errors_as_json])
        application.add_routes(
            [
                web.get("/health", self._health),
                web.get("/nodes", self._nodes),
                web.get("/nodes/{name}", self._node),
                web.post("/nodes/{name}", self._press),
                web.get("/calls", self._calls),
                web.delete("/calls", self._reset_calls),
                web.get("/calls/log", self._last_calls),
                web.get("/faults", self._faults),
                web.post("/faults", self._add_fault),
                web.delete("/faults", self._clear_faults),
                web.delete("/faults/{number}", self._remove_fault),
                web.get("/clock", self._clock),
                web.post("/clock", self._set_clock),
                web.post("/sessions/expire", self._expire),
                web.get("/head_node", self._daemon),
                web.post("/head_node", self._restart_daemon),
            ]
        )
        return application

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "machines": len(self._head.machines.all)})

    async def _nodes(self, _request: web.Request) -> web.Response:
        self._pacer.catch_up()
        return web.json_response([self._show(machine) for machine in self._head.machines.all])

    async def _node(self, request: web.Request) -> web.Response:
        self._pacer.catch_up()
        return web.json_response(self._show(self._machine(request)))

    async def _press(self, request: web.Request) -> web.Response:
        self._pacer.catch_up()
        machine, wanted = self._machine(request), await _body(request)
        if wanted.get("power") not in ("on", "off"):
            raise AdminError('expected {"power": "on"} or {"power": "off"}')
        self._head.press_power(machine, power=wanted["power"] == "on")
        return web.json_response(self._show(machine))

    async def _calls(self, _request: web.Request) -> web.Response:
        return web.json_response(self._log.counts())

    async def _reset_calls(self, _request: web.Request) -> web.Response:
        self._log.clear()
        return web.json_response(self._log.counts())

    async def _last_calls(self, request: web.Request) -> web.Response:
        limit = request.query.get("limit", "100")
        if not limit.isdecimal():
            raise AdminError("limit: expected a number")
        return web.json_response(self._log.last(int(limit)))

    async def _faults(self, _request: web.Request) -> web.Response:
        return web.json_response([fault.to_json() for fault in self._head.faults.all()])

    async def _add_fault(self, request: web.Request) -> web.Response:
        wanted = await _body(request)
        self._pacer.catch_up()
        try:
            fault = self._head.faults.add(wanted)
        except FaultError as error:
            raise AdminError(str(error)) from None
        await self._settle()
        return web.json_response(fault.to_json(), status=201)

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self._pacer.catch_up()
        self._head.faults.clear()
        await self._settle()
        return web.json_response([])

    async def _remove_fault(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        self._pacer.catch_up()
        if not number.isdecimal() or not self._head.faults.remove(int(number)):
            raise web.HTTPNotFound(text=f"no fault {number}")
        await self._settle()
        return web.json_response([fault.to_json() for fault in self._head.faults.all()])

    async def _clock(self, _request: web.Request) -> web.Response:
        self._pacer.catch_up()
        now_s = round(self._pacer.clock.now_s, 3)
        return web.json_response({"now_s": now_s, "speed": self._pacer.speed, "paused": self._pacer.paused})

    async def _set_clock(self, request: web.Request) -> web.Response:
        wanted = await _body(request)
        if not wanted or wanted.keys() - {"pause", "step_s", "speed"}:
            raise AdminError("expected pause, step_s or speed")
        if "speed" in wanted:
            self._pacer.set_speed(_positive(wanted, "speed"))
        if "pause" in wanted:
            self._pacer.set_paused(bool(wanted["pause"]))
        if "step_s" in wanted:
            self._pacer.step(_positive(wanted, "step_s"))
        return await self._clock(request)

    async def _expire(self, _request: web.Request) -> web.Response:
        return web.json_response({"expired": sum(port.expire_logins() for port in self._api_ports.values())})

    async def _daemon(self, _request: web.Request) -> web.Response:
        back_in_s = self._api_port.back_in_s()
        shown = {
            "active": self._head.pair.active,
            "passive": self._head.pair.passive,
            "listening": back_in_s is None,
            "back_in_s": back_in_s and round(back_in_s, 3),
            "restarts": self._api_port.restarts,
        }
        return web.json_response(shown)

    async def _restart_daemon(self, request: web.Request) -> web.Response:
        wanted = await _body(request)
        if wanted.get("take_over") is True and not wanted.keys() - {"take_over", "away_s"}:
            return await self._take_over(request, wanted)
        if wanted.keys() != {"away_s"}:
            raise AdminError('expected {"away_s": SECONDS}, {"take_over": true}, or both')
        seconds = wanted["away_s"]
        if seconds == 0 and not isinstance(seconds, bool):
            await self._api_port.come_back()
        elif not await self._api_port.leave(_positive(wanted, "away_s")):
            raise AdminError(f"the head node is away already; back in {self._api_port.back_in_s():.1f} s")
        return await self._daemon(request)

    async def _take_over(self, request: web.Request, wanted: dict[str, Any]) -> web.Response:
        """Let the passive head node take over; with `away_s` because the active one is gone for so long."""
        if self._head.pair.passive is None:
            raise AdminError("there is no passive head node; name one in the rack file as head_node.passive")
        if self._api_ports[self._head.pair.passive].back_in_s() is not None:
            raise AdminError(f"the passive head node {self._head.pair.passive} is away")
        seconds = _positive(wanted, "away_s") if "away_s" in wanted else None
        left = self._api_port
        self._pacer.catch_up()
        self._head.take_over()
        if seconds is not None:
            await left.leave(seconds)
        return await self._daemon(request)

    async def _settle(self) -> None:
        await self._bmcs.settle()
        await self._redfishes.settle()

    def _machine(self, request: web.Request) -> Machine:
        machine = self._head.machines.named(request.match_info["name"])
        if machine is None:
            raise web.HTTPNotFound(text=f"no machine {request.match_info['name']}")
        return machine

    def _show(self, machine: Machine) -> dict[str, Any]:
        device = self._head.registry.device_of(machine)
        status = self._head.board.get(device["uuid"]) if device else None
        return {
            "name": machine.spec.name,
            "mac": machine.spec.mac,
            "serial": machine.spec.serial,
            "power": "ON" if machine.power else "OFF",
            "boot_device": machine.boot_device,
            "hostname": device["hostname"] if device else None,
            "device_uuid": device["uuid"] if device else None,
            "status": status.status if status else None,
            "message": status.info_message if status else None,
            "running_image": asdict(machine.running) if machine.running else None,
            "kernel_parameters": machine.kernel_parameters,
            "partitions": [asdict(partition) for partition in machine.disk.partitions],
            "scripts": [asdict(run) for run in machine.scripts],
            "power_operations": machine.power_operations,
            "boots": machine.boots,
            "installs": machine.installs,
            "last_install_mode": machine.last_install_mode,
            "bmc": self._bmcs.show(machine),
            "redfish": self._redfishes.show(machine),
        }


def _positive(wanted: dict[str, Any], key: str) -> float:
    value = wanted[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise AdminError(f"{key}: expected a number above 0")
    return float(value)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except json.JSONDecodeError:
        raise AdminError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise AdminError("expected a JSON object")
    return body


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except AdminError as error:
        return web.json_response({"error": str(error)}, status=400)
    except web.HTTPException as error:
        return web.json_response({"error": error.text}, status=error.status)
