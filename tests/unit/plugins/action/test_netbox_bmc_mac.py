# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole action: options, what is printed, the result, the report."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxTransportError
from ansible_collections.baremetal.bcm.plugins.plugin_utils import netbox_action

from ..fake_head_node import FakeHeadNode
from ..module_utils._netbox.bmc_macs.loading import FIRST, MemoryNetBox
from .acting import Actions

TOKEN = "0123456789abcdef0123456789abcdef01234567"
HEADER = "server_serial,server_bmc_mac\n"
OTHER = "A0:36:9F:FF:FF:FF"
NO_MAC = "is not a MAC address: it takes 12 hexadecimal digits; write it as A0:36:9F:7C:05:00"
MIXED = f"pos,{HEADER}1,S0,{FIRST}\n2,S1,A0:36:9F:00:00:01\n3,S9,A0:36:9F:00:00:09\n4,S2,x\n"


class Loads:
    """Runs the action against one NetBox; `said` is what it printed."""

    def __init__(self, actions: Actions, netbox: MemoryNetBox, ledger_path: Path) -> None:
        self.netbox = netbox
        self._ledger_path = str(ledger_path)
        self._actions = actions

    @property
    def said(self) -> list[str]:
        return self._actions.said

    def run(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        given = {"url": "https://netbox.example", "token": TOKEN, "ledger_path": self._ledger_path, **options}
        nothing = dict.fromkeys(("head_node", "username", "password"))
        return self._actions.run("netbox_bmc_mac", check=check, **nothing, **given)


@pytest.fixture
def netbox() -> MemoryNetBox:
    return MemoryNetBox()


@pytest.fixture
def loads(
    head: FakeHeadNode,
    capsys: pytest.CaptureFixture[str],
    netbox: MemoryNetBox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Loads:
    @contextmanager
    def open_memory(params: dict[str, Any], **_options: Any) -> Iterator[MemoryNetBox]:
        assert params["token"]
        yield netbox

    monkeypatch.setattr(netbox_action, "open_netbox", open_memory)
    return Loads(Actions(head, capsys), netbox, tmp_path_factory.mktemp("ledger"))


def test_every_row_is_reported_and_the_failed_ones_fail_the_task_at_its_end(loads: Loads) -> None:
    loads.netbox.give("S1", OTHER)

    result = loads.run(content=MIXED)

    assert result["failed"] is True
    assert result["msg"] == (
        f"2 of 4 rows failed: line 4: S9: NetBox has no device with serial number S9; line 5: S2: 'x' {NO_MAC}"
    )
    assert result["counts"] == {"set": 1, "unchanged": 0, "skipped": 1, "repeated": 0, "failed": 2}
    assert [(row["line"], row["outcome"], row["changed"]) for row in result["rows"]] == [
        (2, "set", True),
        (3, "skipped", True),
        (4, "failed", False),
        (5, "failed", False),
    ]
    assert list(result["failures"]) == ["4", "5"]
    assert result["ignored_columns"] == ["'pos'"]
    assert result["changed"] is True
    assert loads.netbox.port("S0")["mac_address"] == FIRST


def test_failed_rows_are_left_to_the_caller_where_that_is_wanted(loads: Loads) -> None:
    result = loads.run(content=MIXED, fail_on_error=False)

    assert "failed" not in result
    assert len(result["failures"]) == 2


def test_the_message_names_few_of_many_failures(loads: Loads) -> None:
    result = loads.run(content=HEADER + "".join(f"X{number},x\n" for number in range(500)))

    assert result["msg"].startswith("500 of 500 rows failed: line 2: ")
    assert result["msg"].endswith("; and 497 more")


def test_the_diff_has_an_entry_for_each_change_and_no_other(loads: Loads) -> None:
    loads.netbox.give("S1", OTHER)

    entries = loads.run(content=MIXED)["diff"]

    assert [(entry["before_header"], entry["before"], entry["after"]["mac_address"]) for entry in entries] == [
        ("node001 iLO", {"mac_address": ""}, FIRST),
        ("node002 iLO", {"mac_address": OTHER}, OTHER),
    ]
    assert all("journal" in entry["after"] for entry in entries)


def test_check_mode_tells_what_the_run_then_does_and_the_second_run_does_nothing(loads: Loads, tmp_path: Path) -> None:
    loads.netbox.give("S1", OTHER)
    report = tmp_path / "report.json"
    options: dict[str, Any] = {"content": MIXED, "fail_on_error": False}

    checked = loads.run(check=True, report_path=str(report), **options)
    assert loads.said[-1].endswith("(check mode: nothing was written)")
    assert (loads.netbox.writes, report.exists()) == ([], False)
    assert loads.run(**options) == checked
    again = loads.run(**options)

    assert (again["changed"], again["diff"]) == (False, [])
    assert loads.run(check=True, **options) == again


def test_what_a_person_reads_are_the_rows_that_need_one_and_the_counts(loads: Loads) -> None:
    loads.netbox.give("S1", OTHER)

    loads.run(content=MIXED)

    skipped = f"interface iLO keeps the other MAC address it has, {OTHER}: correct it by hand if the manifest is right"
    assert loads.said == [
        "Loading 3 BMC MAC addresses of a manifest into https://netbox.example",
        f"  line     3  S1  skipped  {skipped}",
        "  line     4  S9  failed   NetBox has no device with serial number S9",
        f"  line     5  S2  failed   'x' {NO_MAC}",
        "  columns that were ignored: 'pos'",
        "4 rows: 1 set, 1 skipped, 2 failed",
    ]


def test_a_person_is_not_drowned_in_thousands_of_failed_rows(loads: Loads) -> None:
    loads.run(content=HEADER + "".join(f"X{number},x\n" for number in range(5000)))

    assert len(loads.said) < 30
    assert "  and 4,980 more such rows; report_path gives a file with all" in loads.said


def test_the_report_has_every_row_as_csv_or_json_by_its_name(loads: Loads, tmp_path: Path) -> None:
    as_csv, as_json = tmp_path / "new" / "report.CSV", tmp_path / "report"

    result = loads.run(content=MIXED, report_path=str(as_csv), fail_on_error=False)
    loads.run(content=MIXED, report_path=str(as_json), fail_on_error=False)

    with as_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["outcome"], row["message"]) for row in rows] == [
        (str(row["line"]), row["outcome"], row["message"]) for row in result["rows"]
    ]
    report = json.loads(as_json.read_text(encoding="utf-8"))
    assert [row["line"] for row in report["rows"]] == [2, 3, 4, 5]
    assert report["counts"]["failed"] == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "report", "report.CSV"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (as_csv, as_json)] == [0o600, 0o600]


