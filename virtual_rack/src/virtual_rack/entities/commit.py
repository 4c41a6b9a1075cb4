# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding, updating and removing entities, with the answers a head node gives."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from virtual_rack.entities.database import Database, mentioning, name_of
from virtual_rack.entities.fields import ZERO_MAC, ZERO_UUID, Entity, Shape
from virtual_rack.entities.normalise import Normalised, Rules, normalise
from virtual_rack.entities.shapes import find_shape
from virtual_rack.entities.validation import Validation, bad_value, validate_entity


class StorageFaults(Protocol):
    """What may go wrong between the answer and the disk."""

    def when_storing(self, call: str, *, before: Entity | None, entity: Entity) -> Entity | None:
        """Give what is really stored, None for nothing."""
        ...


@dataclass(frozen=True)
class Reference:
    """A field of another entity that mentions the one that is removed."""

    base_type: str
    uuid: str
    parameter: str

    def to_api(self) -> Entity:
        """Give it as it travels."""
        return {
            "ref_base_type": self.base_type,
            "ref_entity_uuid": self.uuid,
            "parameter": self.parameter,
            # ASSUMED: NO is for what the head node does not mend by itself; it was reported to leave references as they
            # are. Removing a category in use on a live head node, with force and without, settles it.
            "auto_change": "NO",
        }


@dataclass(frozen=True)
class CommitResult:
    """What a commit came to; `entity` is what was stored, `updated` what the answer shows of it."""

    findings: tuple[Validation, ...] = ()
    entity: Entity | None = None
    task_uuid: str = ZERO_UUID
    updated: Entity | None = None
    changes: tuple[Reference, ...] = ()

    @property
    def success(self) -> bool:
        """Say whether nothing forbids it; warnings do not."""
        return not any(finding.severity != "WARNING" for finding in self.findings)

    def to_api(self) -> Entity:
        """Give it as it travels."""
        return {
            "success": self.success,
            "task_uuid": self.task_uuid,
            "updated_entity": self.updated,
            "validation": [finding.to_api() for finding in self.findings],
        }


class Commits:
    """The writes of all kinds of entities."""

    def __init__(self, database: Database, *, rules: Rules, faults: StorageFaults, date_s: Callable[[], float]) -> None:
        self._database = database
        self._rules = rules
        self._faults = faults
        self._date_s = date_s

    def validate(self, kind: str, sent: Mapping[str, Any]) -> list[Validation]:
        """Check without storing."""
        return list(self._examine(kind, sent, self._database.get(kind, str(sent.get("uuid"))))[1])

    def add(self, kind: str, sent: Mapping[str, Any], *, preset: Mapping[str, Any] | None = None) -> CommitResult:
        """Store a new entity; `preset` are fields that the server sets."""
        entity, findings = self._examine(kind, sent, None)
        if entity is None or any(finding.severity != "WARNING" for finding in findings):
            return CommitResult(findings)
        if "creationTime" in entity:
            entity["creationTime"] = int(self._date_s())
        entity |= preset or {}
        self._store(kind, None, entity, f"add{kind}")
        return CommitResult(findings, entity)

    def update(self, kind: str, sent: Mapping[str, Any]) -> CommitResult:
        """Replace a stored entity."""
        stored = self._database.get(kind, str(sent.get("uuid", ZERO_UUID)))
        if stored is None:
            return CommitResult((_no_such(str(sent.get("uuid", ZERO_UUID))),))
        entity, findings = self._examine(kind, sent, stored)
        if entity is None or any(finding.severity != "WARNING" for finding in findings):
            return CommitResult(findings)
        entity |= {name: stored[name] for name in _SERVER_OWNED if name in stored}
        self._store(kind, stored, entity, f"update{kind}")
        return CommitResult(findings, entity)

    def remove(self, kind: str, uuid: str, *, force: bool) -> CommitResult:
        """Remove an entity; one in use only by force, which leaves the references dangling."""
        stored = self._database.get(kind, uuid)
        if stored is None:
            return CommitResult((_no_such(uuid),))
        users = self._database.referring_to(uuid)
        changes = tuple(_references(users, uuid))
        if users and not force:
            # ASSUMED: no refusal was ever seen. Removing a category in use on a live head node settles it.
            names = ", ".join(name_of(user) for user in users[:5])
            message = f"{kind} {name_of(stored)} is in use by: {names}"
            return CommitResult((Validation(uuid, "uuid", "NOT_ALLOWED", message),), changes=changes)
        if self._faults.when_storing(f"remove{kind}", before=stored, entity=stored) is not None:
            self._database.remove(kind, uuid)
        return CommitResult(changes=changes)

    def _store(self, kind: str, before: Entity | None, entity: Entity, call: str) -> None:
        kept = self._faults.when_storing(call, before=before, entity=entity)
        if kept is not None:
            self._database.put(kind, kept)

    def _examine(
        self, kind: str, sent: Mapping[str, Any], stored: Entity | None
    ) -> tuple[Entity | None, tuple[Validation, ...]]:
        shape = self._shape(kind, sent, stored)
        if shape is None:
            return None, (bad_value(str(sent.get("uuid", ZERO_UUID)), "childType"),)
        read: Normalised = normalise(sent, shape=shape, stored=stored, rules=self._rules)
        entity = _owned_by_server(read.entity)
        checked = validate_entity(entity, exists=self._database.exists)
        return entity, (*read.problems, *checked, *self._duplicates(kind, entity, stored))

    def _shape(self, kind: str, sent: Mapping[str, Any], stored: Entity | None) -> Shape | None:
        if sent.get("baseType", kind) != kind:
            return None
        # ASSUMED: a device without a child type is a physical node when new.
        child = sent.get("childType", stored["childType"] if stored else "PhysicalNode" if kind == "Device" else "")
        return find_shape(kind, child)

    def _duplicates(self, kind: str, entity: Entity, stored: Entity | None) -> list[Validation]:
        found = []
        holder = self._database.device_with_mac(entity["mac"]) if kind == "Device" else None
        if holder and holder is not stored and entity["mac"] != ZERO_MAC:
            message = f"A device with MAC {entity['mac']} already exists: {holder['hostname']}"
            found.append(Validation(holder["uuid"], "mac", "DUPLICATE_FIELD", message))
        namesake = self._database.find(kind, name_of(entity))
        if namesake and namesake is not stored:
            found.append(_same_name(kind, entity, namesake))
        if not found and stored is None and self._database.exists(kind, entity["uuid"]):
            # ASSUMED: how a uuid used twice is refused.
            message = f"An entity with uuid {entity['uuid']} already exists"
            found.append(Validation(entity["uuid"], "uuid", "DUPLICATE_FIELD", message))
        return found


