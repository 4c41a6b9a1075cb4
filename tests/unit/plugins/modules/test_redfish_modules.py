# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redfish modules as a whole: real options, BMCs in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.page import update_page
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.profile import profile_schema

from ..fake_bmc import MANAGER, PASSWORD, ROOT, USER, FakeBmc, refusal
from ..running import CONNECTION, Modules, Result

LOGIN = {**dict.fromkeys(CONNECTION), "username": USER, "password": PASSWORD}
READING = ("redfish_info", "redfish_audit")


class Bmcs:
    """Runs modules against BMCs, each at an address of its name."""

    def __init__(self, modules: Modules, bmcs: Mapping[str, FakeBmc]) -> None:
        self.modules, self.bmcs = modules, bmcs

    def run(self, module: str, **options: Any) -> Result:
        servers = options.pop("servers", [{"name": name, "address": name} for name in self.bmcs])
        return self.modules.run(module, **{**LOGIN, "servers": servers, "deadline": 10, **options})


@pytest.fixture
def bmcs(bmcs: dict[str, FakeBmc], modules: Modules, monkeypatch: pytest.MonkeyPatch) -> Bmcs:
    for name in ("USERNAME", "PASSWORD", "CA_PATH", "VALIDATE_CERTS", "DEBUG_CALLS"):
        monkeypatch.delenv(f"REDFISH_{name}", raising=False)
    bmcs.update(dell=FakeBmc("idrac", serial="D1"), hpe=FakeBmc("ilo", serial="H1"))
    return Bmcs(modules, bmcs)


def test_servers_say_who_they_are(bmcs: Bmcs) -> None:
    told = bmcs.run("redfish_info")["servers"]

    assert {name: (one["vendor"], one["serial"], one["bios_version"], one["power"]) for name, one in told.items()} == {
        "dell": ("idrac", "D1", "2.18.1", "ON"),
        "hpe": ("ilo", "H1", "2.18.1", "ON"),
    }


def test_an_audit_counts_what_it_finds_over_all_servers(bmcs: Bmcs) -> None:
    result = bmcs.run("redfish_audit")

    states = [each["state"] for one in result["servers"].values() for each in one["controls"]]
    assert result["counts"] == {state: states.count(state) for state in result["counts"]}
    assert sum(result["counts"].values()) == len(states)
    assert result["compliant"] == []
    assert not result["changed"]


@pytest.mark.parametrize("module", READING)
@pytest.mark.parametrize("check", [False, True])
def test_a_module_that_reads_sends_no_write(module: str, check: bool, bmcs: Bmcs) -> None:
    bmcs.run(module, check=check)

    assert [bmc.writes for bmc in bmcs.bmcs.values()] == [[], []]
    assert [bmc.sessions for bmc in bmcs.bmcs.values()] == [set(), set()]


@pytest.mark.parametrize("module", READING)
def test_one_bmc_that_refuses_fails_the_task_with_all_results(module: str, bmcs: Bmcs) -> None:
    servers = [{"name": "dell", "address": "dell"}, {"name": "hpe", "address": "hpe", "password": "wrong-password"}]

    result = bmcs.run(module, servers=servers)
    quiet = bmcs.run(module, servers=servers, fail_on_error=False)

    assert result["failed"]
    assert "refuses the login" in result["msg"]
    assert result["servers"]["hpe"]["failure"] == "credentials"
    assert result["servers"]["dell"]["failure"] is None
    assert not quiet.get("failed")
    assert set(quiet["failures"]) == {"hpe"}


@pytest.mark.parametrize("module", READING)
def test_no_password_no_token_and_no_word_of_either_is_printed(module: str, bmcs: Bmcs) -> None:
    said = f"{PASSWORD} token-1"
    bmcs.bmcs["dell"].instead[f"{MANAGER}"] = lambda _request: refusal(500, said)

    bmcs.run(module, verbosity=4, debug_calls=True, fail_on_error=False)

    assert PASSWORD not in bmcs.modules.printed
    assert "token-1" not in bmcs.modules.printed


