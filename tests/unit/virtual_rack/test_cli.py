# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.tests.unit.child_process import started, with_sigint_ignored
from virtual_rack.cli import main
from virtual_rack.rack_reader import read_rack

DEMO = Path(__file__).parents[3] / "virtual_rack" / "racks" / "demo.yml"


def test_new_and_inventory_write_files_that_fit_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rack, inventory = tmp_path / "rack.yml", tmp_path / "inventory.yml"
    assert main(["new", "--nodes", "3", "-o", str(rack)]) == 0
    assert main(["inventory", str(rack), "-o", str(inventory)]) == 0
    assert "bcm_management_ip: 10.141.0.3" in inventory.read_text()
    assert main(["new", "--nodes", "3"]) == 0
    assert capsys.readouterr().out == rack.read_text()


@pytest.mark.parametrize(
    ("arguments", "engine"),
    [(["200"], "ipmi"), (["201"], "direct"), (["3", "--bmc", "direct"], "direct"), (["201", "--bmc", "ipmi"], "ipmi")],
)
def test_new_writes_engines_for_as_many_as_a_computer_carries(
    tmp_path: Path, arguments: list[str], engine: str
) -> None:
    assert main(["new", "-o", str(tmp_path / "rack.yml"), "--nodes", *arguments]) == 0
    assert {machine.bmc.engine for machine in read_rack(tmp_path / "rack.yml").machines} == {engine}


def test_new_writes_bmcs_that_speak_redfish(tmp_path: Path) -> None:
    path = tmp_path / "rack.yml"
    assert main(["new", "--nodes", "2", "--bmc", "direct", "--redfish", "ilo", "-o", str(path)]) == 0
    bmcs = [machine.bmc for machine in read_rack(path).machines]
    assert [(bmc.address, bmc.redfish and bmc.redfish.mode) for bmc in bmcs] == [
        ("127.0.20.1", "ilo"),
        ("127.0.20.2", "ilo"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "none.yml"], "virtual-rack: none.yml: cannot be read: No such file or directory\n"),
        (["serve", str(DEMO), "--fault", "kind=x"], "virtual-rack: unknown kind 'x'; the kinds are: "),
    ],
)
def test_a_mistake_is_told_in_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_served_rack_says_how_to_reach_it_and_ends_cleanly_even_in_the_background(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-u", "-m", "virtual_rack", "serve", str(DEMO), "--port", "0"]
    faults = ["--fault", "kind=never_boots,node=dgx-05"]
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    with started(
        with_sigint_ignored([*command, *faults, "--state-dir", str(tmp_path)]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "Ctrl-C" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], "the rack ended"
        assert (tmp_path / "env").read_text() in "".join(lines)
        process.send_signal(number)
        out, error = process.communicate(timeout=20)
    assert (process.returncode, error) == (0, "")
    assert "switched off" in out
    assert (tmp_path / "state.json").exists()
