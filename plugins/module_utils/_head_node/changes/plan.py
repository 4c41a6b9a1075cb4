# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The plan for one entity: what would be sent to bring it from what is stored to what is wanted, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..api.errors import BcmConfigError, BcmNotFound
from ..entities.fields import HIDDEN, Context, Disruption, Field, Json, Raw
from ..entities.merge import merge_fields
from ..entities.occupant import REACHES_INSTALLATION
from ..entities.references import References
from ..entities.schema import Schema

_SEVERITY = list(Disruption)


@dataclass(frozen=True)
class Change:
    """One option that differs; `before` and `after` are in the option's words, secrets hidden."""

    option: str
    before: Json
    after: Json
    disruption: Disruption = Disruption.NONE


@dataclass(frozen=True)
class Plan:
    """What is to be done with one entity: `action` is none, create, update or delete."""

    schema: Schema
    name: str
    action: str
    stored: Raw | None = None
    desired: Raw | None = None
    changes: tuple[Change, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is to be sent."""
        return self.action == "none"

    @property
    def disruption(self) -> Disruption:
        """Return the worst of what the changes do to running nodes; creating an entity disrupts none."""
        if self.action == "delete":
            return Disruption.DELETE
        if self.action != "update":
            return Disruption.NONE
        return max((change.disruption for change in self.changes), key=_SEVERITY.index, default=Disruption.NONE)

    @property
    def reaches_installation(self) -> bool:
        """Return whether it changes what an installation under way depends on; creating an entity never does."""
        reaching = REACHES_INSTALLATION.get(self.schema.entity, frozenset())
        return self.action == "delete" or (
            self.action == "update" and any(change.option in reaching for change in self.changes)
        )

    def diff(self) -> dict[str, Any]:
        """Return the diff as Ansible shows it: before_header, after_header, and before and after, each by option."""
        before = {change.option: change.before for change in self.changes if self.stored is not None}
        after = {change.option: change.after for change in self.changes if self.desired is not None}
        return {
            "before_header": f"{self.schema.entity} {self.name}",
            "after_header": f"{self.schema.entity} {self.name} ({self.action})",
            "before": before,
            "after": after,
        }


def plan_entity(schema: Schema, stored: Raw | None, wanted: Mapping[str, Json], context: Context) -> Plan:
    """Plan what `state` asks for: {"state": "absent"} removes, anything else is as `plan_present`, which may raise."""
    if wanted.get("state") == "absent":
        return plan_absent(schema, stored, str(wanted[schema.name_option]))
    return plan_present(schema, stored, wanted, context)


def plan_present(schema: Schema, stored: Raw | None, wanted: Mapping[str, Json], context: Context) -> Plan:
    """Plan to create what does not exist, or to change only what `wanted` names. Options that are None were not given.

    Raises BcmConfigError and BcmNotFound, which name entity and option; the same options fail again.
    """
    name = str(wanted[schema.name_option])
    try:
        return _plan_present(schema, stored, wanted, context)
    except BcmConfigError as error:
        raise BcmConfigError(f"could not plan {schema.entity} {name}: {error}") from error
    except BcmNotFound as error:
        raise BcmNotFound(f"could not plan {schema.entity} {name}: {error}") from error


def _plan_present(schema: Schema, stored: Raw | None, wanted: Mapping[str, Json], context: Context) -> Plan:
    name = str(wanted[schema.name_option])
    base = schema.create(wanted, context) if stored is None else stored
    merged = schema.finish(stored, merge_fields(base, wanted, schema.fields, context), wanted)
    if stored is not None and merged == stored:
        return Plan(schema, name, "none", stored, stored)
    action = "create" if stored is None else "update"
    changes = _changes(schema, stored, merged, wanted, context.references)
    desired = merged if stored is None else {**merged, "modified": True}
    return Plan(schema, name, action, stored, desired, changes)


def _changes(
    schema: Schema, stored: Raw | None, merged: Raw, wanted: Mapping[str, Json], references: References
) -> tuple[Change, ...]:
    changes = []
    for field in schema.fields:
        before = None if stored is None else stored.get(field.key)
        after = merged.get(field.key)
        if before != after and (stored is not None or wanted.get(field.option) is not None):
            changes.append(_change(field, stored, merged, references))
    if stored is not None:
        shown = {field.key for field in schema.fields}
        # What follows from the wanted options without being one, such as provisioningInterface.
        changes += [
            Change(key, stored.get(key), merged[key])
            for key in merged
            if key not in shown and merged[key] != stored.get(key)
        ]
    return tuple(changes)


def _change(field: Field, stored: Raw | None, merged: Raw, references: References) -> Change:
    before = None if stored is None else field.kind.show(stored.get(field.key), references)
    after = field.kind.show(merged[field.key], references)
    if stored is not None:
        hidden = _changed_secrets(stored.get(field.key), merged[field.key])
        after = {**after, **dict.fromkeys(hidden, f"{HIDDEN} (changed)")} if hidden else after
    return Change(field.option, before, after, field.disruption)


def _changed_secrets(before: Json, after: Json) -> list[str]:
    """Return the options of credentials in which two objects differ; they are hidden in both."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    keys = {"username": "userName", "password": "password"}
    return [option for option, key in keys.items() if before.get(key) != after.get(key)]


def plan_absent(schema: Schema, stored: Raw | None, name: str) -> Plan:
    """Plan to remove an entity; the plan is empty where there is none."""
    if stored is None:
        return Plan(schema, name, "none")
    return Plan(schema, name, "delete", stored, None, (Change("state", "present", "absent"),))
