# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The schema of an entity whose changes are planned: its fields, its calls, and how it is created and finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .fields import Context, Field, Json, Raw


def leave_as_it_is(_stored: Raw | None, merged: Raw, _wanted: Mapping[str, Json]) -> Raw:
    """Return `merged` itself: no field follows from others."""
    return merged


@dataclass(frozen=True)
class Schema:
    """One kind of top-level entity.

    `create` makes the object with BCM's defaults for wanted options that name a new entity; `finish` sets the fields
    that follow from others (stored or None, merged, wanted) and must return `merged` itself where nothing follows.
    """

    entity: str
    service: str
    call_kind: str
    call_plural: str
    name_option: str
    name_key: str
    fields: tuple[Field, ...]
    create: Callable[[Mapping[str, Json], Context], Raw]
    finish: Callable[[Raw | None, Raw, Mapping[str, Json]], Raw] = leave_as_it_is

    def name_of(self, raw: Mapping[str, Any]) -> str:
        """Return the name of an entity as BCM stores it."""
        return str(raw[self.name_key])
