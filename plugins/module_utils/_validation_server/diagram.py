# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The way of a server through validation, and what the receiver answers, drawn from what decides them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from .._netbox.lifecycle.transitions import TRANSITIONS, Event
from .openapi import describe

BEGIN = "<!-- drawn from the transition table and the receiver's interface by tests/tools/lifecycle -->"
END = "<!-- end of what is drawn -->"
_EVENTS = (Event.VALIDATION_PASSED, Event.VALIDATION_FAILED, Event.QUARANTINED, Event.READMITTED)
_FROM = ("discovered", "failed")


def draw() -> str:
    """Write a Mermaid diagram of the moves between states, and a Markdown table of requests and answers."""
    return "\n".join([BEGIN, "", *_moves(), "", *_answers(), "", END])


def update_page(page: str) -> str:
    """Return a page with what is drawn written anew. Raises ValueError where the page has no place for it."""
    before, begin, rest = page.partition(BEGIN)
    end, after = rest.partition(END)[1:]
    if not begin or not end:
        raise ValueError(f"the page has no place between {BEGIN} and {END}")
    return f"{before}{draw()}{after}"


def _moves() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    for row in TRANSITIONS:
        if row.event in _EVENTS and row.state in _FROM and row.to is not None:
            yield f"    {row.state} --> {row.to}: {row.event}"
    yield "```"


def _answers() -> Iterator[str]:
    yield "| request | what it is | answers |"
    yield "| --- | --- | --- |"
    for path, operations in describe()["paths"].items():
        for method, operation in operations.items():
            answers = " ".join(f"{code}: {each['description']}" for code, each in operation["responses"].items())
            yield f"| `{method.upper()} {path}` | {operation['summary']} | {answers} |"
