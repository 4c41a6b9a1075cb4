# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The controls: what each is about, who asks for it, and its adapters, standard first. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from . import roles
from .adapters import (
    Adapter,
    Check,
    Checks,
    Want,
    account_name,
    at_least,
    at_most,
    bios,
    check_bios,
    dell,
    dell_switch,
    each_member,
    enabled,
    key,
    nth,
    properties,
    protocol,
    same_list,
    up_to,
    version_at_least,
)
from .kinds import SWITCH, TEXT, TEXTS, Kind, choice, number, record
from .quirks import DMTF, IDRAC, ILO, LENOVO, SUPERMICRO, absence_of
from .roles import (
    ACCOUNT_SERVICE,
    ACCOUNTS,
    CERTIFICATES,
    HOST_INTERFACES,
    HPE_SECURITY,
    HPE_TIME,
    MANAGER,
    NETWORK_PROTOCOL,
    SECURE_BOOT,
    SECURITY_POLICY,
    SESSION_SERVICE,
    SMC_LOCKDOWN,
    SMC_NTP,
    SMC_SYSLOG,
    SUBSCRIPTIONS,
    SYSTEM,
)
from .values import MISSING, at
from .view import View

NSA = "NSA/CISA Harden Baseboard Management Controllers, 2023"
NIST = "NIST SP 800-193"
GUIDES = {
    "credentials": f"{NSA}, action 1",
    "network": f"{NSA}, action 2",
    "configuration": f"{NSA}, action 3",
    "updates": f"{NSA}, action 4",
    "integrity": f"{NSA}, action 5",
    "resilience": f"{NIST}, 4.2",
}


class Stage(IntEnum):
    """When a control is applied: what needs a boot first, what may cut us off late, lockdown last."""

    FIRMWARE = 0
    BIOS = 1
    SETTINGS = 2
    CUTTING = 3
    LOCKDOWN = 4


@dataclass(frozen=True)
class Control:
    """One control. `by_vendor` are adapters that are tried after the standard ones, where the BMC is of that vendor.

    `only_on` names the vendors that have such a thing; elsewhere it is not applicable. `by_hand` says what a person has
    to do where nothing is written.
    """

    name: str
    kind: Kind
    guide: str
    title: str
    standard: tuple[Adapter, ...] = ()
    by_vendor: Mapping[str, Adapter] = field(default_factory=dict)
    stage: Stage = Stage.SETTINGS
    only_on: frozenset[str] = frozenset()
    by_hand: str = ""
    vendor_first: bool = False

    def adapters(self, vendor: str) -> tuple[Adapter, ...]:
        """Return the adapters for a vendor's BMC, in the order in which they are tried."""
        own = (self.by_vendor[vendor],) if vendor in self.by_vendor else ()
        return (*own, *self.standard) if self.vendor_first else (*self.standard, *own)

    @property
    def reference(self) -> str:
        """Return the guide that asks for it."""
        return GUIDES[self.guide]


def _snmp(wanted: Any) -> list[Want]:
    v3 = wanted == "v3"
    path = (NETWORK_PROTOCOL, "SNMP")
    wants = [Want(path[0], (path[1], "ProtocolEnabled"), lambda _wanted: v3)]
    if v3:
        for name, value in (("EnableSNMPv1", False), ("EnableSNMPv2c", False), ("EnableSNMPv3", True)):
            wants.append(Want(path[0], (path[1], name), lambda _wanted, value=value: value))  # type: ignore[misc]
    return wants


def _snmp_standard(wanted: Any, view: View) -> Checks:
    return properties(*_snmp(wanted))(wanted, view)


def _dell_snmp(wanted: Any, view: View) -> Checks:
    wants = [("SNMP.1.AgentEnable", lambda _wanted: enabled(wanted == "v3"))]
    if wanted == "v3":
        wants.append(("SNMP.1.SNMPProtocol", lambda _wanted: "SNMPv3"))
    return dell(*wants)(wanted, view)


def _versions_from(seen: Any, wanted: Any) -> bool:
    return isinstance(seen, list) and bool(seen) and min(map(str, seen)) >= min(wanted)


def _tls_versions(wanted: Any) -> list[str]:
    return ["1.3"] if wanted == "1.3" else ["1.2", "1.3"]


def _dell_tls(seen: Any, wanted: Any) -> bool:
    return seen in (wanted, "TLS 1.3 Only")


def _hpe_security(seen: Any, _wanted: Any) -> bool:
    # The states above Production leave nothing below TLS 1.2 on.
    return seen in ("HighSecurity", "FIPS", "SuiteB", "CNSA")