_SERVER_OWNED = ("creationTime", "fileOperationInProgress", "fspart", "bootfspart", "revisionHistory")


def _owned_by_server(entity: Entity) -> Entity:
    if "parent_uuid" in entity:
        entity["parent_uuid"] = entity["uuid"]
    if entity["baseType"] == "Device":
        entity["services"] = [_owned_service(service, entity["uuid"]) for service in entity["services"]]
        if entity.get("rackPosition"):
            entity["rackPosition"] = _with_uuid(entity["rackPosition"])
    if entity["baseType"] == "Category" and entity["softwareImageProxy"] is None:
        proxy = find_shape("SoftwareImageProxy", "")
        entity["softwareImageProxy"] = proxy and proxy.defaults("11") | {"uuid": str(uuids.uuid4())}
    return entity


def _owned_service(service: Entity, device: str) -> Entity:
    # Services without a uuid were accepted by a live head node, unlike interfaces and BMC settings.
    return _with_uuid(service) | {"ref_role_uuid": device}


def _with_uuid(part: Entity) -> Entity:
    # ASSUMED: the place in a rack is like a service in this: a published client sends it without a uuid and prints
    # what was stored. addDevice with such a `rackPosition` settles it.
    return part if part["uuid"] != ZERO_UUID else part | {"uuid": str(uuids.uuid4())}


def _same_name(kind: str, entity: Entity, namesake: Entity) -> Validation:
    name = name_of(entity)
    if kind == "Device":
        message = f"A device with hostname {name} already exists"
        return Validation(namesake["uuid"], "hostname", "DUPLICATE_FIELD", message)
    # ASSUMED: worded after the device's; only the device's was seen.
    message = f"A {kind} with name {name} already exists"
    return Validation(namesake["uuid"], "name", "DUPLICATE_FIELD", message)


def _references(users: Iterable[Entity], uuid: str) -> Iterator[Reference]:
    # ASSUMED: `parameter` is the field on the top level, also where the reference is in an entity inside it.
    for user in users:
        yield from (Reference(user["baseType"], user["uuid"], name) for name in mentioning(user, uuid))


def _no_such(uuid: str) -> Validation:
    # ASSUMED: updating or removing what is not there was never seen.
    return Validation(uuid, "uuid", "KEY_NOT_FOUND", f"No entity with uuid {uuid}")
