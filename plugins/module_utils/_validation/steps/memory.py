# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""02-memory: memtester in slices bound to NUMA nodes, and the errors that the hardware itself saw."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ..messages import COMPLETED, NO_DATA, Finding, Measurement, StepResult
from ..parsers.machine_checks import EDAC, HardwareError, read_kernel_log, read_rasdaemon
from ..parsers.memtester import MemtesterRun, read_memtester
from ..parsers.output import ParseError
from ..parsers.stressapptest import read_stressapptest
from . import hardware
from .context import Context, call, say

_KEPT_FREE_MIB = 64
_TESTS_FAILED = 0x02 | 0x04  # in memtester's exit status: stuck addresses, and all other tests


@dataclass(frozen=True)
class _Slice:
    node: dict[str, Any]
    mib: int


@dataclass
class _Heard:
    """What rasdaemon printed, and why it heard nothing, or not all."""

    printed: str = ""
    problem: str = ""


def take(context: Context) -> StepResult:
    """Test the memory of each NUMA node. Raises ParseError, ToolMissing."""
    _look_often(context)
    slices = _slices(context)
    if not slices:
        return StepResult(NO_DATA, "no NUMA node has memory that is free to test")
    bound = len({piece.node["number"] for piece in slices}) > 1
    with _rasdaemon(context) as heard:
        begun = time.monotonic()
        with ThreadPoolExecutor(max_workers=len(slices)) as pool:
            runs = list(pool.map(lambda piece: _test(context, piece, bound=bound), slices))
        seconds = max(0.001, time.monotonic() - begun)
        measurements, findings = _stress(context)
    for name in dict.fromkeys(piece.node["name"] for piece in slices):
        own = [run for piece, run in zip(slices, runs) if piece.node["name"] == name]
        measurements += _of_node(name, own, seconds)
        findings += _failures(name, own)
    # Both tell of the same errors: rasdaemon counts where the kernel's log is silent.
    hardware_errors = _kernel_errors(context) or [*read_rasdaemon(heard.printed)]
    measurements += _counted(hardware_errors)
    findings += _found(hardware_errors)
    if heard.problem:
        findings.append(Finding("", "warn", heard.problem))
    work = sum(taken.value for taken in measurements if taken.name == "memory_tested_mib")
    return StepResult(COMPLETED, "", work=work, measurements=tuple(measurements), findings=tuple(findings))


