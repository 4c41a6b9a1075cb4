# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Brings NetBox from one snapshot to another: addresses first, then what devices are known by, states last."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..api.client import DEVICES, IP_ADDRESSES, NetBox, Raw
from ..api.errors import NetBoxApiError, NetBoxError, NetBoxForbidden, NetBoxNotFound, NetBoxStale
from ..api.unchanged import update_unchanged
from .read import GLOBAL, VrfId, read_addresses, read_devices
from .state import Device, IpAddress, Reassignment, Snapshot, StateField, reassignments

_INTERFACE = "dcim.interface"


_CHANGED = "the device was changed by others 3 times during this run; run it again"
# Of both NetBox says the same.
DEVICE_GONE = "the device was deleted meanwhile, or the token's user is not allowed to view it"
_TWICE = "{} was recorded by another run at the same moment, 3 times during this run; run it again"
# How long a run that sees an object recorded after its own waits for the other run to take it back, in turn.
_PAUSES_S = (0.25, 0.5, 1.0, 2.0)
_UNSEEN = "NetBox does not show the address {} that it has: the token's user must be allowed to view it"


class AddressLost(NetBoxApiError):
    """Another writer gave the address to something else at the same moment; ours was taken back."""


@dataclass
class Written:
    """What became of the devices of one round, by id: an error, or in `stale` why it has to be planned again."""

    errors: dict[int, NetBoxError] = field(default_factory=dict)
    stale: dict[int, str] = field(default_factory=dict)

    def is_good(self, device_id: int) -> bool:
        """Return whether all of a device was written so far."""
        return device_id not in self.errors and device_id not in self.stale


