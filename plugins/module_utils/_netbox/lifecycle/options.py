# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of netbox_lifecycle: events of a task → NetBox → the task's result."""

from __future__ import annotations

from typing import Any

from ..api.client import NetBox
from ..api.interfaces import BMC_NAMES
from .apply_events import Drive, Settings
from .reported_event import name_occurrence, read_occurrence
from .results import REFUSED, Ledger, Result
from .state import StateField
from .transitions import Event

Spec = dict[str, Any]

_TEXT: Spec = {"type": "str"}

EVENTS: Spec = {
    "events": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "event": {"type": "str", "required": True, "choices": [event.value for event in Event]},
            "device": _TEXT,
            "mac": _TEXT,
            "ip": _TEXT,
            "prefix_length": {"type": "int"},
            "hostname": _TEXT,
            "time": _TEXT,
            "reason": _TEXT,
            "key": {"type": "str", "no_log": False},
        },
    },
    "state_field": {"type": "str", "default": "status"},
    "interface_names": {"type": "list", "elements": "str", "default": list(BMC_NAMES)},
    "vrf": _TEXT,
    "tags": {"type": "list", "elements": "str", "default": []},
    "lock_path": {"type": "path", "default": "~/.ansible/baremetal.bcm/locks"},
}


def apply_events(netbox: NetBox, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Apply the events of a task; one that can't be used is refused and leaves the others alone.

    Raises NetBoxConfigError for options that do not fit this NetBox.
    """
    settings = Settings(
        state_field=StateField(params["state_field"]),
        names=tuple(params["interface_names"]),
        tags=tuple(params["tags"]),
        vrf=params["vrf"],
        lock_path=params["lock_path"],
    )
    ledger = Ledger()
    usable = []
    for number, given in enumerate(params["events"]):
        try:
            usable.append(read_occurrence(number, given))
        except ValueError as error:
            ledger.note(Result(name_occurrence(number, given), REFUSED, message=f"it can't be used: {error}"))
    return Drive(netbox, settings, dry_run=check_mode, ledger=ledger).apply(usable).to_ansible()
