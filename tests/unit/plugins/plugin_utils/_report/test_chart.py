# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Timeline
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.chart import (
    draw_gantt,
    lay_out,
    legend,
    phases_in_words,
)
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.rows import NodeRow

from ...module_utils._provisioning.timing import STARTED_S, make_timeline

SVG = ET.Element
INSTALLED = (("powered", 10.0), ("booting", 40.0), ("installing", 300.0), ("init", 50.0))


def row(name: str, *, failed: bool = False, start_s: float = 0.0, timeline: Timeline | None = None) -> NodeRow:
    known = timeline or make_timeline(
        *INSTALLED, verdict="failed" if failed else "up", started_s=STARTED_S + start_s, message="why"
    )
    return NodeRow(name, Outcome.FAILED if failed else Outcome.SUCCESSFUL, failed, "a message", timeline=known)


def idle(name: str, *, failed: bool = False) -> NodeRow:
    return NodeRow(name, Outcome.FAILED if failed else Outcome.SKIPPED, failed, "left alone")


def draw(*rows: NodeRow, together: bool = True) -> SVG:
    return ET.fromstring(draw_gantt(rows, together=together))


def drawn_rows(drawing: SVG) -> dict[str, SVG]:
    """The row of every node, by its name."""
    return {(group.findtext("title") or "").split(":")[0]: group for group in drawing.findall("g")}


def spans(group: SVG) -> list[tuple[str, float, float]]:
    """What a row draws: class, left edge, width."""
    rects = [rect.attrib for rect in group.findall("rect") if rect.get("class") != "row"]
    return [(rect["class"], float(rect["x"]), float(rect["width"])) for rect in rects]


def test_each_phase_is_as_wide_as_it_took_and_begins_where_the_one_before_ends() -> None:
    drawn = spans(drawn_rows(draw(row("n1")))["n1"])

    assert [name for name, _x, _width in drawn] == ["powered", "booting", "installing", "init", "up"]
    widths = {name: width for name, _x, width in drawn}
    assert widths["installing"] == pytest.approx(30 * widths["powered"], abs=1)
    for (_name, x, width), (_next, next_x, _width) in pairwise(drawn):
        assert next_x == pytest.approx(x + width, abs=0.2)


def test_nodes_of_a_run_share_one_clock() -> None:
    drawn = drawn_rows(draw(row("n1"), row("n2", start_s=200)))

    assert spans(drawn["n2"])[0][1] == pytest.approx(
        spans(drawn["n1"])[2][1] + 150 / 300 * spans(drawn["n1"])[2][2], abs=1
    )


def test_recorded_runs_of_different_days_all_begin_at_the_left() -> None:
    drawn = drawn_rows(draw(row("n1"), row("n2", start_s=86400), together=False))

    assert spans(drawn["n1"]) == spans(drawn["n2"])


def test_a_node_that_failed_before_power_has_a_row_and_one_left_alone_has_none() -> None:
    drawn = drawn_rows(draw(row("n1"), idle("dead", failed=True), idle("resting")))

    assert set(drawn) == {"n1", "dead"}
    assert [name for name, _x, _width in spans(drawn["dead"])] == ["failed"]


def test_nothing_to_draw_is_no_drawing() -> None:
    assert draw_gantt([], together=True) == ""
    assert draw_gantt([idle("n1"), idle("n2", failed=True)], together=True) == ""


def test_a_node_that_took_no_time_is_drawn() -> None:
    assert spans(drawn_rows(draw(row("n1", timeline=make_timeline())))["n1"])[0][0] == "up"


def test_hovering_tells_phases_lengths_and_messages() -> None:
    title = drawn_rows(draw(row("n1")))["n1"].findtext("title") or ""

    assert title.splitlines() == [
        "n1: successful",
        "a message",
        "0s powered 10s: why",
        "10s booting 40s: why",
        "50s installing 5m00s: why",
        "5m50s init 50s: why",
    ]


def test_a_failure_is_told_by_more_than_its_colour() -> None:
    (text, *_times) = [text.text for text in drawn_rows(draw(row("n1", failed=True)))["n1"].findall("text")]

    assert text == "✕ n1"


