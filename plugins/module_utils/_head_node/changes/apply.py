# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Sending of plans until reading shows that nothing is left to change: "success: true" is no proof (bcm-api.md 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ..api.bulk import BulkCalls
from ..api.client import HeadNode
from ..api.errors import (
    BcmApiError,
    BcmAuthError,
    BcmError,
    BcmProtocolError,
    BcmTransportError,
    BcmUnreachable,
    CallDenied,
)
from ..entities.fields import Context, Json, Raw
from ..entities.schema import Schema
from .plan import Plan, plan_entity

# After this many calls without an answer the head node is assumed to be unreachable, and the rest is not sent.
_MOST_UNANSWERED = 3
# Sent between one look at who is at work on nodes and the next; more would let a claim be overlooked for too long.
_MOST_AT_ONCE = 100
# Sent in one call for many, so that its size and its time stay within bounds.
_MOST_IN_ONE_CALL = 1_000
# Another client may overwrite a change between write and read-back: it is merged into what that wrote and sent again.
_ROUNDS = 3


# Plans by name → what is stored by now, and why some may not be sent any more; see Occupancy.look_again.
LookAgain = Callable[[Mapping[str, Plan]], tuple[Mapping[str, Raw], Mapping[str, BcmError]]]


class BulkFailed(BcmTransportError):
    """A call for many failed as a whole, and what it was to write depends on what was read before it: read that again.

    It may have been performed. It is raised once for a head node, which gets single calls from then on.
    """


@dataclass(frozen=True)
class Applied:
    """What became of one entity: the plan that was made first, what is stored now, or why it failed."""

    plan: Plan | None
    stored: Raw | None = None
    error: BcmError | None = None

    def after(self, *, check_mode: bool) -> Raw | None:
        """Return the entity as it is stored now, in check mode as it would be; None where there is none."""
        return self.plan.desired if check_mode and self.plan is not None else self.stored

    def to_ansible(self) -> dict[str, Any]:
        """Return a module's result: changed, action, disruption, changes (options), and error where it failed."""
        plan = self.plan
        return {
            "changed": plan is not None and not plan.is_empty and self.error is None,
            "action": plan.action if plan else "none",
            "disruption": plan.disruption.value if plan else "none",
            "changes": [change.option for change in plan.changes] if plan else [],
            **({"error": str(self.error)} if self.error is not None else {}),
        }


@dataclass(frozen=True)
class Store:
    """Where the entities of one schema are read and written.

    `workers` is how many writes may be in flight, `bulk` whether many entities go in one call.
    """

    head_node: HeadNode
    schema: Schema
    read: Callable[[], Sequence[Raw]]
    workers: int = 1
    bulk: BulkCalls = BulkCalls.NEVER

    def takes_many(self, verb: str) -> bool:
        """Return whether many entities are to go in one call; `verb` is add or update."""
        call = f"{self.schema.service}.{verb}{self.schema.call_plural}"
        return self.bulk is not BulkCalls.NEVER and call not in self.head_node.without

    def most_at_once(self, count: int) -> int:
        """Return how many of so many changes may be sent between one look at who is at work on them and the next."""
        return count if self.takes_many("update") and self.takes_many("add") else min(count, _MOST_AT_ONCE)

    def by_name(self) -> dict[str, Raw]:
        """Read all entities; returns them by name. Raises BcmError as the calls do."""
        return {self.schema.name_of(raw): raw for raw in self.read()}


@dataclass
class _Convergence:
    """The state of one converge call: the first plans, the errors, and how many calls got no answer.

    `lost` are those that a call for many may have stored, without an answer that says so.
    """

    first: dict[str, Plan] = field(default_factory=dict)
    errors: dict[str, BcmError] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    unanswered: int = 0


