# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever order things happen in, the spool loses nothing and gives nothing away twice."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Offered, Row, Spool

_MACS = [f"02:00:00:00:00:0{number}" for number in range(6)]
_IPS = ["192.0.2.1", "192.0.2.2"]
_HOLDERS = ["one", "two"]
_MAX_ROWS = 3
_LEASE_S = 60


@dataclass
class _Wanted:
    """What was seen of a machine last, and what NetBox has of it."""

    last: str = ""
    number: int = 0
    in_netbox: int = 0  # the number of the last sighting that was worked on and acknowledged
    acknowledged: set[str] = field(default_factory=set)


@dataclass
class _Lease:
    rows: list[Row]
    until_s: float


class SpoolMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.directory = tempfile.TemporaryDirectory()
        self.spool = self._open()
        self.machines = {mac: _Wanted() for mac in _MACS}
        self.leases: dict[str, list[_Lease]] = {holder: [] for holder in _HOLDERS}
        self.numbers = itertools.count(1)

    def _open(self) -> Spool:
        return Spool(Path(self.directory.name) / "spool", lambda: self.now, max_rows=_MAX_ROWS)

    @rule(mac=st.sampled_from(_MACS), ip=st.sampled_from(_IPS))
    def offer(self, mac: str, ip: str) -> None:
        number = next(self.numbers)
        offered = self.spool.offer(Sighting(mac=mac, ip=ip, lease_s=number))
        machine = self.machines[mac]
        if offered is Offered.DROPPED:
            assert machine.last == ip, "only a repetition of what NetBox has is dropped"
            return
        assert offered is not Offered.REFUSED
        machine.last, machine.number = ip, number

    @rule(holder=st.sampled_from(_HOLDERS), limit=st.integers(0, 4))
    def lease(self, holder: str, limit: int) -> None:
        live = [lease for leases in self.leases.values() for lease in leases if lease.until_s > self.now]
        held = {row.key for lease in live for row in lease.rows}
        rows = self.spool.lease(limit, _LEASE_S, holder)
        assert len(rows) <= limit
        assert not held & {row.key for row in rows}, "no row has two holders"
        self.leases[holder].append(_Lease(rows, self.now + _LEASE_S))

    @rule(holder=st.sampled_from(_HOLDERS), which=st.integers(0, 3))
    def acknowledge(self, holder: str, which: int) -> None:
        if which >= len(self.leases[holder]):
            return
        lease = self.leases[holder].pop(which)
        self.spool.acknowledge(lease.rows, holder)
        for row in lease.rows:
            machine = self.machines[row.key]
            machine.in_netbox = max(machine.in_netbox, row.item.lease_s or 0)
            machine.acknowledged.add(row.item.ip)

    @rule(holder=st.sampled_from(_HOLDERS), which=st.integers(0, 3), pause_s=st.sampled_from([0.0, 30.0]))
    def release(self, holder: str, which: int, pause_s: float) -> None:
        if which < len(self.leases[holder]):
            self.spool.release(self.leases[holder].pop(which).rows, holder, again_in_s=pause_s)

    @rule(seconds=st.sampled_from([1, 30, 61]))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = self._open()

    @invariant()
    def what_is_not_in_netbox_waits(self) -> None:
        with Spool(Path(self.directory.name) / "spool", lambda: 1e12, create=False) as everything:
            waiting = {row.key: row for row in everything.peek(100)}
        has_dropped = self.spool.stats().dropped > 0
        for mac, machine in self.machines.items():
            if mac in waiting:
                assert (waiting[mac].item.lease_s, waiting[mac].item.ip) == (machine.number, machine.last)
            elif machine.number > machine.in_netbox:
                assert has_dropped, "only renewals that made room for first sightings are gone"
                assert machine.last in machine.acknowledged

    def teardown(self) -> None:
        self.spool.close()
        self.directory.cleanup()


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(max_examples=40, stateful_step_count=40)