def test_the_name_of_a_failure_is_marked_as_bad_and_no_other() -> None:
    drawing = draw(row("n1", failed=True), row("n2"))
    names = {text.text: text.get("class") for text in drawing.findall("g/text") if "name" in text.get("class", "")}

    assert names == {"✕ n1": "name bad", "n2": "name"}


def test_a_node_that_came_up_in_the_run_and_is_gone_now_ends_in_red() -> None:
    lost = replace(row("n1"), outcome=Outcome.FAILED, failed=True)

    assert [name for name, _x, _width in spans(drawn_rows(draw(lost))["n1"])][-2:] == ["init", "failed"]


def test_a_run_of_long_ago_that_failed_ends_in_red_without_making_a_failure_of_its_node() -> None:
    recovered = row("n1", timeline=make_timeline(("powered", 9), verdict="failed"))
    (lane,) = (lay_out([recovered], together=False) or pytest.fail("no drawing")).lanes

    assert [bar.name for bar in lane.bars] == ["powered", "failed"]
    assert draw(recovered, together=False).find("g/text[@class='name']") is not None


@pytest.mark.parametrize(("count", "labels"), [(20, 20), (100, 100)])
def test_every_row_has_its_name_where_there_is_room(count: int, labels: int) -> None:
    drawing = draw(*(row(f"n{number:04}") for number in range(count)))

    assert len(drawing.findall("g/text[@class='name']")) == labels


def test_a_thousand_rows_are_thin_but_their_failures_and_every_few_names_can_be_read() -> None:
    nodes = [row(f"n{number:04}", failed=number in (300, 700)) for number in range(1000)]

    drawing = draw(*nodes)

    heights = [float(row.get("height", 0)) for row in drawing.findall("g/rect[@class='row']")]
    assert len(heights) == 1000
    assert heights[0] == heights[1] >= 12
    assert set(heights[2:]) == {3}
    names = [float(text.get("y", 0)) for text in drawing.findall("g/text") if "name" in text.get("class", "")]
    assert 150 < len(names) < 300
    assert min(after - before for before, after in pairwise(names)) >= 13


def test_a_hall_full_of_failures_is_no_longer_than_one_without() -> None:
    good, bad = (
        draw(*(row(f"n{number:04}", failed=failed) for number in range(1000))).get("viewBox")
        for failed in (False, True)
    )

    assert good == bad


@pytest.mark.parametrize("seconds", [0.4, 9, 75, 4000, 90_000, 5_000_000])
def test_the_axis_has_a_few_round_times_whatever_the_length(seconds: float) -> None:
    drawing = draw(row("n1", timeline=make_timeline(("powered", seconds))))
    ticks = [text.text or "" for text in drawing.findall("text[@class='tick']")]

    assert ticks[0] == "0s"
    assert 2 <= len(ticks) <= 26
    assert not [tick for tick in ticks if re.search(r"[mh]00[sm]$", tick)]


def test_the_legend_has_the_phases_there_are_with_medians() -> None:
    nodes = [
        row("n1"),
        row("n2"),
        row("n3", timeline=make_timeline(("powered", 90), ("asu waiting", 7))),
        idle("n4"),
    ]

    assert legend(nodes) == [
        ("powered", 10),
        ("booting", 40),
        ("installing", 300),
        ("init", 50),
        ("other", 7),
    ]


def test_phases_in_words_are_in_their_order() -> None:
    assert phases_in_words(make_timeline(*INSTALLED)).replace("\u00a0", " ") == (
        "powered 10s, booting 40s, installing 5m00s, init 50s"
    )


@given(st.text(), st.text(), st.text(), st.floats(0, 10**9, allow_nan=False))
@settings(max_examples=200)
def test_foreign_text_never_breaks_the_drawing(name: str, message: str, phase: str, seconds: float) -> None:
    timeline = make_timeline((phase, seconds), message=message)
    nodes = [NodeRow(name, Outcome.FAILED, True, message, timeline=timeline), row("n2")]

    drawing = draw(*nodes)

    known = {"svg", "title", "desc", "path", "text", "g", "rect"}
    assert {element.tag for element in drawing.iter()} <= known
    assert len(drawing.findall("g")) == 2
