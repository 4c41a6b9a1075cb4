# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a report says became of a node: the run's word, held against one reading of the head node. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import (
    FAILED_STATUSES,
    INSTALLING_STATUSES,
    TABLE,
    Phase,
    Status,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome

_UNKNOWN_DEVICE = "no such device on the head node"
_OF_THE_INSTALLER = INSTALLING_STATUSES - {Status.BOOTING}
# The statuses that do not say how far a node came, and the phases of a run that failed which they leave open.
_PHASES_LEFT_OPEN: dict[str, frozenset[str]] = {
    Status.DOWN: frozenset({Phase.POWER}),
    **dict.fromkeys(FAILED_STATUSES, frozenset(row.phase for row in TABLE if _OF_THE_INSTALLER & {*row.statuses})),
}


@dataclass(frozen=True)
class Judgement:
    """The verdict on one node. `failed` says that the run failed for it; `phase` is None where no status is known."""

    outcome: Outcome
    failed: bool
    phase: str | None
    message: str


def judge_node(is_known: bool, status: DeviceStatus | None, result: NodeResult | None) -> Judgement:
    """Decide what became of a node; the only place that does. `is_known` says that the head node has the device.

    ============  =================  ==========  =========  ============================================
    result        reading            outcome     failed     message
    ============  =================  ==========  =========  ============================================
    none          no such device     not_found   no         no such device on the head node
    none          no status          failed      no         no status
    none          UP                 successful  no         BCM's
    none          installer failed   failed      no         BCM's
    none          any other          pending     no         BCM's
    successful    UP                 successful  no         the result's
    successful    any other          failed      yes        UP after 5m02s in the run, but DOWN now
    any other     any                result's    result's   the result's
    ============  =================  ==========  =========  ============================================

    The phase is that of the status now, with one exception: where that status does not say how far the node came, and
    the run failed in a phase that it leaves open, the phase is the one in which the run failed.

    ==================================  ==================================================  ==============
    status now                          phase in which the run failed                       phase
    ==================================  ==================================================  ==============
    none                                any                                                 none
    DOWN                                power                                               power
    INSTALLER_FAILED or _UNREACHABLE    installer, rebooting, queued, installing or init    the same
    any other, or                       any other, or it did not fail                       of the status
    ==================================  ==================================================  ==============
    """
    phase = _phase_of(status, result)
    if result is None:
        return _judge_alone(is_known, status, phase)
    if result.outcome is Outcome.SUCCESSFUL and not _is_up(status):
        now = status.status if status else "no status" if is_known else _UNKNOWN_DEVICE
        return Judgement(Outcome.FAILED, True, phase, f"{result.message} in the run, but {now} now")
    return Judgement(result.outcome, result.failed, phase, result.message)


def _judge_alone(is_known: bool, status: DeviceStatus | None, phase: str | None) -> Judgement:
    """The first part of the table: no run is reported on, so none can have failed."""
    if not is_known:
        return Judgement(Outcome.NOT_FOUND, False, phase, _UNKNOWN_DEVICE)
    if status is None:
        return Judgement(Outcome.FAILED, False, phase, "no status")
    if status.status in FAILED_STATUSES:
        return Judgement(Outcome.FAILED, False, phase, status.message)
    return Judgement(Outcome.SUCCESSFUL if _is_up(status) else Outcome.PENDING, False, phase, status.message)


def _phase_of(status: DeviceStatus | None, result: NodeResult | None) -> str | None:
    if status is None:
        return None
    if result is not None and result.failed and result.phase in _PHASES_LEFT_OPEN.get(status.status, ()):
        return result.phase
    return status.phase


def _is_up(status: DeviceStatus | None) -> bool:
    return status is not None and status.status == Status.UP
