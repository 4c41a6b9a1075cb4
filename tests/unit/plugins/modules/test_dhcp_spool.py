# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on a spool: what it leases, what it may delete, and that checking changes nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool
from ansible_collections.baremetal.bcm.plugins.modules import dhcp_spool

from ..running import module_arguments

MACS = [f"02:00:00:00:00:{number:02x}" for number in (1, 2, 3)]
COMPARED = ("changed", "done", "diff")
Run = Callable[..., dict[str, Any]]


def see(path: Path, mac: str, ip: str = "10.229.10.15") -> None:
    with Spool(path) as spool:
        spool.offer(Sighting(mac=mac, ip=ip, hostname="ilo-1", vlan=7))


def content(path: Path) -> list[Any]:
    """Give all that the file holds."""
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return [db.execute(f"SELECT * FROM {table}").fetchall() for table in tables]  # noqa: S608


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a spool in which three machines wait."""
    path = tmp_path / "spool.sqlite"
    for mac in MACS:
        see(path, mac)
    return path


@pytest.fixture
def run(path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def _run(action: str, /, *, check: bool = False, **options: Any) -> dict[str, Any]:
        given = {"path": str(path), "action": action, **options, "_ansible_check_mode": check, "_ansible_diff": True}
        with module_arguments(given), pytest.raises(SystemExit):
            dhcp_spool.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return _run


def receipts(leased: dict[str, Any]) -> list[str]:
    return [row["receipt"] for row in leased["rows"]]


def test_a_lease_gives_what_was_seen_and_no_row_twice(run: Run) -> None:
    first, second, third = (run("lease", holder=holder, limit=2) for holder in ("a", "b", "c"))

    assert [row["mac"] for row in first["rows"] + second["rows"]] == MACS
    assert (third["rows"], third["changed"]) == ([], False)
    assert first["rows"][0] | {"ip": "10.229.10.15", "hostname": "ilo-1", "vlan": 7, "attempts": 1} == first["rows"][0]
    assert first["rows"][0]["first_seen"].endswith("Z")


def test_what_is_acknowledged_is_gone_and_stays_gone(run: Run) -> None:
    leased = run("lease", holder="a")

    done = run("acknowledge", holder="a", receipts=receipts(leased)[:2])
    again = run("acknowledge", holder="a", receipts=receipts(leased)[:2])

    assert (done["done"], done["changed"], done["stats"]["rows"]) == (2, True, 1)
    assert (again["done"], again["changed"]) == (0, False)


def test_a_machine_seen_anew_since_the_lease_is_not_deleted(run: Run, path: Path) -> None:
    leased = run("lease", holder="a")
    see(path, MACS[0], "10.229.10.99")

    run("acknowledge", holder="a", receipts=receipts(leased))

    (left,) = run("lease", holder="a")["rows"]
    assert (left["mac"], left["ip"]) == (MACS[0], "10.229.10.99")


def test_released_rows_can_be_leased_at_once_or_later(run: Run) -> None:
    leased = run("lease", holder="a")
    run("release", holder="a", receipts=receipts(leased)[:1])
    run("release", holder="a", receipts=receipts(leased)[1:], again_in=3600)

    again = run("lease", holder="b")

    assert [(row["mac"], row["attempts"]) for row in again["rows"]] == [(MACS[0], 2)]


def test_nobody_releases_what_another_holds(run: Run) -> None:
    leased = run("lease", holder="a")

    assert run("release", holder="b", receipts=receipts(leased))["done"] == 0
    assert run("lease", holder="b")["rows"] == []


@pytest.mark.parametrize("action", ["lease", "acknowledge", "release", "stats"])
def test_check_mode_tells_what_the_run_does_and_leaves_the_spool_alone(run: Run, path: Path, action: str) -> None:
    options: dict[str, Any] = {} if action == "stats" else {"holder": "a"}
    if action in ("acknowledge", "release"):
        options["receipts"] = receipts(run("lease", holder="a", limit=2))
    before = content(path)

    checked = run(action, check=True, **options)
    unchanged = content(path)
    done = run(action, **options)

    assert unchanged == before
    assert [checked.get(key) for key in COMPARED] == [done.get(key) for key in COMPARED]
    assert bool(done.get("diff")) is done["changed"] is (action != "stats")


def test_a_spool_that_is_not_there_is_not_made(run: Run, tmp_path: Path) -> None:
    for check in (False, True):
        result = run("stats", check=check, path=str(tmp_path / "none"))

        assert "does the tap run on this host?" in result["msg"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("text", ["", "02:00:00:00:00:01", "#", "02:00:00:00:00:01#x"])
def test_a_receipt_that_is_none_is_refused(run: Run, text: str) -> None:
    assert "could not read the receipt" in run("acknowledge", holder="a", receipts=[text])["msg"]


@pytest.mark.parametrize(
    "options",
    [
        {"action": "lease"},
        {"action": "release", "holder": "a"},
        {"action": "acknowledge", "receipts": []},
        {"action": "lease", "holder": "a", "limit": 0},
        {"action": "lease", "holder": "a", "seconds": 0},
    ],
)
def test_options_that_do_not_fit_together_are_refused(run: Run, options: dict[str, Any]) -> None:
    action = options.pop("action")

    assert run(action, **options)["failed"]
