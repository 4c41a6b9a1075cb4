# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What bcm_power does: guards, the states before, the operations, the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._head_node.client import HeadNode
from .._head_node.clock import SystemClock
from .._head_node.errors import BcmConfigError
from .._head_node.power import (
    ACTIONS,
    Power,
    PowerReport,
    open_session,
    plan_power,
    power_errors,
    power_states,
)
from .._head_node.snapshot import read_devices, read_statuses, select_nodes

# The words of other tools beside our own.
ACTION_WORDS = [*ACTIONS, *(f"power_{action}" for action in ACTIONS if action != "status")]
_CUTS = frozenset({"off", "cycle", "reset"})


def power_nodes(
    head_node: HeadNode, names: Sequence[str], word: str, *, allow_up: bool, timeout_s: float, check_mode: bool
) -> dict[str, Any]:
    """One action for a set of nodes; the result is keyed by host name, failures of single nodes included.

    Raises BcmConfigError for an empty list, head nodes, and UP nodes without `allow_up`; BcmNotFound for unknown names.
    """
    action = word.replace("power_", "")
    devices = select_nodes(read_devices(head_node), names).require_all()
    if action in _CUTS and not allow_up:
        _refuse_up(
            action, [name for name, status in read_statuses(head_node, devices).items() if status.status == "UP"]
        )
    uuids = {name: str(raw["uuid"]) for name, raw in devices.items()}
    with open_session(head_node) as session:
        power = Power(head_node, session, SystemClock(), timeout_s)
        seen = power.states(uuids)
        before = power_states(seen)
        steps = {name: plan_power(action, before[name]) for name in uuids}
        reports = {name: PowerReport(state, state) for name, state in before.items()}
        if not check_mode:
            for step in sorted(set(steps.values()) - {"none"}):
                chosen = {name: uid for name, uid in uuids.items() if steps[name] == step}
                reports.update(power.run(step, chosen, seen))
    return _result(action, steps, reports, power_errors(seen), check_mode)


def _refuse_up(action: str, up: Sequence[str]) -> None:
    if up:
        raise BcmConfigError(
            f"could not {action} nodes that are UP: {', '.join(up)}; nothing was sent; "
            "allow_up: true says that it is meant"
        )


def _result(
    action: str,
    steps: Mapping[str, str],
    reports: Mapping[str, PowerReport],
    unknown: Mapping[str, str],
    check_mode: bool,
) -> dict[str, Any]:
    nodes = {}
    for name, report in reports.items():
        error = report.error
        if action == "status" and name in unknown:
            error = f"the power state is unknown: {unknown[name] or 'the BMC did not tell'}"
        changed = steps[name] != "none" if check_mode else bool(report.sent)
        nodes[name] = {
            "before": report.before,
            "action": steps[name],
            "after": report.after,
            "changed": changed,
            "error": error,
        }
    diff = [
        {"before_header": f"power {name}", "after_header": f"power {name} ({node['action']})"}
        | {"before": {"power": node["before"]}, "after": {"power": "OFF" if node["action"] == "off" else "ON"}}
        for name, node in nodes.items()
        if node["changed"]
    ]
    return {"changed": bool(diff), "nodes": nodes, "diff": diff}
