# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that every kind of entity has, made by CMDaemon's naming rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from virtual_rack.entities.commit import CommitResult
from virtual_rack.entities.fields import Entity
from virtual_rack.head_node import HeadNode
from virtual_rack.services.calls import Args, Handler

Add = Callable[[Entity], CommitResult]


def added(result: CommitResult) -> Entity:
    """Answer an add: a success has no `updated_entity` unless it shows something, a failure has it, as was seen."""
    answer = result.to_api()
    if result.success and result.updated is None:
        del answer["updated_entity"]
    return answer


def shown(head: HeadNode, result: CommitResult) -> CommitResult:
    """Let the answer to an add show the entity as it was stored, where the rack file says so."""
    return replace(result, updated=result.entity) if head.spec.added_entity == "whole" else result


def removed(result: CommitResult) -> Entity:
    """Answer a remove: what else mentions the entity is in `changes`."""
    return result.to_api() | {"changes": _changes([result])}


def committed_many(results: Sequence[CommitResult]) -> Entity:
    """Answer an add or update of many: one object, with a success for each and the findings of all in one list."""
    return {
        "success": [result.success for result in results],
        "task_uuids": [result.task_uuid for result in results],
        "validation": [finding.to_api() for result in results for finding in result.findings],
        # ASSUMED: those that single answers would show; the others are left out.
        "updated_entities": [result.updated for result in results if result.updated is not None],
    }


def removed_many(results: Sequence[CommitResult]) -> Entity:
    """Answer a remove of many; it has no findings, so what was refused says why by `changes` alone."""
    return {
        "success": [result.success for result in results],
        "task_uuid": [result.task_uuid for result in results],
        "changes": _changes(results),
    }


def _changes(results: Sequence[CommitResult]) -> list[Entity]:
    return [change.to_api() for result in results for change in result.changes]


def entity_calls(head: HeadNode, kind: str, plural: str, *, bulk: bool, add: Add | None = None) -> dict[str, Handler]:
    """Make get, add, update, remove, validate, queryRemove and their plurals for one kind."""
    database, commits = head.database, head.commits

    def do_add(entity: Entity) -> CommitResult:
        return shown(head, add(entity) if add else commits.add(kind, entity))

    def by_uuids(args: Args) -> list[Entity]:
        wanted = args.uuids()
        return [e for u in wanted if (e := database.get(kind, u))] if wanted else database.all(kind)

    def remove(args: Args) -> Entity:
        # `force` comes last; images have two more arguments before it.
        return removed(commits.remove(kind, args.text(0), force=len(args.values) > 1 and args.flag(-1)))

    calls: dict[str, Handler] = {
        f"get{plural}": lambda _: database.all(kind),
        f"get{kind}": lambda args: database.find(kind, args.text(0)),
        f"get{plural}ByUuids": by_uuids,
        f"add{kind}": lambda args: added(do_add(args.entity())),
        f"update{kind}": lambda args: commits.update(kind, args.entity()).to_api(),
        f"remove{kind}": remove,
        f"validate{kind}": lambda args: [finding.to_api() for finding in commits.validate(kind, args.entity())],
        # ASSUMED: the referring entities are answered whole; no answer was seen.
        f"queryRemove{kind}": lambda args: database.referring_to(args.text(0)),
    }
    return calls | (_bulk_calls(head, kind, plural, do_add) if bulk and head.spec.bulk_calls else {})


def _bulk_calls(head: HeadNode, kind: str, plural: str, add: Add) -> dict[str, Handler]:
    """Make the bulk calls.

    ASSUMED: each entity is stored or refused by itself, in the order they came. addDevices with two devices, one
    of them wrong, settles it.
    """
    commits, database = head.commits, head.database

    def remove(args: Args) -> Entity:
        return removed_many([commits.remove(kind, uuid, force=args.flag(1)) for uuid in args.uuids()])

    return {
        f"add{plural}": lambda args: committed_many([add(entity) for entity in args.entities()]),
        f"update{plural}": lambda args: committed_many([commits.update(kind, entity) for entity in args.entities()]),
        f"remove{plural}": remove,
        f"queryRemove{plural}": lambda args: [database.referring_to(uuid) for uuid in args.uuids()],
    }
