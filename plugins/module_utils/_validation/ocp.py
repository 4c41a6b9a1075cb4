# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A run as JSON lines of the OCP Test & Validation output specification, version 2.0.

https://github.com/opencomputeproject/ocp-diag-core, json_spec/output. One line an artifact, numbered without a gap.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .judging import ERROR, FAIL, NOT_APPLICABLE_VERDICT, PASS, WARN, Check, RunVerdict, StepVerdict
from .profile import Profile, StepPolicy

_VERSION = {"major": 2, "minor": 0}
_STATUS = {ERROR: "ERROR", NOT_APPLICABLE_VERDICT: "SKIP"}
_DIAGNOSIS = {FAIL: "FAIL", WARN: "UNKNOWN", PASS: "PASS", ERROR: "UNKNOWN", NOT_APPLICABLE_VERDICT: "UNKNOWN"}
_VALIDATORS = {"min": "GREATER_THAN_OR_EQUAL", "max": "LESS_THAN_OR_EQUAL"}


def ocp_lines(verdict: RunVerdict, profile: Profile, *, run: str, machine: str, version: str, when: str) -> list[str]:
    """Return the lines of a run. `when` is its end as RFC 3339, `machine` the server's name or serial."""
    artifacts = [{"schemaVersion": _VERSION}, *_artifacts(verdict, profile, run, machine, version)]
    return [
        json.dumps({**artifact, "sequenceNumber": number, "timestamp": when}, ensure_ascii=False, separators=(",", ":"))
        for number, artifact in enumerate(artifacts)
    ]


def _artifacts(verdict: RunVerdict, profile: Profile, run: str, machine: str, version: str) -> Iterator[dict[str, Any]]:
    start = {
        "name": "baremetal.bcm validation",
        "version": version,
        "commandLine": "",
        "parameters": {"profile": profile.name, "run": run},
        "dutInfo": {"dutInfoId": "server", "name": machine},
    }
    yield {"testRunArtifact": {"testRunStart": start}}
    for number, step in enumerate(verdict.steps):
        for inner in _step(step, profile.step(step.step)):
            yield {"testStepArtifact": {**inner, "testStepId": str(number)}}
    result = {PASS: "PASS", WARN: "PASS" if verdict.passed else "FAIL", FAIL: "FAIL"}
    end = {"status": _STATUS.get(verdict.verdict, "COMPLETE"), "result": result.get(verdict.verdict, "NOT_APPLICABLE")}
    yield {"testRunArtifact": {"testRunEnd": end}}


def _step(step: StepVerdict, policy: StepPolicy | None) -> Iterator[dict[str, Any]]:
    yield {"testStepStart": {"name": step.step}}
    for taken in step.measurements:
        limits: dict[str, float] = {}
        for threshold in policy.thresholds if policy else ():
            if threshold.fits(taken.name, taken.component):
                limits.update(threshold.limits)
        measurement: dict[str, Any] = {
            "name": taken.name,
            "value": taken.value,
            "validators": _validators(limits),
            "metadata": {"component": taken.component},
        }
        if taken.unit:
            measurement["unit"] = taken.unit
        yield {"measurement": measurement}
    yield from ({"diagnosis": _diagnosis(check)} for check in _told(step.checks))
    for check in step.checks:
        if check.verdict == ERROR:
            yield {"error": {"symptom": "no-evidence", "message": _text(check), "softwareInfoIds": []}}
    yield {"testStepEnd": {"status": _STATUS.get(step.verdict, "COMPLETE")}}


def _told(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if check.verdict in (FAIL, WARN)] or [
        check for check in checks if check.verdict == PASS
    ][:1]


def _diagnosis(check: Check) -> dict[str, Any]:
    name = check.metric or check.component or "step"
    return {"verdict": name, "type": _DIAGNOSIS[check.verdict], "message": _text(check)}


def _text(check: Check) -> str:
    return f"{check.component}: {check.text}" if check.component else check.text


def _validators(limits: Mapping[str, float]) -> list[dict[str, Any]]:
    return [{"name": key, "type": kind, "value": limits[key]} for key, kind in _VALIDATORS.items() if key in limits]
