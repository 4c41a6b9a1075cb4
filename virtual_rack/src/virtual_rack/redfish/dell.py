# SPDX-License-Identifier: GPL-3.0-or-later
"""iDRAC's attributes: a second way to much that the standard has, and the only way to the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from virtual_rack.redfish.accounts import Lockout
from virtual_rack.redfish.documents import Paths
from virtual_rack.redfish.messages import Json
from virtual_rack.redfish.modes import Mode
from virtual_rack.redfish.rules import Number, Rule, Text, words
from virtual_rack.redfish.sessions import SERVICE as SESSION_SERVICE
from virtual_rack.redfish.tree import Caller, Tree, link

_SWITCH = words("Enabled", "Disabled")
_LOCKDOWN = "Lockdown.1.SystemLockdown"
# Attributes that have no twin in the standard: what they take, and how the BMC is delivered.
_OWN: Mapping[str, tuple[Rule, Any]] = {
    "IPBlocking.1.BlockEnable": (_SWITCH, "Disabled"),
    "IPBlocking.1.FailCount": (Number(2, 16), 3),
    "IPBlocking.1.FailWindow": (Number(10, 65_535), 60),
    "IPBlocking.1.PenaltyTime": (Number(2, 65_535), 600),
    _LOCKDOWN: (_SWITCH, "Disabled"),
    "SNMP.1.SNMPProtocol": (words("All", "SNMPv3"), "All"),
    "SNMP.1.AgentCommunity": (Text(31), "public"),
    "Security.1.MinimumPasswordScore": (
        words("No Protection", "Weak Protection", "Moderate Protection", "Strong Protection"),
        "No Protection",
    ),
    "SysLog.1.SysLogEnable": (_SWITCH, "Disabled"),
    "SysLog.1.Server1": (Text(), ""),
    "SysLog.1.Server2": (Text(), ""),
    "SysLog.1.Server3": (Text(), ""),
    "SysLog.1.Port": (Number(1, 65_535), 514),
    "Time.1.Timezone": (Text(32), "UTC"),
    "Users.2.AuthenticationProtocol": (words("None", "MD5", "SHA"), "SHA"),
    "Users.2.PrivacyProtocol": (words("None", "DES", "AES"), "AES"),
    "Users.2.ProtocolEnable": (_SWITCH, "Disabled"),
    "WebServer.1.HttpsRedirection": (_SWITCH, "Disabled"),
    "WebServer.1.TLSProtocol": (
        words("TLS 1.0 and Higher", "TLS 1.1 and Higher", "TLS 1.2 and Higher", "TLS 1.3 Only"),
        "TLS 1.1 and Higher",
    ),
    "WebServer.1.SSLEncryptionBitLength": (
        words("Auto-Negotiate", "128-Bit or higher", "168-Bit or higher", "256-Bit or higher"),
        "128-Bit or higher",
    ),
}


@dataclass(frozen=True)
class _Twin:
    """An attribute that is the same thing as a property elsewhere."""

    path: str
    keys: tuple[str | int, ...]
    rule: Rule
    # What a true property is called; empty: the values are the same.
    words: tuple[str, str] | None = None

    def read(self, tree: Tree) -> Any:
        value: Any = tree.document(self.path)
        for key in self.keys:
            value = "" if isinstance(key, int) and key >= len(value) else value[key]
        return value if self.words is None else self.words[0 if value else 1]

    def write(self, tree: Tree, value: Any) -> None:
        *way, last = self.keys
        holder: Any = tree.document(self.path)
        for key in way:
            holder = holder[key]
        if isinstance(last, int):
            filled = [*holder, *[""] * (last + 1 - len(holder))]
            filled[last] = value
            while filled and not filled[-1]:
                filled.pop()
            holder[:] = filled
        else:
            holder[last] = value if self.words is None else value == self.words[0]


def _twins(paths: Paths) -> dict[str, _Twin]:
    enabled = ("Enabled", "Disabled")

    def protocol(name: str) -> _Twin:
        return _Twin(paths.network, (name, "ProtocolEnabled"), _SWITCH, enabled)

    switches = {
        "IPMILan.1.Enable": "IPMI",
        "SNMP.1.AgentEnable": "SNMP",
        "SSH.1.Enable": "SSH",
        "Telnet.1.Enable": "Telnet",
        "VirtualConsole.1.Enable": "KVMIP",
        "VirtualMedia.1.Enable": "VirtualMedia",
        "NTPConfigGroup.1.NTPEnable": "NTP",
    }
    twins = {name: protocol(standard) for name, standard in switches.items()}
    for number in range(3):
        servers = ("NTP", "NTPServers", number)
        twins[f"NTPConfigGroup.1.NTP{number + 1}"] = _Twin(paths.network, servers, Text())
    twins["WebServer.1.Timeout"] = _Twin(SESSION_SERVICE, ("SessionTimeout",), Number(60, 10_800))
    host = f"{paths.manager}/HostInterfaces/1"
    twins["OS-BMC.1.AdminState"] = _Twin(host, ("InterfaceEnabled",), _SWITCH, enabled)
    return twins


@dataclass(frozen=True)
class Dell:
    """What iDRAC's attributes mean for the rest of the service."""

    paths: tuple[str, ...]
    lockout: Callable[[], Lockout]
    is_locked_down: Callable[[], bool]


def add_dell(tree: Tree, mode: Mode, paths: Paths) -> Dell:
    """Put in the attributes, at both of their places."""
    own = {name: default for name, (_rule, default) in _OWN.items()}
    twins = _twins(paths)
    rules = {name: rule for name, (rule, _default) in _OWN.items()} | {name: twin.rule for name, twin in twins.items()}

    def show() -> Json:
        shown = own | {name: twin.read(tree) for name, twin in twins.items()}
        return {"Attributes": dict(sorted(shown.items()))}

    def change(_body: Json, changes: Json, _caller: Caller) -> Json:
        for name, value in changes.get("Attributes", {}).items():
            if name in twins:
                twins[name].write(tree, value)
            else:
                own[name] = value
        return {}

    newer = f"{paths.manager}/Oem/Dell/DellAttributes/{mode.manager}"
    older = f"{paths.manager}/Attributes"
    for path in (newer, older):
        resource = tree.add(path, "DellAttributes.v1_0_0.DellAttributes", "OEMAttributeRegistry")
        resource.live, resource.patch, resource.rules = show, change, {"Attributes": rules}
    tree.document(paths.manager)["Links"]["Oem"] = {"Dell": {"DellAttributes": [link(newer)]}}

    def lockout() -> Lockout:
        threshold = own["IPBlocking.1.FailCount"] if own["IPBlocking.1.BlockEnable"] == "Enabled" else 0
        return Lockout(threshold, float(own["IPBlocking.1.PenaltyTime"]), float(own["IPBlocking.1.FailWindow"]))

    return Dell((newer, older), lockout, lambda: own[_LOCKDOWN] == "Enabled")
