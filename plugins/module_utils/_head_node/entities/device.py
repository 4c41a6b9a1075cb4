# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Devices: nodes as BCM registers them (bcm-api.md 4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..._values.mac import ZERO_MAC, canonical_mac
from ..api.errors import BcmConfigError
from . import parts as sub_entities
from .fields import (
    Choice,
    Context,
    Disruption,
    Field,
    ImageProxy,
    Json,
    KeyValues,
    Mac,
    Raw,
    Reference,
    TextSet,
    Value,
    new_object,
)
from .merge import show_fields
from .parts import interface_type
from .references import ZERO_UUID, References
from .schema import Schema

INSTALL_MODES = ("", "AUTO", "FULL", "MAIN", "NOSYNC", "SKIP")
# MINIMAL, which other documents name, does not exist in BCM; AUTO is the least work that still installs the image.
INSTALL_MODE_ALIASES = {"MINIMAL": "AUTO"}
BOOT_LOADERS = ("SYSLINUX", "GRUB")
BOOT_LOADER_ALIASES = {"grub2": "GRUB"}
# What other documents call a power control, and how the names of BMC interfaces begin that speak it.
POWER_PROTOCOLS = {"ipmi": "ipmi", "redfish": "rf"}
BOOT_INTERFACE = "BOOTIF"
BOOT_REVISION = "bootif"

_FIELDS = (
    Field("hostname", "hostname", Value()),
    Field("mac", "mac", Mac()),
    Field("category", "category", Reference("categories"), Disruption.REPROVISION),
    Field("management_network", "managementNetwork", Reference("networks"), Disruption.RESTART),
    Field("interfaces", "interfaces", sub_entities.INTERFACES, Disruption.RESTART),
    Field("bmc_settings", "bmcSettings", sub_entities.BMC_SETTINGS),
    Field("power_control", "powerControl", Value()),
    Field("software_image", "softwareImageProxy", ImageProxy(), Disruption.REPROVISION),
    Field("install_mode", "installMode", Choice(INSTALL_MODES, INSTALL_MODE_ALIASES)),
    Field("next_boot_install_mode", "nextBootInstallMode", Choice(INSTALL_MODES, INSTALL_MODE_ALIASES), ours=True),
    Field("roles", "roles", sub_entities.ROLES),
    Field("labels", "userDefinedResources", TextSet()),
    Field("kernel_version", "kernelVersion", Value(), Disruption.RESTART),
    Field("kernel_parameters", "kernelParameters", Value(), Disruption.RESTART),
    Field("boot_loader", "bootLoader", Choice((*BOOT_LOADERS, "CATEGORY"), BOOT_LOADER_ALIASES), Disruption.RESTART),
    Field("boot_loader_protocol", "bootLoaderProtocol", Choice(("TFTP", "HTTP", "HTTPS", "CATEGORY"))),
    Field("serial_number", "serialNumber", Value(), since_bcm=11),
    Field("part_number", "partNumber", Value(), since_bcm=11),
    Field("notes", "notes", Value()),
    Field("extra_values", "extra_values", KeyValues(), ours=True),
)


def _create(wanted: Mapping[str, Json], context: Context) -> Raw:
    """A PhysicalNode with the defaults of physicalnode-bcm11.json; the server fills what is left out."""
    hostname = str(wanted["hostname"])
    check_hostname(hostname)
    missing = [option for option in ("mac", "category") if not wanted.get(option)]
    if missing:
        raise BcmConfigError(f"{' and '.join(missing)} must be given to create it")
    fresh = new_object(
        "Device",
        "PhysicalNode",
        context,
        hostname=hostname,
        mac=ZERO_MAC,
        partition=context.references.only_partition(),
        category=ZERO_UUID,
        managementNetwork=ZERO_UUID,
        provisioningInterface=ZERO_UUID,
        powerControl="none",
        provisioningTransport="RSYNCDAEMON",
        installMode="",
        nextBootInstallMode="",
        bootLoader="CATEGORY",
        bootLoaderProtocol="CATEGORY",
        bootLoaderFile="",
        fips="CATEGORY",
        authenticationService="CATEGORY",
        softwareImageProxy=None,
        bmcSettings=None,
        interfaces=[],
        roles=[],
        services=[],
        modules=[],
        fsmounts=[],
        fsexports=[],
        gpuSettings=[],
        staticRoutes=[],
        userDefinedResources=[],
        kernelVersion="",
        kernelParameters="",
        kernelOutputConsole="",
        disksetup="",
        initialize="",
        finalize="",
        serialNumber="",
        partNumber="",
        notes="",
    )
    return {**fresh, "parent_uuid": fresh["uuid"]}


