# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is said on the console, to whoever stands before the server: who it is, what runs, what came of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ..judging import RunVerdict, StepVerdict
from ..messages import BOOT_DISK, Hello, StepResult, Task
from ..profile import Profile

_MOST_REASONS = 4
_LONGEST_REASON = 150  # two lines of a screen


def task_lines(hello: Hello, task: Task, profile: Profile) -> list[str]:
    """Say which server this is, and what will run."""
    names = ", ".join(policy.name for policy in profile.steps)
    return [
        f"NetBox has this server as {task.name or '(it does not say)'}, serial number {hello.serial or '(none)'}",
        f"{len(profile.steps)} steps, together at most {_minutes(task.deadline_seconds)}: {names}",
    ]


def step_lines(verdict: StepVerdict, result: StepResult) -> list[str]:
    """Say what came of a step, and the worst of why."""
    told = [_cut(reason) for reason in verdict.reasons]
    more = [f"and {len(told) - _MOST_REASONS} more, which NetBox has"] if len(told) > _MOST_REASONS else []
    head = f"{verdict.step}: {_word(verdict.verdict)} after {result.seconds:.0f} s"
    return [head, *(f"    {line}" for line in [*told[:_MOST_REASONS], *more])]


def end_lines(verdict: RunVerdict, task: Task) -> list[str]:
    """Say what came of the run as far as this server can tell: NetBox knows more."""
    odd: Mapping[str, str] = {each.step: each.verdict for each in verdict.steps if each.verdict != "pass"}
    why = "".join(f", {step} {_word(word)}" for step, word in odd.items())
    return [
        f"all is done, and the validation server has the results. Seen from here: {_word(verdict.verdict)}{why}",
        f"the verdict, which knows parts and cables too, is in NetBox, in the journal of {task.name or 'this server'}",
    ]


def sent_away_lines(why: str, then: str) -> list[str]:
    """Say that nothing is tested, and what happens instead."""
    what = "boots its disk" if then == BOOT_DISK else "is switched off"
    return [f"nothing is tested: {why}", f"this server {what}"]


def undelivered_lines(why: str) -> list[str]:
    """Say that the results are lost, and what to do."""
    return [
        f"the validation server has not taken all results: {why}",
        "NetBox will have this run as failed, with the last step that was heard of; readmit the server to try again",
    ]


def _word(verdict: str) -> str:
    return verdict.replace("_", " ").upper() if verdict in ("fail", "error") else verdict.replace("_", " ")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 1]}\N{HORIZONTAL ELLIPSIS}"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
