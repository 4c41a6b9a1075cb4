# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Hosts of an inventory from stored nodes: the variables that would store the same again, and the words to group by.

What is given names only what BCM has stored, so that a run with these variables has nothing to change. Credentials of
BMCs, scripts, and `extra_values`, which are anybody's, are never read here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ..._values.ip import UNSET_IP, parse_ip
from ..._values.mac import ZERO_MAC, MacError, parse_mac
from ..api.errors import BcmConfigError
from .device import (
    BOOT_INTERFACE,
    BOOT_LOADERS,
    BOOT_REVISION,
    INSTALL_MODES,
    POWER_PROTOCOLS,
    bmc_interface,
    boot_interface,
    effective_image_name,
    effective_proxy,
    management_ip,
)
from .fields import Json, Raw
from .parts import INTERFACES, ROLES, interface_type
from .references import Names, References
from .status import DeviceStatus

# What nodes can be grouped and filtered by, and how the names of such groups begin.
WORDS = ("category", "image", "state", "rack", "partition", "label")
NAME = "name"
_UNKNOWN = "unknown"
# Options whose stored values are those that the roles take; an empty one is the category's and is left out.
_TEXTS = {
    "kernel_version": "kernelVersion",
    "kernel_parameters": "kernelParameters",
    "serial_number": "serialNumber",
    "part_number": "partNumber",
    "notes": "notes",
}
_CHOICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "install_mode": ("installMode", INSTALL_MODES),
    "boot_loader": ("bootLoader", BOOT_LOADERS),
    "boot_loader_protocol": ("bootLoaderProtocol", ("TFTP", "HTTP", "HTTPS")),
}


@dataclass(frozen=True)
class StoredHost:
    """A node as a host: the roles' variables, what is only to be read, and its words by what they group."""

    name: str
    variables: Mapping[str, Json]
    words: Mapping[str, list[str]] = field(default_factory=dict)


def stored_host(
    raw: Raw,
    references: References,
    racks: Names,
    status: DeviceStatus | None,
) -> StoredHost:
    """Return the host of one node; of the names it refers to, those that are not known are left out.

    `racks` and partitions may be empty where nobody groups by them.
    """
    image = effective_image_name(raw, references)
    state = status.status if status else _UNKNOWN
    words = {
        "category": _words(_known(references.categories, raw.get("category"))),
        "image": _words(_known(references.images, (effective_proxy(raw, references) or {}).get("parentSoftwareImage"))),
        "state": [state.lower()],
        "rack": _words(_known(racks, (raw.get("rackPosition") or {}).get("rack"))),
        "partition": _words(_known(references.partitions, raw.get("partition"))),
        "label": sorted(raw.get("userDefinedResources") or []),
    }
    about = {
        "uuid": raw["uuid"],
        "state": state,
        "software_image": image,
        "management_ip": management_ip(raw),
        "rack": next(iter(words["rack"]), None),
        "partition": next(iter(words["partition"]), None),
    }
    variables = {f"bcm_{option}": value for option, value in _options(raw, references).items()}
    return StoredHost(str(raw["hostname"]), {**variables, "bcm_node": about}, words)


def _options(raw: Raw, references: References) -> dict[str, Json]:
    """Return the roles' variables without their prefix."""
    found: dict[str, Json] = {"hostname": raw["hostname"], **_interfaces(raw), **_image(raw, references)}
    if _is_mac(raw.get("mac")):
        found["mac"] = raw["mac"]
    category = _known(references.categories, raw.get("category"))
    if category:
        found["category"] = category
    for option, key in _TEXTS.items():
        if raw.get(key):
            found[option] = raw[key]
    for option, (key, choices) in _CHOICES.items():
        if raw.get(key) and raw[key] in choices:
            found[option] = raw[key]
    # A name of BCM's own is one of ours too only where it does not mean a kind of interface.
    if raw.get("powerControl") and raw["powerControl"] not in POWER_PROTOCOLS:
        found["power_control"] = raw["powerControl"]
    if raw.get("userDefinedResources"):
        found["labels"] = sorted(raw["userDefinedResources"])
    roles = dict.fromkeys(role["name"] for role in raw.get("roles") or [] if role["name"] in ROLES.elements)
    return {**found, "roles": list(roles)} if roles else found


