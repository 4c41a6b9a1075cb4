# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits of BMCs in memory: what is found, how many requests that takes, and that nothing is ever written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.audit import Audit, audit
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.connection import BmcLogin
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.errors import Failure, RedfishConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.fleet import Batch, End, talk_to_all
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.profile import profile_for
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.quirks import VENDORS
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock

from ...fake_bmc import MANAGER, PASSWORD, ROOT, SYSTEM, USER, FakeBmc, refusal

TODAY = "2026-11-21"


def run(bmcs: Mapping[str, FakeBmc], profile: Mapping[str, Any] | None = None, **more: Any) -> dict[str, End[Audit]]:
    """Audit BMCs, each at an address of its name."""

    def answer(request: httpx.Request) -> httpx.Response:
        return bmcs[request.url.host].handle(request)

    logins = {name: BmcLogin(name, name, more.get("user", USER), more.get("password", PASSWORD)) for name in bmcs}
    wanted = profile_for(profile or {})
    batch = Batch(deadline_s=more.get("deadline_s", 20.0), http_transport=httpx.MockTransport(answer))
    return talk_to_all(logins, lambda _name, redfish: audit(redfish, wanted, TODAY), batch, SystemClock())


def states(end: End[Audit]) -> dict[str, str]:
    assert end.value is not None, end.message
    return {finding.control.name: str(finding.state) for finding in end.value.findings}


def states_of(bmc: FakeBmc, profile: Mapping[str, Any] | None = None) -> dict[str, str]:
    return states(run({"bmc": bmc}, profile)["bmc"])


SITE = {"controls": {"ntp": ["10.0.0.1", "10.0.0.2"], "time_zone": "Europe/Rome", "syslog": ["10.0.0.3"],
                     "bios_firmware": ">=2.19", "bmc_firmware": "2.9"}}  # fmt: skip


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_server_from_the_factory_is_named_with_all_it_lacks_by_every_vendor(vendor: str) -> None:
    found = states_of(FakeBmc(vendor), SITE)

    assert set(found.values()) <= {"drift", "compliant", "not_applicable", "unknown"}
    assert {name for name, state in found.items() if state == "compliant"} == {"bmc_firmware"}
    assert found["ipmi_over_lan"] == found["ntp"] == found["http"] == found["bios_firmware"] == "drift"
    assert found["lockdown"] == ("drift" if vendor in ("idrac", "supermicro") else "unknown")
    unknown = {name for name, state in found.items() if state == "unknown"}
    locked = set() if vendor in ("idrac", "supermicro") else {"lockdown"}
    assert unknown == locked | ({"boot_mode", "tpm", "syslog"} if vendor == "openbmc" else set())


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_audit_writes_nothing_ends_its_session_and_takes_few_requests(vendor: str) -> None:
    bmc = FakeBmc(vendor)

    end = run({"bmc": bmc})["bmc"]

    assert bmc.writes == []
    assert bmc.sessions == set()
    assert end.requests == len(bmc.requests) <= 15


def test_without_expanding_collections_are_read_one_by_one() -> None:
    assert states_of(FakeBmc(expands=False)) == states_of(FakeBmc())


def test_an_expansion_that_is_offered_and_refused_is_done_without() -> None:
    bmc = FakeBmc()
    bmc.expands = False

    assert states_of(bmc) == states_of(FakeBmc())


def test_the_only_member_of_a_collection_is_asked_for_where_that_is_offered() -> None:
    bmc, other = FakeBmc(expands=False), FakeBmc(expands=False)
    bmc.body(ROOT)["ProtocolFeaturesSupported"]["OnlyMemberQuery"] = True

    assert states_of(bmc) == states_of(other)
    assert len(bmc.requests) == len(other.requests) - 2


