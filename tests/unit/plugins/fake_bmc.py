# SPDX-License-Identifier: GPL-3.0-or-later
"""A BMC in memory that speaks Redfish, with the ways of several vendors; for tests of what talks to it."""

from __future__ import annotations

import base64
import copy
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from .fake_certificates import FakeCertificate

Body = dict[str, Any]

ROOT = "/redfish/v1"
SYSTEM, MANAGER = f"{ROOT}/Systems/1", f"{ROOT}/Managers/1"
ACCOUNTS = f"{ROOT}/AccountService/Accounts"
PUSH = f"{ROOT}/UpdateService/push"
CERTIFICATES = f"{MANAGER}/NetworkProtocol/HTTPS/Certificates"
HTTPS_CERT = f"{MANAGER}/SecurityService/HttpsCert"
_SERVICE = f"{ROOT}/CertificateService"
GENERATE, REPLACE = (f"{_SERVICE}/Actions/CertificateService.{name}" for name in ("GenerateCSR", "ReplaceCertificate"))
HPE_GENERATE, HPE_IMPORT = (
    f"{HTTPS_CERT}/Actions/HpeHttpsCert.{name}" for name in ("GenerateCSR", "ImportCertificate")
)
_ACTIONS = {"#CertificateService.GenerateCSR": GENERATE, "#CertificateService.ReplaceCertificate": REPLACE}
_IMAGE = re.compile(rb"fake-firmware (bmc|bios) ([0-9.]+)")
USER, PASSWORD = "hardener", "demo-redfish-password"
VENDOR_WORDS = {"idrac": "Dell", "ilo": "HPE", "openbmc": "OpenBMC", "supermicro": "Supermicro", "lenovo": "Lenovo"}
BIOS: Mapping[str, Body] = {
    "idrac": {"BootMode": "Bios", "TpmSecurity": "Off", "GenericUsbBoot": "Enabled"},
    "ilo": {"BootMode": "LegacyBios", "TpmVisibility": "Hidden", "UsbBoot": "Enabled"},
    "supermicro": {"BootModeSelect": "LEGACY", "SecurityDeviceSupport": "Disable"},
    "lenovo": {"BootModes_SystemBootMode": "LegacyMode", "TrustedComputingGroup_TPMDevice": "Disabled"},
    "dmtf": {"BootMode": "Legacy", "TpmState": "Disabled", "UsbBoot": "Enabled"},
}
DELL_ATTRIBUTES: Body = {
    "IPMILan.1.Enable": "Enabled",
    "SNMP.1.AgentEnable": "Enabled",
    "SNMP.1.SNMPProtocol": "All",
    "WebServer.1.HttpsRedirection": "Disabled",
    "WebServer.1.TLSProtocol": "TLS 1.1 and Higher",
    "VirtualConsole.1.Enable": "Enabled",
    "VirtualMedia.1.Enable": "Enabled",
    "OS-BMC.1.AdminState": "Enabled",
    "SysLog.1.SysLogEnable": "Disabled",
    "SysLog.1.Server1": "",
    "SysLog.1.Server2": "",
    "SysLog.1.Server3": "",
    "Time.1.Timezone": "UTC",
    "Lockdown.1.SystemLockdown": "Disabled",
}


