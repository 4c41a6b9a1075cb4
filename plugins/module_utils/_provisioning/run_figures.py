# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The figures of a run: how many nodes, what the slots allow at best, what was achieved. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .._head_node.entities.phases import Phase
from .admission import Admission, Pipeline
from .result_reader import ResultReader
from .timeline import Durations, Timeline, durations, medians_of, split_up


@dataclass(frozen=True)
class RunFigures:
    """One run as a whole. None stands for what is not known, such as slots that may not be read."""

    nodes: int  # that were, or are to be, worked on
    admission: str
    max_failures: int | None = None
    slots: int | None = None
    provisioning_nodes: int | None = None
    durations: Durations | None = None
    source: str = ""  # how the durations are known: assumed or observed
    bound_s: float | None = None
    achieved_s: float | None = None
    efficiency: float | None = None

    def to_ansible(self) -> dict[str, Any]:
        """Return the figures as `run` of bcm_provision."""
        return {
            "nodes": self.nodes,
            "admission": self.admission,
            "max_failures": self.max_failures,
            "slots": self.slots,
            "provisioning_nodes": self.provisioning_nodes,
            "durations": {**vars(self.durations), "source": self.source} if self.durations else None,
            "bound_seconds": _rounded(self.bound_s, 1),
            "achieved_seconds": self.achieved_s,
            "efficiency": _rounded(self.efficiency, 3),
        }

    def measured(self, timelines: Iterable[Timeline]) -> RunFigures:
        """Return the figures with what the time-lines of its nodes show, where it was a task per node or batch.

        Figures that were measured in one task, by one clock, stay as they are.
        """
        seen = [timeline for timeline in timelines if timeline.spans]
        installed = [one for one in seen if one.verdict == Phase.UP and durations(one).get(Phase.INSTALLING)]
        each = split_up(sorted(installed, key=lambda one: one.started_s))
        observed = medians_of(each)
        if self.achieved_s is not None or observed is None:
            return self
        began_s = min(one.started_s for one in seen)
        achieved_s = round(max(one.started_s + one.total_s for one in installed) - began_s, 1)
        if self.slots is None:
            return replace(self, achieved_s=achieved_s)
        pipeline = Pipeline(self.slots, self.provisioning_nodes or 0, observed, "observed", seen=tuple(each))
        admission = Admission.parse(self.admission)
        return replace(
            self,
            durations=observed,
            source=pipeline.source,
            bound_s=pipeline.bound_s(self.nodes, admission),
            achieved_s=achieved_s,
            efficiency=pipeline.bound_s(len(installed), admission) / achieved_s if achieved_s else None,
        )

    @classmethod
    def from_ansible(cls, returned: object) -> RunFigures | None:
        """Read what `to_ansible` returned; None for {}, a run that found nothing to do.

        Raises BcmConfigError, which names the key, for anything else.
        """
        if returned == {}:
            return None
        run = ResultReader("the figures of the run", returned)
        times, source = run.optional("durations", lambda key: _durations(run.inner(key))) or (None, "")
        return cls(
            nodes=run.whole("nodes"),
            admission=run.text("admission"),
            max_failures=run.optional("max_failures", run.whole),
            slots=run.optional("slots", run.whole),
            provisioning_nodes=run.optional("provisioning_nodes", run.whole),
            durations=times,
            source=source,
            bound_s=run.optional("bound_seconds", run.number),
            achieved_s=run.optional("achieved_seconds", run.number),
            efficiency=run.optional("efficiency", run.number),
        )


def _durations(returned: ResultReader) -> tuple[Durations, str]:
    times = Durations(returned.number("boot_s"), returned.number("sync_s"), returned.number("init_s"))
    return times, returned.text("source")


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
