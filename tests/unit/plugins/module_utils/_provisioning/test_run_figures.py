# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a run, handed to a playbook and read back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run_figures import RunFigures
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Durations

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
