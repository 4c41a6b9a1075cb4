# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What reads the present state of nodes and reports it: on the screen, in files and as a result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.guards import require_names
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.read import read_devices, read_statuses
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import Raw
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import Phase, Status
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import Names, References
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.read_states import read_power_states
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run_figures import RunFigures
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.files import write_whole
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.page import draw_page
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.rows import NodeRow, Summary, build_row
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.table import (
    describe_run,
    draw_summary,
    draw_table,
)

# Where a report goes, as options.
REPORT: dict[str, Any] = {
    "path": {"type": "path"},
    "html": {"type": "path"},
    "include_power": {"type": "bool", "default": True},
    "power_timeout": {"type": "float", "default": 60.0},
}


@dataclass(frozen=True)
class Reading:
    """What the head node has about the nodes: four calls, and the power of nodes that are DOWN where that is wanted."""

    devices: Mapping[str, Raw]
    statuses: Mapping[str, DeviceStatus]
    powers: Mapping[str, str]
    references: References


@dataclass(frozen=True)
class Report:
    """The content of a report, for screen, files and result. With `is_run` the rows are those of a run."""

    rows: Sequence[NodeRow]
    summary: Summary
    figures: RunFigures | None
    is_run: bool

    @property
    def table(self) -> list[str]:
        """Return the lines of the table."""
        return draw_table(self.rows, None if self.is_run else _stamp)

    def to_ansible(self) -> dict[str, Any]:
        """Return the report as bcm_report documents its result."""
        return {
            "changed": False,
            "nodes": {row.hostname: row.to_ansible() for row in self.rows},
            "timelines": {row.hostname: _phases(row) for row in self.rows if row.timeline},
            "failures": {row.hostname: row.message for row in self.rows if row.failed},
            "provisioning_summary": self.summary.to_ansible(),
            "node_ips": {row.hostname: row.ip for row in self.rows},
            "node_bmc_ips": {row.hostname: row.bmc_ip for row in self.rows},
            "device_ids": {row.hostname: row.uuid for row in self.rows},
            "run": self._run(),
            "table": self.table,
        }

    def to_json(self) -> str:
        """Return the report as JSON with the keys nodes (each with its timeline), provisioning_summary and run."""
        nodes = {row.hostname: {**row.to_ansible(), "timeline": _phases(row)} for row in self.rows}
        report = {"nodes": nodes, "provisioning_summary": self.summary.to_ansible(), "run": self._run()}
        return json.dumps(report, indent=2, sort_keys=True) + "\n"

    def _run(self) -> dict[str, Any]:
        return self.figures.to_ansible() if self.figures else {}


@dataclass(frozen=True)
class Reporter:
    """What prints a report and writes it to files: `path` as JSON, `html` as a page. `say` prints a line."""

    head_node: HeadNode
    say: Callable[[str], None]
    path: str | None = None
    html: str | None = None
    include_power: bool = True
    power_timeout_s: float = 60.0

    @classmethod
    def of_options(cls, params: Mapping[str, Any], head_node: HeadNode, say: Callable[[str], None]) -> Reporter:
        """Return the reporter of the options REPORT."""
        return cls(
            head_node,
            say,
            params["path"],
            params["html"],
            params["include_power"],
            params["power_timeout"],
        )

    def report(
        self,
        names: Iterable[str],
        results: Mapping[str, NodeResult],
        figures: RunFigures | None,
        *,
        is_run: bool,
        write: bool,
    ) -> dict[str, Any]:
        """Read, print the table and, with `write`, write the files; returns the result of bcm_report.

        Raises BcmConfigError for an empty list and for files that can't be written, and BcmError as the calls do.
        Nothing is changed on the head node.
        """
        names = list(dict.fromkeys(names))
        require_names(names)
        if figures is not None:
            figures = figures.measured(result.timeline for result in results.values() if result.timeline)
        reading = self._read(names, results)
        rows = [
            build_row(
                name,
                reading.devices.get(name),
                reading.statuses.get(name),
                reading.powers.get(name),
                results.get(name),
                reading.references,
            )
            for name in names
        ]
        report = Report(rows, Summary.of(rows), figures, is_run=is_run)
        for line in ("", *report.table, "", *draw_summary(rows, report.summary), *describe_run(figures), ""):
            self.say(line)
        if write:
            self._write(report)
        return report.to_ansible()

    def _read(self, names: Sequence[str], results: Mapping[str, NodeResult]) -> Reading:
        categories = Names.from_api("category", self.head_node.get_categories())
        references = References(
            categories=categories, images=Names.from_api("image", self.head_node.get_software_images())
        )
        devices = read_devices(self.head_node)
        known = {name: devices[name] for name in names if name in devices}
        statuses = read_statuses(self.head_node, known)
        # Whether a node is off matters only where it is DOWN: the other BMCs are not asked, nor those that just failed.
        down = {
            name: raw
            for name, raw in known.items()
            if name in statuses
            and statuses[name].status == Status.DOWN
            and not (name in results and results[name].phase == Phase.POWER)
        }
        powers: dict[str, str] = {}
        if self.include_power and down:
            seen = read_power_states(self.head_node, SystemClock(), down, categories, timeout_s=self.power_timeout_s)
            powers = {name: result.after for name, result in seen.items()}
        return Reading(known, statuses, powers, references)

    def _write(self, report: Report) -> None:
        if self.path:
            write_whole(self.path, report.to_json())
        if self.html:
            page = draw_page(
                report.rows,
                report.summary,
                report.figures,
                together=report.is_run,
                written_s=datetime.now(tz=timezone.utc).timestamp(),
                stamp=_stamp,
            )
            write_whole(self.html, page)


def _phases(row: NodeRow) -> list[dict[str, Any]]:
    phases: list[dict[str, Any]] = row.timeline.to_ansible()["phases"] if row.timeline else []
    return phases


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%d %H:%MZ")
