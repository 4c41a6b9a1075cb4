# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From the variables of an inventory host to the options of bcm_device, and to its head node."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..api.errors import BcmConfigError
from .options import DEVICE

# A host in the inventory is a node that should exist, so it has no state; the others are made of several variables.
_NOT_PLAIN = {"hostname", "state", "interfaces", "bmc_settings", "roles"}
# Variables that are options under another name only.
_PLAIN = tuple(option for option in DEVICE if option not in _NOT_PLAIN)
_SHORT = (
    *("management_ip", "management_dhcp"),
    *(f"bmc_{part}" for part in ("ip", "mac", "network", "interface", "username", "password")),
)
# All that this filter reads of a host.
HOST_VARIABLES = frozenset(f"bcm_{name}" for name in (*_PLAIN, *_NOT_PLAIN, *_SHORT))


def desired_device(variables: Mapping[str, Any], image_of: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the options of bcm_device for one host; variables that are not set give no option.

    `image_of` maps categories to the image they have, or get in this run: a host that names the same image gets none of
    its own, so that it follows its category. A list or dictionary that is none is handed on as it is, for the module to
    refuse. Raises BcmConfigError for variables that are not those of a host.
    """
    if "inventory_hostname" not in variables:
        raise BcmConfigError(
            "desired_device needs the variables of a host: hostvars[name] | baremetal.bcm.desired_device"
        )
    plain = {key: variables[f"bcm_{key}"] for key in _PLAIN if _is_set(variables, key)}
    device = {"hostname": variables.get("bcm_hostname") or _short_name(variables), **plain}
    interfaces = _interfaces(variables)
    if interfaces:
        device["interfaces"] = interfaces
    settings = _bmc_settings(variables)
    if settings:
        device["bmc_settings"] = settings
    if _is_set(variables, "roles"):
        device["roles"] = _named_words(variables["bcm_roles"])
    return follow_category(device, image_of or {})


def node_name_of(variables: Mapping[str, Any]) -> str:
    """Return the name that a host has in BCM."""
    return str(variables.get("bcm_hostname") or _short_name(variables))


def _short_name(variables: Mapping[str, Any]) -> str:
    return str(variables["inventory_hostname"]).split(".", maxsplit=1)[0]


def follow_category(device: dict[str, Any], image_of: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of a node that names the image of its category as those of one that names none."""
    image = device.get("software_image")
    follows = image and "software_image_revision" not in device and image_of.get(device.get("category", "")) == image
    return {**device, "software_image": ""} if follows else device


def head_node_of(variables: Mapping[str, Any]) -> str:
    """Return address:port from the host's bcm_connection, else from the environment as the modules take them.

    Raises BcmConfigError where bcm_connection is no dictionary; without its value, which may be a password.
    """
    connection = variables.get("bcm_connection") or {}
    if not isinstance(connection, Mapping):
        raise BcmConfigError("bcm_connection must be a dictionary with the options of the connection")
    address = connection.get("head_node") or os.environ.get("BCM_HEAD_NODE") or "none given"
    port = connection.get("port") or os.environ.get("BCM_PORT") or 8081
    return f"{address}:{port}"


def _is_set(variables: Mapping[str, Any], key: str) -> bool:
    return variables.get(f"bcm_{key}") is not None


def _named_words(roles: Any) -> Any:
    if not isinstance(roles, list):
        return roles
    return [{"name": role} if isinstance(role, str) else role for role in roles]


def _interfaces(variables: Mapping[str, Any]) -> Any:
    """Return the management and BMC interfaces of the short variables, refined and extended by bcm_interfaces."""
    found: dict[str, dict[str, Any]] = {}
    refined: set[str] = set()
    listed = variables.get("bcm_interfaces") or []
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
        return listed
    boots_elsewhere = any(item.get("bootable") for item in listed)
    if _is_set(variables, "management_ip") or variables.get("bcm_management_dhcp"):
        found["BOOTIF"] = _management_interface(variables, bootable=not boots_elsewhere)
    if _is_set(variables, "bmc_ip"):
        name = str(variables.get("bcm_bmc_interface") or "ipmi0")
        found[name] = _named(variables, name, "bmc", {"ip": "bmc_ip", "mac": "bmc_mac", "network": "bmc_network"})
    # One that is listed twice stays twice, and is refused by its name.
    twice = []
    for item in listed:
        name = str(item.get("name"))
        if name in refined:
            twice.append(dict(item))
        else:
            found[name] = {**found.get(name, {}), **item}
            refined.add(name)
    return [*found.values(), *twice]


def _management_interface(variables: Mapping[str, Any], *, bootable: bool) -> dict[str, Any]:
    options = {"ip": "management_ip", "network": "management_network"}
    interface = _named(variables, "BOOTIF", "physical", options)
    dhcp = {"dhcp": variables["bcm_management_dhcp"]} if _is_set(variables, "management_dhcp") else {}
    return {**interface, **dhcp, "bootable": bootable}


def _named(variables: Mapping[str, Any], name: str, kind: str, options: Mapping[str, str]) -> dict[str, Any]:
    values = {option: variables[f"bcm_{key}"] for option, key in options.items() if _is_set(variables, key)}
    return {"name": name, "type": kind, **values}


def _bmc_settings(variables: Mapping[str, Any]) -> Any:
    given = variables.get("bcm_bmc_settings") or {}
    if not isinstance(given, Mapping):
        return given
    settings = dict(given)
    for option in ("username", "password"):
        if _is_set(variables, f"bmc_{option}"):
            settings[option] = variables[f"bcm_bmc_{option}"]
    return settings
