# SPDX-License-Identifier: GPL-3.0-or-later
"""The port of the head node's API, which can be away for a while as if CMDaemon restarted."""

from __future__ import annotations

import asyncio
import socket
import ssl

from aiohttp import web

from virtual_rack.clock import Pacer
from virtual_rack.head_node import HeadNode
from virtual_rack.web.access import Access
from virtual_rack.web.api import Api

_BACKLOG = 1024
_SHUTDOWN_S = 1.0


class ApiPort:
    """Listens for the API; `leave` lets CMDaemon end and start again on the same port."""

    def __init__(self, api: Api, *, head: HeadNode, pacer: Pacer, access: Access, context: ssl.SSLContext) -> None:
        self.restarts = 0
        self.listening = asyncio.Event()
        self._api = api
        self._head = head
        self._pacer = pacer
        self._access = access
        self._context = context
        self._runner = web.AppRunner(api.application(), access_log=None, shutdown_timeout=_SHUTDOWN_S)
        self._site: web.SockSite | None = None
        self._place: socket.socket | None = None
        self._address = ("", 0)
        self._back: asyncio.Task[None] | None = None
        self._back_at_s = 0.0

    async def open(self, address: str, port: int) -> int:
        """Begin to listen; gives the port. Raises OSError for one that is taken."""
        await self._runner.setup()
        self._place = _bind((address, port))
        self._address = self._place.getsockname()
        await self._listen()
        return self._address[1]

    async def close(self) -> None:
        """Listen no more."""
        if self._back is not None:
            self._back.cancel()
        if self._place is not None:
            self._place.close()
        await self._runner.cleanup()

    def expire_logins(self) -> int:
        """Make every login worthless; say how many there were."""
        return self._access.expire_all()

    def back_in_s(self) -> float | None:
        """Say in how many real seconds it listens again, None while it listens."""
        return max(0.0, self._back_at_s - _now_s()) if self._site is None else None

    async def leave(self, seconds: float) -> bool:
        """Be gone for so many real seconds, unless it is already; machines go on, CMDaemon's memory is lost."""
        if self._site is None:
            return False
        site, self._site = self._site, None
        self.listening.clear()
        self._back_at_s = _now_s() + seconds
        self._pacer.catch_up()
        self._access.expire_all()
        self._api.end_life()
        if self._api.is_active:
            self._head.stop_daemon()
        await site.stop()
        self._place = _bind(self._address)
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection.transport is not None:
                connection.transport.abort()
        self._back = asyncio.create_task(self._return_after(seconds))
        return True

    async def come_back(self) -> bool:
        """Listen again now, unless it does already."""
        if self._back is None or self._site is not None:
            return False
        self._back.cancel()
        await self._return()
        return True

    async def _return_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._return()

    async def _return(self) -> None:
        self._pacer.catch_up()
        if self._api.is_active:
            self._head.start_daemon()
        self._api.begin_life()
        await self._listen()
        self.restarts += 1

    async def _listen(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            self._site = web.SockSite(self._runner, place, ssl_context=self._context, backlog=_BACKLOG)
            await self._site.start()
            self.listening.set()


def _bind(address: tuple[str, int]) -> socket.socket:
    """Keep a port without listening: connecting to it is refused, and no other program is given it."""
    place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(address)
        place.setblocking(False)
    except OSError as error:
        place.close()
        raise OSError(error.errno, f"{address[0]} port {address[1]}: {error.strerror}") from None
    return place


def _now_s() -> float:
    return asyncio.get_running_loop().time()
