# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX hands to a job of a template: extra variables of its survey, and what its credentials inject."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.baremetal.bcm.tests.unit.extensions.controller_contract import read_definitions

Raw = dict[str, Any]


@dataclass(frozen=True)
class Injected:
    """What a credential becomes: environment, and variables."""

    environment: dict[str, str]
    variables: Raw


def inject(kind: str, inputs: Mapping[str, str], files: Path, seen_as: str) -> Injected:
    """Fill the injectors of a type of credential as AWX does; its files are written, and named as the job sees them."""
    types = {each["name"]: each for each in read_definitions()["controller_credential_types"]}
    fields, injectors = types[kind]["inputs"]["fields"], types[kind]["injectors"]
    values = {field["id"]: field["default"] for field in fields if "default" in field} | dict(inputs)
    assert set(values) == {field["id"] for field in fields}
    for name, content in injectors.get("file", {}).items():
        file = name.partition(".")[2]
        (files / file).write_text(_filled(content, values), encoding="utf-8")
        (files / file).chmod(0o644)
        values[f"tower.filename.{file}"] = f"{seen_as}/{file}"
    return Injected(
        {name: _filled(text, values) for name, text in injectors.get("env", {}).items()},
        {name: _filled(text, values) for name, text in injectors.get("extra_vars", {}).items()},
    )


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"{{ ([\w.]+) }}", lambda found: str(values[found[1]]), text)


def survey_defaults(template: Mapping[str, Any], **answers: Any) -> Raw:
    """Give the variables of a launch on which nothing was changed, but for questions without a default."""
    given: Raw = {}
    for question in template["survey_spec"]["spec"]:
        variable = question["variable"]
        # A form that is sent as it is sends an empty text, too.
        given[variable] = (
            answers[variable] if question["required"] and question["default"] == "" else question["default"]
        )
    return given


def write_job(directory: Path, project: Path, environment: Mapping[str, str], variables: Raw, inventory: str) -> None:
    """Write the directory that ansible-runner runs: project, inventory, environment and variables."""
    for name in ("env", "inventory", "project"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    for playbook in (project / "playbooks").glob("*.yml"):
        target = directory / "project/playbooks" / playbook.name
        target.parent.mkdir(exist_ok=True)
        target.write_text(playbook.read_text(encoding="utf-8"), encoding="utf-8")
    (directory / "inventory/bcm.yml").write_text(inventory, encoding="utf-8")
    (directory / "env/envvars").write_text(yaml.safe_dump(dict(environment)), encoding="utf-8")
    (directory / "env/extravars").write_text(yaml.safe_dump(variables), encoding="utf-8")
