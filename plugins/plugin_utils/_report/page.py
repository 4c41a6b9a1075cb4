# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The report as one page of HTML that needs nothing else: no script, no asset. Pure; foreign text is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from ...module_utils._provisioning.timeline import Timeline
from ...module_utils._values.duration import format_duration
from ...module_utils._values.text import printable
from .chart import Lane, draw_gantt, legend, order, phases_in_words
from .rows import OUTCOMES, Stamp, count_outcomes, describe_run

# name: on white, on black. Told apart in grey and by colour-blind eyes too: neighbours differ in lightness.
_COLOURS = {
    "restarting": ("#c9b3dd", "#8f74ad"),
    "powered": ("#b4bcc6", "#5d6875"),
    "booting": ("#7cc4e8", "#4aa3d1"),
    "rebooting": ("#d98e04", "#e0a030"),
    "installer": ("#4fb3a0", "#3f9a88"),
    "queued": ("#f2dc8a", "#80713a"),
    "installing": ("#2167ae", "#5b9fe6"),
    "init": ("#9acb5d", "#8fbf55"),
    "other": ("#d5d5d5", "#777777"),
    "up": ("#1a6b2f", "#3fce65"),
    "failed": ("#c8102e", "#ff6470"),
}
_INK = {
    "paper": ("#ffffff", "#14171a"),
    "ink": ("#1b1f24", "#e6e8ea"),
    "faint": ("#5b6570", "#9aa4ae"),
    "line": ("#dfe3e8", "#31373d"),
    "hover": ("#eef3f8", "#20262c"),
}
# Nothing of the page may be fetched or run, whatever a foreign text tries.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """\
body { margin: 0 auto; max-width: 1280px; padding: 24px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 18px; margin: 32px 0 8px; } p { margin: 4px 0; }
.faint, .key { color: var(--faint); }
.counts { display: flex; flex-wrap: wrap; gap: 12px; list-style: none; margin: 20px 0; padding: 0; }
.counts li { border: 1px solid var(--line); border-radius: 6px; padding: 8px 16px; color: var(--faint); }
.counts b { display: block; font-size: 24px; line-height: 1.2; color: var(--ink); }
.counts .bad b, .bad { color: var(--failed); fill: var(--failed); } .counts .good b { color: var(--up); }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 8px 0; padding: 0; font-size: 13px; }
.key i { display: inline-block; width: 13px; height: 13px; margin-right: 6px; border-radius: 2px;
  vertical-align: -2px; }
.wide { overflow-x: auto; } svg { display: block; width: 100%; min-width: 800px; height: auto; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink); }
svg .name { text-anchor: end; } svg .bad { fill: var(--failed); font-weight: 600; }
svg .tick { text-anchor: middle; } svg .tick, svg .time { fill: var(--faint); }
svg rect { shape-rendering: crispEdges; }
svg .grid { stroke: var(--line); } svg .row { fill: transparent; } svg g:hover .row { fill: var(--hover); }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); }
th { white-space: nowrap; } td { overflow-wrap: anywhere; } thead th { color: var(--faint); font-weight: 500; }
.short { white-space: nowrap; } tbody tr:hover { background: var(--hover); }
@media print { * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } body { padding: 0; font-size: 11px; }
  h1 { font-size: 18px; } h2 { font-size: 14px; margin: 12px 0 4px; } .counts { margin: 8px 0; }
  .counts li { padding: 2px 12px; } .counts b { font-size: 16px; } .key, table { font-size: 9px; }
  th, td { padding: 1px 10px 1px 0; } tr, li { break-inside: avoid; } .wide { overflow: visible; }
  @page { size: A4 landscape; margin: 12mm; } }
