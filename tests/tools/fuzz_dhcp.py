# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts damaged DHCP packets through the tap: no traceback, bounded memory, everything it sees is sound."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.frame import Rejected
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.packet import read_frame
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.rate_limit import RateLimit
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool
from ansible_collections.baremetal.bcm.tests.tools.fuzzing import fuzz, read_options
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.packets import (
    corpus,
    damaged,
    write_pcap,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.test_packet import is_sound

_MAX_ROWS = 2_000
_BATCH = 500


def main() -> int:
    options = read_options(
        __doc__,
        "packets",
        spool={"type": Path, "help": "store what is seen there, too"},
        write_pcap={"type": Path, "help": "write the packets that are damaged, to look at, and end"},
    )
    if options.write_pcap:
        write_pcap(options.write_pcap, corpus())
        return 0
    limit = RateLimit(max_macs=_MAX_ROWS)
    spool = Spool(options.spool, max_rows=_MAX_ROWS) if options.spool else None
    milliseconds = itertools.count()
    seen = []

    def judge(frame: bytes) -> Iterator[str]:
        now_s = next(milliseconds) / 1000
        outcome = read_frame(frame)
        if isinstance(outcome, Rejected):
            yield outcome.reason.value
            return
        if not is_sound(outcome):
            sys.exit(f"error: seed {options.seed}: {frame.hex()} is seen as {outcome}")
        yield f"seen, {limit.decide(outcome, now_s).value}"
        seen.append(outcome)
        if len(seen) == _BATCH:
            if spool is not None:
                yield from (f"spool, {offered.value}" for offered in spool.offer_all(seen))
            seen.clear()

    return fuzz(options, damaged, judge, most_growth_mib=16.0)


if __name__ == "__main__":
    raise SystemExit(main())
