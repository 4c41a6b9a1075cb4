# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From snapshots of status to phases, verdicts and time-lines. Pure: the clock's reading is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .entities.status import FAILED_STATUSES, STUCK_MESSAGES, DeviceStatus

_BOOTED = frozenset({"booting", "installer", "queued", "installing", "init"})


@dataclass(frozen=True)
class Deadlines:
    """How long a node may stay in each phase, in seconds."""

    boot_s: float = 1200.0
    queue_s: float = 14400.0
    install_s: float = 1800.0
    init_s: float = 600.0
    settle_s: float = 120.0  # how long a node that an earlier run powered must stay UP to be believed

    @property
    def whole_s(self) -> float:
        """For all phases together: an installer that reboots over and over never stays long in one."""
        return self.boot_s + self.queue_s + self.install_s + self.init_s

    def of(self, phase: str) -> float:
        return {
            "queued": self.queue_s,
            "installer": self.install_s,
            "installing": self.install_s,
            "init": self.init_s,
        }.get(phase, self.boot_s)


@dataclass(frozen=True)
class Step:
    """A phase entered: when, in seconds since power, and BCM's message then."""

    phase: str
    at_s: float
    message: str = ""


@dataclass(frozen=True)
class NodeWatch:
    """One node since its power operation. `verdict` is "", up or failed."""

    name: str
    started_s: float
    stale: str = ""  # the status seen before power: means nothing until it changes
    settles: bool = False  # but UP is believed once it has lasted, because power was sent some time ago
    phase: str = "powered"
    phase_since_s: float = 0.0
    message: str = ""
    status: str = ""
    verdict: str = ""
    reason: str = ""
    timeline: tuple[Step, ...] = field(default_factory=tuple)

    @property
    def done(self) -> bool:
        return bool(self.verdict)


def start_watch(name: str, now_s: float, status_before: str, *, resumed: bool = False) -> NodeWatch:
    """Begin to watch a node that was just powered; its present status is old news.

    `resumed` says that an earlier run sent the power: then only UP may be old news, and not for long.
    """
    stale = status_before if not resumed or status_before == "UP" else ""
    return NodeWatch(name, now_s, stale=stale, settles=resumed, phase_since_s=now_s, status=status_before)


def observe(watch: NodeWatch, seen: DeviceStatus | None, now_s: float, deadlines: Deadlines) -> NodeWatch:
    """The watch after one more snapshot; the same object where it tells nothing new."""
    if watch.done:
        return watch
    if seen is None:
        return _fail(watch, "it is no longer known to the head node")
    if seen.status == watch.stale:
        if watch.settles and seen.status == "UP" and now_s - watch.started_s >= deadlines.settle_s:
            return replace(_enter(watch, seen, now_s), stale="", verdict="up")
        return _check_deadline(watch, now_s, deadlines)
    watch = replace(watch, stale="", status=seen.status)
    if watch.phase in _BOOTED and seen.status == "DOWN":
        return _fail(watch, f"it went DOWN in phase {watch.phase}{_quote(watch.message)}")
    if seen.status == "DOWN":
        return _check_deadline(watch, now_s, deadlines)
    watch = _enter(watch, seen, now_s)
    if seen.status == "UP":
        return replace(watch, verdict="up")
    if seen.status in FAILED_STATUSES:
        return _fail(watch, f"{seen.status} after phase {_previous_phase(watch)}{_quote(_last_message(watch, seen))}")
    stuck = next((text for text in STUCK_MESSAGES if text in seen.message), "")
    if stuck:
        return _fail(watch, f"the installer says '{stuck}' and would wait for ever")
    return _check_deadline(watch, now_s, deadlines)


def _enter(watch: NodeWatch, seen: DeviceStatus, now_s: float) -> NodeWatch:
    phase = seen.phase
    if phase == watch.phase and seen.message == watch.message:
        return watch
    step = Step(phase, round(now_s - watch.started_s, 1), seen.message)
    since = watch.phase_since_s if phase == watch.phase else now_s
    return replace(watch, phase=phase, phase_since_s=since, message=seen.message, timeline=(*watch.timeline, step))


def _check_deadline(watch: NodeWatch, now_s: float, deadlines: Deadlines) -> NodeWatch:
    limit = deadlines.of(watch.phase)
    if now_s - watch.phase_since_s <= limit:
        if now_s - watch.started_s <= deadlines.whole_s:
            return watch
        text = f"it was not UP within {deadlines.whole_s:g} s, last in phase {watch.phase}"
        return _fail(watch, f"{text}{_quote(watch.message)}")
    hint = (
        "; check its boot order, cabling and MAC address" if watch.phase in ("powered", "booting", "rebooting") else ""
    )
    return _fail(
        watch, f"it hung in phase {watch.phase} for {limit:g} s, status {watch.status}{_quote(watch.message)}{hint}"
    )


def _fail(watch: NodeWatch, reason: str) -> NodeWatch:
    return replace(watch, verdict="failed", reason=reason)


def _previous_phase(watch: NodeWatch) -> str:
    earlier = [step.phase for step in watch.timeline if step.phase != "failed"]
    return earlier[-1] if earlier else "powered"


def _last_message(watch: NodeWatch, seen: DeviceStatus) -> str:
    texts = [step.message for step in watch.timeline if step.message]
    return seen.message or (texts[-1] if texts else "")


def _quote(message: str) -> str:
    return f", last message '{message}'" if message else ""


def count_phases(watches: Mapping[str, NodeWatch]) -> dict[str, int]:
    """How many nodes are in each phase."""
    counts: dict[str, int] = {}
    for watch in watches.values():
        phase = watch.verdict or watch.phase
        counts[phase] = counts.get(phase, 0) + 1
    return counts
