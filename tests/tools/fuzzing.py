# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fuzzers share: options, the count of what became of the pieces, the piece that broke something, memory."""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

_WARM_UP = 20_000
_Piece = TypeVar("_Piece")


def read_options(description: str | None, pieces: str, **more: dict[str, Any]) -> argparse.Namespace:
    """Read how many pieces, such as packets, and which seed; `more` are further options. Signals end the program."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(f"--{pieces}", type=int, default=1_000_000, dest="count")
    parser.add_argument("--seed", type=int, default=0, help="another one damages otherwise")
    for name, option in more.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **option)
    return parser.parse_args(namespace=argparse.Namespace(pieces=pieces))


def fuzz(
    options: argparse.Namespace,
    draw: Callable[[random.Random], _Piece],
    judge: Callable[[_Piece], Iterable[str]],
    *,
    most_growth_mib: float = 32.0,
) -> int:
    """Draw pieces and print what became of them, as `judge` says; give the exit status.

    Memory may grow by so much after the first pieces. What `judge` raises is raised, after the piece is named.
    """
    started_s = time.monotonic()
    chance = random.Random(options.seed)
    outcomes: Counter[str] = Counter()
    before_mib = 0.0
    for number in range(options.count):
        if number == min(_WARM_UP, options.count - 1):
            before_mib = _peak_mib()
        piece = draw(chance)
        try:
            outcomes.update(judge(piece))
        except Exception:
            print(f"seed {options.seed}, number {number}: {str(piece)[:4_000]}", file=sys.stderr)
            raise
    for outcome, count in outcomes.most_common():
        print(f"{count:>10,}  {outcome}")
    growth_mib = _peak_mib() - before_mib
    done = f"{options.count:,} damaged {options.pieces} in {time.monotonic() - started_s:.0f} s"
    print(f"{done}; memory grew by {growth_mib:.1f} MiB")
    if growth_mib > most_growth_mib:
        print(f"error: that is more than {most_growth_mib} MiB")
        return 1
    return 0


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
