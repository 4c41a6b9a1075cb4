# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a report says became of a node: the run's word, held against one reading of the head node. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import (
    FAILED_STATUSES,
    INSTALLING_STATUSES,
    NodeState,
    Phase,
    Status,
    node_state,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Record
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome

_UNKNOWN_DEVICE = "no such device on the head node"


@dataclass(frozen=True)
class Reading:
    """What the head node has about one node; `status` is None where it has none, `power` where it was not asked."""

    is_known: bool
    status: DeviceStatus | None = None
    power: str | None = None
    record: Record = field(default_factory=Record)

    @property
    def word(self) -> str | None:
        """Return BCM's word for the node."""
        return self.status.status if self.status else None


@dataclass(frozen=True)
class Judgement:
    """The verdict on one node. `failed` says that the run failed for it; `phase` is None where no status is known."""

    outcome: Outcome
    failed: bool
    state: NodeState
    phase: str | None
    message: str


def judge_node(reading: Reading, result: NodeResult | None) -> Judgement:
    """Decide what became of a node; the only place that does.

    ============  =======================  ==========  =========  ============================================
    result        reading                  outcome     failed     message
    ============  =======================  ==========  =========  ============================================
    none          no such device           not_found   no         no such device on the head node
    none          no status                failed      no         no status
    none          UP                       successful  no         BCM's
    none          a failure is recorded    failed      no         the record's
    none          installer failed         failed      no         BCM's
    none          on its way, or intended  under_way   no         BCM's
    none          any other                pending     no         BCM's
    successful    UP                       successful  no         the result's
    successful    any other                failed      yes        UP after 5m02s in the run, but DOWN now
    any other     any                      result's    result's   the result's
    ============  =======================  ==========  =========  ============================================

    State and phase are those of the status now, with one exception: where the run failed for a node, or an earlier one
    did and none has since, the state is `failed` and the phase the one it failed in, until the node is UP.
    """
    failed_in = _failed_phase(reading, result)
    state = node_state(reading.word, reading.power, has_failed=bool(failed_in))
    phase = failed_in or (reading.status.phase if reading.status else None)
    if result is None:
        outcome, message = _judge_alone(reading)
        return Judgement(outcome, False, state, phase, message)
    if result.outcome is Outcome.SUCCESSFUL and reading.word != Status.UP:
        now = reading.word or ("no status" if reading.is_known else _UNKNOWN_DEVICE)
        return Judgement(Outcome.FAILED, True, state, phase, f"{result.message} in the run, but {now} now")
    return Judgement(result.outcome, result.failed, state, phase, result.message)


def _judge_alone(reading: Reading) -> tuple[Outcome, str]:
    """The first part of the table: no run is reported on, so none can have failed."""
    if not reading.is_known:
        return Outcome.NOT_FOUND, _UNKNOWN_DEVICE
    if reading.status is None:
        return Outcome.FAILED, "no status"
    status, message = reading.status.status, reading.status.message
    if status == Status.UP:
        return Outcome.SUCCESSFUL, message
    if reading.record.fails_at(status):
        return Outcome.FAILED, reading.record.failed_message or message
    if status in FAILED_STATUSES:
        return Outcome.FAILED, message
    is_under_way = status in INSTALLING_STATUSES or bool(reading.record.intent_digest)
    return Outcome.UNDER_WAY if is_under_way else Outcome.PENDING, message


def _failed_phase(reading: Reading, result: NodeResult | None) -> str:
    """Return the phase in which the node failed and since when nothing has changed; "" where there is none."""
    if reading.word in (None, Status.UP):
        return ""
    if result is not None and result.outcome is Outcome.FAILED and result.phase not in ("", Phase.UP):
        return result.phase
    return reading.record.failed_phase
