# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes at one spool, some of them killed in the middle of it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap import spool as spool_module
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

_CODE = Path(str(spool_module.__file__)).parent
_PATIENCE_S = 120

_OFFER = """
for number in range(first, first + count):
    mac = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
    spool.offer(Sighting(mac=mac, ip="192.0.2.1"))
    print(mac, flush=True)
"""
_CONSUME = """
while True:
    rows = spool.lease(5, 600, f"process {first}")
    if not rows:
        break
    for row in rows:
        print(row.key, flush=True)
    spool.acknowledge(rows, f"process {first}")
"""


def _program(path: Path, work: str, first: int = 0, count: int = 0) -> list[str]:
    code = f"""
import sys
sys.path.insert(0, {str(_CODE.parents[1])!r})
from module_utils._dhcp_tap.sighting import Sighting
from module_utils._dhcp_tap.spool import Spool
first, count = {first}, {count}
spool = Spool({str(path)!r})
{work}"""
    return [sys.executable, "-I", "-S", "-c", code]


def _run_together(programs: Sequence[list[str]]) -> list[list[str]]:
    """Run programs at once; give the words that each printed."""
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(started(program, limit_s=_PATIENCE_S, stdout=subprocess.PIPE)) for program in programs
        ]
        printed = [process.communicate(timeout=_PATIENCE_S)[0].split() for process in processes]
        assert [process.returncode for process in processes] == [0] * len(processes)
    return printed


def _waiting(path: Path) -> list[str]:
    with Spool(path) as spool:
        return [row.key for row in spool.peek(100_000)]


def test_processes_that_make_the_spool_together_and_write_at_once_lose_nothing(tmp_path: Path) -> None:
    _run_together([_program(tmp_path / "spool", _OFFER, first, 50) for first in range(0, 200, 50)])
    assert len(set(_waiting(tmp_path / "spool"))) == 200


def test_consumers_at_once_get_each_row_once(tmp_path: Path) -> None:
    _run_together([_program(tmp_path / "spool", _OFFER, 0, 100)])
    consumers = _run_together([_program(tmp_path / "spool", _CONSUME, number) for number in range(3)])
    got = [mac for macs in consumers for mac in macs]
    assert len(got) == len(set(got)) == 100
    assert _waiting(tmp_path / "spool") == []


def test_what_a_killed_writer_was_told_is_stored_is_there(tmp_path: Path) -> None:
    written: list[str] = []
    for life in range(10):
        program = _program(tmp_path / "spool", _OFFER, life * 1000, 1000)
        with started(program, limit_s=_PATIENCE_S, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            written += [writer.stdout.readline().strip() for _line in range(5)]
            writer.kill()
            written += writer.stdout.read().split()
    waiting = set(_waiting(tmp_path / "spool"))
    # The last line of each life may be cut short.
    assert {mac for mac in written if len(mac) == 17} <= waiting
    with Spool(tmp_path / "spool") as spool:
        assert spool.stats().first_sightings == len(waiting), "counters and rows agree"


def test_rows_of_a_killed_consumer_come_back_when_its_lease_runs_out(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    _run_together([_program(path, _OFFER, 0, 20)])
    hold = "spool.lease(5, 600, 'killed'); print('held', flush=True); sys.stdin.read()"
    with started(_program(path, hold), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == "held\n"
        consumer.kill()
    assert len(_waiting(path)) == 15
    with Spool(path) as now:
        assert now.stats().leased == 5
    with Spool(path, lambda: time.time() + 601) as later:
        assert len(later.lease(100, 600, "next")) == 20
