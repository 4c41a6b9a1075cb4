# SPDX-License-Identifier: GPL-3.0-or-later
"""The network side of all Redfish BMCs of a rack: a TLS port each, and what faults do to it."""

from __future__ import annotations

import asyncio
import email.parser
import email.policy
import json
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod
from cryptography.hazmat.primitives.serialization import Encoding

from virtual_rack.certificates import Pair, issue_bmc
from virtual_rack.clock import Pacer
from virtual_rack.head_node import HeadNode
from virtual_rack.nodes.machine import Machine
from virtual_rack.rack_file import Redfish
from virtual_rack.redfish.bmc import Bmc, Settings, Told
from virtual_rack.redfish.certificates import Identity, key_text
from virtual_rack.redfish.hands import Hands
from virtual_rack.redfish.messages import refused
from virtual_rack.redfish.modes import DEFAULT, MODES
from virtual_rack.redfish.service import Request, Service
from virtual_rack.redfish.tree import Answer

_BACKLOG = 64
# Between the answer that a BMC will restart and its going away, real.
_LAST_WORDS_S = 0.1
_LARGEST_BODY = 80 * 2**20
_AWAY, _SILENT, _OPEN = "away", "silent", "open"


class RedfishPort:
    """One BMC on the network."""

    def __init__(
        self,
        head: HeadNode,
        machine: Machine,
        *,
        pacer: Pacer,
        authority: Pair,
        directory: Path,
        on_presence: Callable[[], None],
        on_accounts: Callable[[], None],
    ) -> None:
        spec = machine.spec.bmc.redfish or Redfish(DEFAULT)
        self.machine = machine
        self._pacer, self._authority, self._directory = pacer, authority, directory
        self._identity = self._shown_identity = self._issue()
        self._other: Identity | None = None
        # What connections begin with. A context keeps one certificate for each kind of key, so each has one of its own.
        self._front = _context()
        self._front.sni_callback = self._choose
        self._context = _context()
        self._hands = Hands(head, machine)
        told = Told(on_presence=on_presence, on_accounts=on_accounts, on_identity=self._take_identity)
        settings = Settings(spec.pending_bios, spec.page_size)
        self.bmc = Bmc(MODES[spec.mode], self._hands, self._identity, settings=settings, told=told)
        self._service = Service(self.bmc)
        self._handler = _Connections(self._handle, request_factory=_request)
        self._server: asyncio.Server | None = None
        self._socket: socket.socket | None = None
        self._settling = asyncio.Lock()
        self._state = _AWAY
        self._is_closed = False
        self._place = ("", 0)
        self._load(self._identity)

    async def open(self, port: int) -> int:
        """Begin to listen; gives the port. Raises OSError for one that is taken."""
        address = self.machine.spec.bmc.address
        try:
            self._socket = _bind((address, port))
        except OSError as error:
            raise OSError(error.errno, f"BMC {address} port {port}: {error.strerror}") from None
        self._place = self._socket.getsockname()
        await self.settle()
        return self._place[1]

    async def close(self) -> None:
        """Listen no more."""
        self._is_closed = True
        await self.settle()
        if self._socket is not None:
            self._socket.close()
        await self._handler.shutdown(0.1)

    async def settle(self) -> None:
        """Let what faults and restarts make of it come into effect."""
        async with self._settling:
            self.bmc.come_back()
            self._present_right_certificate()
            wanted = self._wanted()
            if wanted != self._state:
                await self._change_to(wanted)

    def show(self) -> dict[str, Any]:
        """Show it to an administrator."""
        tried = self.bmc.accounts.tried
        return {
            "mode": self.bmc.mode.name,
            "address": self._place[0],
            "port": self._place[1],
            "away": self._state != _OPEN,
            "requests": self.bmc.requests,
            "writes": self.bmc.writes,
            "logins": tried.logins,
            "refused_logins": tried.refused,
            "users": dict(tried.users),
            "sessions": len(self.bmc.sessions.all),
        }

    def _wanted(self) -> str:
        if self._is_closed or self.bmc.is_away or self._hands.suffers("bmc_away"):
            return _AWAY
        return _SILENT if self._hands.suffers("bmc_silent") else _OPEN

    async def _change_to(self, wanted: str) -> None:
        self._state = wanted
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(_LAST_WORDS_S)
            self._cut_all()
        if self._socket is None or self._socket.fileno() < 0:
            self._socket = _bind(self._place)
        elif wanted == _AWAY:
            self._socket.close()
            self._socket = _bind(self._place)
        if wanted == _SILENT:
            self._socket.listen(_BACKLOG)
        elif wanted == _OPEN:
            loop = asyncio.get_running_loop()
            own, self._socket = self._socket, None
            self._server = await loop.create_server(self._handler, sock=own, ssl=self._front, backlog=_BACKLOG)

    def _cut_all(self) -> None:
        for connection in self._handler.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._pacer.catch_up()
        path, hands = request.path, self._hands
        if slow := hands.suffers("bmc_slow"):
            await asyncio.sleep(float(slow.options["seconds"]))
        if hands.suffers("bmc_hangs") and not (request.method == "POST" and path.endswith("/Sessions")):
            await asyncio.Event().wait()
        if hands.strikes("redfish_resets", path=path, method=request.method):
            return _cut(request)
        if unavailable := hands.strikes("redfish_unavailable", path=path, method=request.method):
            wait_s = unavailable.options.get("retry_after", 1)
            error = refused(503, "ServiceTemporarilyUnavailable", wait_s, Retry_After=str(wait_s))
            return _response(Answer(503, error.to_json(), error.headers))
        answer = await self._service.answer(await _read(request))
        if hands.strikes("redfish_answer_lost", path=path, method=request.method):
            return _cut(request)
        return _response(answer)

    def _take_identity(self, identity: Identity) -> None:
        self._identity = self._shown_identity = identity
        self._load(identity)

    def _present_right_certificate(self) -> None:
        wanted = self._identity
        if self._hands.suffers("redfish_other_certificate"):
            self._other = self._other or self._issue(self_signed=True)
            wanted = self._other
        else:
            self._other = None
        if wanted is not self._shown_identity:
            self._shown_identity = wanted
            self._load(wanted)
            self._cut_all()

    def _issue(self, *, self_signed: bool = False) -> Identity:
        pair = issue_bmc(None if self_signed else self._authority, address=self.machine.spec.bmc.address)
        return Identity(pair.certificate.public_bytes(Encoding.PEM).decode(), key_text(pair.key))

    def _load(self, identity: Identity) -> None:
        path = self._directory / f"{self.machine.spec.name}.pem"
        path.touch(mode=0o600)
        path.write_text(identity.key + identity.certificate, encoding="ascii")
        self._context = _context()
        self._context.load_cert_chain(path)

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _front: ssl.SSLContext) -> None:
        connection.context = self._context


