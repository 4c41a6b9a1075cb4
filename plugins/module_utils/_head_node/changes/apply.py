# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Sending of plans until reading shows that nothing is left to change: "success: true" is no proof (bcm-api.md 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ..api.client import HeadNode
from ..api.errors import BcmApiError, BcmAuthError, BcmError, BcmTransportError
from ..entities.fields import Context, Json, Raw
from ..entities.schema import Schema
from .plan import Plan, plan_entity

# After this many calls without an answer the head node is assumed to be unreachable, and the rest is not sent.
_MOST_UNANSWERED = 3
# Sent between one look at who is at work on nodes and the next; more would let a claim be overlooked for too long.
_MOST_AT_ONCE = 100
# Another client may overwrite a change between write and read-back: it is merged into what that wrote and sent again.
_ROUNDS = 3


# Plans by name → what is stored by now, and why some may not be sent any more; see Occupancy.look_again.
LookAgain = Callable[[Mapping[str, Plan]], tuple[Mapping[str, Raw], Mapping[str, BcmError]]]


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

    `workers` is how many writes may be in flight; with `bulk` many entities go in one call where the head node can.
    """

    head_node: HeadNode
    schema: Schema
    read: Callable[[], Sequence[Raw]]
    workers: int = 1
    bulk: bool = False

    def by_name(self) -> dict[str, Raw]:
        """Read all entities; returns them by name. Raises BcmError as the calls do."""
        return {self.schema.name_of(raw): raw for raw in self.read()}


@dataclass
class _Convergence:
    """The state of one converge call: the first plans, the errors, and how many calls got no answer."""

    first: dict[str, Plan] = field(default_factory=dict)
    errors: dict[str, BcmError] = field(default_factory=dict)
    unanswered: int = 0


def converge(
    store: Store,
    wanted: Mapping[str, Mapping[str, Json]],
    context: Context,
    *,
    stored: Mapping[str, Raw] | None = None,
    planned: Mapping[str, Plan] | None = None,
    look_again: LookAgain | None = None,
    dry_run: bool = False,
) -> dict[str, Applied]:
    """Bring every named entity to what is wanted; one that fails does not keep the others from being changed.

    `wanted` maps name to options; {"state": "absent"} removes. `stored` replaces the first read where the caller has
    just read; `planned` is sent as it is where the caller has planned all of `wanted` and checked the plans.
    `look_again` is called right before plans are sent, at most a hundred of them without bulk calls. With `dry_run`
    nothing is sent. Errors of one entity are in its Applied. Errors of the connection, and BcmAuthError, are raised,
    because they would meet every entity. Calling again is always safe.
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
            _send_all(store, todo, so_far)
        else:
            for part in _parts(todo, store.bulk):
                fresh, refused = look_again(part)
                so_far.errors.update(refused)
                left = {name: wanted[name] for name in part if name not in refused}
                _send_all(store, _plan_all(store.schema, left, {**current, **fresh}, context, so_far), so_far)
        current = store.by_name()
        left = {name: wanted[name] for name in todo if name not in so_far.errors}
        todo = _plan_all(store.schema, left, current, context, so_far)
    for plan in todo:
        so_far.errors[plan] = _not_kept(todo[plan])
    return {name: Applied(so_far.first.get(name), current.get(name), so_far.errors.get(name)) for name in wanted}


def _parts(todo: Mapping[str, Plan], bulk: bool) -> list[dict[str, Plan]]:
    plans, most = list(todo.items()), len(todo) if bulk else _MOST_AT_ONCE
    return [dict(plans[start : start + most]) for start in range(0, len(plans), most)]


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


def _send_all(store: Store, todo: Mapping[str, Plan], so_far: _Convergence) -> None:
    left = dict(todo)
    if store.bulk:
        for action, verb in (("create", "add"), ("update", "update")):
            plans = {name: plan for name, plan in left.items() if plan.action == action}
            if len(plans) > 1:
                settled = _send_bulk(store, verb, plans, so_far)
                left = {name: plan for name, plan in left.items() if name not in settled}
    with ThreadPoolExecutor(max_workers=max(1, min(store.workers, len(left) or 1))) as pool:
        for name, error in zip(left, pool.map(lambda plan: _send(store, plan, so_far), left.values())):
            if error is not None:
                so_far.errors[name] = error


def _send_bulk(store: Store, verb: str, plans: Mapping[str, Plan], so_far: _Convergence) -> set[str]:
    """Return those that one call settled; a single call for each of the others shows why it is refused."""
    entities = [plan.desired for plan in plans.values() if plan.desired is not None]
    try:
        refusals = store.head_node.bulk(store.schema.service, verb, store.schema.call_plural, entities)
    except BcmApiError:
        return set()
    refused = {name: error for name, error in zip(plans, refusals) if error is not None}
    so_far.errors.update({name: error for name, error in refused.items() if error.complaints})
    return {name for name in plans if name not in refused or name in so_far.errors}


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
