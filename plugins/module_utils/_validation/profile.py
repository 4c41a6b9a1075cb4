# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Profiles: what a type of server must show before it passes. The caller reads the YAML, here come its values.

A profile may extend another one: objects are merged key by key, anything else is replaced, and a step or a threshold
that is null is taken away. The profile for a server is the one that names its device type, else the one that names `*`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .catalogue import DISK_STEP, STEPS, BuiltIn, Metric, parse_metric
from .messages import MAX_TEXT, METRIC_NAME, STEP_NAME
from .schema import problems

ANY_TYPE = "*"
WARNINGS_PASS, WARNINGS_FAIL = "pass", "fail"
RESERVE_S = 120.0  # for booting and reporting, beside the budgets
_NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"
_STEP_KEY = f"^{STEP_NAME.pattern}$"
_METRIC_KEY = r"^[a-z][a-z0-9_]{0,63}( [!-~]{1,100})?$"

_LIMIT = {"type": "number"}
THRESHOLD: Mapping[str, Any] = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "min": {**_LIMIT, "description": "less fails"},
        "max": {**_LIMIT, "description": "more fails"},
        "warn_min": {**_LIMIT, "description": "less warns"},
        "warn_max": {**_LIMIT, "description": "more warns"},
        "relative_min": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "less than this part of the siblings' median fails; counts with enough siblings only",
        },
        "relative_max": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "more than this many times the siblings' median fails; counts with enough siblings only",
        },
    },
}
STEP: Mapping[str, Any] = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "required": {"type": "boolean", "default": True, "description": "whether the server needs it to pass"},
        "budget": {
            "type": "number",
            "minimum": 1,
            "maximum": 7 * 86400,
            "description": "seconds, after which the step is stopped and in error",
        },
        "destructive": {
            "type": "boolean",
            "default": False,
            "description": "whether a step of the site's own may run that says of itself that it destroys data",
        },
        "metrics": {
            "type": "array",
            "maxItems": 200,
            "items": {
                "type": "string",
                "pattern": r"^[a-z][a-z0-9_]{0,63}(/(server|disk|numa|nic))?(:(higher|lower))?$",
                "description": "a metric, or a metric per disk, numa or nic, as gpu_count or disk_burn_mib_s/disk; "
                "with :higher or :lower, which says what is better, it is compared with the siblings",
            },
            "description": "metrics that the step must take beside those it always must",
        },
        "options": {
            "type": "object",
            "maxProperties": 100,
            "description": "what the step is told; it depends on the step",
        },
        "thresholds": {
            "type": "object",
            "maxProperties": 500,
            "additionalProperties": False,
            "patternProperties": {_METRIC_KEY: THRESHOLD},
            "keyForm": "a metric, or a metric, a blank and a pattern of components, as disk_seq_read_mib_s nvme*",
            "description": "by metric, or by metric and pattern of components",
        },
    },
}
SIBLINGS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "runs": {"type": "integer", "minimum": 3, "default": 8, "description": "fewer siblings are not compared with"},
        "deviations": {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 3.5,
            "description": "how many deviations (1.4826 MAD) from the median a metric must be away to be odd",
        },
        "percent": {
            "type": "number",
            "minimum": 0,
            "default": 5,
            "description": "and how many per cent of the median at least",
        },
        "warn_share": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.01,
            "description": "the part of odd metrics from which a server warns",
        },
        "fail_share": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.1,
            "description": "the part from which it fails, three metrics at least",
        },
        "required_percent": {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 20,
            "description": "a required metric so many per cent worse than the median fails alone",
        },
    },
}
SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Validation profile",
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": _NAME, "description": "a name of small letters, digits, - and _"},
        "description": {"type": "string", "maxLength": MAX_TEXT},
        "extends": {"type": "string", "pattern": _NAME, "description": "the name of the profile it is made from"},
        "device_types": {
            "type": "array",
            "maxItems": 1000,
            "items": {
                "type": "string",
                "pattern": r"^(\*|[A-Za-z0-9_-]{1,100})$",
                "description": "the slug of a device type in NetBox, or * for all others",
            },
            "description": "which servers it is for; none: it is there to be extended",
        },
        "warnings": {
            "enum": [WARNINGS_PASS, WARNINGS_FAIL],
            "default": WARNINGS_PASS,
            "description": "whether a server with nothing worse than a warning passes",
        },
        "siblings": SIBLINGS,
        "steps": {
            "type": "object",
            "maxProperties": 100,
            "additionalProperties": False,
            "patternProperties": {_STEP_KEY: STEP},
            "keyForm": "two digits and a name, as 50-gpu",
            "description": "in the order of their names; only these run",
        },
    },
}


