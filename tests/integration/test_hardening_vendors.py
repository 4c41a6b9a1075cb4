# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardening against BMCs like those of six vendors, which the virtual rack serves over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.vendors import (
    OWN,
    VendorRack,
    findings,
    vendor_rack,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.running import Result

SITE = {
    "ntp": ["10.0.0.1", "10.0.0.2"],
    "syslog": ["10.0.0.3"],
    "time_zone": "Europe/Rome",
    "tls_ciphers": "256",
    "snmp_v3": {"authentication": "HMAC192_SHA256", "encryption": "CFB128_AES128"},
    "boot_override": False,
    "ssh_password": False,
    "password_expiration": 90,
}
# What each vendor's BMC has and does not show by Redfish: audits say unknown, and a site accepts that by a waiver.
UNKNOWN = {
    "openbmc-01": {
        *("boot_mode", "tpm", "secure_boot", "time_zone", "syslog", "tls", "snmp", "ssdp", "kvm", "virtual_media"),
        *("host_interface", "tls_ciphers", "snmp_v3", "ssh_password", "password_expiration", "lockdown"),
    },
    "dell-01": {"ssh_password", "password_expiration"},
    "dmtf-01": {"lockdown"},
    "hpe-01": {"tls_ciphers", "ssh_password", "password_expiration", "lockdown"},
    "smc-01": {"telnet", "ssh_password", "password_expiration"},
    "lenovo-01": {"telnet", "ssh_password", "lockdown"},
}
SYSTEMS = {"dell-01": "System.Embedded.1", "openbmc-01": "system"}
WITHOUT = {"hpe-01": {"telnet"}, "openbmc-01": {"telnet"}}


def waived(name: str) -> list[dict[str, str]]:
    return [
        {"control": control, "reason": "looked at by hand", "expires": "2099-12-31"}
        for control in sorted(UNKNOWN.get(name, ()))
    ]


PROFILE = {
    "name": "site",
    "controls": SITE,
    "device_types": {name: {"waivers": waived(name)} for name in UNKNOWN},
}


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendorRack]:
    """One rack for all, in order: the last test changes its machines."""
    with vendor_rack(tmp_path_factory.mktemp("vendors")) as rack:
        yield rack


def plans(result: Result) -> dict[str, Any]:
    return {name: server["plan"] for name, server in result["servers"].items()}


def of_state(result: Result, *states: str) -> dict[str, set[str]]:
    found = {
        name: {control for control, (state, _message) in controls.items() if state in states}
        for name, controls in findings(result).items()
    }
    return {name: controls for name, controls in found.items() if controls}


def test_an_audit_takes_few_requests_of_every_vendors_bmc(vendors: VendorRack) -> None:
    vendors.forget()
    vendors.audit(profile={})
    baseline = vendors.counted("requests")
    vendors.forget()
    vendors.audit(profile={"controls": SITE})
    whole = vendors.counted("requests")

    assert max(baseline.values()) <= 15, baseline
    # Supermicro's does not expand, and has a resource for each of NTP and syslog.
    assert {name for name, count in whole.items() if count > 15} <= {"smc-01"}, whole
    assert whole["smc-01"] <= 17
    assert vendors.sessions() == dict.fromkeys(vendors.names, 0)


def test_every_vendors_server_becomes_compliant_and_a_second_run_writes_nothing(vendors: VendorRack) -> None:
    for name in vendors.names:
        vendors.make_account(name)
        boot = {"BootSourceOverrideEnabled": "Continuous", "BootSourceOverrideTarget": "Pxe"}
        vendors.change(name, f"/redfish/v1/Systems/{SYSTEMS.get(name, '1')}", {"Boot": boot})
    login = {"username": OWN[0], "password": OWN[1]}
    known = [vendors.server(name, **login) for name in vendors.names]
    servers = [{**server, "state": "staged", "device_type": server["name"]} for server in known]
    none = dict.fromkeys(vendors.names, 0)

    vendors.forget()
    bare = vendors.audit(servers=known, profile={"controls": SITE})
    planned = vendors.harden(servers=servers, profile=PROFILE, check=True)
    assert vendors.counted("writes") == none
    first = vendors.harden(servers=servers, profile=PROFILE)
    written = vendors.counted("writes")
    vendors.forget()
    second = vendors.harden(servers=servers, profile=PROFILE)
    again = vendors.harden(servers=servers, profile=PROFILE, check=True)

    assert of_state(bare, "unknown") == UNKNOWN
    assert of_state(bare, "not_applicable") == WITHOUT
    assert all(message for found in findings(bare).values() for state, message in found.values() if state == "unknown")
    assert first["failures"] == {}
    assert of_state(first, "drift", "unknown", "error") == {}
    assert sorted(first["compliant"]) == sorted(vendors.names)
    assert all(len(found) >= 20 for found in findings(first).values())
    assert plans(planned) == plans(first)
    assert planned["diff"] == first["diff"]
    assert all(written.values())
    assert (second["changed"], again["changed"], second["diff"], again["diff"]) == (False, False, [], [])
    assert vendors.counted("writes") == none
    assert sorted(second["compliant"]) == sorted(vendors.names)
    assert vendors.sessions() == none
    assert vendors.counted("refused_logins") == none
