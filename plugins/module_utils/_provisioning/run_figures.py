# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The figures of a run: how many nodes, what the slots allow at best, what was achieved. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .result_reader import ResultReader
from .timeline import Durations


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

    @classmethod
    def from_ansible(cls, returned: object) -> RunFigures | None:
        """Read what `to_ansible` returned; None for {}, a run that found nothing to do.

        Raises BcmConfigError, which names the key, for anything else.
        """
        if returned == {}:
            return None
        run = ResultReader("the figures of the run", returned)
        durations, source = run.optional("durations", lambda key: _durations(run.inner(key))) or (None, "")
        return cls(
            nodes=run.whole("nodes"),
            admission=run.text("admission"),
            max_failures=run.optional("max_failures", run.whole),
            slots=run.optional("slots", run.whole),
            provisioning_nodes=run.optional("provisioning_nodes", run.whole),
            durations=durations,
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
