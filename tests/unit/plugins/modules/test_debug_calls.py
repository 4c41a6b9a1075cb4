# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for each call, where somebody asked for it, and nothing of what was said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from ..fake_head_node import PASSWORD, FakeHeadNode
from ..running import Modules

PLUGINS = Path(__file__).parents[4] / "plugins"
NEW_SECRET = "new-bmc-secret"
CHANGE = {"hostname": "node001", "notes": "a-note", "bmc_settings": {"password": NEW_SECRET}}


def calls_of(lines: list[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines]


@pytest.mark.parametrize("asked", [{"debug_calls": True}, {"verbosity": 3}, {"verbosity": 4}])
def test_each_call_is_one_line_of_the_result(asked: dict[str, Any], modules: Modules) -> None:
    lines = modules.good("bcm_image_info", **asked)["debug_calls"]

    assert calls_of(lines) == ["login", "cmpart.getSoftwareImages"]
    assert all("HTTP 200, " in line and " bytes sent, " in line for line in lines)


def test_the_environment_switches_the_lines_on(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCM_DEBUG_CALLS", "1")

    assert modules.good("bcm_image_info")["debug_calls"]


@pytest.mark.parametrize("verbosity", [0, 1, 2])
def test_by_default_there_are_none(verbosity: int, modules: Modules) -> None:
    assert "debug_calls" not in modules.good("bcm_image_info", verbosity=verbosity)


def test_a_task_that_fails_has_them_too(modules: Modules, head: FakeHeadNode) -> None:
    head.instead["getSoftwareImages"] = lambda _call: httpx.Response(503)

    lines = modules.run("bcm_image_info", debug_calls=True)["debug_calls"]

    assert calls_of(lines)[1:] == [
        "cmpart.getSoftwareImages",
        "cmpart.getSoftwareImages (attempt 2)",
        "cmpart.getSoftwareImages (attempt 3)",
    ]
    assert all("HTTP 503" in line for line in lines[1:])


def test_a_task_whose_nodes_fail_has_them_too(modules: Modules, head: FakeHeadNode) -> None:
    head.node("node001").bmc = "refuses"

    result = modules.run("bcm_power", names=["node001"], action="on", debug_calls=True)

    assert result["failed"]
    assert "cmdevice.powerOperation" in calls_of(result["debug_calls"])


def test_no_line_has_an_argument_or_a_secret(modules: Modules) -> None:
    lines = modules.good("bcm_device", **CHANGE, debug_calls=True)["debug_calls"]

    assert "cmdevice.updateDevice" in calls_of(lines)
    said = " ".join(lines)
    # The cookie of the head node in memory is 0123.
    assert not [word for word in (PASSWORD, NEW_SECRET, "a-note", "node001", "admin", "=0123", "{") if word in said]


@pytest.mark.parametrize("path", sorted((PLUGINS / "modules").glob("*.py")), ids=lambda path: path.stem)
def test_every_module_that_returns_the_lines_documents_them(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    returned = yaml.safe_load(source.partition('RETURN = r"""')[2].partition('"""')[0])

    assert ("debug_calls" in returned) is (re.search(r"run_[a-z_]*module\(", source) is not None)
