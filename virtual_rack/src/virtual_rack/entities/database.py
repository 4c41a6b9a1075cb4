# SPDX-License-Identifier: GPL-3.0-or-later
"""The head node's database: entities by kind, uuid and name.

A stored entity is never changed in place, only replaced, so answers can be made from it without copying.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from virtual_rack.entities.fields import ZERO_MAC, Entity
from virtual_rack.json_text import Frozen

KINDS = ("Partition", "Network", "Rack", "SoftwareImage", "Category", "Device")


@dataclass(frozen=True)
class Change:
    """One entity stored (`after`) or removed (`after` is None)."""

    kind: str
    before: Entity | None
    after: Entity | None

    @property
    def uuid(self) -> str:
        """Give the entity's uuid."""
        entity = self.after or self.before
        return str(entity["uuid"]) if entity else ""


def name_of(entity: Entity) -> str:
    """Give the name by which people know an entity."""
    return str(entity["hostname"] if entity["baseType"] == "Device" else entity["name"])


class Database:
    """All entities; listeners hear of every change after it happened."""

    def __init__(self) -> None:
        self._entities: dict[str, dict[str, Entity]] = {kind: {} for kind in KINDS}
        self._names: dict[tuple[str, str], str] = {}
        self._macs: dict[str, str] = {}
        self._listeners: list[Callable[[Change], None]] = []

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def all(self, kind: str) -> list[Entity]:
        """Give all entities of a kind in the order they were added."""
        return list(self._entities[kind].values())

    def get(self, kind: str, uuid: str) -> Entity | None:
        """Give an entity by uuid."""
        return self._entities[kind].get(uuid)

    def exists(self, kind: str, uuid: str) -> bool:
        """Say whether a kind has this uuid."""
        return uuid in self._entities[kind]

    def find(self, kind: str, uuid_or_name: str) -> Entity | None:
        """Give an entity by uuid or name."""
        uuid = self._names.get((kind, uuid_or_name), uuid_or_name)
        return self._entities[kind].get(uuid)

    def device_with_mac(self, mac: str) -> Entity | None:
        """Give the device that a MAC address belongs to."""
        return self._entities["Device"].get(self._macs.get(mac.upper(), ""))

    def put(self, kind: str, entity: Entity) -> None:
        """Store an entity under its uuid."""
        before = self._entities[kind].get(entity["uuid"])
        if before is not None:
            self._forget(kind, before)
        entity = self._entities[kind][entity["uuid"]] = Frozen(entity)
        self._names[kind, name_of(entity)] = entity["uuid"]
        if kind == "Device" and entity["mac"] != ZERO_MAC:
            self._macs[entity["mac"].upper()] = entity["uuid"]
        self._tell(Change(kind, before, entity))

    def change(self, kind: str, uuid: str, **values: object) -> None:
        """Set a few fields of an entity, if it is still there."""
        entity = self.get(kind, uuid)
        if entity is not None and any(entity.get(name) != value for name, value in values.items()):
            self.put(kind, entity | values)

    def remove(self, kind: str, uuid: str) -> None:
        """Remove an entity, if it is there."""
        before = self._entities[kind].pop(uuid, None)
        if before is not None:
            self._forget(kind, before)
            self._tell(Change(kind, before, None))

    def referring_to(self, uuid: str) -> list[Entity]:
        """Give the entities that mention a uuid, other than the one it belongs to."""
        candidates: Iterable[Entity] = (entity for kind in KINDS for entity in self._entities[kind].values())
        if uuid in self._entities["Device"]:
            # Only this field names devices; looking everywhere would make removing a thousand of them slow.
            return [device for device in self.all("Device") if device.get("fromTemplateNode") == uuid]
        return [entity for entity in candidates if entity["uuid"] != uuid and mentioning(entity, uuid)]

    def _forget(self, kind: str, entity: Entity) -> None:
        self._names.pop((kind, name_of(entity)), None)
        if kind == "Device" and self._macs.get(entity["mac"].upper()) == entity["uuid"]:
            del self._macs[entity["mac"].upper()]

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)


def mentioning(entity: Entity, uuid: str) -> list[str]:
    """Give the fields of an entity that mention a uuid, also inside of them."""
    return [name for name, value in entity.items() if name != "extra_values" and _mentions(value, uuid)]


def _mentions(value: object, uuid: str) -> bool:
    if isinstance(value, dict):
        return any(_mentions(inner, uuid) for name, inner in value.items() if name != "extra_values")
    if isinstance(value, list):
        return any(_mentions(inner, uuid) for inner in value)
    return value == uuid
