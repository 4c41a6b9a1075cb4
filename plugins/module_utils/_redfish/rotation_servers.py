# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of redfish_rotation: the store is read, each BMC is asked, and the steps of its rotation are done."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from .._values.clock import Clock
from .account_writer import read_accounts, refuse_another_server
from .accounts import ADMINISTRATOR, WantedAccount
from .audit import Identity, identify
from .claim import exclusive
from .errors import Failure, RedfishApiError, RedfishConfigError, RedfishError
from .fleet import Batch, End, talk_to_all
from .journal import Journal
from .options import SERVERS, Result, Spec, ended, failures_of, logins_of
from .reader import Reader
from .rotation import (
    REFUSED,
    Answer,
    Credential,
    LogIn,
    ReadStore,
    Record,
    Retire,
    SetPassword,
    Step,
    Wanted,
    WriteStore,
    due,
    login_for,
    rotate,
    was_refused,
)
from .rotation_talks import Talks, new_password
from .session import Redfish
from .store import CommandStore

ROTATION: Spec = {
    **SERVERS,
    "first": {"type": "str", "required": True},
    "second": {"type": "str", "required": True},
    "generation": {"type": "str", "required": True},
    "factory_accounts": {"type": "list", "elements": "str", "default": []},
    "password_length": {"type": "int", "default": 20, "no_log": False},
    "store_command": {"type": "list", "elements": "str", "required": True},
    "store_timeout": {"type": "float", "default": 60.0},
    "state_path": {"type": "path", "default": "~/.ansible/baremetal.bcm/rotation"},
    "lock_path": {"type": "path", "default": "~/.ansible/baremetal.bcm/locks"},
}
# The store is one program for all; more at once would only wait there.
_STORES_AT_ONCE = 8
_NO_LOGIN = Credential("-", "-")
_SHORTEST, _LONGEST = 12, 64


@dataclass
class _Server:
    """What is known of one server so far. `done` are the steps that were done."""

    journal: Journal
    before: Record = field(default_factory=Record)
    record: Record = field(default_factory=Record)
    doubted: tuple[Credential, ...] = ()
    given: Credential | None = None
    login: Credential = _NO_LOGIN
    identity: Identity = field(default_factory=Identity)
    due: list[str] = field(default_factory=list)
    retire: list[str] = field(default_factory=list)
    done: list[Step] = field(default_factory=list)


