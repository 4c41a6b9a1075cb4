# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebooks and the roles of the intake: what they name exists, and what they take is documented."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
RULEBOOKS = sorted((ROOT / "extensions/eda/rulebooks").glob("*.yml"))
GUIDE = ROOT / "docs/intake.md"
HARDENING_GUIDE = ROOT / "docs/hardening.md"
OURS = "baremetal.bcm."


def rulesets(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_a_rulebook_starts_playbooks_that_the_collection_has(path: Path) -> None:
    actions = [rule["action"] for ruleset in rulesets(path) for rule in ruleset["rules"]]
    names = [action["run_playbook"]["name"] for action in actions]

    assert names
    for name in names:
        assert name.startswith(OURS)
        assert (ROOT / "playbooks" / f"{name.removeprefix(OURS)}.yml").exists()


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_a_rulebook_gives_the_tap_only_options_that_it_has(path: Path) -> None:
    for ruleset in rulesets(path):
        for source in ruleset["sources"]:
            for name in source:
                if name.startswith(OURS):
                    folder = ROOT / "extensions/eda/plugins/event_source"
                    schema = json.loads(
                        (folder / f"schemas/{name.removeprefix(OURS)}.json").read_text(encoding="utf-8")
                    )
                    assert set(source[name]) <= set(schema["properties"])


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_every_variable_of_a_rulebook_is_in_the_guide(path: Path) -> None:
    variables = set(re.findall(r"\{\{ (\w+)", path.read_text(encoding="utf-8")))

    assert variables
    guide = (HARDENING_GUIDE if path.stem == "hardening" else GUIDE).read_text(encoding="utf-8")
    assert {name for name in variables if f"`{name}`" not in guide} == set()


@pytest.mark.parametrize("role", ["dhcp_tap", "intake"])
def test_every_option_of_a_role_is_in_its_readme_with_its_default(role: str) -> None:
    folder = ROOT / "roles" / role
    specs = yaml.safe_load((folder / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((folder / "defaults/main.yml").read_text(encoding="utf-8"))
    readme = (folder / "README.md").read_text(encoding="utf-8")

    assert {name for name in options if f"| `{name}` |" not in readme} == set()
    assert {name: option["default"] for name, option in options.items() if "default" in option} == defaults
