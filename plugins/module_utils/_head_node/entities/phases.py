# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The phases of a node in one table: what BCM's status means, which deadline holds, what it counts as, its words.

Everything else that speaks of phases is derived from this table: a new status or phase is placed here, and only here.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._values.word import Word


class Status(Word):
    """What BCM says of a device (bcm-api.md 5). A word that is not listed here is in the phase `unknown`."""

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
    """Where a node is on its way. `restarting` and `powered` are this collection's: BCM's status is that of before."""

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
    """What the time in a phase is spent on, as the bound of a run counts it."""

    RESTART = "restart"  # until the old system is down
    BOOT = "boot"  # until a slot is asked for
    SLOT = "slot"
    INIT = "init"  # from the files to UP
    NONE = "none"  # not on the way


class Limit(Word):
    """Which deadline holds in a phase."""

    GRACEFUL = "graceful"
    BOOT = "boot"
    INSTALL = "install"
    INIT = "init"
    NONE = "none"  # other nodes come first, or the way has ended


class NodeState(Word):
    """A user's word for a node."""

    ACTIVE = "active"
    PROVISIONING = "provisioning"
    FAILED = "failed"
    POWERED_OFF = "powered_off"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Row:
    """One phase. `words` stand in a line of progress. `is_lost_when_down`: DOWN after it means that the node was lost.
    `wants_slot`: the node waits for a provisioning slot, or asks for one next."""

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
) -> Row:
    return Row(phase, words, (status,), stage, limit, NodeState.PROVISIONING, True, wants_slot)


# In the order of the way.
TABLE = (
    Row(Phase.RESTARTING, "restarting", (), Stage.RESTART, Limit.GRACEFUL, NodeState.ACTIVE),
    Row(Phase.POWERED, "powered", (), Stage.BOOT, Limit.BOOT, NodeState.PROVISIONING),
    _on_the_way(Phase.BOOTING, "booting", Status.BOOTING, Stage.BOOT, Limit.BOOT),
    Row(
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
    Row(Phase.UP, "UP", (Status.UP,), Stage.NONE, Limit.NONE, NodeState.ACTIVE),
    Row(
        Phase.FAILED,
        "FAILED",
        (Status.INSTALLER_FAILED, Status.INSTALLER_UNREACHABLE),
        Stage.NONE,
        Limit.NONE,
        NodeState.FAILED,
    ),
    Row(Phase.DOWN, "down", (Status.DOWN,), Stage.NONE, Limit.BOOT, NodeState.DOWN),
    Row(Phase.GOING_DOWN, "going down", (Status.GOING_DOWN,), Stage.NONE, Limit.BOOT, NodeState.DOWN),
    Row(Phase.PENDING, "pending", (Status.PENDING,), Stage.NONE, Limit.BOOT, NodeState.UNKNOWN),
    Row(Phase.UNDEFINED, "undefined", (Status.UNDEFINED,), Stage.NONE, Limit.BOOT, NodeState.UNKNOWN),
    Row(Phase.UNKNOWN, "in a status not known here", (), Stage.NONE, Limit.BOOT, NodeState.UNKNOWN),
    Row(Phase.POWER, "without power", (), Stage.NONE, Limit.NONE, NodeState.FAILED),
)
_ROWS = {row.phase: row for row in TABLE}

# The phases of a node that is on its way, in their order; each is a bar in a chart.
WAY = tuple(row.phase for row in TABLE if row.stage is not Stage.NONE)
VERDICTS = (Phase.UP, Phase.FAILED)
INSTALLING_STATUSES = frozenset(
    status for row in TABLE if row.state is NodeState.PROVISIONING for status in row.statuses
)
FAILED_STATUSES = frozenset(_ROWS[Phase.FAILED].statuses)


def row_of(phase: str) -> Row:
    """Return the row of a phase; that of `unknown` for a word that is none."""
    return _ROWS.get(Phase(phase) if phase in _ROWS else Phase.UNKNOWN, _ROWS[Phase.UNKNOWN])


def phases_of(stage: Stage) -> frozenset[Phase]:
    """Return the phases that count as this stage."""
    return frozenset(row.phase for row in TABLE if row.stage is stage)


def phase_of(status: str, message: str) -> Phase:
    """Return the phase that BCM's status and message tell; `unknown` for a status that is not listed."""
    if status == Status.INSTALLING:
        # Only a request that was given a slot leaves the waiting message (bcm-api.md 7).
        if message.startswith("waiting for") and message.endswith("provisioning to start"):
            return Phase.QUEUED
        return Phase.INSTALLING if message.startswith(("provisioning", "initializing")) else Phase.INSTALLER
    return next((row.phase for row in TABLE if status in row.statuses), Phase.UNKNOWN)


def node_state(status: str | None, power: str | None = None) -> NodeState:
    """Return the user's word for a node with this status, and with this power where it is known."""
    if status is None:
        return NodeState.UNKNOWN
    if status == Status.DOWN and power == "OFF":
        return NodeState.POWERED_OFF
    return _ROWS[phase_of(status, "")].state
