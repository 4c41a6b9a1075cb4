# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations that are killed by SIGKILL at each of their marks, each in a process of its own, and then run again.

Given options of redfish_rotation as a list in JSON on standard input, it runs with each, is killed at a mark, the last
one first, runs again, and prints what became of both.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.fleet import Batch
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.journal import Journal
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.rotation_servers import rotate_servers
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock


def rotate(options: dict[str, Any], kill_at: int | None) -> int:
    """Rotate in a process of its own, which kills itself right after that mark; gives its status as waitpid does."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 70
    try:
        marks = itertools.count()
        whole = Journal.mark

        def mark(self: Journal, step: str, account: str, generation: str) -> None:
            whole(self, step, account, generation)
            if next(marks) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        Journal.mark = mark  # type: ignore[method-assign]
        result = rotate_servers(options, Batch(read_only=False), SystemClock())
        sys.stderr.write("".join(result["failures"].values()))
        code = 1 if result["failures"] else 0
    finally:
        os._exit(code)


def main() -> None:
    told = []
    runs = json.load(sys.stdin)
    for number, options in enumerate(runs, start=1):
        killed = rotate(options, len(runs) - number)
        told.append(
            {
                "server": options["servers"][0]["name"],
                "killed": os.WIFSIGNALED(killed) and os.WTERMSIG(killed) == signal.SIGKILL,
                "next": os.waitstatus_to_exitcode(rotate(options, None)),
            }
        )
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