"""


def draw_page(
    rows: Sequence[Mapping[str, Any]],
    timelines: Mapping[str, Timeline],
    summary: Mapping[str, Any],
    run: Mapping[str, Any] | None,
    *,
    written_s: float,
    stamp: Stamp,
) -> str:
    """The whole page. `run` is None where none is reported on: then the time-lines are the last recorded ones.

    Raises BcmConfigError for figures of a run that bcm_provision did not give.
    """
    together = run is not None
    # "failed" of a row is about the run; without one, a node that stands failed is put first all the same.
    lanes = [
        Lane(
            row["hostname"],
            str(row["outcome"]).replace("_", " "),
            str(row["message"] or ""),
            bool(row["failed"]) or row["outcome"] == "failed",
            timelines.get(row["hostname"]),
        )
        for row in rows
    ]
    title = f"{'Provisioning run' if together else 'Status of nodes'}: {count_outcomes(summary) or 'no nodes'}"
    states = {row["hostname"]: str(row["state"]).replace("_", " ") for row in rows}
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{title}</title>",
            f"<style>\n{_colours()}{_STYLE}</style>",
            "</head>",
            "<body>",
            f"<h1>{'Provisioning run' if together else 'Status of nodes'}</h1>",
            f'<p class="faint">{_when(timelines, together, written_s, stamp)}</p>',
            *_counts(summary),
            *(f"<p>{escape(line)}</p>" for line in describe_run(run or {})),
            *_failures(rows, lanes),
            *_chart(lanes, together),
            *_table(order(lanes, together=together), states, together, stamp),
            "</body>",
            "</html>",
            "",
        ]
    )


def _colours() -> str:
    light, dark = (
        " ".join(f"--{name}: {shades[index]};" for name, shades in (*_INK.items(), *_COLOURS.items()))
        for index in (0, 1)
    )
    fills = " ".join(f".{name} {{ fill: var(--{name}); }}" for name in _COLOURS)
    swatches = " ".join(f"i.{name} {{ background: var(--{name}); }}" for name in _COLOURS)
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n{fills}\n{swatches}\n"
    )


def _when(timelines: Mapping[str, Timeline], together: bool, written_s: float, stamp: Stamp) -> str:
    written = f"written {escape(stamp(written_s))}"
    if not together or not timelines:
        return written[:1].upper() + written[1:]
    return f"Started {escape(stamp(min(line.started_s for line in timelines.values())))}, {written}"


def _counts(summary: Mapping[str, Any]) -> Iterator[str]:
    yield '<ul class="counts">'
    yield f"<li><b>{summary['total']:,}</b>nodes</li>"
    for outcome in OUTCOMES:
        if summary[outcome]:
            tone = {"successful": "good", "failed": "bad", "not_found": "bad"}.get(outcome, "plain")
            yield f'<li class="{tone}"><b>{summary[outcome]:,}</b>{outcome.replace("_", " ")}</li>'
    yield "</ul>"


def _failures(rows: Sequence[Mapping[str, Any]], lanes: Sequence[Lane]) -> Iterator[str]:
    """What went wrong, once for all nodes it went wrong with."""
    names: dict[str, list[str]] = {}
    for row, lane in zip(rows, lanes):
        if lane.failed or row["outcome"] == "not_found":
            names.setdefault(printable(lane.message) or "no message", []).append(printable(lane.name))
    if names:
        yield "<h2>Failures</h2>"
        yield "<ul>"
        yield from (
            f'<li><b class="bad">{escape(", ".join(who))}</b>: {escape(why)}</li>' for why, who in names.items()
        )
        yield "</ul>"


def _chart(lanes: Sequence[Lane], together: bool) -> Iterator[str]:
    drawing = draw_gantt(lanes, together=together)
    yield f"<h2>{'Timeline' if together else 'Last recorded run of each node'}</h2>"
    if not drawing:
        yield "<p>No node was powered.</p>" if together else "<p>No node has a record of a run.</p>"
        return
    without = sum(1 for lane in lanes if lane.timeline is None and not lane.failed)
    if without:
        reason = "nothing was to be done" if together else "nothing is recorded"
        yield f'<p class="faint">Not shown: {without:,} for which {reason}.</p>'
    yield '<ul class="key">'
    for name, phase, median_s in legend(lanes):
        yield f'<li><i class="{name}"></i>{phase}, median {format_duration(median_s)}</li>'
    yield '<li><i class="up"></i>up</li><li><i class="failed"></i>failed</li>'
    yield "</ul>"
    yield f'<div class="wide">\n{drawing}\n</div>'


def _table(lanes: Sequence[Lane], states: Mapping[str, str], together: bool, stamp: Stamp) -> Iterator[str]:
    columns = ("Node", "Result", "State", "Start" if together else "Last run", "Took", "Phases", "Message")
    begin_s = min((lane.timeline.started_s for lane in lanes if lane.timeline), default=0.0)
    heads = "".join(f'<th scope="col">{column}</th>' for column in columns)
    yield f'<h2>Nodes</h2>\n<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>'
    for lane in lanes:
        line = lane.timeline
        start = took = phases = ""
        if line:
            start = f"+{format_duration(line.started_s - begin_s)}" if together else stamp(line.started_s)
            took, phases = format_duration(line.total_s), phases_in_words(line)
        tone = "short bad" if lane.failed else "short"
        yield (
            f'<tr><th scope="row">{escape(printable(lane.name))}</th><td class="{tone}">{escape(lane.outcome)}</td>'
            f'<td class="short">{escape(states[lane.name])}</td><td class="short">{escape(start)}</td>'
            f'<td class="short">{took}</td><td>{escape(phases)}</td><td>{escape(printable(lane.message))}</td></tr>'
        )
    yield "</tbody></table></div>"