def converge(
    store: Store,
    wanted: Mapping[str, Mapping[str, Json]],
    context: Context,
    *,
    stored: Mapping[str, Raw] | None = None,
    planned: Mapping[str, Plan] | None = None,
    look_again: LookAgain | None = None,
    claims: bool = False,
    dry_run: bool = False,
) -> dict[str, Applied]:
    """Bring every named entity to what is wanted; one that fails does not keep the others from being changed.

    `wanted` maps name to options; {"state": "absent"} removes. `stored` replaces the first read where the caller has
    just read; `planned` is sent as it is where the caller has planned all of `wanted` and checked the plans.
    `look_again` is called right before plans are sent, at most a hundred of them without bulk calls. With `dry_run`
    nothing is sent. Where the answer to a call for many is lost, what is stored is read, and only the rest is sent
    again. With `claims` BulkFailed is raised instead, and where more single calls were due than may follow one reading:
    somebody else may have claimed them meanwhile. Errors of one entity are in its Applied. Errors of the connection,
    and BcmAuthError, are raised, because they would meet every entity. Calling again is always safe.
    """
    so_far = _Convergence()
    current = dict(stored) if stored is not None else store.by_name()
    if planned is None:
        todo = _plan_all(store.schema, wanted, current, context, so_far)
    else:
        so_far.first.update(planned)
        todo = {name: plan for name, plan in planned.items() if not plan.is_empty}
    if dry_run:
        return {name: Applied(so_far.first.get(name), current.get(name), so_far.errors.get(name)) for name in wanted}
    for _round in range(_ROUNDS):
        if not todo:
            break
        if look_again is None:
            _send_all(store, todo, so_far, claims=claims)
        else:
            for part in _parts(store, todo):
                fresh, refused = look_again(part)
                so_far.errors.update(refused)
                left = {name: wanted[name] for name in part if name not in refused}
                plans = _plan_all(store.schema, left, {**current, **fresh}, context, so_far)
                _send_all(store, plans, so_far, looks_again=True)
        current = store.by_name()
        left = {name: wanted[name] for name in todo if name not in so_far.errors}
        todo = _plan_all(store.schema, left, current, context, so_far)
    for plan in todo:
        so_far.errors[plan] = _not_kept(todo[plan])
    _forgive_lost(store.schema, wanted, current, context, so_far)
    return {name: Applied(so_far.first.get(name), current.get(name), so_far.errors.get(name)) for name in wanted}


def _parts(store: Store, todo: Mapping[str, Plan]) -> Iterator[dict[str, Plan]]:
    left = dict(todo)
    while left:
        # After a part that calls for many failed, the next ones are smaller.
        yield {name: left.pop(name) for name in list(left)[: store.most_at_once(len(left))]}


def _plan_all(
    schema: Schema,
    wanted: Mapping[str, Mapping[str, Json]],
    current: Mapping[str, Raw],
    context: Context,
    so_far: _Convergence,
) -> dict[str, Plan]:
    todo = {}
    for name, options in wanted.items():
        try:
            plan = plan_entity(schema, current.get(name), options, context)
        except BcmError as error:
            so_far.errors[name] = error
            continue
        so_far.first.setdefault(name, plan)
        if not plan.is_empty:
            todo[name] = plan
    return todo


def _send_all(
    store: Store, todo: Mapping[str, Plan], so_far: _Convergence, *, claims: bool = False, looks_again: bool = False
) -> None:
    left, has_failed = dict(todo), False
    for action, verb in (("create", "add"), ("update", "update")):
        plans = [plan for plan in todo.values() if plan.action == action]
        while len(plans) > 1 and store.takes_many(verb):
            settled = _send_bulk(store, verb, plans[:_MOST_IN_ONE_CALL], so_far, claims=claims)
            left = {name: plan for name, plan in left.items() if name not in settled}
            has_failed = has_failed or not store.takes_many(verb)
            plans = plans[_MOST_IN_ONE_CALL:]
    if has_failed and len(left) > _MOST_AT_ONCE and (claims or looks_again):
        if claims:
            raise BulkFailed(f"could not write {len(left)} claims in one call: they are written anew, one by one")
        # The next round sends them, in parts that are looked at before.
        return
    with ThreadPoolExecutor(max_workers=max(1, min(store.workers, len(left) or 1))) as pool:
        for name, error in zip(left, pool.map(lambda plan: _send(store, plan, so_far), left.values())):
            if error is not None:
                so_far.errors[name] = error


