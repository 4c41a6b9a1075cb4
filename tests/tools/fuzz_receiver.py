# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the receiver of validations damaged bodies, well signed: an answer to each, nothing stored, bounded memory."""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation_server.damaged_bodies import (
    DamagedMachine,
    draw,
    make_receiver,
)

_WARM_UP = 20_000
_MOST_GROWTH_MIB = 32.0


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help="another one damages otherwise")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-receiver-") as directory:
        outcomes, growth_mib = fuzz(Path(directory), options.bodies, options.seed)
    seconds = time.monotonic() - started
    for outcome, count in outcomes.most_common():
        print(f"{count:>10,}  {outcome}")
    print(f"{options.bodies:,} damaged bodies in {seconds:.0f} s; memory grew by {growth_mib:.1f} MiB")
    if growth_mib > _MOST_GROWTH_MIB:
        print(f"error: that is more than {_MOST_GROWTH_MIB} MiB")
        return 1
    return 0


def fuzz(directory: Path, bodies: int, seed: int) -> tuple[Counter[str], float]:
    """Give what became of the bodies, and by how much memory grew after the first of them."""
    chance = random.Random(seed)
    # Time stands still, or the machine's run would be over before the last body.
    machine = DamagedMachine(make_receiver(directory, lambda: 1_790_000_000.0))
    outcomes: Counter[str] = Counter()
    before_mib = 0.0
    for number in range(bodies):
        if number == min(_WARM_UP, bodies - 1):
            before_mib = _peak_mib()
        method, body = draw(chance)
        try:
            outcomes[machine.judge(body, method)] += 1
        except Exception:
            print(f"seed {seed}, body {number}: {method} {body[:4_000]!r}", file=sys.stderr)
            raise
    return outcomes, _peak_mib() - before_mib


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
