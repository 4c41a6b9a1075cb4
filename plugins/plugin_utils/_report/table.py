# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A report as text: the aligned table, the summary below it, the figures of the run. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import Phase
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run_figures import RunFigures
from ansible_collections.baremetal.bcm.plugins.module_utils._values.duration import format_duration
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import count
from ansible_collections.baremetal.bcm.plugins.module_utils._values.table import align
from ansible_collections.baremetal.bcm.plugins.module_utils._values.text import cut, printable

from .rows import NodeRow, Summary, describe_messages

Stamp = Callable[[float], str]
Column = tuple[str, Callable[[NodeRow], Any]]
# A wider message is cut in the table; it stands whole below it.
_WIDEST_CELL = 60
_WIDEST_LINE = 120
# What a table that is too wide does without, first to last. Messages stand below it, all of it in the report's rows.
_DISPENSABLE = ("MESSAGE", "ROLES", "BMC IP", "STATUS", "CATEGORY", "RESULT")
# Without a run the result follows from the state.
_DISPENSABLE_ALONE = ("MESSAGE", "ROLES", "BMC IP", "RESULT", "STATUS", "CATEGORY")


def _columns(stamp: Stamp | None) -> list[Column]:
    """The columns; with `stamp` those of the last recorded run too."""
    return [
        ("NODE", attrgetter("hostname")),
        ("STATE", attrgetter("state")),
        ("STATUS", attrgetter("status")),
        ("IP", attrgetter("ip")),
        ("BMC IP", attrgetter("bmc_ip")),
        ("CATEGORY", attrgetter("category")),
        ("ROLES", attrgetter("roles")),
        ("IMAGE", attrgetter("image")),
        ("RESULT", attrgetter("outcome")),
        *(_recorded(stamp) if stamp else ()),
        ("MESSAGE", attrgetter("message")),
    ]


def _recorded(stamp: Stamp) -> tuple[Column, ...]:
    return (
        ("LAST RUN", lambda row: stamp(row.timeline.started_s) if row.timeline else None),
        ("TOOK", _took),
        ("LONGEST PHASE", lambda row: f"{row.longest[0]} {format_duration(row.longest[1])}" if row.longest else None),
    )


def _took(row: NodeRow) -> str | None:
    if row.timeline is None:
        return None
    took = format_duration(row.timeline.total_s)
    return f"{took}, failed" if row.timeline.verdict == Phase.FAILED else took


def draw_table(rows: Sequence[NodeRow], stamp: Stamp | None = None) -> list[str]:
    """Draw the rows as aligned text, a line per node, at most 120 columns wide where that can be.

    Columns empty for all are left out, long messages cut, dispensable columns given up. With `stamp`, which puts a
    time into words, the last recorded runs are shown.
    """
    columns = {head: [_cell(head, value(row)) for row in rows] for head, value in _columns(stamp)}
    columns = {head: cells for head, cells in columns.items() if any(cells)}
    widths = {head: max(len(head), *map(len, cells)) for head, cells in columns.items()}
    for head in _DISPENSABLE_ALONE if stamp else _DISPENSABLE:
        if sum(widths.values()) + 2 * (len(widths) - 1) > _WIDEST_LINE:
            widths.pop(head, None)
    return align([[*widths], *([columns[head][index] or "-" for head in widths] for index in range(len(rows)))])


def draw_summary(rows: Sequence[NodeRow], summary: Summary) -> list[str]:
    """Draw one line of counts, then why the others did not succeed: a line per message, with the nodes it is about."""
    lines = [f"{count(summary.total, 'node')}: {summary.words or 'nothing to report'}"]
    for outcome in Outcome:
        if outcome is not Outcome.SUCCESSFUL:
            said = describe_messages(row for row in rows if row.outcome is outcome)
            lines += [f"{outcome.words}: {sentence}" for sentence in said]
    return lines


def describe_run(figures: RunFigures | None) -> list[str]:
    """Put the figures of a run into sentences; none for a run that did nothing."""
    if figures is None or not figures.nodes:
        return []
    lines = [_describe_bound(figures)]
    if figures.achieved_s is not None:
        efficiency = figures.efficiency
        judged = "" if efficiency is None else f", efficiency {efficiency:.2f}; 1.00 is all the slots allow"
        lines.append(f"Achieved {format_duration(figures.achieved_s)}{judged}.")
    return lines


def _describe_bound(figures: RunFigures) -> str:
    nodes, took = count(figures.nodes, "node"), figures.durations
    if figures.bound_s is None or took is None or figures.slots is None or figures.provisioning_nodes is None:
        return f"{nodes} taken on; the bound is not known, because the slots could not be read."
    boot, sync, init = map(format_duration, (took.boot_s, took.sync_s, took.init_s))
    slots = f"{count(figures.slots, 'slot')} on {count(figures.provisioning_nodes, 'provisioning node')}"
    terms = f"{nodes}, {slots}, {boot} boot, {sync} in a slot, {init} init"
    return f"Bound {format_duration(figures.bound_s)}: {terms} ({figures.source}); admission {figures.admission}."


def _cell(head: str, value: object) -> str:
    text = ",".join(map(printable, value)) if isinstance(value, tuple) else printable("" if value is None else value)
    return text if head == "NODE" else cut(text, _WIDEST_CELL)
