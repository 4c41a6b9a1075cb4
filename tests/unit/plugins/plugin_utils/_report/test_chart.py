# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Timeline
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.chart import (
    Lane,
    draw_gantt,
    legend,
    order,
    phases_in_words,
)

from ...module_utils._provisioning.timing import STARTED_S, make_timeline

SVG = ET.Element
INSTALLED = (("powered", 10.0), ("booting", 40.0), ("installing", 300.0), ("init", 50.0))


def lane(name: str, *, failed: bool = False, start_s: float = 0.0, timeline: Timeline | None = None) -> Lane:
    known = timeline or make_timeline(
        *INSTALLED, verdict="failed" if failed else "up", started_s=STARTED_S + start_s, message="why"
    )
    return Lane(name, "failed" if failed else "successful", "a message", failed, known)


def idle(name: str, *, failed: bool = False) -> Lane:
    return Lane(name, "failed" if failed else "skipped", "left alone", failed, None)


def draw(*lanes: Lane, together: bool = True) -> SVG:
    return ET.fromstring(draw_gantt(lanes, together=together))


def rows(drawing: SVG) -> dict[str, SVG]:
    """The row of every node, by its name."""
    return {(group.findtext("title") or "").split(":")[0]: group for group in drawing.findall("g")}


def spans(row: SVG) -> list[tuple[str, float, float]]:
    """What a row draws: class, left edge, width."""
    rects = [rect.attrib for rect in row.findall("rect") if rect.get("class") != "row"]
    return [(rect["class"], float(rect["x"]), float(rect["width"])) for rect in rects]


def test_each_phase_is_as_wide_as_it_took_and_begins_where_the_one_before_ends() -> None:
    drawn = spans(rows(draw(lane("n1")))["n1"])

    assert [name for name, _x, _width in drawn] == ["powered", "booting", "installing", "init", "up"]
    widths = {name: width for name, _x, width in drawn}
    assert widths["installing"] == pytest.approx(30 * widths["powered"], abs=1)
    for (_name, x, width), (_next, next_x, _width) in pairwise(drawn):
        assert next_x == pytest.approx(x + width, abs=0.2)


def test_nodes_of_a_run_share_one_clock() -> None:
    drawn = rows(draw(lane("n1"), lane("n2", start_s=200)))

    assert spans(drawn["n2"])[0][1] == pytest.approx(
        spans(drawn["n1"])[2][1] + 150 / 300 * spans(drawn["n1"])[2][2], abs=1
    )


def test_recorded_runs_of_different_days_all_begin_at_the_left() -> None:
    drawn = rows(draw(lane("n1"), lane("n2", start_s=86400), together=False))

    assert spans(drawn["n1"]) == spans(drawn["n2"])


def test_failures_come_first_then_the_order_of_starts_then_names() -> None:
    lanes = [
        idle("e"),
        lane("d", start_s=50),
        lane("c"),
        lane("b"),
        lane("z", failed=True, start_s=90),
        idle("y", failed=True),
    ]

    assert [one.name for one in order(lanes, together=True)] == ["z", "y", "b", "c", "d", "e"]


def test_a_node_that_failed_before_power_has_a_row_and_one_left_alone_has_none() -> None:
    drawn = rows(draw(lane("n1"), idle("dead", failed=True), idle("resting")))

    assert set(drawn) == {"n1", "dead"}
    assert [name for name, _x, _width in spans(drawn["dead"])] == ["failed"]


def test_nothing_to_draw_is_no_drawing() -> None:
    assert draw_gantt([], together=True) == ""
    assert draw_gantt([idle("n1"), idle("n2", failed=True)], together=True) == ""


def test_a_node_that_took_no_time_is_drawn() -> None:
    assert spans(rows(draw(lane("n1", timeline=make_timeline())))["n1"])[0][0] == "up"


def test_hovering_tells_phases_lengths_and_messages() -> None:
    title = rows(draw(lane("n1")))["n1"].findtext("title") or ""

    assert title.splitlines() == [
        "n1: successful",
        "a message",
        "0s powered 10s: why",
        "10s booting 40s: why",
        "50s installing 5m00s: why",
        "5m50s init 50s: why",
    ]


def test_a_failure_is_told_by_more_than_its_colour() -> None:
    (text, *_times) = [text.text for text in rows(draw(lane("n1", failed=True)))["n1"].findall("text")]

    assert text == "✕ n1"


@pytest.mark.parametrize(("count", "labels"), [(20, 20), (100, 100)])
def test_every_row_has_its_name_where_there_is_room(count: int, labels: int) -> None:
    drawing = draw(*(lane(f"n{number:04}") for number in range(count)))

    assert len(drawing.findall("g/text[@class='name']")) == labels


def test_a_thousand_rows_are_thin_but_their_failures_and_every_few_names_can_be_read() -> None:
    lanes = [lane(f"n{number:04}", failed=number in (300, 700)) for number in range(1000)]

    drawing = draw(*lanes)

    heights = [float(row.get("height", 0)) for row in drawing.findall("g/rect[@class='row']")]
    assert len(heights) == 1000
    assert heights[0] == heights[1] >= 12
    assert set(heights[2:]) == {3}
    names = [float(text.get("y", 0)) for text in drawing.findall("g/text") if "name" in text.get("class", "")]
    assert 150 < len(names) < 300
    assert min(after - before for before, after in pairwise(names)) >= 13


def test_a_hall_full_of_failures_is_no_longer_than_one_without() -> None:
    good, bad = (
        draw(*(lane(f"n{number:04}", failed=failed) for number in range(1000))).get("viewBox")
        for failed in (False, True)
    )

    assert good == bad


@pytest.mark.parametrize("seconds", [0.4, 9, 75, 4000, 90_000, 5_000_000])
def test_the_axis_has_a_few_round_times_whatever_the_length(seconds: float) -> None:
    drawing = draw(lane("n1", timeline=make_timeline(("powered", seconds))))
    ticks = [text.text or "" for text in drawing.findall("text[@class='tick']")]

    assert ticks[0] == "0s"
    assert 2 <= len(ticks) <= 26
    assert not [tick for tick in ticks if re.search(r"[mh]00[sm]$", tick)]


def test_the_legend_has_the_phases_there_are_with_medians() -> None:
    lanes = [
        lane("n1"),
        lane("n2"),
        lane("n3", timeline=make_timeline(("powered", 90), ("asu waiting", 7))),
        idle("n4"),
    ]

    assert legend(lanes) == [
        ("powered", "powered", 10),
        ("booting", "booting", 40),
        ("installing", "installing", 300),
        ("init", "init", 50),
        ("other", "other", 7),
    ]


def test_phases_in_words_are_in_their_order() -> None:
    assert phases_in_words(make_timeline(*INSTALLED)) == "powered 10s, booting 40s, installing 5m00s, init 50s"


@given(st.text(), st.text(), st.text(), st.floats(0, 10**9, allow_nan=False))
@settings(max_examples=200)
def test_foreign_text_never_breaks_the_drawing(name: str, message: str, phase: str, seconds: float) -> None:
    timeline = make_timeline((phase, seconds), message=message)
    lanes = [Lane(name, "failed", message, True, timeline), lane("n2")]

    drawing = draw(*lanes)

    known = {"svg", "title", "desc", "path", "text", "g", "rect"}
    assert {element.tag for element in drawing.iter()} <= known
    assert len(drawing.findall("g")) == 2
