# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of a validation: table, summary, page. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.baremetal.bcm.plugins.module_utils._validation_run.run import OUTCOMES, PASSED, ServerRow
from ansible_collections.baremetal.bcm.plugins.module_utils._values.duration import format_duration
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import count, shorten
from ansible_collections.baremetal.bcm.plugins.module_utils._values.sentences import sentences
from ansible_collections.baremetal.bcm.plugins.module_utils._values.table import align
from ansible_collections.baremetal.bcm.plugins.module_utils._values.text import cut, printable

from .colours import FILLS, INK
from .page import POLICY
from .templates import render

_WIDEST_CELL = 60
_MOST_SENTENCES = 3
_BAD = ("fail", "error")


def draw_validation_table(rows: Sequence[ServerRow]) -> list[str]:
    """Draw a line for each server."""
    heads = ["SERVER", "RESULT", "STATE", "VERDICT", "STEPS", "TOOK", "MESSAGE"]
    return align([heads, *([_cell(value) for value in _values(row)] for row in rows)])


def draw_validation_summary(rows: Sequence[ServerRow]) -> list[str]:
    """Draw one line of counts, then why the others did not pass."""
    words = ", ".join(f"{number:,} {outcome.replace('_', ' ')}" for outcome, number in _counts(rows).items())
    lines = [f"{count(len(rows), 'server')}: {words or 'nothing to report'}"]
    for outcome in OUTCOMES[1:]:
        by_step: dict[str, dict[str, str]] = {}
        for row in rows:
            if row.outcome == outcome:
                by_step.setdefault(_where(row), {})[row.name] = row.message or "no reason was given"
        for where, said in by_step.items():
            lines += [f"{outcome.replace('_', ' ')}: {sentence}" for sentence in _few(said, where)]
    return lines


def _where(row: ServerRow) -> str:
    """Name the steps that a server failed in, as far as it has verdicts of steps."""
    bad = [step for step, verdict in row.steps.items() if verdict in _BAD]
    return f" in {' and '.join(bad)}" if bad else ""


def _few(said: Mapping[str, str], where: str) -> list[str]:
    """Say what is wrong with servers of one kind, in one sentence where each has a reason of its own."""
    told = sentences(said, "server")
    if len(told) <= _MOST_SENTENCES:
        return told
    name, message = next(iter(said.items()))
    return [f"{count(len(said), 'server')}{where} ({shorten(list(said))}), for instance {name}: {message}"]


def draw_validation_page(rows: Sequence[ServerRow], written: str) -> str:
    """Draw the page; bad ones first."""
    ordered = sorted(rows, key=lambda row: (row.outcome == PASSED, row.name))
    columns = sorted({step for row in rows for step in (*row.steps, *_last_steps(row))})
    return render(
        "validation.html.j2",
        policy=POLICY,
        colours={**INK, **FILLS},
        summary=draw_validation_summary(rows),
        counts=_counts(rows),
        columns=columns,
        rows=[(row, _result(row), [_of_step(row, step) for step in columns]) for row in ordered],
        written=written,
    )


def _counts(rows: Sequence[ServerRow]) -> dict[str, int]:
    counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in OUTCOMES}
    return {outcome: number for outcome, number in counts.items() if number}


def _result(row: ServerRow) -> str:
    """Say what became of a server, and the verdict where that says more."""
    more = f", {row.verdict}" if row.verdict not in ("", "pass", "fail") else ""
    return f"{row.outcome.replace('_', ' ')}{more}"


def _of_step(row: ServerRow, step: str) -> str:
    verdict = row.steps.get(step, "")
    return verdict.replace("_", " ") or ("silent" if step in _last_steps(row) and row.verdict == "lost" else "")


def _last_steps(row: ServerRow) -> list[str]:
    """Name the steps that a server was last heard in: several may run side by side."""
    return [step for step in row.step.split(", ") if step]


def _values(row: ServerRow) -> list[str]:
    took = "" if row.seconds is None else format_duration(row.seconds)
    return [row.name, row.outcome.replace("_", " "), row.state, row.verdict, _steps(row), took, row.message]


def _steps(row: ServerRow) -> str:
    """Name the steps that did not pass, and count the others."""
    odd = [f"{step} {verdict}" for step, verdict in row.steps.items() if verdict != "pass"]
    passed = len(row.steps) - len(odd)
    return ", ".join([*odd, *([f"{passed} passed"] if passed else [])]) or row.step


def _cell(text: str) -> str:
    return cut(printable(text), _WIDEST_CELL) or "-"