@dataclass(frozen=True)
class Writer:
    """How addresses and states are written."""

    netbox: NetBox
    state_field: StateField
    vrf_id: VrfId = GLOBAL
    tags: Sequence[str] = ()
    sleep: Callable[[float], None] = time.sleep

    def write(self, before: Snapshot, after: Snapshot, device_of: Mapping[int, int]) -> Written:
        """Write all that differs. `device_of` maps ids of interfaces to ids of devices.

        A device whose address could not be assigned keeps its state: the next event finishes what is left. Raises
        NetBoxAuthError, NetBoxTransportError and NetBoxProtocolError; trying again is safe.
        """
        written = Written()
        moves = list(reassignments(before, after))
        fresh = [move for move in moves if move.before is None or move.before.is_free]
        moved = [move for move in moves if move not in fresh]
        ids = self._assign_fresh(fresh, device_of, written)
        # Before anything follows to an address that another run may have been given.
        self._take_back_lost(fresh, ids, device_of, written)
        self._redesignate(before, after, ids, written)
        self._reassign(moved, device_of, written)
        self._take_back_lost(moved, ids, device_of, written)
        self._move_states(before, after, written)
        return written

    # -- addresses ------------------------------------------------------------------------------------------------

    def _assign_fresh(
        self, moves: Sequence[Reassignment], device_of: Mapping[int, int], written: Written
    ) -> dict[int, int]:
        """Create what is new and take what was free; returns NetBox's ids by the negative ones of the plan."""
        new = [move.after for move in moves if move.before is None]
        ids = {}
        for address, made in zip(new, self.netbox.create_many(IP_ADDRESSES, [self._body_of(each) for each in new])):
            device_id = _device(address, device_of)
            if isinstance(made, NetBoxApiError) and "uplicate" in made.complaints.get("address", ""):
                # NetBox enforces unique addresses, and another writer was quicker: look again whose it is now.
                written.stale[device_id] = _UNSEEN.format(address.host)
            elif isinstance(made, NetBoxError):
                _note(written, device_id, made)
            else:
                ids[address.id] = int(made["id"])
        self._reassign([move for move in moves if move.before is not None], device_of, written)
        return ids

    def _reassign(self, moves: Sequence[Reassignment], device_of: Mapping[int, int], written: Written) -> None:
        """Change what address objects belong to, except for devices that failed before."""
        left = {}
        for move in moves:
            if move.before is not None and written.is_good(_device(move.after, device_of, move.before)):
                left[move.before.id] = move
        changes = {address_id: _belongs_to(move.after.interface_id) for address_id, move in left.items()}
        stamps = {address_id: move.before.last_updated for address_id, move in left.items() if move.before}
        for address_id, made in update_unchanged(self.netbox, IP_ADDRESSES, changes, stamps).items():
            device_id = _device(left[address_id].after, device_of, left[address_id].before)
            if isinstance(made, NetBoxStale):
                written.stale[device_id] = _CHANGED
            elif isinstance(made, NetBoxError):
                _note(written, device_id, made)

    def _body_of(self, address: IpAddress) -> Raw:
        body: dict[str, Any] = {
            "address": address.address,
            "status": "dhcp",
            **_belongs_to(address.interface_id),
            "tags": [{"name": tag} for tag in self.tags],
        }
        return body if self.vrf_id == GLOBAL else {**body, "vrf": self.vrf_id}

    def _take_back_lost(
        self, moves: Sequence[Reassignment], ids: Mapping[int, int], device_of: Mapping[int, int], written: Written
    ) -> None:
        """Take back addresses that another run assigned at the same time: the object with the lowest id stays.

        But NetBox shows an object later than it gives it an id: the run whose object has a higher one may have seen no
        other. So where such a one stays, the lower gives way.
        """
        ours = {ids.get(move.after.id, move.after.id): move for move in moves if move.after.interface_id is not None}
        ours = {
            address_id: move
            for address_id, move in ours.items()
            if address_id > 0 and written.is_good(_device(move.after, device_of))
        }
        known = self._read_hosts_of(ours)
        kept = {}
        for address_id, move in ours.items():
            device_id, stored = _device(move.after, device_of), known.get(address_id)
            is_there = stored is not None and stored.interface_id == move.after.interface_id
            has_twin = move.before is None and _has_twin(move.after, address_id, known.values())
            rival = _rival(move.after, address_id, known.values())
            if is_there and rival is None and not has_twin:
                kept[address_id] = move
                continue
            if is_there:
                self._undo(address_id, device_id, written, created=move.before is None)
            if has_twin:
                # Two runs recorded the same lease at once.
                written.stale[device_id] = _TWICE.format(move.after.host)
            elif stored is None and rival is None:
                _note(written, device_id, NetBoxNotFound(_UNSEEN.format(move.after.host), status=404))
            else:
                winner = rival or stored
                whose = winner.owner if winner is not None and winner.owner else "nothing"
                _note(written, device_id, AddressLost(f"{move.after.host} was given to {whose} at the same moment"))
        # What has to go at once is gone by now, so that no two runs wait for each other.
        made = {address_id: move for address_id, move in kept.items() if move.before is None}
        for address_id, move in self._still_followed(made, known).items():
            device_id = _device(move.after, device_of)
            self._undo(address_id, device_id, written, created=True)
            written.stale[device_id] = _TWICE.format(move.after.host)

    def _still_followed(
        self, made: Mapping[int, Reassignment], known: Mapping[int, IpAddress]
    ) -> Mapping[int, Reassignment]:
        """Return which of the addresses that this run made another was recorded after, and stays."""
        followed = {each: move for each, move in made.items() if _is_followed(move.after, each, known.values())}
        pauses_s = list(_PAUSES_S)
        while followed and pauses_s:
            self.sleep(pauses_s.pop(0))
            known = self._read_hosts_of(followed)
            still = {each: move for each, move in followed.items() if _is_followed(move.after, each, known.values())}
            if len(still) < len(followed):
                # The other run is at it.
                pauses_s = list(_PAUSES_S)
            followed = still
        return followed

    def _read_hosts_of(self, ours: Mapping[int, Reassignment]) -> dict[int, IpAddress]:
        return read_addresses(self.netbox, hosts={move.after.host for move in ours.values()}, vrf_id=self.vrf_id)

    def _undo(self, address_id: int, device_id: int, written: Written, *, created: bool) -> None:
        """Delete an address that was created, or let it belong to nothing again, as where it may not be deleted."""
        try:
            if created:
                self.netbox.delete(IP_ADDRESSES, address_id)
                return
        except NetBoxNotFound:
            return
        except NetBoxForbidden:
            pass
        try:
            self.netbox.update(IP_ADDRESSES, address_id, _belongs_to(None))
        except NetBoxNotFound:
            return
        except NetBoxApiError as error:
            _note(written, device_id, error)

    # -- devices --------------------------------------------------------------------------------------------------

    def _redesignate(self, before: Snapshot, after: Snapshot, ids: Mapping[int, int], written: Written) -> None:
        changes = {}
        for device_id, device in after.devices.items():
            old = before.devices[device_id].designated
            moved = {name: ids.get(each, each) for name, each in device.designated.items() if old.get(name) != each}
            if moved and written.is_good(device_id):
                changes[device_id] = moved
        for device_id, made in self.netbox.update_many(DEVICES, changes).items():
            if isinstance(made, NetBoxError):
                _note(written, device_id, made)

    def _move_states(self, before: Snapshot, after: Snapshot, written: Written) -> None:
        """Set the states that differ, of devices that are still in the state the plan was made for."""
        wanted = {
            device_id: device.state
            for device_id, device in after.devices.items()
            if device.state != before.devices[device_id].state and written.is_good(device_id)
        }
        stamps: dict[int, str] = {}
        changes: dict[int, Raw] = {}
        # Writing addresses took its time. Where there is no If-Match, this look is as late as it can be.
        for device_id, device in read_devices(self.netbox, wanted, self.state_field).items():
            if device.state != before.devices[device_id].state:
                written.stale[device_id] = _CHANGED
                continue
            stamps[device_id] = device.last_updated
            changes[device_id] = self.state_field.change(wanted[device_id])
        for device_id, made in update_unchanged(self.netbox, DEVICES, changes, stamps).items():
            if isinstance(made, NetBoxStale):
                written.stale[device_id] = _CHANGED
            elif isinstance(made, NetBoxError):
                _note(written, device_id, _explained(made, wanted[device_id], self.state_field))
            elif Device.from_api(made, self.state_field).state != wanted[device_id]:
                text = f"NetBox answered success, but did not keep the state {wanted[device_id]}"
                _note(written, device_id, NetBoxApiError(text, status=200))
        for device_id in wanted:
            if device_id not in changes and written.is_good(device_id):
                _note(written, device_id, NetBoxNotFound(DEVICE_GONE, status=404))


