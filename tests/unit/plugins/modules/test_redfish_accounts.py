# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of BMCs in memory: what is written, and what is never done."""

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

from ..fake_bmc import ACCOUNTS, PASSWORD, USER, FakeBmc
from ..running import CONNECTION, Modules, Result

SECRET = "a-new-secret-2"
AUDITOR = {"username": "auditor", "role": "ReadOnly", "password": SECRET}


class Site:
    """Sets accounts of BMCs, each at an address of its name."""

    def __init__(self, modules: Modules, directory: Path, bmcs: Mapping[str, FakeBmc]) -> None:
        self.modules, self.directory, self.bmcs = modules, directory, bmcs

    def run(self, *accounts: Mapping[str, Any], **options: Any) -> Result:
        given = {
            **dict.fromkeys(CONNECTION),
            "username": USER,
            "password": PASSWORD,
            "servers": [{"name": name, "address": name, "serial": bmc.serial} for name, bmc in self.bmcs.items()],
            "accounts": list(accounts),
            "deadline": 20,
            "lock_path": str(self.directory / "locks"),
            **options,
        }
        return self.modules.run("redfish_accounts", **given)


@pytest.fixture
def site(modules: Modules, tmp_path: Path, bmcs: dict[str, FakeBmc]) -> Site:
    return Site(modules, tmp_path, bmcs)


def shown(bmc: FakeBmc) -> dict[str, tuple[str, bool]]:
    bodies = [body for path, body in bmc.resources.items() if path.startswith(f"{ACCOUNTS}/") and body["UserName"]]
    return {body["UserName"]: (body["RoleId"], body["Enabled"]) for body in bodies}


@pytest.mark.parametrize("vendor", VENDORS)
def test_accounts_are_made_changed_disabled_and_removed_on_every_vendors_bmc(
    vendor: str, site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc(vendor)
    wanted = (AUDITOR, {"username": "root", "state": "disabled"})

    planned = site.run(*wanted, check=True)
    assert bmc.writes == []
    first = site.run(*wanted)
    writes = len(bmc.writes)
    second = site.run(*wanted)

    assert not first.get("failed"), first["msg"]
    administrator = "Administrator"
    assert shown(bmc) == {USER: (administrator, True), "root": (administrator, False), "auditor": ("ReadOnly", True)}
    assert bmc.passwords["auditor"] == SECRET
    assert (planned["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert planned["diff"] == first["diff"]
    assert planned["servers"]["server"]["plan"] == first["servers"]["server"]["written"]
    assert len(bmc.writes) == writes == 2

    gone = site.run({"username": "auditor", "state": "absent"}, {"username": "root", "role": "Operator"})

    assert not gone.get("failed"), gone["msg"]
    assert shown(bmc) == {USER: (administrator, True), "root": ("Operator", True)}
    assert bmc.sessions == set()
    assert bmc.failed_logins == 0


def test_a_bmc_with_slots_gets_no_account_in_those_of_the_factory(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("idrac")

    site.run(AUDITOR)

    assert bmc.resources[f"{ACCOUNTS}/1"]["UserName"] == ""
    assert bmc.resources[f"{ACCOUNTS}/4"]["UserName"] == "auditor"


def test_a_password_is_set_again_only_where_that_is_asked_for(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("ilo")
    given = {"username": "root", "password": SECRET}

    kept = site.run(given)
    always = site.run({**given, "update_password": "always"})
    again = site.run({**given, "update_password": "always"}, check=True)

    assert (kept["changed"], always["changed"], again["changed"]) == (False, True, True)
    assert bmc.passwords["root"] == SECRET
    assert len(bmc.writes) == 1
    assert bmc.failed_logins == 0


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ({"username": USER, "state": "absent"}, "the account in use, which is never"),
        ({"username": USER, "state": "disabled"}, "the account in use, which is never"),
        ({"username": USER, "role": "Operator"}, "the account in use, which is never"),
        ({"username": USER, "password": SECRET, "update_password": "always"}, "redfish_rotation changes its password"),
        ({"username": "auditor", "role": "ReadOnly"}, "needs role and password"),
        ({**AUDITOR, "password": "short"}, "must have 8 to 255 characters"),
    ],
)
def test_what_could_lock_somebody_out_is_refused_in_the_plan(
    account: Mapping[str, Any], said: str, site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc("dmtf")
    other = {"username": "other", "role": "ReadOnly", "password": SECRET}

    checked = site.run(account, other, check=True)
    result = site.run(account, other)

    assert said in result["msg"]
    assert checked["msg"] == result["msg"]
    assert bmc.writes == []


@pytest.mark.parametrize("state", ["absent", "disabled"])
def test_the_last_administrator_stays(state: str, site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("dmtf")
    bmc.resources[f"{ACCOUNTS}/1"]["RoleId"] = "Operator"

    result = site.run({"username": "root", "state": state})

    assert "no administrator would be left" in result["msg"]
    assert bmc.writes == []


def test_full_slots_another_server_and_a_bmc_that_keeps_nothing_are_told(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    full, other, deaf = (FakeBmc(vendor) for vendor in ("idrac", "ilo", "lenovo"))
    bmcs.update(full=full, other=other, deaf=deaf)
    for path, body in full.resources.items():
        if path.startswith(f"{ACCOUNTS}/") and not body["UserName"]:
            body["UserName"] = f"user{path[-1]}"
    deaf.ignored = {f"{ACCOUNTS}/2"}
    servers = [{"name": name, "address": name, "serial": "SN9" if name == "other" else None} for name in bmcs]

    result = site.run(AUDITOR, {"username": "root", "state": "disabled"}, servers=servers)

    assert "all slots for accounts are taken" in result["failures"]["full"]
    assert "another server" in result["failures"]["other"]
    assert "did not keep root" in result["failures"]["deaf"]
    assert result["servers"]["deaf"]["failure"] == "not_kept"
    assert full.writes == other.writes == []


def test_a_run_beside_another_one_is_refused_and_writes_nothing(
    site: Site, bmcs: dict[str, FakeBmc], tmp_path: Path
) -> None:
    bmc = bmcs["server"] = FakeBmc()
    with claimed(str(tmp_path / "locks"), {"server": BmcLogin("server", "server", USER, PASSWORD)}):
        result = site.run(AUDITOR)

    assert "another run on this computer" in result["msg"]
    assert bmc.requests == []


def test_no_password_is_in_any_result_diff_or_message(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc()

    def quotes(request: httpx.Request) -> httpx.Response | None:
        if request.method != "POST":
            return None
        said = json.loads(request.content)["Password"]
        info = [{"MessageId": "Base.1.8.PropertyValueError", "Message": f"The value {said} is too simple."}]
        return httpx.Response(400, json={"error": {"@Message.ExtendedInfo": info}})

    refused = FakeBmc()
    refused.instead[ACCOUNTS] = quotes
    bmcs["refused"] = refused
    result = site.run(AUDITOR, debug_calls=True)

    assert "too simple" in result["failures"]["refused"]
    assert bmc.passwords["auditor"] == SECRET
    assert SECRET not in json.dumps(result) + site.modules.printed