@pytest.mark.parametrize(("vendor", "takes"), [("supermicro", 1), ("ilo", 1), ("idrac", 3)])
def test_more_servers_than_a_bmc_takes_are_drift_and_the_reason_is_said(vendor: str, takes: int) -> None:
    bmc = FakeBmc(vendor)
    wanted = {"inherits": None, "controls": {"syslog": [f"10.0.0.{number}" for number in range(takes + 1)]}}
    for path, name in (("NetworkProtocol", "RemoteSyslogServer"), ("Oem/Supermicro/Syslog", "SyslogServer")):
        body = bmc.resources.get(f"{MANAGER}/{path}", {})
        body = body.get("Oem", {}).get("Hpe", body)
        if name in body:
            body.update({name: "10.0.0.0", "RemoteSyslogEnabled": True, "EnableSyslog": True})
    if vendor == "idrac":
        attributes = bmc.body(f"{MANAGER}/Attributes")["Attributes"]
        attributes["SysLog.1.SysLogEnable"] = "Enabled"
        attributes.update({f"SysLog.1.Server{number + 1}": f"10.0.0.{number}" for number in range(takes)})

    (finding,) = run({"bmc": bmc}, wanted)["bmc"].value.findings  # type: ignore[union-attr]

    assert (str(finding.state), finding.message) == ("drift", f"this BMC takes {takes} and no more")
    assert all(check.ok for check in finding.checks[:-1])


def test_collections_are_read_over_all_their_pages() -> None:
    bmc = FakeBmc(expands=False)
    path = f"{ROOT}/AccountService/Accounts"
    first, *rest = bmc.body(path)["Members"]
    bmc.resources[path] = {"Members": [first], "Members@odata.nextLink": f"{path}?$skip=1"}
    second = httpx.Response(200, json={"Members": rest})
    bmc.instead[path] = lambda request: second if "$skip" in request.url.params else None

    assert states_of(bmc)["factory_accounts_off"] == "drift"


def test_a_bmc_without_sessions_is_talked_to_with_the_account() -> None:
    bmc = FakeBmc(has_sessions=False)

    assert states_of(bmc)["ipmi_over_lan"] == "drift"
    assert bmc.failed_logins == 0


def test_a_full_table_of_sessions_is_no_refused_login() -> None:
    bmc = FakeBmc()
    bmc.instead[f"{ROOT}/SessionService/Sessions"] = lambda _request: refusal(400, "SessionLimitExceeded")

    assert states_of(bmc)["ipmi_over_lan"] == "drift"


def test_what_is_not_exposed_is_unknown_and_what_fails_is_an_error() -> None:
    bmc = FakeBmc()
    del bmc.body(MANAGER)["SecurityPolicy"]
    bmc.instead[f"{ROOT}/SessionService"] = lambda _request: refusal(403, "InsufficientPrivilege")

    found = states_of(bmc)

    assert found["tls"] == "unknown"
    assert found["session_timeout"] == "error"
    assert found["ipmi_over_lan"] == "drift"


def test_a_wrong_password_is_shown_to_two_bmcs_and_once_to_each() -> None:
    bmcs = {f"bmc{number}": FakeBmc() for number in range(8)}

    ends = run(bmcs, password="wrong")

    assert sum(bmc.failed_logins for bmc in bmcs.values()) == 2
    assert max(bmc.failed_logins for bmc in bmcs.values()) == 1
    assert sorted(str(end.failure) for end in ends.values()) == ["credentials"] * 2 + ["not_tried"] * 6
    assert "correct them first" in ends["bmc7"].message


def test_a_dead_bmc_fails_alone_and_is_named() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno 111] Connection refused")

    dead = FakeBmc()
    dead.instead[ROOT] = refuse

    ends = run({"good": FakeBmc(), "dead": dead})

    assert states(ends["good"])["ipmi_over_lan"] == "drift"
    assert ends["dead"].failure is Failure.UNREACHABLE
    assert "https://dead" in ends["dead"].message


def test_of_two_hundred_bmcs_four_fail_with_their_class_and_the_others_are_audited() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno 111] Connection refused")

    bmcs = {f"bmc{number:03d}": FakeBmc() for number in range(200)}
    for name in ("bmc010", "bmc020"):
        bmcs[name].instead[ROOT] = refuse
    bmcs["bmc030"].passwords[USER] = "another-password"
    bmcs["bmc040"].instead[SYSTEM] = lambda _request: httpx.Response(503, headers={"Retry-After": "30"})
    bmcs["bmc040"].instead[f"{ROOT}/Systems"] = bmcs["bmc040"].instead[SYSTEM]

    ends = run(bmcs, deadline_s=29.0)

    failures = {name: str(end.failure) for name, end in ends.items() if end.failure}
    assert failures == {
        "bmc010": "unreachable",
        "bmc020": "unreachable",
        "bmc030": "credentials",
        "bmc040": "timed_out",
    }
    assert max(end.requests for end in ends.values()) <= 15


