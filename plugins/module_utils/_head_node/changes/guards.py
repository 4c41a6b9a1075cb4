# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Guards against what no run may do: act on an empty set, on what is no node, or on nodes that it does not name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..._values.names import count, shorten
from ..api.errors import BcmConfigError, BcmConflict
from ..entities.device import is_node
from ..entities.fields import Disruption, Raw
from ..entities.occupant import REACHES_INSTALLATION, Occupant
from .plan import Plan

_ANEW = Disruption.REPROVISION
_REACHING = REACHES_INSTALLATION["category"]
_WAIT_OR_ALLOW = "nothing of it was written; try again when that is over, or allow it with allow_claimed"


class Occupied(BcmConflict):
    """Somebody is at work on a node, or it runs: it was left alone. Trying again helps when that is over."""


@dataclass(frozen=True)
class Selection:
    """The devices behind a list of names, in the list's order; `missing` are those BCM does not know."""

    devices: Mapping[str, Raw] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def require_names(names: Sequence[str], kind: str = "nodes") -> None:
    """Refuse an empty set, which never means all. Raises BcmConfigError."""
    if not names:
        raise BcmConfigError(f"no {kind} given: an empty list never means all of them, name the {kind}")


def require_distinct(names: Sequence[str], kind: str = "nodes") -> None:
    """Refuse an empty set, and names that are given twice. Raises BcmConfigError."""
    require_names(names, kind)
    twice = sorted(name for name, number in Counter(names).items() if number > 1)
    if twice:
        raise BcmConfigError(f"named more than once: {shorten(twice)}")


def require_nodes(devices: Mapping[str, Raw]) -> None:
    """Refuse head nodes and other devices that this collection never changes. Raises BcmConfigError."""
    others = [f"{name} ({raw['childType']})" for name, raw in devices.items() if not is_node(raw)]
    if others:
        raise BcmConfigError(f"only nodes that BCM installs may be touched, not: {shorten(others)}")


def select_nodes(devices: Mapping[str, Raw], names: Sequence[str]) -> Selection:
    """Pick nodes by name. Raises BcmConfigError for no names at all, and for devices that are no nodes."""
    require_names(names)
    found = {name: devices[name] for name in dict.fromkeys(names) if name in devices}
    require_nodes(found)
    return Selection(found, tuple(name for name in dict.fromkeys(names) if name not in devices))


def concerns_members(plan: Plan) -> bool:
    """Return whether a category's plan changes what its nodes are installed with, or takes the category from them."""
    return plan.stored is not None and plan.disruption in (Disruption.REPROVISION, Disruption.DELETE)


def affected_nodes(plan: Plan, devices: Iterable[Raw]) -> list[str]:
    """Return the names of the nodes that a category's plan would have installed anew, or leave without a category."""
    if not concerns_members(plan):
        return []
    return _members(plan, devices, {change.option for change in plan.changes if change.disruption is _ANEW})


def reached_nodes(plan: Plan, devices: Iterable[Raw]) -> list[str]:
    """Return the names of the nodes whose installation a category's plan would reach, were one under way."""
    return _members(plan, devices, {change.option for change in plan.changes if change.option in _REACHING})


def _members(plan: Plan, devices: Iterable[Raw], changed: Collection[str]) -> list[str]:
    if plan.stored is None:
        return []
    members = [raw for raw in devices if raw.get("category") == plan.stored["uuid"]]
    # A node with an image of its own does not follow its category's.
    only_image = set(changed) == {"software_image"}
    return sorted(str(raw["hostname"]) for raw in members if not (only_image and raw.get("softwareImageProxy")))


def find_conflict(plan: Plan, affected: Sequence[str], members: Sequence[str], *, allowed: bool) -> BcmConflict | None:
    """Return why a category's plan may not be carried out: it affects nodes beside `members`, or removes any node's
    category. None where it may be.

    `allowed` permits that other nodes are installed anew. It never permits to remove a category that nodes belong to.
    """
    if plan.action == "delete":
        text = f"could not remove category {plan.name}: nodes still belong to it: {shorten(affected)}"
        return BcmConflict(text) if affected else None
    others = sorted(set(affected) - set(members))
    if not others or allowed:
        return None
    return BcmConflict(
        f"could not update category {plan.name}: it would have nodes installed anew that are not part of this run: "
        f"{shorten(others)}; allow it with allow_member_change (bcm_allow_category_change)"
    )


def refuse_device(plan: Plan, occupant: Occupant) -> Occupied | None:
    """Return why a device may not be changed while somebody is at work on it; None where it may be.

    A claim guards the whole device, an installation that nobody claims only what it depends on.
    """
    if plan.stored is None or plan.is_empty or not (occupant.claim or plan.reaches_installation):
        return None
    return Occupied(f"could not {_verb(plan)} device {plan.name}: it is {occupant.words}; {_WAIT_OR_ALLOW}")


def refuse_removal(plan: Plan, *, is_up: bool) -> Occupied:
    """Return why a device that is UP, or is not but is switched on, is not removed."""
    return Occupied(
        f"could not remove device {plan.name}: it is {'UP' if is_up else 'switched on'}, and would go on running "
        "unmanaged; switch it off first, or allow it with allow_up"
    )


def refuse_category(plan: Plan, occupants: Mapping[str, Occupant]) -> Occupied | None:
    """Return why a category may not be changed while somebody is at work on nodes that belong to it; None where it may.

    `occupants` are those of the nodes that the change reaches, by name.
    """
    if not occupants or not plan.reaches_installation:
        return None
    listed = shorten([f"{name}, {occupant.words}" for name, occupant in occupants.items()], 3, separator="; ")
    return Occupied(
        f"could not {_verb(plan)} category {plan.name}: that reaches {count(len(occupants), 'node')} that others are "
        f"at work on: {listed}; {_WAIT_OR_ALLOW}"
    )


def _verb(plan: Plan) -> str:
    return "remove" if plan.action == "delete" else plan.action
