# SPDX-License-Identifier: GPL-3.0-or-later
"""The program as the unit starts it: copied somewhere, under another name, with nothing but an interpreter."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap import tap as tap_module
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.__main__ import main, parse
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool
from ansible_collections.baremetal.bcm.tests.unit.child_process import run, started, with_sigint_ignored

_CODE = Path(str(tap_module.__file__)).parent
_PATIENCE_S = 60


@pytest.fixture(name="command")
def _command(tmp_path: Path) -> list[str]:
    for room in (_CODE, _CODE.with_name("_spool")):
        shutil.copytree(room, tmp_path / "dhcp_tap" / room.name, ignore=shutil.ignore_patterns("__pycache__"))
    # -I: neither the environment nor site packages of the user; -S: no site packages at all.
    program = (
        f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); "
        "runpy.run_module('dhcp_tap._dhcp_tap', run_name='__main__')"
    )
    return [sys.executable, "-I", "-S", "-c", program]


def test_a_copy_runs_on_the_standard_library_alone(command: list[str]) -> None:
    done = run([*command, "--help"])
    assert done.returncode == 0
    assert "--interface" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_waits_for_its_interface_makes_the_spool_and_ends_cleanly_when_told_even_in_the_background(
    command: list[str], tmp_path: Path, number: signal.Signals
) -> None:
    arguments = ["--interface", "no-such-nic0", "--spool", str(tmp_path / "spool")]
    with started(with_sigint_ignored([*command, *arguments]), stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        first = running.stderr.readline()
        running.send_signal(number)
        _nothing, rest = running.communicate(timeout=_PATIENCE_S)
    assert running.returncode == 0
    assert "event=not_listening interface=no-such-nic0" in first
    assert "Traceback" not in rest
    Spool(tmp_path / "spool", create=False).close()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--webhook", "ftp://192.0.2.1/"], "must be an http or https URL"),
        (["--webhook", "http://192.0.2.1/"], "would be sent in clear"),
        (["--webhook", "https://192.0.2.1/", "--token-file", "/nonexistent/token"], "could not read the token"),
        (["--only-vendor", ""], "is empty"),
    ],
)
def test_options_that_can_not_be_used_end_it_with_the_reason(
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DHCP_TAP_TOKEN", "s3cret")
    assert main(["--interface", "eth1", "--spool", str(tmp_path / "spool"), *arguments]) == 2
    printed = capsys.readouterr().err
    assert reason in printed
    assert "s3cret" not in printed


@pytest.mark.parametrize("arguments", [["--max-rows", "0"], ["--again", "x"], []])
def test_a_command_line_that_makes_no_sense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--spool", "spool", *(["--interface", "eth1", *arguments] if arguments else [])])


def test_its_environment_is_not_needed(command: list[str]) -> None:
    done = run([*command, "--help"], env={"PATH": os.defpath})
    assert done.returncode == 0
