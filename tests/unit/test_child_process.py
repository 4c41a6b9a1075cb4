# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests' own programs may do to a run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.tests.unit.child_process import PATIENCE_S, run, started, with_sigint_ignored

# Has a child that holds its pipe, and says which.
PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
"""


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def await_end(pid: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while is_running(pid):
        assert time.monotonic() < until


def test_what_a_program_has_started_ends_with_the_block() -> None:
    with started([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        grandchild = int(process.stdout.readline())
        assert is_running(grandchild)
    await_end(process.pid)
    await_end(grandchild)


def test_a_program_that_neither_speaks_nor_ends_is_not_listened_to_for_ever() -> None:
    def listen() -> None:
        with started([sys.executable, "-c", PARENT], limit_s=0.2, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert len(process.stdout.readlines()) <= 1

    with pytest.raises(AssertionError, match=r"did not end within 0\.2 s"):
        listen()


def test_a_program_that_does_not_end_is_not_waited_for() -> None:
    with pytest.raises(AssertionError, match=r"did not end within 0\.2 s"):
        run([sys.executable, "-c", PARENT], limit_s=0.2)


def test_a_program_reads_what_it_is_given_and_says_how_it_went() -> None:
    done = run([sys.executable, "-c", "import sys; sys.exit(print(input()) or 'why')"], given="a line\n")
    assert (done.returncode, done.stdout, done.stderr) == (1, "a line\n", "why\n")


def test_a_program_can_be_started_as_shells_start_what_runs_in_the_background() -> None:
    look = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    assert run(with_sigint_ignored([sys.executable, "-c", look])).stdout == "True\n"
