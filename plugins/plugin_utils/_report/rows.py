# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rows of a report: what each node is now, what a run did with it, and how many came out how. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import (
    bmc_ip,
    effective_image_name,
    management_ip,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import Raw
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import NodeState
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Record
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import References
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Timeline, durations
from ansible_collections.baremetal.bcm.plugins.module_utils._values.sentences import sentences
from ansible_collections.baremetal.bcm.plugins.module_utils._values.text import printable

from .judgement import Reading, judge_node


@dataclass(frozen=True)
class NodeRow:
    """One node. Status, power and what is stored are of the report's reading; what a run did stands in outcome, action,
    message, seconds and timeline. Without a run the timeline is that of the last one that is recorded on the node."""

    hostname: str
    outcome: Outcome
    failed: bool = False  # the run failed for it
    message: str = ""
    state: NodeState = NodeState.UNKNOWN
    status: str | None = None
    power: str | None = None
    phase: str | None = None
    mac: str | None = None
    uuid: str | None = None  # None where the head node does not know it
    ip: str | None = None
    bmc_ip: str | None = None
    category: str | None = None
    roles: tuple[str, ...] = ()
    image: str | None = None
    restart_required: bool = False
    action: str | None = None
    seconds: float | None = None
    timeline: Timeline | None = None

    @property
    def is_bad(self) -> bool:
        """Whether it is shown first and in red: the run failed for it, or, without a run, it stands failed."""
        return self.failed or self.outcome.is_failure

    @property
    def longest(self) -> tuple[str, float] | None:
        """The phase it was in for longest and how long that was, in seconds; None where it was in none."""
        phases = durations(self.timeline) if self.timeline else {}
        longest = max(phases, key=lambda phase: phases[phase], default=None)
        return (str(longest), phases[longest]) if longest is not None and phases[longest] > 0 else None

    def to_ansible(self) -> dict[str, Any]:
        """Return the row as one of `nodes` of bcm_report; `action` is there only after a run."""
        longest, longest_s = self.longest or (None, None)
        row = {
            "hostname": self.hostname,
            "requested": True,
            "found": self.uuid is not None,
            "uuid": self.uuid,
            "mac": self.mac,
            "state": str(self.state),
            "status": self.status,
            "power": self.power,
            "ip": self.ip,
            "bmc_ip": self.bmc_ip,
            "category": self.category,
            "roles": list(self.roles),
            "image": self.image,
            "restart_required": self.restart_required,
            "success": self.outcome is Outcome.SUCCESSFUL,
            "outcome": str(self.outcome),
            "failed": self.failed,
            "phase": None if self.phase is None else str(self.phase),
            "message": self.message,
            "started": self.timeline.started_s if self.timeline else None,
            "seconds": self.seconds,
            "ended": str(self.timeline.verdict) or None if self.timeline else None,
            "longest_phase": longest,
            "longest_seconds": None if longest_s is None else round(longest_s, 1),
        }
        return row if self.action is None else {**row, "action": self.action}


def build_row(
    name: str,
    device: Raw | None,
    status: DeviceStatus | None,
    power: str | None,
    result: NodeResult | None,
    references: References,
) -> NodeRow:
    """Build the row of one node. `power` is ON, OFF or UNKNOWN where its BMC was asked."""
    shown = device or {}
    labels = [*(role.get("name") for role in shown.get("roles") or []), *(shown.get("userDefinedResources") or [])]
    record = Record.from_api(shown.get("extra_values"))
    judgement = judge_node(Reading(device is not None, status, power, record), result)
    timeline = result.timeline if result else Timeline.from_words(record.timeline)
    total_s = timeline.total_s if timeline else None
    return NodeRow(
        hostname=name,
        outcome=judgement.outcome,
        failed=judgement.failed,
        message=judgement.message,
        state=judgement.state,
        status=status.status if status else None,
        power=power,
        phase=judgement.phase,
        mac=shown.get("mac") or None,
        uuid=shown.get("uuid"),
        ip=management_ip(shown),
        bmc_ip=bmc_ip(shown),
        category=references.categories.name_of(shown.get("category")),
        roles=tuple(sorted({str(label) for label in labels})),
        image=effective_image_name(shown, references),
        restart_required=bool(status and status.restart_required),
        action=result.decision.action.value if result else None,
        seconds=result.seconds if result else total_s,
        timeline=timeline,
    )


@dataclass(frozen=True)
class Summary:
    """How many nodes came out how, and which."""

    names: Mapping[Outcome, Sequence[str]]

    @classmethod
    def of(cls, rows: Iterable[NodeRow]) -> Summary:
        """Count rows by their outcomes."""
        names: dict[Outcome, list[str]] = {outcome: [] for outcome in Outcome}
        for row in rows:
            names[row.outcome].append(row.hostname)
        return cls(names)

    @property
    def total(self) -> int:
        return sum(map(len, self.names.values()))

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many of each outcome that there is."""
        return {outcome: len(names) for outcome, names in self.names.items() if names}

    @property
    def words(self) -> str:
        """The counts in a sentence; "" for no nodes."""
        return ", ".join(f"{number:,} {outcome.words}" for outcome, number in self.counts.items())

    def to_ansible(self) -> dict[str, Any]:
        """Return the summary as `provisioning_summary` of bcm_report."""
        counts = {str(outcome): len(names) for outcome, names in self.names.items()}
        lists = {f"{outcome}_nodes": list(names) for outcome, names in self.names.items()}
        return {"total": self.total, **counts, **lists}


def order_rows(rows: Sequence[NodeRow], *, together: bool) -> list[NodeRow]:
    """Order by failures first, then start (`together`: on one clock), then name; those without phases come last."""

    def key(row: NodeRow) -> tuple[bool, bool, float, str]:
        started_s = row.timeline.started_s if row.timeline and together else 0.0
        return not row.is_bad, row.timeline is None, started_s, row.hostname

    return sorted(rows, key=key)


def describe_messages(rows: Iterable[NodeRow]) -> list[str]:
    """Return what is said of nodes, one sentence for all of whom it is the same; the status stands in for a message."""
    return sentences(
        {printable(row.hostname): printable(row.message) or printable(row.status or "") or "no message" for row in rows}
    )
