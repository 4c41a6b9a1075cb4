# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of bcm_category and bcm_categories: a set of categories, or a set of one, is brought to what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from ..api.client import HeadNode
from ..api.errors import BcmConfigError, BcmError
from ..entities.category import CATEGORY, category_to_ansible
from ..entities.device import is_node
from ..entities.fields import Context, Json, Raw, new_object
from ..entities.occupant import Occupant
from ..entities.references import References
from .apply import Applied, Store, converge, summarise
from .guards import affected_nodes, concerns_members, find_conflict, reached_nodes, refuse_category, require_distinct
from .occupancy import Occupancy
from .options import wanted_of
from .plan import plan_entity
from .read import read_references


def apply_categories(
    head_node: HeadNode,
    categories: Sequence[dict[str, Any]],
    *,
    check_mode: bool,
    occupancy: Occupancy,
    members: Sequence[str] = (),
    allow_member_change: bool = False,
) -> dict[str, Any]:
    """Plan, guard, apply and read back; returns a module's result, with `categories` by name.

    A category fails where it can't be planned, where nodes that `members` does not name would be installed anew, or
    lose their category, and where somebody is at work on a node that it reaches; only new ones that were to be copied
    from it fail with it. `reassigned` lists the nodes that are to be installed anew. Raises BcmConfigError for an empty
    list and for a name given twice, and as `converge` does. Calling again is safe.
    """
    names = [str(options["name"]) for options in categories]
    require_distinct(names, "categories")
    references = read_references(head_node, partitions=False)
    store = Store(head_node, CATEGORY, head_node.get_categories)
    read_all = cache(head_node.get_devices)

    def read_occupants() -> Mapping[str, Occupant]:
        nodes = {str(raw["hostname"]): raw for raw in read_all() if is_node(raw)}
        return occupancy.read(nodes, nodes)

    work = _Work(store, references, read_all, cache(read_occupants), members, allow_member_change)
    for generation in _generations(categories, references):
        for options in generation:
            work.plan(options)
        if not check_mode:
            work.carry_out([str(options["name"]) for options in generation])
    outcomes = {name: work.outcomes[name] for name in names}
    shown = {name: _shown(name, outcome, work, check_mode) for name, outcome in outcomes.items()}
    changed = [each for each in shown.values() if each["changed"]]
    return {
        **summarise(outcomes),
        "categories": shown,
        "reassigned": sorted({node for each in changed for node in each["affected_nodes"]}),
    }


def assume_categories(references: References, declared: Iterable[Mapping[str, Any]]) -> References:
    """Return the references as they would be once these categories (options of bcm_category) are written.

    One that can't be planned stays as it is stored, or has its name alone where it is new; the reason is reported when
    it is written.
    """
    for options in declared:
        name = str(options["name"])
        stored = _stored(references, name)
        context = Context(references)
        desired: Raw | None
        try:
            desired = plan_entity(CATEGORY, stored, _wanted(options), context).desired
        except BcmError:
            desired = stored or new_object("Category", "", context, name=name)
        references = _assume(references, name, desired)
    return references


def _generations(categories: Sequence[Mapping[str, Any]], references: References) -> Iterator[list[Mapping[str, Any]]]:
    """Split a list so that a new category comes after the one of the same list that it is a copy of.

    The head node fills in fields of a category that it stores, and a copy is to have these too.
    """
    depths: dict[str | None, int] = {}
    for options in categories:
        is_new = options["name"] not in references.categories.by_name
        depths[options["name"]] = depths.get(options.get("clone_from"), -1) + 1 if is_new else 0
    for depth in range(max(depths.values()) + 1):
        yield [options for options in categories if depths[options["name"]] == depth]


@dataclass
class _Work:
    """The plans for a list of categories and their outcomes; each that is planned counts as written for the next."""

    store: Store
    references: References
    read_devices: Callable[[], Sequence[Raw]]  # called where a plan concerns nodes, and then reads once
    read_occupants: Callable[[], Mapping[str, Occupant]]
    members: Sequence[str]
    allow_member_change: bool
    wanted: dict[str, dict[str, Json]] = field(default_factory=dict)
    outcomes: dict[str, Applied] = field(default_factory=dict)
    affected: dict[str, list[str]] = field(default_factory=dict)

    def plan(self, options: Mapping[str, Any]) -> None:
        """Plan and guard one category (options of bcm_category)."""
        name = str(options["name"])
        stored = _stored(self.references, name)
        try:
            self._require_source(name, stored, options.get("clone_from"))
            wanted = self.wanted[name] = _wanted(options)
            plan = plan_entity(CATEGORY, stored, wanted, Context(self.references))
        except BcmError as error:
            self.outcomes[name] = Applied(None, stored, error)
            return
        self.affected[name] = affected_nodes(plan, self.read_devices()) if concerns_members(plan) else []
        conflict = find_conflict(plan, self.affected[name], self.members, allowed=self.allow_member_change)
        if conflict is None and plan.stored is not None and plan.reaches_installation:
            reached, occupants = reached_nodes(plan, self.read_devices()), self.read_occupants()
            conflict = refuse_category(plan, {node: occupants[node] for node in reached if node in occupants})
        self.outcomes[name] = Applied(plan, stored, conflict)
        if conflict is None:
            self.references = _assume(self.references, name, plan.desired)

    def carry_out(self, names: Iterable[str]) -> None:
        """Write what was planned for these and read it back."""
        due = {name: self.outcomes[name] for name in names if self.outcomes[name].error is None}
        plans = {name: outcome.plan for name, outcome in due.items() if outcome.plan is not None}
        stored = {name: outcome.stored for name, outcome in due.items() if outcome.stored is not None}
        wanted = {name: self.wanted[name] for name in plans}
        done = converge(self.store, wanted, Context(self.references), stored=stored, planned=plans)
        for name, outcome in done.items():
            self.outcomes[name] = outcome
            self.references = _assume(self.references, name, outcome.stored)

    def _require_source(self, name: str, stored: Raw | None, source: str | None) -> None:
        """Refuse a copy of a category that failed: it would never get the options that its model still lacks."""
        if stored is None and source in self.outcomes and self.outcomes[source].error is not None:
            raise BcmConfigError(f"could not create category {name}: category {source}, of which it is a copy, failed")


def _wanted(options: Mapping[str, Any]) -> dict[str, Json]:
    try:
        return wanted_of(dict(options))
    except BcmConfigError as error:
        raise BcmConfigError(f"could not plan category {options['name']}: {error}") from error


def _stored(references: References, name: str) -> Raw | None:
    uid = references.categories.by_name.get(name)
    return None if uid is None else dict(references.categories.raw[uid])


def _assume(references: References, name: str, category: Raw | None) -> References:
    return replace(references, categories=references.categories.with_entity(name, category))


def _shown(name: str, outcome: Applied, work: _Work, check_mode: bool) -> dict[str, Any]:
    shown = {**outcome.to_ansible(), "affected_nodes": work.affected.get(name, [])}
    after = outcome.after(check_mode=check_mode)
    if outcome.error is not None or after is None:
        return shown
    return {**shown, "category": category_to_ansible(after, work.references)}
