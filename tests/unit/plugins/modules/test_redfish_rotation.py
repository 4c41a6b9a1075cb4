# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotation of the passwords of BMCs in memory, with a store that is a program of its own."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.claim import claimed
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.connection import BmcLogin
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.fleet import Batch
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.quirks import VENDORS
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.rotation_servers import ROTATION, rotate_servers
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.rotation_talks import new_password
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock

from ..fake_bmc import ACCOUNTS, PASSWORD, ROOT, USER, FakeBmc
from ..running import CONNECTION, Modules, Result

FIRST, SECOND = "bmc-first", "bmc-second"
STORE = Path(__file__).parents[1] / "json_store.py"


class Site:
    """Rotates on BMCs, each at an address of its name."""

    def __init__(self, modules: Modules, directory: Path, bmcs: Mapping[str, FakeBmc]) -> None:
        self.modules, self.directory, self.bmcs = modules, directory, bmcs

    def run(self, generation: str = "2026-11", *, way: str = "", **options: Any) -> Result:
        given = {
            **dict.fromkeys(CONNECTION),
            "username": "root",
            "password": "calvin",
            "servers": [{"name": name, "address": name, "serial": bmc.serial} for name, bmc in self.bmcs.items()],
            "first": FIRST,
            "second": SECOND,
            "generation": generation,
            "factory_accounts": ["root", "ADMIN"],
            "store_command": [sys.executable, "-S", str(STORE), str(self.directory / "store"), *([way] if way else [])],
            "deadline": 60,
            "state_path": str(self.directory / "state"),
            "lock_path": str(self.directory / "locks"),
            **options,
        }
        return self.modules.run("redfish_rotation", **given)

    def record(self, server: str = "server") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / f"store/{server}.json").read_text(encoding="utf-8"))
        return found

    @property
    def journals(self) -> list[Path]:
        return sorted((self.directory / "state").glob("*"))


@pytest.fixture
def site(modules: Modules, tmp_path: Path, bmcs: dict[str, FakeBmc]) -> Site:
    return Site(modules, tmp_path, bmcs)


