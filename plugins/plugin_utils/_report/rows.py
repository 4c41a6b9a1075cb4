# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The status report of a set of nodes: rows, summary and table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...module_utils._head_node.api.errors import BcmConfigError
from ...module_utils._head_node.entities.device import bmc_ip, effective_image_name, management_ip
from ...module_utils._head_node.entities.fields import Raw
from ...module_utils._head_node.entities.phases import VERDICTS, Status, node_state
from ...module_utils._head_node.entities.references import References
from ...module_utils._head_node.entities.status import DeviceStatus
from ...module_utils._provisioning.timeline import TIMELINE_KEY, Timeline, durations
from ...module_utils._values.duration import format_duration
from ...module_utils._values.names import count
from ...module_utils._values.table import align
from ...module_utils._values.text import cut, printable

OUTCOMES = ("successful", "failed", "not_found", "pending", "skipped")
Stamp = Callable[[float], str]
# A wider message is cut in the table; it stands whole below it.
_WIDEST_CELL = 60
_WIDEST_LINE = 120
_COLUMNS = (
    ("NODE", "hostname"),
    ("STATE", "state"),
    ("STATUS", "status"),
    ("IP", "ip"),
    ("BMC IP", "bmc_ip"),
    ("CATEGORY", "category"),
    ("ROLES", "roles"),
    ("IMAGE", "image"),
    ("RESULT", "outcome"),
)
# Without a run to tell of: what the last one left on the device.
_RECORDED = (("LAST RUN", "last_run"), ("TOOK", "took"), ("LONGEST PHASE", "longest"))
_MESSAGE = (("MESSAGE", "message"),)
# What a table that is too wide does without, first to last. Messages stand below it, all of it in the report's rows.
_DISPENSABLE = ("MESSAGE", "ROLES", "BMC IP", "RESULT", "STATUS", "CATEGORY")


def build_row(
    name: str,
    device: Raw | None,
    status: DeviceStatus | None,
    power: str | None,
    result: Mapping[str, Any] | None,
    references: References,
) -> dict[str, Any]:
    """One node: what it is now, and what the run did with it where there was one (`result` of bcm_provision)."""
    shown = device or {}
    labels = [*(role.get("name") for role in shown.get("roles") or []), *(shown.get("userDefinedResources") or [])]
    row = {
        "hostname": name,
        "state": str(node_state(status.status if status else None, power)),
        "status": status.status if status else None,
        "power": power,
        "ip": management_ip(shown),
        "bmc_ip": bmc_ip(shown),
        "category": references.categories.name_of(shown.get("category")),
        "roles": sorted({str(label) for label in labels}),
        "image": effective_image_name(shown, references),
        "restart_required": bool(status and status.restart_required),
    }
    return {**row, **_judge(device, status, result), **_recall(timeline_of(device, result), result)}


def timeline_of(device: Raw | None, result: Mapping[str, Any] | None) -> Timeline | None:
    """The way a node took in the run that `result` tells of; without one, in the last that was recorded on it.

    Raises BcmConfigError for results that bcm_provision did not give.
    """
    if result is None:
        return Timeline.from_words(((device or {}).get("extra_values") or {}).get(TIMELINE_KEY))
    if result.get("started") is None or not result.get("timeline"):
        return None
    return Timeline.from_ansible({"started": result["started"], "phases": result["timeline"]})


def _recall(timeline: Timeline | None, result: Mapping[str, Any] | None) -> dict[str, Any]:
    seconds = result["seconds"] if result else timeline.total_s if timeline else None
    phases = {phase: time_s for phase, time_s in durations(timeline).items() if time_s > 0} if timeline else {}
    longest = max(phases, key=lambda phase: phases[phase]) if phases else None
    return {
        "started": timeline.started_s if timeline else None,
        "seconds": seconds,
        "ended": (timeline.verdict or None) if timeline else None,
        "longest_phase": longest,
        "longest_seconds": round(phases[longest], 1) if longest else None,
    }


def _judge(device: Raw | None, status: DeviceStatus | None, result: Mapping[str, Any] | None) -> dict[str, Any]:
    if result is not None:
        return {
            "success": result["outcome"] == "successful",
            "outcome": result["outcome"],
            "failed": bool(result["failed"]),
            "phase": result["phase"],
            "message": result["message"],
            "action": result["action"],
        }
    if device is None:
        outcome = "not_found"
    elif status is None or status.phase == "failed":
        outcome = "failed"
    else:
        outcome = "successful" if status.status == Status.UP else "pending"
    message = "no such device on the head node" if device is None else (status.message if status else "no status")
    phase = str(status.phase) if status else None
    return {"success": outcome == "successful", "outcome": outcome, "failed": False, "phase": phase, "message": message}


