# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The receiver as an ASGI application. The only file that imports Starlette and uvicorn."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from .._spool.spool import SpoolError
from .._validation.messages import MAX_PIECES, STEP_NAME, is_run
from .metrics import render_metrics
from .openapi import describe, draw_page
from .receiver import MOST, Accepted, Answer, Asked, Receiver

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route

    STARLETTE_IMPORT_ERROR: ImportError | None = None
except ImportError as missing:
    STARLETTE_IMPORT_ERROR = missing

_SEQUENCE, _SIGNATURE = "X-Validation-Sequence", "X-Validation-Signature"
_BODY_S = 60.0  # for one body to come
_BEAT_S = 2.0
_MOST_AT_ONCE = 256
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


class TooLarge(Exception):
    """A body that is larger than its kind may be."""


class Committer:
    """Stores what comes at the same time together, and lets each sender wait until its message is on disk."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._waiting: list[tuple[Accepted, asyncio.Future[Answer]]] = []
        self._work: asyncio.Task[None] | None = None

    async def store(self, accepted: Accepted) -> Answer:
        """Store one message; returns when it is on disk, with what is answered."""
        self._receiver.hold(accepted)
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((accepted, done))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._store_all())
        # Whoever hangs up does not keep his message from being stored.
        return await asyncio.shield(done)

    async def _store_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            answers = await run_in_threadpool(self._receiver.store, [accepted for accepted, _done in batch])
            for (_accepted, done), answer in zip(batch, answers):
                if not done.done():
                    done.set_result(answer)


class Application:
    """What is answered at which path."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._committer = Committer(receiver)

    def to_asgi(self) -> Any:
        """Return the ASGI application."""
        routes = [
            Route("/boot/ipxe", self._boot),
            Route("/v1/runs/{run}", self._logs),
            Route("/v1/runs/{run}/task", self._task),
            Route("/v1/runs/{run}/events", self._message, methods=["POST"]),
            Route("/v1/runs/{run}/steps/{step}/log/{piece}", self._message, methods=["PUT"]),
            Route("/v1/runs/{run}/steps/{step}/log", self._log),
            Route("/image/{name}", self._image),
            Route("/healthz", self._health),
            Route("/metrics", self._metrics),
            Route("/openapi.json", self._openapi),
            Route("/docs", self._page),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan, exception_handlers={SpoolError: _broken})

    @asynccontextmanager
    async def _lifespan(self, _app: Any) -> AsyncIterator[None]:
        self._receiver.state.beat("receiver", starting=True)
        beating = asyncio.create_task(_beat(self._receiver))
        yield
        beating.cancel()

    async def _boot(self, request: Request) -> Response:
        query = request.query_params
        mac, serial = query.get("mac", "")[:64], query.get("serial", "")[:128]
        return _plain(await run_in_threadpool(self._receiver.boot, mac, serial))

    async def _task(self, request: Request) -> Response:
        asked = await _asked(request)
        return _shown(asked if isinstance(asked, Answer) else await run_in_threadpool(self._receiver.task, asked))

    async def _message(self, request: Request) -> Response:
        asked = await _asked(request)
        if isinstance(asked, Answer):
            return _shown(asked)
        # Quick, and in the loop, so that no two messages of one run are judged at once.
        checked = self._receiver.check(asked)
        return _shown(await self._committer.store(checked) if isinstance(checked, Accepted) else checked)

    async def _logs(self, request: Request) -> Response:
        run = request.path_params["run"]
        steps = self._receiver.logs.steps(run) if is_run(run) else []
        if not steps:
            return _shown(Answer(404, {"error": "no log of such a run"}))
        return _shown(Answer(200, {"run": run, "logs": {step: f"/v1/runs/{run}/steps/{step}/log" for step in steps}}))

    async def _log(self, request: Request) -> Response:
        run, step = request.path_params["run"], request.path_params["step"]
        shown = self._receiver.logs.read(run, step) if is_run(run) and STEP_NAME.fullmatch(step) else None
        if shown is None:
            return _shown(Answer(404, {"error": "no such log"}))
        return StreamingResponse(shown, media_type="text/plain; charset=utf-8", headers=_SAFE)

    async def _image(self, request: Request) -> Response:
        name, directory = request.path_params["name"], self._receiver.settings.image_directory
        path = Path(directory) / name
        if not directory or not _FILE_NAME.fullmatch(name) or not path.is_file():
            return _shown(Answer(404, {"error": "no such file"}))
        # Firmware that boots by HTTP knows a program by its type.
        kind = "efi" if path.suffix == ".efi" else "octet-stream"
        return FileResponse(path, media_type=f"application/{kind}")

    async def _health(self, _request: Request) -> Response:
        try:
            stats = await run_in_threadpool(self._receiver.spool.stats)
        except SpoolError as error:
            return _shown(Answer(503, {"status": "failing", "error": str(error)}))
        status = "full" if stats.full else "ok"
        return _shown(Answer(200, {"status": status, "waiting": stats.rows, "oldest_seconds": stats.oldest_age_s}))

    async def _metrics(self, _request: Request) -> Response:
        return _plain(await run_in_threadpool(render_metrics, self._receiver))

    async def _openapi(self, _request: Request) -> Response:
        return JSONResponse(describe(), headers=_SAFE)

    async def _page(self, _request: Request) -> Response:
        return Response(draw_page(), media_type="text/html", headers=_SAFE)


