# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The talk with one BMC: login, requests, ETags, pages, tasks, and the end of its session in any case."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from .._https import errors as https
from .._https.call_log import OnCall
from .._https.client import HttpsClient
from .._https.exchange import Bounds, HttpRequest, Patience, Reply, Streamed
from .._https.retry import Retry
from .._https.tls import Tls
from .._values.clock import Clock
from .._values.text import cut, printable
from .connection import BmcLogin, link_in, path_of_location
from .errors import (
    RedfishApiError,
    RedfishAuthError,
    RedfishConfigError,
    RedfishError,
    RedfishNotFound,
    RedfishProtocolError,
    RedfishStale,
    RedfishTimeout,
    RedfishTlsError,
    RedfishTransportError,
    SessionLost,
    WriteRefused,
)
from .values import at
from .view import Body, Resource

ROOT = "/redfish/v1"
_SESSIONS = f"{ROOT}/SessionService/Sessions"
_MIB = 1024 * 1024
# A BIOS registry has a few MiB; nothing else that is read comes near.
_BOUNDS = Bounds(wire_bytes=8 * _MIB, body_bytes=16 * _MIB)
_MOST_MEMBERS = 2_000
_MOST_PAGES = 100
_LONGEST_TEXT = 500
_BUSY = frozenset({429, 503})
_TROUBLE = _BUSY | {500, 502, 504}
# 503 with or without Retry-After is said before anything is done (DSP0266, 8.8).
_POST = Retry(attempts=4, statuses=_BUSY, heeds_retry_after=True)
# The same absolute values, with If-Match: sent twice they are there once.
_PATCH = replace(_POST, if_performed=True)
_READ = replace(_PATCH, statuses=_TROUBLE)
_ONCE = Retry()
_POLL_S = 2.0
_LOOKS_AT_IMAGE_S = 300.0