def test_a_report_that_cannot_be_written_fails_the_task_and_loses_no_result(loads: Loads, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = loads.run(content=f"{HEADER}S0,{FIRST}", report_path=str(tmp_path / "file" / "report.json"))

    assert result["failed"] is True
    assert result["msg"].startswith("could not write the report to ")
    assert result["counts"]["set"] == 1


def test_a_file_is_read_and_named_in_the_journal(loads: Loads, tmp_path: Path) -> None:
    manifest = tmp_path / "order 7.csv"
    manifest.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}S0,{FIRST}\r\n".encode())

    assert loads.run(path=str(manifest))["counts"]["set"] == 1
    assert "from line 2 of order 7.csv." in loads.netbox.journal[0]["comments"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "/nowhere/manifest.csv"}, "could not read the manifest /nowhere/manifest.csv: No such file"),
        ({"content": ""}, "could not use the manifest: it is empty; the first line must be"),
        ({"content": "a,b\n1,2"}, "could not use the manifest: line 1 must be a header"),
        ({"content": HEADER}, "could not use the manifest: there is no row below the header"),
        ({"content": MIXED, "interface_names": [" "]}, "interface_names is empty"),
        ({"content": MIXED, "batch_size": 0}, "batch_size must be from 1 to 1000, not 0"),
        ({"content": MIXED, "parallel_batches": 33}, "parallel_batches must be from 1 to 32, not 33"),
    ],
)
def test_what_cannot_be_used_is_one_clear_failure_before_netbox_is_asked(
    loads: Loads, options: dict[str, Any], said: str
) -> None:
    result = loads.run(**options)

    assert result["failed"] is True
    assert said in result["msg"]
    assert loads.netbox.requests == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "one of the following is required: path, content"),
        ({"path": "a", "content": "b"}, "mutually exclusive: path|content"),
        ({"content": MIXED, "batch_size": "many"}, "batch_size"),
    ],
)
def test_options_that_do_not_fit_are_refused(loads: Loads, options: dict[str, Any], said: str) -> None:
    result = loads.run(**options)

    assert result["failed"] is True
    assert said in result["msg"]


def test_a_netbox_that_is_not_there_is_one_clear_failure(loads: Loads) -> None:
    def fail(_verb: str, _path: str) -> None:
        raise NetBoxTransportError(f"could not list dcim/devices/: no answer, {TOKEN}")

    loads.netbox.trouble = fail

    result = loads.run(content=MIXED)

    assert result["msg"].startswith("could not list dcim/devices/: no answer")
    assert TOKEN not in json.dumps(result)


def test_a_token_that_crosses_a_network_in_clear_text_is_warned_of(loads: Loads) -> None:
    quiet = loads.run(content=f"{HEADER}S0,{FIRST}", url="http://127.0.0.1:8000")
    warned = loads.run(content=f"{HEADER}S0,{FIRST}", url="http://netbox.example")

    assert "warnings" not in quiet
    assert "in clear text" in warned["warnings"][0]
