# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment, built for real, and in it every job template as AWX would run it, against a rack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site, site
from ansible_collections.baremetal.bcm.tests.system.support.awx_job import inject, survey_defaults, write_job
from ansible_collections.baremetal.bcm.tests.tools.awx_arguments import PLACE, read
from ansible_collections.baremetal.bcm.tests.unit.extensions.controller_contract import read_definitions

TOOL = ROOT / "tests/tools/execution-environment"
DIRECTORY = Path(os.environ.get("EE_DIR", "/var/tmp/baremetal-bcm-ee"))
AWX = ROOT / ".venv-controller/lib"
TEMPLATES = [each for each in read_definitions()["controller_templates"] if "BCM head node" in each["credentials"]]
BCM_YML = (ROOT / "inventory/bcm.yml").read_text(encoding="utf-8")
# What a person would answer to the questions that have no default.
ANSWERS = {"bcm_target": "bcm_nodes"}
Raw = dict[str, Any]


def require(condition: object, what: str) -> None:
    """Skip without it; `make test-system` counts that as a failure."""
    if not condition and os.environ.get("CONTROLLER_REQUIRE_ALL") == "1":
        pytest.fail(f"missing: {what}")
    if not condition:
        pytest.skip(f"missing: {what}")


def run_in_image(*command: str, limit_s: float = 600) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TOOL, "run", *command], capture_output=True, text=True, check=False, timeout=limit_s)


@pytest.fixture(scope="class")
def build_log() -> str:
    """The image, built anew."""
    for program in ("buildah", "mmdebstrap"):
        require(shutil.which(program), f"Debian package {program}")
    require((ROOT / ".venv-controller/bin/ansible-builder").exists(), "make .venv-controller")
    require(os.geteuid() == 0, "root")
    begun_s = time.monotonic()
    built = subprocess.run([TOOL, "build"], capture_output=True, text=True, check=False, timeout=1200)
    assert built.returncode == 0, built.stdout + built.stderr
    return f"{built.stdout}built in {time.monotonic() - begun_s:.0f} s"


@pytest.fixture(scope="class")
def where(build_log: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    assert "built in" in build_log
    with site(demo_rack(devices="all"), tmp_path_factory.mktemp("site")) as opened:
        yield opened


class TestExecutionEnvironment:
    def test_it_is_built_and_its_packages_fit_together(self, build_log: str) -> None:
        checked = run_in_image("python3", "-m", "pip", "check")

        assert checked.returncode == 0, build_log + checked.stdout + checked.stderr
        assert "No broken requirements found" in checked.stdout

    def test_the_collection_and_all_that_it_needs_is_imported(self, build_log: str) -> None:
        names = [f"plugins.modules.{path.stem}" for path in (ROOT / "plugins/modules").glob("*.py")]
        names += [f"plugins.inventory.{path.stem}" for path in (ROOT / "plugins/inventory").glob("*.py")]
        program = "import importlib, httpx, netaddr, pyghmi\n"
        program += f"for name in {names}: importlib.import_module('ansible_collections.baremetal.bcm.' + name)\n"
        program += "print('imported')"

        said = run_in_image("env", "PYTHONPATH=/usr/share/ansible/collections", "python3", "-c", program)

        assert said.stdout.strip() == "imported", build_log + said.stderr

    def test_no_system_package_is_needed_that_bindep_does_not_name(self, build_log: str) -> None:
        named = [
            line for line in (ROOT / "bindep.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in "#-"
        ]
        # What an image has that was made of Python and pip alone.
        missing = run_in_image(
            "sh", "-c", "find / -xdev -name '*.so*' -path '*site-packages*' | xargs ldd | grep 'not found'"
        )

        assert named == [], build_log
        assert missing.stdout == ""

    @pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["name"])
    def test_a_template_runs_as_it_stands_and_changes_nothing(self, where: Site, template: Raw, tmp_path: Path) -> None:
        run_directory = DIRECTORY / "runner" / tmp_path.name
        shutil.rmtree(run_directory, ignore_errors=True)
        run_directory.mkdir(parents=True)
        environment, variables = injected(where, template, run_directory)
        variables |= survey_defaults(template, **ANSWERS)
        write_job(run_directory, ROOT, environment, variables, BCM_YML)
        where.rack.forget_calls()
        seen = f"/runner/{tmp_path.name}"
        options = ["--cmdline", "--check --diff", "--ident", "job"]

        ran = run_in_image("ansible-runner", "run", seen, "-p", template["playbook"], *options)

        artifacts = run_directory / "artifacts/job"
        output = (artifacts / "stdout").read_text(encoding="utf-8") if artifacts.exists() else ran.stdout + ran.stderr
        assert (artifacts / "rc").read_text(encoding="utf-8") == "0", output
        assert "PLAY RECAP" in output
        assert where.rack.mutating_calls() == []
        assert set(where.rack.power_operations().values()) == {0}


class TestContract:
    def test_the_arguments_of_awx_are_those_that_the_definitions_are_held_against(self) -> None:
        found = sorted(AWX.glob("python3*/site-packages/ansible_collections/awx/awx"))
        require(found, "make .venv-controller")

        assert json.loads(PLACE.read_text(encoding="utf-8")) == read(found[0])


def injected(where: Site, template: Raw, files: Path) -> tuple[dict[str, str], Raw]:
    """What the credentials of a template give to its job."""
    rack, seen_as = where.rack.environment, f"/runner/{files.name}"
    inputs = {
        "BCM head node": (
            "BCM head node, password",
            {
                "head_node": rack["BCM_HEAD_NODE"],
                "port": rack["BCM_PORT"],
                "ca": Path(rack["BCM_CA_PATH"]).read_text(encoding="utf-8"),
                "username": rack["BCM_USERNAME"],
                "password": rack["BCM_PASSWORD"],
            },
        ),
        "BMCs of nodes": ("BMCs of nodes", {"username": "bmcadmin", "password": "bmc-password"}),
    }
    environment: dict[str, str] = {}
    variables: Raw = {}
    for credential in template["credentials"]:
        made = inject(*inputs[credential], files=files, seen_as=seen_as)
        environment |= made.environment
        variables |= made.variables
    return environment, variables