def _interfaces(raw: Raw) -> dict[str, Json]:
    found: dict[str, Json] = {}
    boots = _marked_boot_interface(raw)
    if boots is not None and _is_address(boots.get("ip")):
        found["management_ip"] = boots["ip"]
    if boots is not None and boots.get("dhcp"):
        found["management_dhcp"] = True
    bmc = bmc_interface(raw)
    # A node none of whose interfaces boots takes no interface at all before it is given one that does.
    if (
        bmc is not None
        and boot_interface(raw)
        and INTERFACES.alias(bmc["name"]) == bmc["name"]
        and _is_address(bmc["ip"])
    ):
        found.update(bmc_ip=bmc["ip"], bmc_interface=bmc["name"])
        if _is_mac(bmc.get("mac")):
            found["bmc_mac"] = bmc["mac"]
    return found


def _marked_boot_interface(raw: Raw) -> Mapping[str, Any] | None:
    """Return the interface that boots, where the short variables would store it as it is, marks included.

    They are those of BOOTIF; of another one, or of one that others than this collection have marked, nothing is said.
    """
    interfaces = raw.get("interfaces") or []
    found: dict[str, Any] | None = next(
        (item for item in interfaces if item["uuid"] == raw.get("provisioningInterface")), None
    )
    if found is None or found["name"] != BOOT_INTERFACE or interface_type(found) != "physical":
        return None
    for item in interfaces:
        boots = item is found
        if item.get("bootable", boots) != boots or (not boots and item.get("revision") == BOOT_REVISION):
            return None
    return found


def _is_address(text: Any) -> bool:
    """Return whether this is an address as it would be written again."""
    try:
        return bool(text) and text != UNSET_IP and parse_ip(text) == text
    except ValueError:
        return False


def _is_mac(text: Any) -> bool:
    try:
        return bool(text) and text != ZERO_MAC and bool(parse_mac(text))
    except MacError:
        return False


def _image(raw: Raw, references: References) -> dict[str, Json]:
    """Return the image of the node's own with its revision, without which it would be taken for the category's."""
    proxy = raw.get("softwareImageProxy")
    name = _known(references.images, proxy.get("parentSoftwareImage")) if proxy else None
    if not proxy or not name:
        return {}
    return {"software_image": name, "software_image_revision": proxy["revisionID"]}


def _known(names: Names, uuid: Any) -> str | None:
    """Return the name behind a uuid; None where nothing has that uuid."""
    entity = names.raw.get(uuid) if isinstance(uuid, str) else None
    return None if entity is None else str(entity["name"])


def _words(word: str | None) -> list[str]:
    return [word] if word else []


def is_wanted(host: StoredHost, filters: Mapping[str, Sequence[str]]) -> bool:
    """Return whether a host has, for each of the filters, one of its words; names are compared to patterns with *."""
    return all(
        any(fnmatchcase(host.name, pattern) for pattern in wanted)
        if by == NAME
        else not set(wanted).isdisjoint(host.words[by])
        for by, wanted in filters.items()
    )


def check_filters(filters: Mapping[str, Any], known: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the filters as lists of words. Raises BcmConfigError for one by nothing known, and for no list of words.

    `known` are, for some filters, the words that there are: another one would leave the inventory empty unnoticed.
    """
    checked = {}
    for by, wanted in filters.items():
        if by not in (NAME, *WORDS):
            raise BcmConfigError(f"filters: there is none by {by}; there are {', '.join((NAME, *WORDS))}")
        words = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise BcmConfigError(f"filters: {by} takes a word, or a list of words")
        checked[by] = [word.lower() for word in words] if by == "state" else [str(word) for word in words]
        strangers = sorted(set(checked[by]) - set(known.get(by, checked[by])))
        if strangers:
            there = ", ".join(sorted(set(known[by]))) or "none"
            raise BcmConfigError(f"filters: there is no {by} '{strangers[0]}' on the head node; existing: {there}")
    return checked
