# SPDX-License-Identifier: GPL-3.0-or-later
"""Every control on a BMC of unknown make: what can't be judged is unknown, and never counts as compliant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.audit import audit
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.connection import BmcLogin
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.controls import CONTROLS
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.decide import Finding
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.fleet import Batch, talk_to_all
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.profile import profile_for
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock

from ...fake_bmc import ACCOUNTS, MANAGER, PASSWORD, ROOT, SYSTEM, USER, FakeBmc

NETWORK = f"{MANAGER}/NetworkProtocol"
INTERFACE = f"{MANAGER}/HostInterfaces/1"
SUBSCRIPTIONS = f"{ROOT}/EventService/Subscriptions"
TLS = f"{MANAGER}/SecurityPolicy"
# What a profile may want of each control.
WANTED: Mapping[str, Any] = {
    "bios_firmware": ">=2.1",
    "bmc_firmware": ">=2.1",
    "boot_mode": "uefi",
    "tpm": True,
    "usb_boot": False,
    "bios_attributes": {"NumaNodes": "4"},
    "secure_boot": True,
    "lockout": {"threshold": 5, "duration": 600, "reset_after": 900},
    "password_expiration": 90,
    "password_length": 12,
    "factory_accounts_off": ["admin"],
    "session_timeout": 900,
    "ntp": ["10.0.0.1"],
    "time_zone": "UTC",
    "syslog": ["10.0.0.3"],
    "tls": "1.2",
    "tls_ciphers": "256",
    "certificate_issuer": "Site CA",
    "snmp": "off",
    "snmp_v3": {"authentication": "HMAC192_SHA256"},
    "telnet": False,
    "ssdp": False,
    "kvm": False,
    "virtual_media": False,
    "ssh": False,
    "ssh_password": False,
    "boot_override": False,
    "host_interface": False,
    "http": False,
    "ipmi_over_lan": False,
    "lockdown": True,
}


def found(bmc: FakeBmc, controls: Mapping[str, Any]) -> dict[str, Finding]:
    batch = Batch(deadline_s=20.0, http_transport=bmc.transport)
    wanted = profile_for({"inherits": None, "controls": dict(controls)})
    login = {"bmc": BmcLogin("bmc", "bmc", USER, PASSWORD)}
    (end,) = talk_to_all(
        login, lambda _name, redfish: audit(redfish, wanted, "2026-11-21"), batch, SystemClock()
    ).values()
    assert end.value is not None, end.message
    return {finding.control.name: finding for finding in end.value.findings}


def states(bmc: FakeBmc, controls: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(finding.state) for name, finding in found(bmc, controls).items()}


def bare() -> FakeBmc:
    """A service that shows its system and its manager, and nothing of either but who they are."""
    bmc = FakeBmc()
    kept = {ROOT, f"{ROOT}/Systems", f"{ROOT}/Managers", SYSTEM, MANAGER}
    bmc.resources = {path: body for path, body in bmc.resources.items() if path in kept}
    for path, names in (
        (ROOT, ("RedfishVersion", "Systems", "Managers", "Links")),
        (SYSTEM, ("SerialNumber", "Links")),
        (MANAGER, ("Model",)),
    ):
        bmc.resources[path] = {name: bmc.resources[path][name] for name in names}
    return bmc


def test_a_bmc_of_unknown_make_that_shows_nothing_is_unknown_in_every_control() -> None:
    assert set(WANTED) >= {control.name for control in CONTROLS}, "a control is missing above"
    assert states(bare(), WANTED) == dict.fromkeys(WANTED, "unknown")


@pytest.mark.parametrize("vendor", ["ilo", "openbmc", "lenovo", "dmtf"])
def test_lockdown_of_makers_of_which_it_is_not_known_is_unknown(vendor: str) -> None:
    (finding,) = found(FakeBmc(vendor), {"lockdown": True}).values()

    assert str(finding.state) == "unknown"
    assert "find out by other means, then waive it" in finding.message


def put(path: str, **values: Any) -> Callable[[FakeBmc], None]:
    return lambda bmc: bmc.resources[path].update(values)


def drop(path: str, name: str) -> Callable[[FakeBmc], Any]:
    return lambda bmc: bmc.resources[path].pop(name)


def versions(*words: str) -> Callable[[FakeBmc], None]:
    return put(TLS, TLS={"Server": {"Allowed": {"Versions": list(words)}}})


def subscribed(**body: str) -> Callable[[FakeBmc], None]:
    def change(bmc: FakeBmc) -> None:
        bmc.resources[f"{SUBSCRIPTIONS}/1"] = {"@odata.id": f"{SUBSCRIPTIONS}/1", **body}
        bmc.resources[SUBSCRIPTIONS] = {"Members": [{"@odata.id": f"{SUBSCRIPTIONS}/1"}]}

    return change


LOCKED = put(f"{ROOT}/AccountService", AccountLockoutThreshold=5, AccountLockoutDuration=600)


@pytest.mark.parametrize(
    ("name", "wanted", "change", "state"),
    [
        # A version without a number can't be compared, on either side.
        ("bios_firmware", "2.1", put(SYSTEM, BiosVersion="N/A"), "unknown"),
        ("bmc_firmware", "2.1", put(MANAGER, FirmwareVersion=""), "unknown"),
        ("bios_firmware", "latest", put(SYSTEM), "error"),
        ("bios_firmware", "2.1", put(SYSTEM), "compliant"),
        # Accounts without their names do not say that the factory's are gone.
        ("factory_accounts_off", ["admin"], put(ACCOUNTS, Members=[]), "unknown"),
        ("factory_accounts_off", ["admin"], drop(f"{ACCOUNTS}/2", "UserName"), "unknown"),
        ("factory_accounts_off", ["root"], drop(f"{ACCOUNTS}/2", "Enabled"), "unknown"),
        ("factory_accounts_off", ["admin"], put(ACCOUNTS), "compliant"),
        # None of no interfaces is on; one that does not say so may be.
        ("host_interface", False, put(f"{MANAGER}/HostInterfaces", Members=[]), "compliant"),
        ("host_interface", True, put(f"{MANAGER}/HostInterfaces", Members=[]), "unknown"),
        ("host_interface", False, drop(INTERFACE, "InterfaceEnabled"), "unknown"),
        ("host_interface", False, put(INTERFACE, InterfaceEnabled=False), "compliant"),
        # What is asked for beside what is shown.
        ("lockout", {"threshold": 5, "duration": 600}, LOCKED, "compliant"),
        ("lockout", {"threshold": 5, "duration": 600, "reset_after": 900}, LOCKED, "unknown"),
        ("lockout", {"threshold": 5, "duration": 600, "reset_after": 900}, put(ROOT), "drift"),
        # Words that no schema has.
        ("tls", "1.2", versions("1.2", "1.3"), "compliant"),
        ("tls", "1.2", versions("1.3"), "compliant"),
        ("tls", "1.2", versions("TLSv1.0", "1.3"), "drift"),
        ("tls", "1.3", versions("1.2", "1.3"), "drift"),
        ("boot_override", False, put(SYSTEM, Boot={"BootSourceOverrideEnabled": "Always"}), "unknown"),
        ("boot_override", False, put(SYSTEM, Boot={"BootSourceOverrideEnabled": None}), "unknown"),
        ("boot_override", False, put(SYSTEM, Boot={"BootSourceOverrideEnabled": "Once"}), "compliant"),
        ("telnet", False, put(NETWORK, Telnet={}), "unknown"),
        ("telnet", False, put(NETWORK, Telnet={"ProtocolEnabled": None}), "drift"),
        # Events that go to the same server are no log.
        ("syslog", ["10.0.0.3"], subscribed(Destination="https://10.0.0.3/events", Protocol="Redfish"), "drift"),
        ("syslog", ["10.0.0.3"], subscribed(Destination="syslog://10.0.0.3:514"), "compliant"),
        ("syslog", ["10.0.0.3"], subscribed(Destination="10.0.0.3:601", Protocol="SyslogTCP"), "compliant"),
    ],
)  # fmt: skip
def test_what_a_bmc_of_unknown_make_leaves_open_is_never_compliant(
    name: str, wanted: Any, change: Callable[[FakeBmc], Any], state: str
) -> None:
    bmc = FakeBmc()
    change(bmc)

    (finding,) = found(bmc, {name: wanted}).values()

    assert str(finding.state) == state, finding.message
    assert state in ("compliant", "error") or finding.message or finding.failed


def test_a_lock_out_that_is_shown_in_part_is_set_in_that_part() -> None:
    (finding,) = found(FakeBmc(), {"lockout": WANTED["lockout"]}).values()

    assert {check.property: check.is_writable for check in finding.failed} == {
        "AccountLockoutThreshold": True,
        "AccountLockoutDuration": True,
        "AccountLockoutCounterResetAfter": False,
    }
    assert "does not expose AccountLockoutCounterResetAfter" in finding.message


@pytest.mark.parametrize(
    ("word", "state", "is_writable"),
    [("MD5", "drift", True), ("None", "drift", True), ("SHA", "compliant", True), ("SHA-512", "drift", False)],
)
def test_a_protocol_of_an_idracs_user_that_is_not_known_is_never_made_another(
    word: str, state: str, is_writable: bool
) -> None:
    bmc = FakeBmc("idrac")
    own = {"Users.3.ProtocolEnable": "Enabled", "Users.3.AuthenticationProtocol": word}
    bmc.resources[f"{MANAGER}/Attributes"]["Attributes"].update(own)

    (finding,) = found(bmc, {"snmp_v3": {"authentication": "HMAC_SHA96"}}).values()

    assert (str(finding.state), [check.is_writable for check in finding.checks]) == (state, [is_writable])
