# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One run: say who is there, take the task, run its steps, say what came of each, end.

The agent decides nothing about the server. Each step of the profile gets exactly one result, whatever becomes of it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..header import YES, Header, HeaderError, read_header, side_by_side
from ..judging import judge_run, judge_step
from ..messages import (
    COMPLETED,
    CRASHED,
    KILLED,
    MAX_BODY_BYTES,
    NO_DATA,
    NOT_APPLICABLE,
    POWER_OFF,
    SKIPPED,
    TIMED_OUT,
    TOOL_MISSING,
    Hello,
    MessageError,
    StepResult,
    Task,
    clean,
    read_json,
    task_path,
)
from ..profile import Profile, StepPolicy
from .console import end_lines, sent_away_lines, step_lines, task_lines, undelivered_lines
from .link import Link, LinkError
from .log_pieces import LogPieces
from .runner import MARK, run
from .uploader import Uploader

FAILED = "failed"
_LONGEST_WAIT_FOR_TASK_S = 1800.0
_RESERVE_S = 20.0  # of the deadline, for the last messages
_HEADER_BYTES = 16384
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What a run needs. `steps` are directories; a step in two of them is an error of that step."""

    run: str
    steps: Sequence[Path]
    work: Path
    hello: Hello
    now: Callable[[], float]
    uptime: Callable[[], float]
    environment: Mapping[str, str] = field(default_factory=dict)
    wait_for_task_s: float = _LONGEST_WAIT_FOR_TASK_S
    # The token: no log may have it, for logs are shown to whoever asks.
    secret: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class _Step:
    """A step of the profile, and its file with the header; without a file, the result it has for that."""

    policy: StepPolicy
    path: Path | None = None
    header: Header | None = None
    result: StepResult | None = None


class Agent:
    """One run of one machine."""

    def __init__(self, link: Link, settings: Settings) -> None:
        self._link, self._settings = link, settings
        self._stop = threading.Event()
        self._results: dict[str, StepResult] = {}

    def stop(self) -> None:
        """End what runs, as a signal does."""
        self._stop.set()

    def run(self) -> str:
        """Run to the end; return what the receiver wants then, or `failed` where it could not be told the results."""
        settings = self._settings
        until = settings.now() + settings.wait_for_task_s
        uploader = Uploader(self._link, settings.run, now=settings.now, uptime=settings.uptime, deadline=until)
        try:
            uploader.event("hello", body=settings.hello)
            task = self._task(until) if uploader.drain(until) else None
            if task is None and uploader.then:
                _say(sent_away_lines(uploader.over, uploader.then))
                return uploader.then
            if task is None:
                return _undelivered(uploader.over or "it gave this server nothing to do")
            profile = Profile.from_wire(task.profile)
            _say(task_lines(settings.hello, task, profile))
            uploader.deadline = settings.now() + task.deadline_seconds
            self._run_steps(task, profile, uploader)
            uploader.event("finished")
            if not uploader.drain(uploader.deadline):
                return _undelivered(uploader.over or "the time of the run is over")
            verdict = judge_run(profile, self._results, writable_disks=task.writable_disks)
            _say(end_lines(verdict, task))
            return uploader.then or POWER_OFF
        finally:
            uploader.close()

    def _task(self, until: float) -> Task | None:
        """Ask for the task until it comes; None where it never does. Raises MessageError, ProfileError."""
        path = task_path(self._settings.run)
        while self._settings.now() < until and not self._stop.is_set():
            try:
                answer = self._link.request("GET", path, 0)
            except LinkError as error:
                _LOG.warning("%s; trying again", error)
            else:
                if answer.status == 200:
                    return Task.from_bytes(answer.body)
                if answer.status in (400, 401, 404, 410):
                    _LOG.error("the receiver gives no task: %d", answer.status)
                    return None
            self._stop.wait(2.0)
        return None

    def _run_steps(self, task: Task, profile: Profile, uploader: Uploader) -> None:
        work = self._settings.work
        (work / "results").mkdir(parents=True, exist_ok=True)
        (work / "task.json").write_bytes(task.to_bytes())
        steps = {policy.name: _prepare(policy, self._settings.steps) for policy in profile.steps}
        headers = [step.header for step in steps.values() if step.header is not None and step.result is None]
        groups = [[steps[header.name] for header in group] for group in side_by_side(headers)]
        groups += [[step] for step in steps.values() if step.result is not None]
        for group in sorted(groups, key=lambda each: each[0].policy.name):
            threads = [threading.Thread(target=self._one, args=(step, task, uploader), daemon=True) for step in group]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _one(self, step: _Step, task: Task, uploader: Uploader) -> None:
        """Run one step and say what came of it."""
        name = step.policy.name
        _LOG.info("%s begins", name)
        uploader.event("step_started", name)
        result = step.result
        if result is None:
            try:
                result = self._execute(step, task, uploader)
            except OSError as error:
                result = StepResult(CRASHED, clean(f"it could not be started: {error}"))
        kept = self._settings.work / "results" / f"{name}.json"
        kept.write_text(json.dumps(result.to_wire()), encoding="utf-8")
        uploader.event("step_finished", name, result)
        self._results[name] = result
        inventory = self._results["01-init"].inventory if "01-init" in self._results else None
        verdict = judge_step(step.policy, result, inventory=inventory, writable_disks=task.writable_disks)
        _say(step_lines(verdict, result))

    def _execute(self, step: _Step, task: Task, uploader: Uploader) -> StepResult:
        if step.path is None or step.header is None:
            raise ValueError(f"step {step.policy.name} has no file, and with it a result already")
        now, name = self._settings.now, step.policy.name
        left_s = uploader.deadline - _RESERVE_S - now()
        if left_s <= 0 or self._stop.is_set() or uploader.over:
            return StepResult(SKIPPED, uploader.over or "the time of the run is over")
        budget_s = min(step.policy.budget_s, step.header.budget_s, left_s)
        directory = self._settings.work / name
        directory.mkdir(parents=True, exist_ok=True)
        written = directory / "result.json"
        written.unlink(missing_ok=True)
        log = LogPieces(lambda number, compressed: uploader.log(name, number, compressed), self._settings.secret)
        every_s = min(task.heartbeat_seconds, step.header.heartbeat_s)
        # A long step flushes less often, so that its pieces never run out.
        flush_s = max(every_s, budget_s / 1000)
        last = {"beat": now(), "flush": now()}

        def tick() -> None:
            if now() - last["beat"] >= every_s:
                last["beat"] = now()
                uploader.heartbeat(name)
            if now() - last["flush"] >= flush_s:
                last["flush"] = now()
                log.flush()

        ended = run(
            [str(step.path)],
            environment=self._environment(step, budget_s, written),
            directory=directory,
            budget_s=budget_s,
            output=log.write,
            tick=tick,
            now=now,
            stop=self._stop,
        )
        log.close()
        if self._stop.is_set():
            return StepResult(KILLED, "the agent was told to end", ended.seconds, log_pieces=log.count)
        if ended.timed_out or ended.code is None:
            reason = f"it was stopped after {budget_s:.0f} s"
            return StepResult(TIMED_OUT, reason, ended.seconds, log_pieces=log.count)
        if ended.code < 0:
            return StepResult(KILLED, f"signal {-ended.code} ended it", ended.seconds, log_pieces=log.count)
        result = _read_result(written, ended.code)
        return replace(result, seconds=ended.seconds, log_pieces=log.count)

    def _environment(self, step: _Step, budget_s: float, written: Path) -> dict[str, str]:
        return {
            **self._settings.environment,
            MARK: str(uuid.uuid4()),
            "VALIDATION_STEP": step.policy.name,
            "VALIDATION_WORK": str(self._settings.work),
            "VALIDATION_RESULT": str(written),
            "VALIDATION_BUDGET": str(budget_s),
            "VALIDATION_OPTIONS": json.dumps(dict(step.policy.options)),
        }


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        _LOG.info("%s", clean(line))


def _undelivered(why: str) -> str:
    _say(undelivered_lines(why))
    return FAILED


def _prepare(policy: StepPolicy, directories: Sequence[Path]) -> _Step:
    """Find a step's file and read its header, or say why it can't run."""
    paths = [path for path in (directory / policy.name for directory in directories) if path.is_file()]
    if not paths:
        return _Step(policy, result=StepResult(TOOL_MISSING, f"the image has no step {policy.name}"))
    if len(paths) > 1:
        return _Step(policy, result=StepResult(CRASHED, f"two directories of the image have a step {policy.name}"))
    path = paths[0]
    if not path.stat().st_mode & stat.S_IXUSR:
        return _Step(policy, result=StepResult(CRASHED, f"{policy.name} can't be executed"))
    try:
        header = read_header(policy.name, path.read_bytes()[:_HEADER_BYTES].decode("utf-8", "replace"))
    except HeaderError as error:
        return _Step(policy, result=StepResult(CRASHED, clean(str(error))))
    missing = [program for program in header.needs if shutil.which(program) is None]
    if missing:
        reason = f"the image has no {' and no '.join(missing)}"
        return _Step(policy, result=StepResult(TOOL_MISSING, reason))
    if header.destructive == YES and not policy.destructive:
        reason = "it destroys data, and the profile does not allow that"
        return _Step(policy, result=StepResult(NOT_APPLICABLE, reason))
    return _Step(policy, path, header)


def _read_result(path: Path, code: int) -> StepResult:
    """Read what a step wrote. The file decides; but who says to have failed by its exit status has no result."""
    if code != 0:
        return StepResult(CRASHED, f"it ended with exit status {code}")
    try:
        with path.open("rb") as stream:
            written = stream.read(MAX_BODY_BYTES + 1)
    except OSError:
        return StepResult(NO_DATA, "it wrote no result")
    try:
        wire = read_json(written, MAX_BODY_BYTES // 2)
        if isinstance(wire, dict):
            wire = {"seconds": 0, "work": 0, "outcome": COMPLETED, **wire}
        return StepResult.from_wire(wire)
    except MessageError as error:
        return StepResult(NO_DATA, clean(f"its result can't be read: {error}"))


def working_environment() -> dict[str, str]:
    """Return what of the agent's own environment its steps get."""
    kept = ("PATH", "HOME", "PYTHONPATH", "VALIDATION_ROOT")
    return {"LC_ALL": "C.UTF-8", **{key: os.environ[key] for key in kept if key in os.environ}}
