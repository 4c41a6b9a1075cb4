# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of netbox_lifecycle: from events of a task by way of NetBox to the task's result."""

from __future__ import annotations

from typing import Any

from ..api.client import NetBox
from ..api.interfaces import BMC_NAMES
from ..api.ledger import DEFAULT_PATH
from .apply_events import EventRun, EventSettings
from .reported_event import name_event, read_event
from .results import EventResult, Results
from .state import StateField
from .transitions import Event, EventOutcome

Spec = dict[str, Any]

_TEXT: Spec = {"type": "str"}

EVENTS: Spec = {
    "events": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "event": {"type": "str", "required": True, "choices": [str(event) for event in Event]},
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
    "ledger_path": {"type": "path", "default": DEFAULT_PATH},
}


def apply_events(netbox: NetBox, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Apply the events of a task; one that can't be used is refused and leaves the others alone.

    `params` has the options of `EVENTS`; the result is what netbox_lifecycle documents. Raises NetBoxConfigError for
    options that do not fit this NetBox, other NetBoxErrors where the first batch fails; trying again is safe.
    """
    settings = EventSettings(
        state_field=StateField(params["state_field"]),
        names=tuple(params["interface_names"]),
        tags=tuple(params["tags"]),
        vrf=params["vrf"],
        lock_path=params["lock_path"],
        ledger_path=params["ledger_path"],
    )
    results = Results()
    usable = []
    for number, given in enumerate(params["events"]):
        try:
            usable.append(read_event(number, given))
        except ValueError as error:
            message = f"it can't be used: {error}"
            results.add(EventResult(name_event(number, given), EventOutcome.REFUSED, message=message))
    return EventRun(netbox, settings, dry_run=check_mode, results=results).apply(usable).to_ansible()
