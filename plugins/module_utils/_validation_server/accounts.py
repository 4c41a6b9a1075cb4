# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What NetBox is told of a run: an entry for each step, the result field, the reason of the verdict. Pure.

Texts of machines stand in code spans, where nothing of them is markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._netbox.api.journal import DANGER, INFO, SUCCESS, WARNING, Entry, entry_key
from .._netbox.lifecycle.reported_event import journal_text
from .._validation.judging import ERROR, FAIL, NOT_APPLICABLE_VERDICT, PASS, WARN, RunVerdict, StepVerdict
from .._validation.messages import Measurement, StepResult
from .._values.names import count
from .._values.text import cut
from .state import Run

_KINDS = {PASS: SUCCESS, WARN: WARNING, FAIL: DANGER, ERROR: DANGER, NOT_APPLICABLE_VERDICT: INFO}
_MOST_REASONS = 20
_MOST_VALUES = 40
# Of the reason of a lifecycle's event, which is cut there without a word.
_LONGEST_REASON = 300


def step_entry(
    run: Run,
    verdict: StepVerdict,
    result: StepResult,
    log_url: str,
    notes: Sequence[str] = (),
    *,
    awaits_siblings: bool = False,
) -> Entry:
    """Make the journal entry of a step. `notes` are the server's own, such as cables that it proposes.

    `awaits_siblings` says that the step has what siblings are compared by, and that nobody has compared it: what it is
    after that the entry of the run's verdict says.
    """
    word = verdict.verdict.replace("_", " ")
    is_open = awaits_siblings and verdict.verdict in (PASS, WARN)
    rest = ", not compared with siblings yet" if is_open else ""
    reasons = [f"* `{journal_text(reason)}`" for reason in verdict.reasons]
    if len(reasons) > _MOST_REASONS:
        reasons[_MOST_REASONS:] = [f"* and {len(reasons) - _MOST_REASONS} more, which the log has"]
    link = f"[log]({log_url}/v1/runs/{run.run}/steps/{verdict.step}/log)"
    parts = [
        [f"Validation {verdict.step}: **{word}** ({result.seconds:.0f} s, run {run.run}){rest}."],
        reasons + [f"* `{journal_text(note)}`" for note in notes[:_MOST_REASONS]],
        _measured(result.measurements),
        [f"All that its tools printed: {link}"] if result.log_pieces else [],
    ]
    key = entry_key("validation", run.run, verdict.step)
    # Markdown takes a list for one only after an empty line.
    return Entry(run.device, key, _KINDS[verdict.verdict], "\n\n".join("\n".join(part) for part in parts if part))


def verdict_reason(run: Run, verdict: RunVerdict) -> str:
    """Say in one sentence what came of a run, for the lifecycle's journal entry."""
    odd = [f"{each.step} {each.verdict}" for each in verdict.steps if each.verdict != PASS]
    steps = ", ".join([*odd, f"{count(len(verdict.steps) - len(odd), 'step')} passed"])
    told = [f"validation {verdict.verdict}: {steps}", *verdict.reasons]
    if verdict.siblings is not None:
        told.append(verdict.siblings.note)
    return _of_run(run, "; ".join(journal_text(each) for each in told))


def lost_reason(run: Run, step: str, why: str) -> str:
    """Say why a run was given up, and in which step, or steps with commas between them."""
    last = "the last steps were" if "," in step else "the last step was"
    where = f"{last} {step}" if step else "no step had begun"
    return _of_run(run, f"validation gave no verdict: {why}; {where}")


def running_field(run: Run, step: str, steps: Mapping[str, str]) -> dict[str, Any]:
    """Make the result field of a run that is under way."""
    return {"run": run.run, "state": "running", "verdict": None, "step": step, "steps": dict(steps)}


def result_field(
    run: Run,
    verdict: str,
    *,
    step: str,
    steps: Mapping[str, str],
    reasons: Sequence[str],
    log_url: str,
    siblings: str = "",
) -> dict[str, Any]:
    """Make the result field of a run that is over; `verdict` is one of judging, `lost` or `conflict`."""
    shown = [cut(journal_text(reason), _LONGEST_REASON) for reason in reasons[:_MOST_REASONS]]
    return {
        "run": run.run,
        "state": "done",
        "verdict": verdict,
        "step": step,
        "steps": dict(steps),
        "reasons": shown,
        "siblings": siblings,
        "log": f"{log_url}/v1/runs/{run.run}",
    }


def _of_run(run: Run, reason: str) -> str:
    """Name the run of a reason, however long the reason is."""
    of = f" (run {run.run})"
    return cut(reason, _LONGEST_REASON - len(of)) + of


def _measured(measurements: Sequence[Measurement]) -> list[str]:
    """Make a line for each part that was measured, with all its values."""
    by_part: dict[str, list[str]] = {}
    for each in measurements[:_MOST_VALUES]:
        unit = f" {each.unit}" if each.unit else ""
        value = journal_text(f"{each.name} {_number(each.value)}{unit}")
        by_part.setdefault(journal_text(each.component), []).append(value)
    lines = [f"* `{f'{part}: ' if part else ''}{', '.join(values)}`" for part, values in by_part.items()]
    if len(measurements) > _MOST_VALUES:
        lines.append(f"* and {len(measurements) - _MOST_VALUES} more, which the log has")
    return ["Measured:", "", *lines] if lines else []


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
