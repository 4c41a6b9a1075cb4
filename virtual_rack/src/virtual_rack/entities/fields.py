# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for writing down what an entity consists of."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Entity = dict[str, Any]  # an entity as it travels: JSON

ZERO_UUID = "00000000-0000-0000-0000-000000000000"
ZERO_MAC = "00:00:00:00:00:00"
ZERO_IP = "0.0.0.0"
ZERO_IPV6 = "::0"


@dataclass(frozen=True)
class Field:
    """One field: its default, and for sub-entities their base type and whether there are several."""

    default: Any = None
    holds: str | None = None
    many: bool = False
    free: bool = False
    only: str = ""

    @functools.cached_property
    def plain_type(self) -> type | None:
        """Give the type whose values can be taken as they are, None where more is to be looked at."""
        plain = not self.free and self.holds is None and self.default != ZERO_MAC
        return type(self.default) if plain and isinstance(self.default, str | bool) else None

    def fresh_default(self) -> Any:
        """Give a default that may be changed without touching the table."""
        return copy.copy(self.default)


def one(base_type: str) -> Field:
    """Name a field with one sub-entity or null."""
    return Field(default=None, holds=base_type)


def many(base_type: str) -> Field:
    """Name a field with a list of sub-entities."""
    return Field(default=[], holds=base_type, many=True)


# ASSUMED: sub-entities of kinds that no source shows are dropped like malformed ones.
# The head node's API page settles it.
UNKNOWN_ONE = one("")
UNKNOWN_MANY = many("")


def free() -> Field:
    """Name a field that takes any JSON."""
    return Field(default=None, free=True)


def only_in(version: str, **fields: Any) -> dict[str, Field]:
    """Name fields that one version of BCM has and the other has not."""
    return {
        name: Field(field.default, field.holds, field.many, field.free, version)
        for name, field in named(fields).items()
    }


def named(fields: Mapping[str, Any]) -> dict[str, Field]:
    """Make a table out of defaults and fields."""
    return {name: value if isinstance(value, Field) else Field(default=value) for name, value in fields.items()}


def fields(**values: Any) -> dict[str, Field]:
    """Make a table out of keywords; a plain value is a default."""
    return named(values)


# What every entity carries, nested ones too.
EVERY_ENTITY = fields(
    baseType="",
    childType="",
    uuid=ZERO_UUID,
    revision="",
    modified=False,
    to_be_removed=False,
    extra_values=free(),
)


@dataclass(frozen=True)
class Shape:
    """One type of entity. `key` names the field without which an entity is not well formed."""

    base: str
    child: str
    table: Mapping[str, Field]
    key: str = ""

    @property
    def type_name(self) -> str:
        """Give the name that messages use."""
        return self.child or self.base

    def of_version(self, version: str) -> dict[str, Field]:
        """Give the fields of one version of BCM."""
        return {name: field for name, field in self.table.items() if field.only in ("", version)}

    def defaults(self, version: str) -> Entity:
        """Make an entity in which every field has its default."""
        entity = {name: field.fresh_default() for name, field in self.of_version(version).items()}
        return entity | {"baseType": self.base, "childType": self.child}
