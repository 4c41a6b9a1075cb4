# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The transition table as a diagram and as a table for people. Pure: the same table always gives the same text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .transitions import ANY_OTHER, TRANSITIONS, Address, State, Transition

BEGIN = "<!-- drawn from the transition table by tests/tools/lifecycle -->"
END = "<!-- end of what is drawn -->"


def draw(rows: Sequence[Transition] = TRANSITIONS) -> str:
    """Write a Mermaid state diagram of the moves, and a Markdown table of all rows."""
    return "\n".join([BEGIN, "", *_diagram(rows), "", *_table(rows), "", END])


def update_page(page: str) -> str:
    """Return a page with its diagram and table written anew. Raises ValueError where the page has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    end, after = rest.partition(END)[1:]
    if not begin or not end:
        raise ValueError(f"the page has no place between {BEGIN} and {END}")
    return f"{before}{draw()}{after}"


def _diagram(rows: Sequence[Transition]) -> Iterator[str]:
    moves: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.to is not None:
            moves.setdefault((row.state, row.to), []).append(str(row.event))
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.OFFLINE}"
    for (state, to), events in moves.items():
        yield f"    {state} --> {to}: {', '.join(dict.fromkeys(events))}"
    yield "```"


def _table(rows: Sequence[Transition]) -> Iterator[str]:
    yield "| in | on | while | what is done | then | outcome | journal |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        cells = [
            f"`{row.state}`" if row.state != ANY_OTHER else "any other",
            f"`{row.event}`",
            _guard(row),
            ", ".join(each.value for each in row.effects) or (row.reason if row.is_problem else ""),
            f"`{row.to}`" if row.to else "",
            str(row.problem or "applied"),
            row.journal
            if row.is_problem or row.to
            else (f"{row.journal}, if something changed" if row.effects else ""),
        ]
        yield f"| {' | '.join(cells)} |"
    yield "| any other | any other | | it is not expected in this state | | refused | warning |"


def _guard(row: Transition) -> str:
    if set(row.guard) == set(Address) - {Address.TAKEN}:
        return "address is free or recorded here"
    return " or ".join(each.value for each in row.guard)
