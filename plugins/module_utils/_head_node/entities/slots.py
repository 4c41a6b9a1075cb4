# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Provisioning slots: how many installations can be served at once, and are (bcm-api.md 4.9, 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .references import ZERO_UUID


@dataclass(frozen=True)
class ProvisioningNode:
    """One node that serves images; `device` is its uuid. A drained one starts no new installation."""

    device: str
    capacity: int
    used: int
    drained: bool


@dataclass(frozen=True)
class Slots:
    """The slots of a cluster. Those of a drained node are not counted, because no other node will get them."""

    nodes: tuple[ProvisioningNode, ...] = ()
    waiting: int = 0  # requests without a slot

    @classmethod
    def from_api(cls, provisioning_status: Mapping[str, Any]) -> Slots:
        """Read the answer of cmprov.getProvisioningStatus."""
        nodes: Iterable[Mapping[str, Any]] = provisioning_status.get("provisioningNodeStatusList") or []
        requests: Iterable[Mapping[str, Any]] = provisioning_status.get("provisioningRequestStatusList") or []
        return cls(
            nodes=tuple(
                ProvisioningNode(
                    device=str(node["ref_node_uuid"]),
                    capacity=int(node.get("slotsCapacity") or 0),
                    used=int(node.get("slotsUsed") or 0),
                    drained=bool(node.get("drained")),
                )
                for node in nodes
            ),
            # A request has no slot while its source is the zero uuid.
            waiting=sum(1 for request in requests if request.get("sourceNode") in (None, "", ZERO_UUID)),
        )

    @property
    def serving(self) -> tuple[ProvisioningNode, ...]:
        """Return the nodes that take new installations."""
        return tuple(node for node in self.nodes if not node.drained)

    @property
    def capacity(self) -> int:
        """Return how many installations can be served at once."""
        return sum(node.capacity for node in self.serving)

    @property
    def used(self) -> int:
        """Return how many of these slots are taken."""
        return sum(node.used for node in self.serving)
