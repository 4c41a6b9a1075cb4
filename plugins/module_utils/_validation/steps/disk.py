# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""03-disk: SMART, then four measurements of each disk. Writing asks `writable.ask` before each command."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ..catalogue import RAND_READ, RAND_WRITE, SEQ_READ, SEQ_WRITE, SMART_OK
from ..fio_jobs import RAND, SEQ, Extent, clear_command, read_command, write_command, write_end
from ..messages import COMPLETED, NO_DATA, Finding, Measurement, NotApplicable, StepResult
from ..parsers.fio import FioJob, read_fio
from ..parsers.output import ParseError
from ..parsers.smart import Smart, read_nvme, read_smartctl
from ..parsers.wipefs import read_signatures
from ..writable import DiskState, Permit, ask
from . import hardware
from .blank import is_blank
from .context import Context, Done, call, say

_MIB = 1024 * 1024
_DOING = {
    SEQ_READ: "reading in sequence",
    RAND_READ: "reading at random",
    SEQ_WRITE: "writing in sequence",
    RAND_WRITE: "writing at random",
}
# What a disk answers when it is at fault; other errors (no permission, no such device) are ours.
_DISK_ERRORS = {errno.EIO, errno.EILSEQ, errno.EREMOTEIO, errno.ENODATA, errno.ETIMEDOUT, errno.ENXIO, errno.ENOMEDIUM}
# After so long Linux gives up a request to a disk by NVMe or SCSI, and tries to bring the disk back.
_GIVEN_UP_MS = 30_000.0


