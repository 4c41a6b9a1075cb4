# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Messages about many names, each problem said once: a thousand nodes without an image are one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .names import count, shorten

# What differs from node to node though the problem is the same: addresses, and how long something took.
_OF_ONE_NODE = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b"
    r"|\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)? ?s\b|\b\d+h\d+m\b"
)


@dataclass(frozen=True)
class Sameness:
    """Names with the same problem. `message` is that of the first, and of all where `is_exact`."""

    names: tuple[str, ...]
    message: str
    is_exact: bool

    def describe(self, noun: str, plural: str = "") -> str:
        """Return one sentence, with the number of names and the first of them; `noun` is what they are names of."""
        first = self.names[0]
        alone = self.message if _blanked(first, self.message) != self.message else f"{first}: {self.message}"
        if len(self.names) == 1:
            return alone
        who = f"{count(len(self.names), noun, plural)} ({shorten(self.names)})"
        return f"{who}: {self.message}" if self.is_exact else f"{who}, for instance {alone}"


def group_by_problem(messages: Mapping[str, str]) -> list[Sameness]:
    """Group names whose messages say the same but for the name itself, addresses and durations; order is kept."""
    groups: dict[str, list[str]] = {}
    for name, message in messages.items():
        alike = _OF_ONE_NODE.sub("\0", _blanked(name, message))
        groups.setdefault(alike, []).append(name)
    return [
        Sameness(tuple(names), messages[names[0]], len({messages[name] for name in names}) == 1)
        for names in groups.values()
    ]


def sentences(messages: Mapping[str, str], noun: str = "node", plural: str = "") -> list[str]:
    """Return one sentence per problem; `messages` are by name, and `noun` is what these are names of."""
    return [group.describe(noun, plural) for group in group_by_problem(messages)]


def _blanked(name: str, message: str) -> str:
    """Return a message without a name that stands in it as a word of its own."""
    # An expression for each of thousands of names takes longer than all else that is done with them.
    return re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "\0", message) if name in message else message
