# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardening as a whole, against BMCs in memory: what is written, in which order, and what is never done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.claim import claimed
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.connection import BmcLogin
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.quirks import VENDORS

from ..fake_bmc import MANAGER, PASSWORD, ROOT, SYSTEM, USER, FakeBmc, refusal
from ..running import CONNECTION, Modules, Result

NTP = {"ntp": ["10.0.0.1", "10.0.0.2"], "syslog": ["10.0.0.3"], "time_zone": "Europe/Rome"}
SITE = {"controls": NTP}
# What is unknown of an OpenBMC: its BIOS has no attributes, and it takes no subscriptions of syslog.
WITHOUT_BIOS = {"controls": {**NTP, "boot_mode": None, "tpm": None, "syslog": None, "lockdown": None}}
# Of most makers it is not known whether they have lockdown.
WITHOUT_LOCKDOWN = {"controls": {**NTP, "lockdown": None}}


class Site:
    """Hardens BMCs, each at an address of its name; `order` has every write of all of them."""

    def __init__(self, modules: Modules, directory: Path, bmcs: Mapping[str, FakeBmc]) -> None:
        self.modules, self.directory, self.bmcs = modules, directory, bmcs

    def run(self, module: str = "redfish_harden", *, state: str = "staged", **options: Any) -> Result:
        servers = [{"name": name, "address": name, "serial": bmc.serial, "state": state}
                   for name, bmc in self.bmcs.items()]  # fmt: skip
        given = {
            **dict.fromkeys(CONNECTION),
            "username": USER,
            "password": PASSWORD,
            "servers": servers,
            "profile": profile_of(next(iter(self.bmcs.values())).vendor),
            "allow_reboot": True,
            "deadline": 20,
            "bundle_path": str(self.directory / "bundles"),
            "lock_path": str(self.directory / "locks"),
            **options,
        }
        return self.modules.run(module, **given)

    @property
    def bundles(self) -> list[Path]:
        return sorted((self.directory / "bundles").glob("*"))


@pytest.fixture
def site(modules: Modules, tmp_path: Path, bmcs: dict[str, FakeBmc]) -> Site:
    return Site(modules, tmp_path, bmcs)


def profile_of(vendor: str) -> Mapping[str, Any]:
    if vendor in ("idrac", "supermicro"):
        return SITE
    return WITHOUT_BIOS if vendor == "openbmc" else WITHOUT_LOCKDOWN


