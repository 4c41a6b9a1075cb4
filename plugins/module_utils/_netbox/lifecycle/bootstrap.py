# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the lifecycle needs in NetBox: checked, created where the API can do it, written out exactly where it can't."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.client import DEVICES, NetBox, Raw
from ..api.errors import NetBoxApiError, NetBoxConfigError, NetBoxTransportError
from .transitions import State

CUSTOM_FIELDS = "extras/custom-fields/"
CHOICE_SETS = "extras/custom-field-choice-sets/"
TAGS = "extras/tags/"

_DEVICE = "dcim.device"
_COLORS = {State.DISCOVERED: "cyan", State.READY: "teal"}
_TAG_COLOR = "607d8b"
_CHOICES = [[str(state), state.title()] for state in State]
# Since when choices are objects of their own, and since when a custom field's types are called object types.
_CHOICE_SETS_SINCE = (3, 6)
_OBJECT_TYPES_SINCE = (4, 0)


@dataclass(frozen=True)
class ObjectChange:
    """One object that differs from what is needed; `object_id` is None for one that is to be created.

    `fields` is what is sent. A value that is itself an ObjectChange stands for the id of what that one creates.
    """

    what: str
    path: str
    object_id: int | None
    fields: Raw
    before: Raw
    after: Raw

    def diff(self) -> dict[str, Any]:
        """Give the change as Ansible shows it."""
        verb = "create" if self.object_id is None else "update"
        return {
            "before_header": self.what,
            "after_header": f"{self.what} ({verb})",
            "before": self.before,
            "after": self.after,
        }


def missing_statuses(netbox: NetBox) -> list[str]:
    """Find the states that devices of this NetBox can't have as their status.

    Raises NetBoxConfigError where NetBox does not list them, as for users who may neither add nor change devices.
    """
    known = netbox.choices(DEVICES, "status")
    if known is None:
        raise NetBoxConfigError(
            "NetBox does not list the statuses of devices, because the token's user may neither add nor change devices "
            "(dcim.add_device, dcim.change_device); run this once with the token of a user who may"
        )
    return [str(state) for state in State if state not in known]


def field_choices(missing: Sequence[str]) -> str:
    """Write what must stand in NetBox's configuration.py so that devices may have these statuses; "" for none."""
    if not missing:
        return ""
    rows = [f"        ({state!r}, {state.title()!r}, {_COLORS.get(State(state), 'gray')!r})," for state in missing]
    return "\n".join(["FIELD_CHOICES = {", "    'dcim.Device.status+': (", *rows, "    ),", "}"])


def plan_tags(netbox: NetBox, names: Sequence[str]) -> list[ObjectChange]:
    """Plan the tags that are not there."""
    known = {tag["name"] for tag in netbox.find(TAGS, name=list(names))}
    changes = []
    for name in dict.fromkeys(names):
        if name not in known:
            fields = {"name": name, "slug": _slug(name), "color": _TAG_COLOR}
            changes.append(ObjectChange(f"tag {name}", TAGS, None, fields, {}, fields))
    return changes


def plan_custom_field(netbox: NetBox, name: str) -> list[ObjectChange]:
    """Plan what a custom field of devices needs to hold the state; nothing where it is text, which holds anything.

    Raises NetBoxConfigError for a field of another type.
    """
    types = "object_types" if netbox.version >= _OBJECT_TYPES_SINCE else "content_types"
    known = next((field for field in netbox.find(CUSTOM_FIELDS, name=name) if field["name"] == name), None)
    if known is None:
        return _new_field(netbox, name, types)
    kind = known["type"]["value"]
    if kind not in ("select", "text"):
        raise NetBoxConfigError(f"custom field {name} is of type {kind}: the state needs one of type select or text")
    changes = []
    if _DEVICE not in known[types]:
        wanted = [*known[types], _DEVICE]
        fields = {types: wanted}
        changes.append(
            ObjectChange(f"custom field {name}", CUSTOM_FIELDS, known["id"], fields, {types: known[types]}, fields)
        )
    return changes + (_more_choices(netbox, name, known) if kind == "select" else [])