def check_hostname(hostname: str) -> None:
    """Raise BcmConfigError where BCM would refuse the name (bcm-api.md 4.1)."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", hostname) or hostname.isdigit():
        raise BcmConfigError(
            f"'{hostname}' is not a host name BCM takes: letters, digits and hyphens, no dots, not digits alone"
        )


def _finish(stored: Raw | None, merged: Raw, wanted: Mapping[str, Json]) -> Raw:
    """Make the one bootable interface BCM's provisioningInterface; choose powerControl at creation."""
    if wanted.get("interfaces") is not None:
        merged = _point_to_boot_interface(stored, merged, wanted["interfaces"]["elements"])
        _check_interfaces(stored, merged, wanted["interfaces"]["elements"])
    merged = _choose_power_control(stored, merged, wanted)
    if stored is None and not _has_address(merged):
        raise BcmConfigError("it needs an interface that boots: bootable: true, with an ip or dhcp: true")
    return merged


def _choose_power_control(stored: Raw | None, merged: Raw, wanted: Mapping[str, Json]) -> Raw:
    """Name a BMC interface of the node: the first one at creation, or that of the protocol that was asked for."""
    asked = wanted.get("power_control")
    if asked not in POWER_PROTOCOLS and not (stored is None and asked is None):
        return merged
    bmcs = [str(item["name"]) for item in merged["interfaces"] if interface_type(item) == "bmc"]
    if asked is None:
        return {**merged, "powerControl": bmcs[0] if bmcs else "none"}
    fitting = [name for name in bmcs if name.startswith(POWER_PROTOCOLS[asked])]
    if not fitting:
        raise BcmConfigError(
            f"power_control: {asked} needs a BMC interface called {POWER_PROTOCOLS[asked]}0, "
            f"and it has {', '.join(bmcs) or 'none'}"
        )
    current = (stored or {}).get("powerControl")
    return {**merged, "powerControl": current if current in fitting else fitting[0]}


def _check_interfaces(stored: Raw | None, merged: Raw, elements: Iterable[Mapping[str, Json]]) -> None:
    """Refuse members of a bond that the node does not have, and new physical interfaces without a MAC address.

    The interface that boots is known by the node's own.
    """
    aliases = sub_entities.INTERFACES.alias
    named = {aliases(item["name"]) for item in elements if item.get("state") != "absent"}
    known = {item["name"] for item in (stored or {}).get("interfaces") or []}
    names = {item["name"] for item in merged["interfaces"]}
    for item in merged["interfaces"]:
        if item["name"] not in named:
            continue
        kind = interface_type(item)
        missing = sorted(set(item.get(sub_entities.BOND_MEMBERS_KEY) or []) - names) if kind == "bond" else []
        if missing:
            has = ", ".join(sorted(names - {item["name"]})) or "none"
            raise BcmConfigError(
                f"interfaces: {item['name']}: the node has no interface {', '.join(missing)} for it; it has {has}"
            )
        boots = item["name"] == BOOT_INTERFACE or item["uuid"] == merged["provisioningInterface"]
        if kind == "physical" and not boots and item["name"] not in known and item["mac"] == ZERO_MAC:
            raise BcmConfigError(f"interfaces: {item['name']}: a physical interface needs its mac")


def _point_to_boot_interface(stored: Raw | None, merged: Raw, elements: Iterable[Mapping[str, Json]]) -> Raw:
    aliases = sub_entities.INTERFACES.alias
    asked = [aliases(item["name"]) for item in elements if item.get("bootable") and item.get("state") != "absent"]
    if len(asked) > 1:
        raise BcmConfigError(f"interfaces: exactly one may be bootable, not {len(asked)}: {', '.join(asked)}")
    uuids = {item["name"]: item["uuid"] for item in merged["interfaces"]}
    if not asked:
        denied = {uuids.get(aliases(item["name"])) for item in elements if item.get("bootable") is False}
        kept = (set(uuids.values()) - denied) | {ZERO_UUID}
        if stored is not None and merged["provisioningInterface"] in kept:
            return merged
        raise BcmConfigError("interfaces: exactly one must be bootable: true; it is the one that boots by PXE")
    return {
        **merged,
        "provisioningInterface": uuids[asked[0]],
        "interfaces": [_mark_boot(item, item["name"] == asked[0]) for item in merged["interfaces"]],
    }


