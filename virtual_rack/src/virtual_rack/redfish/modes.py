# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modes differ in: identities, where things are, and the quirks of each vendor's BMC.

Each quirk was told by users in public threads: iDRAC's jobs in iDRAC-Redfish-Scripting#84 and
terraform-provider-redfish#231, Supermicro's apply time in bmclib#458, HPE's silence about reboots in
metal-operator#544, Lenovo's dropped values in python-redfish-lenovo#174. Certificates are those of Dell's scripts
(iDRAC-Redfish-Scripting), of HPE's RESTful API reference (HpeHttpsCert), and of bmcweb's certificate_service.hpp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from virtual_rack.redfish.messages import Json

_LOW_PORTS = {"HTTP": 80, "HTTPS": 443, "IPMI": 623, "KVMIP": 5900, "SSDP": 1900, "SSH": 22, "Telnet": 23}
_ALL = ("HTTP", "HTTPS", "IPMI", "KVMIP", "NTP", "SNMP", "SSDP", "SSH", "Telnet", "VirtualMedia")


def _without(*missing: str) -> tuple[str, ...]:
    return tuple(name for name in _ALL if name not in missing)


@dataclass(frozen=True)
class BiosAttribute:
    """One setting of the BIOS: the values it takes, the first being the one it is delivered with."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Firmware:
    """One thing with firmware: which image it takes, its name in the inventory, its version as delivered."""

    component: str
    member: str
    name: str
    version: str


_FIRMWARE = (
    Firmware("BMC", "BMC", "BMC Firmware", "1.10.0"),
    Firmware("BIOS", "BIOS", "System BIOS", "2.10.0"),
    Firmware("NIC", "NIC", "Network Adapter", "22.0.1"),
)


def _firmware(**names: tuple[str, str]) -> tuple[Firmware, ...]:
    return tuple(Firmware(each.component, *names[each.component], each.version) for each in _FIRMWARE)


@dataclass(frozen=True)
class Mode:
    """One vendor's way of being a Redfish service."""

    name: str
    vendor: str
    product: str
    model: str
    system: str = "1"
    manager: str = "1"
    chassis: str = "1"
    protocols: tuple[str, ...] = _ALL
    # Where the pending BIOS values are, below Bios; empty: there are no attributes at all.
    settings: str = "Settings"
    bios: tuple[BiosAttribute, ...] = ()
    firmware: tuple[Firmware, ...] = _FIRMWARE
    # A value of one attribute that excludes a value of another.
    conflict: tuple[tuple[str, str], tuple[str, str]] | None = None
    has_security_policy: bool = False
    has_host_interface: bool = True
    has_secure_boot: bool = True
    has_syslog: bool = False
    has_lockout: bool = True
    has_time_zone: bool = False
    # ASSUMED: that SSH's passwords can be switched off by a property of the standard, and that passwords expire by
    # one; no vendor's BMC was seen to have either.
    has_assumed: bool = False
    expands: bool = True
    # What a PATCH answers: the "resource", "messages" or "nothing".
    patch_answer: str = "resource"
    max_sessions: int = 8
    # Accounts are slots that are always there, and are filled and emptied by PATCH; 0: they are made and deleted.
    account_slots: int = 0
    # --- quirks
    # The settings object shows only what is pending, not the other attributes.
    shows_only_pending: bool = False
    # Pending values wait for a job, which a PATCH with SettingsApplyTime makes by itself.
    bios_needs_job: bool = False
    refuses_apply_time: bool = False
    tells_of_reboot: bool = True
    # A firmware's place in the inventory has its version in its name.
    firmware_by_version: bool = False
    # A new certificate is served only once the BMC has been reset; with `has_https_cert` it resets by itself, and makes
    # signing requests and takes certificates in HPE's own way alone.
    certificate_needs_reset: bool = False
    has_https_cert: bool = False
    # Actions of certificates want links as texts, not as objects.
    links_are_texts: bool = False
    # The key that is made for a signing request, and the name of the certificate in its collection.
    key: str = "secp256r1"
    certificate: str = "1"
    drops_conflicts: bool = False
    # A power command that asks for the state that is there already is an error.
    strict_power: bool = False

    def port_of(self, protocol: str) -> int | None:
        """Give the usual port of a protocol, None for one without."""
        return _LOW_PORTS.get(protocol)


