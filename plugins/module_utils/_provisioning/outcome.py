# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Outcomes: what became of a node in a run, in one word. Pure."""

from __future__ import annotations

from .._values.word import Word


class Outcome(Word):
    """The outcomes of a run for one node, in the order in which they are counted."""

    SUCCESSFUL = "successful"
    FAILED = "failed"  # something was attempted and did not succeed
    NOT_FOUND = "not_found"  # BCM does not know it
    UNDER_WAY = "under_way"  # it is being installed; only where no run is reported on
    PENDING = "pending"  # nothing was attempted
    SKIPPED = "skipped"  # left alone or refused

    @property
    def is_failure(self) -> bool:
        """Return whether something went wrong, attempted or not."""
        return self in (Outcome.FAILED, Outcome.NOT_FOUND)

    @property
    def counts_against_limit(self) -> bool:
        """Return whether it counts for bcm_max_failures: what failed, and not what was never there."""
        return self is Outcome.FAILED

    @property
    def words(self) -> str:
        """Return the outcome as it stands in a sentence."""
        return self.value.replace("_", " ")