@dataclass
class FakeBmc:
    """One BMC. `instead` answers single paths in its own way; `ignored` are paths whose changes are not kept."""

    vendor: str = "dmtf"
    serial: str = "SN1"
    resources: dict[str, Body] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=lambda: {USER: PASSWORD, "root": "calvin"})
    expands: bool = True
    has_sessions: bool = True
    sessions: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    writes: list[tuple[str, str, Body]] = field(default_factory=list)
    failed_logins: int = 0
    instead: dict[str, Callable[[httpx.Request], httpx.Response | None]] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    drops_at_boot: set[str] = field(default_factory=set)
    boots: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    apply_at_boot: bool = True
    shuts_down: bool = True
    next_bios: str = ""
    certificate: FakeCertificate = field(default_factory=FakeCertificate)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.resources = self.resources or build(self)

    @property
    def disabled(self) -> set[str]:
        """The names that may not log in."""
        shown = [body for path, body in self.resources.items() if path.startswith(f"{ACCOUNTS}/")]
        return {body["UserName"] for body in shown if body.get("Enabled") is False}

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            return self._handle(request)

    def body(self, path: str) -> Body:
        return self.resources[path]

    def attribute(self, name: str) -> Any:
        return self.resources[f"{SYSTEM}/Bios"]["Attributes"][name]

    # -- requests -------------------------------------------------------------------------------------------------

    def _handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.rstrip("/")
        self.requests.append((request.method, path))
        special = self.instead.get(path)
        answer = special(request) if special else None
        if answer is not None:
            return answer
        if path == f"{ROOT}/SessionService/Sessions" and request.method == "POST":
            return self._open(json.loads(request.content))
        if path != ROOT and not self._knows(request):
            return refusal(401, "NoValidSession")
        if path.startswith(f"{ROOT}/SessionService/Sessions/") and request.method == "DELETE":
            self.sessions.discard(path.rpartition("/")[2])
            return httpx.Response(204)
        if request.method == "GET":
            return self._get(path, "$expand" in request.url.params, only="only" in request.url.params)
        if path == PUSH:
            return self._flash(request.content)
        return self._write(path, request)

    def _write(self, path: str, request: httpx.Request) -> httpx.Response:
        content = json.loads(request.content or b"{}")
        self.writes.append((request.method, path, content))
        if path == f"{SYSTEM}/Actions/ComputerSystem.Reset":
            self._reset(content["ResetType"])
            return httpx.Response(204)
        if path in (GENERATE, REPLACE, HPE_GENERATE, HPE_IMPORT):
            return self._certify(path, content)
        if path not in self.resources:
            return refusal(404, "ResourceMissingAtURI")
        if path.startswith(ACCOUNTS):
            return self._account(request.method, path, content)
        if request.method == "POST":
            return self._make(path, content)
        return self._patch(path, content, request.headers.get("if-match"))

    def _open(self, account: Body) -> httpx.Response:
        if not self.has_sessions:
            return refusal(404, "ResourceMissingAtURI")
        name = account.get("UserName", "")
        if name in self.disabled or self.passwords.get(name) != account.get("Password"):
            self.failed_logins += 1
            return refusal(401, "NoValidSession")
        number = str(next(self._numbers))
        self.sessions.add(number)
        where = f"{ROOT}/SessionService/Sessions/{number}"
        return httpx.Response(201, headers={"X-Auth-Token": f"token-{number}", "Location": where}, json={})

    def _knows(self, request: httpx.Request) -> bool:
        token = request.headers.get("x-auth-token", "")
        if token:
            return token.removeprefix("token-") in self.sessions
        kind, _blank, pair = request.headers.get("authorization", "").partition(" ")
        user, _colon, password = base64.b64decode(pair).decode().partition(":") if kind == "Basic" else ("", "", "")
        good = user not in self.disabled and self.passwords.get(user) == password and bool(user)
        self.failed_logins += kind == "Basic" and not good
        return good

    def _get(self, path: str, expand: bool, *, only: bool = False) -> httpx.Response:
        if path not in self.resources:
            return refusal(404, "ResourceMissingAtURI")
        body = self.resources[path]
        if only and len(body["Members"]) == 1:
            path = body["Members"][0]["@odata.id"]
            body = self.resources[path]
        if expand and "Members" in body:
            if not self.expands:
                return refusal(501, "QueryNotSupported")
            members = [self.resources[each["@odata.id"]] for each in body["Members"]]
            body = {**body, "Members": members}
        return httpx.Response(200, json={"@odata.id": path, **body}, headers={"ETag": self._etag(path)})

    def _etag(self, path: str) -> str:
        return f'"{self.versions.get(path, 0)}"'

    def _patch(self, path: str, content: Body, if_match: str | None) -> httpx.Response:
        if if_match is not None and if_match != self._etag(path):
            return refusal(412, "PreconditionFailed")
        if path.endswith("/Bios/Settings"):
            has_time = "@Redfish.SettingsApplyTime" in content
            if self.vendor == "supermicro" and has_time:
                return refusal(400, "PropertyUnknown")
            self.apply_at_boot = has_time or self.vendor != "idrac"
            content = {"Attributes": content["Attributes"]}
        if self.is_locked and "Lockdown.1.SystemLockdown" not in json.dumps(content):
            return refusal(403, "LockdownEnabled")
        if path not in self.ignored:
            merge(self.resources[path], content)
            self.versions[path] = self.versions.get(path, 0) + 1
        return httpx.Response(200, json={})

    def _make(self, path: str, content: Body) -> httpx.Response:
        where = next(each for each in (f"{path}/{number}" for number in self._numbers) if each not in self.resources)
        self.resources[where] = {"@odata.id": where, **content}
        self.resources[path]["Members"].append({"@odata.id": where})
        return httpx.Response(201, headers={"Location": where}, json={})

    def _account(self, method: str, path: str, content: Body) -> httpx.Response:
        """Make, change or remove an account; an iDRAC fills and empties slots instead."""
        if (method in ("POST", "DELETE")) is (self.vendor == "idrac"):
            return refusal(405, "ActionNotSupported") if method in ("POST", "DELETE") else self._set(path, content)
        if method == "POST":
            password = content.pop("Password")
            answer = self._make(path, content)
            self.passwords[content["UserName"]] = password
            return answer
        if method == "DELETE":
            self.passwords.pop(self.resources.pop(path)["UserName"], None)
            members = self.resources[ACCOUNTS]["Members"]
            members[:] = [each for each in members if each["@odata.id"] != path]
            return httpx.Response(204)
        return self._set(path, content)

    def _set(self, path: str, content: Body) -> httpx.Response:
        account, password = self.resources[path], content.pop("Password", None)
        before = account["UserName"]
        if path not in self.ignored:
            account.update(content)
            kept = self.passwords.pop(before, "")
            if account["UserName"]:
                self.passwords[account["UserName"]] = password or kept
            self.versions[path] = self.versions.get(path, 0) + 1
        return httpx.Response(200, json={})

    def _certify(self, path: str, content: Body) -> httpx.Response:
        """Make a signing request, or take a certificate; an iLO in its own way, an iDRAC with links as texts."""
        if path.startswith(HTTPS_CERT) is not (self.vendor == "ilo"):
            return refusal(404, "ResourceMissingAtURI")
        if path in (GENERATE, REPLACE):
            place = content["CertificateCollection" if path == GENERATE else "CertificateUri"]
            where = CERTIFICATES if path == GENERATE else f"{CERTIFICATES}/1"
            if place != (where if self.vendor == "idrac" else link(where)):
                return refusal(400, "ActionParameterValueFormatError")
        if path in (GENERATE, HPE_GENERATE):
            request = self.certificate.request(content)
            if path == HPE_GENERATE:
                self.resources[HTTPS_CERT]["CertificateSigningRequest"] = request
            return httpx.Response(200, json={"CSRString": request} if path == GENERATE else {})
        if REPLACE in self.ignored or HPE_IMPORT in self.ignored:
            return httpx.Response(200, json={})
        if not self.certificate.take(content["CertificateString" if path == REPLACE else "Certificate"]):
            return refusal(400, "PropertyValueIncorrect")
        self.resources[f"{CERTIFICATES}/1"]["CertificateString"] = self.certificate.pem
        return httpx.Response(200, json={})

    @property
    def is_locked(self) -> bool:
        attributes = self.resources.get(f"{MANAGER}/Attributes", {}).get("Attributes", {})
        return bool(attributes.get("Lockdown.1.SystemLockdown") == "Enabled")

    def _flash(self, content: bytes) -> httpx.Response:
        """Take an image, whose text says which component gets which version; the BIOS gets it at the next boot."""
        self.writes.append(("POST", PUSH, {}))
        component, version = _IMAGE.findall(content)[0]
        if component == b"bmc":
            self.resources[MANAGER]["FirmwareVersion"] = version.decode()
        else:
            self.next_bios = version.decode()
        return httpx.Response(202, json={})

    def _reset(self, kind: str) -> None:
        system = self.resources[SYSTEM]
        if kind == "ForceOff" or (kind == "GracefulShutdown" and self.shuts_down):
            system["PowerState"] = "Off"
        elif kind in ("On", "ForceRestart", "PowerCycle"):
            system["PowerState"] = "On"
            self.boot()

    def boot(self) -> None:
        """Let the machine boot: pending values take effect."""
        self.boots += 1
        if self.next_bios:
            self.resources[SYSTEM]["BiosVersion"], self.next_bios = self.next_bios, ""
        settings = self.resources.get(f"{SYSTEM}/Bios/Settings")
        if settings and self.apply_at_boot:
            due = {name: value for name, value in settings["Attributes"].items() if name not in self.drops_at_boot}
            self.resources[f"{SYSTEM}/Bios"]["Attributes"].update(due)
            settings["Attributes"] = {}
        secure = self.resources.get(f"{SYSTEM}/SecureBoot")
        if secure:
            secure["SecureBootCurrentBoot"] = "Enabled" if secure["SecureBootEnable"] else "Disabled"


