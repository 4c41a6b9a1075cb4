# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An audit of servers as a table, as JUnit XML and as one page with servers by controls; `matrix.html.j2` draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.controls import CONTROLS
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.decide import State
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import count
from ansible_collections.baremetal.bcm.plugins.module_utils._values.sentences import sentences
from ansible_collections.baremetal.bcm.plugins.module_utils._values.table import align
from ansible_collections.baremetal.bcm.plugins.module_utils._values.text import cut, printable

from .colours import INK
from .templates import render

Servers = Mapping[str, Mapping[str, Any]]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
# Told apart by their sign as well, in grey and by colour-blind eyes.
_SIGNS = {
    State.COMPLIANT: "✓",
    State.DRIFT: "✗",
    State.NOT_APPLICABLE: "·",
    State.UNKNOWN: "?",
    State.ERROR: "!",
}
_COLOURS: Mapping[str, tuple[str, str]] = {
    State.COMPLIANT: ("#cfe8d3", "#1d4a2a"),
    State.DRIFT: ("#f6b3b5", "#84262c"),
    State.NOT_APPLICABLE: ("#eceff2", "#262b31"),
    State.UNKNOWN: ("#f6e3a1", "#665310"),
    State.ERROR: ("#d9b8ec", "#552a70"),
}
_STATES = tuple(str(state) for state in State)
_WIDEST_CELL = 90


@dataclass(frozen=True)
class Cell:
    """One control of one server: its state, that of an earlier audit (None: there was none), and the words for both."""

    state: str
    sign: str
    was: str | None
    words: str


def columns_of(servers: Servers) -> list[str]:
    """Return the controls that any server has, in the order in which controls are applied."""
    found = {str(each["control"]) for server in servers.values() for each in server["controls"]}
    known = [control.name for control in CONTROLS if control.name in found]
    return [*known, *sorted(found.difference(known))]


def summarize(servers: Servers) -> list[str]:
    """Return in sentences how many servers are compliant, how many findings of each state there are, and failures."""
    good = sum(bool(server["compliant"]) for server in servers.values())
    counted = Counter(str(each["state"]) for server in servers.values() for each in server["controls"])
    found = ", ".join(f"{counted[state]:,} {state.replace('_', ' ')}" for state in _STATES if counted[state])
    failures = {name: str(server["error"]) for name, server in servers.items() if server.get("failure")}
    return [f"{count(len(servers), 'server')}: {good:,} compliant; findings: {found or 'none'}",
            *(printable(each) for each in sentences(failures, "server"))]  # fmt: skip


def draw_findings(servers: Servers) -> list[str]:
    """Return an aligned table of what is neither compliant nor not applicable, one line each; nothing is no table."""
    rows = [
        [printable(name), printable(each["control"]), printable(each["state"]), cut(_difference(each), _WIDEST_CELL)]
        for name, server in servers.items()
        if not server.get("failure")
        for each in server["controls"]
        if not _is_good(each)
    ]
    return align([["SERVER", "CONTROL", "STATE", "SEEN AND WANTED"], *rows]) if rows else []


def draw_junit(servers: Servers) -> str:
    """Return an audit as JUnit XML: a suite for each server, a case for each control.

    Drift and unknown are failures, what could not be read is an error, what is not applicable is skipped.
    """
    root = ElementTree.Element("testsuites", name="hardening")
    for name, server in servers.items():
        states = Counter(str(each["state"]) for each in server["controls"])
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=printable(name),
            tests=str(len(server["controls"])),
            failures=str(states[State.DRIFT] + states[State.UNKNOWN]),
            errors=str(states[State.ERROR]),
            skipped=str(states[State.NOT_APPLICABLE]),
        )
        for each in server["controls"]:
            case = ElementTree.SubElement(suite, "testcase", name=printable(each["control"]), classname=printable(name))
            kind = {State.DRIFT: "failure", State.UNKNOWN: "failure", State.ERROR: "error",
                    State.NOT_APPLICABLE: "skipped"}.get(each["state"])  # fmt: skip
            if kind:
                ElementTree.SubElement(case, kind, message=_difference(each), type=kind)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def draw_matrix(servers: Servers, before: Servers, *, heading: str, written: str) -> str:
    """Draw the page: servers by controls, what differs in words below; `before` is an earlier audit, or empty."""
    columns = columns_of(servers)
    titles = {str(each["control"]): str(each["title"]) for row in servers.values() for each in row["controls"]}
    ordered = sorted(servers.items(), key=lambda item: (bool(item[1]["compliant"]), item[0]))
    return render(
        "matrix.html.j2",
        policy=_POLICY,
        colours={**INK, **_COLOURS},
        heading=heading,
        written=written,
        summary=summarize(servers),
        earlier=summarize(before)[:1] if before else [],
        columns=[(name, titles.get(name, name)) for name in columns],
        rows=[(name, server, _cells(name, server, before, columns)) for name, server in ordered],
        legend=[(state, sign, state.replace("_", " ")) for state, sign in ((str(k), v) for k, v in _SIGNS.items())],
        findings=[
            (name, each, _difference(each))
            for name, server in ordered
            for each in server["controls"]
            if not _is_good(each)
        ],
    )


def _cells(name: str, server: Mapping[str, Any], before: Servers, columns: Sequence[str]) -> list[Cell | None]:
    now = {str(each["control"]): each for each in server["controls"]}
    earlier = {str(each["control"]): str(each["state"]) for each in before.get(name, {}).get("controls", [])}
    return [_cell(now[column], earlier.get(column)) if column in now else None for column in columns]


def _cell(finding: Mapping[str, Any], was: str | None) -> Cell:
    state = str(finding["state"]) if finding["state"] in _STATES else str(State.ERROR)
    words = f"{finding['control']}: {state.replace('_', ' ')}"
    difference = _difference(finding)
    changed = was if was in _STATES and was != state else None
    words += f" (was {changed.replace('_', ' ')})" if changed else ""
    return Cell(state, _SIGNS[State(state)], changed, f"{words}. {difference}" if difference else words)


def _is_good(finding: Mapping[str, Any]) -> bool:
    return finding["state"] in (State.COMPLIANT, State.NOT_APPLICABLE)


def _difference(finding: Mapping[str, Any]) -> str:
    """Return what was seen and is wanted, and the message, as one line."""
    parts = []
    if finding["state"] == State.DRIFT:
        wanted = finding.get("wanted") or {}
        seen = (finding.get("seen") or {}).items()
        parts = [f"{name} is {_shown(value)}, wanted {_shown(wanted.get(name))}" for name, value in seen]
    return printable("; ".join([*parts, *filter(None, [str(finding.get("message") or "")])]))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, filter(None, value))) or "nothing"
    return "nothing" if value in (None, "") else str(value)
