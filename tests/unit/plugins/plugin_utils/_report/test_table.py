# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import NodeState
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run_figures import RunFigures
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Durations
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.rows import NodeRow, Summary
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.table import (
    describe_run,
    draw_summary,
    draw_table,
)

from ...module_utils._provisioning.timing import STARTED_S, make_timeline

# A row with all there is to show, as wide as on a real cluster.
FULL = NodeRow(
    "dgx-05",
    Outcome.FAILED,
    message="a message of the installer " * 4,
    state=NodeState.FAILED,
    status="INSTALLER_FAILED",
    ip="10.184.162.109",
    bmc_ip="10.229.10.15",
    category="control-plane",
    roles=("control-plane",),
    image="ubuntu-22.04-nvidia-535",
    timeline=make_timeline(("powered", 265.0), ("installing", 1000.0), verdict="failed"),
)
UP = NodeRow("node001", Outcome.SUCCESSFUL, state=NodeState.ACTIVE, status="UP", ip="10.141.0.1", image="default-image")
MISSING = NodeRow("a-much-longer-name", Outcome.NOT_FOUND, message="no such device on the head node")


def stamp(seconds: float) -> str:
    return {STARTED_S: "2025-11-20 12:00Z"}[seconds]


def test_the_table_has_aligned_columns_and_leaves_empty_ones_out() -> None:
    table = draw_table([UP, MISSING])

    head, first, second = table
    assert "ROLES" not in head
    assert head.index("STATE") == first.index("active") == second.index("unknown")
    assert second.split()[:3] == ["a-much-longer-name", "unknown", "-"]
    assert all(line == line.rstrip() for line in table)


@pytest.mark.parametrize("shown", [None, stamp], ids=["after a run", "status"])
def test_a_table_is_no_wider_than_a_terminal_and_keeps_what_matters(shown: Any) -> None:
    table = draw_table([FULL, replace(FULL, hostname="a", roles=())], shown)

    assert max(map(len, table)) <= 120
    heads = table[0].split()
    assert {"NODE", "STATE", "IP", "IMAGE"} <= {*heads}
    assert ("RESULT" in heads) or shown
    assert not shown or "2025-11-20 12:00Z  21m05s, failed  installing 16m40s" in table[1]


def test_after_a_run_the_result_outlasts_what_was_known_before() -> None:
    heads = draw_table([replace(FULL, hostname="n" * 50)])[0].split()

    assert heads == ["NODE", "STATE", "IP", "IMAGE", "RESULT"]


def test_a_table_that_fits_keeps_every_column() -> None:
    narrow = replace(
        FULL, image="i", category="c", roles=("r",), message="m", ip="1.1.1.1", status="UP", bmc_ip="2.2.2.2"
    )

    heads = re.split(r"  +", draw_table([narrow])[0])

    assert heads == ["NODE", "STATE", "STATUS", "IP", "BMC IP", "CATEGORY", "ROLES", "IMAGE", "RESULT", "MESSAGE"]


def test_names_too_long_for_any_terminal_are_not_cut() -> None:
    assert ("n" * 63) in draw_table([replace(FULL, hostname="n" * 63, image="i" * 59)], stamp)[1]


def test_the_table_has_no_columns_for_records_nobody_has() -> None:
    assert "LAST RUN" not in draw_table([UP], stamp)[0]


def test_a_run_that_ended_at_once_is_shown() -> None:
    assert "0s, failed" in draw_table([replace(UP, timeline=make_timeline(verdict="failed"))], stamp)[1]


@pytest.mark.parametrize("text", ["\x1b[2J", "\r", "\x07", "\u202e", "\x9b", "\ud800"])
def test_foreign_text_moves_no_cursor(text: str) -> None:
    hostile = f"be{text}fore"
    rows = [replace(FULL, message=hostile, hostname=hostile, image=hostile, roles=(hostile,))]

    said = "".join([*draw_table(rows), *draw_summary(rows, Summary.of(rows))])

    assert text[0] not in said
    assert "be" in said


def test_the_summary_on_the_screen_groups_nodes_by_what_is_wrong_with_them() -> None:
    rows = [
        NodeRow("a", Outcome.FAILED, message="no space left"),
        NodeRow("b", Outcome.FAILED, message="no space left"),
        NodeRow("c", Outcome.NOT_FOUND),
        NodeRow("d", Outcome.SUCCESSFUL, message="UP"),
    ]

    assert draw_summary(rows, Summary.of(rows)) == [
        "4 nodes: 1 successful, 2 failed, 1 not found",
        "failed: 2 nodes (a, b): no space left",
        "not found: c: no message",
    ]


def test_nobody_is_nothing_to_report() -> None:
    assert draw_summary([], Summary.of([])) == ["0 nodes: nothing to report"]


FIGURES = RunFigures(
    nodes=1000,
    admission="slots",
    slots=100,
    provisioning_nodes=10,
    durations=Durations(90.0, 310.0, 35.0),
    source="observed",
    bound_s=3225.0,
)


def test_figures_of_a_run_are_sentences() -> None:
    bound, achieved = describe_run(replace(FIGURES, achieved_s=3295.0, efficiency=0.9787))

    assert bound.startswith("Bound 53m45s: 1,000 nodes, 100 slots on 10 provisioning nodes, 1m30s boot, ")
    assert bound.endswith("5m10s in a slot, 35s init (observed); admission slots.")
    assert achieved == "Achieved 54m55s, efficiency 0.98; 1.00 is all the slots allow."


def test_what_is_not_known_of_a_run_is_not_in_it() -> None:
    assert len(describe_run(FIGURES)) == 1
    assert describe_run(replace(FIGURES, achieved_s=60.0))[1] == "Achieved 1m00s."
    assert describe_run(RunFigures(nodes=1, admission="all", achieved_s=60.0)) == [
        "1 node taken on; the bound is not known, because the slots could not be read.",
        "Achieved 1m00s.",
    ]


def test_a_run_that_took_no_node_on_has_no_figures() -> None:
    assert describe_run(None) == []
    assert describe_run(replace(FIGURES, nodes=0)) == []
