# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What bcm_category does: one category, and the guard for the nodes that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..api.client import HeadNode
from ..api.errors import BcmConfigError, BcmConflict
from ..entities.category import CATEGORY, category_to_ansible
from ..entities.fields import Context, Disruption, Raw
from .apply import Store, converge
from .options import wanted_of
from .plan import Plan
from .read import read_references


def apply_category(
    head_node: HeadNode,
    options: dict[str, Any],
    *,
    check_mode: bool,
    members: Sequence[str] = (),
    allow_member_change: bool = False,
) -> dict[str, Any]:
    """Plan, guard, apply and read back.

    Raises BcmConflict where nodes that `members` does not name would be installed anew, or lose their category.
    """
    wanted = {options["name"]: wanted_of(options)}
    references = read_references(head_node)
    stored = {str(raw["name"]): dict(raw) for raw in references.categories.raw.values()}
    store = Store(head_node, CATEGORY, head_node.get_categories)
    context = Context(references)
    planned = converge(store, wanted, context, stored=stored, dry_run=True)[options["name"]]
    if planned.error is not None:
        raise planned.error
    plan = planned.plan
    if plan is None:
        raise BcmConfigError(f"could not plan category {options['name']}")
    affected = _affected_nodes(head_node, plan)
    # A node never goes without its category, whoever asks.
    strangers = affected if plan.action == "delete" else sorted(set(affected) - set(members))
    if strangers and (plan.action == "delete" or not allow_member_change):
        raise _conflict(plan, strangers)
    outcome = planned if check_mode else converge(store, wanted, context, stored=stored)[options["name"]]
    if outcome.error is not None:
        raise outcome.error
    after = plan.desired if check_mode else outcome.stored
    return {
        "changed": not plan.is_empty,
        "diff": [] if plan.is_empty else [plan.diff()],
        "action": plan.action,
        "changes": [change.option for change in plan.changes],
        "disruption": plan.disruption.value,
        "affected_nodes": affected,
        **({"category": category_to_ansible(after, references)} if after else {}),
    }


def _affected_nodes(head_node: HeadNode, plan: Plan) -> list[str]:
    """Nodes of this category, where the plan concerns what they are installed with."""
    if plan.stored is None or plan.disruption not in (Disruption.REPROVISION, Disruption.DELETE):
        return []
    uid = plan.stored["uuid"]
    return sorted(str(raw["hostname"]) for raw in head_node.get_devices() if _belongs(raw, uid, plan))


def _belongs(device: Raw, uid: str, plan: Plan) -> bool:
    if device.get("category") != uid:
        return False
    only_image = {change.option for change in plan.changes if change.disruption is Disruption.REPROVISION}
    # A node with an image of its own does not follow its category's.
    return not (only_image == {"software_image"} and device.get("softwareImageProxy"))


def _conflict(plan: Plan, strangers: Sequence[str]) -> BcmConflict:
    listed = ", ".join(strangers)
    if plan.action == "delete":
        return BcmConflict(f"could not remove category {plan.name}: nodes still belong to it: {listed}")
    return BcmConflict(
        f"could not update category {plan.name}: it would have nodes installed anew that are not part of this run: "
        f"{listed}; allow it with allow_member_change (bcm_allow_category_change)"
    )