def serve(receiver: Receiver, said: Callable[[str], None]) -> None:
    """Serve until the process is told to end."""
    settings = receiver.settings
    said(f"listening on {settings.host}:{settings.port}, machines come by {settings.url}")
    config = uvicorn.Config(
        Application(receiver).to_asgi(),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_AT_ONCE,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        ws="none",
    )
    uvicorn.Server(config).run()


async def _beat(receiver: Receiver) -> None:
    while True:
        with suppress(SpoolError):
            await run_in_threadpool(receiver.state.beat, "receiver")
        await asyncio.sleep(_BEAT_S)


async def _asked(request: Request) -> Asked | Answer:
    """Read a signed request, no more of it than its kind may have."""
    names, method = request.path_params, request.method
    piece = names.get("piece", "0")
    step = names.get("step", "")
    is_named = not step or bool(STEP_NAME.fullmatch(step))
    if not is_named or not (piece.isdecimal() and len(piece) < 5 and int(piece) < MAX_PIECES):
        return Answer(400, {"error": "the path is that of no piece of a log"})
    try:
        body = await asyncio.wait_for(_body_of(request, MOST.get(method, 0)), _BODY_S)
    except TooLarge:
        return Answer(413, {"error": f"a body takes {MOST.get(method, 0)} bytes"})
    except (asyncio.TimeoutError, ClientDisconnect):
        return Answer(408, {"error": "the body did not come"})
    # As it was signed: before anything is decoded.
    path = request.scope.get("raw_path") or request.url.path.encode()
    return Asked(
        method=method,
        path=path.decode("ascii", "replace").partition("?")[0],
        run=names["run"],
        sequence=request.headers.get(_SEQUENCE, ""),
        signature=request.headers.get(_SIGNATURE, ""),
        body=body,
        step=step,
        piece=int(piece),
    )


async def _body_of(request: Request, most: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > most:
        raise TooLarge
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


async def _broken(_request: Request, error: Exception) -> Response:
    return _shown(Answer(503, {"error": str(error)}, retry_after_s=5))


def _shown(answer: Answer) -> Response:
    headers = {**_SAFE, "Retry-After": str(answer.retry_after_s)} if answer.retry_after_s else _SAFE
    # What is left of a body that was refused is not read: the connection can't be used again.
    closing = {"Connection": "close"} if answer.status in (408, 413) else {}
    return JSONResponse(dict(answer.body), status_code=answer.status, headers={**headers, **closing})


def _plain(text: str) -> Response:
    return PlainTextResponse(text, headers=_SAFE)
