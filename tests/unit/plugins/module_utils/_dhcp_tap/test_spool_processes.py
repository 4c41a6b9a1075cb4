# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes at one spool, some of them killed in the middle of it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap import spool as spool_module
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool

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
        print(row.mac, flush=True)
    spool.acknowledge(rows, f"process {first}")
"""


def _start(path: Path, work: str, first: int = 0, count: int = 0) -> subprocess.Popen[str]:
    program = f"""
import sys
sys.path.insert(0, {str(_CODE.parent)!r})
from _dhcp_tap.sighting import Sighting
from _dhcp_tap.spool import Spool
first, count = {first}, {count}
spool = Spool({str(path)!r})
{work}"""
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", program], stdout=subprocess.PIPE, text=True)


def _output(process: subprocess.Popen[str]) -> list[str]:
    output, _errors = process.communicate(timeout=_PATIENCE_S)
    return output.split()


def _waiting(path: Path) -> list[str]:
    with Spool(path) as spool:
        return [row.mac for row in spool.peek(100_000)]


def test_processes_that_make_the_spool_together_and_write_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [_start(tmp_path / "spool", _OFFER, first, 50) for first in range(0, 200, 50)]
    for writer in writers:
        _output(writer)
        assert writer.returncode == 0
    assert len(set(_waiting(tmp_path / "spool"))) == 200


def test_consumers_at_once_get_each_row_once(tmp_path: Path) -> None:
    _output(_start(tmp_path / "spool", _OFFER, 0, 100))
    consumers = [_start(tmp_path / "spool", _CONSUME, number) for number in range(3)]
    got = [mac for consumer in consumers for mac in _output(consumer)]
    assert len(got) == len(set(got)) == 100
    assert _waiting(tmp_path / "spool") == []


def test_what_a_killed_writer_was_told_is_stored_is_there(tmp_path: Path) -> None:
    written: list[str] = []
    for life in range(10):
        with _start(tmp_path / "spool", _OFFER, life * 1000, 1000) as writer:
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
    _output(_start(path, _OFFER, 0, 20))
    hold = "spool.lease(5, 600, 'killed'); print('held', flush=True); sys.stdin.read()"
    with _start(path, hold) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == "held\n"
        consumer.kill()
    assert len(_waiting(path)) == 15
    with Spool(path) as now:
        assert now.stats().leased == 5
    with Spool(path, lambda: time.time() + 601) as later:
        assert len(later.lease(100, 600, "next")) == 20
