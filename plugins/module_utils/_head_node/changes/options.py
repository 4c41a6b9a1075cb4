# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The options of devices and categories, and how they are read. No option has a default that is sent: what is not given
is left as it is."""

from __future__ import annotations

from typing import Any

from ..api.errors import BcmConfigError

Spec = dict[str, Any]


def _elements(**options: Spec) -> Spec:
    return {"type": "list", "elements": "dict", "options": options}


_STATE: Spec = {"type": "str", "choices": ["present", "absent"], "default": "present"}
_TEXT: Spec = {"type": "str"}
_NAME: Spec = {"type": "str", "required": True}
_NUMBER: Spec = {"type": "int"}
_FLAG: Spec = {"type": "bool"}
_WORDS: Spec = {"type": "list", "elements": "str"}

BMC_SETTINGS: Spec = {
    "type": "dict",
    "options": {
        "username": _TEXT,
        "password": {"type": "str", "no_log": True},
        "user_id": _NUMBER,
        "privilege": {
            "type": "str",
            "choices": ["CALLBACK", "USER", "OPERATOR", "ADMINISTRATOR", "OEM_PROPRIETARY", "NO_ACCESS"],
        },
        "power_reset_delay": _NUMBER,
        "extra_arguments": _TEXT,
    },
}
INTERFACES = _elements(
    name=_NAME,
    type={"type": "str", "choices": ["physical", "bond", "bmc"]},
    mac=_TEXT,
    ip=_TEXT,
    dhcp=_FLAG,
    network=_TEXT,
    bootable=_FLAG,
    gateway=_TEXT,
    vlan_id=_NUMBER,
    lan_channel=_NUMBER,
    mode=_NUMBER,
    bond_options=_TEXT,
    members=_WORDS,
    state=_STATE,
)
ROLES = _elements(name=_NAME, max_provisioning_nodes=_NUMBER, state=_STATE)
FSMOUNTS = _elements(mountpoint=_NAME, device=_TEXT, filesystem=_TEXT, mount_options=_TEXT, state=_STATE)
MODULES = _elements(name=_NAME, parameters=_TEXT, state=_STATE)
SERVICES = _elements(
    name=_NAME,
    autostart=_FLAG,
    monitored=_FLAG,
    run_if={"type": "str", "choices": ["ALWAYS", "ACTIVE", "PASSIVE"]},
    state=_STATE,
)
GPU_SETTINGS = _elements(
    name=_NAME, power_limit=_NUMBER, ecc_mode=_TEXT, compute_mode=_TEXT, mig_profiles=_WORDS, state=_STATE
)
_INSTALL_MODE: Spec = {"type": "str", "choices": ["AUTO", "FULL", "MAIN", "NOSYNC", "SKIP", "MINIMAL"]}
_BOOT_LOADERS = ["SYSLINUX", "GRUB", "grub2"]

DEVICE: Spec = {
    "hostname": _NAME,
    "state": _STATE,
    "mac": _TEXT,
    "category": _TEXT,
    "management_network": _TEXT,
    "interfaces": INTERFACES,
    "purge_interfaces": {"type": "bool", "default": False},
    "bmc_settings": BMC_SETTINGS,
    "power_control": _TEXT,
    "software_image": _TEXT,
    "software_image_revision": _NUMBER,
    "install_mode": {"type": "str", "choices": ["", *_INSTALL_MODE["choices"]]},
    "roles": ROLES,
    "purge_roles": {"type": "bool", "default": False},
    "labels": _WORDS,
    "kernel_version": _TEXT,
    "kernel_parameters": _TEXT,
    "boot_loader": {"type": "str", "choices": [*_BOOT_LOADERS, "CATEGORY"]},
    "boot_loader_protocol": {"type": "str", "choices": ["TFTP", "HTTP", "HTTPS", "CATEGORY"]},
    "serial_number": _TEXT,
    "part_number": _TEXT,
    "notes": _TEXT,
}

CATEGORY: Spec = {
    "name": _NAME,
    "state": _STATE,
    "clone_from": _TEXT,
    "software_image": _TEXT,
    "software_image_revision": _NUMBER,
    "install_mode": _INSTALL_MODE,
    "new_node_install_mode": {"type": "str", "choices": ["AUTO", "FULL", "MAIN", "NOSYNC", "MINIMAL"]},
    "management_network": _TEXT,
    "bmc_settings": BMC_SETTINGS,
    "disksetup": _TEXT,
    "initialize": _TEXT,
    "finalize": _TEXT,
    "kernel_version": _TEXT,
    "kernel_parameters": _TEXT,
    "kernel_output_console": _TEXT,
    "boot_loader": {"type": "str", "choices": _BOOT_LOADERS},
    "boot_loader_protocol": {"type": "str", "choices": ["TFTP", "HTTP", "HTTPS"]},
    "fsmounts": FSMOUNTS,
    "purge_fsmounts": {"type": "bool", "default": False},
    "modules": MODULES,
    "purge_modules": {"type": "bool", "default": False},
    "roles": ROLES,
    "purge_roles": {"type": "bool", "default": False},
    "services": SERVICES,
    "purge_services": {"type": "bool", "default": False},
    "gpu_settings": GPU_SETTINGS,
    "purge_gpu_settings": {"type": "bool", "default": False},
    "notes": _TEXT,
}

DEVICES: Spec = {"devices": {"type": "list", "elements": "dict", "required": True, "options": DEVICE}}
CATEGORIES: Spec = {"categories": {"type": "list", "elements": "dict", "default": [], "options": CATEGORY}}

PARALLEL: Spec = {
    "bulk_calls": {"type": "bool", "default": False},
    "parallel_calls": {"type": "int", "default": 5},
}

_LISTS = ("interfaces", "roles", "fsmounts", "modules", "services", "gpu_settings")


def wanted_of(options: dict[str, Any]) -> dict[str, Any]:
    """The options of one entity in the shape the entity layer merges: lists with their purge flag, image with revision.

    An empty list that was given clears the list, as documented; a list that was not given stays None. Raises
    BcmConfigError for an option that needs another one.
    """
    wanted = dict(options)
    if wanted.get("software_image_revision") is not None and not wanted.get("software_image"):
        raise BcmConfigError("software_image_revision needs software_image: it is a revision of that image")
    for option in _LISTS:
        elements = wanted.get(option)
        if elements is None and wanted.get(f"purge_{option}"):
            raise BcmConfigError(f"purge_{option} needs {option}: what is not named in it is removed")
        if elements is not None:
            wanted[option] = {"elements": elements, "purge": wanted.get(f"purge_{option}") or not elements}
    if wanted.get("software_image") is not None:
        wanted["software_image"] = {
            "name": wanted["software_image"],
            "revision": wanted.pop("software_image_revision", None),
        }
    return wanted