def refusal(status: int, code: str, **headers: str) -> httpx.Response:
    info = [{"MessageId": f"Base.1.8.{code}", "Message": f"{code} was said."}]
    error = {"code": "Base.1.8.GeneralError", "message": "see below", "@Message.ExtendedInfo": info}
    return httpx.Response(status, json={"error": error}, headers=headers)


def merge(into: Body, change: Body) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def targets(actions: Mapping[str, str]) -> Body:
    """Give actions as a resource lists them."""
    return {name: {"target": target} for name, target in actions.items()}


def link(path: str) -> Body:
    return {"@odata.id": path}


def collection(resources: dict[str, Body], path: str, members: Iterable[tuple[str, Body]]) -> Body:
    """Put a collection and its members among the resources, and give the link to it."""
    named = [(f"{path}/{name}", body) for name, body in members]
    resources.update({where: {"@odata.id": where, **body} for where, body in named})
    resources[path] = {"Members": [link(where) for where, _body in named], "Members@odata.count": len(named)}
    return link(path)


def build(bmc: FakeBmc) -> dict[str, Body]:
    """The resources of a server as it comes from the factory."""
    vendor = bmc.vendor
    made: dict[str, Body] = {}
    network: Body = {
        name: {"ProtocolEnabled": True} for name in ("IPMI", "SSDP", "SSH", "Telnet", "HTTP", "KVMIP", "VirtualMedia")
    }
    network["SNMP"] = {"ProtocolEnabled": True, "EnableSNMPv1": True, "EnableSNMPv2c": True, "EnableSNMPv3": False}
    network["NTP"] = {"ProtocolEnabled": False, "NTPServers": []}
    network["HTTPS"] = {"ProtocolEnabled": True}
    certificate = {"Issuer": {"CommonName": "factory"}, "CertificateString": bmc.certificate.pem}
    network["HTTPS"]["Certificates"] = collection(made, CERTIFICATES, [("1", certificate)])
    manager: Body = {"Model": "BMC", "FirmwareVersion": "2.10.3", "NetworkProtocol": link(f"{MANAGER}/NetworkProtocol")}
    system: Body = {
        "Manufacturer": VENDOR_WORDS.get(vendor, "Maker"),
        "Model": "Server 1",
        "SerialNumber": bmc.serial,
        "PowerState": "On",
        "BiosVersion": "2.18.1",
        "Links": {"ManagedBy": [link(MANAGER)]},
        "SecureBoot": link(f"{SYSTEM}/SecureBoot"),
        "Actions": {"#ComputerSystem.Reset": {"target": f"{SYSTEM}/Actions/ComputerSystem.Reset"}},
    }
    if vendor in BIOS:
        system["Bios"] = link(f"{SYSTEM}/Bios")
        times = {} if vendor == "supermicro" else {"SupportedApplyTimes": ["OnReset"]}
        settings = {"SettingsObject": link(f"{SYSTEM}/Bios/Settings"), **times}
        made[f"{SYSTEM}/Bios"] = {"Attributes": dict(BIOS[vendor]), "@Redfish.Settings": settings}
        made[f"{SYSTEM}/Bios/Settings"] = {"Attributes": {}}
    if vendor == "idrac":
        made[f"{MANAGER}/Attributes"] = {"Attributes": dict(DELL_ATTRIBUTES)}
        for name in ("IPMI", "SNMP", "KVMIP", "VirtualMedia", "HTTP", "SSDP"):
            del network[name]
        network["SSDP"] = {"ProtocolEnabled": True}
        collection(made, f"{MANAGER}/Jobs", [])
    elif vendor == "ilo":
        made[f"{MANAGER}/SecurityService"] = {"SecurityState": "Production", "Links": {"HttpsCert": link(HTTPS_CERT)}}
        actions = {"#HpeHttpsCert.GenerateCSR": HPE_GENERATE, "#HpeHttpsCert.ImportCertificate": HPE_IMPORT}
        made[HTTPS_CERT] = {"CertificateSigningRequest": None, "Actions": targets(actions)}
        made[f"{MANAGER}/DateTime"] = {"StaticNTPServers": ["", ""], "TimeZone": {"Name": "UTC"}}
        del network["NTP"]
        network["Oem"] = {"Hpe": {"RemoteSyslogEnabled": False, "RemoteSyslogServer": ""}}
    elif vendor == "supermicro":
        made[f"{MANAGER}/Oem/Supermicro/NTP"] = {"NTPEnable": False, "PrimaryNTPServer": "", "SecondaryNTPServer": ""}
        made[f"{MANAGER}/Oem/Supermicro/Syslog"] = {"EnableSyslog": False, "SyslogServer": ""}
        made[f"{MANAGER}/Oem/Supermicro/SysLockdown"] = {"SysLockdownEnabled": False}
        del network["NTP"]
    if vendor not in ("idrac", "ilo"):
        manager["SecurityPolicy"] = link(f"{MANAGER}/SecurityPolicy")
        made[f"{MANAGER}/SecurityPolicy"] = {"TLS": {"Server": {"Allowed": {"Versions": ["1.1", "1.2", "1.3"]}}}}
        manager["HostInterfaces"] = collection(made, f"{MANAGER}/HostInterfaces", [("1", {"InterfaceEnabled": True})])
        manager["TimeZoneName"] = "UTC"
    elif vendor == "ilo":
        manager["HostInterfaces"] = collection(made, f"{MANAGER}/HostInterfaces", [("1", {"InterfaceEnabled": True})])
    service: Body = {"AccountLockoutThreshold": 0, "AccountLockoutDuration": 60, "MinPasswordLength": 8}
    if vendor == "ilo":
        service = {
            "Oem": {"Hpe": {"MinPasswordLength": 8, "AuthFailuresBeforeDelay": 0, "AuthFailureDelayTimeSeconds": 2}}
        }
    users = [(str(index), {"UserName": name, "Enabled": True, "RoleId": "Administrator"})
             for index, name in enumerate(bmc.passwords, start=1)]  # fmt: skip
    if vendor == "idrac":
        free: Body = {"UserName": "", "Enabled": False, "RoleId": "ReadOnly"}
        users = [("1", free), *((str(int(index) + 1), body) for index, body in users)]
        users += [(str(index), dict(free)) for index in range(len(users) + 1, 9)]
    service["Accounts"] = collection(made, ACCOUNTS, users)
    events: Body = {"Subscriptions": collection(made, f"{ROOT}/EventService/Subscriptions", [])}
    made.update(
        {
            ROOT: {
                "RedfishVersion": "1.15.0",
                **({"Vendor": VENDOR_WORDS[vendor]} if vendor in VENDOR_WORDS else {}),
                "Systems": collection(made, f"{ROOT}/Systems", [("1", system)]),
                "Managers": collection(made, f"{ROOT}/Managers", [("1", manager)]),
                "AccountService": link(f"{ROOT}/AccountService"),
                "CertificateService": link(_SERVICE),
                "SessionService": link(f"{ROOT}/SessionService"),
                "EventService": link(f"{ROOT}/EventService"),
                "UpdateService": link(f"{ROOT}/UpdateService"),
                "Links": {"Sessions": link(f"{ROOT}/SessionService/Sessions")},
                "ProtocolFeaturesSupported": {"ExpandQuery": {"NoLinks": bmc.expands}},
            },
            f"{MANAGER}/NetworkProtocol": network,
            f"{SYSTEM}/SecureBoot": {"SecureBootEnable": False, "SecureBootCurrentBoot": "Disabled"},
            f"{ROOT}/AccountService": service,
            f"{ROOT}/SessionService": {"SessionTimeout": 1800},
            f"{ROOT}/EventService": events,
            f"{ROOT}/UpdateService": {"MultipartHttpPushUri": PUSH},
            _SERVICE: {"Actions": targets({} if vendor == "ilo" else _ACTIONS)},
        }
    )
    return copy.deepcopy(made)
