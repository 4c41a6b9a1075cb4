# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is calling: login cookie or client certificate."""

from __future__ import annotations

import hmac
import secrets
import string
from dataclasses import dataclass

from aiohttp import BasicAuth, web

from virtual_rack.certificates import profile_of
from virtual_rack.rack_file import User

COOKIE = "cm-login-token"
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Caller:
    """Someone who showed who he is."""

    name: str
    profile: str


class Access:
    """Checks passwords, hands out tokens, recognises callers."""

    def __init__(self, users: tuple[User, ...]) -> None:
        self._users = {user.username: user for user in users}
        self._tokens: dict[str, Caller] = {}

    def log_in(self, username: object, password: object) -> str | None:
        """Give a token, None when name and password do not belong together."""
        caller = self._caller(username, password)
        if caller is None:
            return None
        token = "".join(secrets.choice(_ALPHABET) for _ in range(32))
        self._tokens[token] = caller
        return token

    def expire_all(self) -> int:
        """Make every token worthless; say how many there were."""
        count = len(self._tokens)
        self._tokens.clear()
        return count

    def recognise_rest(self, request: web.Request) -> Caller | None:
        """Say who is calling /rest, which takes HTTP Basic as well. ASSUMED: that it takes the cookie too."""
        try:
            basic = BasicAuth.decode(request.headers.get("Authorization", ""))
        except ValueError:
            return self.recognise(request)
        return self._caller(basic.login, basic.password)

    def _caller(self, username: object, password: object) -> Caller | None:
        user = self._users.get(str(username))
        given = str(password).encode("utf-8", "surrogatepass")
        if user is None or not hmac.compare_digest(user.password.encode(), given):
            return None
        return Caller(user.username, user.profile)

    def recognise(self, request: web.Request) -> Caller | None:
        """Say who is calling. The certificate was verified by TLS when there is one."""
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        if certificate:
            return Caller(*profile_of(certificate))
        return self._tokens.get(request.cookies.get(COOKIE, ""))
