# SPDX-License-Identifier: GPL-3.0-or-later
"""Each vendor's ways, as users found them out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.unit.virtual_rack.redfish_wire import (
    PASSWORD,
    ROOT,
    USERNAME,
    Wire,
    keys_of,
)
from virtual_rack.in_process import Bench
from virtual_rack.redfish.modes import MODES

ON_RESET = {"@Redfish.SettingsApplyTime": {"ApplyTime": "OnReset"}}
WITH_BIOS = [mode for mode in MODES if MODES[mode].bios]
Make = Callable[..., Wire]


@pytest.fixture
def make(bench: Bench, tmp_path: Path) -> Make:
    """Put a BMC of a mode on the bench."""
    return lambda mode, **settings: Wire(bench, tmp_path, mode, **settings)


def change_of(mode: str) -> dict[str, str]:
    """Give a BIOS setting that is not as delivered, and no conflict."""
    attribute = MODES[mode].bios[1]
    return {attribute.name: attribute.values[1]}


@pytest.mark.parametrize("mode", [mode for mode in WITH_BIOS if mode != "idrac"])
def test_bios_settings_hold_when_the_self_test_has_ended_and_not_before(make: Make, mode: str) -> None:
    wire, wanted = make(mode), change_of(mode)
    before = wire.bios
    assert wire.patch(wire.settings, {"Attributes": wanted}) == 200
    assert wire.bios == before
    assert wire.reset("On") < 300
    wire.bench.step(9)
    assert wire.bios == before
    wire.bench.step(2)
    assert wire.bios == before | wanted


@pytest.mark.parametrize("mode", WITH_BIOS)
def test_bios_settings_wait_while_the_self_test_does_not_end(make: Make, mode: str) -> None:
    wire, wanted = make(mode), change_of(mode)
    before = wire.bios
    wire.bench.head.faults.add({"kind": "never_boots", "node": "node1"})
    extra: dict[str, Any] = ON_RESET if mode == "idrac" else {}
    assert wire.patch(wire.settings, {"Attributes": wanted, **extra}) < 300
    wire.boot()
    wire.bench.step(600)
    assert wire.bios == before
    wire.bench.head.faults.clear()
    wire.boot()
    assert wire.bios == before | wanted


def test_idracs_settings_without_apply_time_stay_pending_until_a_job_is_made(make: Make) -> None:
    wire = make("idrac")
    assert wire.patch(wire.settings, {"Attributes": {"BootMode": "Uefi"}}) == 200
    wire.boot()
    wire.boot()
    assert (wire.bios["BootMode"], wire.get(wire.settings)["Attributes"]) == ("Bios", {"BootMode": "Uefi"})
    made = wire.ask("POST", f"{wire.bmc.paths.manager}/Jobs", {"TargetSettingsURI": wire.settings})
    assert made.status == 200
    job = made.headers["Location"]
    assert wire.get(job)["JobState"] == "Scheduled"
    wire.boot()
    assert (wire.bios["BootMode"], wire.get(wire.settings)["Attributes"]) == ("Uefi", {})
    assert wire.get(job)["JobState"] == "Completed"


def test_idracs_settings_with_apply_time_make_the_job_and_a_second_one_is_refused(make: Make) -> None:
    wire = make("idrac")
    accepted = wire.ask("PATCH", wire.settings, {"Attributes": {"BootMode": "Uefi"}, **ON_RESET})
    assert accepted.status == 202
    again = wire.ask("POST", f"{wire.bmc.paths.manager}/Jobs", {"TargetSettingsURI": wire.settings})
    more = wire.ask("PATCH", wire.settings, {"Attributes": {"TpmSecurity": "On"}})
    for answer in (again, more):
        assert answer.status == 400
        assert isinstance(answer.body, dict)
        assert "already committed" in answer.body["error"]["message"]
    assert wire.ask("GET", accepted.headers["Location"]).status == 202
    wire.boot()
    assert wire.ask("GET", accepted.headers["Location"]).status == 200
    assert (wire.bios["BootMode"], wire.bios["TpmSecurity"]) == ("Uefi", "Off")


def test_idracs_job_that_is_deleted_takes_the_pending_settings_with_it(make: Make) -> None:
    wire = make("idrac")
    assert wire.patch(wire.settings, {"Attributes": {"BootMode": "Uefi"}, **ON_RESET}) == 202
    jobs = wire.get(f"{wire.bmc.paths.manager}/Jobs")["Members"]
    assert wire.ask("DELETE", jobs[0]["@odata.id"]).status == 204
    wire.boot()
    assert (wire.bios["BootMode"], wire.get(wire.settings)["Attributes"]) == ("Bios", {})


def test_supermicro_does_not_know_the_apply_time(make: Make) -> None:
    wire = make("supermicro")
    answer = wire.ask("PATCH", wire.settings, {"Attributes": change_of("supermicro"), **ON_RESET})
    assert (answer.status, keys_of(answer)) == (400, ["PropertyUnknown"])
    assert "SupportedApplyTimes" not in wire.get(f"{wire.bmc.paths.system}/Bios")["@Redfish.Settings"]


@pytest.mark.parametrize(("mode", "tells"), [("ilo", False), ("dmtf", True), ("lenovo", True)])
def test_hpe_does_not_say_that_a_reboot_is_needed(make: Make, mode: str, *, tells: bool) -> None:
    wire = make(mode)
    answer = wire.ask("PATCH", wire.settings, {"Attributes": change_of(mode)})
    assert ("ResetRequired" in keys_of(answer)) is tells
    name = wire.get(f"{wire.bmc.paths.system}/Bios")["AttributeRegistry"]
    entries = wire.get(f"{ROOT}/Registries/{name}/{name}.json")["RegistryEntries"]["Attributes"]
    assert all(("ResetRequired" in entry) is tells for entry in entries)


def test_lenovo_drops_settings_that_conflict_and_says_nothing(make: Make) -> None:
    wire = make("lenovo")
    wanted = {"BootModes_SystemBootMode": "UEFIMode", "LegacyBIOS_LegacyBIOS": "Enabled"}
    assert wire.patch(wire.settings, {"Attributes": {**wanted, **change_of("lenovo")}}) == 200
    wire.boot()
    assert wire.bios["BootModes_SystemBootMode"] == "LegacyMode"
    assert wire.bios.items() >= change_of("lenovo").items()
    assert wire.get(wire.settings)["Attributes"]["BootModes_SystemBootMode"] == "LegacyMode"
    assert wire.patch(wire.settings, {"Attributes": {"BootModes_SystemBootMode": "UEFIMode"}}) == 200
    wire.boot()
    assert wire.bios["BootModes_SystemBootMode"] == "UEFIMode"


def test_others_refuse_settings_that_conflict(make: Make) -> None:
    wire = make("dmtf")
    answer = wire.ask("PATCH", wire.settings, {"Attributes": {"BootMode": "Uefi", "LegacyVideo": "Enabled"}})
    assert (answer.status, keys_of(answer)) == (400, ["PropertyValueConflict"])


@pytest.mark.parametrize("mode", ["dmtf", "idrac"])
def test_somebody_elses_pending_settings_are_there_and_come_with_the_next_boot(make: Make, mode: str) -> None:
    foreign = change_of(mode)
    wire = make(mode, pending_bios=foreign)
    assert wire.get(wire.settings)["Attributes"].items() >= foreign.items()
    wire.boot()
    assert (wire.bios.items() >= foreign.items()) is (mode == "dmtf")


def test_a_setting_that_is_written_back_is_pending_no_more(make: Make) -> None:
    wire = make("dmtf", pending_bios={"TpmState": "Enabled"})
    assert wire.patch(wire.settings, {"Attributes": {"TpmState": "Disabled"}}) == 200
    wire.boot()
    assert wire.bios["TpmState"] == "Disabled"


@pytest.mark.parametrize(
    ("mode", "where", "on", "off"),
    [
        (
            "idrac",
            "Attributes",
            {"Attributes": {"Lockdown.1.SystemLockdown": "Enabled"}},
            {"Attributes": {"Lockdown.1.SystemLockdown": "Disabled"}},
        ),
        ("supermicro", "Oem/Supermicro/SysLockdown", {"SysLockdownEnabled": True}, {"SysLockdownEnabled": False}),
    ],
)
def test_under_lockdown_nothing_but_power_sessions_and_the_lockdown_can_be_changed(
    make: Make, mode: str, where: str, on: dict[str, Any], off: dict[str, Any]
) -> None:
    wire = make(mode)
    lockdown, network = f"{wire.bmc.paths.manager}/{where}", wire.bmc.paths.network
    assert wire.patch(lockdown, on) == 200
    assert wire.patch(network, {"SSH": {"ProtocolEnabled": False}}) == 403
    assert wire.patch(wire.settings, {"Attributes": change_of(mode)}) == 403
    assert wire.push(b"virtual-rack-firmware NIC 9\n").status == 403
    assert wire.reset("On") < 300
    session = wire.ask("POST", f"{ROOT}/SessionService/Sessions", {"UserName": USERNAME, "Password": PASSWORD})
    assert wire.ask("DELETE", session.headers["Location"]).status == 204
    assert wire.patch(lockdown, off) == 200
    assert wire.patch(network, {"SSH": {"ProtocolEnabled": False}}) == 200


def test_idracs_attributes_are_the_same_things_as_the_standards_properties(make: Make) -> None:
    wire = make("idrac")
    attributes, network = f"{wire.bmc.paths.manager}/Attributes", wire.bmc.paths.network
    wanted = {"IPMILan.1.Enable": "Disabled", "NTPConfigGroup.1.NTPEnable": "Enabled", "NTPConfigGroup.1.NTP2": "ntp2"}
    wanted |= {"OS-BMC.1.AdminState": "Disabled"}
    assert wire.patch(attributes, {"Attributes": {**wanted, "WebServer.1.Timeout": 900}}) == 200
    found = wire.get(network)
    assert (found["IPMI"]["ProtocolEnabled"], found["NTP"]["ProtocolEnabled"]) == (False, True)
    assert found["NTP"]["NTPServers"] == ["", "ntp2"]
    assert wire.get(f"{ROOT}/SessionService")["SessionTimeout"] == 900
    assert wire.get(f"{wire.bmc.paths.manager}/HostInterfaces/1")["InterfaceEnabled"] is False
    assert wire.patch(network, {"SSH": {"ProtocolEnabled": False}}) == 200
    assert wire.get(attributes)["Attributes"]["SSH.1.Enable"] == "Disabled"
    newer = wire.get(wire.bmc.paths.manager)["Links"]["Oem"]["Dell"]["DellAttributes"][0]["@odata.id"]
    assert wire.get(newer)["Attributes"] == wire.get(attributes)["Attributes"]


def test_hpe_has_its_own_places_and_starts_again_with_another_security_state(make: Make) -> None:
    wire = make("ilo")
    manager, service = wire.bmc.paths.manager, f"{ROOT}/AccountService"
    assert "NTP" not in wire.get(wire.bmc.paths.network)
    assert wire.patch(f"{manager}/DateTime", {"StaticNTPServers": ["ntp1", "ntp2"], "TimeZone": {"Name": "CET"}}) == 200
    assert wire.get(f"{manager}/DateTime")["TimeZone"]["Name"] == "CET"
    assert wire.patch(service, {"Oem": {"Hpe": {"MinPasswordLength": 12}}}) == 200
    assert wire.get(service)["MinPasswordLength"] == 12
    assert wire.patch(f"{manager}/SecurityService", {"SecurityState": "Production"}) == 200
    assert not wire.is_away()
    assert wire.patch(f"{manager}/SecurityService", {"SecurityState": "HighSecurity"}) == 200
    assert wire.is_away()


def test_supermicro_has_ntp_and_syslog_where_the_standard_has_them_not(make: Make) -> None:
    wire = make("supermicro")
    oem = f"{wire.bmc.paths.manager}/Oem/Supermicro"
    assert "NTP" not in wire.get(wire.bmc.paths.network)
    assert wire.patch(f"{oem}/NTP", {"NTPEnable": True, "PrimaryNTPServer": "ntp1"}) == 200
    assert wire.patch(f"{oem}/Syslog", {"EnableSyslog": True, "SyslogServer": "192.0.2.5"}) == 200
    assert wire.get(f"{oem}/NTP")["PrimaryNTPServer"] == "ntp1"
    assert wire.get(f"{oem}/Syslog")["SyslogServer"] == "192.0.2.5"
    assert wire.ask("GET", f"{ROOT}/Systems?$expand=.").status == 501


def test_openbmc_has_a_bios_without_attributes(make: Make) -> None:
    wire = make("openbmc")
    assert "Attributes" not in wire.get(f"{wire.bmc.paths.system}/Bios")
    assert wire.patch(wire.bmc.paths.network, {"IPMI": {"ProtocolEnabled": False}}) == 204


@pytest.mark.parametrize(("mode", "differs"), [("idrac", True), ("dmtf", False)])
def test_idracs_firmware_has_its_version_in_its_path(make: Make, mode: str, *, differs: bool) -> None:
    wire = make(mode)
    before = wire.get(f"{ROOT}/UpdateService/FirmwareInventory")["Members"]
    assert wire.push(b"virtual-rack-firmware NIC 23.1.0\n").status == 202
    wire.bench.step(60)
    after = wire.get(f"{ROOT}/UpdateService/FirmwareInventory")["Members"]
    paths = [{member["@odata.id"] for member in members} for members in (before, after)]
    assert (paths[0] != paths[1]) is differs
    assert "23.1.0" in [wire.get(path)["Version"] for path in paths[1]]


def test_idrac_refuses_the_power_state_that_is_there(make: Make) -> None:
    wire = make("idrac")
    assert wire.reset("ForceOff") == 409
    assert wire.reset("On") == 200
    assert wire.reset("On") == 409
    assert make("dmtf").reset("On") == 204
