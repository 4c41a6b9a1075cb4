# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NetBox in memory, served over HTTP on loopback, with faults on request."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .store import Forbidden, Gone, Refusals, Refused, Stale, Store, Version
from .users import SUPERUSER, User, user_of

TOKEN = SUPERUSER
_FORBIDDEN = "You do not have permission to perform this action."
_BULK_ERRORS_SINCE = (4, 7)
# What tests ask for all that is kept; no real NetBox has it.
SNAPSHOT = "/snapshot"
# gunicorn's.
_LONGEST_REQUEST_LINE = 4094
_LARGEST_PAGE = 1000


@dataclass
class Request:
    """One request as it came."""

    method: str
    path: str
    query: list[tuple[str, str]]
    body: Any = None
    if_match: str | None = None
    token: str = SUPERUSER

    @property
    def writes(self) -> bool:
        return self.method in ("POST", "PATCH", "PUT", "DELETE")

    @property
    def is_bulk(self) -> bool:
        return isinstance(self.body, list)


@dataclass
class Reply:
    """An answer."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


# Asked before a request is performed: a reply is sent instead, None lets it pass, DROP closes the connection.
Fault = Callable[[Request], "Reply | None"]
DROP = Reply(0)


class FakeNetBox:
    """A NetBox that runs; `store` is what it keeps, `requests` what it was asked."""

    def __init__(self, version: Version, **options: Any) -> None:
        self.store = Store(version, **options)
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        self.url = ""

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.writes]

    def answer(self, request: Request) -> Reply:
        """What NetBox answers to a request."""
        with self.lock:
            if request.path == SNAPSHOT:
                return Reply(200, {"mutating": len(self.writes), **self.store.snapshot()})
            self.requests.append(request)
            for fault in list(self.faults):
                reply = fault(request)
                if reply is not None:
                    return reply
            return self._tried(request)

    def _tried(self, request: Request) -> Reply:
        try:
            return self._perform(request)
        except Refused as refused:
            return Reply(400, refused.body)
        except Refusals as refused:
            return self._refusals(request, refused)
        except Forbidden:
            return Reply(403, {"detail": _FORBIDDEN})
        except Gone:
            return Reply(404, {"detail": "Not found."})
        except Stale:
            return Reply(412, {"detail": "Precondition failed."})

    def _refusals(self, request: Request, refused: Refusals) -> Reply:
        """Answer as this version does: from 4.7 on with those at fault, before with a list, or with the first alone."""
        bodies: list[Any] = request.body
        if self.store.version < _BULK_ERRORS_SINCE:
            first = next(iter(refused.by_place.values()))
            if request.method == "POST" and refused.status == 400:
                return Reply(400, [refused.by_place.get(place, {}) for place in range(len(bodies))])
            return Reply(refused.status, {"detail": _FORBIDDEN} if refused.status == 403 else first)
        name = "index" if request.method == "POST" else "id"
        errors = [
            {name: place if name == "index" else bodies[place]["id"], "errors": each}
            for place, each in refused.by_place.items()
        ]
        detail = f"{len(errors)} of {len(bodies)} objects could not be written."
        return Reply(refused.status, {"detail": detail, "errors": errors})

    def _perform(self, request: Request) -> Reply:
        path, object_id = _parts(request.path)
        user = user_of(self.store, request.token)
        if user is None:
            return Reply(403, {"detail": "Invalid token"})
        if not path:
            return Reply(200, {"dcim": f"{self.url}/api/dcim/"})
        if path not in self.store.paths:
            raise Gone
        if request.method == "OPTIONS":
            status = {"status": {"choices": self.store.choices(path, "status")}}
            actions = {method: status for method in ("POST", "PUT") if user.may(method, path)}
            return Reply(200, {"actions": actions} if actions else {})
        if not user.may(request.method, path):
            raise Forbidden
        if request.method == "GET":
            return self._show(path, object_id, user) if object_id else self._list(path, request, user)
        with self.store.all_or_none(path):
            return self._write(path, object_id, request, user)

    def _write(self, path: str, object_id: int | None, request: Request, user: User) -> Reply:
        bodies = request.body if request.is_bulk else [request.body]
        if request.method == "POST":
            ids = self._each(request, [partial(self._create, path, body, user) for body in bodies])
            shown = [self.store.show(path, each) for each in ids]
            return Reply(201, shown if request.is_bulk else shown[0])
        if request.method == "DELETE":
            self._visible(path, object_id or 0, "DELETE", user)
            self.store.delete(path, object_id or 0)
            return Reply(204)
        if object_id:
            self._change(path, object_id, request.body, request, user)
            return self._show(path, object_id, user)
        return self._change_many(path, bodies, request, user)

    def _change_many(self, path: str, bodies: list[Any], request: Request, user: User) -> Reply:
        rows = self.store.rows[path]
        there = [body["id"] in rows and user.may_with("PATCH", path, rows[body["id"]]) for body in bodies]
        if self.store.version >= _BULK_ERRORS_SINCE and not all(there):
            gone = {at: bodies[at]["id"] for at, is_there in enumerate(there) if not is_there}
            raise Refusals({at: {"id": [f"Object with ID {each} does not exist"]} for at, each in gone.items()})
        known = [body for body, is_there in zip(bodies, there, strict=True) if is_there]
        self._each(request, [partial(self._change, path, body["id"], body, request, user) for body in known])
        # In the server's own order.
        return Reply(200, [self.store.show(path, each) for each in sorted(body["id"] for body in known)])

    def _each(self, request: Request, steps: list[Callable[[], Any]]) -> list[Any]:
        """Do all steps; what is refused of many is said together."""
        if not request.is_bulk:
            return [step() for step in steps]
        done, refused, status = [], {}, 400
        for place, step in enumerate(steps):
            try:
                done.append(step())
            except Refused as error:
                refused[place] = error.body
            except Forbidden:
                refused[place] = {"__all__": [f"{_FORBIDDEN[:-1]} on this object."]}
                status = 403
        if refused:
            raise Refusals(refused, status)
        return done

    def _create(self, path: str, body: Any, user: User) -> int:
        made = self.store.create(path, body)
        if not user.may_with("POST", path, self.store.rows[path][made]):
            raise Forbidden
        return made

    def _change(self, path: str, object_id: int, body: Any, request: Request, user: User) -> None:
        self._visible(path, object_id, "PATCH", user)
        self.store.update(path, object_id, body, request.if_match)
        if not user.may_with("PATCH", path, self.store.rows[path][object_id]):
            raise Forbidden

    def _visible(self, path: str, object_id: int, method: str, user: User) -> None:
        row = self.store.rows[path].get(object_id)
        if row is None or not user.may_with(method, path, row):
            raise Gone

    def _show(self, path: str, object_id: int, user: User) -> Reply:
        if user.may("GET", path):
            self._visible(path, object_id, "GET", user)
        etag = self.store.etag(path, object_id)
        return Reply(200, self.store.show(path, object_id), {"ETag": etag} if etag else {})

    def _list(self, path: str, request: Request, user: User) -> Reply:
        given = dict(request.query)
        limit = min(int(given.get("limit", 50)) or _LARGEST_PAGE, _LARGEST_PAGE)
        offset = int(given.get("offset", 0))
        found = self.store.find(path, [each for each in request.query if each[0] not in ("limit", "offset")])
        found = [each for each in found if user.may_with("GET", path, self.store.rows[path][each["id"]])]
        page = found[offset : offset + limit]
        # As behind a proxy that NetBox does not know of.
        more = f"http://inside.invalid/api/{path}/" if offset + limit < len(found) else None
        return Reply(200, {"count": len(found), "next": more, "previous": None, "results": page})


def _parts(path: str) -> tuple[str, int | None]:
    words = path.strip("/").split("/")[1:]
    if words and words[-1].isdigit():
        return "/".join(words[:-1]), int(words[-1])
    return "/".join(words), None


class _Handler(BaseHTTPRequestHandler):
    netbox: FakeNetBox
    protocol_version = "HTTP/1.1"
    # Headers and body are two packets; the second would wait for the first to be acknowledged.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_OPTIONS(self) -> None:
        self._serve()

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        query = parse_qsl(parts.query, keep_blank_values=True)
        request = Request(self.command, parts.path, query, body, self.headers.get("If-Match"))
        request.token = (self.headers.get("Authorization") or "").partition(" ")[2]
        if len(self.requestline) > _LONGEST_REQUEST_LINE:
            reply = Reply(400, {"detail": "Request Line is too large"})
        else:
            reply = self.netbox.answer(request)
        if reply is DROP:
            self.close_connection = True
            return
        content = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(content)))
        if content:
            self.send_header("Content-Type", "application/json")
        if self.headers.get("Content-Type") == "application/json":
            self.send_header("API-Version", ".".join(map(str, self.netbox.store.version)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def served(netbox: FakeNetBox) -> Iterator[FakeNetBox]:
    """Serve a NetBox on loopback for as long as the block lasts."""
    with on_loopback(type("Handler", (_Handler,), {"netbox": netbox})) as netbox.url:
        yield netbox


@contextmanager
def on_loopback(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer requests for as long as the block lasts; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join(timeout=30)
        server.server_close()
