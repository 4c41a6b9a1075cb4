# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives what reads machines damaged messages and outputs of tools: no error but our own, bounded memory."""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
from collections import Counter

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import Event, MessageError
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.output import ParseError
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.damage import PARSERS, draw

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
    outcomes, growth_mib = fuzz(options.bodies, options.seed)
    seconds = time.monotonic() - started
    for outcome, count in outcomes.most_common():
        print(f"{count:>10,}  {outcome}")
    print(f"{options.bodies:,} damaged bodies in {seconds:.0f} s; memory grew by {growth_mib:.1f} MiB")
    if growth_mib > _MOST_GROWTH_MIB:
        print(f"error: that is more than {_MOST_GROWTH_MIB} MiB")
        return 1
    return 0


def fuzz(bodies: int, seed: int) -> tuple[Counter[str], float]:
    """Give what became of the bodies, and by how much memory grew after the first of them."""
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    before_mib = 0.0
    for number in range(bodies):
        if number == min(_WARM_UP, bodies - 1):
            before_mib = _peak_mib()
        reader, body = draw(chance)
        try:
            if reader == "message":
                Event.from_bytes(body)
            else:
                PARSERS[reader](body.decode("utf-8", "replace"))
            outcome = "read"
        except (MessageError, ParseError):
            outcome = "refused"
        except Exception:
            print(f"seed {seed}, body {number}, {reader}: {body[:4_000]!r}", file=sys.stderr)
            raise
        outcomes[f"{reader}: {outcome}"] += 1
    return outcomes, _peak_mib() - before_mib


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
