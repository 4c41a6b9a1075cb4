# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Running one step: its own process group, a budget that binds, its output read as it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# The variable by which a step's processes are known, those that left its process group too.
MARK = "VALIDATION_MARK"
_PATIENCE_S = 5.0  # from asking a step to end to killing it, and from there to leaving a process that can't die
_READ_BYTES = 65536


@dataclass(frozen=True)
class Ended:
    """How a step ended: `code` as subprocess gives it, negative for a signal; None where it could not be ended."""

    code: int | None
    timed_out: bool
    seconds: float


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    budget_s: float,
    output: Callable[[bytes], None],
    tick: Callable[[], None],
    now: Callable[[], float],
    stop: threading.Event,
    poll_s: float = 0.1,
) -> Ended:
    """Run a command to its end or the end of its budget; `tick` is called between polls. Raises OSError.

    Nothing of it is left, but for a process that the kernel does not let die: that one is left behind, not waited for.
    `now` is a monotonic clock: what happens to the time of day has no influence on the budget.
    """
    started = now()
    # No module runs here. pylint: disable=ansible-bad-function
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    reader = threading.Thread(target=_read, args=(process, output), daemon=True)
    reader.start()
    timed_out = False
    while process.poll() is None:
        if stop.wait(poll_s) or now() - started > budget_s:
            timed_out = not stop.is_set()
            break
        tick()
    _end(process, environment.get(MARK, ""))
    seconds = now() - started
    reader.join(timeout=_PATIENCE_S)
    return Ended(process.returncode, timed_out, seconds)


def _read(process: subprocess.Popen[bytes], output: Callable[[bytes], None]) -> None:
    stream = process.stdout
    if stream is None:
        raise ValueError("the output of a step that nobody asked for can't be read")
    with stream:
        while True:
            read = os.read(stream.fileno(), _READ_BYTES)
            if not read:
                return
            output(read)


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """End a step and all it started, politely first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        _signal_group(process.pid, number)
        try:
            process.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            continue
    _signal_group(process.pid, signal.SIGKILL)
    for left in _marked(mark):
        try:
            os.kill(left, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _marked(mark: str) -> list[int]:
    """Find the processes that carry a step's mark: daemons leave the process group, not their environment."""
    found: list[int] = []
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*") if mark else ():
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found
