# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of a validation: table, summary, page. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.baremetal.bcm.plugins.module_utils._validation_run.run import OUTCOMES, PASSED, ServerRow
from ansible_collections.baremetal.bcm.plugins.module_utils._values.duration import format_duration
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import count
from ansible_collections.baremetal.bcm.plugins.module_utils._values.sentences import sentences
from ansible_collections.baremetal.bcm.plugins.module_utils._values.table import align
from ansible_collections.baremetal.bcm.plugins.module_utils._values.text import cut, printable

from .colours import FILLS, INK
from .page import POLICY
from .templates import render

_WIDEST_CELL = 60


def draw_validation_table(rows: Sequence[ServerRow]) -> list[str]:
    """Draw a line for each server."""
    heads = ["SERVER", "RESULT", "STATE", "VERDICT", "STEPS", "TOOK", "MESSAGE"]
    return align([heads, *([_cell(value) for value in _values(row)] for row in rows)])


def draw_validation_summary(rows: Sequence[ServerRow]) -> list[str]:
    """Draw one line of counts, then why the others did not pass."""
    counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in OUTCOMES}
    words = ", ".join(f"{number:,} {outcome.replace('_', ' ')}" for outcome, number in counts.items() if number)
    lines = [f"{count(len(rows), 'server')}: {words or 'nothing to report'}"]
    for outcome in OUTCOMES[1:]:
        said = {row.name: row.message or "no reason was given" for row in rows if row.outcome == outcome}
        lines += [f"{outcome.replace('_', ' ')}: {sentence}" for sentence in sentences(said, "server")]
    return lines


def draw_validation_page(rows: Sequence[ServerRow], written: str) -> str:
    """Draw the page; bad ones first."""
    ordered = sorted(rows, key=lambda row: (row.outcome == PASSED, row.name))
    return render(
        "validation.html.j2",
        policy=POLICY,
        colours={**INK, **FILLS},
        fills=FILLS,
        summary=draw_validation_summary(rows),
        rows=[[printable(value) for value in _values(row)] for row in ordered],
        bad=[row.outcome != PASSED for row in ordered],
        written=written,
    )


def _values(row: ServerRow) -> list[str]:
    steps = ", ".join(f"{step} {verdict}" for step, verdict in row.steps.items()) or row.step
    took = "" if row.seconds is None else format_duration(row.seconds)
    return [row.name, row.outcome.replace("_", " "), row.state, row.verdict, steps, took, row.message]


def _cell(text: str) -> str:
    return cut(printable(text), _WIDEST_CELL) or "-"
