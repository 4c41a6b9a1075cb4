# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The phases of a node in one table: what BCM's status means, which deadline holds, what it counts as, its words.

Everything else that speaks of phases is derived from this table: a new status or phase is placed here, and only here.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._values.word import Word


class Status(Word):
    """The status that BCM gives a device (bcm-api.md 5). A word that is not listed here is in the phase `unknown`."""

    UP = "UP"
    DOWN = "DOWN"
    PENDING = "PENDING"
    BOOTING = "BOOTING"
    INSTALLING = "INSTALLING"
    INSTALLER_REBOOTING = "INSTALLER_REBOOTING"
    INSTALLER_CALLING_INIT = "INSTALLER_CALLING_INIT"
    INSTALLER_FAILED = "INSTALLER_FAILED"
    INSTALLER_UNREACHABLE = "INSTALLER_UNREACHABLE"
    GOING_DOWN = "GOING_DOWN"
    UNDEFINED = "UNDEFINED"


class Phase(Word):
    """A phase of a node. In `restarting` and `powered`, this collection's own, BCM still shows an earlier status."""

    RESTARTING = "restarting"
    POWERED = "powered"
    BOOTING = "booting"
    REBOOTING = "rebooting"
    INSTALLER = "installer"
    QUEUED = "queued"
    INSTALLING = "installing"
    INIT = "init"
    UP = "up"
    FAILED = "failed"
    DOWN = "down"
    GOING_DOWN = "going down"
    PENDING = "pending"
    UNDEFINED = "undefined"
    UNKNOWN = "unknown"
    POWER = "power"  # the power operation itself failed


class Stage(Word):
    """The part of an installation that the time in a phase counts as in the bound of a run."""

    RESTART = "restart"  # until the old system is down
    BOOT = "boot"  # until a slot is asked for
    SLOT = "slot"
    INIT = "init"  # from the files to UP
    NONE = "none"  # not on the way


class Limit(Word):
    """The deadline that holds in a phase."""

    GRACEFUL = "graceful"
    BOOT = "boot"
    INSTALL = "install"
    INIT = "init"
    NONE = "none"  # other nodes come first, or the way has ended


class NodeState(Word):
    """The state of a node in the words of users."""

    ACTIVE = "active"
    PROVISIONING = "provisioning"
    FAILED = "failed"
    POWERED_OFF = "powered_off"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PhaseRow:
    """One phase in the table. `words` stand in the lines that a run prints.

    `is_lost_when_down`: DOWN after this phase means that the node has failed. `wants_slot`: the node waits for a
    provisioning slot, or asks for one next.
    """

    phase: Phase
    words: str
    statuses: tuple[Status, ...]
    stage: Stage
    limit: Limit
    state: NodeState
    is_lost_when_down: bool = False
    wants_slot: bool = False


def _on_the_way(
    phase: Phase, words: str, status: Status, stage: Stage, limit: Limit, *, wants_slot: bool = False
) -> PhaseRow:
    return PhaseRow(phase, words, (status,), stage, limit, NodeState.PROVISIONING, True, wants_slot)


