# SPDX-License-Identifier: GPL-3.0-or-later
"""What the head node finds wrong with an entity, in its own words."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from virtual_rack.entities.fields import ZERO_IP, ZERO_IPV6, ZERO_MAC, ZERO_UUID, Entity
from virtual_rack.entities.shapes import find_shape


@dataclass(frozen=True)
class Validation:
    """One finding."""

    ref_entity_uuid: str
    field: str
    error_code: str
    message: str
    severity: str = "ERROR"

    def to_api(self) -> Entity:
        """Give it as it travels."""
        return {
            "baseType": "Validation",
            "childType": "",
            "error_code": self.error_code,
            "field": self.field,
            "message": self.message,
            "ref_entity_uuid": self.ref_entity_uuid,
            "severity": self.severity,
        }


def bad_value(uuid: str, field: str) -> Validation:
    """Report a value that the field cannot have."""
    # ASSUMED: the code; the text is known from one field. A wrong value on a live head node settles it.
    return Validation(uuid, field, "NOT_IN_SET", f"Illegal value for: {field}")


_MODES = ("AUTO", "FULL", "MAIN", "NOSYNC", "SKIP")
_LOADERS = ("SYSLINUX", "GRUB")
_PROTOCOLS = ("TFTP", "HTTP", "HTTPS")
_SOL_SPEEDS = ("115200", "57600", "38400", "19200", "9600", "4800", "2400", "1200")

_CHOICES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("Device", "installMode"): ("", *_MODES),
    ("Device", "nextBootInstallMode"): ("", *_MODES),
    ("Device", "bootLoader"): (*_LOADERS, "CATEGORY"),
    ("Device", "bootLoaderProtocol"): (*_PROTOCOLS, "CATEGORY"),
    ("Device", "provisioningTransport"): ("RSYNCDAEMON", "RSYNCSSH"),
    ("Category", "installMode"): _MODES,
    ("Category", "newNodeInstallMode"): ("AUTO", "FULL", "MAIN", "NOSYNC"),
    ("Category", "bootLoader"): _LOADERS,
    ("Category", "bootLoaderProtocol"): _PROTOCOLS,
    ("Category", "authenticationService"): ("AUTO", "SSSD", "NSLCD"),
    ("Category", "interactiveUser"): ("ALWAYS", "ONLYWHENJOB", "NEVER"),
    ("Category", "useExclusivelyFor"): ("", "HPC", "Nothing"),
    ("SoftwareImage", "SOLSpeed"): _SOL_SPEEDS,
    ("Network", "allowAutosign"): ("AUTOMATIC", "ALWAYS", "NEVER", "SECRET"),
    ("Network", "generateDNSZone"): ("BOTH", "FORWARD", "REVERSE", "NEITHER"),
    ("Network", "type"): (
        *("INTERNAL", "EXTERNAL", "TUNNEL", "GLOBAL", "CLOUD", "NETMAP"),
        *("EDGE_INTERNAL", "EDGE_EXTERNAL"),
    ),
    ("NetworkInterface", "bringupduringinstall"): ("NO", "YES", "YESANDKEEP"),
    ("NetworkInterface", "startIf"): ("ALWAYS", "ACTIVE", "PASSIVE", "PREFERPASSIVE"),
    ("BMCSettings", "privilege"): ("CALLBACK", "USER", "OPERATOR", "ADMINISTRATOR", "OEM_PROPRIETARY", "NO_ACCESS"),
}
_CHOICES_OF: dict[str, dict[str, tuple[str, ...]]] = {}
for (_type, _field), _words in _CHOICES.items():
    _CHOICES_OF.setdefault(_type, {})[_field] = _words
_POWER_CONTROL = re.compile(r"^(none|apc|custom|cloud|(ipmi|ilo|cimc|drac|rf|rshim)\d+)$")
_HOSTNAME = re.compile(r"^(?![0-9]+$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$")
_MAC = re.compile(r"^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$")

_FREE = ("extra_values", "biosSetup")  # what is inside these is the client's

Lookup = Callable[[str, str], bool]  # (kind, uuid) -> is there one


def _is_mac(text: str) -> bool:
    return _MAC.match(text) is not None


def _is_ip(text: str) -> bool:
    """Say whether it is an address of either kind: NVIDIA's own client takes both in the same fields."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# What a field holds can be told from the value that stands for "not set".
_ADDRESS_KINDS: Mapping[object, Callable[[str], bool]] = {ZERO_MAC: _is_mac, ZERO_IP: _is_ip, ZERO_IPV6: _is_ip}


@functools.cache
def _addresses_in(base: str, child: str) -> tuple[tuple[str, Callable[[str], bool]], ...]:
    """Name the fields of a type that hold addresses, each with what to check it by."""
    shape = find_shape(base, child)
    fields = shape.table.items() if shape else ()
    return tuple(
        (name, _ADDRESS_KINDS[field.default])
        for name, field in fields
        if isinstance(field.default, str) and field.default in _ADDRESS_KINDS
    )


