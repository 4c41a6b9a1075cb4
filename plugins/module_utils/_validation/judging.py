# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Verdicts. A step passes on evidence alone: every declared metric is there, work was done, the budget was kept.

What did not run, in whatever way, is `error`, and an error passes no server. Pure: results and a profile in, a verdict
out; agent and receiver judge by the same code, the receiver's word holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .catalogue import (
    DISK,
    DISK_STEP,
    NIC,
    NUMA,
    RAND_WRITE,
    SEQ_WRITE,
    SERVER,
    SMART_IF_PRESENT,
    SMART_OK,
    option,
)
from .messages import COMPLETED, NOT_APPLICABLE, Measurement, StepResult
from .profile import Profile, StepPolicy, Threshold, allows_writing
from .siblings import Comparison, compare
from .writable import HOLDS_SOMETHING

PASS, FAIL, WARN, ERROR, NOT_APPLICABLE_VERDICT = "pass", "fail", "warn", "error", "not_applicable"
VERDICTS = (PASS, FAIL, WARN, ERROR, NOT_APPLICABLE_VERDICT)
# A fault that was found says more than a test that did not run; neither passes.
_WORST_FIRST = (FAIL, ERROR, WARN, PASS, NOT_APPLICABLE_VERDICT)
_INVENTORY_OF = {DISK: "disks", NUMA: "numa_nodes", NIC: "nics"}
_OUTCOMES = {
    "tool_missing": "a tool is missing",
    "timed_out": "it did not end within its budget",
    "killed": "it was killed",
    "no_data": "it gave no result that can be read",
    "crashed": "it ended with an error",
    "skipped": "it was skipped",
}


