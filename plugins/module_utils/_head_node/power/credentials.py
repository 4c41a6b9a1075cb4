# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A trial of changed BMC credentials before they are spread: a typo must not reach every BMC through the head node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._bmc.power import Failure, PowerResult
from ..._bmc.schedule import Limits, Schedule
from ..._values.clock import SystemClock
from ..api.errors import BcmConflict, BcmError
from ..api.events import open_session
from ..changes.apply import Store, converge
from ..changes.plan import plan_present
from ..entities.fields import Context, Raw
from .channel import PowerChannel, targets_of
from .read_states import ask_states

Wanted = Mapping[str, Mapping[str, Any]]
Credentials = tuple[str, str]


def spread_credentials(
    store: Store, wanted: Wanted, stored: Mapping[str, Raw], context: Context, *, timeout_s: float = 60.0
) -> dict[str, BcmError]:
    """Try changed credentials on one node of each new set through the head node, before the caller changes the others.

    Where the BMC of that node refuses them, a second one is tried. Returns an error by name for the nodes that must not
    be changed: those whose BMC refused, which get their old credentials back, and all of a set that two BMCs refused.
    Nothing happens where fewer than two known nodes get new credentials. `timeout_s` is how long a BMC may take to show
    that it accepts them. Raises BcmError as the calls do; calling again is safe.
    """
    new = _changed_credentials(store, wanted, stored, context)
    if len(new) < 2:
        return {}
    errors: dict[str, BcmError] = {}
    schedule = Schedule.of(new, Limits(tries=1, in_flight=1))
    with open_session(store.head_node) as session:
        while schedule.slots:
            for name in schedule.drop_condemned():
                refused_by = ", ".join(schedule.refused_by[new[name]])
                errors[name] = BcmConflict(
                    f"could not update device {name}: the new BMC credentials were refused by "
                    f"the BMCs of {refused_by}; they were put back there and changed nowhere else"
                )
            due = [name for name in schedule.due(0.0) if new[name] not in schedule.trusted]
            if not due:
                break
            _try_one(due[0], store, wanted, context, schedule, session, timeout_s)
    _put_back(store, stored, schedule)
    for refused in schedule.refused_by.values():
        for name in refused:
            errors[name] = BcmConflict(
                f"could not update device {name}: its BMC refuses the new credentials; the old ones were put back"
            )
    return errors


def _changed_credentials(
    store: Store, wanted: Wanted, stored: Mapping[str, Raw], context: Context
) -> dict[str, Credentials]:
    """Return the new credentials of every known node that would get others than it has."""
    found = {}
    for name, options in wanted.items():
        if name not in stored or options.get("state") == "absent" or not options.get("bmc_settings"):
            continue
        try:
            plan = plan_present(store.schema, stored[name], options, context)
        except BcmError:
            continue  # reported where the plan is carried out
        if plan.desired is not None and _credentials(plan.desired) != _credentials(stored[name]):
            found[name] = _credentials(plan.desired)
    return found


def _credentials(device: Mapping[str, Any]) -> Credentials:
    settings = device.get("bmcSettings") or {}
    return (str(settings.get("userName") or ""), str(settings.get("password") or ""))


def _try_one(
    name: str,
    store: Store,
    wanted: Wanted,
    context: Context,
    schedule: Schedule,
    session: str,
    timeout_s: float,
) -> None:
    schedule.start(name, 0.0)
    outcome = converge(store, {name: wanted[name]}, context)[name]
    if outcome.error is not None or outcome.stored is None:
        schedule.finish(name)
        return
    result = _ask(name, outcome.stored, store, context, session, timeout_s)
    if result.failure is Failure.CREDENTIALS:
        schedule.refuse(name)
        return
    if result.failure is None:
        schedule.trust(name)
    schedule.finish(name)


def _ask(name: str, device: Raw, store: Store, context: Context, session: str, timeout_s: float) -> PowerResult:
    targets = targets_of({name: device}, context.references)
    return ask_states(PowerChannel(store.head_node, session, SystemClock(), targets, timeout_s), [name])[name]


def _put_back(store: Store, stored: Mapping[str, Raw], schedule: Schedule) -> None:
    """Send the refused nodes as they were read, so that one without credentials of its own is again without."""
    for names in schedule.refused_by.values():
        for name in names:
            store.head_node.update(store.schema.service, store.schema.call_kind, dict(stored[name]))