# In the order of the way.
TABLE = (
    PhaseRow(Phase.RESTARTING, "restarting", (), Stage.RESTART, Limit.GRACEFUL, NodeState.ACTIVE),
    PhaseRow(Phase.POWERED, "powered", (), Stage.BOOT, Limit.BOOT, NodeState.PROVISIONING),
    _on_the_way(Phase.BOOTING, "booting", Status.BOOTING, Stage.BOOT, Limit.BOOT),
    PhaseRow(
        Phase.REBOOTING,
        "rebooting",
        (Status.INSTALLER_REBOOTING,),
        Stage.BOOT,
        Limit.BOOT,
        NodeState.PROVISIONING,
    ),
    _on_the_way(Phase.INSTALLER, "in the installer", Status.INSTALLING, Stage.BOOT, Limit.INSTALL, wants_slot=True),
    _on_the_way(Phase.QUEUED, "waiting for a slot", Status.INSTALLING, Stage.SLOT, Limit.NONE, wants_slot=True),
    _on_the_way(Phase.INSTALLING, "installing", Status.INSTALLING, Stage.SLOT, Limit.INSTALL),
    _on_the_way(Phase.INIT, "starting", Status.INSTALLER_CALLING_INIT, Stage.INIT, Limit.INIT),
    PhaseRow(Phase.UP, "UP", (Status.UP,), Stage.NONE, Limit.NONE, NodeState.ACTIVE),
    PhaseRow(
        Phase.FAILED,
        "FAILED",
        (Status.INSTALLER_FAILED, Status.INSTALLER_UNREACHABLE),
        Stage.NONE,
        Limit.NONE,
        NodeState.FAILED,
    ),
    PhaseRow(Phase.DOWN, "down", (Status.DOWN,), Stage.NONE, Limit.BOOT, NodeState.UNKNOWN),
    PhaseRow(Phase.GOING_DOWN, "going down", (Status.GOING_DOWN,), Stage.NONE, Limit.BOOT, NodeState.UNKNOWN),
    PhaseRow(Phase.PENDING, "pending", (Status.PENDING,), Stage.NONE, Limit.BOOT, NodeState.UNKNOWN),
    PhaseRow(Phase.UNDEFINED, "undefined", (Status.UNDEFINED,), Stage.NONE, Limit.BOOT, NodeState.UNKNOWN),
    PhaseRow(Phase.UNKNOWN, "in a status not known here", (), Stage.NONE, Limit.BOOT, NodeState.UNKNOWN),
    PhaseRow(Phase.POWER, "without power", (), Stage.NONE, Limit.NONE, NodeState.FAILED),
)
# By text, which a phase equals.
_ROWS: dict[str, PhaseRow] = {row.phase: row for row in TABLE}
# INSTALLING is in three phases, which its message tells apart.
_PHASES: dict[str, Phase] = {status: row.phase for row in TABLE for status in row.statuses}

# The phases of a node that is on its way, in their order; each is a bar in a chart.
WAY = tuple(row.phase for row in TABLE if row.stage is not Stage.NONE)
VERDICTS = (Phase.UP, Phase.FAILED)
INSTALLING_STATUSES = frozenset(
    status for row in TABLE if row.state is NodeState.PROVISIONING for status in row.statuses
)
FAILED_STATUSES = frozenset(_ROWS[Phase.FAILED].statuses)


def row_of(phase: str) -> PhaseRow:
    """Return the row of a phase; that of `unknown` for a word that is no phase."""
    return _ROWS.get(phase, _ROWS[Phase.UNKNOWN])


def phases_of(stage: Stage) -> frozenset[Phase]:
    """Return the phases that count as this stage."""
    return frozenset(row.phase for row in TABLE if row.stage is stage)


def phase_of(status: str, message: str) -> Phase:
    """Return the phase behind BCM's status and message; `unknown` for a status that is not listed."""
    if status == Status.INSTALLING:
        # Only a request that was given a slot leaves the waiting message (bcm-api.md 7).
        if message.startswith("waiting for") and message.endswith("provisioning to start"):
            return Phase.QUEUED
        return Phase.INSTALLING if message.startswith(("provisioning", "initializing")) else Phase.INSTALLER
    return _PHASES.get(status, Phase.UNKNOWN)


def holds_slot(phase: str, message: str) -> bool:
    """Return whether a node holds a provisioning slot in this phase, with this message.

    # ASSUMED: the slot is given back with "provisioning complete", though the installer goes on for a while. The slots
    # in use right before and after that message would settle it.
    """
    return phase == Phase.INSTALLING and not message.startswith(("provisioning complete", "initializing"))


def node_state(status: str | None, power: str | None = None, *, has_failed: bool = False) -> NodeState:
    """Return the state of a node with this status (None where BCM has none) and, where known, power (ON or OFF).

    `has_failed`: the last run failed for it, which only a later run or UP ends.
    """
    if status is None:
        return NodeState.UNKNOWN
    if has_failed and status != Status.UP:
        return NodeState.FAILED
    if status == Status.DOWN and power == "OFF":
        return NodeState.POWERED_OFF
    return _ROWS[phase_of(status, "")].state
