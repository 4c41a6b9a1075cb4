# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import NodeState
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run_figures import RunFigures
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Durations, Timeline
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.page import draw_page
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.rows import NodeRow, Summary
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.templates import render

from ...module_utils._provisioning.timing import STARTED_S, make_timeline

FIGURES = RunFigures(
    nodes=3,
    admission="all",
    slots=10,
    provisioning_nodes=1,
    durations=Durations(50.0, 300.0, 50.0),
    source="observed",
    bound_s=400.0,
    achieved_s=420.0,
    efficiency=0.952,
)
WAY = make_timeline(("powered", 50), ("installing", 300), ("init", 50))
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "</title></svg><iframe src=//evil.example></iframe>",
    "' onmouseover='alert(1)",
    "&lt;b&gt; &#x3c;script&#x3e;",
    "]]><!--",
    "\x1b[31m\x00\u202egnp.exe\ud800",
)


class Reader(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.cells: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _attributes in self.elements)


def row(
    name: str,
    outcome: Outcome = Outcome.SUCCESSFUL,
    message: str = "UP after 6m40s",
    timeline: Timeline | None = WAY,
) -> NodeRow:
    return NodeRow(name, outcome, outcome is Outcome.FAILED, message, NodeState.ACTIVE, timeline=timeline)


def idle(name: str, message: str = "left alone") -> NodeRow:
    return row(name, Outcome.SKIPPED, message, None)


def draw(*rows: NodeRow, together: bool = True, figures: RunFigures | None = FIGURES) -> str:
    return draw_page(
        rows,
        Summary.of(rows),
        figures,
        together=together,
        written_s=STARTED_S,
        stamp=lambda seconds: f"at {seconds:.0f}",
    )


def page(*rows: NodeRow, together: bool = True, figures: RunFigures | None = FIGURES) -> Reader:
    return Reader(draw(*rows, together=together, figures=figures))


def test_a_page_tells_counts_bound_and_efficiency() -> None:
    text = page(row("n1"), row("n2"), row("n3", Outcome.FAILED, "no space left")).text

    assert "3nodes" in text
    assert "2successful" in text
    assert "1failed" in text
    assert "Bound 6m40s: 3 nodes, 10 slots on 1 provisioning node" in text
    assert "Achieved 7m00s, efficiency 0.95" in text


def test_a_page_lists_failures_before_anything_else_by_what_went_wrong() -> None:
    seen = page(row("a"), row("b", Outcome.FAILED, "no space left"), row("c", Outcome.FAILED, "no space left"))

    assert seen.text.index("2 nodes (b, c): no space left") < seen.text.index("Timeline")
    assert seen.cells[7] == "b"


def test_without_failures_there_is_no_list_of_them() -> None:
    assert "Failures" not in page(row("a")).text


def test_the_table_says_in_words_what_the_chart_draws() -> None:
    seen = page(row("n1"))

    assert seen.count("svg") == 1
    assert seen.cells == [
        *("Node", "Result", "State", "Start", "Took", "Phases", "Message"),
        *(
            "n1",
            "successful",
            "active",
            "+0s",
            "6m40s",
            "powered\u00a050s, installing\u00a05m00s, init\u00a050s",
            "UP after 6m40s",
        ),
    ]


def test_nodes_that_were_left_alone_are_counted_and_in_the_table() -> None:
    seen = page(row("n1"), idle("n2", "UP with default-image"))

    assert "Not shown: 1 node for which nothing was to be done." in seen.text
    assert "UP with default-image" in seen.cells


def test_a_run_that_did_nothing_has_a_page() -> None:
    seen = page(idle("n1"), figures=None)

    assert "No node was powered." in seen.text
    assert "Bound" not in seen.text
    assert seen.count("svg") == 0


def test_without_a_run_the_page_shows_the_last_recorded_ones() -> None:
    seen = page(row("n1"), together=False, figures=None)

    assert "Last recorded run of each node" in seen.text
    assert f"at {STARTED_S:.0f}" in seen.cells
    assert "No node has a record of a run." in page(idle("n1"), together=False, figures=None).text


def test_a_page_needs_no_script_and_nothing_from_outside() -> None:
    html = draw(row("n1"))
    seen = Reader(html)

    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & {name for name, _attrs in seen.elements}
    assert not [attrs for _name, attrs in seen.elements if {"src", "href", "style"} & attrs.keys()]
    assert "url(" not in html
    assert "@import" not in html
    policies = [attrs["content"] for _name, attrs in seen.elements if attrs.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]


def test_a_page_is_for_light_and_dark_and_paper() -> None:
    html = draw(row("n1"))

    assert "@media screen and (prefers-color-scheme: dark)" in html
    assert "@media print" in html
    names = set(re.findall(r"var\(--([a-z]+)\)", html))
    light, dark = (set(re.findall(r"--([a-z]+): #", part)) for part in re.split("@media screen", html)[:2])
    assert names <= light == dark


def test_the_chart_has_a_title_a_description_and_a_role() -> None:
    seen = page(row("n1"))
    (svg,) = [attrs for name, attrs in seen.elements if name == "svg"]
    ids = {attrs["id"] for _name, attrs in seen.elements if attrs.get("id")}

    assert svg["role"] == "img"
    assert set((svg["aria-labelledby"] or "").split()) == ids == {"gantt-title", "gantt-desc"}
    assert all(attrs.get("scope") for name, attrs in seen.elements if name == "th")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("together", [True, False], ids=["run", "status"])
def test_hostile_names_messages_figures_and_phases_stay_text(text: str, together: bool) -> None:
    plain, hostile = (
        page(
            replace(
                row(name, Outcome.FAILED, name, make_timeline((name, 9), ("init", 5), message=name)), category=name
            ),
            row("n2"),
            together=together,
            figures=replace(FIGURES, admission=name, source=name),
        )
        for name in ("innocent", text)
    )

    assert [(name, set(attrs)) for name, attrs in hostile.elements] == [
        (name, set(attrs)) for name, attrs in plain.elements
    ]
    assert not re.search("[\x00\x1b\u202e\ud800]", hostile.text)


@given(st.lists(st.tuples(st.text(), st.text()), max_size=4, unique_by=lambda pair: pair[0]))
@settings(max_examples=100)
def test_every_text_gives_a_page_that_is_well_formed_and_can_be_written(texts: list[tuple[str, str]]) -> None:
    rows = [row(name, Outcome.FAILED, message, make_timeline((message, 1))) for name, message in texts]
    html = draw(*rows)

    assert Reader(html).open == []
    assert html.encode()


def test_what_went_wrong_is_red_in_the_table_and_nothing_else() -> None:
    seen = page(
        row("n1", Outcome.FAILED), row("n2", Outcome.NOT_FOUND), row("n3"), idle("n4"), row("n5", Outcome.PENDING)
    )
    results = [attrs["class"] for name, attrs in seen.elements if name == "td" and "class" in attrs][::4]

    assert results == ["short bad", "short bad", "short", "short", "short"]


def test_a_word_that_a_template_does_not_know_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("page.html.j2", heading="Status of nodes")


def test_a_thousand_nodes_make_a_page_of_about_a_megabyte() -> None:
    assert len(draw(*(row(f"gpu-{number:04}") for number in range(1000)))) < 1_500_000
