# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of redfish_accounts: read all, plan, and write what nothing speaks against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .._values.clock import Clock
from .account_writer import read_accounts, refuse_another_server, write_accounts
from .accounts import ROLES, AccountChange, Accounts, WantedAccount, plan_accounts
from .audit import Identity, identify
from .claim import exclusive
from .errors import Failure, RedfishApiError, RedfishConfigError
from .fleet import Batch, End, talk_to_all
from .options import SERVERS, Result, Spec, ended, failures_of, logins_of
from .reader import Reader
from .session import Redfish

ACCOUNTS: Spec = {
    **SERVERS,
    "accounts": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "username": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent", "disabled"], "default": "present"},
            "role": {"type": "str", "choices": list(ROLES)},
            "password": {"type": "str", "no_log": True},
            "update_password": {
                "type": "str",
                "choices": ["always", "on_create"],
                "default": "on_create",
                "no_log": False,
            },
        },
    },
    "lock_path": {"type": "path", "default": "~/.ansible/baremetal.bcm/locks"},
}


@dataclass
class _Server:
    """What is known of one server so far."""

    identity: Identity = field(default_factory=Identity)
    accounts: Accounts | None = None
    plan: tuple[AccountChange, ...] = ()
    written: list[AccountChange] = field(default_factory=list)


def set_accounts(params: Mapping[str, Any], batch: Batch, clock: Clock) -> Result:
    """Bring accounts of servers to what is wanted; the result is what redfish_accounts documents.

    Raises RedfishConfigError before anything was sent.
    """
    logins, wanted = logins_of(params), _wanted(params["accounts"])
    serials = {server["name"]: server["serial"] or "" for server in params["servers"]}
    known = {name: _Server() for name in logins}

    def work(name: str, redfish: Redfish) -> None:
        server = known[name]
        reader = Reader(redfish, serials[name])
        server.identity = identify(reader)
        server.accounts = read_accounts(reader)
        server.plan, problems = plan_accounts(server.accounts, wanted, in_use=redfish.bmc.username)
        if problems:
            raise RedfishApiError(f"nothing was written: {'; '.join(problems)}")
        if server.plan:
            refuse_another_server(reader, serials[name])
        if server.plan and not batch.read_only:
            server.accounts = write_accounts(
                redfish, lambda: read_accounts(reader), server.plan, note=server.written.append
            )

    with exclusive(params["lock_path"], logins, batch, clock) as (batch, refused):
        free = {name: login for name, login in logins.items() if name not in refused}
        ends: dict[str, End[None]] = dict(talk_to_all(free, work, batch, clock))
        ends.update({name: End(failure=Failure.REFUSED, message=why) for name, why in refused.items()})
    done = {name: server.plan if batch.read_only else server.written for name, server in known.items()}
    return {
        "changed": any(done.values()),
        "diff": _diff({name: changes for name, changes in done.items() if changes}),
        "servers": {name: {**ended(login, ends[name]), **_shown(known[name])} for name, login in logins.items()},
        "failures": failures_of({name: ends[name] for name in logins}),
    }


def _wanted(given: list[Mapping[str, Any]]) -> list[WantedAccount]:
    if not given:
        raise RedfishConfigError("accounts is empty: nothing is asked for")
    doubled = [name for name, times in Counter(each["username"] for each in given).items() if times > 1]
    if doubled:
        raise RedfishConfigError(f"accounts names {doubled[0]} more than once")
    for each in given:
        if not each["username"].strip():
            raise RedfishConfigError("accounts takes no empty username")
        if each["state"] != "present" and (each["role"] or each["password"]):
            raise RedfishConfigError(f"{each['username']}: role and password are for state present alone")
        if each["update_password"] == "always" and not each["password"]:
            raise RedfishConfigError(f"{each['username']}: update_password always needs a password")
    return [
        WantedAccount(each["username"], each["state"], each["role"], each["password"],
                      sets_password=each["update_password"] == "always")
        for each in given
    ]  # fmt: skip


def _shown(server: _Server) -> Result:
    accounts = server.accounts.all if server.accounts is not None else ()
    return {
        **asdict(server.identity),
        "accounts": [account.to_ansible() for account in accounts],
        "plan": [change.to_ansible() for change in server.plan],
        "written": [change.to_ansible() for change in server.written],
    }


def _diff(changed: Mapping[str, Any]) -> Any:
    if not changed:
        return []
    return {
        side: {name: {each.username: _side(each, side) for each in changes} for name, changes in changed.items()}
        for side in ("before", "after")
    }


def _side(change: AccountChange, side: str) -> Any:
    shown = change.to_ansible()
    if shown[side] is None:
        return None
    note = {"password": "set anew" if side == "after" else "as it is"} if shown["sets_password"] else {}
    return {**shown[side], **note}
