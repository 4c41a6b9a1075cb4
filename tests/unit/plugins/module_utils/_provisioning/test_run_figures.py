# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a run, handed to a playbook and read back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run_figures import RunFigures
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Durations, Timeline

from .timing import STARTED_S, make_timeline

FIGURES = RunFigures(
    nodes=20,
    admission="slots",
    max_failures=2,
    slots=10,
    provisioning_nodes=1,
    durations=Durations(60.0, 300.0, 30.0),
    source="observed",
    bound_s=690.0,
    achieved_s=702.4,
    efficiency=0.982,
)
RETURNED = FIGURES.to_ansible()


@pytest.mark.parametrize(
    "figures",
    [
        FIGURES,
        replace(FIGURES, max_failures=None, achieved_s=None, efficiency=None),
        RunFigures(nodes=3, admission="all"),
    ],
    ids=["run", "plan", "slots not known"],
)
def test_figures_are_read_back_as_they_were_returned(figures: RunFigures) -> None:
    assert RunFigures.from_ansible(json.loads(json.dumps(figures.to_ansible()))) == figures


def test_figures_are_returned_in_digits_that_mean_something() -> None:
    shown = replace(FIGURES, bound_s=690.04, efficiency=0.98234).to_ansible()

    assert (shown["bound_seconds"], shown["efficiency"]) == (690.0, 0.982)


def test_a_run_that_found_nothing_to_do_has_no_figures() -> None:
    assert RunFigures.from_ansible({}) is None


@pytest.mark.parametrize("key", RETURNED)
def test_a_figure_that_is_missing_is_named(key: str) -> None:
    returned = {name: value for name, value in RETURNED.items() if name != key}

    with pytest.raises(BcmConfigError, match=rf"^could not read the figures of the run: {key} is missing; give what"):
        RunFigures.from_ansible(returned)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("nodes", None, "figures of the run: nodes is not a whole number"),
        ("slots", "10", "figures of the run: slots is not a whole number"),
        ("slots", True, "figures of the run: slots is not a whole number"),
        ("efficiency", "x", "figures of the run: efficiency is not a number"),
        ("durations", {}, "durations of the figures of the run: boot_s is missing"),
        ("durations", [], "durations of the figures of the run: it is not a dictionary"),
    ],
)
def test_a_figure_that_is_something_else_is_named(key: str, value: Any, said: str) -> None:
    with pytest.raises(BcmConfigError, match=f"could not read .*{said}"):
        RunFigures.from_ansible({**RETURNED, key: value})


INSTALLED = (("powered", 20.0), ("booting", 40.0), ("queued", 50.0), ("installing", 300.0), ("init", 30.0))
PLAN = replace(FIGURES, nodes=3, admission="1", source="assumed", bound_s=1170.0, achieved_s=None, efficiency=None)


def test_a_run_of_one_task_per_node_is_measured_by_the_time_lines_of_its_nodes() -> None:
    timelines = [make_timeline(*INSTALLED, started_s=STARTED_S + after_s) for after_s in (0.0, 450.0, 900.0)]

    figures = PLAN.measured(timelines)

    assert figures.durations == Durations(60.0, 300.0, 30.0)
    assert figures.source == "observed"
    assert figures.achieved_s == 900 + 440
    assert figures.bound_s == 3 * 390
    assert figures.efficiency == pytest.approx(3 * 390 / 1340)


def test_the_efficiency_is_that_of_the_nodes_that_were_installed() -> None:
    failed = make_timeline(("powered", 1200.0), verdict="failed")
    done = make_timeline(*INSTALLED, started_s=STARTED_S + 1210)

    figures = PLAN.measured([failed, done])

    assert figures.achieved_s == 1210 + 440
    assert figures.efficiency == pytest.approx(390 / 1650)


@pytest.mark.parametrize(
    ("figures", "timelines"),
    [
        (FIGURES, [make_timeline(*INSTALLED)]),
        (PLAN, []),
        (PLAN, [make_timeline(("powered", 9.0))]),
        (PLAN, [make_timeline(*INSTALLED, verdict="failed")]),
    ],
    ids=["measured in one task", "nothing was done", "nothing was installed", "everything failed"],
)
def test_other_figures_stay_as_they_are(figures: RunFigures, timelines: list[Timeline]) -> None:
    assert figures.measured(timelines) == figures


def test_the_time_is_known_where_the_slots_are_not() -> None:
    figures = RunFigures(nodes=1, admission="1").measured([make_timeline(*INSTALLED)])

    assert (figures.achieved_s, figures.efficiency, figures.bound_s) == (440.0, None, None)
