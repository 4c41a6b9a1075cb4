# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the clients damaged answers of a head node and of NetBox: no error but our own, bounded memory and messages."""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
from collections import Counter

from ansible_collections.baremetal.bcm.tests.unit.plugins.damaged_servers import DamagedHeadNode, DamagedNetBox, draw

_WARM_UP = 20_000
_MOST_GROWTH_MIB = 32.0


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help="another one damages otherwise")
    options = parser.parse_args()
    started = time.monotonic()
    outcomes, growth_mib = fuzz(options.answers, options.seed)
    seconds = time.monotonic() - started
    for outcome, count in outcomes.most_common():
        print(f"{count:>10,}  {outcome}")
    print(f"{options.answers:,} damaged answers in {seconds:.0f} s; memory grew by {growth_mib:.1f} MiB")
    if growth_mib > _MOST_GROWTH_MIB:
        print(f"error: that is more than {_MOST_GROWTH_MIB} MiB")
        return 1
    return 0


def fuzz(answers: int, seed: int) -> tuple[Counter[str], float]:
    """Give what became of the answers, and by how much memory grew after the first of them."""
    chance = random.Random(seed)
    servers: dict[str, DamagedHeadNode | DamagedNetBox] = {"head node": DamagedHeadNode(), "NetBox": DamagedNetBox()}
    outcomes: Counter[str] = Counter()
    before_mib = 0.0
    for number in range(answers):
        if number == min(_WARM_UP, answers - 1):
            before_mib = _peak_mib()
        server, name, body = draw(chance)
        try:
            outcome = servers[server].read(name, body)
        except Exception:
            print(f"seed {seed}, answer {number}, {server}, {name}: {body[:4_000]!r}", file=sys.stderr)
            raise
        outcomes[f"{server}: {outcome}"] += 1
    return outcomes, _peak_mib() - before_mib


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
