# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Acts on the controller, to print a table that reads as a table and to write the report there."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import NAMES, Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.guards import require_names
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.read import read_devices, read_statuses
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import is_node
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import Raw
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import Status
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import Names, References
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.operations import (
    HeadNodePower,
    open_session,
    targets_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Timeline
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.page import draw_page
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.rows import (
    build_row,
    describe_run,
    draw_summary,
    draw_table,
    summarise_rows,
    timeline_of,
)
from ansible_collections.baremetal.bcm.plugins.plugin_utils.head_node_action import HeadNodeAction


@dataclass(frozen=True)
class Reading:
    """What the head node says of the nodes: four calls, and the power of nodes that are DOWN where it is asked for."""

    devices: Mapping[str, Raw]
    statuses: Mapping[str, DeviceStatus]
    powers: Mapping[str, str]
    references: References


class ActionModule(HeadNodeAction):
    """Reports on a set of nodes: what they are now and, where given, what a run did with them."""

    SPEC: ClassVar[Spec] = {
        **NAMES,
        "results": {"type": "dict", "default": {}},
        "run": {"type": "dict", "default": {}},
        "path": {"type": "path"},
        "html": {"type": "path"},
        "include_power": {"type": "bool", "default": True},
        "power_timeout": {"type": "float", "default": 60.0},
    }

    def work(self, params: Mapping[str, Any], head_node: HeadNode, check_mode: bool) -> dict[str, Any]:
        names = list(dict.fromkeys(params["names"]))
        require_names(names)
        results, run = params["results"], params["run"]
        figures = describe_run(run)
        found = {name: results.get(name) for name in names}
        reading = _read(head_node, names, params)
        rows = [
            build_row(
                name,
                reading.devices.get(name),
                reading.statuses.get(name),
                reading.powers.get(name),
                found[name],
                reading.references,
            )
            for name in names
        ]
        timelines = {name: timeline_of(reading.devices.get(name), found[name]) for name in names}
        known = {name: timeline for name, timeline in timelines.items() if timeline is not None}
        summary = summarise_rows(rows)
        table = draw_table(rows, None if results else _stamp)
        for line in ("", *table, "", *draw_summary(rows, summary), *figures, ""):
            self.say(line)
        if not check_mode:
            if params["path"]:
                _write(params["path"], _to_json(rows, known, summary, run))
            if params["html"]:
                now_s = datetime.now(tz=timezone.utc).timestamp()
                page = draw_page(rows, known, summary, run if results else None, written_s=now_s, stamp=_stamp)
                _write(params["html"], page)
        return {
            "changed": False,
            "nodes": {row["hostname"]: row for row in rows},
            "timelines": {name: _phases(timeline) for name, timeline in known.items()},
            "failures": {row["hostname"]: row["message"] for row in rows if row["failed"]},
            "provisioning_summary": summary,
            "run": run,
            "table": table,
        }


def _read(head_node: HeadNode, names: Sequence[str], params: Mapping[str, Any]) -> Reading:
    categories = Names.from_api("category", head_node.get_categories())
    references = References(categories=categories, images=Names.from_api("image", head_node.get_software_images()))
    devices = read_devices(head_node)
    known = {name: devices[name] for name in names if name in devices}
    statuses = read_statuses(head_node, known)
    # Whether a node is off matters only where it is DOWN; the BMCs of the others are left in peace, and those that just
    # failed are not asked again.
    down = {
        name: raw
        for name, raw in known.items()
        if is_node(raw)
        and name in statuses
        and statuses[name].status == Status.DOWN
        and params["results"].get(name, {}).get("phase") != "power"
    }
    powers: dict[str, str] = {}
    if params["include_power"] and down:
        partitions = Names.from_api("partition", head_node.get_partitions())
        with open_session(head_node) as session:
            targets = targets_of(down, References(categories=categories, partitions=partitions))
            power = HeadNodePower(head_node, session, SystemClock(), targets, params["power_timeout"])
            powers = {name: result.after for name, result in power.states(list(down)).items()}
    return Reading(known, statuses, powers, references)


def _to_json(
    rows: Sequence[Mapping[str, Any]],
    timelines: Mapping[str, Timeline],
    summary: Mapping[str, Any],
    run: Mapping[str, Any],
) -> str:
    nodes = {row["hostname"]: {**row, "timeline": _phases(timelines.get(row["hostname"]))} for row in rows}
    report = {"nodes": nodes, "provisioning_summary": summary, "run": run}
    return json.dumps(report, indent=2, sort_keys=True) + "\n"


def _phases(timeline: Timeline | None) -> list[dict[str, Any]]:
    phases: list[dict[str, Any]] = timeline.to_ansible()["phases"] if timeline else []
    return phases


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%d %H:%MZ")


def _write(path: str, content: str) -> None:
    """Write the whole file or nothing, for its owner alone: a reader never sees half of it."""
    target = Path(path).absolute()
    half = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Made with mode 0600.
        descriptor, half = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        Path(half).replace(target)
    except OSError as error:
        if half is not None:
            with suppress(OSError):
                Path(half).unlink()
        raise BcmConfigError(f"could not write the report to {path}: {error.strerror}") from error