def plan_plain_field(netbox: NetBox, name: str, kind: str) -> list[ObjectChange]:
    """Plan a custom field of devices of type json or text. Raises NetBoxConfigError for a field of another type."""
    types = "object_types" if netbox.version >= _OBJECT_TYPES_SINCE else "content_types"
    known = next((field for field in netbox.find(CUSTOM_FIELDS, name=name) if field["name"] == name), None)
    what = f"custom field {name}"
    if known is None:
        fields: Raw = {"name": name, "label": name.replace("_", " ").capitalize(), "type": kind, types: [_DEVICE]}
        return [ObjectChange(what, CUSTOM_FIELDS, None, fields, {}, fields)]
    if known["type"]["value"] != kind:
        raise NetBoxConfigError(f"{what} is of type {known['type']['value']}: it must be of type {kind}")
    if _DEVICE in known[types]:
        return []
    wanted = {types: [*known[types], _DEVICE]}
    return [ObjectChange(what, CUSTOM_FIELDS, known["id"], wanted, {types: known[types]}, wanted)]


def apply_changes(
    netbox: NetBox, changes: Sequence[ObjectChange], plan_again: Callable[[], Sequence[ObjectChange]]
) -> list[ObjectChange]:
    """Create and change objects; returns what was done. Raises NetBoxError.

    What another run creates at the same moment is taken as it is: what NetBox does not create is planned again.
    """
    done: list[ObjectChange] = []
    made: dict[str, int] = {}
    left = list(changes)
    while left:
        change = left.pop(0)
        try:
            _apply(netbox, change, made)
            done.append(change)
        except (NetBoxApiError, NetBoxTransportError) as error:
            left = list(plan_again())
            if change.object_id is not None or change.what in {each.what for each in left}:
                raise
            if isinstance(error, NetBoxTransportError):
                # It is there, and may be this run's own.
                done.append(change)
    return done


def _apply(netbox: NetBox, change: ObjectChange, made: dict[str, int]) -> None:
    """Create or change one object. `made` collects the ids of what was created, by name, for the changes after it."""
    fields = {
        key: made.get(value.what, 0) if isinstance(value, ObjectChange) else value
        for key, value in change.fields.items()
    }
    if change.object_id is None:
        made[change.what] = int(netbox.create(change.path, fields)["id"])
    else:
        netbox.update(change.path, change.object_id, fields)


def _new_field(netbox: NetBox, name: str, types: str) -> list[ObjectChange]:
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise NetBoxConfigError(f"custom_field:{name}: names of custom fields are lower-case letters, digits and _")
    fields: Raw = {"name": name, "label": name.replace("_", " ").capitalize(), "type": "select", types: [_DEVICE]}
    if netbox.version < _CHOICE_SETS_SINCE:
        fields = {**fields, "choices": [str(state) for state in State]}
        return [ObjectChange(f"custom field {name}", CUSTOM_FIELDS, None, fields, {}, fields)]
    choices = {"name": f"{name} states", "extra_choices": _CHOICES}
    known = next((each for each in netbox.find(CHOICE_SETS, name=choices["name"])), None)
    changes = [] if known else [ObjectChange(f"choice set {choices['name']}", CHOICE_SETS, None, choices, {}, choices)]
    holder = known["id"] if known else changes[0]
    shown = {**fields, "choice_set": choices["name"]}
    sent = {**fields, "choice_set": holder}
    changes.append(ObjectChange(f"custom field {name}", CUSTOM_FIELDS, None, sent, {}, shown))
    return changes


def _more_choices(netbox: NetBox, name: str, field: Raw) -> list[ObjectChange]:
    """Plan the states that are no choices of the field; the choices that are there stay."""
    if netbox.version < _CHOICE_SETS_SINCE:
        known = list(field["choices"])
        wanted = known + [str(state) for state in State if state not in known]
        before, after = {"choices": known}, {"choices": wanted}
        change = ObjectChange(f"custom field {name}", CUSTOM_FIELDS, field["id"], after, before, after)
        return [] if wanted == known else [change]
    choice_set = netbox.get(CHOICE_SETS, field["choice_set"]["id"]).raw
    pairs = [list(pair) for pair in choice_set["extra_choices"]]
    missing = [choice for choice in _CHOICES if choice[0] not in {pair[0] for pair in pairs}]
    if not missing:
        return []
    before, after = {"extra_choices": pairs}, {"extra_choices": pairs + missing}
    return [ObjectChange(f"choice set {choice_set['name']}", CHOICE_SETS, choice_set["id"], after, before, after)]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-") or "tag"
