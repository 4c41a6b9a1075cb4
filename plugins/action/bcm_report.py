# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Acts on the controller, to print a table that reads as a table and to write the report there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import NAMES, Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import is_node
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power import (
    HeadNodePower,
    open_session,
    targets_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.report import (
    build_row,
    draw_summary,
    draw_table,
    summarise_rows,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.snapshot import (
    read_devices,
    read_references,
    read_statuses,
    require_names,
)
from ansible_collections.baremetal.bcm.plugins.plugin_utils.head_node_action import HeadNodeAction


class ActionModule(HeadNodeAction):
    """Reports on a set of nodes: what they are now and, where given, what a run did with them."""

    SPEC: ClassVar[Spec] = {
        **NAMES,
        "results": {"type": "dict", "default": {}},
        "path": {"type": "path"},
        "include_power": {"type": "bool", "default": True},
        "power_timeout": {"type": "float", "default": 60.0},
    }

    def work(self, params: Mapping[str, Any], head_node: HeadNode, check_mode: bool) -> dict[str, Any]:
        names = list(dict.fromkeys(params["names"]))
        require_names(names)
        rows = _read_rows(head_node, names, params)
        summary = summarise_rows(rows)
        table = draw_table(rows)
        for line in ("", *table, "", *draw_summary(rows, summary), ""):
            self.say(line)
        report = {"nodes": {row["hostname"]: row for row in rows}, "provisioning_summary": summary}
        if params["path"] and not check_mode:
            _write(params["path"], report)
        return {"changed": False, **report, "table": table}


def _read_rows(head_node: HeadNode, names: Sequence[str], params: Mapping[str, Any]) -> list[dict[str, Any]]:
    references = read_references(head_node)
    devices = read_devices(head_node)
    known = {name: devices[name] for name in names if name in devices}
    statuses = read_statuses(head_node, known)
    powers: dict[str, str] = {}
    results = params["results"]
    # Whether a node is off matters only where it is DOWN; the BMCs of the others are left in peace, and those that just
    # failed are not asked again.
    down = {
        name: raw
        for name, raw in known.items()
        if is_node(raw)
        and name in statuses
        and statuses[name].status == "DOWN"
        and results.get(name, {}).get("phase") != "power"
    }
    if params["include_power"] and down:
        with open_session(head_node) as session:
            targets = targets_of(down, references)
            power = HeadNodePower(head_node, session, SystemClock(), targets, params["power_timeout"])
            powers = {name: result.after for name, result in power.states(list(down)).items()}
    return [
        build_row(name, known.get(name), statuses.get(name), powers.get(name), results.get(name), references)
        for name in names
    ]


def _write(path: str, report: Mapping[str, Any]) -> None:
    """Write the whole report or nothing: a reader never sees half of it."""
    target = Path(path).absolute()
    half = target.with_name(f".{target.name}.half")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        half.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        half.replace(target)
    except OSError as error:
        raise BcmConfigError(f"could not write the report to {path}: {error.strerror}") from error
