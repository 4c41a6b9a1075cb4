# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions: a log-in that lasts until it is deleted or idle for too long."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from virtual_rack.redfish.accounts import Account, Accounts
from virtual_rack.redfish.messages import Json, message, refused
from virtual_rack.redfish.modes import Mode
from virtual_rack.redfish.rules import Number
from virtual_rack.redfish.tree import ROOT, Answer, Caller, Tree, link

SERVICE = f"{ROOT}/SessionService"
SESSIONS = f"{SERVICE}/Sessions"


@dataclass
class Session:
    """A session that somebody logged in to; `used_s` is real time."""

    path: str
    token: str
    account: Account
    used_s: float


class Sessions:
    """The sessions of one BMC; `is_full` says whether none is left at the moment."""

    def __init__(
        self,
        tree: Tree,
        mode: Mode,
        accounts: Accounts,
        *,
        real_s: Callable[[], float],
        is_full: Callable[[], bool],
    ) -> None:
        self._tree, self._mode, self._accounts = tree, mode, accounts
        self._real_s, self._is_full = real_s, is_full
        self._numbers = count(1)
        self._by_token: dict[str, Session] = {}
        service = tree.add(
            SERVICE,
            "SessionService.v1_1_9.SessionService",
            "Session Service",
            ServiceEnabled=True,
            SessionTimeout=1800,
            Sessions=link(SESSIONS),
        )
        service.rules = {"SessionTimeout": Number(30, 86_400)}
        collection = tree.collection(SESSIONS, "Session")
        collection.post = lambda body, _caller: self.open(body)
        collection.privilege = "Login"

    @property
    def all(self) -> list[Session]:
        """Give those that are open."""
        return list(self._by_token.values())

    def open(self, body: Json) -> Answer:
        """Log in. Raises RedfishError."""
        for key in ("UserName", "Password"):
            if key not in body:
                raise refused(400, "PropertyMissing", key, related=key)
            if not isinstance(body[key], str):
                raise refused(400, "PropertyValueTypeError", "", key, related=key)
        account = self._accounts.log_in(body["UserName"], body["Password"])
        self._end_idle()
        if self._is_full() or len(self._by_token) >= self._mode.max_sessions:
            raise refused(503, "SessionLimitExceeded", Retry_After="30")
        path = f"{SESSIONS}/{next(self._numbers)}"
        token = secrets.token_hex(16)
        self._by_token[token] = Session(path, token, account, self._real_s())
        made = self._tree.add(path, "Session.v1_7_1.Session", "User Session", UserName=account.name, Password=None)
        made.delete = lambda caller: self._close(token, caller)
        made.privilege = "ConfigureSelf"
        self._tree.join(SESSIONS, path)
        warning = message("PasswordChangeRequired", account.path)
        warned = {"@Message.ExtendedInfo": [warning]} if account.must_change else {}
        # Only the answer to its making has the token.
        return Answer(201, made.shown() | warned, {"Location": path, "X-Auth-Token": token})

    def with_token(self, token: str) -> Caller:
        """Find whose session a token is. Raises RedfishError 401."""
        self._end_idle()
        session = self._by_token.get(token)
        if session is None:
            raise refused(401, "NoValidSession")
        session.used_s = self._real_s()
        return Caller(session.account, session.path)

    def end_all(self) -> None:
        """End all sessions."""
        for session in self.all:
            self._end(session)

    def end_void(self) -> None:
        """End those of accounts that may not log in any more."""
        for session in self.all:
            if not session.account.enabled:
                self._end(session)

    def _close(self, token: str, caller: Caller) -> Answer:
        session = self._by_token[token]
        if session.account is not caller.account and not caller.account.may("ConfigureManager"):
            raise refused(403, "InsufficientPrivilege")
        self._end(session)
        return Answer(204)

    def _end(self, session: Session) -> None:
        del self._by_token[session.token]
        self._tree.leave(SESSIONS, session.path)

    def _end_idle(self) -> None:
        idle_s = float(self._tree.document(SERVICE)["SessionTimeout"])
        for session in self.all:
            if self._real_s() - session.used_s > idle_s:
                self._end(session)
