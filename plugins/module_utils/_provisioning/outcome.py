# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What becomes of a node in a run, in one word. Pure."""

from __future__ import annotations

from .._values.word import Word


class Outcome(Word):
    """The outcomes of a run for one node, in the order in which they are counted."""

    SUCCESSFUL = "successful"
    FAILED = "failed"  # something was attempted in vain
    NOT_FOUND = "not_found"  # BCM does not know it
    PENDING = "pending"  # nothing was attempted, because it was not opted in
    SKIPPED = "skipped"  # left alone or refused

    @property
    def is_failure(self) -> bool:
        """Whether something went wrong, whatever was done about it."""
        return self in (Outcome.FAILED, Outcome.NOT_FOUND)

    @property
    def words(self) -> str:
        """The outcome as it stands in a sentence."""
        return self.value.replace("_", " ")
