# SPDX-License-Identifier: GPL-3.0-or-later
"""What vendors have beside the standard: other places for settings, and lockdown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from virtual_rack.redfish import accounts
from virtual_rack.redfish.accounts import Lockout
from virtual_rack.redfish.dell import add_dell
from virtual_rack.redfish.documents import Paths
from virtual_rack.redfish.messages import Json
from virtual_rack.redfish.modes import Mode
from virtual_rack.redfish.rules import FLAG, Choice, Each, Number, Rules, Text, words
from virtual_rack.redfish.tree import Caller, Tree, link


@dataclass(frozen=True)
class Vendor:
    """What a vendor's ways mean for the rest: the lock-out, and whether the system is locked down.

    `unlock` are the paths that can be written then, empty where there is no lockdown.
    """

    lockout: Callable[[], Lockout]
    is_locked_down: Callable[[], bool] = lambda: False
    unlock: tuple[str, ...] = ()


def add_vendor(tree: Tree, mode: Mode, paths: Paths, *, restart: Callable[[], None]) -> Vendor:
    """Put in what a mode has of its own; `restart` lets the BMC start again."""
    if mode.name == "idrac":
        dell = add_dell(tree, mode, paths)
        return Vendor(dell.lockout, dell.is_locked_down, dell.paths)
    if mode.name == "supermicro":
        return _add_supermicro(tree, paths)
    if mode.name == "ilo":
        return _add_hpe(tree, paths, restart)
    return Vendor(lambda: _standard_lockout(tree))


def _standard_lockout(tree: Tree) -> Lockout:
    service = tree.document(accounts.SERVICE)
    times = (float(service[f"AccountLockout{what}"]) for what in ("Duration", "CounterResetAfter"))
    return Lockout(service["AccountLockoutThreshold"], *times)


def _add_supermicro(tree: Tree, paths: Paths) -> Vendor:
    oem = f"{paths.manager}/Oem/Supermicro"
    parts: dict[str, tuple[Json, Rules]] = {
        "NTP": (
            {"NTPEnable": False, "PrimaryNTPServer": "", "SecondaryNTPServer": "", "DaylightSavingTime": False},
            {"NTPEnable": FLAG, "PrimaryNTPServer": Text(), "SecondaryNTPServer": Text(), "DaylightSavingTime": FLAG},
        ),
        "Syslog": (
            {"EnableSyslog": False, "SyslogServer": "", "SyslogPortNumber": 514},
            {"EnableSyslog": FLAG, "SyslogServer": Text(), "SyslogPortNumber": Number(1, 65_535)},
        ),
        "SysLockdown": ({"SysLockdownEnabled": False}, {"SysLockdownEnabled": FLAG}),
    }
    for name, (document, rules) in parts.items():
        tree.add(f"{oem}/{name}", f"{name}.v1_0_0.{name}", name, **document).rules = rules
    tree.document(paths.manager)["Oem"] = {"Supermicro": {name: link(f"{oem}/{name}") for name in parts}}
    where = f"{oem}/SysLockdown"
    return Vendor(lambda: _standard_lockout(tree), lambda: bool(tree.document(where)["SysLockdownEnabled"]), (where,))


def _add_hpe(tree: Tree, paths: Paths, restart: Callable[[], None]) -> Vendor:
    security, clock = f"{paths.manager}/SecurityService", f"{paths.manager}/DateTime"
    tree.document(paths.manager)["Oem"] = {"Hpe": {"Links": {"DateTimeService": link(clock)}}}
    tree.document(paths.manager)["Oem"]["Hpe"]["Links"]["SecurityService"] = link(security)
    service = tree.add(security, "HpeSecurityService.v2_3_1.HpeSecurityService", "Security", SecurityState="Production")
    service.rules = {"SecurityState": words("Production", "HighSecurity", "FIPS")}

    def change_state(_body: Json, changes: Json, _caller: Caller) -> Json:
        if changes.get("SecurityState", service.document["SecurityState"]) != service.document["SecurityState"]:
            restart()
        return changes

    service.patch = change_state
    time = tree.add(
        clock,
        "HpeiLODateTime.v2_0_0.HpeiLODateTime",
        "iLO Date Time",
        StaticNTPServers=["", ""],
        TimeZone={"Index": 0, "Name": "UTC"},
        PropagateTimeToHost=False,
    )
    time.rules = {
        "StaticNTPServers": Each(Text(), 2),
        "TimeZone": {"Name": Text(64)},
        "PropagateTimeToHost": FLAG,
    }
    # As HPE's RESTful API reference has it under HpeiLONetworkServiceExt; no subscriptions are made for syslog.
    network = tree.resources[paths.network]
    network.document["Oem"] = {"Hpe": {"RemoteSyslogEnabled": False, "RemoteSyslogServer": "", "RemoteSyslogPort": 514}}
    remote: Rules = {"RemoteSyslogEnabled": FLAG, "RemoteSyslogServer": Text(), "RemoteSyslogPort": Number(1, 65_535)}
    network.rules = {**(network.rules or {}), "Oem": {"Hpe": remote}}
    rules = tree.resources[accounts.SERVICE]
    own: dict[str, Any] = {
        "MinPasswordLength": 8,
        "EnforcePasswordComplexity": False,
        "AuthFailuresBeforeDelay": 1,
        "AuthFailureDelayTimeSeconds": 10,
        "AuthFailureLoggingThreshold": 3,
    }
    rules.document["Oem"] = {"Hpe": own}
    hpe: Rules = {
        "MinPasswordLength": Number(0, 39),
        "EnforcePasswordComplexity": FLAG,
        "AuthFailuresBeforeDelay": Choice((0, 1, 3, 5)),
        "AuthFailureDelayTimeSeconds": Choice((2, 5, 10, 30)),
        "AuthFailureLoggingThreshold": Number(0, 5),
    }
    rules.rules = {"Oem": {"Hpe": hpe}}
    rules.patch = lambda _body, changes, _caller: _with_length(changes)

    def lockout() -> Lockout:
        now = tree.document(accounts.SERVICE)["Oem"]["Hpe"]
        delay_s = float(now["AuthFailureDelayTimeSeconds"])
        return Lockout(now["AuthFailuresBeforeDelay"], delay_s, 10 * delay_s)

    return Vendor(lockout)


def _with_length(changes: Json) -> Json:
    length = changes.get("Oem", {}).get("Hpe", {}).get("MinPasswordLength")
    return changes if length is None else changes | {"MinPasswordLength": length}
