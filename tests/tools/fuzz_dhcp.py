# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts damaged DHCP packets through the tap: no traceback, bounded memory, everything it sees is sound."""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.frame import Rejected
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.packet import read_frame
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.rate_limit import RateLimit
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.packets import (
    corpus,
    damaged,
    write_pcap,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.test_packet import is_sound

_WARM_UP = 50_000
_MOST_GROWTH_MIB = 16.0
_MAX_ROWS = 2_000
_BATCH = 500


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help="another one damages otherwise")
    parser.add_argument("--spool", type=Path, help="store what is seen there, too")
    parser.add_argument("--write-pcap", type=Path, help="write the packets that are damaged, to look at, and end")
    options = parser.parse_args()
    if options.write_pcap:
        write_pcap(options.write_pcap, corpus())
        return 0
    started = time.monotonic()
    outcomes, growth_mib = fuzz(options.packets, options.seed, options.spool)
    seconds = time.monotonic() - started
    for outcome, count in outcomes.most_common():
        print(f"{count:>10,}  {outcome}")
    print(f"{options.packets:,} damaged packets in {seconds:.0f} s; memory grew by {growth_mib:.1f} MiB")
    if growth_mib > _MOST_GROWTH_MIB:
        print(f"error: that is more than {_MOST_GROWTH_MIB} MiB")
        return 1
    return 0


def fuzz(packets: int, seed: int, spool_path: Path | None) -> tuple[Counter[str], float]:
    """Give how the packets were answered, and by how much memory grew after the first of them."""
    chance = random.Random(seed)
    limit = RateLimit(max_macs=_MAX_ROWS)
    spool = Spool(spool_path, max_rows=_MAX_ROWS) if spool_path else None
    seen = []
    outcomes: Counter[str] = Counter()
    before_mib = 0.0
    for number in range(packets):
        if number == min(_WARM_UP, packets - 1):
            before_mib = _peak_mib()
        frame = damaged(chance)
        outcome = read_frame(frame)
        if isinstance(outcome, Rejected):
            outcomes[outcome.reason.value] += 1
            continue
        if not is_sound(outcome):
            sys.exit(f"error: seed {seed}, packet {number}: {frame.hex()} is seen as {outcome}")
        outcomes[f"seen, {limit.decide(outcome, number / 1000).value}"] += 1
        seen.append(outcome)
        if len(seen) == _BATCH:
            if spool is not None:
                outcomes.update(f"spool, {offered.value}" for offered in spool.offer_all(seen))
            seen.clear()
    return outcomes, _peak_mib() - before_mib


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
