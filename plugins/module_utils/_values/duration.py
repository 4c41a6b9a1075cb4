# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Durations as people read them."""

from __future__ import annotations


def format_duration(seconds: float) -> str:
    """Return seconds as 45s, 2m05s or 1h02m; parts of a second are dropped."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