_ON_OFF = ("Disabled", "Enabled")
_OFF_ON = ("Enabled", "Disabled")


def _attributes(**attributes: tuple[str, ...]) -> tuple[BiosAttribute, ...]:
    return tuple(BiosAttribute(name, values) for name, values in attributes.items())


_PLAIN_BIOS = _attributes(
    BootMode=("Legacy", "Uefi"),
    TpmState=_ON_OFF,
    UsbBoot=_OFF_ON,
    ProcVirtualization=_ON_OFF,
    SriovGlobalEnable=_ON_OFF,
    LogicalProc=_OFF_ON,
    SysProfile=("PerfPerWatt", "Performance"),
    SerialConsole=_ON_OFF,
    LegacyVideo=_ON_OFF,
)

_MODES = (
    Mode(
        "dmtf",
        vendor="Contoso",
        product="Contoso BMC",
        model="3500",
        bios=_PLAIN_BIOS,
        conflict=(("BootMode", "Uefi"), ("LegacyVideo", "Enabled")),
        has_assumed=True,
        has_time_zone=True,
        has_security_policy=True,
        has_syslog=True,
    ),
    Mode(
        "idrac",
        vendor="Dell",
        product="Integrated Dell Remote Access Controller",
        model="PowerEdge R750",
        system="System.Embedded.1",
        manager="iDRAC.Embedded.1",
        chassis="System.Embedded.1",
        bios=_attributes(
            BootMode=("Bios", "Uefi"),
            TpmSecurity=("Off", "On"),
            GenericUsbBoot=_OFF_ON,
            ProcVirtualization=_ON_OFF,
            SriovGlobalEnable=_ON_OFF,
            LogicalProc=_OFF_ON,
            SysProfile=("PerfPerWattOptimizedDapc", "PerfOptimized", "Custom"),
            RedirAfterBoot=_OFF_ON,
            SecureBootPolicy=("Standard", "Custom"),
        ),
        patch_answer="messages",
        has_lockout=False,
        account_slots=16,
        shows_only_pending=True,
        bios_needs_job=True,
        firmware_by_version=True,
        certificate_needs_reset=True,
        links_are_texts=True,
        key="rsa2048",
        certificate="SecurityCertificate.1",
        strict_power=True,
        firmware=_firmware(
            BMC=("25227", "Integrated Dell Remote Access Controller"), BIOS=("159", "BIOS"), NIC=("105432", "NIC")
        ),
    ),
    Mode(
        "ilo",
        vendor="HPE",
        product="ProLiant DL380 Gen10",
        model="ProLiant DL380 Gen10",
        protocols=_without("NTP", "Telnet"),
        bios=_attributes(
            BootMode=("LegacyBios", "Uefi"),
            TpmVisibility=("Hidden", "Visible"),
            UsbBoot=_OFF_ON,
            ProcVirtualization=_ON_OFF,
            Sriov=_ON_OFF,
            ProcHyperthreading=_OFF_ON,
            WorkloadProfile=("GeneralPowerEfficientCompute", "HighPerformanceCompute(HPC)"),
            SerialConsolePort=("Auto", "Disabled"),
            AdvancedMemProtection=("FastFaultTolerantADDDC", "AdvancedEcc"),
        ),
        patch_answer="messages",
        has_lockout=False,
        tells_of_reboot=False,
        certificate_needs_reset=True,
        has_https_cert=True,
        key="rsa2048",
        firmware=_firmware(BMC=("1", "iLO 5"), BIOS=("2", "System ROM"), NIC=("3", "Network Adapter")),
        max_sessions=12,
    ),
    Mode(
        "openbmc",
        vendor="OpenBMC",
        product="OpenBMC",
        model="Witherspoon",
        system="system",
        manager="bmc",
        chassis="chassis",
        protocols=("HTTP", "HTTPS", "IPMI", "NTP", "SSH"),
        settings="",
        has_host_interface=False,
        has_secure_boot=False,
        patch_answer="nothing",
        key="secp384r1",
        max_sessions=64,
        firmware=_firmware(
            BMC=("bmc_active", "BMC image"), BIOS=("bios_active", "Host image"), NIC=("nic_active", "Other image")
        ),
    ),
    Mode(
        "supermicro",
        vendor="Supermicro",
        product="Supermicro BMC",
        model="SYS-221H-TNR",
        protocols=_without("NTP", "Telnet"),
        settings="SD",
        bios=_attributes(
            BootModeSelect=("LEGACY", "UEFI"),
            SecurityDeviceSupport=("Disable", "Enable"),
            USBPorts=("Enabled", "Disabled"),
            IntelVirtualizationTechnology=("Disable", "Enable"),
            SR_IOVSupport=_ON_OFF,
            Hyper_Threading_ALL=("Enable", "Disable"),
            PowerTechnology=("Energy Efficient", "Custom", "Disable"),
            ConsoleRedirection=_ON_OFF,
            QuietBoot=("Checked", "Unchecked"),
        ),
        has_time_zone=True,
        has_security_policy=True,  # assumed of newer generations
        expands=False,
        refuses_apply_time=True,
        key="rsa2048",
        max_sessions=16,
    ),
    Mode(
        "lenovo",
        vendor="Lenovo",
        product="Lenovo XClarity Controller",
        model="ThinkSystem SR650",
        protocols=_without("Telnet"),
        settings="Pending",
        bios=_attributes(
            BootModes_SystemBootMode=("LegacyMode", "UEFIMode"),
            TrustedComputingGroup_TPMDevice=_ON_OFF,
            DevicesandIOPorts_USBPorts=_OFF_ON,
            Processors_IntelVirtualizationTechnology=_ON_OFF,
            DevicesandIOPorts_SRIOV=_ON_OFF,
            Processors_HyperThreading=_OFF_ON,
            OperatingModes_ChooseOperatingMode=("MaximumEfficiency", "MaximumPerformance", "CustomMode"),
            DevicesandIOPorts_SerialPortSharing=_ON_OFF,
            LegacyBIOS_LegacyBIOS=_ON_OFF,
        ),
        conflict=(("BootModes_SystemBootMode", "UEFIMode"), ("LegacyBIOS_LegacyBIOS", "Enabled")),
        has_time_zone=True,
        has_security_policy=True,  # assumed of newer generations
        has_syslog=True,
        drops_conflicts=True,
        firmware=_firmware(
            BMC=("BMC-Primary", "Firmware:BMC"), BIOS=("UEFI", "Firmware:UEFI"), NIC=("Slot_1.Bundle", "Firmware:NIC")
        ),
        max_sessions=16,
    ),
)
DEFAULT = "dmtf"
MODES: Mapping[str, Mode] = {mode.name: mode for mode in _MODES}


def attribute_registry(mode: Mode) -> Json:
    """Give the registry that describes a mode's BIOS attributes."""
    return {
        "@odata.type": "#AttributeRegistry.v1_3_8.AttributeRegistry",
        "Id": registry_name(mode),
        "Name": "BIOS Attribute Registry",
        "Language": "en",
        "OwningEntity": mode.vendor,
        "RegistryVersion": "1.0.0",
        "RegistryEntries": {"Attributes": [_entry(mode, attribute) for attribute in mode.bios]},
    }


def registry_name(mode: Mode) -> str:
    """Give the name of the registry of BIOS attributes."""
    return f"BiosAttributeRegistry{mode.vendor}.v1_0_0"


def _entry(mode: Mode, attribute: BiosAttribute) -> Json:
    entry: Json = {
        "AttributeName": attribute.name,
        "DisplayName": attribute.name,
        "Type": "Enumeration",
        "ReadOnly": False,
        "DefaultValue": attribute.values[0],
        "Value": [{"ValueName": value, "ValueDisplayName": value} for value in attribute.values],
    }
    return entry | {"ResetRequired": True} if mode.tells_of_reboot else entry