def test_a_bmc_that_is_busy_is_asked_again_when_it_says() -> None:
    bmc = FakeBmc()
    answers = [httpx.Response(503, headers={"Retry-After": "0"})]
    bmc.instead[f"{MANAGER}/NetworkProtocol"] = lambda _request: answers.pop() if answers else None

    assert states_of(bmc)["ipmi_over_lan"] == "drift"
    assert not answers


def test_a_bmc_that_is_busy_for_ever_ends_at_its_own_deadline() -> None:
    bmc = FakeBmc()
    bmc.instead[f"{MANAGER}/NetworkProtocol"] = lambda _request: httpx.Response(503, headers={"Retry-After": "30"})

    end = run({"bmc": bmc}, deadline_s=2.0)["bmc"]

    assert end.failure is Failure.TIMED_OUT
    assert bmc.sessions == set()


@pytest.mark.parametrize("leads_to", ["http://evil.example/redfish/v1/x", "//evil.example/x", "/redfish/../etc", 7])
def test_a_link_out_of_the_service_is_never_followed(leads_to: object) -> None:
    bmc = FakeBmc()
    bmc.body(MANAGER)["NetworkProtocol"] = {"@odata.id": leads_to}

    assert states_of(bmc)["ipmi_over_lan"] == "error"


@pytest.mark.parametrize("damage", [None, [], "text", 3, {"Attributes": []}, {"Members": 3}, {"Members": [None, 3]}])
def test_whatever_a_bmc_says_ends_in_a_finding(damage: Any) -> None:
    for path in list(FakeBmc().resources):
        bmc = FakeBmc()
        bmc.instead[path] = lambda _request: httpx.Response(200, json=damage)

        end = run({"bmc": bmc}, SITE)["bmc"]

        assert end.value is not None or end.failure in (Failure.PROTOCOL, Failure.REFUSED), path


def test_values_that_are_pending_at_the_next_boot_are_drift_until_it_came() -> None:
    bmc = FakeBmc("idrac")
    bmc.body(f"{SYSTEM}/Bios/Settings")["Attributes"] = {"BootMode": "Uefi"}
    before = run({"bmc": bmc})["bmc"].value
    bmc.boot()

    assert before is not None
    finding = next(each for each in before.findings if each.control.name == "boot_mode")
    assert (str(finding.state), finding.to_ansible()["pending"]) == ("drift", True)
    assert states_of(bmc)["boot_mode"] == "compliant"


def test_a_good_value_that_the_next_boot_takes_away_is_drift() -> None:
    bmc = FakeBmc("idrac")
    bmc.body(f"{SYSTEM}/Bios")["Attributes"]["BootMode"] = "Uefi"
    bmc.body(f"{SYSTEM}/Bios/Settings")["Attributes"] = {"BootMode": "Bios"}

    assert states_of(bmc)["boot_mode"] == "drift"


def test_the_account_in_use_is_named_and_never_to_be_disabled() -> None:
    end = run({"bmc": FakeBmc()}, user="root", password="calvin")["bmc"]

    assert end.value is not None
    finding = next(each for each in end.value.findings if each.control.name == "factory_accounts_off")
    assert "account in use" in finding.message
    assert [check.is_writable for check in finding.failed] == [False]


def test_a_waiver_holds_until_its_day_and_no_longer() -> None:
    waived = {"waivers": [{"control": "kvm", "reason": "console of the lab", "expires": TODAY}]}
    expired = {"waivers": [{"control": "kvm", "reason": "console of the lab", "expires": "2026-11-20"}]}

    assert states_of(FakeBmc(), waived)["kvm"] == "not_applicable"
    assert states_of(FakeBmc(), expired)["kvm"] == "drift"


@pytest.mark.parametrize(
    "address", ["http://10.0.0.5", "ftp://127.0.0.1", "https://user@10.0.0.5", "https://h/path", ""]
)
def test_no_password_goes_anywhere_without_tls_or_to_what_is_no_bmc(address: str) -> None:
    with pytest.raises(RedfishConfigError):
        BmcLogin("bmc", address, USER, PASSWORD)
