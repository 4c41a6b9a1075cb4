# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The owner of claims: a name for people, and an identifier of the run that no other run has."""

from __future__ import annotations

import getpass
import hashlib
import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path

from .._values.owner import Owner
from .awx_jobs import job_word, jobs_known


def owner_of(name: str) -> Owner:
    """Return the owner of this run; `name` is for people, and becomes user@host where it is empty.

    The run is the ansible-playbook that started this process, identified by machine, process id and start time, so that
    all its tasks have the same identifier. A job of AWX is named in it too.
    """
    machine, controller, job = _machine(), controller_of_this(), job_word()
    run = f"{machine}.{controller}.{_start_of(controller)}" + (f".{job}" if job else "")
    return Owner(name or _user_at_host(), run, _dead_runs())


def owner_of_task(run: str | None) -> Owner:
    """Return the owner on whose behalf a module works: `run` is its run's word, as bcm_claim returned it.

    A module is started by the worker of ansible-playbook, perhaps on another machine, and can't find out by itself.
    Without a word every claim is that of somebody else, even one of the same run.
    """
    return Owner(run=run or "", is_dead=_dead_runs())


def owner_of_process() -> Owner:
    """Return the owner of what ends with this process, such as the claims that a module holds while it works."""
    process, job = os.getpid(), job_word()
    name = _user_at_host() + (f", AWX job {os.environ['JOB_ID']}" if job else "")
    return Owner(name, f"{_machine()}.{process}.{_start_of(process)}" + (f".{job}" if job else ""), _dead_runs())


def controller_of_this() -> int:
    """Return the process id of the ansible-playbook that started this worker, also where it has ended since.

    It may have ended before this is called: the parent of this process is then another one.
    """
    parent = multiprocessing.parent_process()
    return os.getppid() if parent is None or parent.pid is None else parent.pid


def _dead_runs() -> Callable[[str], bool]:
    """Return what says whether a run is known to be over.

    It was started on this machine, and its process is gone; or it was a job of AWX, which says that it has ended.
    """
    is_over = jobs_known()

    def is_dead(run: str) -> bool:
        machine, _dot, rest = run.partition(".")
        controller, _dot, rest = rest.partition(".")
        start, _dot, job = rest.partition(".")
        if machine and machine == _machine():
            return controller.isdigit() and (not start or _start_of(int(controller)) != start)
        return bool(job) and is_over(job)

    return is_dead


def _machine() -> str:
    """Return an identifier of where process ids mean the same, this boot and container; "" where it is not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
    return hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:12]


def _start_of(process: int) -> str:
    """Return when a process was started, in clock ticks since boot; "" where there is none."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in brackets may hold anything; a zombie has ended.
    fields = stat.rpartition(")")[2].split()
    return "" if not fields or fields[0] == "Z" else fields[19]


def _user_at_host() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname().split('.')[0]}"
