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
    worked = f"{result.seconds:.0f} s, work {result.work:g}"
    is_open = awaits_siblings and verdict.verdict in (PASS, WARN)
    rest = ", not compared with siblings yet" if is_open else ""
    lines = [f"Validation {verdict.step}: **{verdict.verdict}** ({worked}, run {run.run}){rest}."]
    reasons = [*verdict.reasons]
    lines += [f"* `{journal_text(reason)}`" for reason in reasons[:_MOST_REASONS]]
    if len(reasons) > _MOST_REASONS:
        lines.append(f"* and {len(reasons) - _MOST_REASONS} more, which the log has")
    lines += [f"* `{journal_text(note)}`" for note in notes[:_MOST_REASONS]]
    values = [_value(each) for each in result.measurements]
    if values:
        more = f" and {len(values) - _MOST_VALUES} more" if len(values) > _MOST_VALUES else ""
        lines.append(f"Measured: `{'; '.join(values[:_MOST_VALUES])}`{more}")
    if result.log_pieces:
        lines.append(f"Log: {log_url}/v1/runs/{run.run}/steps/{verdict.step}/log")
    key = entry_key("validation", run.run, verdict.step)
    return Entry(run.device, key, _KINDS[verdict.verdict], "\n".join(lines))


def verdict_reason(run: Run, verdict: RunVerdict) -> str:
    """Say in one sentence what came of a run, for the lifecycle's journal entry."""
    steps = ", ".join(f"{each.step} {each.verdict}" for each in verdict.steps)
    told = [f"validation {verdict.verdict}: {steps}", *verdict.reasons]
    if verdict.siblings is not None:
        told.append(verdict.siblings.note)
    return cut("; ".join(journal_text(each) for each in told) + f" (run {run.run})", _LONGEST_REASON)


def lost_reason(run: Run, step: str, why: str) -> str:
    """Say why a run was given up, and in which step, or steps with commas between them."""
    last = "the last steps were" if "," in step else "the last step was"
    where = f"{last} {step}" if step else "no step had begun"
    return cut(f"validation gave no verdict: {why}; {where} (run {run.run})", _LONGEST_REASON)


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


def _value(measured: Measurement) -> str:
    of = f" {measured.component}" if measured.component else ""
    return journal_text(f"{measured.name}{of} = {measured.value:g}{f' {measured.unit}' if measured.unit else ''}")
