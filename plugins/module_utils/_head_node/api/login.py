# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The login to a head node: one for all calls of a client, its cookie, and a new one where it has expired."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, Optional

from .answer import Answer
from .connection import Connection
from .errors import BcmAuthError, BcmProtocolError

COOKIE = "cm-login-token"
# What a cookie's value may hold (RFC 6265, 4.1.1).
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]{1,4096}")

# (body, name for messages) → the answer, and the cookie's value where one was set.
Ask = Callable[[dict[str, Any], str], tuple[Answer, Optional[str]]]


class Login:
    """The session of one client (bcm-api.md 1.2); safe to share between threads. A certificate needs none."""

    def __init__(self, connection: Connection, ask: Ask) -> None:
        self._connection = connection
        self._ask = ask
        self._token: str | None = None
        self._lock = threading.Lock()

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of a call; empty before the login."""
        return {"Cookie": f"{COOKIE}={self._token}"} if self._token else {}

    def ensure(self, expired: str | None = None) -> str | None:
        """Log in where that is needed, and return the token in use; `expired` is a token that is known to be worthless.

        Raises BcmAuthError where user name or password are refused, BcmProtocolError where it is no head node, and what
        the call itself raises. Trying again is safe, but may lock an account whose password is refused.
        """
        if not self._connection.username:
            return None
        with self._lock:
            if self._token is None or self._token == expired:
                self._token = None
                self._token = self._fetch()
            return self._token

    def _fetch(self) -> str:
        url, who = self._connection.url, self._connection.username
        name = f"login as {who}"
        answer, token = self._ask({"service": "login", "username": who, "password": self._connection.password}, name)
        if answer.status == 200 and answer.value is True and token:
            if not _VALUE.fullmatch(token):
                raise BcmProtocolError(f"could not {name}: {url} set a cookie {COOKIE} that can't be sent back")
            return token
        if answer.status == 200 and not answer.is_json:
            raise BcmProtocolError(
                f"could not {name}: {url} answered something that is not JSON; is this a BCM head node?"
            )
        raise BcmAuthError(f"could not {name}: {url} refused the username or the password")
