# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Time-lines of many nodes as one drawing (SVG): a row a node, a bar a phase. Pure; all text is foreign and escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from statistics import median

from ...module_utils._provisioning.timeline import Span, Timeline, durations
from ...module_utils._values.duration import format_duration
from ...module_utils._values.text import cut, printable

# Of the drawing, in its own units; it is scaled to the width of the page.
_WIDTH = 1200
_GUTTER = 170
_RIGHT = 70
_AXIS = 26
_LABELLED = 10.0  # rows lower than this have no room for their name
_LABEL_STEP = 14.0  # but one is named every so often
_MOST_TICKS = 12
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
# Phases with a colour of their own, in the order of a boot; up and failed are marks.
PHASES = ("restarting", "powered", "booting", "rebooting", "installer", "queued", "installing", "init")
_OTHER = "other"
_ROUND = re.compile("(?<=[mh])00[sm]$")  # 2m for 2m00s on the axis


@dataclass(frozen=True)
class Lane:
    """One row: a node's name, what became of it in words, and its phases where it has any."""

    name: str
    outcome: str
    message: str
    failed: bool
    timeline: Timeline | None


def order(lanes: Sequence[Lane], *, together: bool) -> list[Lane]:
    """Failures first, then by start (`together`: on one clock), then by name; those without phases come last."""

    def key(lane: Lane) -> tuple[bool, bool, float, str]:
        started_s = lane.timeline.started_s if lane.timeline and together else 0.0
        return not lane.failed, lane.timeline is None, started_s, lane.name

    return sorted(lanes, key=key)


def draw_gantt(lanes: Sequence[Lane], *, together: bool) -> str:
    """The drawing; all start at the left where they are not `together` on one clock. "" where there is nothing."""
    timelines = [lane.timeline for lane in lanes if lane.timeline]
    if not timelines:
        return ""
    begin_s = min(timeline.started_s for timeline in timelines)
    shown = [lane for lane in order(lanes, together=together) if lane.timeline or lane.failed]
    ends_s = [timeline.total_s + (timeline.started_s - begin_s) * together for timeline in timelines]
    span_s = max(*ends_s, 1.0)
    heights = _heights(shown)
    height = _AXIS + sum(heights) + _AXIS
    scale = (_WIDTH - _GUTTER - _RIGHT) / span_s
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-labelledby="gantt-title gantt-desc">',
        '<title id="gantt-title">Phases of every node over time</title>',
        f'<desc id="gantt-desc">{_describe(len(shown), span_s)}</desc>',
        *_axis(span_s, scale, height),
    ]
    top = float(_AXIS)
    named = 0.0
    for lane, row_height in zip(shown, heights):
        offset_s = lane.timeline.started_s - begin_s if lane.timeline and together else 0.0
        middle = top + row_height / 2
        has_room = row_height >= _LABELLED or middle - named >= _LABEL_STEP
        named = middle if has_room else named
        parts += _row(lane, _GUTTER + offset_s * scale, top, row_height, scale, labelled=has_room)
        top += row_height
    return "\n".join([*parts, "</svg>"])


def _describe(rows: int, span_s: float) -> str:
    text = f"{rows} rows, failures first, {format_duration(span_s)} from left to right."
    return f"{text} The table of nodes below says the same in words."


def legend(lanes: Sequence[Lane]) -> list[tuple[str, str, float]]:
    """What the colours mean: class, phase and the median of its length in seconds, for the phases there are."""
    seen: dict[str, list[float]] = {}
    for lane in lanes:
        for phase, seconds in durations(lane.timeline).items() if lane.timeline else ():
            if seconds > 0:
                seen.setdefault(_class(phase), []).append(seconds)
    return [(name, name, median(seen[name])) for name in (*PHASES, _OTHER) if name in seen]


def phases_in_words(timeline: Timeline) -> str:
    """`powered 12s, booting 8s, installing 5m00s`, in the order they came."""
    spans = [span for span in timeline.spans if span.seconds > 0]
    return ", ".join(f"{printable(span.phase)} {format_duration(span.seconds)}" for span in spans)