def _hpe_threshold(wanted: Any) -> Any:
    # What an iLO takes: 0 (off), 1, 3 and 5.
    return (
        max((each for each in (1, 3, 5) if each <= wanted["threshold"]), default=1)
        if "threshold" in wanted
        else MISSING
    )


def _hpe_delay(wanted: Any) -> Any:
    # 30 s is the longest delay that it knows; it has no lock-out beyond that.
    return (
        min((each for each in (2, 5, 10, 30) if each >= wanted["duration"]), default=30)
        if "duration" in wanted
        else MISSING
    )


def _certificate(wanted: Any, view: View) -> Checks:
    members = view.all(CERTIFICATES)
    if not members:
        return None
    path = ("Issuer", "CommonName")
    return [
        Check(CERTIFICATES, each.uri, path, at(each.body, *path), wanted, at(each.body, *path) == wanted,
              is_writable=False)
        for each in members
    ]  # fmt: skip


def _syslog(wanted: Any, view: View) -> Checks:
    """Judge subscriptions: one for each server; those of others are left alone."""
    members = view.all(SUBSCRIPTIONS)
    if members is None:
        return None
    seen = [str(at(each.body, "Destination") or "") for each in members]
    missing = [each for each in wanted if not any(_host_of(destination) == each for destination in seen)]
    if missing and absence_of(view.vendor, "syslog"):
        return None
    uri = view.reading(SUBSCRIPTIONS).uri
    found = []
    for server in wanted:
        destination = f"syslog://{server}:514"
        body = {"Destination": destination, "Protocol": "SyslogUDP", "SubscriptionType": "Syslog", "Context": "syslog"}
        ok = server not in missing
        found.append(Check(SUBSCRIPTIONS, uri, ("Destination",), seen, destination, ok, post=body))
    return found


def _host_of(destination: str) -> str:
    return destination.rsplit("//", maxsplit=1)[-1].partition(":")[0]


def _factory_accounts(wanted: Any, view: View) -> Checks:
    """Judge accounts that a factory made: absent or disabled is good; the one in use is never disabled."""
    members = view.all(ACCOUNTS)
    if members is None:
        return None
    found = []
    for member in members:
        name = account_name(member)
        if name not in wanted:
            continue
        on = at(member.body, "Enabled")
        in_use = name == view.account
        note = "this is the account in use, which is never disabled" if in_use else ""
        found.append(
            Check(ACCOUNTS, member.uri, ("Enabled",), on, False, on is False, False, is_writable=not in_use, note=note)
        )
    return found


def _secure_boot(wanted: Any, view: View) -> Checks:
    resource = view.one(SECURE_BOOT)
    seen = MISSING if resource is None else at(resource.body, "SecureBootEnable")
    if resource is None or seen is MISSING:
        return None
    current = at(resource.body, "SecureBootCurrentBoot")
    booted = current in (MISSING, None) or current == enabled(wanted)
    return [
        Check(SECURE_BOOT, resource.uri, ("SecureBootEnable",), seen, wanted, seen is wanted and booted, wanted,
              is_pending=seen is wanted and not booted, needs_boot=True)
    ]  # fmt: skip


def _raw_bios(wanted: Any, view: View) -> Checks:
    return check_bios(wanted, view)


def _firmware(role: str, name: str) -> Adapter:
    def check(wanted: Any, view: View) -> Checks:
        resource = view.one(role)
        seen = MISSING if resource is None else at(resource.body, name)
        if resource is None or not isinstance(seen, str) or not seen:
            return None
        least = wanted.replace(">=", "").strip()
        return [Check(role, resource.uri, (name,), seen, wanted, version_at_least(seen, least), is_writable=False)]

    return check


_ON_OFF = {True: "Enabled", False: "Disabled"}
_LOCKOUT = record(threshold=number(1, 100), duration=number(1, 86_400), reset_after=number(1, 86_400))


def _switch(name: str, guide: str, title: str, field_name: str, dell_name: str = "", **more: Any) -> Control:
    by_vendor = {IDRAC: dell_switch(dell_name)} if dell_name else {}
    return Control(name, SWITCH, guide, title, (protocol(field_name),), by_vendor, **more)


