# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The agent as the image starts it: `python3 -m validation.agent --steps DIRECTORY`.

Exit status: 0 power off, 10 boot from the disk, 1 the receiver could not be told the results, 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ..messages import BOOT_DISK, MessageError
from ..profile import ProfileError
from .agent import FAILED, Agent, Settings, working_environment
from .link import Link
from .machine import KernelArgumentsError, hello, read_arguments, uptime

_CODES = {FAILED: 1, BOOT_DISK: 10}
_WRONG = 2
_LOG = logging.getLogger("validation")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="validation-agent", description="Validates the machine that it runs on.")
    parser.add_argument(
        "--steps",
        action="append",
        required=True,
        type=Path,
        metavar="DIR",
        help="where step files are; repeatable",
    )
    parser.add_argument(
        "--cmdline",
        type=Path,
        default=Path("/proc/cmdline"),
        metavar="FILE",
        help="where bm.server, bm.run and bm.token stand",
    )
    parser.add_argument("--work", type=Path, default=Path("/run/validation"), metavar="DIR", help="for its files")
    parser.add_argument("--ca-file", default="", metavar="FILE", help="the CA of the receiver's certificate, for https")
    parser.add_argument(
        "--image-digest-file", type=Path, metavar="FILE", help="holds the digest that the image is known by"
    )
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="where /sys and /proc are")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps; give the exit code."""
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="validation: %(message)s", stream=sys.stderr)
    try:
        kernel = read_arguments(options.cmdline.read_text(encoding="utf-8", errors="replace"))
        link = Link(kernel.server, kernel.token, ca_file=options.ca_file)
        digest = options.image_digest_file.read_text(encoding="ascii").split() if options.image_digest_file else []
    except (KernelArgumentsError, OSError, ValueError) as error:
        _LOG.error("%s", error)
        return _WRONG
    settings = Settings(
        run=kernel.run,
        steps=options.steps,
        work=options.work,
        hello=hello(options.root, digest[0] if digest else ""),
        now=time.monotonic,
        uptime=lambda: uptime(options.root),
        environment={**working_environment(), "VALIDATION_ROOT": str(options.root)},
        secret=kernel.token.encode(),
    )
    agent = Agent(link, settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_received: agent.stop())
    try:
        return _CODES.get(agent.run(), 0)
    except (MessageError, ProfileError) as error:
        _LOG.error("the task can't be used: %s", error)
        return _CODES[FAILED]


if __name__ == "__main__":
    raise SystemExit(main())
