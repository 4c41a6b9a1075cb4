# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reading of the power state of nodes, in one way for every caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..._bmc.power import Failure, PowerResult
from ..._bmc.schedule import Limits, Schedule
from ..._values.clock import Clock
from ..api.calls import Raw
from ..api.client import HeadNode
from ..api.events import open_session
from ..entities.device import is_node
from ..entities.references import Names, References
from .channel import LONG_POLL_S, NOT_STARTED, PowerChannel, failure_of, message_of, state_of, targets_of


def read_power_states(
    head_node: HeadNode,
    clock: Clock,
    devices: Mapping[str, Raw],
    categories: Names,
    *,
    timeout_s: float = 60.0,
    force: bool = False,
) -> dict[str, PowerResult]:
    """Ask the BMCs of these devices for their power, in a session of its own; returns results by name.

    The credentials of a BMC may be those of its node, category or partition: partitions are read first, `categories`
    are the caller's. Devices that are no nodes are left out; without a node nothing is sent. `force` asks CLOSED
    devices too. A node whose state could not be read has a `failure`, and UNKNOWN in `before` and `after`.
    Raises BcmError as the calls do; asking again is safe.
    """
    nodes = {name: raw for name, raw in devices.items() if is_node(raw)}
    if not nodes:
        return {}
    partitions = Names.from_api("partition", head_node.get_partitions())
    targets = targets_of(nodes, References(categories=categories, partitions=partitions))
    with open_session(head_node) as session:
        return ask_states(PowerChannel(head_node, session, clock, targets, timeout_s, force=force), list(nodes))


def find_switched_on(head_node: HeadNode, clock: Clock, devices: Mapping[str, Raw]) -> set[str]:
    """Return the names of the nodes whose BMC says that they are switched on; one that does not answer is left out.

    Raises as `read_power_states` does.
    """
    if not devices:
        return set()
    categories = Names.from_api("category", head_node.get_categories())
    states = read_power_states(head_node, clock, devices, categories, force=True)
    return {name for name, result in states.items() if result.after == "ON"}


def ask_states(channel: PowerChannel, names: Sequence[str]) -> dict[str, PowerResult]:
    """Ask for the power of nodes, one BMC of each set of credentials first (see Schedule); returns results by name.

    Nodes whose credentials two BMCs have refused are not asked. Raises BcmError as the calls do; asking again is safe.
    """
    results: dict[str, PowerResult] = {}
    credentials = {name: (channel.targets[name].username, channel.targets[name].password) for name in names}
    schedule = Schedule.of(credentials, Limits(tries=1, in_flight=len(names)))
    while schedule.slots:
        for name in schedule.drop_condemned():
            refused_by = schedule.refused_by[credentials[name]]
            results[name] = channel.fail(PowerResult(tries=0), name, Failure.NOT_TRIED, _not_tried(channel, refused_by))
        due = schedule.due(0.0)
        for name in due:
            schedule.start(name, 0.0)
        for name, status in _ask(channel, due).items():
            results[name] = _read(channel, name, status)
            if results[name].failure is Failure.CREDENTIALS:
                schedule.refuse(name)
                continue
            if results[name].failure is None:
                schedule.trust(name)
            else:
                # A silent BMC costs the whole time-out, so more of its set are asked at once from now on.
                schedule.widen(name)
            schedule.finish(name)
    return results


def _ask(channel: PowerChannel, names: Sequence[str]) -> dict[str, Raw]:
    """Ask for STATUS once and return a PowerStatus by name, one of our own for each node without an answer."""
    if not names:
        return {}
    index = channel.send("STATUS", names)
    if index is None:
        return {name: {"state": "FAILED", "msg": NOT_STARTED} for name in names}
    by_uuid = {channel.targets[name].uuid: name for name in names}
    outcomes: dict[str, Raw] = {}
    deadline_s = channel.clock.now_s() + channel.timeout_s
    while len(outcomes) < len(names) and channel.clock.now_s() < deadline_s:
        for event in channel.events(min(LONG_POLL_S, deadline_s - channel.clock.now_s())):
            for status in event.get("status") or []:
                name = by_uuid.get(status.get("device", ""))
                if name and index in (status.get("indexes") or []) and status.get("state") != "PENDING":
                    outcomes[name] = status
    text = f"no result of power STATUS within {channel.timeout_s:g} s: no answer"
    return {name: outcomes.get(name, {"state": "FAILED", "msg": text}) for name in names}


def _read(channel: PowerChannel, name: str, status: Raw) -> PowerResult:
    state = state_of(status)
    result = PowerResult(before=state, after=state, address=channel.targets[name].address)
    if state != "UNKNOWN":
        return result
    return channel.fail(result, name, failure_of(status), f"the power state is unknown: {message_of(status)}")


def _not_tried(channel: PowerChannel, refused_by: Sequence[str]) -> str:
    refused = ", ".join(f"{name} ({channel.targets[name].address})" for name in refused_by)
    return f"not tried: its credentials were refused by {refused}; correct them in BCM first"
