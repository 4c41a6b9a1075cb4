# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The talks of a rotation with one BMC, each by another login; and new passwords."""

from __future__ import annotations

import contextlib
import secrets
import string
from collections.abc import Callable

from . import roles
from .account_writer import write_accounts
from .accounts import Accounts, WantedAccount, accounts_of, plan_accounts
from .errors import RedfishApiError, RedfishAuthError
from .reader import Reader
from .rotation import ACCEPTED, REFUSED, Credential
from .session import Redfish

_SIGNS = "-_."


def new_password(length: int) -> str:
    """Return a password with letters of both cases, digits and signs, which any shell, file and BMC takes."""
    alphabet = string.ascii_letters + string.digits + _SIGNS
    while True:
        found = "".join(secrets.choice(alphabet) for _each in range(length))
        kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SIGNS)
        # A sign in front looks like an option, or like the end of a word.
        if all(set(found) & set(kind) for kind in kinds) and found[0] not in _SIGNS and found[-1] not in _SIGNS:
            return found


class Talks:
    """The talks with one BMC, one for each login, as long as the work with it lasts."""

    def __init__(self, first: Redfish, accounts: Accounts, reader: Reader, stack: contextlib.ExitStack) -> None:
        self._first, self._stack = first, stack
        self._accounts, self._reader = accounts, reader
        self._open = {first.bmc.credentials: first}

    def by(self, login: Credential, note: Callable[[str], None]) -> Redfish:
        """Return the talk of a login, which is made where there is none. Raises RedfishAuthError, once."""
        key = (login.username, login.password)
        if key not in self._open:
            talk = self._first.as_user(login.username, login.password)
            talk.hide(self._first.bmc.password)
            self._stack.callback(self._count, talk)
            try:
                self._open[key] = self._stack.enter_context(talk.logged_in())
            except RedfishAuthError:
                note(REFUSED)
                raise
            note(ACCEPTED)
        return self._open[key]

    def _count(self, talk: Redfish) -> None:
        self._first.requests += talk.requests
        self._first.writes += talk.writes

    def change(self, talk: Redfish, *wanted: WantedAccount) -> None:
        """Change accounts in one talk, and read them back. Raises RedfishError."""

        def read() -> Accounts:
            service = self._reader.read(roles.ACCOUNT_SERVICE).resources[0].body
            members = talk.members(self._accounts.collection)
            return accounts_of(self._accounts.collection, members, service, self._reader.vendor)

        changes, problems = plan_accounts(read(), wanted, in_use=talk.bmc.username)
        if problems:
            raise RedfishApiError("; ".join(problems))
        write_accounts(talk, read, changes)
