# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the lifecycle needs in NetBox: looked at, created where the API can, said exactly where it can't."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..api.client import DEVICES, NetBox, Raw
from ..api.errors import NetBoxConfigError
from .transitions import STATES

CUSTOM_FIELDS = "extras/custom-fields/"
CHOICE_SETS = "extras/custom-field-choice-sets/"
TAGS = "extras/tags/"

_DEVICE = "dcim.device"
_COLORS = {"discovered": "cyan", "ready": "teal"}
_TAG_COLOR = "607d8b"
# Since when choices are objects of their own, and since when a custom field's types are called object types.
_CHOICE_SETS_SINCE = (3, 6)
_OBJECT_TYPES_SINCE = (4, 0)


@dataclass(frozen=True)
class Step:
    """One object that differs from what is needed; `object_id` is None for one that is to be created."""

    what: str
    path: str
    object_id: int | None
    fields: Raw
    before: Raw
    after: Raw

    def diff(self) -> dict[str, Any]:
        """As Ansible shows it."""
        verb = "create" if self.object_id is None else "update"
        return {
            "before_header": self.what,
            "after_header": f"{self.what} ({verb})",
            "before": self.before,
            "after": self.after,
        }


def missing_statuses(netbox: NetBox) -> list[str]:
    """The states that devices of this NetBox can't have as their status.

    Raises NetBoxConfigError where NetBox does not tell the statuses: it does so to those only who may add devices.
    """
    known = netbox.choices(DEVICES, "status")
    if known is None:
        raise NetBoxConfigError(
            "NetBox does not tell which statuses devices may have, because the token's user may not add devices; "
            "run this once with a token that may"
        )
    return [state for state in STATES if state not in known]


def field_choices(missing: Sequence[str]) -> str:
    """What must stand in NetBox's configuration.py so that devices may have these statuses."""
    if not missing:
        return ""
    rows = [f"        ({state!r}, {state.title()!r}, {_COLORS.get(state, 'gray')!r})," for state in missing]
    return "\n".join(["FIELD_CHOICES = {", "    'dcim.Device.status+': (", *rows, "    ),", "}"])


def plan_tags(netbox: NetBox, names: Sequence[str]) -> list[Step]:
    """The tags that are not there."""
    known = {tag["name"] for tag in netbox.find(TAGS, name=list(names))}
    steps = []
    for name in dict.fromkeys(names):
        if name not in known:
            fields = {"name": name, "slug": _slug(name), "color": _TAG_COLOR}
            steps.append(Step(f"tag {name}", TAGS, None, fields, {}, fields))
    return steps


def plan_custom_field(netbox: NetBox, name: str) -> list[Step]:
    """What a custom field of devices lacks to hold the state; nothing where it is text, which holds anything.

    Raises NetBoxConfigError for a field of another type.
    """
    types = "object_types" if netbox.version >= _OBJECT_TYPES_SINCE else "content_types"
    known = next((field for field in netbox.find(CUSTOM_FIELDS, name=name) if field["name"] == name), None)
    if known is None:
        return _new_field(netbox, name, types)
    kind = known["type"]["value"]
    if kind not in ("select", "text"):
        raise NetBoxConfigError(f"custom field {name} is of type {kind}: the state needs one of type select or text")
    steps = []
    if _DEVICE not in known[types]:
        wanted = [*known[types], _DEVICE]
        change = {types: wanted}
        steps.append(Step(f"custom field {name}", CUSTOM_FIELDS, known["id"], change, {types: known[types]}, change))
    return steps + (_more_choices(netbox, name, known) if kind == "select" else [])


def apply_step(netbox: NetBox, step: Step, made: dict[str, int]) -> None:
    """Create or change one object. `made` has the ids of choice sets that were created, for the fields after them."""
    fields = {key: made.get(value.what, 0) if isinstance(value, Step) else value for key, value in step.fields.items()}
    if step.object_id is None:
        made[step.what] = int(netbox.create(step.path, fields)["id"])
    else:
        netbox.update(step.path, step.object_id, fields)


def _new_field(netbox: NetBox, name: str, types: str) -> list[Step]:
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise NetBoxConfigError(f"custom_field:{name}: names of custom fields are lower-case letters, digits and _")
    fields: Raw = {"name": name, "label": name.replace("_", " ").capitalize(), "type": "select", types: [_DEVICE]}
    if netbox.version < _CHOICE_SETS_SINCE:
        fields = {**fields, "choices": list(STATES)}
        return [Step(f"custom field {name}", CUSTOM_FIELDS, None, fields, {}, fields)]
    choices = {"name": f"{name} states", "extra_choices": [[state, state.title()] for state in STATES]}
    known = next((each for each in netbox.find(CHOICE_SETS, name=choices["name"])), None)
    steps = [] if known else [Step(f"choice set {choices['name']}", CHOICE_SETS, None, choices, {}, choices)]
    holder = known["id"] if known else steps[0]
    shown = {**fields, "choice_set": choices["name"]}
    steps.append(Step(f"custom field {name}", CUSTOM_FIELDS, None, {**fields, "choice_set": holder}, {}, shown))
    return steps


def _more_choices(netbox: NetBox, name: str, field: Raw) -> list[Step]:
    """The states that are no choices of the field; the choices that are there stay."""
    if netbox.version < _CHOICE_SETS_SINCE:
        known = list(field["choices"])
        wanted = known + [state for state in STATES if state not in known]
        before, after = {"choices": known}, {"choices": wanted}
        return (
            [] if wanted == known else [Step(f"custom field {name}", CUSTOM_FIELDS, field["id"], after, before, after)]
        )
    choice_set = netbox.get(CHOICE_SETS, field["choice_set"]["id"]).raw
    pairs = [list(pair) for pair in choice_set["extra_choices"]]
    missing = [[state, state.title()] for state in STATES if state not in {pair[0] for pair in pairs}]
    if not missing:
        return []
    before, after = {"extra_choices": pairs}, {"extra_choices": pairs + missing}
    return [Step(f"choice set {choice_set['name']}", CHOICE_SETS, choice_set["id"], after, before, after)]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-") or "tag"