class ProfileError(ValueError):
    """Profiles that can't be used; `problems` holds a sentence for each mistake."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("; ".join(found))
        self.problems = tuple(found)


@dataclass(frozen=True)
class Threshold:
    """Limits of one metric of the components that fit `components`; None is no limit."""

    metric: str
    components: str
    limits: Mapping[str, float]

    def fits(self, metric: str, component: str) -> bool:
        """Say whether it holds for a metric of a component."""
        return metric == self.metric and fnmatch.fnmatchcase(component, self.components)


@dataclass(frozen=True)
class StepPolicy:
    """What a profile says of one step; `metrics` are all that it must take."""

    name: str
    budget_s: float
    required: bool = True
    destructive: bool = False
    metrics: tuple[Metric, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True)
class SiblingPolicy:
    """How siblings are compared; the schema says what each number means."""

    runs: int = 8
    deviations: float = 3.5
    percent: float = 5.0
    warn_share: float = 0.01
    fail_share: float = 0.1
    required_percent: float = 20.0


@dataclass(frozen=True)
class Profile:
    """A profile with all that it extends merged in. `steps` are in the order in which they run."""

    name: str
    steps: tuple[StepPolicy, ...]
    device_types: tuple[str, ...] = ()
    warnings_pass: bool = True
    siblings: SiblingPolicy = field(default_factory=SiblingPolicy)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def deadline_s(self) -> float:
        """The seconds that a run may take from its task to its verdict."""
        return sum(step.budget_s for step in self.steps) + RESERVE_S

    def step(self, name: str) -> StepPolicy | None:
        """Return what it says of a step, None where the step isn't in it."""
        return next((step for step in self.steps if step.name == name), None)

    def to_wire(self) -> dict[str, Any]:
        """Return it as the task carries it; `from_wire` reads it."""
        return dict(self.document)

    @classmethod
    def from_wire(cls, document: Mapping[str, Any]) -> Profile:
        """Read a profile that extends none. Raises ProfileError."""
        found = list(problems(dict(document), SCHEMA)) or list(_mistakes(document))
        if "extends" in document:
            found.append("extends: the profile is not whole")
        if found:
            raise ProfileError([f"profile {document.get('name')}: {problem}" for problem in found])
        return _profile(document)


def read_profiles(documents: Mapping[str, object]) -> dict[str, Profile]:
    """Read all profiles, given by where each stands (a file's name, for sentences), and return them by name.

    Raises ProfileError with every mistake of every profile.
    """
    found: list[str] = []
    by_name: dict[str, tuple[str, dict[str, Any]]] = {}
    for source, document in documents.items():
        wrong = list(problems(document, SCHEMA))
        found += [f"{source}: {problem.lstrip(': ')}" for problem in wrong]
        if wrong or not isinstance(document, dict):
            continue
        if document["name"] in by_name:
            found.append(
                f"{source}: name: {document['name']} is the name of the profile in {by_name[document['name']][0]} too"
            )
            continue
        by_name[document["name"]] = (source, document)
    if found:
        raise ProfileError(found)
    whole: dict[str, dict[str, Any]] = {}
    for name, (source, _document) in by_name.items():
        try:
            whole[name] = _merged(name, {each: document for each, (_source, document) in by_name.items()}, ())
        except ProfileError as error:
            found += [f"{source}: {problem}" for problem in error.problems]
            continue
        found += [f"{source}: {problem}" for problem in _mistakes(whole[name])]
    found += _claimed_twice({name: document.get("device_types", []) for name, document in whole.items()})
    if found:
        raise ProfileError(found)
    return {name: _profile(document) for name, document in whole.items()}


def choose_profile(profiles: Mapping[str, Profile], device_type: str, name: str = "") -> Profile:
    """Return the profile called `name`, else that of a device type (NetBox's slug). Raises ProfileError."""
    if name:
        if name not in profiles:
            raise ProfileError([f"there is no profile {name}; there are {', '.join(sorted(profiles)) or 'none'}"])
        return profiles[name]
    for wanted in (device_type, ANY_TYPE):
        for profile in profiles.values():
            if wanted in profile.device_types:
                return profile
    raise ProfileError(
        [f'no profile is for the device type {device_type}: name it in device_types of one, or give one "{ANY_TYPE}"']
    )


def _merged(name: str, documents: Mapping[str, dict[str, Any]], above: tuple[str, ...]) -> dict[str, Any]:
    if name in above:
        raise ProfileError([f"extends: the profiles {' → '.join((*above, name))} extend each other in a circle"])
    if name not in documents:
        raise ProfileError([f"extends: there is no profile {name}; there are {', '.join(sorted(documents))}"])
    own = documents[name]
    parent = own.get("extends")
    if not parent:
        return _overlaid({}, own)
    base = _merged(parent, documents, (*above, name))
    # Whom a profile is for is not inherited: two profiles would be for the same servers.
    base.pop("device_types", None)
    base.pop("description", None)
    whole = _overlaid(base, own)
    whole.pop("extends", None)
    return whole


