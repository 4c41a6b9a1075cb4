# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a step has to work with: the task, its options, the results so far, and programs to run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..catalogue import option
from ..messages import MessageError, StepResult, Task, read_json
from ..parsers.output import MAX_OUTPUT, ParseError
from ..profile import Profile, StepPolicy


class ToolMissing(Exception):
    """A program that the step needs is not there."""


@dataclass(frozen=True)
class Done:
    """How a program ended; `code` is negative for a signal."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Context:
    """One step's surroundings. `root` is where /sys and /proc are."""

    task: Task
    profile: Profile
    policy: StepPolicy
    root: Path
    work: Path
    budget_s: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Context:
        """Read what the agent left for the step. Raises KeyError, OSError, MessageError, ProfileError."""
        work = Path(environment["VALIDATION_WORK"])
        task = Task.from_bytes((work / "task.json").read_bytes())
        profile = Profile.from_wire(task.profile)
        policy = profile.step(environment["VALIDATION_STEP"])
        if policy is None:
            raise MessageError("the task's profile has no such step")
        budget_s = float(environment["VALIDATION_BUDGET"])
        return cls(task, profile, policy, Path(environment.get("VALIDATION_ROOT", "/")), work, budget_s)

    def option(self, name: str) -> Any:
        """Return one of the step's options, or its default."""
        return option(self.policy.name, name, self.policy.options)

    def results(self) -> dict[str, StepResult]:
        """Return the results of the steps that ended before, by name; one that can't be read is left out."""
        found: dict[str, StepResult] = {}
        for path in sorted((self.work / "results").glob("*.json")):
            try:
                found[path.stem] = StepResult.from_wire(read_json(path.read_bytes()))
            except (OSError, MessageError) as error:
                say(f"the result of {path.stem} can't be read: {error}")
        return found

    def read(self, path: str) -> str:
        """Return the text of a file below /sys or /proc without blanks round it, empty where there is none."""
        try:
            with (self.root / path).open("rb") as stream:
                return stream.read(MAX_OUTPUT).decode("utf-8", "replace").strip()
        except OSError:
            return ""


def say(text: str) -> None:
    """Write a line into the step's log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def call(command: Sequence[str], timeout_s: float = 60.0) -> Done:
    """Run a program to its end and log what it printed. Raises ToolMissing, and ParseError when it does not end."""
    say(f"$ {' '.join(command)}")
    begun = time.monotonic()
    try:
        # No module runs here. pylint: disable=ansible-bad-function
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False, env=_environment()
        )
    except FileNotFoundError:
        raise ToolMissing(f"{command[0]} is missing") from None
    except subprocess.TimeoutExpired:
        raise ParseError(f"{command[0]} did not end within {timeout_s:.0f} s") from None
    done = Done(ended.returncode, _text(ended.stdout), _text(ended.stderr))
    say(f"{done.output}{done.errors}[exit status {done.code} after {time.monotonic() - begun:.1f} s]")
    return done


def write_result(result: StepResult, path: Path) -> None:
    """Leave the result where the agent reads it, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result.to_wire(), allow_nan=False), encoding="utf-8")
    part.replace(path)


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _text(output: bytes) -> str:
    return output[:MAX_OUTPUT].decode("utf-8", "replace")
