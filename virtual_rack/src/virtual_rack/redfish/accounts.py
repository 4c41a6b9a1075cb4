# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may log in: accounts with roles, and the lock-out."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from virtual_rack.redfish.messages import Json, refused
from virtual_rack.redfish.modes import Mode
from virtual_rack.redfish.rules import FLAG, Number, Rule, Rules, Text, Word
from virtual_rack.redfish.tree import ROOT, Answer, Caller, Tree, link

SERVICE = f"{ROOT}/AccountService"
ACCOUNTS, ROLES = f"{SERVICE}/Accounts", f"{SERVICE}/Roles"
_PRIVILEGES = {
    "Administrator": ("Login", "ConfigureManager", "ConfigureUsers", "ConfigureSelf", "ConfigureComponents"),
    "Operator": ("Login", "ConfigureSelf", "ConfigureComponents"),
    "ReadOnly": ("Login", "ConfigureSelf"),
}
_NAMES = 16
_RULES: dict[str, Rule] = {
    "UserName": Text(_NAMES),
    "Password": Text(64),
    "RoleId": Word(tuple(_PRIVILEGES)),
    "Enabled": FLAG,
    "Locked": FLAG,
    "PasswordChangeRequired": FLAG,
}


@dataclass
class Account:
    """An account. `refused` are the wrong passwords since the last right one."""

    number: int
    name: str = ""
    password: str = ""
    role: str = "Administrator"
    enabled: bool = False
    must_change: bool = False
    refused: int = 0
    last_refused_s: float = 0.0
    locked_until_s: float = -1.0

    @property
    def path(self) -> str:
        """Where it is in the tree."""
        return f"{ACCOUNTS}/{self.number}"

    @property
    def is_admin(self) -> bool:
        """Say whether it can do everything."""
        return self.enabled and bool(self.name) and self.role == "Administrator"

    def may(self, privilege: str) -> bool:
        """Say whether its role has a privilege."""
        return privilege in _PRIVILEGES[self.role]


@dataclass(frozen=True)
class Lockout:
    """After so many wrong passwords an account is locked for so long; 0: never. Simulated seconds."""

    threshold: int
    duration_s: float
    reset_after_s: float


@dataclass
class Tried:
    """How often somebody tried to log in."""

    logins: int = 0
    refused: int = 0
    users: dict[str, int] = field(default_factory=dict)