def _overlaid(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in own.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = _overlaid(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


def _mistakes(document: Mapping[str, Any]) -> Iterator[str]:
    """Give what no schema can say; the document has the right shape."""
    steps = document.get("steps")
    if not isinstance(steps, dict) or not steps:
        yield "steps: it names no step, so that nothing would be tested"
        return
    if not any(isinstance(step, dict) and step.get("required", True) for step in steps.values()):
        yield "steps: none is required, so that any server would pass"
    for name, step in steps.items():
        if isinstance(step, dict):
            yield from (f"steps.{name}.{problem}" for problem in _step_mistakes(name, step))


def _step_mistakes(name: str, step: Mapping[str, Any]) -> Iterator[str]:
    if "budget" not in step:
        yield "budget: it is missing: after how many seconds is the step stopped?"
    built_in = STEPS.get(name)
    if built_in is None:
        if not step.get("metrics"):
            yield f"metrics: {name} is no step of the image's own, say what it must measure: without that it can't pass"
    else:
        options = {"type": "object", "additionalProperties": False, "properties": built_in.options}
        yield from problems(step.get("options", {}), options, "options")
        yield from _metric_mistakes(built_in, step.get("metrics", ()))
    known = {metric.name: metric for metric in _metrics(name, step)}
    for key, limits in step.get("thresholds", {}).items():
        metric = str(key).partition(" ")[0]
        if metric not in known:
            yield f"thresholds.{key}: {name} has no metric {metric}; declared are {', '.join(sorted(known))}"
        if isinstance(limits, dict):
            yield from (f"thresholds.{key}: {problem}" for problem in _limit_mistakes(limits))
            if metric in known and not known[metric].better and {"relative_min", "relative_max"} & {*limits}:
                yield f"thresholds.{key}: siblings are not compared by {metric}; a site's own says :higher or :lower"


def _metric_mistakes(built_in: BuiltIn, metrics: Iterable[object]) -> Iterator[str]:
    takes = {metric.name for metric in (*built_in.metrics, *built_in.more)}
    for metric in metrics:
        if re.split("[/:]", str(metric))[0] not in takes:
            yield f"metrics: {built_in.name} takes no {metric}; it takes {', '.join(sorted(takes))}"
        elif ":" in str(metric):
            yield f"metrics: what is better of {metric} is known; leave that out"


def _limit_mistakes(limits: Mapping[str, Any]) -> Iterator[str]:
    for low, high in (("min", "max"), ("warn_min", "warn_max"), ("min", "warn_min"), ("warn_max", "max")):
        if low in limits and high in limits and limits[low] > limits[high]:
            yield f"{low} is above {high}"


def _claimed_twice(types: Mapping[str, list[str]]) -> Iterator[str]:
    first: dict[str, str] = {}
    for name, device_types in types.items():
        for device_type in dict.fromkeys(device_types):
            if device_type in first:
                yield f"device_types: {device_type} is named by both {first[device_type]} and {name}"
            first.setdefault(device_type, name)


def _profile(document: Mapping[str, Any]) -> Profile:
    return Profile(
        name=document["name"],
        steps=tuple(_policy(name, step or {}) for name, step in sorted(document["steps"].items())),
        device_types=tuple(document.get("device_types", ())),
        warnings_pass=document.get("warnings", WARNINGS_PASS) == WARNINGS_PASS,
        siblings=SiblingPolicy(**document.get("siblings", {})),
        document=document,
    )


def _policy(name: str, step: Mapping[str, Any]) -> StepPolicy:
    return StepPolicy(
        name=name,
        budget_s=float(step["budget"]),
        required=step.get("required", True),
        destructive=step.get("destructive", False),
        metrics=_metrics(name, step),
        options=step.get("options", {}),
        thresholds=tuple(_threshold(key, limits) for key, limits in step.get("thresholds", {}).items() if limits),
    )


def _metrics(name: str, step: Mapping[str, Any]) -> tuple[Metric, ...]:
    built_in = STEPS[name].metrics if name in STEPS else ()
    declared = {metric.name: metric for metric in built_in}
    for text in step.get("metrics", ()):
        if re.match(METRIC_NAME, str(text)):
            metric = parse_metric(str(text))
            declared.setdefault(metric.name, metric)
    return tuple(declared.values())


def _threshold(key: str, limits: Mapping[str, float]) -> Threshold:
    metric, _blank, components = key.partition(" ")
    return Threshold(metric, components or "*", dict(limits))


def allows_writing(policy: StepPolicy | None) -> bool:
    """Say whether a profile lets empty disks be written that the receiver lists."""
    return policy is not None and policy.name == DISK_STEP.name and policy.options.get("write") == "when_empty"
