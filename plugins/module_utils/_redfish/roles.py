# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Where each role of a resource stands: below which other one, and by which link or path. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROOT, SYSTEM, MANAGER = "Root", "System", "Manager"
NETWORK_PROTOCOL, SECURITY_POLICY, HOST_INTERFACES = "NetworkProtocol", "SecurityPolicy", "HostInterfaces"
CERTIFICATES, ACCOUNT_SERVICE, ACCOUNTS = "Certificates", "AccountService", "Accounts"
SESSION_SERVICE, EVENT_SERVICE, SUBSCRIPTIONS = "SessionService", "EventService", "Subscriptions"
SECURE_BOOT, BIOS, BIOS_PENDING = "SecureBoot", "Bios", "BiosPending"
DELL_ATTRIBUTES, DELL_JOBS = "DellAttributes", "DellJobs"
HPE_SECURITY, HPE_TIME = "HpeSecurityService", "HpeDateTime"
CERTIFICATE_SERVICE, HPE_CERTIFICATE = "CertificateService", "HpeHttpsCert"
SMC_NTP, SMC_SYSLOG, SMC_LOCKDOWN = "SupermicroNtp", "SupermicroSyslog", "SupermicroSysLockdown"


@dataclass(frozen=True)
class Place:
    """A role below another: at the end of a link there, or without one at a path below it.

    `other_link` is where some put the link instead; `fixed` is the URI that a role has since Redfish 1.6, so that what
    is above it need not be read for its link.
    """

    below: str
    link: tuple[str, ...] = ()
    other_link: tuple[str, ...] = ()
    path: str = ""
    is_collection: bool = False
    fixed: str = ""


PLACES: Mapping[str, Place] = {
    SYSTEM: Place(ROOT, ("Systems",), is_collection=True),
    MANAGER: Place(SYSTEM, ("Links", "ManagedBy")),
    NETWORK_PROTOCOL: Place(MANAGER, ("NetworkProtocol",)),
    SECURITY_POLICY: Place(MANAGER, ("SecurityPolicy",)),
    HOST_INTERFACES: Place(MANAGER, ("HostInterfaces",), is_collection=True),
    CERTIFICATES: Place(NETWORK_PROTOCOL, ("HTTPS", "Certificates"), is_collection=True),
    CERTIFICATE_SERVICE: Place(ROOT, ("CertificateService",)),
    ACCOUNT_SERVICE: Place(ROOT, ("AccountService",)),
    ACCOUNTS: Place(ACCOUNT_SERVICE, ("Accounts",), is_collection=True),
    SESSION_SERVICE: Place(ROOT, ("SessionService",)),
    EVENT_SERVICE: Place(ROOT, ("EventService",)),
    SUBSCRIPTIONS: Place(
        EVENT_SERVICE, ("Subscriptions",), is_collection=True, fixed="/redfish/v1/EventService/Subscriptions"
    ),
    SECURE_BOOT: Place(SYSTEM, ("SecureBoot",)),
    BIOS: Place(SYSTEM, ("Bios",), ("Links", "Bios")),
    BIOS_PENDING: Place(BIOS, ("@Redfish.Settings", "SettingsObject"), path="/Settings"),
    DELL_ATTRIBUTES: Place(MANAGER, path="/Attributes"),
    DELL_JOBS: Place(MANAGER, path="/Jobs", is_collection=True),
    HPE_SECURITY: Place(MANAGER, path="/SecurityService"),
    HPE_CERTIFICATE: Place(HPE_SECURITY, ("Links", "HttpsCert"), path="/HttpsCert"),
    HPE_TIME: Place(MANAGER, path="/DateTime"),
    SMC_NTP: Place(MANAGER, path="/Oem/Supermicro/NTP"),
    SMC_SYSLOG: Place(MANAGER, path="/Oem/Supermicro/Syslog"),
    SMC_LOCKDOWN: Place(MANAGER, path="/Oem/Supermicro/SysLockdown"),
}