CONTROLS: tuple[Control, ...] = (
    Control("bios_firmware", TEXT, "updates", "Least version of the BIOS", (_firmware(SYSTEM, "BiosVersion"),),
            stage=Stage.FIRMWARE, by_hand="update the BIOS"),
    Control("bmc_firmware", TEXT, "updates", "Least version of the BMC's firmware",
            (_firmware(MANAGER, "FirmwareVersion"),), stage=Stage.FIRMWARE, by_hand="update the BMC"),
    Control(
        "boot_mode", choice("uefi", "legacy"), "integrity", "UEFI or legacy boot", stage=Stage.BIOS,
        by_vendor={
            IDRAC: bios({"BootMode": {"uefi": "Uefi", "legacy": "Bios"}}),
            ILO: bios({"BootMode": {"uefi": "Uefi", "legacy": "LegacyBios"}}),
            SUPERMICRO: bios({"BootModeSelect": {"uefi": "UEFI", "legacy": "LEGACY"}}),
            LENOVO: bios({"BootModes_SystemBootMode": {"uefi": "UEFIMode", "legacy": "LegacyMode"}}),
            DMTF: bios({"BootMode": {"uefi": "Uefi", "legacy": "Legacy"}}),
        },
    ),
    Control(
        "tpm", SWITCH, "integrity", "Trusted Platform Module is switched on", stage=Stage.BIOS,
        by_vendor={
            IDRAC: bios({"TpmSecurity": {True: "On", False: "Off"}}),
            ILO: bios({"TpmVisibility": {True: "Visible", False: "Hidden"}}),
            SUPERMICRO: bios({"SecurityDeviceSupport": {True: "Enable", False: "Disable"}}),
            LENOVO: bios({"TrustedComputingGroup_TPMDevice": _ON_OFF}),
            DMTF: bios({"TpmState": _ON_OFF}),
        },
    ),
    Control(
        "usb_boot", SWITCH, "integrity", "Booting from USB", stage=Stage.BIOS,
        by_vendor={IDRAC: bios({"GenericUsbBoot": _ON_OFF}), ILO: bios({"UsbBoot": _ON_OFF}),
                   DMTF: bios({"UsbBoot": _ON_OFF})},
    ),
    Control("bios_attributes", Kind("object", values=TEXT), "configuration",
            "BIOS attributes by their own names", (_raw_bios,), stage=Stage.BIOS),
    Control("secure_boot", SWITCH, "integrity", "UEFI Secure Boot", (_secure_boot,), stage=Stage.BIOS),
    Control(
        "lockout", _LOCKOUT, "credentials", "Accounts are locked after failed logins",
        (properties(
            Want(ACCOUNT_SERVICE, ("AccountLockoutThreshold",), key("threshold"), at_most),
            Want(ACCOUNT_SERVICE, ("AccountLockoutDuration",), key("duration"), at_least),
            Want(ACCOUNT_SERVICE, ("AccountLockoutCounterResetAfter",), key("reset_after"), at_least, is_needed=False),
        ),),
        {IDRAC: properties(
            Want(roles.DELL_ATTRIBUTES, ("Attributes", "IPBlocking.1.BlockEnable"), lambda _wanted: "Enabled"),
            Want(roles.DELL_ATTRIBUTES, ("Attributes", "IPBlocking.1.FailCount"), key("threshold"), at_most),
            Want(roles.DELL_ATTRIBUTES, ("Attributes", "IPBlocking.1.PenaltyTime"), key("duration"), at_least),
            Want(roles.DELL_ATTRIBUTES, ("Attributes", "IPBlocking.1.FailWindow"), key("reset_after"), at_least, False),
        ), ILO: properties(
            Want(ACCOUNT_SERVICE, ("Oem", "Hpe", "AuthFailuresBeforeDelay"), _hpe_threshold, at_most),
            Want(ACCOUNT_SERVICE, ("Oem", "Hpe", "AuthFailureDelayTimeSeconds"), _hpe_delay, at_least),
        )},
    ),
    Control("password_length", number(1, 128), "credentials", "Least length of passwords",
            (properties(Want(ACCOUNT_SERVICE, ("MinPasswordLength",), rule=at_least)),),
            {ILO: properties(Want(ACCOUNT_SERVICE, ("Oem", "Hpe", "MinPasswordLength"), rule=at_least))},
            # An iLO shows the standard property too, and changes only its own.
            vendor_first=True),
    Control("factory_accounts_off", TEXTS, "credentials", "Accounts of the factory are disabled or gone",
            (_factory_accounts,)),
    Control("session_timeout", number(30, 86_400), "credentials", "Idle sessions end after so many seconds",
            (properties(Want(SESSION_SERVICE, ("SessionTimeout",), rule=at_most)),),
            {IDRAC: dell(("WebServer.1.Timeout", str), rule=at_most)}),
    Control(
        "ntp", TEXTS, "configuration", "Time servers",
        (properties(
            Want(NETWORK_PROTOCOL, ("NTP", "ProtocolEnabled"), lambda _wanted: True),
            Want(NETWORK_PROTOCOL, ("NTP", "NTPServers"), rule=same_list),
        ),),
        {
            IDRAC: up_to(3, dell(("NTPConfigGroup.1.NTPEnable", lambda _wanted: "Enabled"),
                                 *((f"NTPConfigGroup.1.NTP{index + 1}", nth(index)) for index in range(3)))),
            SUPERMICRO: up_to(2, properties(
                Want(SMC_NTP, ("NTPEnable",), lambda _wanted: True),
                Want(SMC_NTP, ("PrimaryNTPServer",), nth(0)),
                Want(SMC_NTP, ("SecondaryNTPServer",), nth(1)),
            )),
            ILO: up_to(2, properties(Want(HPE_TIME, ("StaticNTPServers",), rule=same_list))),
        },
    ),
    Control("time_zone", TEXT, "configuration", "Time zone of the BMC",
            (properties(Want(MANAGER, ("TimeZoneName",))),),
            {IDRAC: dell(("Time.1.Timezone", str)), ILO: properties(Want(HPE_TIME, ("TimeZone", "Name")))}),
    Control(
        "syslog", TEXTS, "configuration", "Servers that logs are sent to",
        (_syslog,),
        {
            IDRAC: up_to(3, dell(("SysLog.1.SysLogEnable", lambda _wanted: "Enabled"),
                                 *((f"SysLog.1.Server{index + 1}", nth(index)) for index in range(3)))),
            SUPERMICRO: up_to(1, properties(Want(SMC_SYSLOG, ("EnableSyslog",), lambda _wanted: True),
                                            Want(SMC_SYSLOG, ("SyslogServer",), nth(0)))),
            ILO: up_to(1, properties(
                Want(NETWORK_PROTOCOL, ("Oem", "Hpe", "RemoteSyslogEnabled"), lambda _wanted: True),
                Want(NETWORK_PROTOCOL, ("Oem", "Hpe", "RemoteSyslogServer"), nth(0)),
            )),
        },
        # Any event service has subscriptions, but few have those that send syslog.
        vendor_first=True,
    ),
    Control("tls", choice("1.2", "1.3"), "configuration", "Least version of TLS",
            (properties(Want(SECURITY_POLICY, ("TLS", "Server", "Allowed", "Versions"), _tls_versions,
                             _versions_from)),),
            {IDRAC: dell(("WebServer.1.TLSProtocol",
                          lambda wanted: "TLS 1.3 Only" if wanted == "1.3" else "TLS 1.2 and Higher"), rule=_dell_tls),
             ILO: properties(Want(HPE_SECURITY, ("SecurityState",), lambda _wanted: "HighSecurity", _hpe_security))},
            stage=Stage.CUTTING),
    Control("certificate_issuer", TEXT, "configuration", "The certificate is that of the site's authority",
            (_certificate,), by_hand="have a certificate of the site's authority made and installed"),
    Control("snmp", choice("off", "v3"), "configuration", "SNMP is off, or version 3 alone", (_snmp_standard,),
            {IDRAC: _dell_snmp}),
    _switch("telnet", "configuration", "Telnet", "Telnet", "Telnet.1.Enable"),
    _switch("ssdp", "network", "Discovery by SSDP", "SSDP"),
    _switch("kvm", "configuration", "Remote console (KVM over IP)", "KVMIP", "VirtualConsole.1.Enable"),
    _switch("virtual_media", "configuration", "Virtual media", "VirtualMedia", "VirtualMedia.1.Enable"),
    _switch("ssh", "configuration", "SSH to the BMC", "SSH", "SSH.1.Enable"),
    Control("host_interface", SWITCH, "network", "The network interface between host and BMC",
            (each_member(HOST_INTERFACES, ("InterfaceEnabled",)),), {IDRAC: dell_switch("OS-BMC.1.AdminState")}),
    Control("http", SWITCH, "configuration", "HTTP without TLS", (protocol("HTTP"),),
            {IDRAC: dell(("WebServer.1.HttpsRedirection", lambda wanted: enabled(not wanted)))}, Stage.CUTTING),
    _switch("ipmi_over_lan", "configuration", "IPMI over the network", "IPMI", "IPMILan.1.Enable",
            stage=Stage.CUTTING),
    Control("lockdown", SWITCH, "resilience", "Configuration is locked", (), {
        IDRAC: dell_switch("Lockdown.1.SystemLockdown"),
        SUPERMICRO: properties(Want(SMC_LOCKDOWN, ("SysLockdownEnabled",))),
    }, Stage.LOCKDOWN, frozenset({IDRAC, SUPERMICRO})),
)  # fmt: skip

BY_NAME: Mapping[str, Control] = {control.name: control for control in CONTROLS}
