# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Time-lines: when a node was in which phase, and how long phases take. Pure: times are arguments.

Phases are those of entities/phases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from .._head_node.api.errors import BcmConfigError
from .._head_node.entities.phases import VERDICTS, Phase, Stage, holds_slot, phases_of

_LATEST_S = 10**10
_BOOT = phases_of(Stage.BOOT)
_AFTER_SLOT = _BOOT | phases_of(Stage.INIT) | {Phase.INSTALLING}
# A start of more digits is in no year that can be written.
_WORDS = re.compile(r"[0-9]{1,10}(?: [a-z_-]{1,32}:[0-9]{1,9})+")


@dataclass(frozen=True)
class Span:
    """One phase: when it began, in seconds since the run took the node on, how long it lasted, and BCM's message."""

    phase: str
    at_s: float
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class Timeline:
    """The phases of one node in a run. `started_s` is Unix time; the last span is the verdict."""

    started_s: float
    spans: tuple[Span, ...]

    @property
    def verdict(self) -> str:
        """Return up or failed; "" where the run has not ended for this node."""
        last = self.spans[-1].phase if self.spans else ""
        return last if last in VERDICTS else ""

    @property
    def total_s(self) -> float:
        """Return the seconds from the start to the end of the last span."""
        return self.spans[-1].at_s + self.spans[-1].seconds if self.spans else 0.0

    def to_ansible(self) -> dict[str, Any]:
        """Return {"started": Unix time, "phases": [{"phase", "at", "seconds", "message"}]}, "at" since the start."""
        return {
            "started": round(self.started_s, 1),
            "phases": [
                {
                    "phase": str(span.phase),
                    "at": round(span.at_s, 1),
                    "seconds": round(span.seconds, 1),
                    "message": span.message,
                }
                for span in self.spans
            ],
        }

    @classmethod
    def from_ansible(cls, mapping: Mapping[str, Any]) -> Timeline:
        """Read what `to_ansible` returned; raises BcmConfigError for anything else."""
        try:
            spans = tuple(
                Span(str(one["phase"]), _time(one["at"]), _time(one["seconds"]), str(one.get("message") or ""))
                for one in mapping["phases"]
            )
            return cls(_time(mapping["started"]), spans)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"{type(error).__name__} {error}"
            raise BcmConfigError(f"could not read a timeline: {reason}; give the results of bcm_provision") from error

    def to_words(self) -> str:
        """Return one line to store, such as `1763640000 powered:0 booting:12 up:370`: whole seconds, without messages.

        A phase that only changed its message is one word; a space in a phase becomes a dash.
        """
        words = [str(round(self.started_s))]
        before = None
        for span in self.spans:
            if span.phase != before:
                words.append(f"{span.phase.replace(' ', '-')}:{round(span.at_s)}")
            before = span.phase
        return " ".join(words)

    @classmethod
    def from_words(cls, text: object) -> Timeline | None:
        """Read what `to_words` returned; None for what can't be read, because others may have written to the device."""
        if not isinstance(text, str) or not _WORDS.fullmatch(text):
            return None
        started, *words = text.split(" ")
        phases = [word.rsplit(":", 1)[0].replace("-", " ") for word in words]
        times = [float(word.rsplit(":", 1)[1]) for word in words]
        if times != sorted(times):
            return None
        ends = [*times[1:], times[-1]]
        spans = tuple(Span(phase, at_s, end_s - at_s) for phase, at_s, end_s in zip(phases, times, ends))
        return cls(float(started), spans)


@dataclass(frozen=True)
class Durations:
    """The durations of a node: until it asks for a slot, in the slot, and from then until it is UP."""

    boot_s: float
    sync_s: float
    init_s: float


def _time(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds < _LATEST_S:
        raise ValueError(f"{seconds:g} s")
    return seconds


def durations(timeline: Timeline) -> dict[str, float]:
    """Return the seconds in each phase, summed where a node was in it more than once."""
    sums: dict[str, float] = {}
    for span in timeline.spans:
        sums[span.phase] = sums.get(span.phase, 0.0) + span.seconds
    return sums


def split_up(timelines: Iterable[Timeline]) -> list[Durations]:
    """Return the durations of each node that came UP after an installation, in the order of the time-lines."""
    return [split for split in map(_split, timelines) if split is not None]


def medians_of(known: Sequence[Durations]) -> Durations | None:
    """Return the medians over nodes; None where there is none."""
    if not known:
        return None
    return Durations(
        boot_s=median(split.boot_s for split in known),
        sync_s=median(split.sync_s for split in known),
        init_s=median(split.init_s for split in known),
    )


def _split(timeline: Timeline) -> Durations | None:
    sync_s = sum(span.seconds for span in timeline.spans if holds_slot(span.phase, span.message))
    if timeline.verdict != Phase.UP or not sync_s:
        return None
    # What the installer does after the files have arrived holds no slot: it counts as a part of init.
    last_slot = max(index for index, span in enumerate(timeline.spans) if holds_slot(span.phase, span.message))
    boot_s = sum(span.seconds for span in timeline.spans[:last_slot] if span.phase in _BOOT)
    init_s = sum(span.seconds for span in timeline.spans[last_slot + 1 :] if span.phase in _AFTER_SLOT)
    return Durations(boot_s, sync_s, init_s)
