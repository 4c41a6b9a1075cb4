# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Accounts of one BMC: what is there, what differs from what is wanted, and what is never done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .quirks import IDRAC
from .values import at, text_at
from .view import Body, Resource

ADMINISTRATOR = "Administrator"
ROLES = (ADMINISTRATOR, "Operator", "ReadOnly")
# Dell keeps the first for anonymous users, and the second for the account that the factory made.
_FIRST_SLOT = {IDRAC: 3}


@dataclass(frozen=True)
class Account:
    """One account as its BMC shows it; a password is never shown."""

    username: str
    role: str
    enabled: bool
    uri: str = ""

    @property
    def is_admin(self) -> bool:
        """Return whether it can do everything."""
        return self.enabled and self.role == ADMINISTRATOR

    def to_ansible(self) -> dict[str, Any]:
        """Return it as modules return it."""
        return {"username": self.username, "role": self.role, "enabled": self.enabled}


@dataclass(frozen=True)
class Slot:
    """An account that is always there, and is nobody's while its name is empty."""

    number: int
    uri: str


@dataclass(frozen=True)
class Accounts:
    """All accounts of one BMC. `has_slots` says that they are filled and emptied instead of made and deleted.

    `shortest` and `longest` are the lengths that a password may have.
    """

    collection: str
    all: tuple[Account, ...] = ()
    free: tuple[Slot, ...] = ()
    has_slots: bool = False
    shortest: int = 0
    longest: int = 255

    def named(self, username: str) -> Account | None:
        """Return the account of that name, None where there is none."""
        return next((each for each in self.all if each.username == username), None)


@dataclass(frozen=True)
class WantedAccount:
    """What one account shall be. None leaves role or password as it is; `sets_password` also where it exists."""

    username: str
    state: str = "present"
    role: str | None = None
    password: str | None = field(default=None, repr=False)
    sets_password: bool = False


@dataclass(frozen=True)
class AccountChange:
    """One request: `method` POST makes, PATCH changes or fills a slot, DELETE removes. `body` may hold a password."""

    username: str
    method: str
    uri: str
    before: Account | None
    after: Account | None
    body: Body = field(default_factory=dict, repr=False)

    @property
    def action(self) -> str:
        """Return what it does: create, change, disable or remove."""
        if self.after is None:
            return "remove"
        if self.before is None:
            return "create"
        return "disable" if self.before.enabled and not self.after.enabled else "change"

    def to_ansible(self) -> dict[str, Any]:
        """Return it as modules return it; of a password only that it is set."""
        return {
            "username": self.username,
            "action": self.action,
            "before": None if self.before is None else self.before.to_ansible(),
            "after": None if self.after is None else self.after.to_ansible(),
            "sets_password": "Password" in self.body,
        }


def accounts_of(collection: str, members: Iterable[Resource], service: Any, vendor: str) -> Accounts:
    """Return the accounts that a BMC shows; `service` is its AccountService."""
    found: list[Account] = []
    free: list[Slot] = []
    for number, member in enumerate(members, start=1):
        name = text_at(member.body, "UserName")
        if name:
            enabled = at(member.body, "Enabled") is True
            found.append(Account(name, text_at(member.body, "RoleId"), enabled, member.uri))
            continue
        last = member.uri.rstrip("/").rpartition("/")[2]
        free.append(Slot(int(last) if last.isdecimal() and last.isascii() else number, member.uri))
    first = _FIRST_SLOT.get(vendor, 1)
    shortest = max(_whole(at(service, *path)) or 0 for path in (("MinPasswordLength",), _HPE_LENGTH))
    return Accounts(
        collection,
        tuple(found),
        tuple(sorted((slot for slot in free if slot.number >= first), key=lambda slot: slot.number)),
        has_slots=bool(free) or vendor in _FIRST_SLOT,
        shortest=shortest,
        longest=_whole(at(service, "MaxPasswordLength")) or 255,
    )


