# SPDX-License-Identifier: GPL-3.0-or-later
"""The head node's API: POST /json, GET /rest/v1/version, GET /ready."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from virtual_rack.call_log import CallLog, LoggedCall, operation_of
from virtual_rack.clock import Pacer
from virtual_rack.head_node import HeadNode
from virtual_rack.pair import uuid_of
from virtual_rack.services.calls import Args, BadArguments, Handler, is_mutating
from virtual_rack.services.directory import Directory, bare_name
from virtual_rack.services.main import READY_VERSIONS, version_answer
from virtual_rack.services.minify import minify
from virtual_rack.web import answers
from virtual_rack.web.access import COOKIE, Access, Caller
from virtual_rack.web.broken import broken_answer, cut
from virtual_rack.web.long_poll import LongPoll

_MAX_BODY_BYTES = 256 * 1024 * 1024
# ASSUMED: that there is a limit; how deep it lies nobody has tried.
_MAX_DEPTH = 64


@dataclass(frozen=True)
class Call:
    """One request to /json, read."""

    service: str
    call: str
    args: tuple[Any, ...]
    minify: bool
    body: dict[str, Any]
    size_bytes: int


class Api:
    """Answers requests for a head node."""

    def __init__(self, head: HeadNode, *, name: str, pacer: Pacer, access: Access, log: CallLog) -> None:
        self._head = head
        self._name = name
        self._pacer = pacer
        self._access = access
        self._log = log
        self._directory = Directory(head)
        self._long_poll = LongPoll(head.sessions)
        self._life: object | None = object()

    @property
    def is_active(self) -> bool:
        """Say whether this is the API of the active head node."""
        return self._head.pair.active == self._name

    def end_life(self) -> None:
        """Let CMDaemon end: what it has not begun to do when it ends it never does."""
        self._life = None

    def begin_life(self) -> None:
        """Let CMDaemon start."""
        self._life = object()

    def application(self) -> web.Application:
        """Make the web application."""
        application = web.Application(client_max_size=_MAX_BODY_BYTES)
        application.router.add_post("/json", self._json)
        application.router.add_get("/rest/v1/version", self._version)
        application.router.add_get("/ready", self._ready)
        application.middlewares.append(self._cut_dead)
        return application

    @web.middleware
    async def _cut_dead(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Give no answer where CMDaemon has ended, or ended while it answered."""
        life = self._life
        answer = await handler(request) if life else web.Response()
        return answer if life is self._life else cut(request, answer)

    async def _version(self, request: web.Request) -> web.StreamResponse:
        if self._access.recognise_rest(request) is None:
            return answers.not_logged_in(request, form=self._head.spec.unauthenticated)
        spec = self._head.spec
        return answers.json_answer(version_answer(spec.version, spec.reported_version), request)

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        """Say that CMDaemon is ready, or in which way it can be asked. It is from the moment on that it listens."""
        broken = await self._broken(request, service="ready", call="ready")
        if broken is not None:
            return broken
        version = request.query.get("version") == "query"
        return answers.ready(READY_VERSIONS[self._head.spec.version] if version else "")

    async def _json(self, request: web.Request) -> web.StreamResponse:
        call = read_call(await request.read())
        if call is None:
            return answers.bad_request()
        self._pacer.catch_up()
        if call.service.lower() == "login":
            return await self._log_in(call, request)
        caller = self._access.recognise(request)
        if caller is None:
            return answers.not_logged_in(request, form=self._head.spec.unauthenticated)
        self._note(call, caller.name)
        broken = await self._broken(request, service=_own_name(call.service), call=call.call)
        return broken if broken is not None else await self._dispatch(call, caller, request)

    async def _log_in(self, call: Call, request: web.Request) -> web.StreamResponse:
        login = replace(call, service="login", call="login", args=(), minify=False)
        self._note(login, str(call.body.get("username", "")))
        broken = await self._broken(request, service="login", call="login")
        if broken is not None:
            return broken
        token = self._access.log_in(call.body.get("username"), call.body.get("password"))
        response = answers.json_answer(True if token else answers.WRONG_PASSWORD, request)
        if token:
            response.headers["Set-Cookie"] = f"{COOKIE}={token};path=/;Secure;httponly"
        return response

    async def _broken(self, request: web.Request, *, service: str, call: str) -> web.StreamResponse | None:
        """Give the answer of a fault, or none at all when CMDaemon ended while the call was slow."""
        life = self._life
        broken = await broken_answer(self._head.faults, request, service=service, call=call)
        return broken if life is self._life else cut(request, web.Response())

    async def _dispatch(self, call: Call, caller: Caller, request: web.Request) -> web.StreamResponse:
        service = self._directory.find(call.service)
        if service is None:
            return answers.no_such_service(bare_name(call.service), request)
        handler = service.handler(call.call)
        if handler is None:
            return answers.bad_request()
        if not self._directory.allows(caller.profile, service, call.call):
            form = self._head.spec.denied
            return answers.denied(caller.profile, f"{service.name}::{call.call}", request, form=form)
        if not self.is_active and is_mutating(call.call, operation_of(call.call, call.args)):
            return answers.json_answer(answers.NOT_ACTIVE, request)
        try:
            answer = await self._answer(handler, call)
        except BadArguments:
            # ASSUMED: arguments of the wrong kind are answered like an unknown call.
            return answers.bad_request()
        if call.call == "getVersion":
            answer = {**answer, "ref_node_uuid": uuid_of(self._name)}
        if call.minify:
            answer = minify(answer, version=self._head.spec.version)
        return answers.json_answer(answer, request)

    async def _answer(self, handler: Handler, call: Call) -> Any:
        args = Args(call.args)
        if call.call != "waitForEvents":
            return handler(args)
        return await self._long_poll.wait(args.text(0), args.number(1, 10))

    def _note(self, call: Call, user: str) -> None:
        operation = operation_of(call.call, call.args)
        date = self._head.clock.date_s()
        name = _own_name(call.service)
        self._log.add(LoggedCall(date, user, name, call.call, operation, call.args, call.size_bytes))


def _own_name(service: str) -> str:
    return service if service == "login" else f"cm{bare_name(service)}"


def read_call(body: bytes) -> Call | None:
    """Read a request's body; None when it is not a call."""
    try:
        sent = json.loads(body, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return None
    if not isinstance(sent, dict) or not isinstance(sent.get("service"), str) or _is_deep(sent):
        return None
    args = sent.get("args", [sent["arg"]] if "arg" in sent else [])
    return Call(
        service=sent["service"],
        call=str(sent.get("call", "")),
        args=tuple(args) if isinstance(args, list) else (args,),
        minify=sent.get("minify") is True,
        body=sent,
        size_bytes=len(body),
    )


def _finite(text: str) -> float:
    """Read a number as JSON has it, which knows neither NaN nor infinity."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _is_deep(value: Any) -> bool:
    """Say whether a value is nested deeper than anything a head node stores."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        inside = (inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer))
        level = [inner for inner in inside if isinstance(inner, dict | list)]
        if not level:
            return False
    return True
