# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Leave to change: what others are at work on is left alone, and a node that runs is not removed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._values.clock import Clock, SystemClock
from ..._values.owner import Owner
from ..api.client import HeadNode
from ..api.errors import BcmError
from ..entities.claim import Claim, ends_of
from ..entities.fields import Raw
from ..entities.occupant import Occupant, occupant_of
from ..entities.phases import Status
from ..entities.status import DeviceStatus
from .guards import refuse_device, refuse_removal
from .plan import Plan
from .read import read_statuses

# (head node, clock, devices by name) → the nodes among them that are switched on. See power/read_states, which stands
# above this room.
FindSwitchedOn = Callable[[HeadNode, Clock, Mapping[str, Raw]], Collection[str]]


def _find_none(_head_node: HeadNode, _clock: Clock, _devices: Mapping[str, Raw]) -> Collection[str]:
    return ()


@dataclass
class Occupancy:
    """Who is at work on nodes, seen by `owner`, whose own claims are no obstacle.

    `allow_claimed` permits to change what others are at work on, `allow_up` to remove nodes that are UP or switched on.
    It only reads; all methods raise BcmError as the calls do, and can be called again.
    """

    head_node: HeadNode
    owner: Owner
    clock: Clock
    find_switched_on: FindSwitchedOn = field(default=_find_none)
    allow_claimed: bool = False
    allow_up: bool = False
    _ends: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_options(
        cls,
        params: Mapping[str, Any],
        head_node: HeadNode,
        owner: Owner,
        find_switched_on: FindSwitchedOn = _find_none,
    ) -> Occupancy:
        """Return it as a module's options CLAIMS say, and REMOVAL where it has them, with this computer's time."""
        return cls(
            head_node,
            owner,
            SystemClock(),
            find_switched_on,
            allow_claimed=params["allow_claimed"],
            allow_up=params.get("allow_up", False),
        )

    def refuse_devices(self, plans: Mapping[str, Plan], stored: Mapping[str, Raw]) -> dict[str, BcmError]:
        """Return why devices may not be changed as planned, by name. `stored` are all devices, as they were just read.

        The status is read where a change reaches installations or meets a claim, the power where a node is removed.
        """
        self._ends = ends_of(stored.values())
        changed = {name: raw for name, raw in stored.items() if name in plans and not plans[name].is_empty}
        watched = {
            name: raw
            for name, raw in changed.items()
            if plans[name].reaches_installation or self._is_claimed_by_another(raw)
        }
        statuses = read_statuses(self.head_node, watched)
        errors = self._refuse_occupied(plans, changed, statuses)
        removed = {name: raw for name, raw in watched.items() if plans[name].action == "delete" and name not in errors}
        if removed and not self.allow_up:
            # A node with another status than UP may run all the same; its BMC knows.
            not_up = {name: raw for name, raw in removed.items() if not _is_up(statuses.get(name))}
            running = {*(removed.keys() - not_up), *self.find_switched_on(self.head_node, self.clock, not_up)}
            errors.update({name: refuse_removal(plans[name], is_up=name not in not_up) for name in sorted(running)})
        return errors

    def look_again(self, plans: Mapping[str, Plan]) -> tuple[dict[str, Raw], dict[str, BcmError]]:
        """Read the devices of these plans once more, right before they are sent; one call.

        Returns them by name, and why some may not be changed any more. A claim that was written since is seen, so that
        it is not written over; one that is written after this finds our change instead.
        """
        uuids = [str(plan.stored["uuid"]) for plan in plans.values() if plan.stored is not None]
        fresh = {str(raw["hostname"]): raw for raw in self.head_node.get_devices_by_uuids(uuids)} if uuids else {}
        self._ends = {**self._ends, **ends_of(fresh.values())}
        return fresh, self._refuse_occupied(plans, fresh, {})

    def read(self, stored: Mapping[str, Raw], names: Collection[str]) -> dict[str, Occupant]:
        """Return who is at work on the devices with these names, without those that are free; one call.

        `stored` are all devices, as they were just read: a run renews its claims on one of them. With `allow_claimed`
        nobody is in the way.
        """
        devices = {name: stored[name] for name in names if name in stored}
        self._ends = ends_of(stored.values())
        return {} if self.allow_claimed else self._occupants(devices, read_statuses(self.head_node, devices))

    def _refuse_occupied(
        self, plans: Mapping[str, Plan], devices: Mapping[str, Raw], statuses: Mapping[str, DeviceStatus]
    ) -> dict[str, BcmError]:
        if self.allow_claimed:
            return {}
        occupants = self._occupants(devices, statuses)
        refused = {name: refuse_device(plans[name], occupant) for name, occupant in occupants.items()}
        return {name: error for name, error in refused.items() if error is not None}

    def _is_claimed_by_another(self, device: Raw) -> bool:
        claim = Claim.from_api(device.get("extra_values"))
        return claim is not None and claim.run != self.owner.run

    def _occupants(self, devices: Mapping[str, Raw], statuses: Mapping[str, DeviceStatus]) -> dict[str, Occupant]:
        now_s = self.clock.wall_s()
        found = {
            name: occupant_of(raw, statuses.get(name), self.owner, self._ends, now_s) for name, raw in devices.items()
        }
        return {name: occupant for name, occupant in found.items() if occupant is not None}


def _is_up(status: DeviceStatus | None) -> bool:
    return status is not None and status.status == Status.UP