class Accounts:
    """The accounts of one BMC; `refuses` says whether every password is wrong at the moment."""

    def __init__(
        self,
        tree: Tree,
        mode: Mode,
        *,
        now_s: Callable[[], float],
        lockout: Callable[[], Lockout],
        refuses: Callable[[], bool],
        on_change: Callable[[], None],
    ) -> None:
        self.tried = Tried()
        self._tree, self._mode = tree, mode
        self._now_s = now_s
        self._lockout, self._refuses = lockout, refuses
        self._on_change = on_change
        self.all: dict[int, Account] = {}
        self._add_resources()

    def add_first(self, name: str, password: str) -> None:
        """Put in the account that the BMC is delivered with."""
        number = 2 if self._mode.account_slots else 1
        account = self.all.setdefault(number, Account(number))
        account.name, account.password, account.enabled = name, password, True
        if not self._mode.account_slots:
            self._show(account)

    def log_in(self, name: str, password: str) -> Account:
        """Check name and password, counting. Raises RedfishError 401."""
        self.tried.logins += 1
        self.tried.users[name] = self.tried.users.get(name, 0) + 1
        account = next((one for one in self.all.values() if one.name == name and name), None)
        locked = account is not None and account.locked_until_s > self._now_s()
        right = account is not None and hmac.compare_digest(account.password.encode(), password.encode())
        if account is not None and right and account.enabled and not locked and not self._refuses():
            account.refused = 0
            return account
        self.tried.refused += 1
        if account is not None and not right and not locked:
            self._count_refused(account)
        raise refused(401, "NoValidSession", WWW_Authenticate='Basic realm="Redfish"')

    def _count_refused(self, account: Account) -> None:
        rule = self._lockout()
        if self._now_s() - account.last_refused_s > rule.reset_after_s:
            account.refused = 0
        account.refused += 1
        account.last_refused_s = self._now_s()
        if rule.threshold and account.refused >= rule.threshold:
            account.locked_until_s = self._now_s() + rule.duration_s
            account.refused = 0

    def _add_resources(self) -> None:
        tree, mode = self._tree, self._mode
        service = tree.add(
            SERVICE,
            "AccountService.v1_15_1.AccountService",
            "Account Service",
            Accounts=link(ACCOUNTS),
            Roles=link(ROLES),
            ServiceEnabled=True,
            MinPasswordLength=8,
            MaxPasswordLength=40,
        )
        lengths: dict[str, Rule | Rules] = {"MinPasswordLength": Number(0, 32)}
        service.rules = lengths
        if mode.has_lockout:
            service.document |= {"AccountLockoutThreshold": 0, "AccountLockoutDuration": 60}
            service.document["AccountLockoutCounterResetAfter"] = 60
            times = {f"AccountLockout{what}": Number() for what in ("Threshold", "Duration", "CounterResetAfter")}
            service.rules = lengths | times
        # Both are stored, and no password of the rack expires.
        days: dict[str, Rule | Rules] = {}
        if mode.has_assumed:
            service.document["PasswordExpirationDays"] = None
            days = {"PasswordExpirationDays": Number(0, 365)}
        elif mode.name == "lenovo":
            # As python-redfish-lenovo sets it.
            service.document["Oem"] = {"Lenovo": {"PasswordExpirationPeriodDays": 0}}
            days = {"Oem": {"Lenovo": {"PasswordExpirationPeriodDays": Number(0, 365)}}}
        service.rules = {**service.rules, **days}
        service.privilege = "ConfigureUsers"
        tree.collection(ROLES, "Role", *_PRIVILEGES)
        for role, privileges in _PRIVILEGES.items():
            more = {"IsPredefined": True, "RoleId": role, "AssignedPrivileges": list(privileges), "OemPrivileges": []}
            tree.add(f"{ROLES}/{role}", "Role.v1_3_2.Role", f"{role} Role", **more)
        accounts = tree.collection(ACCOUNTS, "ManagerAccount")
        accounts.privilege = "ConfigureUsers"
        if not mode.account_slots:
            accounts.post = self._make
        for number in range(1, mode.account_slots + 1):
            self.all[number] = Account(number)
            self._show(self.all[number])

    def _show(self, account: Account) -> None:
        resource = self._tree.add(account.path, "ManagerAccount.v1_12_1.ManagerAccount", "User Account")
        resource.rules = _RULES
        resource.live = lambda: self._live(account)
        resource.patch = lambda _body, changes, _caller: self._change(account, changes)
        resource.privilege = "ConfigureUsers"
        if not self._mode.account_slots:
            resource.delete = lambda _caller: self._remove(account)
        self._tree.join(ACCOUNTS, account.path)

    def _live(self, account: Account) -> Json:
        return {
            "UserName": account.name,
            "Password": None,
            "RoleId": account.role,
            "Enabled": account.enabled,
            "Locked": account.locked_until_s > self._now_s(),
            "PasswordChangeRequired": account.must_change,
            "AccountTypes": ["Redfish", "IPMI"],
            "Links": {"Role": link(f"{ROLES}/{account.role}")},
        }

    def _make(self, body: Json, _caller: Caller) -> Answer:
        for key in ("UserName", "Password"):
            if not body.get(key):
                raise refused(400, "PropertyMissing", key, related=key)
        for key, value in body.items():
            rule = _RULES.get(key)
            if rule is None:
                raise refused(400, "PropertyUnknown", key, related=key)
            if problem := rule.problem(value):
                raise refused(400, problem, "" if key == "Password" else value, key, related=key)
        self._check_name(body["UserName"], None)
        self._check_password(body["Password"])
        number = next(number for number in count(1) if number not in self.all)
        if number > _NAMES:
            raise refused(400, "CreateLimitReachedForResource")
        account = self.all[number] = Account(number, enabled=True, role="ReadOnly")
        self._set(account, body)
        self._show(account)
        return Answer(201, self._tree.resources[account.path].shown(), {"Location": account.path})

    def _change(self, account: Account, changes: Json) -> Json:
        if changes.get("Locked"):  # only wrong passwords do that
            raise refused(400, "PropertyValueNotInList", True, "Locked", related="Locked")
        if changes.get("UserName"):
            self._check_name(changes["UserName"], account)
        if "Password" in changes:
            self._check_password(changes["Password"])
        named = changes.get("UserName", account.name)
        if named and changes.get("Enabled") and not account.password and "Password" not in changes:
            raise refused(400, "PropertyMissing", "Password", related="Password")
        still = changes.get("RoleId", account.role) == "Administrator" and changes.get("Enabled", account.enabled)
        if not (still and changes.get("UserName", account.name)):
            self._keep_an_administrator(account)
        self._set(account, changes)
        return {}

    def _remove(self, account: Account) -> Answer:
        self._keep_an_administrator(account)
        account.enabled = False
        del self.all[account.number]
        self._tree.leave(ACCOUNTS, account.path)
        self._on_change()
        return Answer(204)

    def _set(self, account: Account, changes: Json) -> None:
        account.name = changes.get("UserName", account.name)
        account.role = changes.get("RoleId", account.role)
        account.enabled = changes.get("Enabled", account.enabled)
        account.must_change = changes.get("PasswordChangeRequired", account.must_change)
        if "Password" in changes:
            account.password = changes["Password"]
            account.must_change = changes.get("PasswordChangeRequired", False)
        if changes.get("Locked") is False:
            account.locked_until_s, account.refused = -1.0, 0
        if not account.name:
            account.password, account.enabled = "", False
        self._on_change()

    def _check_name(self, name: str, mine: Account | None) -> None:
        if any(one.name == name for one in self.all.values() if one is not mine):
            raise refused(400, "ResourceAlreadyExists", "ManagerAccount", "UserName", name, related="UserName")

    def _check_password(self, password: str) -> None:
        service = self._tree.document(SERVICE)
        if not service["MinPasswordLength"] <= len(password) <= service["MaxPasswordLength"]:
            raise refused(400, "PropertyValueError", "Password", related="Password")

    def _keep_an_administrator(self, account: Account) -> None:
        if account.is_admin and sum(one.is_admin for one in self.all.values()) == 1:
            raise refused(400, "ResourceCannotBeDeleted")
