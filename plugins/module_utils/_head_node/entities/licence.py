# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The licence of a cluster, which is only read (bcm-api.md 2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Licence:
    """Until when a cluster is licensed, in Unix time, and for how many nodes; None for what is not known."""

    end_s: int | None = None
    nodes: int | None = None

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> Licence:
        """Read the answer of cmmain.getLicenseInfo; what can't be read counts as not known.

        # ASSUMED: the keys endTime, in Unix seconds, and licensedNodes. The call is named by pythoncm, its answer
        # nowhere. One getLicenseInfo settles it.
        """
        return cls(_positive(answer.get("endTime")), _positive(answer.get("licensedNodes")))


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
