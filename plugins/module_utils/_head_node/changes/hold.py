# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Claims of a run on the nodes that it is about to change: taken before the first change, given back at the end.

What `entities.claim` says of races holds here too: write, wait for a moment, read again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._values.clock import Clock
from ..._values.owner import Owner
from ..api.bulk import BulkCalls
from ..api.client import HeadNode
from ..entities.claim import Claim, claim_values, ends_of, released_values, rival_of
from ..entities.device import DEVICE
from ..entities.fields import Context, Raw
from .apply import BulkFailed, Store, converge
from .categories import apply_categories
from .devices import apply_devices
from .occupancy import Occupancy
from .read import read_devices


@dataclass(frozen=True)
class Held:
    """What came of claiming: the nodes that are claimed now, and those of others, with the claim in words, by name."""

    claimed: Sequence[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hold:
    """The claims of one run. `lasts_s` is how long one holds; bcm_provision renews one of them, and so all.

    `settle_s` is how long to wait before the second reading: longer than a run takes from reading a hundred devices to
    writing them. All methods raise BcmError as the calls do; calling them again is safe.
    """

    head_node: HeadNode
    clock: Clock
    owner: Owner
    lasts_s: float = 300.0
    settle_s: float = 2.0
    workers: int = 1
    bulk: BulkCalls = BulkCalls.NEVER

    def take(self, names: Collection[str], *, check_mode: bool = False) -> Held:
        """Claim those of these nodes that are free; nodes that BCM does not know are left out.

        In check mode nothing is written, and `claimed` are those that would be.
        """
        everywhere = read_devices(self.head_node) if names else {}
        known = [name for name in names if name in everywhere]
        refused = self._rivals({name: everywhere[name] for name in known}, everywhere)
        ours = [name for name in known if name not in refused]
        free = [name for name in ours if not self._lasts(everywhere[name])]
        if check_mode or not free:
            return Held(ours, refused)
        left = free
        while left:
            # More between one reading and the next, and a rival's claim would be overlooked for too long.
            chunk = left[: self._store({}).most_at_once(len(left))]
            fresh = self._read([everywhere[name] for name in chunk])
            refused.update(self._rivals(fresh, everywhere))
            until_s = self.clock.wall_s() + self.lasts_s
            values = claim_values(self.owner, until_s=until_s)
            try:
                self._write({name: values for name in fresh if name not in refused}, fresh, claims=True)
            except BulkFailed:
                continue
            left = left[len(chunk) :]
        self.clock.sleep(self.settle_s)
        stored = self._read([everywhere[name] for name in ours])
        claims = {name: Claim.from_api(raw.get("extra_values")) for name, raw in stored.items()}
        refused.update({n: claim.words for n, claim in claims.items() if claim and claim.run != self.owner.run})
        return Held([name for name, claim in claims.items() if claim and name not in refused], refused)

    def give_back(self, *, check_mode: bool = False) -> list[str]:
        """Remove every claim of this run; returns the names of the nodes that had one."""
        given_back: dict[str, Raw] = {}
        while True:
            stored = read_devices(self.head_node)
            claims = {name: Claim.from_api(raw.get("extra_values")) for name, raw in stored.items()}
            ours = {name: stored[name] for name, claim in claims.items() if claim and claim.run == self.owner.run}
            given_back.update(ours)
            try:
                if not check_mode:
                    self._write(dict.fromkeys(ours, released_values()), ours, claims=True)
                return list(given_back)
            except BulkFailed:
                # Some may have been given back, and claimed by others since: only what is still ours is written again.
                continue

    def _lasts(self, device: Raw) -> bool:
        """Return whether this run has claimed a device already, for a while to come."""
        claim = Claim.from_api(device.get("extra_values"))
        half_s = self.lasts_s / 2
        return claim is not None and claim.run == self.owner.run and claim.until_s > self.clock.wall_s() + half_s

    def _rivals(self, devices: Mapping[str, Raw], everywhere: Mapping[str, Raw]) -> dict[str, str]:
        ends, now_s = ends_of([*everywhere.values(), *devices.values()]), self.clock.wall_s()
        rivals = {name: rival_of(raw, self.owner, ends, now_s) for name, raw in devices.items()}
        return {name: rival.words for name, rival in rivals.items() if rival is not None}

    def _read(self, devices: Sequence[Raw]) -> dict[str, Raw]:
        uuids = [str(raw["uuid"]) for raw in devices]
        return {str(raw["hostname"]): raw for raw in self.head_node.get_devices_by_uuids(uuids)}

    def _store(self, devices: Mapping[str, Raw]) -> Store:
        return Store(
            self.head_node, DEVICE, lambda: [*self._read([*devices.values()]).values()], self.workers, self.bulk
        )

    def _write(
        self, values: Mapping[str, Mapping[str, Any]], devices: Mapping[str, Raw], *, claims: bool = False
    ) -> None:
        """Write `extra_values`; a device that can't be written fails when it is to be changed."""
        wanted = {name: {"hostname": name, "extra_values": dict(noted)} for name, noted in values.items()}
        written = {name: devices[name] for name in wanted}
        if wanted:
            converge(self._store(written), wanted, Context(), stored=written, claims=claims)


def nodes_to_change(
    head_node: HeadNode,
    occupancy: Occupancy,
    devices: Sequence[dict[str, Any]],
    categories: Sequence[dict[str, Any]],
    *,
    allow_member_change: bool = False,
) -> list[str]:
    """Return the names of the nodes that these devices and categories would change, or have installed anew.

    It only reads. What can't be planned is left out, and reported when it is carried out. Raises as `apply_devices` and
    `apply_categories` do.
    """
    names = [str(device["hostname"]) for device in devices]
    reassigned: list[str] = []
    if categories:
        planned = apply_categories(
            head_node,
            categories,
            check_mode=True,
            occupancy=occupancy,
            members=names,
            allow_member_change=allow_member_change,
        )
        reassigned = planned["reassigned"]
    if not devices:
        return reassigned
    shown = apply_devices(
        head_node,
        devices,
        check_mode=True,
        occupancy=occupancy,
        try_credentials=lambda *_arguments: {},
        declared_categories=categories,
    )
    changed = [name for name, device in shown["devices"].items() if device["changed"] or name in shown["refused"]]
    return list(dict.fromkeys([*changed, *reassigned]))