def _heights(lanes: Sequence[Lane]) -> list[float]:
    """Rows get lower the more there are; a few failures among many stay readable."""
    usual = next((height for most, height in ((40, 20.0), (120, 13.0), (400, 6.0)) if len(lanes) <= most), 3.0)
    failures = sum(lane.failed for lane in lanes)
    failed = max(usual, 13.0) if failures <= 60 else usual
    return [failed if lane.failed else usual for lane in lanes]


def _axis(span_s: float, scale: float, height: float) -> Iterator[str]:
    fits = (tick for tick in _TICKS_S if span_s / tick <= _MOST_TICKS)
    tick_s = next(fits, _TICKS_S[-1] * (1 + int(span_s / _TICKS_S[-1] / _MOST_TICKS)))
    for number in range(int(span_s / tick_s) + 1):
        x = _GUTTER + number * tick_s * scale
        text = _ROUND.sub("", format_duration(number * tick_s))
        yield f'<path class="grid" d="M{x:.1f} {_AXIS - 6}V{height - _AXIS + 6:g}"/>'
        for y in (_AXIS - 10, height - 8):
            yield f'<text class="tick" x="{x:.1f}" y="{y:g}">{text}</text>'


def _row(lane: Lane, left: float, top: float, height: float, scale: float, *, labelled: bool) -> Iterator[str]:
    gap = 3.0 if height >= _LABELLED else 1.0 if height >= 6 else 0.0
    yield f"<g><title>{_tip(lane)}</title>"
    # The whole row answers to the pointer, not just its bars.
    yield f'<rect class="row" x="0" y="{top:g}" width="{_WIDTH}" height="{height:g}"/>'
    if labelled:
        mark = "✕ " if lane.failed else ""
        text = escape(mark + cut(printable(lane.name), 24 - len(mark)))
        middle = top + height / 2 + 4
        yield f'<text class="name{" bad" if lane.failed else ""}" x="{_GUTTER - 8}" y="{middle:g}">{text}</text>'
    spans = lane.timeline.spans if lane.timeline else ()
    right = left
    for span in spans:
        x, right = left + span.at_s * scale, left + (span.at_s + span.seconds) * scale
        if span.seconds > 0:
            yield _rectangle(_class(span.phase), x, right - x, top + gap / 2, height - gap)
    yield from _end(lane, right, top + gap / 2, height - gap, labelled=height >= _LABELLED)
    yield "</g>"


def _end(lane: Lane, x: float, top: float, height: float, *, labelled: bool) -> Iterator[str]:
    verdict = "failed" if lane.failed else lane.timeline.verdict if lane.timeline else ""
    if verdict:
        yield _rectangle(verdict, x, 5 if verdict == "failed" else 2.5, top, height)
    if labelled and lane.timeline:
        text = format_duration(lane.timeline.total_s)
        yield f'<text class="time" x="{x + 10:.1f}" y="{top + height / 2 + 4:g}">{text}</text>'


def _rectangle(name: str, x: float, width: float, top: float, height: float) -> str:
    return f'<rect class="{name}" x="{x:.1f}" y="{top:g}" width="{width:.1f}" height="{height:g}"/>'


def _tip(lane: Lane) -> str:
    lines = [f"{printable(lane.name)}: {lane.outcome}", printable(lane.message)]
    lines += [_span_in_words(span) for span in (lane.timeline.spans if lane.timeline else ()) if span.seconds > 0]
    return escape("\n".join(line for line in lines if line))


def _span_in_words(span: Span) -> str:
    message = f": {printable(span.message)}" if span.message else ""
    return f"{format_duration(span.at_s)} {printable(span.phase)} {format_duration(span.seconds)}{message}"


def _class(phase: str) -> str:
    return phase if phase in PHASES or phase in ("up", "failed") else _OTHER