class Redfish:
    """The requests to one BMC until `deadline_s` of the clock. Every method may raise RedfishError.

    `read_only` refuses whatever would write before it is sent; `before_write` is asked before every such request.
    Sessions are no writes: they come and go with the talk.
    """

    def __init__(
        self,
        bmc: BmcLogin,
        clock: Clock,
        *,
        deadline_s: float,
        read_only: bool = True,
        before_write: Callable[[], None] | None = None,
        on_call: OnCall | None = None,
        http_transport: Any = None,
    ) -> None:
        self.bmc = bmc
        self.clock = clock
        self.deadline_s = deadline_s
        # What is being done, for those who ask what failed.
        self.phase = "login"
        self.requests = 0
        self.writes = 0
        self._options = {
            "read_only": read_only,
            "before_write": before_write,
            "on_call": on_call,
            "http_transport": http_transport,
        }
        self._read_only = read_only
        self._before_write = before_write
        self._headers: dict[str, str] = {"Accept": "application/json", "OData-Version": "4.0"}
        self._session: str | None = None
        self.root: Body = {}
        self._secrets = {bmc.password}
        self._client = self._open()

    def _open(self) -> HttpsClient:
        bmc = self.bmc
        try:
            return HttpsClient(
                bmc.base,
                Tls(bmc.ca_path, None, None, bmc.validate_certs, bmc.server_name, bmc.fingerprint),
                patience=Patience(min(10.0, bmc.timeout_s), bmc.timeout_s, 2 * bmc.timeout_s),
                limits=_BOUNDS,
                secrets=self._secrets,
                on_call=self._options["on_call"],
                sleep=self.pause,
                http_transport=self._options["http_transport"],
            )
        except https.HttpsError as error:
            raise _config_error(error, bmc) from error

    # -- session --------------------------------------------------------------------------------------------------

    @contextmanager
    def logged_in(self) -> Iterator[Redfish]:
        """Log in for as long as the block lasts; the session is deleted however it ends."""
        try:
            self.root = self.get(f"{ROOT}/").body
            self._login()
            self.phase = "read"
            yield self
        finally:
            self._logout()
            self._client.close()

    def show_certificate(self) -> str:
        """Return the SHA-256 of the certificate that the BMC shows, without a login; "" without TLS."""
        try:
            self.get(f"{ROOT}/")
            return self.fingerprint
        finally:
            self._client.close()

    def as_user(self, username: str, password: str) -> Redfish:
        """Return a talk with the same BMC by another account, within the same time; it is not logged in yet."""
        bmc = replace(self.bmc, username=username, password=password)
        return Redfish(bmc, self.clock, deadline_s=self.deadline_s, **self._options)

    def hide(self, secret: str) -> None:
        """Blank a secret in what this BMC is quoted with from now on."""
        self._secrets.add(secret)
        self._client.hide(secret)

    def trust(self, fingerprint: str) -> None:
        """Go on over new connections, which trust the certificate with this SHA-256 alone; the session stays."""
        self._client.close()
        self.bmc = replace(self.bmc, fingerprint=fingerprint)
        self._client = self._open()

    def log_in_again(self) -> None:
        """Prove that the BMC still lets us in, by a login of its own; the session before it is deleted."""
        known = {name: self._headers.pop(name, None) for name in ("X-Auth-Token", "Authorization")}
        before, self._session = self._session, None
        try:
            self._login()
        except RedfishTransportError:
            # Nobody has refused us: what is asked next must not look as if.
            self._headers.update({name: value for name, value in known.items() if value is not None})
            self._session = before
            raise
        if before is not None:
            with suppress(RedfishError):
                self._send("DELETE", before, None, action="log out", retry=_POST)

    def _login(self) -> None:
        sessions = link_in(at(self.root, "Links", "Sessions") or None, "the root") or _SESSIONS
        account = {"UserName": self.bmc.username, "Password": self.bmc.password}
        try:
            reply = self._send("POST", sessions, account, action="log in", retry=_POST)
        except RedfishNotFound:
            return self._login_by_request()
        except RedfishApiError as error:
            # A full table of sessions says nothing about the credentials.
            if error.status == 405 or error.status in _BUSY or "SessionLimitExceeded" in error.codes:
                return self._login_by_request()
            if error.status == 400 and not error.codes:
                raise RedfishAuthError(f"{error}; not tried again") from error
            raise
        token = reply.headers.get("x-auth-token", "")
        if not token or not (token.isascii() and token.isprintable()):
            raise RedfishProtocolError(f"could not log in to {self.bmc.base}: it opened a session and gave no token")
        self.hide(token)
        self._headers["X-Auth-Token"] = token
        location = reply.headers.get("location", "") or str(self._json(reply, "log in").get("@odata.id") or "")
        self._session = path_of_location(location, "a session")
        return None

    def _login_by_request(self) -> None:
        """Send the account with each request (HTTP Basic), where there are no sessions, or no more of them."""
        pair = base64.b64encode(f"{self.bmc.username}:{self.bmc.password}".encode()).decode()
        self.hide(pair)
        self._headers["Authorization"] = f"Basic {pair}"
        # One request, so that a refusal is found before several are sent at once.
        self.get(f"{ROOT}/Systems")

    def _logout(self) -> None:
        if self._session is None:
            return
        session, self._session = self._session, None
        # What was found must not be lost with it; a session that can't be deleted ends by its own time-out.
        self.deadline_s = max(self.deadline_s, self.clock.now_s() + 5.0)
        with suppress(RedfishError):
            self._send("DELETE", session, None, action="log out", retry=_POST)

    # -- reading --------------------------------------------------------------------------------------------------

    @property
    def _member_query(self) -> str:
        """Return what brings the members of a collection along with it, where the BMC offers that (DSP0266, 7.3)."""
        offered = at(self.root, "ProtocolFeaturesSupported")
        if at(offered, "ExpandQuery", "NoLinks") is True:
            return "?$expand=.($levels=1)" if at(offered, "ExpandQuery", "Levels") is True else "?$expand=."
        return "?only" if at(offered, "OnlyMemberQuery") is True else ""

    def get(self, uri: str) -> Resource:
        """Read one resource. Raises RedfishNotFound."""
        reply = self._send("GET", uri, None, action=f"read {uri}", retry=_READ)
        return Resource(uri, self._json(reply, f"read {uri}"), reply.headers.get("etag"))

    def members(self, uri: str) -> list[Resource]:
        """Read a collection and all its members, over all pages; at once where the BMC offers that."""
        first = f"{uri}{self._member_query}"
        page: str | None = first
        found: list[Resource] = []
        for _number in range(_MOST_PAGES):
            if page is None or len(found) > _MOST_MEMBERS:
                break
            try:
                body = self.get(page).body
            except RedfishApiError as error:
                # Some that offer it refuse it on single collections.
                if page == uri or page != first or isinstance(error, RedfishNotFound):
                    raise
                body = self.get(uri).body
            # Asked for the only member, a collection with one answers with that.
            if page.endswith("?only") and "Members" not in body:
                path = link_in(body, uri)
                return [Resource(path, body, body.get("@odata.etag"))] if path not in (None, uri) else []
            members = body.get("Members")
            for member in members if isinstance(members, list) else []:
                path = link_in(member, uri)
                if path is not None:
                    whole = len(member) > 1
                    found.append(Resource(path, member, member.get("@odata.etag")) if whole else self.get(path))
            page = link_in(body.get("Members@odata.nextLink"), uri, is_page=True)
        if len(found) > _MOST_MEMBERS:
            raise RedfishProtocolError(f"{uri} of {self.bmc.base} has more than {_MOST_MEMBERS:,} members")
        return found

    # -- writing --------------------------------------------------------------------------------------------------

    def patch(self, resource: Resource, change: Body) -> Reply:
        """Change one resource; 412 reads it again, once, and sends the same fields over what is there now."""
        for last in (False, True):
            headers = {"If-Match": resource.etag} if resource.etag else {}
            try:
                return self._write("PATCH", resource.uri, change, headers, _PATCH)
            except RedfishStale:
                if last:
                    raise
                resource = self.get(resource.uri)
        raise AssertionError

    def post(self, uri: str, body: Body) -> Reply:
        """Run an action or create a member; never sent twice where the first may have been performed."""
        return self._write("POST", uri, body, {}, _POST)

    def ask(self, uri: str, body: Body) -> Body:
        """Run an action that answers with more than that it was done; sent as `post` does."""
        return self._json(self.post(uri, body), f"change {uri}")

    def delete(self, uri: str) -> Reply:
        """Remove a member; never sent twice where the first may have been performed."""
        return self._write("DELETE", uri, None, {}, _POST)

    def push(self, uri: str, content_type: str, content: Streamed) -> Reply:
        """Send what is too large for memory; never sent twice where the first may have been performed."""
        return self._write("POST", uri, content, {"Content-Type": content_type}, _POST)

    def finish(self, reply: Reply) -> None:
        """Wait until the task that a write was answered with has ended. Raises RedfishApiError where it failed."""
        location = reply.headers.get("location", "")
        monitor = path_of_location(location, "a task") if reply.status == 202 and location else None
        while monitor is not None:
            answer = self._send("GET", monitor, None, action="follow a task", retry=_READ)
            state = str(self._json(answer, "follow a task").get("TaskState") or "")
            if state in ("Exception", "Killed", "Cancelled", "Interrupted", "Suspended"):
                raise RedfishApiError(f"a task of {self.bmc.base} ended as {state}", status=answer.status)
            if answer.status != 202 and state not in ("New", "Starting", "Running", "Pending", "Stopping"):
                return
            # A job that waits for the reboot is not waited for before it.
            if state == "Pending":
                return
            wanted = answer.headers.get("retry-after", "")
            self.pause(float(wanted) if wanted.isascii() and wanted.isdigit() else _POLL_S)

    def pause(self, seconds: float) -> None:
        """Wait; raises RedfishTimeout where the time would be over before the end of it."""
        if self.clock.now_s() + seconds >= self.deadline_s:
            raise RedfishTimeout(f"{self.bmc.base} was not done within its time")
        self.clock.sleep(seconds)

    @property
    def certificate(self) -> bytes:
        """Return the certificate that the BMC has shown, in DER; b"" without TLS."""
        return self._client.peer_certificate or b""

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the certificate that the BMC has shown; "" without TLS."""
        return hashlib.sha256(self.certificate).hexdigest() if self.certificate else ""

    # -- requests -------------------------------------------------------------------------------------------------

    def _write(
        self, method: str, uri: str, body: Body | Streamed | None, headers: Mapping[str, str], retry: Retry
    ) -> Reply:
        if self._read_only:
            raise WriteRefused(f"{method} {uri} was about to be sent where only reading is allowed")
        if self._before_write is not None:
            self._before_write()
        self.writes += 1
        if self.phase == "read":
            self.phase = "write"
        return self._send(method, uri, body, action=f"change {uri}", retry=retry, headers=headers)

    def _send(
        self, method: str, uri: str, body: Any, *, action: str, retry: Retry, headers: Mapping[str, str] | None = None
    ) -> Reply:
        left_s = self.deadline_s - self.clock.now_s()
        if left_s <= 0:
            raise RedfishTimeout(f"could not {action}: {self.bmc.base} was not done within its time")
        given = {**self._headers, **(headers or {})}
        content: bytes | Streamed | None = None
        timeout_s = min(self.bmc.timeout_s, left_s)
        patience = Patience(min(10.0, timeout_s), timeout_s, min(2 * timeout_s, left_s))
        if isinstance(body, Streamed):
            content = body
            # Some look at a whole image before they answer.
            patience = Patience(patience.connect_s, min(max(timeout_s, _LOOKS_AT_IMAGE_S), left_s), left_s)
        elif body is not None:
            content = json.dumps(body, separators=(",", ":")).encode()
            given["Content-Type"] = "application/json"
        request = HttpRequest(method, uri, f"{method} {uri.partition('?')[0]}", given, content)
        self.requests += 1
        try:
            reply = self._client.send(request, retry, patience)
        except https.NoAnswer as error:
            raise self._no_answer(error, action, reads=method == "GET") from error
        if 200 <= reply.status < 300:
            return reply
        raise self._refusal(reply, action)

    def _no_answer(self, error: https.NoAnswer, action: str, *, reads: bool) -> RedfishError:
        where = self.bmc.base
        if isinstance(error, https.TlsRefused):
            if error.doubt is https.Doubt.FINGERPRINT:
                return RedfishTlsError(
                    f"could not {action}: {where} shows another certificate than the pinned one: {error.detail}, that "
                    f"of the pinned one is {self.bmc.fingerprint}; nothing was sent. Find out who changed it, and only "
                    f"then change {self.bmc.pinned_by}"
                )
            return RedfishTlsError(
                f"could not {action}: no trusted TLS connection to {where}: {error.detail}; give the authority as "
                "ca_path, or pin the certificate by tls_fingerprint"
            )
        unknown = not (reads or isinstance(error, https.NeverSent))
        doubt = "; whether it was performed is unknown: the next run reads first" if unknown else ""
        return RedfishTransportError(
            f"could not {action}: no usable answer from {where}: {error}{doubt}", may_be_performed=unknown
        )

    def _refusal(self, reply: Reply, action: str) -> RedfishError:
        codes, why = _said(reply)
        why = cut(printable(self._client.clean(why)), _LONGEST_TEXT) or "no reason given"
        where, status = self.bmc.base, reply.status
        if status == 401 and "X-Auth-Token" in self._headers:
            return SessionLost(f"could not {action}: {where} does not know the session any more: {why}")
        if status == 401 or (status == 403 and "X-Auth-Token" not in self._headers):
            return RedfishAuthError(
                f"{where} refuses the login (HTTP {status}): {why}; not tried again, a locked account looks the same"
            )
        if 300 <= status < 400:
            return RedfishProtocolError(f"could not {action}: {where} redirects, which is not followed")
        kinds = {404: RedfishNotFound, 412: RedfishStale}
        kind = kinds.get(status, RedfishApiError)
        return kind(f"could not {action}: {where} answered HTTP {status}: {why}", status=status, codes=codes)

    def _json(self, reply: Reply, action: str) -> Body:
        if not reply.body:
            return {}
        try:
            value = reply.json()
        except https.NotJson:
            raise RedfishProtocolError(
                f"could not {action}: {self.bmc.base} answered something that is not JSON; is this a Redfish service?"
            ) from None
        except https.Unsound as error:
            raise RedfishProtocolError(f"could not {action}: the answer of {self.bmc.base} {error}") from error
        if not isinstance(value, dict):
            raise RedfishProtocolError(f"could not {action}: {self.bmc.base} answered no object")
        return value


def _said(reply: Reply) -> tuple[tuple[str, ...], str]:
    """Return the names of a refusal's messages without their registry, and their texts (DSP0266, 8.6)."""
    try:
        said = reply.json()
    except (https.NotJson, https.Unsound):
        return (), ""
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict):
        return (), ""
    listed = error.get("@Message.ExtendedInfo")
    infos = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    codes = [str(error.get("code") or ""), *(str(each.get("MessageId") or "") for each in infos)]
    texts = [str(each.get("Message") or "") for each in infos] or [str(error.get("message") or "")]
    return tuple(_last_part(codes)), "; ".join(filter(None, texts[:5]))


def _last_part(codes: Iterable[str]) -> Iterator[str]:
    return (code.rpartition(".")[2] for code in codes if code)


def _config_error(error: https.HttpsError, bmc: BmcLogin) -> RedfishConfigError:
    if isinstance(error, https.NoLibrary):
        return RedfishConfigError("the Python package httpx is missing where this task runs: pip install httpx")
    if isinstance(error, https.BadFingerprint):
        return RedfishConfigError(f"{bmc.name}: tls_fingerprint {error}")
    if isinstance(error, https.BadAddress):
        return RedfishConfigError(f"{bmc.name}: address can't be used: {error}")
    return RedfishConfigError(f"could not use ca_path: {error}")
