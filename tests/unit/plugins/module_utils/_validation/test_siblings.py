# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of one kind, compared: on invented figures, and on 19 real blades of one type."""

from __future__ import annotations

import ast
import random
import re
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.judging import judge_run, sibling_metrics
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import Measurement, StepResult
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.profile import (
    SIBLINGS,
    Profile,
    SiblingPolicy,
    read_profiles,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.siblings import Comparison, compare
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import done

# What is a figure of performance in the published set; the rest describes the hardware.
_PERFORMANCE = re.compile(r"bandwidth|bogomips|loops_per_sec|IOps|KBps")
ODD = {"CZ3404YWNN", "CZ3404YWNR", "CZ3404YWNT", "CZ3404YWNW"}


def blades() -> dict[str, dict[str, float]]:
    """Return the figures of 19 blades that were bought as identical, by serial number."""
    folder = files("hardware") / "tests" / "cardiff_samples"
    found: dict[str, dict[str, float]] = {}
    for sample in folder.iterdir():
        rows = ast.literal_eval(sample.read_text(encoding="utf-8"))
        (serial,) = [row[3] for row in rows if row[:3] == ("system", "product", "serial")]
        found[serial] = {"/".join(row[:3]): float(row[3]) for row in rows if _PERFORMANCE.search(row[2])}
    return found


def compared() -> dict[str, Comparison]:
    """Compare each blade with the other 18."""
    every = blades()
    policy = SiblingPolicy()
    return {
        serial: compare(own, [other for name, other in every.items() if name != serial], policy)
        for serial, own in every.items()
    }


def test_of_19_blades_the_four_odd_ones_fail_one_warns_and_the_rest_is_not_worse() -> None:
    verdicts = {serial: comparison.verdict for serial, comparison in compared().items()}
    assert len(verdicts) == 19
    assert {serial for serial, verdict in verdicts.items() if verdict == "fail"} == ODD
    assert {serial for serial, verdict in verdicts.items() if verdict == "warn"} == {"CZ3404YWPP"}


def test_the_odd_blades_have_about_a_hundred_odd_figures_the_others_a_few() -> None:
    odd = {serial: len(comparison.odd) for serial, comparison in compared().items()}
    assert all(95 <= odd[serial] <= 105 for serial in ODD)
    assert all(count <= 5 for serial, count in odd.items() if serial not in ODD)


def _of_run(serial: str) -> tuple[Profile, dict[str, StepResult]]:
    """Give a blade's figures as the result of a step of the site's own, and the profile that compares them."""
    taken, names = [], set()
    for key, value in blades()[serial].items():
        first, second, figure = key.split("/", 2)
        name = re.sub("[^a-z0-9]+", "_", figure.lower())
        names.add(f"{name}:higher")
        taken.append(Measurement(name, value, "", f"{first} {second}"))
    steps = {
        "05-report": {"budget": 60},
        "50-figures": {"budget": 60, "required": False, "metrics": sorted(names)},
    }
    document = {"name": "blades", "steps": steps}
    results = {"05-report": done(Measurement("steps_reported", 1)), "50-figures": done(*taken)}
    return read_profiles({"blades.yml": document})["blades"], results


def test_the_blades_are_told_apart_by_a_profile_of_a_site_without_a_word_about_siblings() -> None:
    runs = {serial: _of_run(serial) for serial in blades()}
    metrics = {serial: sibling_metrics(*run) for serial, run in runs.items()}
    assert {len(each) for each in metrics.values()} == {len(figures) for figures in blades().values()}
    verdicts = {
        serial: judge_run(*run, siblings=[other for name, other in metrics.items() if name != serial])
        for serial, run in runs.items()
    }
    compared_as = {serial: each.siblings.verdict for serial, each in verdicts.items() if each.siblings}
    assert {serial for serial, verdict in compared_as.items() if verdict == "fail"} == ODD
    assert {serial for serial, each in verdicts.items() if not each.passed} == ODD


def test_what_the_schema_says_of_siblings_is_what_holds_without_it() -> None:
    said = {name: each["default"] for name, each in SIBLINGS["properties"].items()}
    assert said == vars(SiblingPolicy())


SAME = [{"a": 100.0 + number / 10} for number in range(8)]


@pytest.mark.parametrize(("value", "verdict"), [(100.0, "pass"), (96.0, "pass"), (79.0, "fail"), (1000.0, "pass")])
def test_a_required_metric_far_below_the_median_fails_alone(value: float, verdict: str) -> None:
    assert compare({"a": value}, SAME, SiblingPolicy(), required={"a"}).verdict == verdict


@pytest.mark.parametrize(("odd", "verdict"), [(0, "pass"), (1, "warn"), (2, "warn"), (3, "fail")])
def test_of_a_server_with_few_metrics_one_that_is_a_little_odd_warns_and_three_fail(odd: int, verdict: str) -> None:
    names = "abcdef"
    siblings = [dict.fromkeys(names, 100.0 + number / 10) for number in range(8)]
    own = {name: 90.0 if number < odd else 100.0 for number, name in enumerate(names)}
    assert compare(own, siblings, SiblingPolicy(), required=names).verdict == verdict


@pytest.mark.parametrize("scatter", [0.02, 0.04, 0.06])
def test_of_sound_servers_that_scatter_as_disks_do_hardly_one_fails(scatter: float) -> None:
    chance = random.Random(7)

    def measured() -> dict[str, float]:
        return {name: 100 * chance.gauss(1, scatter) for name in "abcdef"}

    verdicts = [
        compare(measured(), [measured() for _sibling in range(8)], SiblingPolicy(), required="abcdef").verdict
        for _server in range(300)
    ]
    assert verdicts.count("fail") <= 3


def test_latency_is_worse_where_it_is_higher() -> None:
    policy = SiblingPolicy()
    assert compare({"a": 150.0}, SAME, policy, lower_is_better={"a"}).odd[0].percent == pytest.approx(49.5, abs=0.5)
    assert compare({"a": 50.0}, SAME, policy, lower_is_better={"a"}).verdict == "pass"


def test_seven_siblings_are_too_few_and_that_is_said() -> None:
    comparison = compare({"a": 1.0}, SAME[:7], SiblingPolicy())
    assert comparison.verdict is None
    assert "it takes 8" in comparison.note


@settings(max_examples=200, deadline=None)
@given(
    own=st.dictionaries(st.sampled_from("abc"), st.floats(-1e12, 1e12)),
    others=st.lists(st.dictionaries(st.sampled_from("abc"), st.floats(-1e12, 1e12)), max_size=12),
)
def test_whatever_the_figures_are_a_server_at_the_median_is_never_odd(
    own: dict[str, float], others: list[dict[str, float]]
) -> None:
    policy = SiblingPolicy()
    comparison = compare(own, others, policy)
    assert compare({**own, **comparison.medians}, others, policy).odd == ()
    assert comparison.compared <= len(own)
