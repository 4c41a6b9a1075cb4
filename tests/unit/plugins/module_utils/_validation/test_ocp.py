# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON lines of a run are those of the OCP Test & Validation output specification, by its authors' own library."""

from __future__ import annotations

import dataclasses
import enum
import json
import typing
from dataclasses import replace
from typing import Any

import pytest
from ocptv.output import objects

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.judging import RunVerdict, judge_run
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import NO_DATA, Finding, StepResult
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.ocp import ocp_lines
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import profile, results

_BY_NAME: dict[str, Any] = {
    found.SPEC_OBJECT: found
    for found in vars(objects).values()
    if dataclasses.is_dataclass(found) and hasattr(found, "SPEC_OBJECT")
}


def _check(model: Any, value: Any, place: str) -> None:
    """Hold an object to the library's model of it: known keys, values of enumerations, what must be there."""
    fields = {
        field.metadata["spec_field"]: field for field in dataclasses.fields(model) if "spec_field" in field.metadata
    }
    for key, inner in value.items():
        if key in fields:
            _check_value(fields[key].type, inner, f"{place}.{key}")
        elif key != "metadata":
            assert key in _BY_NAME, f"{place}.{key}"
            _check(_BY_NAME[key], inner, f"{place}.{key}")
    missing = [key for key, field in fields.items() if _is_required(field.type) and key not in value]
    assert not missing, (place, missing)


def _check_value(kind: Any, value: Any, place: str) -> None:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        assert value in {each.value for each in kind}, place
    elif typing.get_origin(kind) is list and dataclasses.is_dataclass(typing.get_args(kind)[0]):
        for number, each in enumerate(value):
            _check(typing.get_args(kind)[0], each, f"{place}[{number}]")
    elif kind in (str, int):
        assert isinstance(value, kind), place


def _is_required(kind: Any) -> bool:
    # A list may be left out where it is empty, says the specification.
    return type(None) not in typing.get_args(kind) and typing.get_origin(kind) is not list


def _lines(verdict: RunVerdict) -> list[dict[str, Any]]:
    written = ocp_lines(verdict, profile(), run="r", machine="S1", version="1", when="2026-11-21T22:00:00Z")
    return [json.loads(line) for line in written]


def _runs() -> dict[str, dict[str, StepResult]]:
    healthy = results()
    broken = replace(healthy["03-disk"], findings=(Finding("sda", "fail", "I/O error"),))
    warned = replace(healthy["02-memory"], findings=(Finding("bank8", "warn", "1 hardware error"),))
    return {
        "healthy": healthy,
        "broken": {**healthy, "03-disk": broken},
        "warned": {**healthy, "02-memory": warned},
        "not run": {**healthy, "04-lldp": StepResult(NO_DATA, "no interface has a link")},
    }


@pytest.mark.parametrize("run", _runs().values(), ids=_runs())
def test_each_line_is_one_of_the_specification_and_they_are_numbered_without_a_gap(run: dict[str, StepResult]) -> None:
    lines = _lines(judge_run(profile(), run))
    assert [line["sequenceNumber"] for line in lines] == list(range(len(lines)))
    assert lines[0]["schemaVersion"] == {"major": 2, "minor": 0}
    for line in lines:
        _check(objects.Root, line, "line")


@pytest.mark.parametrize(
    ("run", "status", "result"),
    [
        ("healthy", "COMPLETE", "PASS"),
        ("warned", "COMPLETE", "PASS"),
        ("broken", "COMPLETE", "FAIL"),
        ("not run", "ERROR", "NOT_APPLICABLE"),
    ],
)
def test_a_run_ends_with_its_status_apart_from_its_result(run: str, status: str, result: str) -> None:
    end = _lines(judge_run(profile(), _runs()[run]))[-1]["testRunArtifact"]["testRunEnd"]
    assert end == {"status": status, "result": result}


def test_a_threshold_is_a_validator_of_its_measurement() -> None:
    artifacts = [line.get("testStepArtifact", {}) for line in _lines(judge_run(profile(), results()))]
    (taken,) = [each["measurement"] for each in artifacts if each.get("measurement", {}).get("name") == "memory_errors"]
    assert taken["validators"] == [{"name": "max", "type": "LESS_THAN_OR_EQUAL", "value": 0}]
