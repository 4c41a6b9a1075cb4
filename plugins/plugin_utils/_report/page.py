# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as one page of HTML that needs nothing else: no script, no asset. `page.html.j2` draws it."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run_figures import RunFigures

from .chart import draw_gantt, legend, phases_in_words
from .colours import FILLS, INK
from .rows import NodeRow, Summary, describe_messages, order_rows
from .table import Stamp, describe_run
from .templates import render

# Nothing of the page may be fetched or run, whatever a foreign text tries.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def draw_page(
    rows: Sequence[NodeRow],
    summary: Summary,
    figures: RunFigures | None,
    *,
    together: bool,
    written_s: float,
    stamp: Stamp,
) -> str:
    """Draw the whole page. `together` says that the timelines are those of one run, and not each node's last one;
    `written_s` is Unix time, and `stamp` puts such a time into words."""
    starts_s = [row.timeline.started_s for row in rows if row.timeline]
    return render(
        "page.html.j2",
        policy=POLICY,
        colours={**INK, **FILLS},
        fills=FILLS,
        heading="Provisioning run" if together else "Status of nodes",
        together=together,
        summary=summary,
        begin_s=min(starts_s, default=None),
        written_s=written_s,
        figures=describe_run(figures),
        failures=describe_messages(row for row in rows if row.is_bad),
        chart=draw_gantt(rows, together=together),
        legend=legend(rows),
        not_shown=sum(row.timeline is None and not row.is_bad for row in rows),
        rows=order_rows(rows, together=together),
        stamp=stamp,
        phases_in_words=phases_in_words,
    )
