# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The timelines of many nodes as one drawing: a row per node, a bar per phase. Pure; `gantt.svg.j2` draws it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import Phase
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Span, Timeline, durations
from ansible_collections.baremetal.bcm.plugins.module_utils._values.duration import format_duration
from ansible_collections.baremetal.bcm.plugins.module_utils._values.text import printable

from .colours import OTHER, PHASE_COLOURS
from .rows import NodeRow, order_rows
from .templates import render

# Of the drawing, in its own units; it is scaled to the width of the page.
_WIDTH = 1200.0
_GUTTER = 170.0
_RIGHT = 70.0
_AXIS = 26.0
_LABELLED = 10.0  # rows lower than this have no room for their name
_LABEL_STEP = 14.0  # but one is named every so often
_FAILURE = 13.0  # the least height of a failure, where there are not too many of them
_MOST_HIGH_FAILURES = 60
_MOST_TICKS = 12
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_ROUND = re.compile("(?<=[mh])00[sm]$")  # 2m for 2m00s on the axis


@dataclass(frozen=True)
class Bar:
    """One phase, or the mark at the end. `name` is that of its colour."""

    name: str
    x: float
    width: float


@dataclass(frozen=True)
class Lane:
    """One node in the drawing."""

    row: NodeRow
    top: float
    height: float
    bars: tuple[Bar, ...]
    end_x: float  # where its phases end
    is_named: bool  # there is room for its name
    is_timed: bool  # there is room for how long it took
    tip: tuple[str, ...]  # the lines that appear under the pointer

    @property
    def gap(self) -> float:
        """How far its bars are from those of its neighbours."""
        return 3.0 if self.height >= _LABELLED else 1.0 if self.height >= 6 else 0.0


@dataclass(frozen=True)
class Tick:
    """One time on the axis."""

    x: float
    text: str


@dataclass(frozen=True)
class Gantt:
    """The whole drawing."""

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    span_s: float
    height: float
    width: float = _WIDTH
    gutter: float = _GUTTER
    axis: float = _AXIS


def draw_gantt(rows: Sequence[NodeRow], *, together: bool) -> str:
    """Draw the timelines as SVG; all start at the left where they are not `together` on one clock. "" for none."""
    gantt = lay_out(rows, together=together)
    return render("gantt.svg.j2", gantt=gantt) if gantt else ""


def lay_out(rows: Sequence[NodeRow], *, together: bool) -> Gantt | None:
    """Find the place of everything in the drawing; None where no node has a timeline."""
    timelines = [row.timeline for row in rows if row.timeline]
    if not timelines:
        return None
    begin_s = min(timeline.started_s for timeline in timelines)

    def offset_of(timeline: Timeline | None) -> float:
        return timeline.started_s - begin_s if timeline and together else 0.0

    shown = [row for row in order_rows(rows, together=together) if row.timeline or row.is_bad]
    span_s = max(*(offset_of(timeline) + timeline.total_s for timeline in timelines), 1.0)
    scale = (_WIDTH - _GUTTER - _RIGHT) / span_s
    heights = _heights(shown)
    tops = [*accumulate(heights, initial=_AXIS)]
    lanes = (
        _lane(row, _GUTTER + offset_of(row.timeline) * scale, top, height, scale, is_named=is_named)
        for row, top, height, is_named in zip(shown, tops, heights, _named(tops, heights))
    )
    return Gantt(tuple(lanes), tuple(_ticks(span_s, scale)), span_s, tops[-1] + _AXIS)


def legend(rows: Sequence[NodeRow]) -> list[tuple[str, float]]:
    """List the colours there are, each with the median length of its phase in seconds."""
    seen: dict[str, list[float]] = {}
    for row in rows:
        for phase, seconds in durations(row.timeline).items() if row.timeline else ():
            if seconds > 0:
                seen.setdefault(_colour(phase), []).append(seconds)
    return [(name, median(seen[name])) for name in (*PHASE_COLOURS, OTHER) if name in seen]


def phases_in_words(timeline: Timeline) -> str:
    """Write the phases as `powered 12s, booting 8s`, in the order they came; a line never ends before a duration."""
    return ", ".join(f"{printable(span.phase)}\u00a0{format_duration(span.seconds)}" for span in _lasting(timeline))


def _lasting(timeline: Timeline | None) -> list[Span]:
    return [span for span in timeline.spans if span.seconds > 0] if timeline else []


def _heights(rows: Sequence[NodeRow]) -> list[float]:
    """Rows get lower the more there are; a few failures among many stay readable."""
    usual = next((height for most, height in ((40, 20.0), (120, 13.0), (400, 6.0)) if len(rows) <= most), 3.0)
    failures = sum(row.is_bad for row in rows)
    failed = max(usual, _FAILURE) if failures <= _MOST_HIGH_FAILURES else usual
    return [failed if row.is_bad else usual for row in rows]


def _named(tops: Sequence[float], heights: Sequence[float]) -> Iterator[bool]:
    """Whether there is room for the name of each row: in it, or because those before it have none."""
    last = 0.0
    for top, height in zip(tops, heights):
        middle = top + height / 2
        is_named = height >= _LABELLED or middle - last >= _LABEL_STEP
        last = middle if is_named else last
        yield is_named


def _ticks(span_s: float, scale: float) -> Iterator[Tick]:
    fits = (tick for tick in _TICKS_S if span_s / tick <= _MOST_TICKS)
    tick_s = next(fits, _TICKS_S[-1] * (1 + int(span_s / _TICKS_S[-1] / _MOST_TICKS)))
    for number in range(int(span_s / tick_s) + 1):
        yield Tick(_GUTTER + number * tick_s * scale, _ROUND.sub("", format_duration(number * tick_s)))


def _lane(row: NodeRow, left: float, top: float, height: float, scale: float, *, is_named: bool) -> Lane:
    spans = _lasting(row.timeline)
    bars = [Bar(_colour(span.phase), left + span.at_s * scale, span.seconds * scale) for span in spans]
    end_x = left + row.timeline.total_s * scale if row.timeline else left
    verdict = row.timeline.verdict if row.timeline else ""
    if row.is_bad:
        bars.append(Bar(Phase.FAILED, end_x, 5.0))
    elif verdict:
        bars.append(Bar(verdict, end_x, 5.0 if verdict == Phase.FAILED else 2.5))
    return Lane(
        row=row,
        top=top,
        height=height,
        bars=tuple(bars),
        end_x=end_x,
        is_named=is_named,
        is_timed=height >= _LABELLED and row.timeline is not None,
        tip=tuple(_tip(row, spans)),
    )


def _tip(row: NodeRow, spans: Sequence[Span]) -> Iterator[str]:
    yield f"{printable(row.hostname)}: {row.outcome.words}"
    if row.message:
        yield row.message
    for span in spans:
        message = f": {span.message}" if span.message else ""
        yield f"{format_duration(span.at_s)} {span.phase} {format_duration(span.seconds)}{message}"


def _colour(phase: str) -> str:
    return phase if phase in PHASE_COLOURS else OTHER
