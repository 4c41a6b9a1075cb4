# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the project that run for long, started as shells start what runs in the background: SIGINT is ignored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.tests.unit.child_process import PATIENCE_S, started, with_sigint_ignored

ROOT = Path(__file__).parents[3]
TOOLS = ROOT / "tests" / "tools"
RACK = ROOT / "virtual_rack" / "racks" / "demo.yml"

pytestmark = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@contextmanager
def in_background(directory: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command of this environment; its temporary files are in the directory."""
    words = [str(TOOLS / "in-venv"), os.path.relpath(sys.prefix, ROOT), *command]
    environment = {**os.environ, "TMPDIR": str(directory)}
    with started(with_sigint_ignored(words), stdout=subprocess.PIPE, env=environment, cwd=ROOT) as process:
        yield process


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"it ended without '{text}'")


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def test_a_rack_ends_with_its_command_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with in_background(
        tmp_path, str(TOOLS / "with-rack"), str(RACK), "sh", "-c", "echo runs as $$; sleep 600"
    ) as process:
        command = int(read_until(process, "runs as").split()[-1])
        process.send_signal(number)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 128 + number
        assert not is_running(command)
    assert list(tmp_path.iterdir()) == []


def test_the_demo_ends_with_its_playbook_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with in_background(tmp_path, str(TOOLS / "with-rack"), str(RACK), str(TOOLS / "demo")) as process:
        read_until(process, "PLAY [")
        process.send_signal(number)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_the_fuzzer_ends(tmp_path: Path, number: signal.Signals) -> None:
    program = ["env", f"PYTHONPATH={ROOT / '.collections'}", "python", str(TOOLS / "fuzz_dhcp.py")]
    with in_background(tmp_path, *program, "--packets", "1000000000") as process:
        await_handler(process.pid, number)
        process.send_signal(number)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 128 + number


def await_handler(pid: int, number: signal.Signals) -> None:
    """Wait until a Python program handles a signal; `started` bounds it. The shell before it does so for moments."""
    name, caught = "", 0
    while not (name.startswith("python") and caught >> (number - 1) & 1):
        fields = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").split()
        name, caught = fields[fields.index("Name:") + 1], int(fields[fields.index("SigCgt:") + 1], 16)
