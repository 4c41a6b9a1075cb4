# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The store of credentials: a command of the site's own, asked by JSON on its standard input."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._https.blanking import blank
from .._values.text import cut, printable
from .errors import Failure, RedfishConfigError, RedfishError
from .rotation import Credential, Record

_LONGEST_ANSWER = 1024 * 1024
_LONGEST_TEXT = 300
_OURS = ("username", "password", "generation", "accounts", "pending")


class StoreError(RedfishError):
    """The store did not answer, or answered what can't be read. Nothing is written to the BMC then."""

    failure = Failure.STORE


class CommandStore:
    """A command that is started for each question; `{"action": "read", "server": NAME}` is answered by `{"record": …}`.

    `{"action": "write", "server": NAME, "record": {…}}` replaces the record as a whole; null is one that is not there.
    """

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        if not command or not all(command):
            raise RedfishConfigError("store_command must name a program")
        self._command = list(command)
        self._timeout_s = timeout_s

    def read(self, server: str) -> Record:
        """Read the record of a server, an empty one where there is none. Raises StoreError."""
        said = self._ask({"action": "read", "server": server}, ())
        try:
            answer = json.loads(said)
            return record_of(answer["record"])
        except (ValueError, KeyError, TypeError, AttributeError):
            # Without the cause: it quotes what was read.
            raise StoreError(f"the store's record of {server} can't be read: see the protocol in the guide") from None

    def write(self, server: str, record: Record) -> None:
        """Replace the record of a server. Raises StoreError, after which it may be written or not."""
        secrets = [each.password for each in (*record.proven, *record.pending)]
        self._ask({"action": "write", "server": server, "record": to_json(record)}, secrets)

    def _ask(self, question: Mapping[str, Any], secrets: Iterable[str]) -> str:
        what = f"could not {question['action']} the record of {question['server']}: store_command"
        try:
            # Not in reach of a module's run_command, nor of its log. pylint: disable=ansible-bad-function
            done = subprocess.run(
                self._command, input=json.dumps(question), capture_output=True, text=True, check=False,
                timeout=self._timeout_s, encoding="utf-8", errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise StoreError(f"{what} did not end within {self._timeout_s:g} s") from None
        except OSError as error:
            raise StoreError(f"{what} could not be started: {error.strerror}") from None
        if done.returncode:
            why = cut(printable(blank(done.stderr, secrets)), _LONGEST_TEXT)
            raise StoreError(f"{what} failed ({done.returncode}): {why}")
        if len(done.stdout) > _LONGEST_ANSWER:
            raise StoreError(f"{what} answered more than {_LONGEST_ANSWER:,} characters")
        return done.stdout


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as the store keeps it; `username` and `password` are the login that others are to use."""
    found: dict[str, Any] = dict(record.other)
    login = record.of(record.login)
    if login is not None:
        found.update(username=login.username, password=login.password, generation=login.generation)
    found["accounts"] = {
        each.username: {"password": each.password, "generation": each.generation} for each in record.proven
    }
    found["pending"] = [
        {"username": each.username, "password": each.password, "generation": each.generation} for each in record.pending
    ]
    return found


def record_of(stored: Any) -> Record:
    """Return the record that a store holds; one with nothing but a login, which somebody else put there, is proven.

    Raises TypeError, AttributeError, KeyError and ValueError for anything else.
    """
    if stored is None:
        return Record()
    other = {key: value for key, value in stored.items() if key not in _OURS}
    if "accounts" not in stored:
        if not {"username", "password"} <= stored.keys():
            return Record(other=other)
        login = _credential(stored["username"], {"password": stored["password"], "generation": ""})
        return Record((login,), (), login.username, other)
    proven = tuple(_credential(name, each) for name, each in sorted(stored["accounts"].items()))
    pending = tuple(_credential(each["username"], each) for each in stored["pending"])
    return Record(proven, pending, str(stored.get("username") or ""), other)


def _credential(username: Any, entry: Mapping[str, Any]) -> Credential:
    password, generation = entry["password"], entry["generation"]
    if not all(isinstance(each, str) for each in (username, password, generation)) or not username or not password:
        raise ValueError("a login is made of texts")
    return Credential(username, password, generation)