def _mark_boot(interface: Raw, boots: bool) -> Raw:
    """Set BCM 11's flag, and the tag without which BOOTING never shows for another name than BOOTIF."""
    marked = {**interface, "bootable": boots} if "bootable" in interface else dict(interface)
    if boots and interface["name"] != BOOT_INTERFACE:
        marked["revision"] = BOOT_REVISION
    elif not boots and interface["revision"] == BOOT_REVISION:
        marked["revision"] = ""
    return marked


def _has_address(device: Raw) -> bool:
    boots = [item for item in device["interfaces"] if item["uuid"] == device["provisioningInterface"]]
    return any(item["dhcp"] or item["ip"] != "0.0.0.0" for item in boots)


DEVICE = Schema("device", "cmdevice", "Device", "Devices", "hostname", "hostname", _FIELDS, _create, _finish)


def is_node(raw: Mapping[str, Any]) -> bool:
    """Return whether BCM installs this device; head nodes, switches, lite nodes and the like are never changed here."""
    return bool(raw.get("childType") == "PhysicalNode")


def device_to_ansible(raw: Raw, references: References) -> dict[str, Json]:
    """Return a device by option names, passwords hidden, with its uuid, type, addresses and effective image."""
    shown = show_fields(raw, DEVICE.fields, references)
    shown.pop("extra_values", None)
    return {
        **shown,
        "uuid": raw["uuid"],
        "type": raw["childType"],
        "management_ip": management_ip(raw),
        "bmc_ip": bmc_ip(raw),
        "boot_interface": boot_interface(raw),
        "software_image": effective_image_name(raw, references),
        "software_image_override": shown.get("software_image"),
    }


def boot_interface(raw: Mapping[str, Any]) -> str | None:
    """Return the name of the interface that boots; None where there is none."""
    for item in raw.get("interfaces") or []:
        if item["uuid"] == raw.get("provisioningInterface"):
            return str(item["name"])
    return None


def management_ip(raw: Mapping[str, Any]) -> str | None:
    """Return the address of the interface that boots, else of the first physical one; None where none is set."""
    interfaces = raw.get("interfaces") or []
    boots = [item for item in interfaces if item["uuid"] == raw.get("provisioningInterface")]
    physical = [item for item in interfaces if interface_type(item) == "physical"]
    return _address(boots or physical)


def bmc_ip(raw: Mapping[str, Any]) -> str | None:
    """Return the address of the BMC interface that power goes through, else of the first one; None where unset."""
    return _address(_bmc_interfaces(raw))


def bmc_interface(raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the BMC interface that power goes through, else the first one; None where there is none."""
    return next(iter(_bmc_interfaces(raw)), None)


def _bmc_interfaces(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the BMC interface that power goes through, else all there are."""
    bmcs = [item for item in raw.get("interfaces") or [] if interface_type(item) == "bmc"]
    return [item for item in bmcs if item["name"] == raw.get("powerControl")] or bmcs


def bmc_settings(raw: Mapping[str, Any], references: References) -> Mapping[str, Any] | None:
    """Return the bmcSettings by which the head node logs in: the node's, else its category's, else its partition's."""
    owners = (
        raw,
        references.categories.raw.get(raw.get("category", ""), {}),
        references.partitions.raw.get(raw.get("partition", ""), {}),
    )
    found: Mapping[str, Any] | None = next((owner["bmcSettings"] for owner in owners if owner.get("bmcSettings")), None)
    return found


def _address(interfaces: list[Mapping[str, Any]]) -> str | None:
    # Interfaces of what is no node may have none.
    return next((str(item["ip"]) for item in interfaces if item.get("ip") not in (None, "0.0.0.0")), None)


def effective_proxy(raw: Mapping[str, Any], references: References) -> Mapping[str, Any] | None:
    """Return the image proxy of a node: its own, else its category's (bcm-api.md 4.3); None where neither is known."""
    own: Mapping[str, Any] | None = raw.get("softwareImageProxy")
    if own:
        return own
    category = references.categories.raw.get(raw.get("category", ""), {})
    proxy: Mapping[str, Any] | None = category.get("softwareImageProxy")
    return proxy


def effective_image_name(raw: Mapping[str, Any], references: References) -> str | None:
    """Return the name of the image assigned to a node, and its revision where one is set; None for no image."""
    proxy = effective_proxy(raw, references)
    shown: str | None = ImageProxy().show(proxy, references)
    return shown


def mac_addresses(raw: Mapping[str, Any]) -> set[str]:
    """Return every MAC address of a device, as `canonical_mac` writes it; unset ones are left out."""
    macs = [raw.get("mac"), *(item.get("mac") for item in raw.get("interfaces") or [])]
    return {canonical_mac(mac) for mac in macs if mac and mac != ZERO_MAC}
