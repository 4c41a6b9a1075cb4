# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the five step files call: `python3 -m validation.steps 02-memory`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from ..messages import NO_DATA, TOOL_MISSING, StepResult, clean
from ..parsers.output import ParseError
from . import disk, init, lldp, memory, report
from .context import Context, ToolMissing, say, write_result

_STEPS: dict[str, Callable[[Context], StepResult]] = {
    "01-init": init.take,
    "02-memory": memory.take,
    "03-disk": disk.take,
    "04-lldp": lldp.take,
    "05-report": report.take,
}


def main(name: str) -> int:
    """Run one step and leave its result; a bug ends with a traceback in the log and exit status 1."""
    context = Context.from_environment(os.environ)
    try:
        result = _STEPS[name](context)
    except ToolMissing as error:
        result = StepResult(TOOL_MISSING, clean(str(error)))
    except ParseError as error:
        result = StepResult(NO_DATA, clean(str(error)))
    if result.reason:
        say(f"{result.outcome}: {result.reason}")
    write_result(result, Path(os.environ["VALIDATION_RESULT"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
