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
_STAGES = {
    Stage.FIRMWARE: "by hand",
    Stage.BIOS: "1, with a reboot",
    Stage.SETTINGS: "2",
    Stage.CUTTING: "3, may cut somebody off",
    Stage.LOCKDOWN: "4, last",
}


def update_page(page: str) -> str:
    """Return the page with what is drawn made anew. Raises ValueError where the page has no place for it."""
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{draw()}\n\n{END}{after}"


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
