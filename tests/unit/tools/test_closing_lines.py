# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole run says at its end: whether all passed, and what was left out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.tests.unit.child_process import run

TOOLS = Path(__file__).parents[2] / "tools"
TESTS = """
import pytest
@pytest.mark.parametrize("number", range(5))
def test_many(number): pytest.skip("no such machine")
def test_one(): pytest.skip("no such network")
@pytest.mark.xfail
def test_expected_to_fail(): assert False
def test_good(): pass
"""


@pytest.fixture(name="left_out")
def _left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEFT_OUT", str(tmp_path / "left-out"))
    return tmp_path / "left-out"


def whole(directory: Path, make: str) -> tuple[int, list[str]]:
    """Run it with this in place of make; give the status and the closing lines."""
    script = directory / "make"
    script.write_text(f"#!/bin/sh\n{make}\n", encoding="utf-8")
    script.chmod(0o755)
    environment = {**os.environ, "MAKE": str(script)}
    done = run([str(TOOLS / "whole"), "environments:", "one", "two"], env=environment)
    return done.returncode, done.stdout.splitlines()[1:]


@pytest.mark.usefixtures("left_out")
def test_where_nothing_was_left_out_that_is_said(tmp_path: Path) -> None:
    status, said = whole(tmp_path, "true")
    assert (status, said[1:]) == (0, ["Nothing was left out."])
    assert said[0].startswith("All passed in ")


def test_what_was_left_out_is_listed_once_and_not_that_of_an_earlier_run(tmp_path: Path, left_out: Path) -> None:
    left_out.write_text("something else\n", encoding="utf-8")
    status, said = whole(tmp_path, f"{TOOLS}/leave-out 'one thing' >&2")
    assert (status, said[1:]) == (0, ["Left out:", "  one thing"])


@pytest.mark.usefixtures("left_out")
def test_a_run_that_fails_lists_it_too_and_ends_with_the_status(tmp_path: Path) -> None:
    status, said = whole(tmp_path, f"{TOOLS}/leave-out 'one thing' >&2; exit 7")
    assert (status, said[1:]) == (7, ["Left out:", "  one thing", "  what had not begun when that failed"])
    assert said[0].startswith("FAILED after")


def test_skipped_tests_are_listed_by_reason_few_by_name_many_by_number(
    tmp_path: Path, left_out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_some.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "test_whole_file.py").write_text(
        "import pytest\npytest.importorskip('no_such_module')", encoding="utf-8"
    )
    report = tmp_path / "report.xml"
    monkeypatch.setenv("STEP_NAME", "some tests")
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(tmp_path), f"--junitxml={report}"]
    assert run([*command, str(tmp_path)], cwd=tmp_path).returncode == 0
    assert run([sys.executable, str(TOOLS / "note_skips.py"), str(report)]).returncode == 0
    assert sorted(left_out.read_text(encoding="utf-8").splitlines()) == [
        "some tests: 5 tests, test_some.test_many[0] the first: no such machine",
        "some tests: test_some.test_one: no such network",
        "some tests: test_whole_file: could not import 'no_such_module': No module named 'no_such_module'",
    ]
