# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Calls that add or update many entities: whether to make them, and what became of each entity (bcm-api.md 2)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Optional

from ..._values.shape import type_name
from ..._values.word import Word
from .calls import CONFLICTS, Json, Raw, complaints_of, refusal
from .errors import BcmApiError, BcmProtocolError, Complaint


class BulkCalls(Word):
    """Whether many entities go in one call.

    `auto`: where the head node has such calls, which is tried once, and the account may make them. `true`: the same,
    but where the account may not, that is an error.
    """

    AUTO = "auto"
    ALWAYS = "true"
    NEVER = "false"


# Why each entity was refused, in their order; None for those that were stored.
Refusals = list[Optional[BcmApiError]]


def read_bulk(
    answer: Json, entities: Sequence[Raw], actions: Sequence[str], name: str, *, secrets: Collection[str] = ()
) -> Refusals:
    """Return why each entity was refused, in their order; None for one that was stored.

    `actions` has what was to be done with each ("update device dgx-05"), `name` is the call's; `secrets` are blanked.
    The answer has one list of complaints for all: an error has those that are surely about its entity, none where no
    complaint is. Raises BcmProtocolError for an answer that can't be read; any of the entities may have been stored
    then.
    """
    if not isinstance(answer, dict):
        raise BcmProtocolError(f"{name} answered {type_name(answer)} where an object is due")
    success = answer.get("success", answer.get("result"))
    if success is True:
        return [None] * len(entities)
    if (
        not isinstance(success, list)
        or len(success) != len(entities)
        or not all(isinstance(one, bool) for one in success)
    ):
        raise BcmProtocolError(
            f"{name} answered success with {type_name(success)} where {len(entities)} booleans are due"
        )
    complaints = complaints_of(answer, secrets)
    # One refusal alone owns every error, whatever it names.
    owned = [c for c in complaints if c.severity != "WARNING"] if success.count(False) == 1 else []
    return [
        None if stored else refusal(owned or _about(entity, complaints), name, action)
        for stored, entity, action in zip(success, entities, actions)
    ]


def _about(entity: Raw, complaints: Sequence[Complaint]) -> list[Complaint]:
    """Return the complaints about this entity, or one inside it.

    # ASSUMED: a complaint names the entity that it is about, as in the answer for one. One updateDevices with two wrong
    # devices would settle it. Where it names none of those that were refused, a single call is made for each.
    A duplicate names the entity that had the value first (bcm-api.md 6), which may well be in the same call.
    """
    inside = set(_uuids(entity))
    return [c for c in complaints if c.error_code not in CONFLICTS and c.ref_entity_uuid in inside]


def _uuids(value: Json) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(value.get("uuid"), str):
        yield value["uuid"]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _uuids(child)