def _send_bulk(store: Store, verb: str, plans: Sequence[Plan], so_far: _Convergence, *, claims: bool) -> set[str]:
    """Return those that need no call now; a single call for each of the others stores it, or shows why it is refused.

    Where the answer is lost, or can't be read, reading shows first which of them were stored.
    """
    entities = [plan.desired for plan in plans if plan.desired is not None]
    names = [plan.name for plan in plans]
    try:
        refusals = store.head_node.bulk(store.schema.service, verb, store.schema.call_plural, entities)
    except BcmApiError:
        return set()
    except CallDenied:
        if store.bulk is BulkCalls.ALWAYS:
            raise
        return set()
    except BcmUnreachable:
        raise
    except (BcmTransportError, BcmProtocolError) as error:
        if claims:
            raise BulkFailed(str(error)) from error
        so_far.lost.update(names)
        return set(names)
    refused = {name: error for name, error in zip(names, refusals) if error is not None}
    so_far.errors.update({name: error for name, error in refused.items() if error.complaints})
    return {name for name in names if name not in refused or name in so_far.errors}


def _forgive_lost(
    schema: Schema,
    wanted: Mapping[str, Mapping[str, Json]],
    current: Mapping[str, Raw],
    context: Context,
    so_far: _Convergence,
) -> None:
    """Drop the errors of what is stored after all: a call whose answer was lost may have ended after the next one."""
    doubtful = {name: wanted[name] for name in so_far.lost & so_far.errors.keys()}
    again = _Convergence()
    unsettled = _plan_all(schema, doubtful, current, context, again)
    for name in doubtful.keys() - unsettled.keys() - again.errors.keys():
        del so_far.errors[name]


def _send(store: Store, plan: Plan, so_far: _Convergence) -> BcmError | None:
    """Send one plan; returns the error where it concerns this entity alone, raises it where it is the connection's."""
    if so_far.unanswered >= _MOST_UNANSWERED:
        return BcmTransportError(
            f"could not {plan.action} {plan.schema.entity} {plan.name}: the head node no longer answers"
        )
    try:
        _write(store, plan)
    except BcmAuthError:
        raise
    except BcmTransportError as error:
        so_far.unanswered += 1
        if so_far.unanswered >= _MOST_UNANSWERED:
            raise
        return error
    except BcmError as error:
        return error
    return None


def _write(store: Store, plan: Plan) -> None:
    schema = store.schema
    if plan.action == "create" and plan.desired is not None:
        store.head_node.add(schema.service, schema.call_kind, plan.desired)
    elif plan.action == "update" and plan.desired is not None:
        store.head_node.update(schema.service, schema.call_kind, plan.desired)
    elif plan.action == "delete" and plan.stored is not None:
        store.head_node.remove(schema.service, schema.call_kind, plan.stored)


def _not_kept(plan: Plan) -> BcmApiError:
    options = ", ".join(change.option for change in plan.changes) or plan.action
    return BcmApiError(
        f"could not {plan.action} {plan.schema.entity} {plan.name}: the head node answered success {_ROUNDS} times, "
        f"but reading back shows it did not keep: {options}"
    )


def summarise(outcomes: Mapping[str, Applied]) -> dict[str, Any]:
    """Return a set's part of a module's result: `changed`, `diff` (a list of diffs), `failures` (message by name)."""
    plans = [outcome.plan for outcome in outcomes.values() if outcome.plan is not None and outcome.error is None]
    return {
        "changed": any(not plan.is_empty for plan in plans),
        "diff": [plan.diff() for plan in plans if not plan.is_empty],
        "failures": {name: str(outcome.error) for name, outcome in outcomes.items() if outcome.error is not None},
    }
