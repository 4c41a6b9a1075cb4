# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that every kind of entity has, made by CMDaemon's naming rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from virtual_rack.entities.commit import CommitResult
from virtual_rack.entities.fields import Entity
from virtual_rack.head_node import HeadNode
from virtual_rack.services.calls import Args, Handler

Add = Callable[[Entity], Entity]


def added(result: CommitResult) -> Entity:
    """Answer an add: a success has no `updated_entity`, a failure has it, as was seen."""
    answer = result.to_api()
    if result.success:
        del answer["updated_entity"]
    return answer


def entity_calls(head: HeadNode, kind: str, plural: str, *, bulk: bool, add: Add | None = None) -> dict[str, Handler]:
    """Make get, add, update, remove, validate, queryRemove and their plurals for one kind."""
    database, commits = head.database, head.commits

    def default_add(entity: Entity) -> Entity:
        return added(commits.add(kind, entity))

    do_add = add or default_add

    def by_uuids(args: Args) -> list[Entity]:
        wanted = args.uuids()
        return [e for u in wanted if (e := database.get(kind, u))] if wanted else database.all(kind)

    def remove(args: Args) -> Entity:
        # `force` comes last; images have two more arguments before it.
        return commits.remove(kind, args.text(0), force=len(args.values) > 1 and args.flag(-1)).to_api()

    calls: dict[str, Handler] = {
        f"get{plural}": lambda _: database.all(kind),
        f"get{kind}": lambda args: database.find(kind, args.text(0)),
        f"get{plural}ByUuids": by_uuids,
        f"add{kind}": lambda args: do_add(args.entity()),
        f"update{kind}": lambda args: commits.update(kind, args.entity()).to_api(),
        f"remove{kind}": remove,
        f"validate{kind}": lambda args: [finding.to_api() for finding in commits.validate(kind, args.entity())],
        # ASSUMED: the referring entities are answered whole; no answer was seen.
        f"queryRemove{kind}": lambda args: database.referring_to(args.text(0)),
    }
    return calls | (_bulk_calls(head, kind, plural, do_add) if bulk and head.spec.bulk_calls else {})


def _bulk_calls(head: HeadNode, kind: str, plural: str, add: Add) -> dict[str, Handler]:
    """Make the bulk calls.

    ASSUMED: the answer is a list of the single answers, in order. addDevices with two devices settles it.
    """
    commits, database = head.commits, head.database

    def remove(args: Args) -> list[Any]:
        return [commits.remove(kind, uuid, force=args.flag(1)).to_api() for uuid in args.uuids()]

    return {
        f"add{plural}": lambda args: [add(entity) for entity in args.entities()],
        f"update{plural}": lambda args: [commits.update(kind, entity).to_api() for entity in args.entities()],
        f"remove{plural}": remove,
        f"queryRemove{plural}": lambda args: [database.referring_to(uuid) for uuid in args.uuids()],
    }