@dataclass
class _Taken:
    """What was found of one disk so far."""

    measurements: list[Measurement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    left_out: list[NotApplicable] = field(default_factory=list)
    moved_mib: float = 0.0


def take(context: Context) -> StepResult:
    """Measure each disk. Raises ToolMissing."""
    disks = hardware.disks(context)
    if not disks:
        return StepResult(NO_DATA, "the kernel shows no disk")
    with ThreadPoolExecutor(max_workers=context.option("at_once")) as pool:
        taken = list(pool.map(lambda disk: _measure(context, disk), disks))
    return StepResult(
        COMPLETED,
        work=sum(each.moved_mib for each in taken),
        measurements=tuple(measurement for each in taken for measurement in each.measurements),
        findings=tuple(finding for each in taken for finding in each.findings),
        not_applicable=tuple(left_out for each in taken for left_out in each.left_out),
    )


def _measure(context: Context, disk: dict[str, Any]) -> _Taken:
    taken = _Taken()
    _smart(disk, taken)
    extent = Extent(context.option("seconds"), context.option("size_mib") * _MIB)
    rates: dict[str, float] = {}  # bytes a second
    for pattern, metric in ((SEQ, SEQ_READ), (RAND, RAND_READ)):
        command = read_command(_path(context, disk), disk["size_bytes"], pattern, extent)
        job = _fio(context, command, "read", disk, metric, taken)
        rates[pattern] = job.mib_s * _MIB if job else 0.0
    left_over = ""
    for pattern, metric in ((SEQ, SEQ_WRITE), (RAND, RAND_WRITE)):
        # Asked anew each time: a disk that was empty a minute ago may be in use now.
        end, readable = write_end(pattern, extent, rates[pattern]), int(max(rates.values()) * extent.seconds)
        permit = left_over or _ask(context, disk, end, readable=readable)
        if not isinstance(permit, Permit):
            taken.left_out.append(NotApplicable(metric, disk["name"], permit))
            continue
        _fio(context, write_command(_path(context, disk), permit, pattern), "write", disk, metric, taken)
        left_over = _clear(context, disk, permit)
        if left_over:
            taken.findings.append(Finding(disk["name"], "warn", left_over))
    return taken


def _clear(context: Context, disk: dict[str, Any], written: Permit) -> str:
    """Make what was written blank again, for the next write and the next run; return why that did not work."""
    permit = _ask(context, disk, written.end, readable=0, own=True)
    problem = permit if isinstance(permit, str) else ""
    if isinstance(permit, Permit):
        done = call(clear_command(_path(context, disk), permit), context.budget_s)
        problem = f"fio ended with exit status {done.code}" if done.code else ""
    return f"what was written to it could not be made blank again: {problem}"[:500] if problem else ""


def _fio(
    context: Context, command: list[str], direction: str, disk: dict[str, Any], metric: str, taken: _Taken
) -> FioJob | None:
    """Run one job and keep what it measured; one that failed measures nothing."""
    done = call(command, context.budget_s)
    try:
        job = read_fio(done.output, direction)
        verified = read_fio(done.output, "read") if direction == "write" else job
    except ParseError as error:
        say(f"{disk['name']}: {error}")
        return None
    longest_ms = max(job.longest_ms or 0.0, verified.longest_ms or 0.0)
    if longest_ms >= _GIVEN_UP_MS:
        text = f"fio: {_DOING[metric]}: a request took {longest_ms / 1000:.0f} s"
        taken.findings.append(Finding(disk["name"], "fail", text))
    if job.error in _DISK_ERRORS:
        # What fio says of a read that failed is in the log, and names no sector.
        fault = os.strerror(job.error)
        if job.error == errno.EILSEQ:
            fault = f"what was written came back changed: {_first_error(done)}"
        text = f"fio: {_DOING[metric]}: {fault}"
        taken.findings.append(Finding(disk["name"], "fail", text[:500]))
    elif job.error or done.code != 0:
        say(f"{disk['name']}: fio ended with exit status {done.code}, error {job.error}")
    elif verified.mib < job.mib * 0.99:
        say(f"{disk['name']}: fio verified {verified.mib:.0f} of {job.mib:.0f} MiB")
    elif job.mib > 0:
        taken.moved_mib += job.mib
        value, unit = (job.mib_s, "MiB/s") if metric in (SEQ_READ, SEQ_WRITE) else (job.iops, "1/s")
        taken.measurements.append(Measurement(metric, value, unit, disk["name"]))
        if job.latency_p99_ms is not None:
            taken.measurements.append(Measurement(f"{metric}_p99_ms"[:64], job.latency_p99_ms, "ms", disk["name"]))
        return job
    return None


def _first_error(done: Done) -> str:
    lines = f"{done.errors}\n{done.output}".splitlines()
    return next((line.strip() for line in lines if "error=" in line or "verify" in line), "no more is told")


def _smart(disk: dict[str, Any], taken: _Taken) -> None:
    path = f"/dev/{disk['name']}"
    try:
        if disk["transport"] == "nvme":
            smart = read_nvme(call(["nvme", "smart-log", path, "--output-format=json"]).output)
        else:
            smart = read_smartctl(call(["smartctl", "--json", "--all", path]).output)
    except ParseError as error:
        say(f"{disk['name']}: {error}")
        return
    if not smart.present:
        taken.left_out.append(NotApplicable(SMART_OK, disk["name"], smart.absent))
        return
    taken.measurements.append(Measurement(SMART_OK, float(smart.healthy), "", disk["name"]))
    taken.measurements += _told(smart, disk["name"])
    taken.findings += [Finding(disk["name"], "fail", f"SMART: {problem}") for problem in smart.problems]
    taken.findings += [Finding(disk["name"], "warn", f"SMART: {warning}") for warning in smart.warnings]


def _told(smart: Smart, name: str) -> list[Measurement]:
    told = (
        ("disk_temperature_c", smart.temperature_c, "°C"),
        ("disk_power_on_hours", smart.power_on_hours, "h"),
        ("disk_used_percent", smart.percentage_used, "%"),
    )
    return [Measurement(metric, value, unit, name) for metric, value, unit in told if value is not None]


def _ask(context: Context, disk: dict[str, Any], end: int, *, readable: int, own: bool = False) -> Permit | str:
    """Ask for the leave to write up to an offset, or over what this run wrote there; return it or why there is none."""
    end = min(end, disk["size_bytes"])
    # Reading takes long: no disk is read for this that is not to be written anyway, and all else is asked again after.
    leave = _ask_of(context, disk, end, blank=True)
    if isinstance(leave, str):
        return leave
    blank = is_blank(context.root / "dev" / disk["name"], end, readable, own=own)
    return _ask_of(context, disk, end, blank=blank)


def _ask_of(context: Context, disk: dict[str, Any], end: int, *, blank: bool | None) -> Permit | str:
    """Find out the rest of a disk's state and ask. It must be the disk that was there when the step began."""
    signatures, trouble = _signatures(context, disk)
    facts: dict[str, Any] = hardware.block_facts(context, disk["name"])
    # Which disk it is comes last: one that was swapped while the others were found out has another serial number now.
    disks = hardware.disks(context)
    now = next((each for each in disks if each["name"] == disk["name"]), None)
    if now is None:
        return "it is not there any more"
    if now["serial"] != disk["serial"]:
        return "another disk is in its place"
    state = DiskState(
        name=now["name"],
        serial=now["serial"],
        size_bytes=now["size_bytes"],
        signatures=signatures,
        blank=blank,
        looked_to=end,
        same_serial=sum(1 for each in disks if each["serial"] == now["serial"]),
        trouble=trouble,
        **facts,
    )
    return ask(context.policy, state, context.task.writable_disks)


def _signatures(context: Context, disk: dict[str, Any]) -> tuple[tuple[str, ...] | None, str]:
    """Return the signatures, or None and why they can't be told."""
    try:
        done = call(["wipefs", "--no-act", "--json", _path(context, disk)])
        if done.code != 0:
            return None, f"wipefs ended with exit status {done.code}"
        return read_signatures(done.output), ""
    except ParseError as error:
        say(f"{disk['name']}: {error}")
        return None, str(error)


def _path(context: Context, disk: dict[str, Any]) -> str:
    return str(context.root / "dev" / disk["name"])
