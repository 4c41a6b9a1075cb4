# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of bcm_device and bcm_devices: a set of devices, or a set of one, is brought to what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..api.bulk import BulkCalls
from ..api.client import HeadNode
from ..api.errors import BcmError
from ..entities.device import DEVICE, device_to_ansible
from ..entities.fields import Context, Disruption, Raw
from ..entities.record import Record, assignment_of, reassigned_values
from ..entities.references import References
from .apply import Applied, Store, converge, summarise
from .categories import assume_categories
from .guards import Occupied, require_distinct, require_nodes
from .occupancy import Occupancy
from .options import wanted_of
from .plan import Plan, plan_entity
from .read import read_devices, read_references

# (store, wanted, stored, context) → why nodes are not to be changed. See power/credentials, which tries changed
# credentials by power and therefore stands above this room.
TryCredentials = Callable[[Store, Mapping[str, Any], Mapping[str, Raw], Context], Mapping[str, BcmError]]


def apply_devices(
    head_node: HeadNode,
    devices: Sequence[dict[str, Any]],
    *,
    check_mode: bool,
    occupancy: Occupancy,
    try_credentials: TryCredentials,
    declared_categories: Sequence[Mapping[str, Any]] = (),
    reassigned: Sequence[str] = (),
    remember_reassigned: bool = False,
    workers: int = 1,
    bulk: BulkCalls = BulkCalls.NEVER,
) -> dict[str, Any]:
    """Plan, apply and read back; returns a module's result, with `devices` by host name.

    `reassigned` lists the nodes that are to be installed anew, those given and those found; `assignments` has what each
    node would be installed with. `remember_reassigned` notes it on nodes without a record. A device that can't be
    changed fails alone, in `failures`; those that others are at work on, or that run and may not be removed, are in
    `refused` as well. Raises BcmConfigError for an empty list, a name given twice, or a device that is
    not a node, and as `converge` does. Calling again is safe.
    """
    require_distinct([device["hostname"] for device in devices])
    wanted = {device["hostname"]: wanted_of(device) for device in devices}
    stored = read_devices(head_node)
    require_nodes({name: stored[name] for name in wanted if name in stored})
    anew = frozenset(reassigned)
    # Only a new device is given a partition.
    references = read_references(head_node, partitions=any(name not in stored for name in wanted))
    if check_mode:
        references = assume_categories(references, declared_categories)
    store = Store(head_node, DEVICE, head_node.get_devices, workers, bulk)
    context = Context(references)
    plans = _plans(wanted, stored, context)
    refused = occupancy.refuse_devices(plans, stored)
    kept = dict(refused)
    if not check_mode:
        free = {name: options for name, options in wanted.items() if name not in refused}
        kept.update(try_credentials(store, free, stored, context))
    # Planned against what was read before the credentials were tried, so that a node on which they were already changed
    # counts as changed; it is only sent once more.
    rest = {name: options for name, options in wanted.items() if name not in kept}
    if remember_reassigned:
        rest = {
            name: _remember(options, stored.get(name), name in anew, plans.get(name)) for name, options in rest.items()
        }
    outcomes = converge(store, rest, context, stored=stored, look_again=occupancy.look_again, dry_run=check_mode)
    outcomes.update({name: Applied(None, stored.get(name), error) for name, error in kept.items()})
    outcomes = {name: outcomes[name] for name in wanted}
    return {
        **summarise(outcomes),
        "refused": [name for name, outcome in outcomes.items() if isinstance(outcome.error, Occupied)],
        "devices": {name: _shown(outcome, references, check_mode) for name, outcome in outcomes.items()},
        "reassigned": [name for name, outcome in outcomes.items() if name in anew or _is_reassigned(outcome)],
        "assignments": _assignments(outcomes, references),
    }


def _plans(wanted: Mapping[str, Any], stored: Mapping[str, Raw], context: Context) -> dict[str, Plan]:
    """Return the plans by name; one that can't be made is left out, and reported where it is carried out."""
    plans = {}
    for name, options in wanted.items():
        with suppress(BcmError):
            plans[name] = plan_entity(DEVICE, stored.get(name), options, context)
    return plans


def _remember(options: dict[str, Any], stored: Raw | None, reassigned: bool, plan: Plan | None) -> dict[str, Any]:
    """Return the options with a note for a device that gets another assignment and has no record of what it runs.

    One without a plan is left as it is: why it has none is reported where the plan is carried out.
    """
    if (
        stored is None
        or plan is None
        or options.get("state") == "absent"
        or Record.from_api(stored.get("extra_values")).provisioned_digest
    ):
        return options
    if reassigned or plan.disruption is Disruption.REPROVISION:
        return {**options, "extra_values": reassigned_values()}
    return options


def _shown(outcome: Applied, references: References, check_mode: bool) -> dict[str, Any]:
    shown = outcome.to_ansible()
    if outcome.error is not None:
        return shown
    after = outcome.after(check_mode=check_mode)
    return {**shown, "device": device_to_ansible(after, references) if after else None}


def _is_reassigned(outcome: Applied) -> bool:
    """Return whether what the node would install has changed, on a node that existed before."""
    plan = outcome.plan
    return plan is not None and plan.action == "update" and plan.disruption is Disruption.REPROVISION


def _assignments(outcomes: Mapping[str, Applied], references: References) -> dict[str, Any]:
    """Return what each node would be installed with once the plans are applied, for a check run of bcm_provision."""
    found = {}
    for name, outcome in outcomes.items():
        planned = outcome.plan.desired if outcome.plan is not None else outcome.stored
        assignment = assignment_of(planned, references) if planned and outcome.error is None else None
        if assignment is not None:
            found[name] = assignment.to_ansible()
    return found
