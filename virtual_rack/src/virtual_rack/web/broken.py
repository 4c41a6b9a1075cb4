# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that fail on demand."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from virtual_rack.entities.fields import ZERO_UUID
from virtual_rack.faults import Fault, Faults
from virtual_rack.web.answers import json_answer

_LONG_S = 3600.0


async def broken_answer(faults: Faults, request: web.Request, *, service: str, call: str) -> web.StreamResponse | None:
    """Give the answer of a fault that fits the call, None when there is none; be slow when told to."""
    services = (service, service.removeprefix("cm"))
    if slow := faults.strike("slow", service=services, call=call):
        await asyncio.sleep(float(slow.options["seconds"]))
    fault = faults.strike("call_fails", service=services, call=call)
    return await _break(fault, request) if fault else None


async def _break(fault: Fault, request: web.Request) -> web.StreamResponse:
    answer = fault.options["answer"]
    if isinstance(answer, dict):
        return _spoken(answer, request)
    if answer == "not_json":
        return web.Response(
            text="<html>not JSON</html>", content_type="application/json", headers={"Connection": "close"}
        )
    if answer == "hang":
        await asyncio.sleep(_LONG_S)
    if answer == "half":
        return await _half(request)
    return _nothing(request)


def _spoken(answer: dict[str, Any], request: web.Request) -> web.Response:
    if "http_status" in answer:
        body = answer.get("body", "")
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=int(answer["http_status"]), text=text, headers={"Connection": "close"})
    if "errormessage" in answer:
        return json_answer({"errormessage": answer["errormessage"]}, request)
    refused = {"success": False, "task_uuid": ZERO_UUID, "updated_entity": None, "validation": answer["validation"]}
    return json_answer(refused, request)


async def _half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"success": tr')
    return cut(request, response)


def _nothing(request: web.Request) -> web.StreamResponse:
    return cut(request, web.Response())


def cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection instead of answering."""
    if request.transport is not None:
        request.transport.close()
    return response
