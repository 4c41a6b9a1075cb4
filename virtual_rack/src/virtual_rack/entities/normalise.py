# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a client sent to what the head node stores.

Keys that the head node does not know are ignored; sub-entities that are not well formed are dropped
without a word; a field that is absent is given its default (strict) or keeps its value (lenient).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from virtual_rack.entities.fields import ZERO_MAC, ZERO_UUID, Entity, Field, Shape
from virtual_rack.entities.shapes import find_shape
from virtual_rack.entities.validation import Validation, bad_value

_MAX_NUMBER = 2**63


@dataclass(frozen=True)
class Rules:
    """The switches that decide what becomes of a sent entity."""

    version: str = "11"
    lenient: bool = False
    unknown: frozenset[tuple[str, str]] = frozenset()  # (type, field) that this head node does not have after all


@dataclass(frozen=True)
class Normalised:
    """A complete entity, and what could not be understood on the way."""

    entity: Entity
    problems: tuple[Validation, ...]


def normalise(sent: Mapping[str, Any], *, shape: Shape, stored: Entity | None, rules: Rules) -> Normalised:
    """Make a complete entity of a shape out of what was sent and what is stored."""
    reader = _Reader(rules)
    entity = reader.read(sent, shape, stored)
    return Normalised(entity, tuple(reader.problems))


class _Reader:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.problems: list[Validation] = []
        self._owner = ZERO_UUID

    def read(self, sent: Mapping[str, Any], shape: Shape, stored: Entity | None) -> Entity:
        entity: Entity = {}
        self._owner = str(sent.get("uuid", ZERO_UUID))
        type_name = shape.type_name
        for name, field in shape.of_version(self._rules.version).items():
            if (type_name, name) in self._rules.unknown:
                continue
            before = stored.get(name) if stored else None
            if name in sent and type(sent[name]) is field.plain_type:
                entity[name] = sent[name]
            elif name in sent:
                entity[name] = self._value(name, field, sent[name], before)
            elif stored is not None and self._rules.lenient and name in stored:
                entity[name] = before
            else:
                entity[name] = field.fresh_default()
        entity.update(baseType=shape.base, childType=shape.child, modified=False, to_be_removed=False)
        return entity

    def _value(self, name: str, field: Field, value: Any, before: Any) -> Any:
        if field.free:
            return value or None
        if field.many:
            return self._sub_entities(field, value, before)
        if field.holds is not None:
            return self._sub_entity(field.holds, value, [before] if before else [])
        if value is None:
            # ASSUMED: null for a plain field means "default". A live head node settles it.
            return field.fresh_default()
        if _fits(field.default, value):
            return value.upper() if field.default == ZERO_MAC else value
        self.problems.append(bad_value(self._owner, name))
        return field.fresh_default()

    def _sub_entities(self, field: Field, value: Any, before: Any) -> list[Entity]:
        if not isinstance(value, list):
            return []
        found = (self._sub_entity(field.holds or "", element, before or []) for element in value)
        return [element for element in found if element is not None]

    def _sub_entity(self, base: str, value: Any, before: list[Entity]) -> Entity | None:
        shape = well_formed_shape(base, value)
        if shape is None or value.get("to_be_removed") is True:
            return None
        stored = next((entity for entity in before if entity["uuid"] == value.get("uuid")), None)
        owner = self._owner
        entity = self.read(value, shape, stored)
        self._owner = owner
        return entity


def well_formed_shape(base: str, value: Any) -> Shape | None:
    """Give the type of a sub-entity, None for one that the head node drops.

    ASSUMED: dropped is what has another base type, an unknown child type, or lacks the field that names it.
    Settled by adding such sub-entities on a live head node.
    """
    if not isinstance(value, dict) or value.get("baseType") != base:
        return None
    shape = find_shape(base, value.get("childType", ""))
    if shape is None or (shape.key and not value.get(shape.key)):
        return None
    return shape


def _fits(default: Any, value: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and (isinstance(value, bool) or value in (0, 1))
    if isinstance(default, int | float):
        return isinstance(value, int | float if isinstance(default, float) else int) and abs(value) < _MAX_NUMBER
    if isinstance(default, list):
        return isinstance(value, list) and all(isinstance(element, str) for element in value)
    return isinstance(value, type(default))
