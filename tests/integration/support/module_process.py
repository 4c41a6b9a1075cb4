# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole module in a process of its own, as Ansible runs it, which a test may kill."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT
from ansible_collections.baremetal.bcm.tests.unit.child_process import started
from ansible_collections.baremetal.bcm.tests.unit.plugins.running import MODULES, module_arguments

Result = dict[str, Any]


@contextmanager
def module_process(
    name: str, options: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a module for as long as the block lasts, at most; `result_of` waits for its end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".collections"), **(environment or {})}
    words = [sys.executable, "-m", __name__, name, json.dumps(options)]
    with started(words, limit_s=None, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        yield process


def result_of(process: subprocess.Popen[str]) -> Result:
    """Wait for a module's end, and give its result, failed or not."""
    output, _nothing = process.communicate(timeout=120)
    result: Result = json.loads(output[output.index("{") :])
    return result


if __name__ == "__main__":
    with module_arguments(json.loads(sys.argv[2])):
        importlib.import_module(f"{MODULES}.{sys.argv[1]}").main()
