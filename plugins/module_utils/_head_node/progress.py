# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a person at a terminal sees while nodes install: plain lines, few enough to read. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .watch import NodeWatch, count_phases

# A line a node and phase up to here; above, one line with the counts.
MOST_SINGLE_LINES = 20

_WORDS = {
    "powered": "powered, waiting for its boot",
    "booting": "booting by PXE",
    "rebooting": "installer reboots it",
    "installer": "installer",
    "queued": "waits for a provisioning slot",
    "installing": "installing",
    "init": "starting its own system",
    "up": "UP",
    "failed": "FAILED",
}
_ORDER = ("powered", "booting", "rebooting", "installer", "queued", "installing", "init", "up", "failed")


def format_duration(seconds: float) -> str:
    """45s, 2m05s, 1h02m."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def progress_lines(before: Mapping[str, NodeWatch], after: Mapping[str, NodeWatch], elapsed_s: float) -> list[str]:
    """The lines worth printing for one tick; none where nothing happened."""
    moved = [name for name in after if _milestone(after[name]) != _milestone(before[name])]
    failed = [_node_line(after[name], elapsed_s) for name in moved if after[name].verdict == "failed"]
    if len(after) <= MOST_SINGLE_LINES:
        return [_node_line(after[name], elapsed_s) for name in moved]
    counts = count_phases(after)
    if counts == count_phases(before):
        return failed
    shown = ", ".join(
        f"{counts[phase]} {phase}" for phase in (*_ORDER, *sorted(set(counts) - set(_ORDER))) if phase in counts
    )
    return [*failed, f"[{format_duration(elapsed_s):>6}] {shown}"]


def _milestone(watch: NodeWatch) -> str:
    return watch.verdict or watch.phase


def _node_line(watch: NodeWatch, elapsed_s: float) -> str:
    phase = _milestone(watch)
    text = _WORDS.get(phase, phase)
    detail = f" ({watch.reason})" if watch.verdict == "failed" else ""
    return f"[{format_duration(elapsed_s):>6}] {watch.name}: {text}{detail}"
