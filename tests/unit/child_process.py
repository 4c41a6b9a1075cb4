# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that tests start: none outlives its test, and none lets a test wait for ever.

Each gets a process group of its own, which is killed as a whole: what a program has started holds its pipes open.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from typing import Any

PATIENCE_S = 60.0  # only a failing test waits for so long
_KILLED_S = 30.0


def with_sigint_ignored(command: Sequence[str]) -> list[str]:
    """Give the command that starts another one as shells start what runs in the background."""
    return ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command]


@contextlib.contextmanager
def started(
    command: Sequence[str], *, limit_s: float | None = PATIENCE_S, **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """Start a program; what of it still runs at the end of the block is killed.

    `options` are those of Popen; it has no input unless they say otherwise, as that of the tests may not block, which
    Ansible refuses. After `limit_s` seconds the program is killed, so that nothing waits for what it
    prints, and the block ends with AssertionError; None is for servers that live as long as many tests.
    """
    process = subprocess.Popen(command, text=True, start_new_session=True, **{"stdin": subprocess.DEVNULL, **options})
    late = threading.Event()

    def give_up() -> None:
        if process.poll() is None:
            late.set()
            kill_group(process)

    watchdog = threading.Timer(limit_s or 0, give_up)
    if limit_s is not None:
        watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        kill_group(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        if late.is_set():
            raise AssertionError(f"{list(command)} did not end within {limit_s:g} s")


def run(
    command: Sequence[str], *, limit_s: float = PATIENCE_S, given: str | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program that reads `given` to its end. Raises AssertionError, and kills it, if it does not end."""
    pipe = subprocess.PIPE
    stdin = subprocess.DEVNULL if given is None else pipe
    with started(command, limit_s=limit_s, stdin=stdin, stdout=pipe, stderr=pipe, **options) as process:
        output, errors = process.communicate(given, timeout=limit_s + _KILLED_S)
        return subprocess.CompletedProcess(list(command), process.returncode, output, errors)


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a program and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=_KILLED_S)