class Job:
    """One task: its options, and what is known of each server so far."""

    def __init__(self, params: Mapping[str, Any], batch: Batch, clock: Clock) -> None:
        self.params, self.batch, self.clock = params, batch, clock
        first, second, generation = (params[name].strip() for name in ("first", "second", "generation"))
        retired = tuple(dict.fromkeys(params["factory_accounts"]))
        if not first or not second or first == second:
            raise RedfishConfigError("first and second must name two different accounts")
        if not generation:
            raise RedfishConfigError("generation must not be empty")
        if {first, second} & set(retired):
            raise RedfishConfigError("factory_accounts are disabled at the end: they can't be first or second")
        if not _SHORTEST <= params["password_length"] <= _LONGEST:
            raise RedfishConfigError(f"password_length takes {_SHORTEST} to {_LONGEST}")
        if params["store_timeout"] <= 0:
            raise RedfishConfigError("store_timeout must be above 0")
        self.wanted = Wanted(first, second, generation, retired)
        self.store = CommandStore(params["store_command"], params["store_timeout"])
        self.bmcs = logins_of(self._with_logins({}))
        self.servers = {
            each["name"]: _Server(Journal(params["state_path"], each["name"], clock), given=self._given(each))
            for each in params["servers"]
        }
        self.serials = {each["name"]: each["serial"] or "" for each in params["servers"]}

    def _given(self, server: Mapping[str, Any]) -> Credential | None:
        username = server["username"] or self.params["username"]
        password = server["password"] or self.params["password"]
        return Credential(username, password) if username and password else None

    def _with_logins(self, logins: Mapping[str, Credential]) -> dict[str, Any]:
        return {**self.params, "servers": [
            {**each, "username": login.username, "password": login.password}
            for each in self.params["servers"]
            for login in [logins.get(each["name"], _NO_LOGIN)]
        ]}  # fmt: skip

    def run(self, names: list[str]) -> dict[str, End[None]]:
        """Read the store for all, then rotate on each BMC whose login is known."""
        with ThreadPoolExecutor(_STORES_AT_ONCE) as pool:
            problems = dict(zip(names, pool.map(self._prepare, names)))
        ends: dict[str, End[None]] = {
            name: End(failure=error.failure, message=str(error)) for name, error in problems.items() if error
        }
        logins = logins_of(self._with_logins({name: server.login for name, server in self.servers.items()}))
        ready = {name: logins[name] for name in names if name not in ends}
        ends.update(talk_to_all(ready, self._work, self.batch, self.clock))
        for name in names:
            server = self.servers[name]
            # Before the BMC has said who it is, it was the first login; later ones are noted where they are tried.
            is_first = ends[name].failure is Failure.CREDENTIALS and not server.identity.vendor
            if is_first and not self.batch.read_only:
                server.journal.mark(REFUSED, server.login.username, server.login.generation)
        return ends

    def _prepare(self, name: str) -> RedfishError | None:
        server = self.servers[name]
        try:
            server.before = server.record = self.store.read(name)
            server.login = self._login_of(server)
        except RedfishError as error:
            return error
        return None

    def _login_of(self, server: _Server) -> Credential:
        """Return the login to begin with, none that was refused lately. Raises RedfishApiError where there is none."""
        lines, now_s = server.journal.lines(), self.clock.wall_s()
        known = [*server.record.proven, *([server.given] if server.given else [])]
        server.doubted = tuple(each for each in known if was_refused(lines, each, now_s))
        quiet = f"nothing was written; not tried again for 15 minutes, or until {server.journal.path} is removed"
        for each in due(server.record, self.wanted):
            if was_refused(lines, Credential(each, "", self.wanted.generation), now_s):
                raise RedfishApiError(f"the BMC refused the new login of {each}: {quiet}")
        try:
            return login_for(server.record, self.wanted, server.given, server.doubted)
        except RedfishApiError as error:
            if not server.doubted:
                raise
            raise RedfishApiError(f"{error}: {quiet}") from error

    def _work(self, name: str, redfish: Redfish) -> None:
        server = self.servers[name]
        reader = Reader(redfish, self.serials[name])
        server.identity = identify(reader)
        accounts = read_accounts(reader)
        seen = {each.username: each for each in accounts.all}
        server.retire = [each for each in self.wanted.retired if each in seen and seen[each].enabled]
        names = due(server.record, self.wanted, server.doubted)
        if names or server.retire:
            refuse_another_server(reader, self.serials[name])
        length = self.params["password_length"]
        if names and not accounts.shortest <= length <= accounts.longest:
            raise RedfishApiError(
                f"nothing was written: password_length must be {accounts.shortest} to {accounts.longest} on this BMC"
            )
        missing = [each for each in names if each not in seen]
        if accounts.has_slots and len(missing) > len(accounts.free):
            raise RedfishApiError("nothing was written: all slots for accounts are taken")
        server.due = names
        if self.batch.read_only or not (names or server.retire):
            return
        with contextlib.ExitStack() as stack:
            self._rotate(name, server, Talks(redfish, accounts, reader, stack))

    def _rotate(self, name: str, server: _Server, talks: Talks) -> None:
        length = self.params["password_length"]
        flow = rotate(server.record, self.wanted, server.given, lambda: new_password(length), server.doubted)
        answer: Answer = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration:
                return
            if isinstance(step, Retire) and not server.retire:
                answer = None
                continue
            server.journal.mark(step.name, step.account, self.wanted.generation)
            answer = self._do(name, step, talks)
            server.done.append(step)

    def _do(self, name: str, step: Step, talks: Talks) -> Answer:
        if isinstance(step, ReadStore):
            return self.store.read(name)
        if isinstance(step, WriteStore):
            self.store.write(name, step.record)
            self.servers[name].record = step.record
            return None
        login = step.credential if isinstance(step, LogIn) else step.by
        journal = self.servers[name].journal
        talk = talks.by(login, lambda word: journal.mark(word, login.username, login.generation))
        if isinstance(step, Retire):
            disabled = [WantedAccount(each, "disabled") for each in step.usernames]
            talks.change(talk, *disabled)
        elif isinstance(step, SetPassword):
            new = step.credential
            wanted = WantedAccount(new.username, role=ADMINISTRATOR, password=new.password, sets_password=True)
            try:
                talks.change(talk, wanted)
            except RedfishApiError as error:
                # 5xx may have been performed.
                if 400 <= error.status < 500:
                    return str(error)
                raise
            return ""
        return None

    def shown(self, name: str, end: End[None]) -> Result:
        """Return what is told of one server; no password is in it."""
        server = self.servers[name]
        proven = [server.record.of(each) for each in (self.wanted.first, self.wanted.second)]
        return {
            **ended(self.bmcs[name], end),
            **asdict(server.identity),
            "plan": [*server.due, *server.retire],
            "steps": [f"{step.name}: {step.account}" if step.account else step.name for step in server.done],
            "generations": {each.username: each.generation for each in proven if each is not None},
        }

    @property
    def changed(self) -> dict[str, _Server]:
        """Return the servers that are changed, or in a batch that only reads, would be."""
        is_planned, servers = self.batch.read_only, self.servers.items()
        return {name: each for name, each in servers if (is_planned and (each.due or each.retire)) or each.done}

    def diff(self) -> Any:
        """Return which generation each account had and gets, and which accounts are disabled."""
        changed = self.changed
        if not changed:
            return []
        sides: dict[str, Any] = {"before": {}, "after": {}}
        for name, server in changed.items():
            generations = {each.username: each.generation for each in server.before.proven}
            before = {each: {"generation": generations.get(each)} for each in server.due}
            after = {each: {"generation": self.wanted.generation} for each in server.due}
            sides["before"][name] = {**before, **{each: {"enabled": True} for each in server.retire}}
            sides["after"][name] = {**after, **{each: {"enabled": False} for each in server.retire}}
        return sides


def rotate_servers(params: Mapping[str, Any], batch: Batch, clock: Clock) -> Result:
    """Rotate the credentials of servers; the result is what redfish_rotation documents.

    Raises RedfishConfigError before anything was asked.
    """
    job = Job(params, batch, clock)
    with exclusive(params["lock_path"], job.bmcs, batch, clock) as (batch, refused):
        job.batch = batch
        ends: dict[str, End[None]] = {name: End(failure=Failure.REFUSED, message=why) for name, why in refused.items()}
        ends.update(job.run([name for name in job.bmcs if name not in refused]))
    return {
        "changed": bool(job.changed),
        "diff": job.diff(),
        "servers": {name: job.shown(name, ends[name]) for name in job.bmcs},
        "failures": failures_of({name: ends[name] for name in job.bmcs}),
    }
