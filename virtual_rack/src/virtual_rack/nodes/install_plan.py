# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node installer does in one boot, decided before it starts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# The messages of the node installer, in the order in which they can come.
STARTED = "node-installer started"
USER_INPUT = "waiting for user input"
CHECKING = "checking disks"
RECREATING = "recreating partitions and filesystems"
MOUNTING = "mounting disks"
WAITING = "waiting for {mode} provisioning to start"
PROVISIONING = "provisioning started, waiting for completion"
COMPLETE = "provisioning complete"
SELINUX = "initializing SELinux"
MAINTENANCE = "entered maintenance mode"
SWITCHING = "switching to local root"
MESSAGES = (
    STARTED,
    USER_INPUT,
    CHECKING,
    RECREATING,
    MOUNTING,
    WAITING.format(mode="FULL"),
    WAITING.format(mode="SYNC"),
    PROVISIONING,
    COMPLETE,
    SELINUX,
    MAINTENANCE,
)

# The phases in which scripts run. The installer reports no message for them.
INITIALIZE = "initialize"
FINALIZE = "finalize"

# ASSUMED: how long the short steps take; only the sum of an installation was measured by others.
_SECONDS = {STARTED: 2.0, CHECKING: 2.0, RECREATING: 4.0, MOUNTING: 1.0, COMPLETE: 1.0, SELINUX: 1.0}


@dataclass(frozen=True)
class InstallFacts:
    """All that the installer looks at."""

    is_new: bool
    category_new_mode: str
    next_boot_mode: str
    node_mode: str
    category_mode: str
    is_data_node: bool
    disk_has_layout: bool
    disk_has_system: bool
    disk_setup_is_readable: bool = True


@dataclass(frozen=True)
class Step:
    """One step of the installer, with its message unless that stays as it was.

    `kind`: pass (takes seconds), partition (the same, and makes the partitions), initialize and finalize (run scripts),
    queue, transfer, stop (waits for a person), fail.
    """

    message: str = ""
    kind: str = "pass"
    seconds: float = 0.0


@dataclass(frozen=True)
class InstallPlan:
    """The steps of one boot. `mode` is what was configured, `transfer` FULL, SYNC or nothing."""

    mode: str
    transfer: str
    steps: tuple[Step, ...]


def configured_mode(facts: InstallFacts) -> str:
    """Choose the install mode; the first that is set wins."""
    new_mode = facts.category_new_mode if facts.is_new else ""
    return new_mode or facts.next_boot_mode or facts.node_mode or facts.category_mode or "AUTO"


def plan_install(facts: InstallFacts) -> InstallPlan:
    """Decide the steps of this boot."""
    mode = configured_mode(facts)
    if mode == "MAIN":
        return InstallPlan(mode, "", (_step(STARTED), Step(MAINTENANCE, "stop")))
    if mode == "SKIP":
        return InstallPlan(mode, "", _without_transfer(facts, MOUNTING))
    if mode == "NOSYNC" and facts.disk_has_layout:
        return InstallPlan(mode, "", _without_transfer(facts, CHECKING, MOUNTING))
    transfer = "SYNC" if mode == "AUTO" and facts.disk_has_layout else "FULL"
    return InstallPlan(mode, transfer, _with_transfer(facts, transfer))


def _with_transfer(facts: InstallFacts, transfer: str) -> tuple[Step, ...]:
    if transfer == "FULL" and facts.is_data_node:
        return (_step(STARTED), Step(USER_INPUT, "stop"))
    steps = [*_begin(), _step(CHECKING)]
    if transfer == "FULL" and not facts.disk_setup_is_readable:
        # ASSUMED: how the installer takes a disk setup that is none. A node of a category with one settles it.
        return (*steps, Step("disk setup cannot be read", "fail"))
    if transfer == "FULL":
        steps.append(_step(RECREATING, "partition"))
    steps += [_step(MOUNTING), Step(WAITING.format(mode=transfer), "queue"), Step(PROVISIONING, "transfer")]
    return (*steps, _step(COMPLETE), _step(SELINUX), Step(kind=FINALIZE))


def _without_transfer(facts: InstallFacts, *messages: str) -> tuple[Step, ...]:
    steps = (*_begin(), *(_step(message) for message in messages))
    # ASSUMED: an empty disk makes the installer fail when nothing is copied. SKIP on a new node settles it.
    if not facts.disk_has_system:
        return (*steps, Step("no operating system found on the disks", "fail"))
    return (*steps, Step(kind=FINALIZE))


def _begin() -> tuple[Step, Step]:
    # ASSUMED: initialize scripts run before the disks are looked at, finalize scripts last of all, and both also where
    # nothing is copied. A node of a category with two scripts that write the date settles it.
    return _step(STARTED), Step(kind=INITIALIZE)


def _step(message: str, kind: str = "pass") -> Step:
    return Step(message, kind, _SECONDS[message])
