"""What several files of the repository say about the same thing must agree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.tools.doc_fragments import FRAGMENTS, ConnectionFragment, Fragment

ROOT = Path(__file__).parents[2]


def read_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_action_group_names_every_module_and_nothing_else() -> None:
    modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("bcm_*.py"))

    assert read_yaml("meta/runtime.yml")["action_groups"]["bcm"] == modules


def test_the_action_group_of_netbox_names_every_module_that_talks_to_netbox() -> None:
    modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("netbox_*.py"))

    assert read_yaml("meta/runtime.yml")["action_groups"]["netbox"] == modules


def test_the_action_group_of_redfish_names_every_module_that_talks_to_bmcs_by_it() -> None:
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("redfish_*.py")}

    assert read_yaml("meta/runtime.yml")["action_groups"]["redfish"] == sorted(modules - {"redfish_report"})


@pytest.mark.parametrize("fragment", [*FRAGMENTS, ConnectionFragment()], ids=lambda fragment: fragment.path.stem)
def test_a_fragment_that_repeats_another_says_the_same(fragment: Fragment | ConnectionFragment) -> None:
    assert fragment.path.read_text(encoding="utf-8") == fragment.text(), "`make doc-fragments` writes it anew"


def test_the_unit_tests_install_what_the_collection_needs() -> None:
    needed = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    installed = (ROOT / "tests" / "unit" / "requirements.txt").read_text(encoding="utf-8").splitlines()

    assert {line for line in needed if not line.startswith("#")} <= set(installed)


def test_pyghmi_is_bounded_alike_wherever_it_is_named() -> None:
    (bound,) = [
        line for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() if "pyghmi>" in line
    ]

    for place in ("README.md", "plugins/module_utils/_head_node/power/run_action.py"):
        assert bound in (ROOT / place).read_text(encoding="utf-8"), place


def test_the_hooks_before_a_commit_run_the_linters_of_make_lint() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lint = makefile.partition("\nlint:")[2].partition("\n\n")[0]
    steps = re.findall(r"@\$\(STEP\) '([^']+)' \$\(MAIN\) (.+)", lint.replace("$(TOOLS)", "tests/tools"))
    hooks = [hook for repo in read_yaml(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]

    assert len(steps) > 4
    # Where `make` names files, pre-commit names those that changed.
    assert {hook["name"]: hook["entry"] for hook in hooks} == {
        name: f"tests/tools/in-venv .venv {command.partition(' $(')[0]}" for name, command in steps
    }
    assert [hook["id"] for hook in hooks if hook.get("pass_filenames", True)] == ["shellcheck"]


def test_no_sanity_test_is_switched_off() -> None:
    assert not list((ROOT / "tests" / "sanity").glob("ignore*"))


def calls_that_wait_for_ever(path: Path) -> Iterator[str]:
    """Find calls that wait for a process or a thread without a bound, and programs that nothing kills."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    awaited = {inside for node in ast.walk(tree) if isinstance(node, ast.Await) for inside in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node in awaited:
            continue
        name, named = ast.unparse(node.func), {keyword.arg for keyword in node.keywords}
        endless = node.func.attr in {"communicate", "join", "wait"} and not node.args and not named
        if endless or (name == "subprocess.run" and "timeout" not in named) or name == "subprocess.Popen":
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {name}"


def test_no_test_waits_for_ever_for_a_child_process_or_a_thread() -> None:
    places = ("conformance", "integration", "netbox", "system", "unit")
    files = [path for place in places for path in (ROOT / "tests" / place).rglob("*.py")]
    found = [call for path in files for call in calls_that_wait_for_ever(path)]

    assert [call for call in found if not call.startswith("tests/unit/child_process.py:")] == []
