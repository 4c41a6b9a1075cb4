# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles: who they are for, what they inherit, and a sentence for each mistake."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.catalogue import STEPS
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.header import (
    Header,
    HeaderError,
    read_header,
    side_by_side,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.judging import judge_run
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import Measurement
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.profile import (
    SCHEMA,
    Profile,
    ProfileError,
    choose_profile,
    read_profiles,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.schema import problems
from ansible_collections.baremetal.bcm.tests.tools.validation_reference import texts
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.paths import STEPS as STEP_FILES
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import done, shipped

GOOD: dict[str, Any] = {"name": "good", "steps": {"01-init": {"budget": 60}}}


def mistakes(**documents: object) -> tuple[str, ...]:
    """Return the sentences of what is wrong with profiles, by the file's name."""
    with pytest.raises(ProfileError) as raised:
        read_profiles({f"{name}.yml": document for name, document in documents.items()})
    return raised.value.problems


def test_the_shipped_profiles_are_read_and_thorough_has_what_baseline_has() -> None:
    profiles = read_profiles(shipped())
    baseline, thorough = profiles["baseline"], profiles["thorough"]
    assert [step.name for step in thorough.steps] == [step.name for step in baseline.steps] == [*STEPS]
    assert baseline.steps[2].options["write"] == "never"
    assert thorough.steps[2].options["write"] == "when_empty"
    assert {metric.name for metric in thorough.steps[1].metrics} >= {"stress_errors", "memory_errors"}
    assert (baseline.device_types, thorough.device_types) == (("*",), ())


def test_a_device_type_gets_its_own_profile_else_the_one_for_all() -> None:
    own = {"name": "dgx", "extends": "baseline", "device_types": ["dgx-h100"]}
    profiles = read_profiles({**shipped(), "dgx.yml": own})
    assert choose_profile(profiles, "dgx-h100").name == "dgx"
    assert choose_profile(profiles, "r650").name == "baseline"
    assert choose_profile(profiles, "r650", "thorough").name == "thorough"
    with pytest.raises(ProfileError, match="there is no profile thorugh; there are baseline, dgx, thorough"):
        choose_profile(profiles, "r650", "thorugh")


def test_steps_and_thresholds_are_merged_and_null_takes_away() -> None:
    base = copy.deepcopy(GOOD)
    base["steps"]["02-memory"] = {
        "budget": 9,
        "thresholds": {"memory_errors": {"max": 0}, "memory_tested_mib": {"min": 9}},
    }
    above = {
        "name": "above",
        "extends": "good",
        "steps": {
            "01-init": None,
            "02-memory": {"thresholds": {"memory_tested_mib": {"min": 5}, "memory_errors": None}},
        },
    }
    (step,) = read_profiles({"a": base, "b": above})["above"].steps
    assert (step.name, step.budget_s) == ("02-memory", 9.0)
    assert [(each.metric, each.limits) for each in step.thresholds] == [("memory_tested_mib", {"min": 5})]


def test_a_profile_goes_over_the_wire_and_comes_back() -> None:
    for profile in read_profiles(shipped()).values():
        assert Profile.from_wire(json.loads(json.dumps(profile.to_wire()))) == profile


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a key": ({"step": {}}, "a.yml: step: there is no such key; did you mean steps?"),
    "a key of a step": (
        {"steps": {"01-init": {"budgit": 1}}},
        "a.yml: steps.01-init.budgit: there is no such key; did you mean budget?",
    ),
    "a step's name": (
        {"steps": {"memory": {"budget": 1}}},
        "a.yml: steps.memory: there is no such key; a key takes two digits and a name, as 50-gpu",
    ),
    "a type": ({"steps": {"01-init": {"budget": "1h"}}}, "a.yml: steps.01-init.budget: it takes a number"),
    "no budget": (
        {"steps": {"01-init": {}}},
        "a.yml: steps.01-init.budget: it is missing: after how many seconds is the step stopped?",
    ),
    "no steps": ({"steps": {}}, "a.yml: steps: it names no step, so that nothing would be tested"),
    "nothing required": (
        {"steps": {"01-init": {"budget": 1, "required": False}}},
        "a.yml: steps: none is required, so that any server would pass",
    ),
    "an option": (
        {"steps": {"03-disk": {"budget": 1, "options": {"write": "always"}}}},
        "a.yml: steps.03-disk.options.write: it takes one of never, when_empty",
    ),
    "a site step without metrics": (
        {"steps": {"50-gpu": {"budget": 1}}},
        "a.yml: steps.50-gpu.metrics: 50-gpu is no step of the image's own, say what it must measure",
    ),
    "a threshold of nothing": (
        {"steps": {"05-report": {"budget": 1, "thresholds": {"disk_seq_read_mib_s": {"min": 1}}}}},
        "a.yml: steps.05-report.thresholds.disk_seq_read_mib_s: 05-report has no metric disk_seq_read_mib_s;",
    ),
    "limits the wrong way round": (
        {"steps": {"05-report": {"budget": 1, "thresholds": {"steps_reported": {"min": 2, "max": 1}}}}},
        "a.yml: steps.05-report.thresholds.steps_reported: min is above max",
    ),
    "a direction of the image's own": (
        {"steps": {"02-memory": {"budget": 1, "metrics": ["stress_errors:lower"]}}},
        "a.yml: steps.02-memory.metrics: what is better of stress_errors:lower is known; leave that out",
    ),
    "a comparison of what has no direction": (
        {"steps": {"50-gpu": {"budget": 1, "metrics": ["gflops"], "thresholds": {"gflops": {"relative_min": 0.9}}}}},
        "a.yml: steps.50-gpu.thresholds.gflops: siblings are not compared by gflops",
    ),
    "an unknown parent": ({"extends": "base"}, "a.yml: extends: there is no profile base; there are a"),
    "itself as parent": ({"extends": "a"}, "a.yml: extends: the profiles a → a extend each other in a circle"),
}


@pytest.mark.parametrize(("change", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_each_mistake_has_a_sentence(change: dict[str, Any], sentence: str) -> None:
    assert any(found.startswith(sentence) for found in mistakes(a={**GOOD, "name": "a", **change}))


@pytest.mark.parametrize(("value", "passes"), [(97.0, True), (80.0, False)])
def test_a_sites_own_metric_is_compared_with_the_siblings(value: float, *, passes: bool) -> None:
    step = {"budget": 60, "metrics": ["gflops:higher"], "thresholds": {"gflops": {"relative_min": 0.9}}}
    site = read_profiles({"a.yml": {"name": "a", "steps": {"50-gpu": step}}})["a"]
    siblings = [{"50-gpu/gflops/": 100.0 + number / 10} for number in range(8)]
    verdict = judge_run(site, {"50-gpu": done(Measurement("gflops", value))}, siblings=siblings)
    assert verdict.passed is passes
    assert any("of the siblings' median" in reason for reason in verdict.reasons) is not passes


def test_two_profiles_for_one_device_type_are_refused() -> None:
    one, two = ({**GOOD, "name": name, "device_types": ["r650"]} for name in ("one", "two"))
    assert mistakes(one=one, two=two) == ("device_types: r650 is named by both one and two",)


def test_all_mistakes_of_all_profiles_come_at_once() -> None:
    assert len(mistakes(a={"name": "A b"}, b=[], c={**GOOD, "steps": {"x": {}, "y": {}}})) == 4


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 99) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "steps", "01-init", "budget", "metrics", "thresholds", "steps_reported", "min", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(value=_VALUES | st.fixed_dictionaries({"name": st.just("a"), "steps": _VALUES}))
def test_the_checker_agrees_with_json_schema_on_what_is_valid(value: Any) -> None:
    assert (not list(problems(value, SCHEMA))) == jsonschema.Draft202012Validator(SCHEMA).is_valid(value)


@settings(max_examples=200, deadline=None)
@given(value=_VALUES | st.fixed_dictionaries({"name": st.just("a"), "steps": _VALUES}))
def test_whatever_a_profile_is_it_is_read_or_refused(value: Any) -> None:
    try:
        read = read_profiles({"a": value})
    except ProfileError:
        read = {}
    assert all(profile.steps for profile in read.values())


@pytest.mark.parametrize(("path", "text"), texts().items(), ids=lambda value: getattr(value, "name", ""))
def test_the_reference_says_what_the_code_reads(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "`make validation-reference` writes it anew"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_file_declares_what_the_receiver_judges_by(name: str) -> None:
    path = STEP_FILES / name
    header = read_header(name, path.read_text(encoding="utf-8"))
    assert header.metrics == STEPS[name].metrics
    assert path.stat().st_mode & 0o111


def test_disks_and_cables_are_looked_at_at_the_same_time_and_all_else_alone() -> None:
    headers = [read_header(path.name, path.read_text(encoding="utf-8")) for path in STEP_FILES.iterdir()]
    groups = [[header.name for header in group] for group in side_by_side(headers)]
    assert groups == [["01-init"], ["02-memory"], ["03-disk", "04-lldp"], ["05-report"]]


def test_steps_of_one_class_never_run_side_by_side() -> None:
    headers = [Header(f"{number}-x", "x", 1, parallel=word) for number, word in ((10, "a"), (20, "a"), (30, "b"))]
    assert [len(group) for group in side_by_side(headers)] == [1, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks summary and budget and metrics"),
        ("# summary: x\n# budget: 1h\n# metrics: a", "budget takes seconds"),
        ("# summary: x\n# budget: 1\n# metrics: A", "is no name of small letters"),
        ("# summary: x\n# budget: 1\n# metrics: a/gpu", "is taken per server, disk, numa, nic, not per gpu"),
        ("# summary: x\n# budget: 1\n# budget: 2\n# metrics: a", "has budget twice"),
        ("# summary: x\n# budget: 1\n# metrics: a\n# destructive: maybe", "takes no, guarded or yes"),
        ("# summary: x\n# budget: 1\n# metrics: a\n# parallel: a b", "takes one word"),
    ],
)
def test_a_header_that_can_not_be_used_says_why(text: str, words: str) -> None:
    with pytest.raises(HeaderError, match=words):
        read_header("50-site", text)


@settings(max_examples=300, deadline=None)
@given(text=st.text(), lines=st.lists(st.sampled_from(["# budget: 9", "# metrics: a", "# summary: x", "#x", "x"])))
def test_whatever_a_header_is_it_is_read_or_refused(text: str, lines: list[str]) -> None:
    try:
        header = read_header("50-site", "\n".join([*lines, text]))
    except HeaderError:
        return
    assert header.metrics
