# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Words that are values: constants in code, plain text in results, files and messages."""

from __future__ import annotations

from enum import Enum


class Word(str, Enum):
    """A constant that equals its text and prints as it, on every Python."""

    def __str__(self) -> str:
        return str(self.value)