@dataclass(frozen=True)
class Check:
    """One reason of a verdict: what was looked at, and what came of it. `component` is empty for the server."""

    verdict: str
    text: str
    metric: str = ""
    component: str = ""
    value: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class StepVerdict:
    """The verdict over one step; `checks` are in the order they were made."""

    step: str
    verdict: str
    required: bool
    checks: tuple[Check, ...] = ()
    measurements: tuple[Measurement, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Sentences for all that keeps it from passing or warns, the worst first: `nvme0n1: …`."""
        told = {FAIL, ERROR, WARN, self.verdict} - {PASS}
        ranked = sorted((check for check in self.checks if check.verdict in told), key=lambda each: _rank(each.verdict))
        return tuple(f"{each.component}: {each.text}" if each.component else each.text for each in ranked)


@dataclass(frozen=True)
class RunVerdict:
    """The verdict over a server. `passed` is what decides whether it is staged."""

    verdict: str
    passed: bool
    steps: tuple[StepVerdict, ...]
    siblings: Comparison | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Sentences for what keeps it from passing, or warns: `03-disk: sda: …`, the worst step first."""
        ranked = sorted((step for step in self.steps if step.verdict != PASS), key=lambda step: _rank(step.verdict))
        return tuple(f"{step.step}: {reason}" for step in ranked for reason in step.reasons)


def judge_run(
    profile: Profile,
    results: Mapping[str, StepResult],
    *,
    writable_disks: Collection[str] = (),
    checks: Mapping[str, Sequence[Check]] | None = None,
    siblings: Sequence[Mapping[str, float]] | None = None,
) -> RunVerdict:
    """Judge a run from the results of its steps; a step of the profile without a result is an error.

    `writable_disks` are the serial numbers that the task listed. `checks` are the server's own, by step: what `bom` and
    `cables` gave. `siblings` are `sibling_metrics` of other servers, None where they are not compared at all.
    """
    first = results.get("01-init")
    inventory = first.inventory if first and first.inventory else {}
    steps = {
        policy.name: judge_step(
            policy,
            results.get(policy.name),
            inventory=inventory,
            writable_disks=writable_disks,
            checks=(checks or {}).get(policy.name, ()),
        )
        for policy in profile.steps
    }
    comparison = None
    if siblings is not None:
        comparison = _compare(profile, results, siblings)
        steps = {name: _with_siblings(step, profile, comparison) for name, step in steps.items()}
    verdicts = tuple(steps.values())
    verdict = _overall(verdicts, comparison)
    passed = verdict == PASS or (verdict == WARN and profile.warnings_pass)
    return RunVerdict(verdict, passed, verdicts, comparison)


def judge_step(
    policy: StepPolicy,
    result: StepResult | None,
    *,
    inventory: Mapping[str, Any] | None = None,
    writable_disks: Collection[str] = (),
    checks: Sequence[Check] = (),
) -> StepVerdict:
    """Judge one step from its result, None where there is none; `inventory` is that of 01-init."""
    inventory = inventory or (result.inventory if result else None) or {}
    made = [*_of_outcome(policy, result)]
    measurements: tuple[Measurement, ...] = ()
    if result is not None:
        measurements = result.measurements
        made += [Check(finding.verdict, finding.text, component=finding.component) for finding in result.findings]
        if result.outcome == COMPLETED:
            excused = _Excuses(policy, result, inventory, writable_disks)
            made += _of_metrics(policy, result, inventory, excused)
        made += _of_thresholds(policy, measurements)
    made += checks
    verdict = _worst(made) if made else ERROR
    return StepVerdict(policy.name, verdict, policy.required, tuple(made), measurements)


def sibling_metrics(profile: Profile, results: Mapping[str, StepResult]) -> dict[str, float]:
    """Return what siblings are compared by, as `03-disk/disk_seq_read_mib_s/sda`: the metrics that have a direction."""
    return {
        _key(policy.name, taken): taken.value
        for policy in profile.steps
        for taken in getattr(results.get(policy.name), "measurements", ())
        if _direction(policy, taken.name)
    }


def _of_outcome(policy: StepPolicy, result: StepResult | None) -> Iterator[Check]:
    if result is None:
        yield Check(ERROR, "it has no result")
        return
    told = f": {result.reason}" if result.reason else ""
    if result.outcome == NOT_APPLICABLE:
        yield Check(NOT_APPLICABLE_VERDICT, f"it does not apply{told}")
        return
    if result.outcome != COMPLETED:
        yield Check(ERROR, f"{_OUTCOMES[result.outcome]}{told}")
        return
    if result.work <= 0:
        yield Check(ERROR, "it ended without any work done")
    if result.seconds > policy.budget_s:
        yield Check(ERROR, f"it took {result.seconds:.0f} s, its budget is {policy.budget_s:.0f} s")


class _Excuses:
    """Which metrics a step may leave out, of which component: those alone, and only with a reason given."""

    def __init__(
        self, policy: StepPolicy, result: StepResult, inventory: Mapping[str, Any], writable_disks: Collection[str]
    ) -> None:
        self._policy = policy
        self._given = {(each.metric, each.component): each.reason for each in result.not_applicable if each.reason}
        self._serials = {
            disk["name"]: disk["serial"] for disk in entries(inventory, "disks") if isinstance(disk.get("serial"), str)
        }
        self._writable = {*writable_disks}

    def reason(self, metric: str, component: str) -> str:
        """Return why a metric may be missing, empty where it may not."""
        if self._policy.name != DISK_STEP.name:
            return ""
        given = self.given(metric, component)
        if metric == SMART_OK and option(DISK_STEP.name, "smart", self._policy.options) == SMART_IF_PRESENT:
            return given
        if metric in (SEQ_WRITE, RAND_WRITE):
            if not allows_writing(self._policy):
                return "the profile allows no writing"
            if self._serials.get(component) not in self._writable:
                return "its serial number is not among the disks that may be written"
            return given if given.startswith(HOLDS_SOMETHING) else ""
        return ""

    def given(self, metric: str, component: str) -> str:
        """Return the reason that the step gave, whether it is taken or not."""
        return self._given.get((metric, component), "")


def _of_metrics(
    policy: StepPolicy, result: StepResult, inventory: Mapping[str, Any], excuses: _Excuses
) -> Iterator[Check]:
    """Check that every declared metric was taken, of every component."""
    taken = {(each.name, each.component): each for each in result.measurements}
    if not policy.metrics:
        yield Check(ERROR, "it declares no metric, so that nothing shows that it ran")
    spoken_of = _spoken_of(policy, result)
    for metric in policy.metrics:
        names = [entry["name"] for entry in entries(inventory, _INVENTORY_OF.get(metric.per, ""))]
        components = [""] if metric.per == SERVER else [*dict.fromkeys([*names, *spoken_of.get(metric.per, ())])]
        if not components:
            yield Check(ERROR, f"there is no {metric.per} to take {metric.name} of", metric.name)
        for component in components:
            found = taken.get((metric.name, component))
            if found is not None:
                yield Check(PASS, metric.name, metric.name, component, found.value, found.unit or metric.unit)
                continue
            reason = excuses.reason(metric.name, component)
            if reason:
                yield Check(NOT_APPLICABLE_VERDICT, f"{metric.name} does not apply: {reason}", metric.name, component)
            else:
                given = excuses.given(metric.name, component)
                told = f"{metric.name} is missing{': ' if given else ''}{given}"
                yield Check(ERROR, told, metric.name, component)


def _spoken_of(policy: StepPolicy, result: StepResult) -> dict[str, list[str]]:
    """Return, by what metrics are taken per, all that the step speaks of: one part of it owes every such metric."""
    per = {metric.name: metric.per for metric in policy.metrics}
    named = [(per.get(each.name, ""), each.component) for each in result.measurements]
    named += [(per.get(each.metric, ""), each.component) for each in result.not_applicable]
    if policy.name == DISK_STEP.name:
        # Findings of other steps name whatever is at fault: memory controllers, banks.
        named += [(DISK, each.component) for each in result.findings]
    found: dict[str, list[str]] = {}
    for kind, component in named:
        if component:
            found.setdefault(kind, []).append(component)
    return found


def entries(inventory: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return a list of an inventory, without what has no name: it comes from a machine."""
    found = inventory.get(key)
    return [
        entry
        for entry in (found if isinstance(found, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    ]


def _of_thresholds(policy: StepPolicy, measurements: Sequence[Measurement]) -> Iterator[Check]:
    for taken in measurements:
        for threshold in policy.thresholds:
            if threshold.fits(taken.name, taken.component):
                yield from _beyond(taken, threshold.limits)


def _beyond(taken: Measurement, limits: Mapping[str, float]) -> Iterator[Check]:
    for key, verdict in (("min", FAIL), ("max", FAIL), ("warn_min", WARN), ("warn_max", WARN)):
        if key not in limits:
            continue
        low = key.endswith("min")
        if taken.value < limits[key] if low else taken.value > limits[key]:
            bound = f"{'at least' if low else 'at most'} {_shown(limits[key], taken.unit)}"
            text = f"{taken.name} is {_shown(taken.value, taken.unit)}, it takes {bound}"
            yield Check(verdict, text, taken.name, taken.component, taken.value, taken.unit)
            return


def _compare(
    profile: Profile, results: Mapping[str, StepResult], siblings: Sequence[Mapping[str, float]]
) -> Comparison:
    own = sibling_metrics(profile, results)
    required: set[str] = set()
    lower: set[str] = set()
    for policy in profile.steps:
        declared = {metric.name for metric in policy.metrics}
        for taken in getattr(results.get(policy.name), "measurements", ()):
            if taken.name in declared and policy.required:
                required.add(_key(policy.name, taken))
            if _direction(policy, taken.name) == "lower":
                lower.add(_key(policy.name, taken))
    return compare(own, siblings, profile.siblings, required=required, lower_is_better=lower)


def _with_siblings(step: StepVerdict, profile: Profile, comparison: Comparison) -> StepVerdict:
    """Add to a step what its relative thresholds say, and what is odd among its required metrics."""
    policy = profile.step(step.step)
    if policy is None or comparison.verdict is None:
        return step
    made: list[Check] = []
    for taken in step.measurements:
        median = comparison.medians.get(_key(step.step, taken))
        if median is not None:
            made += _relative(taken, median, policy.thresholds)
    for odd in comparison.odd:
        name, metric, component = odd.metric.split("/", 2)
        if name == step.step:
            verdict = FAIL if odd.required and odd.percent >= profile.siblings.required_percent else WARN
            text = f"{metric} differs from the siblings: {_shown(odd.value)}, their median is {_shown(odd.median)}"
            made.append(Check(verdict, text, metric, component, odd.value))
    if not made:
        return step
    every = (*step.checks, *made)
    return StepVerdict(step.step, _worst(every), step.required, every, step.measurements)


def _relative(taken: Measurement, median: float, thresholds: Sequence[Threshold]) -> Iterator[Check]:
    for threshold in thresholds:
        if not threshold.fits(taken.name, taken.component):
            continue
        low, high = threshold.limits.get("relative_min"), threshold.limits.get("relative_max")
        if (low is not None and taken.value < low * median) or (high is not None and taken.value > high * median):
            text = (
                f"{taken.name} is {_shown(taken.value, taken.unit)}, {taken.value / median:.0%} of the siblings' median"
                if median
                else f"{taken.name} is {_shown(taken.value, taken.unit)}, the siblings' median is 0"
            )
            yield Check(FAIL, text, taken.name, taken.component, taken.value, taken.unit)


def _overall(steps: Sequence[StepVerdict], comparison: Comparison | None) -> str:
    required = [step.verdict for step in steps if step.required]
    if comparison is not None and comparison.verdict is not None:
        required.append(comparison.verdict)
    if FAIL in required:
        return FAIL
    if not [step for step in steps if step.required] or not {*required} <= {PASS, WARN}:
        return ERROR
    rest = {step.verdict for step in steps if not step.required}
    return WARN if WARN in required or rest & {FAIL, ERROR, WARN} else PASS


def _direction(policy: StepPolicy, name: str) -> str:
    return next((metric.better for metric in policy.metrics if metric.name == name), "")


def _key(step: str, taken: Measurement) -> str:
    return f"{step}/{taken.name}/{taken.component}"


def _worst(checks: Sequence[Check]) -> str:
    return min((check.verdict for check in checks), key=_rank)


def _rank(verdict: str) -> int:
    return _WORST_FIRST.index(verdict)


def _shown(value: float, unit: str = "") -> str:
    return f"{value:,.4g} {unit}".strip() if abs(value) < 10_000 else f"{value:,.0f} {unit}".strip()