def test_a_server_that_can_not_be_asked_is_an_error_in_every_control(bmcs: Bmcs) -> None:
    bmcs.bmcs["hpe"].instead[ROOT] = lambda _request: httpx.Response(200, text="<html>a router")

    server = bmcs.run("redfish_audit", fail_on_error=False)["servers"]["hpe"]

    assert {each["state"] for each in server["controls"]} == {"error"}
    assert not server["compliant"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"servers": []}, "servers is empty"),
        ({"servers": [{"name": "a", "address": "a"}] * 2}, "more than once"),
        ({"servers": [{"name": "a", "address": "http://10.0.0.5"}]}, "http is for 127.0.0.1 alone"),
        ({"password": None}, "no credentials given"),
        ({"in_flight": 0}, "in_flight must be at least 1"),
        ({"deadline": 0}, "deadline takes seconds"),
    ],
)
def test_options_that_can_not_work_are_refused_before_anything_is_sent(
    options: Mapping[str, Any], said: str, bmcs: Bmcs
) -> None:
    result = bmcs.run("redfish_audit", **options)

    assert said in result["msg"]
    assert [bmc.requests for bmc in bmcs.bmcs.values()] == [[], []]


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ({"controls": {"no_such": True}}, "names one that there is not"),
        ({"controls": {"ssh": "s3cret"}}, "controls.ssh must be true or false"),
        ({"controls": {"lockout": {"treshold": 3}}}, "takes threshold, duration, reset_after"),
        ({"controls": {"session_timeout": 5}}, "from 30 to 86400"),
        ({"controls": {"boot_mode": "legacy"}}, "secure_boot needs boot_mode uefi"),
        ({"inherits": "s3cret"}, "inherits takes baseline"),
        ({"s3cret": 1}, "and no others"),
        ({"waivers": [{"control": "kvm", "expires": "2027-01-31"}]}, "must have control, reason and expires"),
        ({"waivers": [{"control": "kvm", "reason": " ", "expires": "2027-01-31"}]}, "needs a reason"),
        ({"waivers": [{"control": "kvm", "reason": "x", "expires": "some day"}]}, "expires on no day"),
        ({"device_types": {"s3cret": {"controls": {"kvm": 3}}}}, "device_types.*.controls.kvm must be"),
    ],
)
def test_an_impossible_profile_is_refused_without_quoting_it(profile: Any, said: str, bmcs: Bmcs) -> None:
    result = bmcs.run("redfish_audit", profile=profile)

    assert said in result["msg"]
    assert "s3cret" not in result["msg"]
    assert [bmc.requests for bmc in bmcs.bmcs.values()] == [[], []]


def test_a_profile_differs_by_device_type_and_takes_controls_out(bmcs: Bmcs) -> None:
    profile = {
        "inherits": None,
        "controls": {"kvm": False, "ssh": False},
        "device_types": {"R760": {"controls": {"kvm": None, "telnet": True}}},
    }
    servers = [{"name": "dell", "address": "dell", "device_type": "R760"}, {"name": "hpe", "address": "hpe"}]

    told = bmcs.run("redfish_audit", profile=profile, servers=servers)["servers"]

    found = {name: [(each["control"], each["state"]) for each in one["controls"]] for name, one in told.items()}
    assert found == {"dell": [("telnet", "compliant"), ("ssh", "drift")], "hpe": [("kvm", "drift"), ("ssh", "drift")]}


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    page = (Path(__file__).parents[4] / "docs" / "hardening.md").read_text(encoding="utf-8")

    assert update_page(page) == page, "tests/tools/hardening draws it anew"


def test_the_schema_of_profiles_that_ships_is_that_of_the_controls() -> None:
    shipped = Path(__file__).parents[4] / "docs" / "hardening-profile.schema.json"

    assert json.loads(shipped.read_text(encoding="utf-8")) == profile_schema()
