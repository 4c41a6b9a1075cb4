# SPDX-License-Identifier: GPL-3.0-or-later
"""Time-lines for tests."""

from __future__ import annotations

from itertools import accumulate

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Span, Timeline

STARTED_S = 1763640000.0


def make_timeline(
    *phases: tuple[str, float], verdict: str = "up", started_s: float = STARTED_S, message: str = ""
) -> Timeline:
    """From phases and their lengths, in their order, to a verdict; every phase has the message."""
    starts = [0.0, *accumulate(seconds for _phase, seconds in phases)]
    spans = [Span(phase, at_s, seconds, message) for (phase, seconds), at_s in zip(phases, starts, strict=False)]
    return Timeline(started_s, (*spans, *([Span(verdict, starts[-1], 0.0)] if verdict else [])))
