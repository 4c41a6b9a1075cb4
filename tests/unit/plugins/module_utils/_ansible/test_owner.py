# SPDX-License-Identifier: GPL-3.0-or-later
"""Owners of claims, and which runs are known to be over."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of
from ansible_collections.baremetal.bcm.tests.unit.child_process import PATIENCE_S, run, started


@pytest.fixture(autouse=True)
def _outside_of_awx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOB_ID", raising=False)
    monkeypatch.delenv("AWX_HOST", raising=False)


@contextmanager
def living() -> Iterator[subprocess.Popen[str]]:
    """A process that lives until it is told to end."""
    program = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    with started(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def word_of(process: int) -> str:
    """The word of a run whose ansible-playbook is this process: asked by a child of it."""
    machine, _pid, _start = owner_of("").run.split(".")
    with open(f"/proc/{process}/stat", encoding="utf-8") as stat:  # noqa: PTH123 - as the system has it
        start = stat.read().rpartition(")")[2].split()[19]
    return f"{machine}.{process}.{start}"


def test_a_run_is_that_of_the_process_that_started_this_one() -> None:
    assert owner_of("").run == word_of(os.getppid()) == owner_of("alice").run


# What ansible-playbook does, killed before its worker has begun to work.
ORPHAN = """
import multiprocessing, os, signal, time
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of
from ansible_collections.baremetal.bcm.tests.unit.child_process import PATIENCE_S, run, started
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import guard_parent

def work(controller):
    while os.getppid() == controller:
        time.sleep(0.01)
    print(owner_of("").run.split(".")[1] == str(controller))
    try:
        guard_parent()()
    except Exception as error:
        print(error, flush=True)

multiprocessing.get_context("fork").Process(target=work, args=(os.getpid(),)).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_whose_controller_ended_before_it_began_knows_its_controller_and_writes_nothing() -> None:
    command = [sys.executable, "-c", ORPHAN]
    path = os.pathsep.join(sys.path)
    # Its output ends with the worker, not with the process that was killed.
    said = run(command, env={**os.environ, "PYTHONPATH": path})

    assert said.stdout.splitlines() == [
        "True",
        "the ansible-playbook that started this task is gone; nothing more is changed",
    ], said.stderr


def test_an_owner_has_the_name_that_was_given_or_user_and_host() -> None:
    assert owner_of("night shift").name == "night shift"
    assert owner_of("").name == f"{getpass.getuser()}@{socket.gethostname().split('.')[0]}"


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", fail)

    assert owner_of("").name.startswith(f"uid {os.getuid()}@")


def test_a_run_is_over_once_its_process_has_ended() -> None:
    with living() as process:
        word = word_of(process.pid)
        assert not owner_of("").is_dead(word)

        process.kill()
        process.wait(timeout=PATIENCE_S)

    assert owner_of("").is_dead(word)


def test_a_process_that_ended_and_was_not_fetched_is_over_too() -> None:
    with living() as process:
        word = word_of(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert owner_of("").is_dead(word)


def test_another_process_under_the_same_number_does_not_bring_a_run_back() -> None:
    with living() as process:
        machine, pid, start = word_of(process.pid).split(".")

        assert owner_of("").is_dead(f"{machine}.{pid}.{int(start) - 1}")


def test_our_own_run_is_not_over() -> None:
    assert not owner_of("").is_dead(owner_of("").run)


@pytest.mark.parametrize("word", ["", "run", "elsewhere.1.1", "elsewhere.999999999.1", ".1.1", "elsewhere"])
def test_nothing_is_known_of_runs_of_other_machines(word: str) -> None:
    assert not owner_of("").is_dead(word)


@pytest.mark.parametrize("rest", ["", "x.1", "-1.1", "../self.1"])
def test_a_run_with_a_damaged_word_is_not_over(rest: str) -> None:
    machine = owner_of("").run.partition(".")[0]

    assert not owner_of("").is_dead(f"{machine}.{rest}")