def not_good(server: Mapping[str, Any]) -> dict[str, str]:
    good = ("compliant", "not_applicable")
    return {each["control"]: each["message"] for each in server["controls"] if each["state"] not in good}


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendors_server_becomes_compliant_and_a_second_run_writes_nothing(
    vendor: str, site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc(vendor)
    profile = profile_of(vendor)

    planned = site.run(profile=profile, check=True)
    assert bmc.writes == []
    assert site.bundles == []
    first = site.run(profile=profile)
    writes = len(bmc.writes)
    second = site.run(profile=profile)
    again = site.run(profile=profile, check=True)

    assert not first.get("failed"), first["msg"]
    assert not_good(first["servers"]["server"]) == {}
    assert first["servers"]["server"]["compliant"]
    assert (planned["changed"], first["changed"], second["changed"], again["changed"]) == (True, True, False, False)
    assert planned["diff"] == first["diff"]
    assert planned["servers"]["server"]["plan"] == first["servers"]["server"]["plan"]
    assert second["diff"] == again["diff"] == []
    assert len(bmc.writes) == writes > 0
    assert bmc.boots == 1
    assert bmc.sessions == set()
    assert len(site.bundles) == 1


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_no_control_names_is_as_it_was(vendor: str, site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc(vendor)
    bmc.body(f"{MANAGER}/NetworkProtocol")["SSH"]["Port"] = 2222
    bmc.body(f"{MANAGER}/NetworkProtocol")["RFB"] = {"ProtocolEnabled": True}
    for settings in (f"{SYSTEM}/Bios", f"{MANAGER}/Attributes"):
        if settings in bmc.resources:
            bmc.body(settings)["Attributes"]["Unnamed.1.Value"] = "kept"

    site.run(profile=profile_of(vendor))

    assert bmc.body(f"{MANAGER}/NetworkProtocol")["SSH"]["Port"] == 2222
    assert bmc.body(f"{MANAGER}/NetworkProtocol")["RFB"] == {"ProtocolEnabled": True}
    sent = json.dumps([content for _method, _path, content in bmc.writes])
    assert "Unnamed" not in sent
    assert "Port" not in sent


def test_bios_comes_first_what_cuts_off_late_and_lockdown_last(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("idrac")

    site.run()

    sent = [(path.removeprefix(ROOT), json.dumps(content)) for _method, path, content in bmc.writes]
    reset = next(number for number, (path, _content) in enumerate(sent) if path.endswith("Reset"))
    assert {path for path, _content in sent[:reset]} == {"/Systems/1/Bios/Settings", "/Systems/1/SecureBoot"}
    cutting = next(number for number, (_path, content) in enumerate(sent) if "IPMILan" in content)
    assert "Lockdown" in sent[-1][1]
    assert not [content for _path, content in sent[:-1] if "Lockdown" in content]
    assert cutting == len(sent) - 2


@pytest.mark.parametrize(
    ("vendor", "sent"), [("idrac", True), ("ilo", True), ("lenovo", True), ("dmtf", True), ("supermicro", False)]
)
def test_an_apply_time_is_sent_where_it_is_needed_and_never_where_it_is_refused(
    vendor: str, sent: bool, site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc(vendor)

    site.run()

    (content,) = [content for _method, path, content in bmc.writes if path.endswith("/Bios/Settings")]
    assert ("@Redfish.SettingsApplyTime" in content) is sent
    # A job beside the change would be refused.
    assert not [path for method, path, _content in bmc.writes if method == "POST" and "Jobs" in path]


@pytest.mark.parametrize(("state", "allow"), [("active", True), ("discovered", True), ("", True), ("staged", False)])
def test_a_server_that_may_be_in_use_is_never_rebooted_and_its_bios_left(
    state: str, allow: bool, site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc()

    server = site.run(state=state, allow_reboot=allow)["servers"]["server"]

    assert bmc.boots == 0
    assert not [path for _method, path, _content in bmc.writes if "Bios" in path or "SecureBoot" in path]
    assert set(server["left"]) == set(not_good(server)) == {"boot_mode", "tpm", "secure_boot"}
    assert "needs a reboot" in server["left"]["boot_mode"]


def test_values_that_wait_for_a_boot_are_not_written_again(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("idrac")
    bmc.body(f"{SYSTEM}/Bios/Settings")["Attributes"] = {"BootMode": "Uefi", "TpmSecurity": "On"}

    server = site.run()["servers"]["server"]

    assert not [path for _method, path, _content in bmc.writes if path.endswith("/Bios/Settings")]
    assert (server["compliant"], bmc.boots) == (True, 1)


def test_what_is_applied_and_would_be_lost_at_the_next_boot_is_written(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("idrac")
    bmc.body(f"{SYSTEM}/Bios")["Attributes"]["BootMode"] = "Uefi"
    bmc.body(f"{SYSTEM}/Bios/Settings")["Attributes"] = {"BootMode": "Bios"}

    assert site.run()["servers"]["server"]["compliant"]
    assert bmc.attribute("BootMode") == "Uefi"


def test_somebody_elses_pending_values_stop_all_writing_and_are_named(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("idrac")
    bmc.body(f"{SYSTEM}/Bios")["Attributes"]["SysProfile"] = "Performance"
    bmc.body(f"{SYSTEM}/Bios/Settings")["Attributes"] = {"SysProfile": "Dense"}

    result = site.run()

    assert "somebody else's BIOS values are pending: SysProfile" in result["msg"]
    assert bmc.writes == []


def test_a_job_that_has_not_ended_stops_all_writing(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("idrac")
    job = f"{MANAGER}/Jobs/JID_1"
    bmc.resources[job] = {"@odata.id": job, "JobState": "Scheduled"}
    bmc.body(f"{MANAGER}/Jobs")["Members"] = [{"@odata.id": job}]

    assert "jobs have not ended (Scheduled)" in site.run()["msg"]
    assert bmc.writes == []


def test_another_server_behind_the_address_is_left_alone(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc()
    servers = [{"name": "server", "address": "server", "serial": "OTHER", "state": "staged"}]

    assert "this is another server" in site.run(servers=servers)["msg"]
    assert bmc.writes == []


def test_values_that_conflict_and_are_dropped_at_the_reboot_are_found(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("lenovo")
    bmc.drops_at_boot = {"TrustedComputingGroup_TPMDevice"}

    result = site.run()

    server = result["servers"]["server"]
    assert "has not kept tpm" in result["msg"]
    assert server["failure"] == "not_kept"
    assert set(not_good(server)) == {"tpm"}


@pytest.mark.parametrize("path", ["Systems/1/Bios/Settings", "Managers/1/NetworkProtocol"])
def test_a_success_that_changes_nothing_is_reported_as_not_kept(
    path: str, site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc("dmtf")
    bmc.ignored = {f"{ROOT}/{path}"}

    result = site.run()

    assert "answered success and did not keep" in result["msg"]
    assert result["servers"]["server"]["failure"] == "not_kept"


def test_lockdown_is_left_off_where_anything_failed_before_it(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("idrac")
    bmc.ignored = {f"{ROOT}/SessionService"}

    result = site.run()

    assert "lockdown is left off" in result["msg"]
    assert bmc.body(f"{MANAGER}/Attributes")["Attributes"]["Lockdown.1.SystemLockdown"] == "Disabled"


def test_a_resource_that_changed_meanwhile_is_read_again_and_only_our_fields_are_sent(
    site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc()
    path = f"{ROOT}/SessionService"
    stale = [refusal(412, "PreconditionFailed")]

    def once(request: httpx.Request) -> httpx.Response | None:
        return stale.pop() if request.method == "PATCH" and stale else None

    bmc.instead[path] = once

    assert site.run()["servers"]["server"]["compliant"]
    assert not stale
    assert [content for _method, where, content in bmc.writes if where == path] == [{"SessionTimeout": 900}]


def test_one_property_that_is_refused_fails_alone(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc()

    def refuse_ssdp(request: httpx.Request) -> httpx.Response | None:
        return refusal(400, "PropertyNotWritable") if b"SSDP" in request.content else None

    bmc.instead[f"{MANAGER}/NetworkProtocol"] = refuse_ssdp

    server = site.run()["servers"]["server"]

    assert set(not_good(server)) == {"ssdp"}
    assert server["failure"] == "not_kept"


def test_a_session_that_the_bmc_forgets_is_opened_again_by_one_login(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc()
    boot = bmc.boot

    def boot_and_forget() -> None:
        boot()
        bmc.sessions.clear()

    bmc.boot = boot_and_forget  # type: ignore[method-assign]

    assert site.run()["servers"]["server"]["compliant"]
    assert bmc.failed_logins == 0


# As often as one request is sent again, and for good.
@pytest.mark.parametrize("times", [4, 10_000])
def test_a_bmc_that_is_away_when_a_session_is_opened_again_refuses_no_login(
    times: int, site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc()
    forgotten: list[httpx.Request] = []
    away: list[httpx.Request] = []

    def forget(request: httpx.Request) -> None:
        if request.method == "PATCH" and not forgotten:
            forgotten.append(request)
            bmc.sessions.clear()

    def refuse(request: httpx.Request) -> None:
        if request.method == "POST" and forgotten and len(away) < times:
            away.append(request)
            raise httpx.ConnectError("connection refused")

    bmc.instead[f"{ROOT}/SessionService"] = forget
    bmc.instead[f"{ROOT}/SessionService/Sessions"] = refuse

    wanted = {"inherits": None, "controls": {"session_timeout": 900}}
    server = site.run(profile=wanted, deadline=900)["servers"]["server"]

    assert server["failure"] == (None if times == 4 else "unreachable"), server["error"]
    assert "refuses" not in server["error"]
    assert len(away) >= 4
    assert bmc.failed_logins == 0
    assert bmc.sessions == set()


def test_after_too_many_failures_no_further_server_is_rebooted(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    for number in range(6):
        bmc = bmcs[f"server{number}"] = FakeBmc("lenovo")
        bmc.drops_at_boot = {"TrustedComputingGroup_TPMDevice"}

    result = site.run(max_rebooting=1, max_failures=1)

    assert sum(bmc.boots for bmc in bmcs.values()) == 2
    assert "failed before it" in result["msg"]


def test_two_runs_at_once_on_one_bmc_are_one_run_and_a_refusal(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc()
    inner: list[Result] = []

    def in_between(request: httpx.Request) -> None:
        if request.method == "PATCH" and not inner:
            login = BmcLogin("server", "server", USER, PASSWORD)
            with claimed(str(site.directory / "locks"), {"server": login}) as refused:
                inner.append({"refused": refused})

    bmc.instead[f"{ROOT}/SessionService"] = in_between

    assert site.run()["servers"]["server"]["compliant"]
    assert inner == [{"refused": ["server"]}]


def test_a_bundle_sets_again_what_was_there_before_and_holds_no_secret(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("idrac")
    network = json.dumps(bmc.body(f"{MANAGER}/NetworkProtocol"))
    attributes = json.dumps(bmc.body(f"{MANAGER}/Attributes"))
    bios = json.dumps(bmc.body(f"{SYSTEM}/Bios"))
    done = site.run()
    assert done["bundle"] == str(site.bundles[0])
    assert site.bundles[0].stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in site.bundles[0].read_text(encoding="utf-8")

    back = site.run(rollback=done["bundle"])

    assert not back.get("failed"), back["msg"]
    assert json.dumps(bmc.body(f"{MANAGER}/NetworkProtocol")) == network
    assert json.dumps(bmc.body(f"{MANAGER}/Attributes")) == attributes
    assert json.dumps(bmc.body(f"{SYSTEM}/Bios")) == bios
    assert not back["servers"]["server"]["compliant"]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": "other", "servers": {}}'])
def test_what_is_no_bundle_is_refused(content: str, site: Site, bmcs: dict[str, FakeBmc], tmp_path: Path) -> None:
    bmc = bmcs["server"] = FakeBmc()
    (tmp_path / "bundle.json").write_text(content, encoding="utf-8")

    assert "is no bundle" in site.run(rollback=str(tmp_path / "bundle.json"))["msg"]
    assert bmc.requests == []


def test_the_account_in_use_is_never_disabled(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc()

    server = site.run(username="root", password="calvin")["servers"]["server"]

    accounts = {body["UserName"]: body["Enabled"] for path, body in bmc.resources.items() if "/Accounts/" in path}
    assert accounts == {USER: True, "root": True}
    assert "account in use" in server["left"]["factory_accounts_off"]


def test_options_are_judged_without_asking_a_bmc(site: Site, bmcs: dict[str, FakeBmc], tmp_path: Path) -> None:
    bmc = bmcs["server"] = FakeBmc("idrac")
    (tmp_path / "file").touch()

    good = site.run(options_only=True)
    unknown = site.run(options_only=True, profile={"controls": {"telnets": False}})
    unmet = site.run(options_only=True, profile={"controls": {"secure_boot": True, "boot_mode": "legacy"}})
    unwritable = site.run(options_only=True, bundle_path=str(tmp_path / "file" / "bundles"))

    assert not good.get("failed"), good["msg"]
    assert (good["changed"], good["servers"], good["compliant"]) == (False, {}, [])
    assert "controls names one that there is not" in unknown["msg"]
    assert "secure_boot needs boot_mode uefi" in unmet["msg"]
    assert f"{tmp_path / 'file'} is no directory" in unwritable["msg"]
    assert bmc.requests == []
    assert site.bundles == []
    assert not (tmp_path / "bundles").exists()
