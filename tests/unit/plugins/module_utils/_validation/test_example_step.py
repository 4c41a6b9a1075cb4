# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example of a site's own step, with what DCGM is known to print: what it skipped passes no server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.header import read_header
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.judging import RunVerdict, judge_run
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import StepResult
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.profile import read_profiles
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.paths import STEPS

EXAMPLE = STEPS.parent / "examples" / "50-gpu"
PAGE = STEPS.parents[1] / "docs" / "validation-steps.md"


def of_version_4(**statuses: Any) -> dict[str, Any]:
    """A report of two GPUs; `pcie=("Pass", "Skip")` is a test, a word beside a status a warning."""
    tests = []
    for name, each in {"software": ("Pass", "Pass"), "memory": ("Pass", "Pass"), **statuses}.items():
        results = []
        for number, status in enumerate(each):
            word, _blank, warning = status.partition(" ")
            more = {"warnings": [{"error_id": 1, "warning": warning}]} if warning else {}
            results.append({"entity_group": "GPU", "entity_id": number, "status": word, **more})
        results.append({"entity_group": "CPU", "entity_id": 0, "status": "Pass"})
        tests.append({"name": name, "results": results, "test_summary": {"status": "Pass"}})
    return {"DCGM Diagnostic": {"test_categories": [{"category": "Hardware", "tests": tests}]}}


OF_VERSION_3 = {
    "DCGM GPU Diagnostic": {
        "test_categories": [
            {"tests": [{"name": "Denylist", "results": [{"gpu_ids": "0,1", "status": "Pass"}]}]},
            {"tests": [{"name": "PCIe", "results": [{"gpu_id": "1", "status": "Pass"}]}]},
        ]
    }
}


def judged(tmp_path: Path, output: str, code: int = 0, **options: Any) -> RunVerdict:
    """Run the step beside a dcgmi that prints this, and judge it by the profile of the page."""
    (tmp_path / "output").write_text(output, encoding="utf-8")
    tool = tmp_path / "dcgmi"
    tool.write_text(f"#!/bin/sh\ncat {tmp_path}/output\nexit {code}\n", encoding="utf-8")
    tool.chmod(0o755)
    written = tmp_path / "result.json"
    python = Path(sys.executable).parent
    environment = {
        "PATH": f"{tmp_path}:{python}:{os.environ['PATH']}",
        "VALIDATION_RESULT": str(written),
        "VALIDATION_OPTIONS": json.dumps({"level": 2, **options}),
    }
    subprocess.run([str(EXAMPLE)], env=environment, check=True, timeout=60, capture_output=True)
    wire = {"seconds": 1, "work": 0, "outcome": "completed", **json.loads(written.read_text(encoding="utf-8"))}
    site = read_profiles({"gpu.yml": profile_of_the_page()})["gpu-servers"]
    return judge_run(site, {"50-gpu": StepResult.from_wire(wire)})


def profile_of_the_page() -> dict[str, Any]:
    """The profile that the page shows, alone."""
    (block,) = [part for part in PAGE.read_text(encoding="utf-8").split("```") if part.startswith("yaml")]
    document: dict[str, Any] = yaml.safe_load(block.partition("\n")[2])
    document.pop("extends")
    return document


def test_the_examples_header_is_read_and_its_profile_asks_for_its_metrics() -> None:
    header = read_header("50-gpu", EXAMPLE.read_text(encoding="utf-8"))
    names = [metric.name for metric in header.metrics]
    assert profile_of_the_page()["steps"]["50-gpu"]["metrics"] == names
    assert os.access(EXAMPLE, os.X_OK)


@pytest.mark.parametrize("report", [of_version_4(), OF_VERSION_3], ids=["4", "3"])
def test_gpus_whose_tests_passed_pass_with_either_version(tmp_path: Path, report: dict[str, Any]) -> None:
    verdict = judged(tmp_path, f"some words before\n{json.dumps(report)}")
    assert verdict.passed, verdict.reasons
    assert {each.name: each.value for each in verdict.steps[0].measurements}["gpus"] == 2


NO_PASS: dict[str, tuple[str, int]] = {
    "a test skipped": (json.dumps(of_version_4(pcie=("Skip", "Skip"))), 0),
    "a test skipped of one GPU": (json.dumps(of_version_4(pcie=("Pass", "Skip"))), 0),
    "a pass with an allocation error": (
        json.dumps(of_version_4(memory=("Pass", "Pass Error allocating 83618558100 bytes"))), 0),
    "a failure": (json.dumps(of_version_4(memory=("Pass", "Fail 3 ECC errors"))), 226),
    "a word that nobody knows": (json.dumps(of_version_4(memory=("Pass", "Perhaps"))), 0),
    "one GPU fewer": (json.dumps(of_version_4(software=("Pass",), memory=("Pass",))), 0),
    "no GPU": (json.dumps({"DCGM Diagnostic": {"test_categories": []}}), 0),
    "nothing": ("", 0),
    "half a report": (json.dumps(of_version_4())[:80], 0),
    "an error in words": ("Error: unable to connect to host engine", 1),
    "another shape": (json.dumps({"DCGM Diagnostic": {"runtime_error": "x"}}), 0),
    "a list": ('{"DCGM Diagnostic": []}', 0),
}  # fmt: skip


@pytest.mark.parametrize(("output", "code"), NO_PASS.values(), ids=NO_PASS)
def test_what_is_no_evidence_of_sound_gpus_passes_no_server(tmp_path: Path, output: str, code: int) -> None:
    verdict = judged(tmp_path, output, code)
    assert not verdict.passed
    assert verdict.reasons


def test_a_test_that_the_site_knows_to_be_skipped_is_no_error(tmp_path: Path) -> None:
    report = json.dumps(of_version_4(nvbandwidth=("Skip", "Skip")))
    assert judged(tmp_path, report, may_skip=["nvbandwidth"]).passed


def test_a_failing_gpu_is_named(tmp_path: Path) -> None:
    verdict = judged(tmp_path, json.dumps(of_version_4(memory=("Pass", "Fail 3 ECC errors"))), 226)
    assert any(reason.startswith("50-gpu: gpu1: memory: Fail") for reason in verdict.reasons)