def _belongs_to(interface_id: int | None) -> Raw:
    kind = None if interface_id is None else _INTERFACE
    return {"assigned_object_type": kind, "assigned_object_id": interface_id}


def _device(after: IpAddress, device_of: Mapping[int, int], before: IpAddress | None = None) -> int:
    """Give the id of the device that an assignment or a release is for."""
    interface_id = after.interface_id
    if interface_id is None and before is not None:
        interface_id = before.interface_id
    return device_of.get(interface_id or 0, 0)


def _rival(ours: IpAddress, address_id: int, known: Iterable[IpAddress]) -> IpAddress | None:
    others = [each for each in known if each.host == ours.host and not each.is_free and each.id < address_id]
    return next((each for each in others if each.interface_id != ours.interface_id), None)


def _has_twin(ours: IpAddress, address_id: int, known: Iterable[IpAddress]) -> bool:
    same = (each for each in known if each.host == ours.host and each.interface_id == ours.interface_id)
    return any(each.id < address_id for each in same)


def _is_followed(ours: IpAddress, address_id: int, known: Iterable[IpAddress]) -> bool:
    """Return whether ours is there, and another object of the address that belongs to something has a higher id."""
    same = {each.id: each.interface_id for each in known if each.host == ours.host and not each.is_free}
    return same.get(address_id) == ours.interface_id and any(each > address_id for each in same)


def _note(written: Written, device_id: int, error: NetBoxError) -> None:
    written.errors.setdefault(device_id, error)


def _explained(error: NetBoxError, state: str, state_field: StateField) -> NetBoxError:
    is_refusal = isinstance(error, NetBoxApiError) and not isinstance(error, NetBoxNotFound)
    if not is_refusal:
        return error
    where = state_field.custom_field or "status"
    return NetBoxApiError(f"{error}; netbox_bootstrap checks whether {where} may be {state}")


def states_missing(states: Collection[str], allowed: Collection[str] | None) -> list[str]:
    """Give the states that devices can't have; none where NetBox does not say which are allowed."""
    return [] if allowed is None else sorted(set(states) - set(allowed))