def _slices(context: Context) -> list[_Slice]:
    found: list[_Slice] = []
    for node in hardware.numa_nodes(context):
        room = min(int(node["free_mib"] * context.option("fraction")), context.option("max_mib"))
        room = min(room, node["free_mib"] - _KEPT_FREE_MIB)
        # One without processors is tested by those of others.
        count = max(1, min(context.option("slices"), node["cpus"] or room, room))
        if room // count > 0:
            found += [_Slice(node, room // count)] * count
    return found


def _test(context: Context, piece: _Slice, *, bound: bool) -> MemtesterRun | None:
    """Run one memtester; None where it gave nothing that can be read."""
    number = piece.node["number"]
    binding = ["numactl", f"--membind={number}"] if bound else []
    if bound and piece.node["cpus"]:
        binding.append(f"--cpunodebind={number}")
    command = [*binding, "memtester", f"{piece.mib}M", str(context.option("loops"))]
    done = call(command, context.budget_s)
    try:
        # Failures are told on the other output.
        run = read_memtester(f"{done.output}\n{done.errors}")
    except ParseError as error:
        say(f"{piece.node['name']}: {error}")
        return None
    if 0 < done.code < 8 and done.code & _TESTS_FAILED and not run.failures:
        return replace(run, failures=1, first_failures=(f"exit status {done.code}",))
    if run.mib < piece.mib and not run.failures:
        say(f"{piece.node['name']}: memtester went over {run.mib} of {piece.mib} MiB")
        return None
    return run


def _of_node(name: str, runs: list[MemtesterRun | None], seconds: float) -> Iterator[Measurement]:
    """Measure a node, unless one of its slices did not come to its end and found nothing either: that is no data."""
    if any(run is None or not (run.done or run.failures) or run.tests + run.failures == 0 for run in runs):
        say(f"{name}: a memtester did not come to its end")
        return
    ended = [run for run in runs if run is not None]
    tested = sum(run.mib for run in ended)
    yield Measurement("memory_tested_mib", tested, "MiB", name)
    yield Measurement("memory_errors", sum(run.failures for run in ended), "", name)
    yield Measurement("memory_rate_mib_s", sum(run.mib * max(1, run.loops) for run in ended) / seconds, "MiB/s", name)


def _failures(name: str, runs: list[MemtesterRun | None]) -> Iterator[Finding]:
    for run in runs:
        if run is not None and run.failures:
            yield Finding(name, "fail", f"memtester: {run.failures} failures, the first: {run.first_failures[0]}")
        elif run is not None and not run.locked:
            yield Finding(name, "warn", "memtester could not lock its memory, some of it may have been moved")


def _stress(context: Context) -> tuple[list[Measurement], list[Finding]]:
    seconds = context.option("stress_seconds")
    if not seconds:
        return [], []
    mib = sum(piece.mib for piece in _slices(context))
    done = call(["stressapptest", "-s", str(seconds), "-M", str(mib), "-W"], context.budget_s)
    run = read_stressapptest(done.output)
    errors = max(run.errors, 0 if run.passed else 1)
    measured = [Measurement("stress_rate_mib_s", run.mib_s, "MiB/s"), Measurement("stress_errors", errors)]
    return measured, [Finding("", "fail", f"stressapptest: errors and hardware incidents: {errors}")] if errors else []


def _look_often(context: Context) -> None:
    """Let the kernel look for corrected machine checks each second: by itself it does each five minutes."""
    interval = context.root / "sys/devices/system/machinecheck/machinecheck0/check_interval"
    try:
        if interval.exists():
            interval.write_text("1", encoding="ascii")
    except OSError as error:
        say(f"corrected machine checks may be seen late: {error}")


@contextmanager
def _rasdaemon(context: Context) -> Iterator[_Heard]:
    """Listen to rasdaemon meanwhile, where the image has it; what it gives is filled in at the end."""
    heard = _Heard()
    if shutil.which("rasdaemon") is None:
        yield heard
        return
    log = context.work / "rasdaemon.log"
    with log.open("wb") as stream:
        # No module runs here. pylint: disable=ansible-bad-function
        daemon = subprocess.Popen(["rasdaemon", "--foreground"], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        try:
            yield heard
        finally:
            if daemon.poll() is not None:
                heard.problem = (
                    f"rasdaemon ended by itself with exit status {daemon.returncode}: "
                    "hardware errors are known from the kernel's log and EDAC alone"
                )
            daemon.terminate()
            try:
                daemon.wait(timeout=5)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
    with log.open("rb") as stream:
        heard.printed = stream.read(1_000_000).decode("utf-8", "replace")
    say(f"rasdaemon:\n{heard.printed[:100_000]}")


def _kernel_errors(context: Context) -> list[HardwareError]:
    """Return all since the machine was started: the boot has used the memory, too. Raises ParseError without a log."""
    log = call(["dmesg"])
    if log.code != 0 or not log.output.strip():
        raise ParseError(f"dmesg gave nothing, exit status {log.code}: machine checks can't be counted")
    found = list(read_kernel_log(log.output))
    if not any(error.source == EDAC for error in found):
        found += _edac_counters(context)
    return found


def _edac_counters(context: Context) -> Iterator[HardwareError]:
    for controller in sorted((context.root / "sys/devices/system/edac/mc").glob("mc[0-9]*")):
        for kind, corrected in (("ce", True), ("ue", False)):
            count = context.read(f"sys/devices/system/edac/mc/{controller.name}/{kind}_count")
            if count.isdigit() and int(count):
                words = "corrected" if corrected else "uncorrected"
                yield HardwareError(EDAC, controller.name, int(count), corrected, f"EDAC counts {count} {words} errors")


def _counted(errors: list[HardwareError]) -> list[Measurement]:
    corrected = sum(error.count for error in errors if error.corrected)
    uncorrected = sum(error.count for error in errors if not error.corrected)
    return [
        Measurement("machine_checks_corrected", corrected),
        Measurement("machine_checks_uncorrected", uncorrected),
    ]


def _found(errors: list[HardwareError]) -> Iterator[Finding]:
    for component in dict.fromkeys(error.component for error in errors):
        own = [error for error in errors if error.component == component]
        worst = next((error for error in own if not error.corrected), own[0])
        kind = "corrected" if worst.corrected else "uncorrected"
        text = f"{sum(error.count for error in own)} hardware errors, {kind}: {worst.text}"
        yield Finding(component, "warn" if worst.corrected else "fail", text[:500])
