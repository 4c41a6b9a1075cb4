# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a whole action plugin in this process against a head node in memory."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.plugins.doc_fragments.provisioning import ModuleDocFragment

from ..running import CONNECTION, Head, Result, connected

ACTIONS = "ansible_collections.baremetal.bcm.plugins.action"
_FRAGMENTS = {
    "baremetal.bcm.provisioning": ModuleDocFragment.DOCUMENTATION,
    "baremetal.bcm.provisioning.pace": ModuleDocFragment.PACE,
}


class Actions:
    """Runs actions against one head node; `said` are the lines they printed."""

    def __init__(self, head: Head, capsys: pytest.CaptureFixture[str]) -> None:
        self.head = head
        self.said: list[str] = []
        self._capsys = capsys

    def run(self, name: str, *, check: bool = False, task_vars: dict[str, Any] | None = None, **options: Any) -> Result:
        """The result, failed or not. An option that is None is not given."""
        plugin = self.make(name, check=check, **options)
        self._capsys.readouterr()
        with connected(self.head):
            result: Result = plugin.run(None, task_vars or {})
        self.said = self._capsys.readouterr().out.splitlines()
        return result

    def make(self, name: str, *, check: bool = False, **options: Any) -> Any:
        given = {option: value for option, value in {**CONNECTION, **options}.items() if value is not None}
        task = SimpleNamespace(args=given, check_mode=check, async_val=0, diff=True, action=name, environment=None)
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None), transport="local")
        play_context = SimpleNamespace(check_mode=check, become=False)
        action: Callable[..., Any] = importlib.import_module(f"{ACTIONS}.{name}").ActionModule
        return action(task, connection, play_context, None, SimpleNamespace(template=lambda value: value), None)


def documented_options(documentation: str) -> Result:
    """The options of a module's documentation, with those of a provisioning run where it has them."""
    found = yaml.safe_load(documentation)
    shared = [_FRAGMENTS[name] for name in found["extends_documentation_fragment"] if name in _FRAGMENTS]
    options = [*(yaml.safe_load(text)["options"] for text in shared), found["options"]]
    return {name: option for each in options for name, option in each.items()}