class _Connection(web.RequestHandler):
    """A connection on which a method that nobody knows is answered as Redfish wants it."""

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if isinstance(exc, BadHttpMethod):
            error = refused(501, "UnsupportedMethod", "")
            return _response(Answer(501, error.to_json(), {"Connection": "close"}))
        return super().handle_error(request, status, exc, message)


class _Connections(web.Server):
    """The connections to one BMC."""

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop)


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_LARGEST_BODY)


async def _read(request: web.BaseRequest) -> Request:
    headers = {name.lower(): value for name, value in request.headers.items()}
    content = await request.read()
    parts: dict[str, bytes] = {}
    if headers.get("content-type", "").startswith("multipart/form-data"):
        parts = _parts(headers["content-type"], content)
        content = b""
    return Request(request.method, request.path, dict(request.query), headers, content, parts)


def _parts(content_type: str, content: bytes) -> dict[str, bytes]:
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    whole = parser.parsebytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + content)
    parts: dict[str, bytes] = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            parts[name] = payload
    return parts


def _response(answer: Answer) -> web.Response:
    headers = dict(answer.headers)
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    if isinstance(answer.body, str):
        body, kind = answer.body.encode(), "application/xml"
    else:
        body, kind = json.dumps(answer.body).encode(), "application/json"
    headers["Content-Type"] = f"{kind}; charset=utf-8"
    return web.Response(status=answer.status, headers=headers, body=body)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _cut(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _bind(address: tuple[str, int]) -> socket.socket:
    """Keep a port without listening: connecting to it is refused, and no other program is given it."""
    place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(address)
        place.setblocking(False)
    except OSError:
        place.close()
        raise
    return place