def validate_entity(entity: Entity, *, exists: Lookup) -> list[Validation]:
    """Check one entity by itself and its references; the rules between entities are the database's."""
    found = [finding for part in with_sub_entities(entity) for finding in _check_part(part)]
    rules = {
        "Device": _check_device,
        "Category": _check_category,
        "SoftwareImage": _check_image,
        "Rack": _check_rack,
    }
    rule = rules.get(entity["baseType"], _check_named)
    return found + list(rule(entity, exists))


def with_sub_entities(entity: Entity) -> Iterator[Entity]:
    """Walk through an entity and all that is inside it."""
    yield entity
    for name, value in entity.items():
        if name in _FREE:
            continue
        for element in value if isinstance(value, list) else (value,):
            if isinstance(element, dict) and "baseType" in element:
                yield from with_sub_entities(element)


def type_and_name(entity: Mapping[str, Any]) -> str:
    """Name an entity the way messages do: `SoftwareImage:test-image`."""
    name = entity.get("hostname") or entity.get("name") or entity.get("mountpoint") or ""
    return f"{entity.get('childType') or entity['baseType']}:{name}"


def _check_part(part: Entity) -> Iterator[Validation]:
    if part["uuid"] in ("", ZERO_UUID):
        yield Validation(part["uuid"], "uuid", "NOT_NULL", f"Zero UUID {type_and_name(part)}")
    for name, choices in _CHOICES_OF.get(part["baseType"], {}).items():
        if name in part and part[name] not in choices:
            yield bad_value(part["uuid"], name)
    for name, is_sound in _addresses_in(part["baseType"], part["childType"]):
        if name in part and not is_sound(part[name]):
            yield bad_value(part["uuid"], name)


def _check_device(device: Entity, exists: Lookup) -> Iterator[Validation]:
    if not exists("Partition", device["partition"]):
        # One finding and no more: that is what a partial update was seen to answer.
        yield _missing(device, "partition")
        return
    if not _HOSTNAME.match(device["hostname"]):
        yield _missing(device, "hostname") if not device["hostname"] else bad_value(device["uuid"], "hostname")
    if not _POWER_CONTROL.match(device["powerControl"]):
        yield bad_value(device["uuid"], "powerControl")
    if device["childType"] == "PhysicalNode":
        yield from _check_physical_node(device, exists)
    yield from _check_references(device, exists)


def _check_physical_node(device: Entity, exists: Lookup) -> Iterator[Validation]:
    # ASSUMED: how a missing category is refused. Adding a device without one settles it.
    if device["category"] == ZERO_UUID:
        yield _missing(device, "category")
    elif not exists("Category", device["category"]):
        yield _unknown(device, "category")


def _check_references(device: Entity, exists: Lookup) -> Iterator[Validation]:
    inside = {interface["uuid"] for interface in device["interfaces"]}
    if device.get("provisioningInterface", ZERO_UUID) not in inside | {ZERO_UUID}:
        yield _unknown(device, "provisioningInterface")
    yield from _refer(device, "managementNetwork", "Network", exists)
    for interface in device["interfaces"]:
        yield from _refer(interface, "network", "Network", exists)
    yield from _refer(device.get("rackPosition") or {}, "rack", "Rack", exists)
    yield from _check_proxy(device, exists)


def _check_category(category: Entity, exists: Lookup) -> Iterator[Validation]:
    yield from _check_named(category, exists)
    yield from _refer(category, "managementNetwork", "Network", exists)
    yield from _check_proxy(category, exists)


def _check_image(image: Entity, exists: Lookup) -> Iterator[Validation]:
    yield from _check_named(image, exists)
    yield from _refer(image, "originalImage", "SoftwareImage", exists)
    if not image["path"].startswith("/"):
        yield bad_value(image["uuid"], "path")


def _check_rack(rack: Entity, exists: Lookup) -> Iterator[Validation]:
    yield from _check_named(rack, exists)
    yield from _refer(rack, "twin", "Rack", exists)


def _check_proxy(owner: Entity, exists: Lookup) -> Iterable[Validation]:
    proxy = owner.get("softwareImageProxy")
    return _refer(proxy, "parentSoftwareImage", "SoftwareImage", exists) if proxy else ()


def _check_named(entity: Entity, _exists: Lookup) -> Iterator[Validation]:
    if not entity["name"]:
        yield _missing(entity, "name")


def _refer(entity: Entity, field: str, kind: str, exists: Lookup) -> Iterator[Validation]:
    if entity.get(field, ZERO_UUID) not in ("", ZERO_UUID) and not exists(kind, entity[field]):
        yield _unknown(entity, field)


def _missing(entity: Entity, field: str) -> Validation:
    return Validation(entity["uuid"], field, "NOT_NULL", f"{field} is required")


def _unknown(entity: Entity, field: str) -> Validation:
    # ASSUMED: the text; only the code is known. An unknown network on a live head node settles it.
    return Validation(entity["uuid"], field, "BAD_VALUE", f"{field} does not exist")
