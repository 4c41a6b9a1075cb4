# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Watches: from readings of a node's status to its phases, verdict and time-line. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .._head_node.entities.phases import FAILED_STATUSES, Limit, Phase, Stage, Status, row_of
from .._head_node.entities.status import STUCK_MESSAGES, DeviceStatus
from .deadlines import Deadlines
from .timeline import Span, Timeline


@dataclass(frozen=True)
class PhaseChange:
    """The start of a phase, or a new message in it; `at_s` counts from when the run took the node on."""

    phase: Phase
    at_s: float
    message: str = ""


@dataclass(frozen=True)
class NodeWatch:
    """One node since its power operation. `verdict` is "", up or failed; `phase` stays the one it failed in."""

    name: str
    started_s: float
    stale: str = ""  # the status from before power: without meaning until it changes
    settles: bool = False  # an earlier run sent power: a stale UP counts once it has lasted
    is_outdated: bool = False  # BCM reports that it was changed and not restarted since
    fresh_since_s: float | None = None  # since when BCM does so no more
    phase: Phase = Phase.POWERED
    phase_since_s: float = 0.0
    queued_s: float = 0.0  # spent waiting for a slot, in phases that have ended
    message: str = ""
    status: str = ""
    verdict: str = ""
    reason: str = ""
    steps: tuple[PhaseChange, ...] = field(default_factory=tuple)

    @property
    def done(self) -> bool:
        """Return whether there is a verdict."""
        return bool(self.verdict)

    @property
    def seconds(self) -> float:
        """Return the seconds from the start to the last step."""
        return self.steps[-1].at_s if self.steps else 0.0

    def is_stuck_up(self, now_s: float, deadlines: Deadlines) -> bool:
        """Return whether it was asked to restart and does not, so that its power has to be cut.

        One that an earlier run asked may have restarted meanwhile: then BCM requires no restart any more.
        """
        has_restarted = self.status == Status.UP and self.settles and not self.is_outdated
        if self.done or self.phase is not Phase.RESTARTING or has_restarted:
            return False
        return now_s - self.phase_since_s >= self.patience_s(deadlines)

    def patience_s(self, deadlines: Deadlines) -> float:
        """Return for how many seconds a stale UP does not count; then power is cut, or the UP counts."""
        if not self.settles:
            return deadlines.graceful_s
        return max(deadlines.settle_s, deadlines.graceful_s if self.phase == Phase.RESTARTING else 0.0)


def start_watch(
    name: str,
    now_s: float,
    status_before: str,
    *,
    resumed: bool = False,
    graceful: bool = False,
    outdated: bool = False,
) -> NodeWatch:
    """Return the watch of a node that was just powered; `status_before`, from before power, is stale until it changes.

    `resumed`: an earlier run sent the power, so that only UP may be stale, and not for long. `graceful`: the node was
    asked to restart, so that neither UP nor DOWN is a failure or an end. Both: an earlier run asked it. `outdated`: BCM
    reported before power that it was changed and not restarted since.
    """
    stale = status_before if not resumed or status_before == Status.UP else ""
    phase = Phase.RESTARTING if graceful else Phase.POWERED
    return NodeWatch(
        name,
        now_s,
        stale=stale,
        settles=resumed,
        phase=phase,
        phase_since_s=now_s,
        status=status_before,
        is_outdated=outdated,
        steps=(PhaseChange(phase, 0.0),),
    )


def cut_power(watch: NodeWatch, now_s: float) -> NodeWatch:
    """Return the watch of a node that did not restart and whose power was cut."""
    return replace(_enter(watch, Phase.POWERED, "", now_s), stale=watch.status, settles=False, fresh_since_s=None)


def observe(watch: NodeWatch, seen: DeviceStatus | None, now_s: float, deadlines: Deadlines) -> NodeWatch:
    """Return the watch after one more reading, the same object where nothing is new; a deleted node has none."""
    if watch.done:
        return watch
    if seen is None:
        return give_up(watch, "it is no longer known to the head node: it was deleted", now_s)
    if seen.restart_required != watch.is_outdated:
        fresh_since_s = None if seen.restart_required else now_s
        watch = replace(watch, is_outdated=seen.restart_required, fresh_since_s=fresh_since_s)
    if seen.status == watch.stale:
        return _outlast(watch, now_s, deadlines)
    if watch.stale or watch.status != seen.status:
        watch = replace(watch, stale="", status=seen.status)
    if seen.status == Status.DOWN:
        if row_of(watch.phase).is_lost_when_down:
            return give_up(watch, f"it went DOWN {_where(watch, now_s)}", now_s)
        if watch.phase == Phase.RESTARTING:
            watch = _enter(watch, Phase.POWERED, "", now_s)
        return _check_deadline(watch, now_s, deadlines)
    if seen.status == Status.UP:
        return _come_up(watch, now_s)
    return _follow(watch, seen, now_s, deadlines)