def summarise_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The provisioning_summary: totals, and the names behind each."""
    names: dict[str, list[str]] = {outcome: [] for outcome in OUTCOMES}
    for row in rows:
        names[row["outcome"]].append(row["hostname"])
    counts = {outcome: len(names[outcome]) for outcome in OUTCOMES}
    lists = {f"{outcome}_nodes": names[outcome] for outcome in OUTCOMES}
    return {"total": len(rows), **counts, **lists}


def describe_run(run: Mapping[str, Any]) -> list[str]:
    """The figures of a run (`run` of bcm_provision) in sentences; none for a run that did nothing.

    Raises BcmConfigError for anything that bcm_provision did not give.
    """
    if not run or not run.get("nodes"):
        return []
    try:
        nodes, took = count(run["nodes"], "node"), run["durations"]
        if run["bound_seconds"] is None or took is None:
            lines = [f"{nodes} taken on; the bound is not known, because the slots could not be read."]
        else:
            bound = format_duration(run["bound_seconds"])
            boot, sync, init = (format_duration(took[key]) for key in ("boot_s", "sync_s", "init_s"))
            slots = f"{count(run['slots'], 'slot')} on {count(run['provisioning_nodes'], 'provisioning node')}"
            terms = f"{nodes}, {slots}, {boot} boot, {sync} in a slot, {init} init"
            lines = [f"Bound {bound}: {terms} ({took['source']}); admission {run['admission']}."]
        if run["achieved_seconds"] is not None:
            lines.append(f"Achieved {format_duration(run['achieved_seconds'])}{_efficiency(run['efficiency'])}.")
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__} {error}"
        raise BcmConfigError(f"could not read the figures of the run: {reason}; give run of bcm_provision") from error
    return lines


def _efficiency(efficiency: float | None) -> str:
    return "" if efficiency is None else f", efficiency {efficiency:.2f}; 1.00 is all the slots allow"


def draw_table(rows: Sequence[Mapping[str, Any]], stamp: Stamp | None = None) -> list[str]:
    """The rows as aligned text, a line a node, at most 120 columns wide where that can be.

    Columns empty for all are left out, long messages cut, dispensable columns given up. With `stamp`, which puts a
    time into words, the last recorded runs are shown.
    """
    shown = [{**row, **_last_run(row, stamp)} for row in rows] if stamp else rows
    columns = {
        head: [_cell(row.get(key)) if head == "NODE" else cut(_cell(row.get(key)), _WIDEST_CELL) for row in shown]
        for head, key in (*_COLUMNS, *(_RECORDED if stamp else ()), *_MESSAGE)
    }
    columns = {head: cells for head, cells in columns.items() if any(cells)}
    widths = {head: max(len(head), *map(len, cells)) for head, cells in columns.items()}
    for head in _DISPENSABLE:
        if sum(widths.values()) + 2 * (len(widths) - 1) > _WIDEST_LINE:
            widths.pop(head, None)
    return align([[*widths], *([columns[head][index] or "-" for head in widths] for index in range(len(rows)))])


def _last_run(row: Mapping[str, Any], stamp: Stamp) -> dict[str, str | None]:
    if row.get("started") is None:
        return {}
    ended = f", {row['ended']}" if row["ended"] != VERDICTS[0] and row["ended"] else ""
    longest = row["longest_phase"]
    return {
        "last_run": stamp(row["started"]),
        "took": f"{format_duration(row['seconds'])}{ended}",
        "longest": f"{longest} {format_duration(row['longest_seconds'])}" if longest else None,
    }


def draw_summary(rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> list[str]:
    """One line of counts, then why the others did not succeed: a line a message, with the nodes it is about."""
    lines = [f"{count(summary['total'], 'node')}: {count_outcomes(summary) or 'nothing to report'}"]
    for outcome in OUTCOMES[1:]:
        nodes: dict[str, list[str]] = {}
        for row in rows:
            if row["outcome"] == outcome:
                nodes.setdefault(_cell(row.get("message")) or "no message", []).append(row["hostname"])
        word = outcome.replace("_", " ")
        lines += [f"{word}: {', '.join(names)}: {message}" for message, names in nodes.items()]
    return lines


def count_outcomes(summary: Mapping[str, Any]) -> str:
    """How many of which outcome, in words."""
    return ", ".join(f"{summary[outcome]} {outcome.replace('_', ' ')}" for outcome in OUTCOMES if summary[outcome])


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(printable(item) for item in value)
    return "" if value is None else printable(value)
