# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The tables of controls and quirks in docs/hardening.md, drawn from the code. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from .controls import CONTROLS, Control, Stage
from .kinds import Kind
from .profile import BASELINE
from .quirks import ABSENCES, QUIRKS, Absence

BEGIN = "<!-- drawn from the tables of controls and quirks by tests/tools/hardening -->"
END = "<!-- end of what is drawn -->"
FLOW_BEGIN = "<!-- the flow, drawn from the steps and controls of the code by tests/tools/hardening -->"
FLOW_END = "<!-- end of the flow -->"
_STAGES = {
    Stage.FIRMWARE: "by hand",
    Stage.BIOS: "1, with a reboot",
    Stage.SETTINGS: "2",
    Stage.CUTTING: "3, may cut somebody off",
    Stage.LOCKDOWN: "4, last",
}

_TITLES = {
    Stage.FIRMWARE: "firmware",
    Stage.BIOS: "BIOS, with one reboot",
    Stage.SETTINGS: "settings of the BMC",
    Stage.CUTTING: "what may cut somebody off, then a new login",
    Stage.LOCKDOWN: "lockdown",
}


def update_page(page: str) -> str:
    """Return the page with what is drawn made anew. Raises ValueError where the page has no place for it."""
    return _put(_put(page, BEGIN, draw(), END), FLOW_BEGIN, draw_flow(), FLOW_END)


def draw_flow() -> str:
    """Return the way of a server as a Mermaid flowchart, each step with the controls that are applied in it."""
    steps = [(stage, [each for each in CONTROLS if each.stage is stage and not each.by_hand]) for stage in Stage]
    lines = [
        "flowchart TD",
        "    staged([staged]) --> look[claim, certificate, audit]",
        "    look --> keep[bundle of what was there]",
    ]
    last = "keep"
    for stage, controls in steps:
        if controls:
            names = "<br>".join(_wrapped([each.name for each in controls]))
            lines.append(f'    {last} --> step{int(stage)}["<b>{_TITLES[stage]}</b><br>{names}"]')
            last = f"step{int(stage)}"
    lines += [
        f"    {last} --> again[audit again]",
        "    again -->|compliant| ready([ready])",
        "    again -->|failed after a write| failed([failed])",
        "    again -->|not compliant, or not reached| staged",
    ]
    return "\n".join(["```mermaid", *lines, "```"])


def _wrapped(names: list[str]) -> list[str]:
    return [", ".join(names[at : at + 4]) for at in range(0, len(names), 4)]


def _put(page: str, begin: str, drawn: str, end: str) -> str:
    before, found, rest = page.partition(begin)
    _old, closing, after = rest.partition(end)
    if not found or not closing:
        raise ValueError(f"the page needs {begin} and {end}")
    return f"{before}{begin}\n\n{drawn}\n\n{end}{after}"


def draw() -> str:
    """Return the tables in Markdown."""
    controls = _table(
        ("control", "what it is about", "takes", "baseline", "vendors beside the standard", "step", "asked for by"),
        (_row(control) for control in CONTROLS),
    )
    quirks = _table(
        ("BMC", "what it does", "how it is met", "told in"),
        ((quirk.vendor, quirk.does, quirk.met_by, quirk.thread) for quirk in QUIRKS),
    )
    absences = _table(
        ("BMC", "control", "why", "what the audit says", "told in"),
        ((each.vendor, f"`{each.control}`", each.why, _absent(each), each.source) for each in ABSENCES),
    )
    return f"{controls}\n\n### What BMCs do\n\n{quirks}\n\n### What BMCs never show\n\n{absences}"


def _absent(absence: Absence) -> str:
    return "`not_applicable`" if absence.is_gone else "`unknown`"


def _row(control: Control) -> tuple[str, ...]:
    vendors = ", ".join(sorted(control.by_vendor)) or "-"
    if not control.standard:
        vendors += ", and no standard"
    step = _STAGES[control.stage] if not control.by_hand else "by hand"
    default = f"`{_plain(BASELINE[control.name])}`" if control.name in BASELINE else "-"
    return (f"`{control.name}`", control.title, _takes(control.kind), default, vendors, step, control.reference)


def _takes(kind: Kind) -> str:
    if kind.choices:
        return " or ".join(f"`{word}`" for word in kind.choices)
    if kind.type == "integer":
        return f"{kind.least} to {kind.most}"
    if kind.type == "object" and kind.keys:
        return ", ".join(f"`{name}`" for name in kind.keys)
    return {"boolean": "`true` or `false`", "string": "a text", "array": "a list of texts"}.get(
        kind.type, "names and texts"
    )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [" | ".join(heads)]
    lines += [" | ".join(["---"] * (lines[0].count(" | ") + 1)), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)