_HPE_LENGTH = ("Oem", "Hpe", "MinPasswordLength")


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def plan_accounts(
    current: Accounts, wanted: Sequence[WantedAccount], *, in_use: str
) -> tuple[tuple[AccountChange, ...], tuple[str, ...]]:
    """Return what is to be sent, in order, and why it may not be; with any reason nothing is to be sent.

    `in_use` is the account that this talk is logged in with.
    """
    changes: list[AccountChange] = []
    problems: list[str] = []
    free = list(current.free)
    for each in wanted:
        account = current.named(each.username)
        change, problem = _change(each, account, current, free)
        if not problem and change is not None and each.username == in_use:
            problem = _of_the_one_in_use(change)
        if problem:
            problems.append(f"{each.username}: {problem}")
        elif change is not None:
            changes.append(change)
    problems += _left_without_administrator(current, changes)
    # What is made first can take over from what is taken away.
    order = ("create", "change", "disable", "remove")
    return tuple(sorted(changes, key=lambda change: order.index(change.action))), tuple(problems)


def _change(
    wanted: WantedAccount, account: Account | None, current: Accounts, free: list[Slot]
) -> tuple[AccountChange | None, str]:
    if wanted.state == "absent":
        return (None if account is None else _removal(account, current)), ""
    if wanted.state == "disabled":
        if account is None or not account.enabled:
            return None, ""
        return _patch(account, replace(account, enabled=False), {"Enabled": False}), ""
    is_set = wanted.password is not None and (account is None or wanted.sets_password)
    if is_set and not current.shortest <= len(wanted.password or "") <= current.longest:
        return None, f"its password must have {current.shortest} to {current.longest} characters on this BMC"
    if account is None:
        return _creation(wanted, current, free)
    after = replace(account, role=wanted.role or account.role, enabled=True)
    body: Body = {}
    if after.role != account.role:
        body["RoleId"] = after.role
    if not account.enabled:
        body["Enabled"] = True
    if wanted.sets_password and wanted.password is not None:
        body["Password"] = wanted.password
    return (_patch(account, after, body) if body else None), ""


def _creation(wanted: WantedAccount, current: Accounts, free: list[Slot]) -> tuple[AccountChange | None, str]:
    if wanted.role is None or wanted.password is None:
        return None, "it does not exist yet, and needs role and password"
    body: Body = {"UserName": wanted.username, "Password": wanted.password, "RoleId": wanted.role, "Enabled": True}
    after = Account(wanted.username, wanted.role, enabled=True)
    if not current.has_slots:
        return AccountChange(wanted.username, "POST", current.collection, None, after, body), ""
    if not free:
        return None, "all slots for accounts are taken"
    return AccountChange(wanted.username, "PATCH", free.pop(0).uri, None, after, body), ""


def _removal(account: Account, current: Accounts) -> AccountChange:
    if current.has_slots:
        return AccountChange(account.username, "PATCH", account.uri, account, None, {"UserName": "", "Enabled": False})
    return AccountChange(account.username, "DELETE", account.uri, account, None)


def _patch(before: Account, after: Account, body: Body) -> AccountChange:
    return AccountChange(before.username, "PATCH", before.uri, before, after, body)


def _of_the_one_in_use(change: AccountChange) -> str:
    if "Password" in change.body:
        return "this is the account in use; redfish_rotation changes its password without being locked out"
    if change.before is not None and change.before.is_admin and not (change.after and change.after.is_admin):
        return "this is the account in use, which is never removed, disabled or demoted"
    if change.after is None or not change.after.enabled:
        return "this is the account in use, which is never removed, disabled or demoted"
    return ""


def _left_without_administrator(current: Accounts, changes: Iterable[AccountChange]) -> list[str]:
    after: dict[str, Account | None] = {each.username: each for each in current.all}
    before = [each.username for each in current.all if each.is_admin]
    after.update({change.username: change.after for change in changes})
    if not before or any(each is not None and each.is_admin for each in after.values()):
        return []
    return [f"no administrator would be left: {', '.join(before)} may not all be removed, disabled or demoted"]


def lacking(current: Accounts, changes: Iterable[AccountChange]) -> list[str]:
    """Return the accounts that are not as changes have left them."""
    found: Mapping[str, Account] = {each.username: each for each in current.all}
    lost = []
    for change in changes:
        seen = found.get(change.username)
        is_kept = seen is None if change.after is None else seen is not None and replace(
            seen, uri=""
        ) == replace(change.after, uri="")  # fmt: skip
        if not is_kept:
            lost.append(change.username)
    return lost
