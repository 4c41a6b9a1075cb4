# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Categories: what nodes have in common (bcm-api.md 4.2)."""

from __future__ import annotations

from collections.abc import Mapping

from ..api.errors import BcmConfigError
from . import parts as sub_entities
from .device import BOOT_LOADER_ALIASES, BOOT_LOADERS, INSTALL_MODE_ALIASES, INSTALL_MODES
from .fields import (
    Choice,
    Context,
    Disruption,
    Field,
    ImageProxy,
    Json,
    Raw,
    Reference,
    Script,
    Value,
    Xml,
    new_object,
    with_new_uuids,
)
from .merge import show_fields
from .references import ZERO_UUID, References
from .schema import Schema

_FIELDS = (
    Field("name", "name", Value()),
    Field("software_image", "softwareImageProxy", ImageProxy(), Disruption.REPROVISION),
    Field("install_mode", "installMode", Choice(INSTALL_MODES[1:], INSTALL_MODE_ALIASES)),
    Field(
        "new_node_install_mode",
        "newNodeInstallMode",
        Choice(("AUTO", "FULL", "MAIN", "NOSYNC"), INSTALL_MODE_ALIASES),
    ),
    Field("management_network", "managementNetwork", Reference("networks"), Disruption.RESTART),
    Field("bmc_settings", "bmcSettings", sub_entities.BMC_SETTINGS),
    Field("disksetup", "disksetup", Xml("diskSetup"), Disruption.REPROVISION),
    Field("initialize", "initialize", Script()),
    Field("finalize", "finalize", Script()),
    Field("kernel_version", "kernelVersion", Value(), Disruption.RESTART),
    Field("kernel_parameters", "kernelParameters", Value(), Disruption.RESTART),
    Field("kernel_output_console", "kernelOutputConsole", Value(), Disruption.RESTART),
    Field("boot_loader", "bootLoader", Choice(BOOT_LOADERS, BOOT_LOADER_ALIASES), Disruption.RESTART),
    Field("boot_loader_protocol", "bootLoaderProtocol", Choice(("TFTP", "HTTP", "HTTPS"))),
    Field("fsmounts", "fsmounts", sub_entities.FS_MOUNTS),
    Field("modules", "modules", sub_entities.MODULES, Disruption.RESTART),
    Field("roles", "roles", sub_entities.ROLES),
    Field("services", "services", sub_entities.SERVICES),
    Field("gpu_settings", "gpuSettings", sub_entities.GPU_SETTINGS),
    Field("notes", "notes", Value()),
)


def _create(wanted: Mapping[str, Json], context: Context) -> Raw:
    """A new category: a copy of `clone_from`, else BCM's documented defaults.

    The exclude lists, the disk setup and the default mounts are left out of a category that is not a clone, so that
    the server's own defaults, several kB that differ between releases, apply.
    """
    name = str(wanted["name"])
    source = wanted.get("clone_from")
    if source:
        uid = context.references.categories.resolve(source)
        original = dict(context.references.categories.raw[uid])
        return {**with_new_uuids(original, context), "name": name, "modified": True, "extra_values": None}
    if not wanted.get("software_image"):
        raise BcmConfigError("software_image (or clone_from) must be given to create it")
    fresh = new_object(
        "Category",
        "",
        context,
        name=name,
        softwareImageProxy=None,
        managementNetwork=ZERO_UUID,
        installMode="AUTO",
        newNodeInstallMode="FULL",
        bootLoader="SYSLINUX",
        bootLoaderProtocol="HTTP",
        fips="NO",
        authenticationService="AUTO",
        interactiveUser="ALWAYS",
        bmcSettings=None,
        initialize="",
        finalize="",
        kernelVersion="",
        kernelParameters="",
        kernelOutputConsole="",
        modules=[],
        roles=[],
        services=[],
        gpuSettings=[],
        notes="",
    )
    return {**fresh, "parent_uuid": fresh["uuid"]}


CATEGORY = Schema("category", "cmdevice", "Category", "Categories", "name", "name", _FIELDS, _create)


def category_to_ansible(raw: Raw, references: References) -> dict[str, Json]:
    """Return a category by option names, passwords hidden, and its uuid."""
    return {**show_fields(raw, CATEGORY.fields, references), "uuid": raw["uuid"]}
