# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes what tasks returned, a line of JSON each, and around each task what is stored on the head node."""

from __future__ import annotations

DOCUMENTATION = r"""
name: integration_record
type: notification
short_description: Keep the results of a run for tests
description:
  - Appends a line of JSON a result to the file that E(INTEGRATION_RECORD) names.
  - With E(INTEGRATION_SNAPSHOTS) a line before and after every task says what is stored on the head node, or what is
    answered at the URL that it is.
author:
  - The baremetal.bcm contributors
"""

import json
import os
import urllib.request
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible_collections.baremetal.bcm.tests.integration.support.head_node import RawHeadNode


class CallbackModule(CallbackBase):
    """Listens to every result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "integration_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._file = Path(os.environ["INTEGRATION_RECORD"])
        wanted = os.environ.get("INTEGRATION_SNAPSHOTS", "")
        self._url = wanted if wanted.startswith("http://127.0.0.1:") else ""
        self._head_node = RawHeadNode(os.environ) if wanted and not self._url else None
        self._snapshot: dict[str, Any] = {}

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._snapshot = self._look()

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write("failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write("unreachable", result)

    def _write(self, status: str, result: Any) -> None:
        line = {
            "status": status,
            "host": result._host.get_name(),
            "task": result._task.get_name(),
            "action": result._task.action,
            "result": result._result,
            "before": self._snapshot,
            "after": self._look(),
        }
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def _look(self) -> dict[str, Any]:
        if self._url:
            with urllib.request.urlopen(self._url, timeout=30) as answer:  # noqa: S310
                seen: dict[str, Any] = json.load(answer)
            return seen
        if self._head_node is None:
            return {}
        with urllib.request.urlopen(f"{os.environ['VIRTUAL_RACK_ADMIN']}/calls", timeout=30) as answer:  # noqa: S310
            mutating = json.load(answer)["mutating"]
        return {"mutating": mutating, **self._head_node.everything()}