def _outlast(watch: NodeWatch, now_s: float, deadlines: Deadlines) -> NodeWatch:
    """Follow a node whose status is that from before its power: it means nothing, but for a UP that lasts."""
    if watch.settles and watch.stale == Status.UP and now_s - watch.started_s >= watch.patience_s(deadlines):
        return watch if watch.phase == Phase.RESTARTING and watch.is_outdated else _come_up(watch, now_s)
    # UP again before anybody looked, as after an absence of the head node. That must last, since nothing tells whether
    # BCM takes its word back when the node is reset or when it has booted.
    is_fresh = watch.fresh_since_s is not None and now_s - watch.fresh_since_s >= deadlines.settle_s
    if is_fresh and watch.phase == Phase.POWERED and watch.stale == Status.UP:
        return _come_up(watch, now_s)
    return _check_deadline(watch, now_s, deadlines)


def _follow(watch: NodeWatch, seen: DeviceStatus, now_s: float, deadlines: Deadlines) -> NodeWatch:
    """Follow a node that is on its way, or that its installer has failed."""
    if seen.status in FAILED_STATUSES:
        watch = replace(watch, message=seen.message or watch.message)
        return give_up(watch, f"{seen.status} {_where(watch, now_s)}", now_s)
    phase = Phase.RESTARTING if seen.status == Status.GOING_DOWN else seen.phase
    entered = _enter(watch, phase, seen.message, now_s)
    # A message that is no news was looked at when it came.
    stuck = "" if entered is watch else next((text for text in STUCK_MESSAGES if text in seen.message), "")
    if stuck:
        return give_up(entered, f"the installer says '{stuck}' and would wait for ever", now_s)
    return _check_deadline(entered, now_s, deadlines)


def give_up(watch: NodeWatch, reason: str, now_s: float) -> NodeWatch:
    """Return the watch with the verdict failed, for this reason."""
    step = PhaseChange(Phase.FAILED, _since_start(watch, now_s), reason)
    return replace(watch, verdict=Phase.FAILED, reason=reason, steps=(*watch.steps, step))


def timeline_of(watch: NodeWatch, started_wall_s: float) -> Timeline:
    """Return the node's phases with their durations; `started_wall_s` is the Unix time when the run took it on."""
    ends = [*(step.at_s for step in watch.steps[1:]), watch.seconds]
    spans = (Span(step.phase, step.at_s, end - step.at_s, step.message) for step, end in zip(watch.steps, ends))
    return Timeline(started_wall_s, tuple(spans))


def _come_up(watch: NodeWatch, now_s: float) -> NodeWatch:
    return replace(_enter(watch, Phase.UP, "", now_s), stale="", verdict=Phase.UP)


def _enter(watch: NodeWatch, phase: Phase, message: str, now_s: float) -> NodeWatch:
    if phase == watch.phase and message == watch.message:
        return watch
    steps = (*watch.steps, PhaseChange(phase, _since_start(watch, now_s), message))
    if phase == watch.phase:
        return replace(watch, message=message, steps=steps)
    queued_s = watch.queued_s + (now_s - watch.phase_since_s if watch.phase is Phase.QUEUED else 0.0)
    return replace(watch, phase=phase, phase_since_s=now_s, queued_s=queued_s, message=message, steps=steps)


def _check_deadline(watch: NodeWatch, now_s: float, deadlines: Deadlines) -> NodeWatch:
    limit = deadlines.of(watch.phase)
    # A node that does not restart is not given up: its power is cut.
    if limit is None or watch.phase == Phase.RESTARTING:
        return watch
    if now_s - watch.phase_since_s > limit:
        row = row_of(watch.phase)
        boots = row.stage is Stage.BOOT and row.limit is Limit.BOOT
        hint = "; check its boot order, cabling and MAC address" if boots else ""
        quote = f", last message '{watch.message}'" if watch.message else ""
        reason = f"it hung in phase {watch.phase} for {limit:g} s, status {watch.status}{quote}{hint}"
        return give_up(watch, reason, now_s)
    if now_s - watch.started_s - watch.queued_s > deadlines.whole_s:
        return give_up(watch, f"it was not UP within {deadlines.whole_s:g} s, {_where(watch, now_s)}", now_s)
    return watch


def _where(watch: NodeWatch, now_s: float) -> str:
    """Return the phase, the time in it, and BCM's last message, in words."""
    texts = [watch.message, *(step.message for step in reversed(watch.steps))]
    message = next((text for text in texts if text), "")
    quote = f", last message '{message}'" if message else ""
    return f"in phase {watch.phase} after {now_s - watch.phase_since_s:.0f} s{quote}"


def _since_start(watch: NodeWatch, now_s: float) -> float:
    return round(now_s - watch.started_s, 1)


def count_phases(watches: Mapping[str, NodeWatch]) -> dict[str, int]:
    """Return how many nodes are in each phase; those with a verdict count under it."""
    counts: dict[str, int] = {}
    for watch in watches.values():
        phase = watch.verdict or watch.phase
        counts[phase] = counts.get(phase, 0) + 1
    return counts
