# SPDX-License-Identifier: GPL-3.0-or-later
"""A server passes on evidence alone."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.judging import (
    ERROR,
    FAIL,
    NOT_APPLICABLE_VERDICT,
    PASS,
    VERDICTS,
    WARN,
    Check,
    RunVerdict,
    judge_run,
    judge_step,
    sibling_metrics,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import (
    COMPLETED,
    CRASHED,
    KILLED,
    MAX_TEXT,
    NO_DATA,
    NOT_APPLICABLE,
    OUTCOMES,
    SKIPPED,
    TIMED_OUT,
    TOOL_MISSING,
    Finding,
    Measurement,
    NotApplicable,
    StepResult,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.writable import DiskState, ask
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import (
    done,
    profile,
    results,
)

STEP_NAMES = tuple(results())
BASELINE = profile()


def test_a_healthy_server_passes() -> None:
    verdict = judge_run(profile(), results())
    assert (verdict.verdict, verdict.passed, verdict.reasons[:1]) == (
        PASS,
        True,
        (),
    ), verdict.reasons


@pytest.mark.parametrize("step", STEP_NAMES)
@pytest.mark.parametrize("outcome", [outcome for outcome in OUTCOMES if outcome != COMPLETED])
def test_a_step_that_did_not_run_to_its_end_never_passes_a_server_whatever_it_measured(step: str, outcome: str) -> None:
    run = results()
    verdict = judge_run(profile(), {**run, step: replace(run[step], outcome=outcome)})
    assert not verdict.passed
    assert verdict.verdict == ERROR


NOT_RUN = {
    "tool missing": StepResult(TOOL_MISSING, "memtester is missing"),
    "no work": replace(results()["02-memory"], work=0.0),
    "killed": StepResult(KILLED, "signal 9 ended it"),
    "time-out": StepResult(TIMED_OUT),
    "nothing to test": done(),
    "truncated result": StepResult(NO_DATA, "its result can't be read"),
    "skipped by its header": StepResult(SKIPPED),
    "crashed": StepResult(CRASHED),
    "says that it does not apply": StepResult(NOT_APPLICABLE, "who needs it"),
    "over its budget, by a clock that jumped": replace(results()["02-memory"], seconds=1e9),
}


@pytest.mark.parametrize("result", NOT_RUN.values(), ids=NOT_RUN)
@pytest.mark.parametrize("step", STEP_NAMES)
def test_ways_of_not_running_a_test_never_pass(step: str, result: StepResult) -> None:
    run = results()
    lacking = result if result.measurements == () else replace(run[step], work=result.work, seconds=result.seconds)
    assert not judge_run(profile(), {**run, step: lacking}).passed


@pytest.mark.parametrize("step", STEP_NAMES)
def test_a_step_without_a_result_never_passes(step: str) -> None:
    run = results()
    del run[step]
    verdict = judge_run(profile(), run)
    assert not verdict.passed
    assert f"{step}: it has no result" in verdict.reasons


def test_no_disk_is_an_error_not_a_pass() -> None:
    run = results()
    bare = {**(run["01-init"].inventory or {}), "disks": []}
    run["01-init"] = replace(run["01-init"], inventory=bare)
    run["03-disk"] = replace(run["03-disk"], measurements=(), not_applicable=())
    verdict = judge_run(profile(), run)
    assert verdict.verdict == ERROR
    assert any("there is no disk" in reason for reason in verdict.reasons)


def test_a_disk_of_the_inventory_that_was_not_measured_is_an_error_that_names_it() -> None:
    run = results()
    kept = tuple(each for each in run["03-disk"].measurements if each.component != "sda")
    verdict = judge_run(profile(), {**run, "03-disk": replace(run["03-disk"], measurements=kept)})
    assert verdict.verdict == ERROR
    assert "03-disk: sda: disk_seq_read_mib_s is missing" in verdict.reasons


SPOKEN_OF: dict[str, dict[str, Any]] = {
    "measured in part": {"measurements": (Measurement("disk_smart_ok", 1, "", "sdb"),)},
    "left out in part": {"not_applicable": (NotApplicable("disk_seq_write_mib_s", "sdb", "it is too small"),)},
    "found to be worn": {"findings": (Finding("sdb", "warn", "SMART: 99 % used"),)},
}


@pytest.mark.parametrize("way", SPOKEN_OF)
def test_a_disk_that_only_its_step_speaks_of_owes_every_metric_of_disks(way: str) -> None:
    run = results()
    seen: dict[str, Any] = {name: (*getattr(run["03-disk"], name), *more) for name, more in SPOKEN_OF[way].items()}
    verdict = judge_run(profile(), {**run, "03-disk": replace(run["03-disk"], **seen)})
    assert verdict.verdict == ERROR
    assert {f"03-disk: sdb: disk_{name} is missing" for name in ("seq_read_mib_s", "rand_read_iops")} <= {
        *verdict.reasons
    }


def test_what_a_finding_of_the_memory_names_is_no_numa_node() -> None:
    run = results()
    run["02-memory"] = replace(run["02-memory"], findings=(Finding("mc0", "warn", "1 hardware error"),))
    assert judge_run(profile(), run).verdict == WARN


@pytest.mark.parametrize(("step", "metric"), [("02-memory", "memory_errors"), ("03-disk", "disk_seq_read_mib_s")])
def test_a_reason_given_by_the_machine_excuses_no_metric_but_smart_and_writing(step: str, metric: str) -> None:
    run = results()
    kept = tuple(each for each in run[step].measurements if each.name != metric)
    components = {each.component for each in run[step].measurements if each.name == metric}
    excuses = tuple(NotApplicable(metric, component, "no time") for component in components)
    lacking = replace(run[step], measurements=kept, not_applicable=(*run[step].not_applicable, *excuses))
    assert judge_run(profile(), {**run, step: lacking}).verdict == ERROR


def test_a_disk_without_smart_passes_only_where_the_profile_says_so() -> None:
    run = results()
    kept = tuple(each for each in run["03-disk"].measurements if each.name != "disk_smart_ok")
    excuses = tuple(NotApplicable("disk_smart_ok", disk, "the disk offers no SMART") for disk in ("nvme0n1", "sda"))
    lacking = replace(run["03-disk"], measurements=kept, not_applicable=excuses)
    assert judge_run(profile(), {**run, "03-disk": lacking}).passed
    strict = profile(disk={"options": {"smart": "required"}})
    assert judge_run(strict, {**run, "03-disk": lacking}).verdict == ERROR


def test_a_disk_that_should_have_been_written_and_was_not_is_an_error_without_a_reason() -> None:
    writing = profile(disk={"options": {"write": "when_empty"}})
    run = results()
    silent = replace(run["03-disk"], not_applicable=())
    assert judge_run(writing, {**run, "03-disk": silent}).passed  # none is listed
    assert judge_run(writing, {**run, "03-disk": silent}, writable_disks=["D1"]).verdict == ERROR
    told = replace(
        silent,
        not_applicable=tuple(
            NotApplicable(metric, "nvme0n1", "it carries a signature: gpt")
            for metric in ("disk_seq_write_mib_s", "disk_rand_write_iops")
        ),
    )
    verdict = judge_run(writing, {**run, "03-disk": told}, writable_disks=["D1"])
    assert verdict.passed
    (step,) = [step for step in verdict.steps if step.step == "03-disk"]
    assert any("carries a signature: gpt" in check.text for check in step.checks)


@pytest.mark.parametrize("serial", [[], {}, 7, None])
def test_a_serial_number_that_is_no_text_is_none_of_those_that_may_be_written(serial: object) -> None:
    writing = profile(disk={"options": {"write": "when_empty"}})
    run = results()
    disks = [{"name": disk, "serial": serial} for disk in ("nvme0n1", "sda")]
    run["01-init"] = replace(run["01-init"], inventory={**(run["01-init"].inventory or {}), "disks": disks})
    assert judge_run(writing, run, writable_disks=["D1"]).passed


def _not_written(reason: str) -> RunVerdict:
    """Judge a run whose disk nvme0n1 is listed, and was not written for that reason."""
    run = results()
    excuses = tuple(
        NotApplicable(metric, "nvme0n1", reason) for metric in ("disk_seq_write_mib_s", "disk_rand_write_iops")
    )
    told = {**run, "03-disk": replace(run["03-disk"], not_applicable=excuses)}
    return judge_run(profile(disk={"options": {"write": "when_empty"}}), told, writable_disks=["D1"])


_DISK = DiskState("nvme0n1", "D1", 2**30, (), (), (), (), read_only=False, blank=True, looked_to=2**30)
_DOUBTS: dict[str, dict[str, object]] = {
    "not found out: signatures": {"signatures": None},
    "not found out: partitions": {"partitions": None},
    "not found out: holders": {"holders": None},
    "not found out: uses": {"uses": None},
    "not found out: blank": {"blank": None},
    "read only": {"read_only": True},
    "not found out: read only": {"read_only": None},
    "several with the serial": {"same_serial": 2},
    "too small": {"size_bytes": 1},
}
_HOLDINGS: dict[str, object] = {
    "signatures": ("gpt",),
    "partitions": ("nvme0n1p1",),
    "holders": ("dm-0",),
    "uses": ("/dev/nvme0n1",),
    "blank": False,
}


@pytest.mark.parametrize("doubt", _DOUBTS.values(), ids=_DOUBTS)
def test_a_listed_disk_that_could_not_be_tested_or_is_at_fault_is_an_error_that_says_why(
    doubt: dict[str, object],
) -> None:
    writing = profile(disk={"options": {"write": "when_empty"}}).steps[2]
    reason = ask(writing, replace(_DISK, **doubt), ["D1"])  # type: ignore[arg-type]
    assert isinstance(reason, str)
    verdict = _not_written(reason)
    assert (verdict.verdict, verdict.passed) == (ERROR, False)
    assert f"03-disk: nvme0n1: disk_seq_write_mib_s is missing: {reason}" in verdict.reasons


@pytest.mark.parametrize("reason", ["no time", "it is not there any more", "another disk is in its place", "is in use"])
def test_a_reason_that_says_not_what_a_listed_disk_holds_excuses_nothing(reason: str) -> None:
    assert _not_written(reason).verdict == ERROR


@pytest.mark.parametrize(("name", "held"), _HOLDINGS.items(), ids=_HOLDINGS)
def test_a_listed_disk_that_holds_something_passes_without_being_written(name: str, held: object) -> None:
    writing = profile(disk={"options": {"write": "when_empty"}}).steps[2]
    reason = ask(writing, replace(_DISK, **{name: held}), ["D1"])  # type: ignore[arg-type]
    assert isinstance(reason, str)
    assert _not_written(reason).passed


@pytest.mark.parametrize(
    ("limits", "value", "expected"),
    [
        ({"min": 400}, 399.9, FAIL),
        ({"min": 400}, 400, PASS),
        ({"max": 400}, 401, FAIL),
        ({"warn_min": 450, "min": 400}, 420, WARN),
        ({"warn_max": 450}, 451, WARN),
        ({"min": 400, "warn_min": 450}, 300, FAIL),
    ],
)
def test_thresholds_fail_or_warn(limits: dict[str, float], value: float, expected: str) -> None:
    strict = profile(disk={"thresholds": {"disk_seq_read_mib_s sd*": limits}})
    run = results()
    changed = tuple(
        replace(each, value=value) if (each.name, each.component) == ("disk_seq_read_mib_s", "sda") else each
        for each in run["03-disk"].measurements
    )
    verdict = judge_run(strict, {**run, "03-disk": replace(run["03-disk"], measurements=changed)})
    assert verdict.verdict == expected
    assert all("sda" in reason for reason in verdict.reasons)
    assert verdict.passed == (expected != FAIL)


def test_a_threshold_holds_for_the_components_it_names_alone() -> None:
    strict = profile(disk={"thresholds": {"disk_seq_read_mib_s nvme*": {"min": 1000}}})
    assert judge_run(strict, results()).reasons == (
        "03-disk: nvme0n1: disk_seq_read_mib_s is 500, it takes at least 1,000",
    )


def test_a_warning_passes_unless_the_profile_says_that_it_fails() -> None:
    run = results()
    run["02-memory"] = replace(run["02-memory"], findings=(Finding("bank8", "warn", "1 hardware error"),))
    verdict = judge_run(profile(), run)
    assert (verdict.verdict, verdict.passed) == (WARN, True)
    hard = replace(profile(), warnings_pass=False)
    assert not judge_run(hard, run).passed


def test_a_step_that_is_not_required_warns_at_most() -> None:
    easy = profile(lldp={"required": False})
    run = {**results(), "04-lldp": StepResult(NO_DATA, "no interface has a link")}
    verdict = judge_run(easy, run)
    assert (verdict.verdict, verdict.passed) == (WARN, True)


def test_what_the_server_found_itself_counts() -> None:
    checks = {"04-lldp": [Check(FAIL, "it is cabled to leaf2 7, NetBox says leaf1 7", component="eno1")]}
    verdict = judge_run(profile(), results(), checks=checks)
    assert verdict.verdict == FAIL
    assert verdict.reasons == ("04-lldp: eno1: it is cabled to leaf2 7, NetBox says leaf1 7",)


def test_a_fault_that_was_found_outranks_a_test_that_did_not_run() -> None:
    run = {**results(), "02-memory": StepResult(TOOL_MISSING)}
    run["03-disk"] = replace(run["03-disk"], findings=(Finding("sda", "fail", "I/O error"),))
    verdict = judge_run(profile(), run)
    assert verdict.verdict == FAIL
    assert verdict.reasons[0] == "03-disk: sda: I/O error"


def _siblings(count: int, factor: float = 1.0) -> list[dict[str, float]]:
    own = sibling_metrics(profile(), results())
    return [{metric: value * factor * (1 + 0.001 * number) for metric, value in own.items()} for number in range(count)]


def test_a_server_far_below_its_siblings_fails_and_says_what_differs() -> None:
    verdict = judge_run(profile(), results(), siblings=_siblings(8, 2.0))
    assert verdict.verdict == FAIL
    assert any("differs from the siblings" in reason for reason in verdict.reasons)


def test_a_server_like_its_siblings_passes() -> None:
    assert judge_run(profile(), results(), siblings=_siblings(8)).verdict == PASS


def test_fewer_than_eight_siblings_are_not_compared_with_and_the_verdict_says_so() -> None:
    verdict = judge_run(profile(), results(), siblings=_siblings(7, 2.0))
    assert verdict.verdict == PASS
    assert verdict.siblings is not None
    assert "absolute thresholds alone" in verdict.siblings.note


def test_a_relative_threshold_needs_siblings() -> None:
    strict = profile(disk={"thresholds": {"disk_seq_read_mib_s": {"relative_min": 0.99}}})
    assert judge_run(strict, results(), siblings=_siblings(7, 1.03)).verdict == PASS
    verdict = judge_run(strict, results(), siblings=_siblings(9, 1.03))
    assert verdict.verdict == FAIL
    assert any("% of the siblings' median" in reason for reason in verdict.reasons)


_NAMES = st.sampled_from([each.name for result in results().values() for each in result.measurements] + ["other"])
_COMPONENTS = st.sampled_from(["", "sda", "nvme0n1", "numa0", "sdz"])
_MEASUREMENTS = st.lists(
    st.builds(Measurement, name=_NAMES, value=st.floats(-1e9, 1e9), component=_COMPONENTS), max_size=12
).map(tuple)
_RESULTS = st.builds(
    StepResult,
    outcome=st.sampled_from(OUTCOMES) | st.just(COMPLETED),
    seconds=st.floats(0, 1e6),
    work=st.floats(0, 10) | st.just(0.0),
    measurements=_MEASUREMENTS,
    findings=st.lists(
        st.builds(Finding, component=_COMPONENTS, verdict=st.sampled_from(["fail", "warn"]), text=st.just("x")),
        max_size=3,
    ).map(tuple),
    not_applicable=st.lists(
        st.builds(NotApplicable, metric=_NAMES, component=_COMPONENTS, reason=st.text(max_size=3)), max_size=6
    ).map(tuple),
)
_RUNS = st.fixed_dictionaries({}, optional={name: st.just(results()[name]) | _RESULTS for name in STEP_NAMES})


@settings(max_examples=150, deadline=None)
@given(run=_RUNS)
def test_whatever_comes_in_a_pass_has_every_metric_work_and_kept_budgets(run: dict[str, StepResult]) -> None:
    policy = BASELINE
    verdict = judge_run(policy, run)
    assert verdict.verdict in VERDICTS
    assert verdict.passed == (verdict.verdict in (PASS, WARN))
    for step in verdict.steps:
        if step.verdict not in (PASS, WARN):
            continue
        result, limits = run[step.step], policy.step(step.step)
        assert limits is not None
        assert (result.outcome, result.work > 0) == (COMPLETED, True)
        assert result.seconds <= limits.budget_s
        assert not [finding for finding in result.findings if finding.verdict == FAIL]
        taken = {each.name for each in result.measurements}
        excused = {check.metric for check in step.checks if check.verdict == NOT_APPLICABLE_VERDICT}
        assert {metric.name for metric in limits.metrics} <= taken | excused
        assert excused <= {"disk_smart_ok", "disk_seq_write_mib_s", "disk_rand_write_iops"}
    if verdict.passed:
        assert all(step.verdict in (PASS, WARN) for step in verdict.steps)


@settings(max_examples=100, deadline=None)
@given(run=_RUNS, step=st.sampled_from(STEP_NAMES), outcome=st.sampled_from(OUTCOMES))
def test_taking_evidence_away_never_makes_a_server_pass(run: dict[str, StepResult], step: str, outcome: str) -> None:
    less = {name: result for name, result in run.items() if name != step}
    assert not judge_run(BASELINE, less).passed
    if step in run and outcome != COMPLETED:
        assert not judge_run(BASELINE, {**run, step: replace(run[step], outcome=outcome)}).passed


def test_judging_a_thousand_servers_takes_little() -> None:
    policy, run = profile(), results()
    begun = time.process_time()
    for _server in range(1000):
        judge_run(policy, run)
    assert time.process_time() - begun < 10


def test_a_site_step_without_metrics_can_not_pass() -> None:
    policy = replace(profile().steps[0], name="50-gpu", metrics=())
    assert judge_step(policy, done()).verdict == ERROR


def test_a_reason_stays_readable() -> None:
    run = {**results(), "02-memory": StepResult(CRASHED, "x" * MAX_TEXT)}
    assert judge_run(profile(), run).reasons[0].startswith("02-memory: it ended with an error: xxx")
