# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Leave to power nodes: those that others are at work on keep their power."""

from __future__ import annotations

from collections.abc import Collection

from ..._values.clock import Clock
from ..._values.names import count, shorten
from ..._values.owner import Owner
from ..api.client import HeadNode
from ..changes.guards import Occupied
from ..changes.occupancy import Occupancy
from ..changes.read import read_devices

_VERBS = {"on": "switch on", "off": "switch off", "cycle": "cycle", "reset": "reset"}


def find_occupied(
    head_node: HeadNode, action: str, names: Collection[str], owner: Owner, clock: Clock
) -> dict[str, str]:
    """Return who is in the way of powering these nodes, in words by name; two calls. Raises BcmError as they do."""
    if action not in _VERBS or not names:
        return {}
    occupants = Occupancy(head_node, owner, clock).read(read_devices(head_node), names)
    # A node that is being installed has power: switching it on sends nothing.
    return {name: one.words for name, one in occupants.items() if one.claim is not None or action != "on"}


def require_leave(head_node: HeadNode, action: str, names: Collection[str], owner: Owner, clock: Clock) -> None:
    """Refuse to power nodes that other runs than `owner`'s claim, and to cut the power of those being installed.

    Two calls. To be called at first, so that nothing is asked of a BMC in vain, and again right before each operation
    that cuts power: somebody may have begun meanwhile. Raises Occupied, which names owners and phases, and BcmError as
    the calls do.
    """
    in_the_way = find_occupied(head_node, action, names, owner, clock)
    if in_the_way:
        listed = shorten([f"{name}, {words}" for name, words in in_the_way.items()], 3, separator="; ")
        raise Occupied(
            f"could not {_VERBS[action]} {count(len(in_the_way), 'node')} that others are at work on: {listed}; "
            "nothing was sent; try again when that is over, or allow it with allow_claimed (bcm_allow_claimed)"
        )
