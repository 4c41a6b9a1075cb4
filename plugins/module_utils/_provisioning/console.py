# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The lines that a run prints while nodes install, few enough to read at a terminal and in a job's log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .._head_node.entities.phases import VERDICTS, WAY, Phase, row_of
from .._values.duration import format_duration
from .._values.names import count, shorten
from .._values.sentences import Sameness, group_by_problem
from .watch import NodeWatch, count_phases

# One line per node in a plan up to here; above, one line per action.
MOST_SINGLE_LINES = 20
# Of nodes that fail at the same time, so many reasons are shown.
_MOST_REASONS = 5
_FURTHEST_FIRST = (Phase.UP, *reversed(WAY), *(phase for phase in Phase if phase not in (*WAY, *VERDICTS)))


@dataclass(frozen=True)
class RunStatus:
    """A run at one moment. `slots` are (used, total); `slots` and `left_s` are None where not known."""

    elapsed_s: float
    watches: Mapping[str, NodeWatch]
    waiting: int = 0
    slots: tuple[int, int] | None = None
    left_s: float | None = None


def run_line(status: RunStatus) -> str:
    """Return one line: time so far, nodes by phase, slots, time left, which nodes failed."""
    counts = count_phases(status.watches)
    failed = [name for name, watch in status.watches.items() if watch.verdict == Phase.FAILED]
    words = [f"{counts[phase]} {row_of(phase).words}" for phase in _FURTHEST_FIRST if phase in counts]
    if status.waiting:
        words.append(f"{status.waiting} not started")
    total = len(status.watches) + status.waiting
    parts = [f"{count(total, 'node')}: {', '.join(words) or 'none left'}"]
    if status.slots is not None:
        parts.append(f"slots {status.slots[0]}/{status.slots[1]}")
    if status.left_s is not None:
        parts.append(f"about {format_duration(status.left_s)} left")
    if failed:
        parts.append(f"{len(failed)} FAILED: {shorten(failed)}")
    return f"[{format_duration(status.elapsed_s):>6}] {'; '.join(parts)}"


def failure_lines(elapsed_s: float, failed: Mapping[str, str]) -> list[str]:
    """Return one line per reason for which nodes have just failed, `failed` being reasons by name; above five reasons,
    the rest by name."""
    stamp = f"[{format_duration(elapsed_s):>6}]"
    groups = group_by_problem(failed)
    lines = [f"{stamp} {_describe_failure(group)}" for group in groups[:_MOST_REASONS]]
    others = [name for group in groups[_MOST_REASONS:] for name in group.names]
    return [*lines, f"{stamp} FAILED too: {shorten(others)}"] if others else lines


def _describe_failure(group: Sameness) -> str:
    if len(group.names) == 1:
        return f"{group.names[0]}: FAILED ({group.message})"
    return f"FAILED: {group.describe('node')}"


@dataclass
class Console:
    """A console: a line when something changed, at most one per `every_s`, and one after `silence_s` of no change."""

    say: Callable[[str], None]
    every_s: float = 5.0
    silence_s: float = 300.0
    _said_at_s: float = float("-inf")
    _counts: dict[str, int] = field(default_factory=dict)

    def is_due(self, elapsed_s: float, watches: Mapping[str, NodeWatch]) -> bool:
        """Return whether `show` is due: what it shows may cost a call."""
        quiet_s = elapsed_s - self._said_at_s
        if quiet_s >= self.silence_s:
            return True
        changed = count_phases(watches) != self._counts
        return changed and (quiet_s >= self.every_s or all(watch.done for watch in watches.values()))

    def show(self, status: RunStatus) -> None:
        """Print the line of progress."""
        self.say(run_line(status))
        self._said_at_s, self._counts = status.elapsed_s, count_phases(status.watches)

    def show_failures(self, elapsed_s: float, failed: Mapping[str, str]) -> None:
        """Print failures, reasons by name, that were found at the same time."""
        for line in failure_lines(elapsed_s, failed):
            self.say(line)


@dataclass
class PollTimer:
    """The times to read the status: soon while things move, rarely while nothing does, never before `fastest_s`."""

    slowest_s: float = 10.0
    fastest_s: float = 1.0
    due_s: float = float("-inf")
    _read_s: float = float("-inf")
    _pause_s: float = 1.0

    def note_reading(self, now_s: float, *, moved: bool) -> None:
        """Note that the status was read; `moved` says that it had something new."""
        self._pause_s = self.fastest_s if moved else min(self._pause_s * 1.5, self.slowest_s)
        self._pause_s = max(self._pause_s, self.fastest_s)
        self._read_s, self.due_s = now_s, now_s + self._pause_s

    def hurry(self, now_s: float) -> None:
        """Note that something is known to have changed: read again as soon as allowed."""
        self.due_s = min(self.due_s, max(now_s, self._read_s + self.fastest_s))
