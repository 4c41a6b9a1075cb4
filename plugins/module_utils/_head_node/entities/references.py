# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""References between entities: names in options, uuids in BCM; read once per run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..api.errors import BcmConfigError, BcmNotFound

ZERO_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Names:
    """The entities of one kind: `by_name` maps name to uuid, `raw` uuid to the object as read."""

    kind: str
    by_name: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_api(cls, kind: str, entities: Iterable[Mapping[str, Any]]) -> Names:
        """Index entities as BCM returned them."""
        raw = {entity["uuid"]: entity for entity in entities}
        return cls(kind, {str(entity["name"]): uid for uid, entity in raw.items()}, raw)

    def with_entity(self, name: str, entity: Mapping[str, Any] | None) -> Names:
        """Return these names with another entity behind `name`; None takes the name away."""
        others = [raw for raw in self.raw.values() if raw["name"] != name]
        return Names.from_api(self.kind, others if entity is None else [*others, entity])

    def resolve(self, name: str) -> str:
        """Return the uuid of `name`; raises BcmNotFound, which lists the names that exist."""
        if name in self.by_name:
            return self.by_name[name]
        known = ", ".join(sorted(self.by_name)) or "none"
        raise BcmNotFound(f"{self.kind} '{name}' does not exist on the head node; existing: {known}")

    def name_of(self, uid: str | None) -> str | None:
        """Return the name behind a uuid; None for no reference, the uuid itself where nothing has that uuid."""
        if not uid or uid == ZERO_UUID:
            return None
        for name, known in self.by_name.items():
            if known == uid:
                return name
        return uid


@dataclass(frozen=True)
class References:
    """All that an entity may refer to."""

    categories: Names = field(default_factory=lambda: Names("category"))
    images: Names = field(default_factory=lambda: Names("software image"))
    networks: Names = field(default_factory=lambda: Names("network"))
    partitions: Names = field(default_factory=lambda: Names("partition"))

    def only_partition(self) -> str:
        """Return the uuid of the only partition, or of `base`; raises BcmConfigError where neither exists."""
        uuids = list(self.partitions.by_name.values())
        if len(uuids) == 1:
            return uuids[0]
        if "base" in self.partitions.by_name:
            return self.partitions.by_name["base"]
        names = ", ".join(sorted(self.partitions.by_name)) or "none"
        raise BcmConfigError(f"the head node has no single partition and none named base; existing: {names}")
