# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers requests as DSP0266 says: no sockets, so that it can be tried by itself."""

from __future__ import annotations

import base64
import binascii
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from virtual_rack.redfish import queries, sessions
from virtual_rack.redfish.bmc import Bmc
from virtual_rack.redfish.messages import Json, RedfishError, message, refused
from virtual_rack.redfish.metadata import METADATA_PATH, ODATA_PATH, metadata, odata
from virtual_rack.redfish.rules import merge, sift
from virtual_rack.redfish.tree import ROOT, Answer, Caller, Resource
from virtual_rack.redfish.updates import PUSH

_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT")
_WRITES = ("POST", "PATCH", "PUT", "DELETE")
_PUBLIC = (ROOT, ODATA_PATH, METADATA_PATH, "/redfish")
_SELF = "ConfigureSelf"


@dataclass(frozen=True)
class Request:
    """One request; header names are in lower case, `parts` are those of a multipart body."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    parts: Mapping[str, bytes] = field(default_factory=dict)


class Service:
    """The Redfish service of one BMC."""

    def __init__(self, bmc: Bmc) -> None:
        self._bmc = bmc

    async def answer(self, request: Request) -> Answer:
        """Answer one request, whatever it is."""
        self._bmc.requests += 1
        path = request.path.rstrip("/") or "/"
        if request.method == "POST":
            path = path.removesuffix("/Members")  # a member may be made by either
        resource = self._bmc.tree.resources.get(path)
        allow = {"Allow": ", ".join(resource.methods())} if resource else {}
        try:
            answer = await self._answered(replace(request, path=path), resource)
        except RedfishError as error:
            answer = Answer(error.status, error.to_json(), error.headers)
        is_session = path == sessions.SESSIONS or path.startswith(f"{sessions.SESSIONS}/")
        if request.method in _WRITES and answer.status < 400 and not is_session:
            self._bmc.writes += 1
        headers = {"OData-Version": "4.0", "Cache-Control": "no-store", **allow, **answer.headers}
        if isinstance(answer.body, dict) and "@odata.etag" in answer.body:
            headers["ETag"] = answer.body["@odata.etag"]
        if isinstance(answer.body, dict) and "@odata.type" in answer.body and request.method in ("GET", "HEAD"):
            name = answer.body["@odata.type"].lstrip("#").split(".")[0]
            headers["Link"] = f"<http://redfish.dmtf.org/schemas/v1/{name}.json>; rel=describedby"
        return replace(answer, headers=headers)

    async def _answered(self, request: Request, resource: Resource | None) -> Answer:
        method, path = request.method, request.path
        if method not in _METHODS:
            raise refused(501, "UnsupportedMethod", method)
        if request.headers.get("odata-version", "4.0") != "4.0":
            raise refused(412, "HeaderInvalid", "OData-Version")
        if path in _PUBLIC and method in ("GET", "HEAD") and path != ROOT:
            return _public(path)
        if path == sessions.SESSIONS and method == "POST":
            return self._bmc.sessions.open(_json(request))
        if path == ROOT and resource is not None and method in ("GET", "HEAD"):
            return self._read(request, resource)
        caller = self._caller(request)
        if resource is None:
            raise refused(404, "ResourceMissingAtURI", path)
        self._check_password(request, caller, resource)
        if method not in resource.methods():
            raise refused(405, "OperationNotAllowed", Allow=", ".join(resource.methods()))
        if method in ("GET", "HEAD"):
            return self._read(request, resource)
        self._check_privilege(request, caller, resource)
        return await self._write(request, resource, caller)

    def _caller(self, request: Request) -> Caller:
        token = request.headers.get("x-auth-token")
        if token is not None:
            return self._bmc.sessions.with_token(token)
        kind, _, coded = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            raise refused(401, "NoValidSession", WWW_Authenticate='Basic realm="Redfish"')
        try:
            name, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise refused(401, "NoValidSession", WWW_Authenticate='Basic realm="Redfish"') from None
        return Caller(self._bmc.accounts.log_in(name, password))

    def _check_password(self, request: Request, caller: Caller, resource: Resource) -> None:
        """Let nobody do anything but change the password who must change it."""
        account = caller.account
        if not account.must_change or request.path == caller.session:
            return
        if request.path == account.path and request.method in ("GET", "HEAD"):
            return
        if request.path == account.path and request.method == "PATCH" and _json(request).keys() == {"Password"}:
            return
        raise refused(403, "PasswordChangeRequired", account.path)

    def _check_privilege(self, request: Request, caller: Caller, resource: Resource) -> None:
        account = caller.account
        own = request.path == account.path and request.method == "PATCH" and account.may(_SELF)
        if own and not _json(request).keys() - {"Password"}:
            return
        if not account.may(resource.privilege):
            raise refused(403, "InsufficientPrivilege")
        vendor = self._bmc.vendor
        free = (*vendor.unlock, *(session.path for session in self._bmc.sessions.all))
        if vendor.is_locked_down() and request.path not in free and not request.path.endswith(".Reset"):
            raise refused(403, "GeneralError", "The operation is refused: the system is in lockdown mode.")

    def _read(self, request: Request, resource: Resource) -> Answer:
        shown = resource.shown()
        if resource.status is not None and (status := resource.status()) != 200:
            return Answer(status, shown, {"Location": request.path, "Retry-After": "1"})
        if request.headers.get("if-none-match") in (shown.get("@odata.etag"), "*"):
            return Answer(304, None, {"ETag": shown["@odata.etag"]})
        bmc = self._bmc
        body = queries.answered(shown, request.path, request.query, bmc.mode, bmc.page_size, self._by_path)
        return Answer(200, body)

    def _by_path(self, path: str) -> Json | None:
        resource = self._bmc.tree.resources.get(path.rstrip("/"))
        return resource.shown() if resource and not resource.is_action else None

    async def _write(self, request: Request, resource: Resource, caller: Caller) -> Answer:
        if request.method != "POST":
            self._check_etag(request, resource)
        if request.method == "DELETE" and resource.delete is not None:
            return resource.delete(caller)
        if request.path == PUSH:
            return self._push(request)
        body = _json(request)
        if self._bmc.hands.strikes("redfish_ignores_writes", path=request.path, method=request.method):
            return self._after_patch(resource, []) if request.method == "PATCH" else Answer(204)
        if request.method == "PATCH" or resource.post is None:
            return self._patch(resource, body, caller)
        done = resource.post(body, caller)
        return await done if inspect.isawaitable(done) else done

    def _check_etag(self, request: Request, resource: Resource) -> None:
        given = request.headers.get("if-match")
        if given is None:
            return
        tags = [tag.strip() for tag in given.split(",")]
        matches = "*" in tags or resource.shown()["@odata.etag"] in tags
        struck = self._bmc.hands.strikes("redfish_wrong_etag", path=request.path, method=request.method)
        if not matches or struck:
            raise refused(412, "PreconditionFailed")

    def _patch(self, resource: Resource, body: Json, caller: Caller) -> Answer:
        taken, problems = sift(resource.document | self._live(resource), body, resource.rules or {})
        if problems and not taken:
            raise RedfishError(400, problems)
        if not taken:
            raise refused(400, "NoOperation")
        changes: Json | Answer = resource.patch(body, taken, caller) if resource.patch else taken
        if isinstance(changes, Answer):
            return changes
        resource.document = merge(resource.document, changes)
        return self._after_patch(resource, problems)

    def _live(self, resource: Resource) -> Json:
        return resource.live() if resource.live else {}

    def _after_patch(self, resource: Resource, problems: list[Json]) -> Answer:
        shown = resource.shown()
        etag = {"ETag": shown["@odata.etag"]}
        if problems:
            return Answer(200, shown | {"@Message.ExtendedInfo": problems})
        if resource.document["@odata.type"].startswith("#ManagerAccount."):
            return Answer(200, shown)  # whose password had to be changed shall see that it need not any more
        if self._bmc.mode.patch_answer == "nothing":
            return Answer(204, None, etag)
        if self._bmc.mode.patch_answer == "messages":
            return Answer(200, {"@Message.ExtendedInfo": [message("Success")]}, etag)
        return Answer(200, shown)

    def _push(self, request: Request) -> Answer:
        for part in ("UpdateParameters", "UpdateFile"):
            if part not in request.parts:
                raise refused(400, "PropertyMissing", part)
        parameters = _parsed(request.parts["UpdateParameters"])
        return self._bmc.updates.push(parameters, request.parts["UpdateFile"])


def _public(path: str) -> Answer:
    if path == METADATA_PATH:
        return Answer(200, metadata())
    return Answer(200, odata() if path == ODATA_PATH else {"v1": f"{ROOT}/"})


def _json(request: Request) -> Json:
    kind = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if request.body and kind != "application/json":
        raise refused(415, "UnsupportedMediaType", kind)
    return _parsed(request.body or b"{}")


def _parsed(content: bytes) -> Json:
    try:
        body: Any = json.loads(content)
    except ValueError:
        raise refused(400, "MalformedJSON") from None
    if not isinstance(body, dict):
        raise refused(400, "MalformedJSON")
    return body