def shown(bmc: FakeBmc) -> dict[str, tuple[str, bool]]:
    bodies = [body for path, body in bmc.resources.items() if path.startswith(f"{ACCOUNTS}/") and body["UserName"]]
    return {body["UserName"]: (body["RoleId"], body["Enabled"]) for body in bodies}


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendors_bmc_gets_two_administrators_proven_from_the_store_and_loses_that_of_the_factory(
    vendor: str, site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc(vendor)

    planned = site.run(check=True)
    assert (bmc.writes, site.journals, (site.directory / "store").exists()) == ([], [], False)
    first = site.run()
    writes = len(bmc.writes)
    second = site.run()

    assert not first.get("failed"), first["msg"]
    record = site.record()
    assert record["pending"] == []
    assert (record["username"], record["password"]) == (FIRST, bmc.passwords[FIRST])
    assert {name: each["password"] for name, each in record["accounts"].items()} == {
        name: bmc.passwords[name] for name in (FIRST, SECOND)
    }
    administrator = "Administrator"
    assert shown(bmc)["root"] == (administrator, False)
    assert shown(bmc)[FIRST] == shown(bmc)[SECOND] == (administrator, True)
    assert (planned["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert planned["diff"] == first["diff"] != []
    assert planned["servers"]["server"]["plan"] == [SECOND, FIRST, "root"]
    assert second["diff"] == second["servers"]["server"]["steps"] == []
    assert len(bmc.writes) == writes
    assert (bmc.failed_logins, bmc.sessions) == (0, set())


def test_the_next_generation_needs_no_login_but_that_of_the_store(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmc = bmcs["server"] = FakeBmc("ilo")
    site.run()
    before = dict(bmc.passwords)

    result = site.run("2027-05", username=None, password=None)

    assert not result.get("failed"), result["msg"]
    assert {bmc.passwords[name] for name in (FIRST, SECOND)}.isdisjoint(before.values())
    assert result["servers"]["server"]["generations"] == {FIRST: "2027-05", SECOND: "2027-05"}
    assert bmc.passwords[USER] == PASSWORD
    assert bmc.failed_logins == 0


def test_a_login_that_the_site_keeps_in_its_store_is_begun_with_and_what_else_it_keeps_stays(
    site: Site, bmcs: dict[str, FakeBmc], tmp_path: Path
) -> None:
    bmcs["server"] = FakeBmc()
    (tmp_path / "store").mkdir()
    kept = {"username": "root", "password": "calvin", "rack": "A7"}
    (tmp_path / "store/server.json").write_text(json.dumps(kept), encoding="utf-8")

    result = site.run(username=None, password=None)

    assert not result.get("failed"), result["msg"]
    assert site.record()["rack"] == "A7"
    assert site.record()["username"] == FIRST


def test_an_account_whose_making_was_not_answered_leaves_nothing_unknown_and_the_next_run_finishes(
    site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc()

    def lose(request: httpx.Request) -> httpx.Response | None:
        if request.method != "POST":
            return None
        del bmc.instead[ACCOUNTS]
        bmc._handle(request)
        raise httpx.ReadError("connection reset")

    bmc.instead[ACCOUNTS] = lose
    lost = site.run()
    pending = [each["password"] for each in site.record()["pending"]]
    made = bmc.passwords[SECOND]
    again = site.run()

    assert lost["servers"]["server"]["failure"] == "unreachable"
    assert pending == [made]
    assert not again.get("failed"), again["msg"]
    assert (bmc.failed_logins, site.record()["pending"]) == (0, [])
    assert bmc.passwords[SECOND] != made


@pytest.mark.parametrize("way", ["fails", "forgets"])
def test_a_store_that_does_not_keep_the_new_password_stops_all_writing(
    way: str, site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc()

    result = site.run(way=way)

    told = {"fails": "the disk is full", "forgets": "does not give back"}[way]
    assert told in result["msg"]
    assert bmc.writes == []
    assert result["servers"]["server"]["failure"] == {"fails": "store", "forgets": "not_kept"}[way]


def test_a_bmc_that_says_yes_and_keeps_its_password_costs_one_failed_login_and_is_left_alone(
    site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc()
    site.run()
    path = next(each for each, body in bmc.resources.items() if body.get("UserName") == SECOND)
    bmc.ignored = {path}

    first, second = site.run("2027-05"), site.run("2027-05")

    assert bmc.failed_logins == 1
    assert first["servers"]["server"]["failure"] == "credentials"
    assert "the BMC refused the new login of bmc-second" in second["msg"]
    assert "15 minutes" in second["msg"]
    assert site.record()["accounts"][FIRST]["password"] == bmc.passwords[FIRST]
    assert site.record()["accounts"][SECOND]["password"] == bmc.passwords[SECOND]


def test_a_first_login_that_somebody_changed_is_refused_once_and_then_repaired_by_the_second(
    site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc("idrac")
    site.run()
    bmc.passwords[FIRST] = "by-hand"

    refused = site.run("2027-05")
    repaired = site.run("2027-05")

    assert refused["servers"]["server"]["failure"] == "credentials"
    assert not repaired.get("failed"), repaired["msg"]
    assert bmc.failed_logins == 1
    assert site.record()["accounts"][FIRST]["password"] == bmc.passwords[FIRST] != "by-hand"


def test_a_wrong_login_that_is_given_is_shown_to_two_bmcs_and_to_no_other(site: Site, bmcs: dict[str, FakeBmc]) -> None:
    bmcs.update({f"server{number}": FakeBmc() for number in range(5)})

    first = site.run(password="wrong")
    again = site.run(password="wrong", servers=[{"name": "server0", "address": "server0"}])

    assert sum(bmc.failed_logins for bmc in bmcs.values()) == 2
    assert [each["failure"] for each in first["servers"].values()].count("not_tried") == 3
    assert "15 minutes" in again["msg"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"first": SECOND}, "two different accounts"),
        ({"factory_accounts": [FIRST]}, "can't be first or second"),
        ({"password_length": 8}, "12 to 64"),
        ({"generation": " "}, "generation must not be empty"),
        ({"store_command": []}, "store_command must name a program"),
        ({"store_command": ["/no/such/program"]}, "could not be started"),
        ({"username": None, "password": None}, "no login is left to begin with"),
    ],
)
def test_what_can_not_be_done_is_refused_before_any_bmc_is_asked(
    options: Mapping[str, Any], said: str, site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc()

    result = site.run(**options)

    assert said in result["msg"]
    assert bmc.requests == []


def test_a_length_that_a_bmc_refuses_and_full_slots_are_found_before_anything_is_stored(
    site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    strict, full = bmcs["strict"], bmcs["full"] = FakeBmc(), FakeBmc("idrac")
    strict.resources[f"{ROOT}/AccountService"]["MaxPasswordLength"] = 15
    for path, body in full.resources.items():
        if path.startswith(f"{ACCOUNTS}/") and not body["UserName"] and not path.endswith("/8"):
            body["UserName"] = f"user{path[-1]}"

    result = site.run()

    assert "password_length must be 8 to 15" in result["failures"]["strict"]
    assert "all slots for accounts are taken" in result["failures"]["full"]
    assert strict.writes == full.writes == []
    assert not (site.directory / "store").exists()


def test_another_server_and_one_that_another_run_changes_are_left_alone(
    site: Site, bmcs: dict[str, FakeBmc], tmp_path: Path
) -> None:
    other, busy = bmcs["other"], bmcs["busy"] = FakeBmc(), FakeBmc()
    servers = [{"name": "other", "address": "other", "serial": "SN9"}, {"name": "busy", "address": "busy"}]
    with claimed(str(tmp_path / "locks"), {"busy": BmcLogin("busy", "busy", USER, PASSWORD)}):
        result = site.run(servers=servers)

    assert "another server" in result["failures"]["other"]
    assert "another run on this computer" in result["failures"]["busy"]
    assert (other.writes, busy.requests) == ([], [])


class Register:
    """A register in which the claim is lost to somebody else after so many looks at it."""

    lease_s = 600.0

    def __init__(self, looks: int) -> None:
        self.looks, self.claimed, self.released = looks, set[str](), False

    def claim(self, names: Collection[str]) -> dict[str, str]:
        self.claimed |= set(names) - {"busy"}
        return {name: "bob@pc is changing it" for name in names if name == "busy"}

    def renew(self) -> None:
        """Leave it as it is."""

    def problem(self, _name: str) -> str:
        self.looks -= 1
        return "bob@pc has it" if self.looks < 0 else ""

    def pin(self, _shown: Mapping[str, str]) -> dict[str, str]:
        return {}

    def expect(self, certificates: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        raise NotImplementedError(certificates)

    def settle(self, shown: Mapping[str, str]) -> None:
        raise NotImplementedError(shown)

    def release(self) -> None:
        self.released = True


@pytest.mark.parametrize("looks", [0, 1, 2, 3, 4])
def test_a_run_that_lost_its_claim_writes_neither_to_the_bmc_nor_to_the_store(
    looks: int, bmcs: dict[str, FakeBmc], tmp_path: Path
) -> None:
    bmc, busy = bmcs["server"], bmcs["busy"] = FakeBmc(), FakeBmc()
    transport = httpx.MockTransport(lambda request: bmcs[request.url.host].handle(request))
    register = Register(looks)
    unset = dict.fromkeys(("username", "password", "tls_fingerprint", "serial", "device_type"))
    params: dict[str, Any] = {
        **{name: option.get("default") for name, option in ROTATION.items()},
        "username": "root",
        "password": "calvin",
        "ca_path": None,
        "validate_certs": True,
        "timeout": 5.0,
        "servers": [{**unset, "name": name, "address": name} for name in bmcs],
        "first": FIRST,
        "second": SECOND,
        "generation": "2026-11",
        "store_command": [sys.executable, "-S", str(STORE), str(tmp_path / "store")],
        "state_path": str(tmp_path / "state"),
        "lock_path": str(tmp_path / "locks"),
    }

    result = rotate_servers(params, Batch(read_only=False, register=register, http_transport=transport), SystemClock())

    steps = result["servers"]["server"]["steps"]
    assert "bob@pc has it" in result["failures"]["server"]
    assert "bob@pc is changing it" in result["failures"]["busy"]
    # One write each: to the store, to the BMC, to the store, to the store, to the BMC.
    assert len([step for step in steps if step.startswith(("write", "set"))]) == looks
    assert len(bmc.writes) == len([step for step in steps if step.startswith("set")])
    assert (busy.requests, register.claimed, register.released) == ([], {"server"}, True)


def test_no_password_is_in_result_journal_or_message_and_the_journal_is_its_owners(
    site: Site, bmcs: dict[str, FakeBmc]
) -> None:
    bmc = bmcs["server"] = FakeBmc()
    result = site.run(debug_calls=True)
    failed = site.run("2027-05", way="fails", debug_calls=True)

    texts = [json.dumps([result, failed]), site.modules.printed, *(path.read_text("utf-8") for path in site.journals)]
    assert "the disk is full" in failed["msg"]
    assert [word for word in (*bmc.passwords.values(), "calvin") if any(word in text for text in texts)] == []
    assert [stat.S_IMODE(path.stat().st_mode) for path in site.journals] == [0o600]
    assert len(site.journals[0].read_text(encoding="utf-8").splitlines()) >= 13


@pytest.mark.parametrize("length", [12, 20, 64])
def test_a_new_password_has_all_kinds_of_characters_and_no_sign_at_its_ends(length: int) -> None:
    made = {new_password(length) for _each in range(50)}

    assert len(made) == 50
    for each in made:
        assert len(each) == length
        assert any(sign.islower() for sign in each)
        assert any(sign.isupper() for sign in each)
        assert any(sign.isdigit() for sign in each)
        assert set(each) & set("-_.")
        assert each[0].isalnum()
        assert each[-1].isalnum()
