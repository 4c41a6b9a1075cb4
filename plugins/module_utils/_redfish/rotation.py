# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Rotation of the credentials of one BMC, as steps and answers. Pure generators; the caller does the I/O.

Two administrators of our own keep each other: the password of one is set by the other, never by itself. A new password
is in the store, and was read back from there, before the BMC gets it; it counts as proven after a login with what was
read back. So whatever step a run is killed at, one login that works is known, and every password that the BMC may have
is in the store. The next run needs no memory of the last one: it begins with what the store holds, and replaces what
is pending by a newer password instead of trying whether it works.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Union

from .errors import NotKept, RedfishApiError


@dataclass(frozen=True)
class Credential:
    """A login; `generation` says which rotation made its password, "" where none did."""

    username: str
    password: str = field(repr=False)
    generation: str = ""


@dataclass(frozen=True)
class Record:
    """What the store holds of one server.

    `proven` are logins that have worked, one of each account, by name; `pending` are those that an account may have
    got. `login` is the account that others are to use, the one that was proven last: it is never the one that is being
    changed. `other` is what somebody else keeps there.
    """

    proven: tuple[Credential, ...] = ()
    pending: tuple[Credential, ...] = ()
    login: str = ""
    other: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def of(self, username: str) -> Credential | None:
        """Return the proven login of an account, None where there is none."""
        return next((each for each in self.proven if each.username == username), None)

    def awaiting(self, credential: Credential) -> Record:
        """Return the record with one more pending login."""
        return replace(self, pending=(*self.pending, credential))

    def promoting(self, credential: Credential) -> Record:
        """Return the record where a login is proven, and nothing else of its account is pending."""
        name = credential.username
        others = [each for each in self.proven if each.username != name]
        return replace(
            self,
            proven=tuple(sorted((*others, credential), key=lambda each: each.username)),
            pending=tuple(each for each in self.pending if each.username != name),
            login=name,
        )


@dataclass(frozen=True)
class Wanted:
    """What a rotation is to reach: the two administrators with passwords of this generation, these others disabled."""

    first: str
    second: str
    generation: str
    retired: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadStore:
    """Read the record of the server. The answer is a Record."""

    name = "read the store"
    account = ""


@dataclass(frozen=True)
class WriteStore:
    """Write the record of the server."""

    record: Record
    account: str
    name = "write the store"


@dataclass(frozen=True)
class SetPassword:
    """Logged in as `by`, make `credential` an administrator's, whose account is made or repaired where needed.

    The answer is "", or why the BMC has certainly not done it.
    """

    by: Credential
    credential: Credential
    name = "set the password"

    @property
    def account(self) -> str:
        """Return whose it is."""
        return self.credential.username


@dataclass(frozen=True)
class LogIn:
    """Log in, once."""

    credential: Credential
    name = "log in"

    @property
    def account(self) -> str:
        """Return who logs in."""
        return self.credential.username


@dataclass(frozen=True)
class Retire:
    """Logged in as `by`, disable accounts, those that there are."""

    by: Credential
    usernames: tuple[str, ...]
    name = "disable accounts"

    @property
    def account(self) -> str:
        """Return whose they are."""
        return ", ".join(self.usernames)


Step = Union[ReadStore, WriteStore, SetPassword, LogIn, Retire]
Answer = Union[Record, str, None]
Flow = Generator[Step, Answer, Record]


def due(record: Record, wanted: Wanted, doubted: Collection[Credential] = ()) -> list[str]:
    """Return the accounts that have no proven password of this generation, or one that is doubted."""
    proven = {name: record.of(name) for name in (wanted.second, wanted.first)}
    return [
        name for name, each in proven.items() if each is None or each.generation != wanted.generation or each in doubted
    ]


def next_due(
    record: Record, wanted: Wanted, given: Credential | None, doubted: Collection[Credential]
) -> tuple[str, Credential] | None:
    """Return which account is changed next, and by whom: our other one, else whoever is known; None where none is due.

    Raises RedfishApiError where no login is known that is not doubted.
    """
    names = due(record, wanted, doubted)
    known = [record.of(wanted.first), record.of(wanted.second), *record.proven, given]
    trusted = [each for each in known if each is not None and each not in doubted]
    for keeper in trusted:
        for name in names:
            if keeper.username != name:
                return name, keeper
    if names:
        why = "those that are known were refused" if doubted else "the store holds none, and none is given"
        raise RedfishApiError(f"no login is left to begin with: {why}")
    return None


def login_for(
    record: Record, wanted: Wanted, given: Credential | None, doubted: Collection[Credential] = ()
) -> Credential:
    """Return the login that a run begins with. Raises RedfishApiError where none is known."""
    found = next_due(record, wanted, given, doubted)
    if found is not None:
        return found[1]
    return next(each for each in record.proven if each.username == wanted.first)


def rotate(
    record: Record,
    wanted: Wanted,
    given: Credential | None,
    new_password: Callable[[], str],
    doubted: Collection[Credential] = (),
) -> Flow:
    """Bring both administrators to the generation, the second one first, then disable the retired accounts.

    A login that is `doubted`, because it was refused lately, is not used, and its account is repaired by another one.

    Returns the record at the end. Raises RedfishApiError and NotKept; a new run is safe after any of them.
    """
    while True:
        found = next_due(record, wanted, given, doubted)
        if found is None:
            break
        username, keeper = found
        record = yield from _renew(record, keeper, Credential(username, new_password(), wanted.generation))
    first = record.of(wanted.first)
    if wanted.retired and first is not None:
        yield Retire(first, wanted.retired)
    return record


def _renew(record: Record, keeper: Credential, credential: Credential) -> Flow:
    before, name = record, credential.username
    record = yield from _store(record.awaiting(credential), name)
    # From here on it is the password that came back from the store.
    credential = record.pending[-1]
    refusal = yield SetPassword(keeper, credential)
    if refusal:
        yield from _store(before, name)
        raise RedfishApiError(f"{name}: {refusal}")
    yield LogIn(credential)
    return (yield from _store(record.promoting(credential), name))


def _store(record: Record, account: str) -> Flow:
    yield WriteStore(record, account)
    stored = yield ReadStore()
    if not isinstance(stored, Record) or stored != record:
        raise NotKept("the store does not give back what was written to it")
    return stored


# -- refused logins ------------------------------------------------------------------------------------------------

# How long a login that was refused is not tried again.
QUIET_S = 900
REFUSED, ACCEPTED = "login refused", "login accepted"


def was_refused(lines: Sequence[Mapping[str, Any]], credential: Credential, now_s: float) -> bool:
    """Return whether a journal says that this login was refused lately, and has not worked since."""
    last = None
    for line in lines:
        is_ours = (line.get("account"), line.get("generation")) == (credential.username, credential.generation)
        if is_ours and line.get("step") in (REFUSED, ACCEPTED):
            last = line
    if last is None or last["step"] != REFUSED:
        return False
    when = last.get("time")
    return isinstance(when, (int, float)) and 0 <= now_s - when < QUIET_S
