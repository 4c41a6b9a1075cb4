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
    Want,
    at_least,
    at_most,
    bios,
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
)
from .kinds import SWITCH, TEXT, TEXTS, Kind, choice, number, record
from .quirks import DMTF, IDRAC, ILO, LENOVO, SUPERMICRO
from .roles import (
    ACCOUNT_SERVICE,
    HOST_INTERFACES,
    HPE_SECURITY,
    HPE_TIME,
    MANAGER,
    NETWORK_PROTOCOL,
    SECURITY_POLICY,
    SESSION_SERVICE,
    SMC_LOCKDOWN,
    SMC_NTP,
    SMC_SYSLOG,
    SYSTEM,
)
from .special import (
    SNMP_AUTHENTICATION,
    SNMP_ENCRYPTION,
    boot_override,
    certificate,
    dell_bits,
    dell_snmp,
    dell_snmp_v3,
    dell_tls,
    factory_accounts,
    firmware,
    hpe_delay,
    hpe_security,
    hpe_threshold,
    not_before,
    raw_bios,
    secure_boot,
    snmp_standard,
    syslog,
    tls_ciphers,
    tls_versions,
    versions_from,
)

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

    `by_hand` says what a person has to do where nothing is written.
    """

    name: str
    kind: Kind
    guide: str
    title: str
    standard: tuple[Adapter, ...] = ()
    by_vendor: Mapping[str, Adapter] = field(default_factory=dict)
    stage: Stage = Stage.SETTINGS
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


_ON_OFF = {True: "Enabled", False: "Disabled"}
_SNMP_V3 = record(authentication=choice(*SNMP_AUTHENTICATION[1:]), encryption=choice(*SNMP_ENCRYPTION[1:]))
_LOCKOUT = record(threshold=number(1, 100), duration=number(1, 86_400), reset_after=number(1, 86_400))


def _switch(name: str, guide: str, title: str, field_name: str, dell_name: str = "", **more: Any) -> Control:
    by_vendor = {IDRAC: dell_switch(dell_name)} if dell_name else {}
    return Control(name, SWITCH, guide, title, (protocol(field_name),), by_vendor, **more)


CONTROLS: tuple[Control, ...] = (
    Control("bios_firmware", TEXT, "updates", "Least version of the BIOS", (firmware(SYSTEM, "BiosVersion"),),
            stage=Stage.FIRMWARE, by_hand="update the BIOS"),
    Control("bmc_firmware", TEXT, "updates", "Least version of the BMC's firmware",
            (firmware(MANAGER, "FirmwareVersion"),), stage=Stage.FIRMWARE, by_hand="update the BMC"),
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
            "BIOS attributes by their own names", (raw_bios,), stage=Stage.BIOS),
    Control("secure_boot", SWITCH, "integrity", "UEFI Secure Boot", (secure_boot,), stage=Stage.BIOS),
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
            Want(ACCOUNT_SERVICE, ("Oem", "Hpe", "AuthFailuresBeforeDelay"), hpe_threshold, at_most),
            Want(ACCOUNT_SERVICE, ("Oem", "Hpe", "AuthFailureDelayTimeSeconds"), hpe_delay, at_least),
        )},
    ),
    # ASSUMED: PasswordExpirationDays is the standard's name; a BMC of that schema would settle it. That of Lenovo is
    # what its own tools (python-redfish-lenovo) set.
    Control("password_expiration", number(1, 365), "credentials", "Passwords expire after so many days",
            (properties(Want(ACCOUNT_SERVICE, ("PasswordExpirationDays",), rule=at_most)),),
            {LENOVO: properties(Want(ACCOUNT_SERVICE, ("Oem", "Lenovo", "PasswordExpirationPeriodDays"),
                                     rule=at_most))}),
    Control("password_length", number(1, 128), "credentials", "Least length of passwords",
            (properties(Want(ACCOUNT_SERVICE, ("MinPasswordLength",), rule=at_least)),),
            {ILO: properties(Want(ACCOUNT_SERVICE, ("Oem", "Hpe", "MinPasswordLength"), rule=at_least))},
            # An iLO shows the standard property too, and changes only its own.
            vendor_first=True),
    Control("factory_accounts_off", TEXTS, "credentials", "Accounts of the factory are disabled or gone",
            (factory_accounts,)),
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
        (syslog,),
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
            (properties(Want(SECURITY_POLICY, ("TLS", "Server", "Allowed", "Versions"), tls_versions,
                             versions_from)),),
            {IDRAC: dell(("WebServer.1.TLSProtocol",
                          lambda wanted: "TLS 1.3 Only" if wanted == "1.3" else "TLS 1.2 and Higher"), rule=dell_tls),
             ILO: properties(Want(HPE_SECURITY, ("SecurityState",), lambda _wanted: "HighSecurity", hpe_security))},
            stage=Stage.CUTTING),
    Control("tls_ciphers", choice("128", "256"), "configuration", "Least length of the keys of TLS, in bits",
            (tls_ciphers,),
            {IDRAC: dell(("WebServer.1.SSLEncryptionBitLength", lambda wanted: f"{wanted}-Bit or higher"),
                         rule=dell_bits)},
            stage=Stage.CUTTING),
    Control("certificate_issuer", TEXT, "configuration", "The certificate is that of the site's authority",
            (certificate,), by_hand="have a certificate of the site's authority made and installed"),
    Control("snmp", choice("off", "v3"), "configuration", "SNMP is off, or version 3 alone", (snmp_standard,),
            {IDRAC: dell_snmp}),
    Control("snmp_v3", _SNMP_V3, "configuration", "Least authentication and encryption of SNMP version 3",
            (properties(
                Want(NETWORK_PROTOCOL, ("SNMP", "AuthenticationProtocol"), key("authentication"),
                     not_before(SNMP_AUTHENTICATION)),
                Want(NETWORK_PROTOCOL, ("SNMP", "EncryptionProtocol"), key("encryption"), not_before(SNMP_ENCRYPTION)),
            ),), {IDRAC: dell_snmp_v3},
            # Where each user has his own, the standard's property says so, and no more.
            vendor_first=True),
    _switch("telnet", "configuration", "Telnet", "Telnet", "Telnet.1.Enable"),
    _switch("ssdp", "network", "Discovery by SSDP", "SSDP"),
    _switch("kvm", "configuration", "Remote console (KVM over IP)", "KVMIP", "VirtualConsole.1.Enable"),
    _switch("virtual_media", "configuration", "Virtual media", "VirtualMedia", "VirtualMedia.1.Enable"),
    _switch("ssh", "configuration", "SSH to the BMC", "SSH", "SSH.1.Enable"),
    # ASSUMED: the name of the property; a BMC that shows it would settle it.
    Control("ssh_password", SWITCH, "configuration", "SSH takes passwords; without, keys alone",
            (properties(Want(NETWORK_PROTOCOL, ("SSH", "PasswordAuthenticationEnabled"))),)),
    Control("boot_override", SWITCH, "integrity", "A boot source is forced at every boot", (boot_override,)),
    Control("host_interface", SWITCH, "network", "The network interface between host and BMC",
            (each_member(HOST_INTERFACES, ("InterfaceEnabled",)),), {IDRAC: dell_switch("OS-BMC.1.AdminState")}),
    Control("http", SWITCH, "configuration", "HTTP without TLS", (protocol("HTTP"),),
            {IDRAC: dell(("WebServer.1.HttpsRedirection", lambda wanted: enabled(not wanted)))}, Stage.CUTTING),
    _switch("ipmi_over_lan", "configuration", "IPMI over the network", "IPMI", "IPMILan.1.Enable",
            stage=Stage.CUTTING),
    Control("lockdown", SWITCH, "resilience", "Configuration is locked", (), {
        IDRAC: dell_switch("Lockdown.1.SystemLockdown"),
        SUPERMICRO: properties(Want(SMC_LOCKDOWN, ("SysLockdownEnabled",))),
    }, Stage.LOCKDOWN),
)  # fmt: skip

BY_NAME: Mapping[str, Control] = {control.name: control for control in CONTROLS}
