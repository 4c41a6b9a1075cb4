# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a BMC lacks of a profile, control by control. Pure: readings, a profile and a day are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._values.text import cut, printable
from .._values.word import Word
from .adapters import Check
from .controls import BY_NAME, Control
from .profile import Profile
from .quirks import absence_of
from .values import MISSING
from .view import NotRead, View

_LONGEST = 200
_UNKNOWN = "find out by other means, then waive it, or set it to null for this device type"


class State(Word):
    """What is found of one control. Only `compliant` and `not_applicable` are good."""

    COMPLIANT = "compliant"
    DRIFT = "drift"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"
    ERROR = "error"

    @property
    def is_good(self) -> bool:
        """Return whether nothing is to be done."""
        return self in (State.COMPLIANT, State.NOT_APPLICABLE)


@dataclass(frozen=True)
class Finding:
    """What was found of one control, and the checks that it rests on."""

    control: Control
    state: State
    checks: tuple[Check, ...] = ()
    message: str = ""

    @property
    def failed(self) -> tuple[Check, ...]:
        """Return the checks that are not good."""
        return tuple(check for check in self.checks if not check.ok)

    def to_ansible(self) -> dict[str, Any]:
        """Return the finding as modules return it; what the BMC said is cut and made printable."""
        shown = self.failed or self.checks
        return {
            "control": self.control.name,
            "title": self.control.title,
            "state": str(self.state),
            "seen": {check.property: plain(check.seen) for check in shown},
            "wanted": {check.property: plain(check.wanted) for check in shown},
            "uris": list(dict.fromkeys(check.uri for check in shown)),
            "pending": any(check.is_pending for check in shown),
            "reference": self.control.reference,
            "message": self.message,
        }


def decide(view: View, profile: Profile, today: str) -> list[Finding]:
    """Return a finding for each control of the profile; `today` is a day such as 2026-11-21.

    Where the view lacks readings, these are in `view.asked`, and the findings of their controls are left out: read
    them and decide again.
    """
    found = []
    for name, wanted in profile.controls.items():
        try:
            found.append(_find(BY_NAME[name], wanted, view, profile, today))
        except NotRead:
            continue
    return found


def _find(control: Control, wanted: Any, view: View, profile: Profile, today: str) -> Finding:
    waiver = profile.waivers.get(control.name)
    expired = ""
    if waiver is not None:
        text = cut(printable(waiver.reason), _LONGEST)
        if today <= waiver.expires:
            return Finding(control, State.NOT_APPLICABLE, message=f"waived until {waiver.expires}: {text}")
        expired = f"the waiver expired on {waiver.expires}"
    errors = []
    for adapter in control.adapters(view.vendor):
        try:
            checks = adapter(wanted, view)
        except NotRead:
            raise
        except LookupError as error:
            errors.append(str(error))
            continue
        if checks is not None:
            return _judge(control, checks, expired)
    if errors:
        return Finding(control, State.ERROR, message="; ".join(dict.fromkeys(errors)))
    absence = absence_of(view.vendor, control.name)
    if absence is not None and absence.is_gone:
        return Finding(control, State.NOT_APPLICABLE, message=f"{absence.why} ({absence.source})")
    why = f"{absence.why} ({absence.source})" if absence is not None else "the BMC does not expose it"
    return Finding(control, State.UNKNOWN, message="; ".join(filter(None, (expired, why, _UNKNOWN))))


def _judge(control: Control, checks: list[Check], expired: str) -> Finding:
    bad = [check for check in checks if not check.ok]
    if not bad:
        return Finding(control, State.COMPLIANT, tuple(checks))
    if all(check.seen is MISSING for check in bad):
        names = ", ".join(dict.fromkeys(check.property for check in bad))
        words = (expired, f"the BMC does not expose {names}", _UNKNOWN)
        return Finding(control, State.UNKNOWN, tuple(checks), "; ".join(filter(None, words)))
    notes = [expired, control.by_hand, *(check.note for check in bad)]
    if all(check.is_pending for check in bad):
        notes.append("pending: the next boot brings it")
    return Finding(control, State.DRIFT, tuple(checks), "; ".join(dict.fromkeys(filter(None, notes))))


def plain(value: Any) -> Any:
    """Return a foreign value as it may stand in a result: of JSON's plain types, short and printable."""
    if value is MISSING:
        return None
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, list):
        return [plain(each) for each in value[:20]]
    return cut(printable(value), _LONGEST)
