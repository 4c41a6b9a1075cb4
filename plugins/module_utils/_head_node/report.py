# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The status report of a set of nodes: rows, summary and table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .entities.device import device_to_ansible
from .entities.fields import Raw
from .entities.status import DeviceStatus, node_state
from .references import References

OUTCOMES = ("successful", "failed", "not_found", "pending", "skipped")
# A wider message is cut in the table; it stands whole below it.
_WIDEST_CELL = 60
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
    ("MESSAGE", "message"),
)


def build_row(
    name: str,
    device: Raw | None,
    status: DeviceStatus | None,
    power: str | None,
    result: Mapping[str, Any] | None,
    references: References,
) -> dict[str, Any]:
    """One node: what it is now, and what the run did with it where there was one (`result` of bcm_provision)."""
    shown = device_to_ansible(device, references) if device is not None else {}
    row = {
        "hostname": name,
        "state": node_state(status.status if status else None, power),
        "status": status.status if status else None,
        "power": power,
        "ip": shown.get("management_ip"),
        "bmc_ip": shown.get("bmc_ip"),
        "category": shown.get("category"),
        "roles": sorted({*(role["name"] for role in shown.get("roles", [])), *shown.get("labels", [])}),
        "image": shown.get("software_image"),
        "restart_required": bool(status and status.restart_required),
    }
    return {**row, **_judge(device, status, result)}


def _judge(device: Raw | None, status: DeviceStatus | None, result: Mapping[str, Any] | None) -> dict[str, Any]:
    if result is not None:
        return {
            "success": result["outcome"] == "successful",
            "outcome": result["outcome"],
            "failed": bool(result["failed"]),
            "phase": result["phase"],
            "message": result["message"],
            "seconds": result["seconds"],
            "action": result["action"],
        }
    if device is None:
        outcome = "not_found"
    elif status is None or status.phase == "failed":
        outcome = "failed"
    else:
        outcome = "successful" if status.status == "UP" else "pending"
    message = "no such device on the head node" if device is None else (status.message if status else "no status")
    phase = status.phase if status else None
    return {"success": outcome == "successful", "outcome": outcome, "failed": False, "phase": phase, "message": message}


def summarise_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The provisioning_summary: totals, and the names behind each."""
    names: dict[str, list[str]] = {outcome: [] for outcome in OUTCOMES}
    for row in rows:
        names[row["outcome"]].append(row["hostname"])
    counts = {outcome: len(names[outcome]) for outcome in OUTCOMES}
    lists = {f"{outcome}_nodes": names[outcome] for outcome in OUTCOMES}
    return {"total": len(rows), **counts, **lists}


def draw_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows as aligned text, a line a node; columns empty for all are left out, long messages cut."""
    columns = [(head, key) for head, key in _COLUMNS if any(_cell(row.get(key)) for row in rows)]
    cells = [
        [head for head, _key in columns],
        *([_shorten(_cell(row.get(key))) or "-" for _head, key in columns] for row in rows),
    ]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in cells]


def draw_summary(rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> list[str]:
    """One line of counts, then why the others did not succeed: a line a message, with the nodes it is about."""
    counts = ", ".join(f"{summary[outcome]} {outcome.replace('_', ' ')}" for outcome in OUTCOMES if summary[outcome])
    lines = [f"{summary['total']} node{'' if summary['total'] == 1 else 's'}: {counts or 'nothing to report'}"]
    for outcome in OUTCOMES[1:]:
        nodes: dict[str, list[str]] = {}
        for row in rows:
            if row["outcome"] == outcome:
                nodes.setdefault(_cell(row.get("message")) or "no message", []).append(row["hostname"])
        word = outcome.replace("_", " ")
        lines += [f"{word}: {', '.join(names)}: {message}" for message, names in nodes.items()]
    return lines


def _shorten(text: str) -> str:
    return text if len(text) <= _WIDEST_CELL else text[: _WIDEST_CELL - 1] + "…"


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    return "" if value is None else str(value)
